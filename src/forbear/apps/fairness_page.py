"""The page on fairness: what was found, what lies within, what cannot be told, and what all of it cannot mean."""

from __future__ import annotations

from collections.abc import Sequence

from forbear.apps.fairness_plots import VERDICT_COLOURS, compared_groups
from forbear.apps.fairness_tables import every_figure, findings, offered_actions, told_by_features
from forbear.apps.fairness_words import HOW, TITLES, headline
from forbear.apps.jobs.fairness import FairnessFound
from forbear.apps.page.canvas import Drawing
from forbear.apps.page.cards import Card
from forbear.apps.page.effect_plots import FINDING_COLOURS, Line, forest
from forbear.apps.page.experiment import POINTS
from forbear.apps.page.frame import footer, section, synthetic_note, terms, tiles, whole
from forbear.apps.page.legend import absent, key_square, plotted
from forbear.apps.page.markup import Html, element
from forbear.apps.page.numerals import COUNT, PERCENT, SPACE, round_percent
from forbear.apps.report.wording import plain
from forbear.models.effects.read_out import Reading
from forbear.models.fairness_terms import OF_HELP, Measure
from forbear.models.fairness_verdicts import Compared, Verdict

TITLE = "Fairness of scores and of help"
_KEYS = {
    Verdict.DISPARITY: "disparity: beyond what is tolerated, adjusted",
    Verdict.WITHIN: "within: all of the interval is tolerated",
    Verdict.CANNOT_TELL: "cannot tell",
}
_FINDINGS = {"benefit": "benefit, adjusted", "harm": "harm, adjusted", "": "no finding"}
_NOTES = (
    (
        "Where groups differ in risk no score can be calibrated for each and choose equal shares of those who miss, "
        "and of those who do not (Chouldechova 2017; Kleinberg, Mullainathan and Raghavan 2016). Which of them counts "
        "is for people to say; the terms say what is taken here."
    ),
    "A difference within what is tolerated is still a difference. A disparity is a reason to look, not a judgement.",
    (
        "Outcomes are missed payments as recorded. Where recording, or life before it, treats groups differently, "
        "equal figures say little."
    ),
    (
        "Outcomes that help may have changed are not used. Customers whom chance kept from help stand for those who "
        "were helped."
    ),
    (
        "Effects are of groups, from those held out by lot; nobody's own effect is known. Somebody may be harmed in a "
        "group that benefits."
    ),
    "That features tell who somebody is, is information: income tells of age, and may be asked about all the same.",
    "Everybody without a group in the file is left out of its comparisons, and counted nowhere on this page.",
)


def fairness_page(found: FairnessFound, created: str) -> str:
    """The complete HTML document; equal findings give equal text. It needs no network and runs no script."""
    report = found.report
    header = element(
        "header",
        *([synthetic_note()] if found.synthetic else []),
        element("h1", TITLE),
        element("p", f"{report.terms.name}. Made {created}.", class_="eyebrow"),
        element("p", headline(report), class_="headline"),
        _tiles(found),
    )
    main = element(
        "main",
        section("What was asked", "", _question(found)),
        section("Findings", _FINDINGS_LEAD, findings(report)),
        section("Scores, group by group", _SCORES_LEAD, _key(), _cards(report.compared, help=False)),
        section("Help, group by group", _HELP_LEAD, *_help(found)),
        section("Who benefited, who was harmed", _EFFECTS_LEAD, *_effects(found)),
        section("What features tell", _PROXY_LEAD, told_by_features(found.proxies)),
        section("Every figure", _EVERY_LEAD, every_figure(report.compared)),
        section("Notes and limits", "", element("ul", *(element("li", note) for note in _NOTES), class_="notes")),
    )
    facts = {
        "model": f"{found.model} {found.sha256}",
        "policy": f"{found.policy.version} {found.policy.digest}",
        "terms": f"{report.terms.version} {report.terms.digest}",
        "groups": f"{found.people.file.name} {found.people.sha256}",
    }
    return whole(
        TITLE, header, main, footer("Provenance", facts, created, synthetic=found.synthetic), synthetic=found.synthetic
    )


_FINDINGS_LEAD = "Comparisons that lie beyond what is tolerated after adjustment for all that were made."
_SCORES_LEAD = (
    "Each line is a group beside the one it is compared with, with its 95\N{NO-BREAK SPACE}% interval by customer. "
    "The shaded band is what is tolerated."
)
_HELP_LEAD = "As the worker recorded it under the policy in force."
_EFFECTS_LEAD = (
    "Change that help made, in percentage points, against those whom a lot held out. Fewer misses are a benefit; two "
    "bills missed where it was none, or one, are a harm."
)
_PROXY_LEAD = (
    "Whether the model's features foretell a group, on customers that the foretelling has not seen; 0.5 is a coin. The "
    "gap is the group's mean log-odds less the other's."
)
_EVERY_LEAD = "What is not said, and why, stands here too."


def _tiles(found: FairnessFound) -> Html:
    report = found.report
    count = {verdict: len(report.of(verdict)) for verdict in _KEYS}
    return tiles(
        ("Verdict", str(report.verdict), f"{sum(count.values())} binding comparisons"),
        ("Disparities", COUNT.write(count[Verdict.DISPARITY]), f"{COUNT.write(count[Verdict.WITHIN])} within"),
        ("Cannot tell", COUNT.write(count[Verdict.CANNOT_TELL]), "uncertain, or too few customers"),
        ("Customers", COUNT.write(found.customers), f"{COUNT.write(found.rows)} rows on {found.dates} dates"),
    )


def _question(found: FairnessFound) -> Html:
    holds = found.report.terms
    office = found.people.recorded or "nowhere: this home has no office, so keep a record yourself"
    return terms(
        {
            "Rows": f"{found.days[0]} to {found.days[1]}, none of which the model was trained on; "
            f"{COUNT.write(found.positives)} were followed by a miss; of {COUNT.write(found.unknown)} the outcome is "
            "not used",
            "Chosen": f"a PD of {PERCENT.write(found.cut_off)} or more, the least urgent band's",
            "Least size": f"{COUNT.write(holds.sizes.least_customers)} customers a group, "
            f"{COUNT.write(holds.sizes.least_events)} with what is counted and as many without",
            "Adjustment": f"{plain(holds.tests.method)} at {round_percent(holds.tests.level)}, for "
            "scores and for help each by itself",
            "Binding": ", ".join(title.lower() for one, title in TITLES.items() if one in holds.binding),
            "Law": " ".join(holds.law) + " From memory and secondary sources: have counsel confirm it.",
            "Groups": f"{', '.join(found.people.members)} of {found.people.file.name}; read for this page alone, and "
            f"recorded {office}",
        }
    )


def _key() -> Html:
    squares = [key_square(VERDICT_COLOURS[verdict], text) for verdict, text in _KEYS.items()]
    return element("ul", *squares, class_="legend")


def _cards(compared: Sequence[Compared], *, help: bool) -> Html:  # noqa: A002  # the word of the field
    measures = [measure for measure in Measure if (measure in OF_HELP) == help]
    made = [_card(measure, [one for one in compared if one.measure == measure]) for measure in measures]
    return element("div", *made, class_="grid")


def _card(measure: Measure, compared: Sequence[Compared]) -> Html:
    drawn = [one for one in compared if not one.why]
    left = f" Too small to compare: {len(compared) - len(drawn)}." if len(drawn) < len(compared) else ""
    disparities = sum(one.verdict == Verdict.DISPARITY for one in drawn)
    within = sum(one.verdict == Verdict.WITHIN for one in drawn)
    binds = "Binding." if compared and compared[0].binding else "Not binding."
    summary = f"{binds} Disparities: {disparities}; within: {within}; open: {len(drawn) - disparities - within}.{left}"
    if not drawn:
        shown = absent("Nothing can be said: too few customers, or no outcomes.")
    else:
        label = f"{TITLES[measure]}. {HOW[measure]} {summary}"
        shown = plotted(compared_groups(drawn, Drawing(str(measure), label, height=0.8 + 0.29 * len(drawn))))
    return Card(TITLES[measure], HOW[measure], Html(), shown, summary).html()


def _help(found: FairnessFound) -> list[Html]:
    if found.helped is None:
        return [absent(f"Nothing is told of help: {found.no_help}.")]
    return [_key(), _cards(found.helped.compared, help=True), offered_actions(found.mixes)]


def _effects(found: FairnessFound) -> list[Html]:
    readings = found.helped.readings if found.helped else ()
    if not readings:
        return [absent("No effect is told: it needs customers held out, and outcomes of 30 days.")]
    key = element("ul", *(key_square(FINDING_COLOURS[name], text) for name, text in _FINDINGS.items()), class_="legend")
    measures = list(dict.fromkeys(one.measure for one in readings))
    cards = [_forest(measure, [one for one in readings if one.measure == measure]) for measure in measures]
    return [key, element("div", *cards, class_="grid")]


def _forest(measure: str, readings: Sequence[Reading]) -> Html:
    lines = [Line(one.segment or "everybody", one.effect.figure, one.finding) for one in readings]
    named = sum(bool(line.finding) for line in lines)
    summary = f"{named} of {len(lines)} are findings, in one family over both plots."
    drawing = Drawing(f"effect-{measure}", f"{plain(measure)} by group. {summary}", height=0.8 + 0.29 * len(lines))
    how = f"Percentage points, 95{SPACE}% intervals."
    return Card(plain(measure).capitalize(), how, Html(), plotted(forest(lines, POINTS, drawing)), summary).html()
