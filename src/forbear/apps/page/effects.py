"""The page of an experiment that was read out: effects, segments, and what ranking by uplift is worth."""

from __future__ import annotations

from collections.abc import Sequence

from forbear.apps.jobs.campaign import LEARNERS, ROBUST, SPEND, VISITS, CampaignFound, Ranked
from forbear.apps.page import effect_plots
from forbear.apps.page.canvas import Drawing
from forbear.apps.page.effect_plots import FINDING_COLOURS, Line
from forbear.apps.page.frame import footer, section, tiles, whole
from forbear.apps.page.legend import key_line, key_square, plotted
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, PERCENT, SPACE, Notation, round_percent
from forbear.models.effects.read_out import Reading
from forbear.models.results import Figure

_TITLE = "Two e-mails against none"
_POINTS = Notation(lambda _: 1, factor=100.0, signed=True)
"""Differences of shares, in percentage points."""
_DOLLARS = Notation(lambda _: 2, factor=0.01, signed=True)
"""Cents, written as dollars."""
NOTATIONS = {VISITS: _POINTS, SPEND: _DOLLARS}
_UNITS = {VISITS: "percentage points", SPEND: "dollars a customer"}
_ESTIMATORS = {
    "difference": "Difference",
    "horvitz_thompson": "Horvitz-Thompson",
    "doubly_robust": "Doubly robust",
}
_NAMES = {"mens_email": "men's e-mail", "womens_email": "women's e-mail"}


def render(found: CampaignFound) -> str:
    """The complete HTML document; equal findings give equal text."""
    header = element(
        "header",
        element("h1", _TITLE),
        element("p", f"Hillstrom's e-mail experiment. Made {found.request.created}.", class_="eyebrow"),
        element("p", _headline(found), class_="headline"),
        _tiles(found),
    )
    main = element("main", _averages(found), _segments(found), *(_ranked(one, found) for one in _leading(found)))
    facts = {"seed": str(found.request.seed), "tests in the family": str(len(found.readings))}
    return whole(
        _TITLE, header, main, footer("Provenance", facts, found.request.created, synthetic=False), synthetic=False
    )


def _leading(found: CampaignFound) -> list[Ranked]:
    return [one for one in found.ranked if one.learner == ROBUST]


def _headline(found: CampaignFound) -> str:
    told = []
    for one in _leading(found):
        area = one.visits.area
        verdict = (
            "beats chance"
            if area.low > 0.0
            else "is worse than chance"
            if area.high < 0.0
            else "is no better than chance"
        )
        told.append(f"for the {_NAMES[one.arm]} it {verdict}")
    return f"Both e-mails bring visits. Whether it helps to know whom to send to: {', '.join(told)}."


def _tiles(found: CampaignFound) -> Html:
    told = [
        (
            f"{_NAMES[one.arm].capitalize()}, {one.measure}",
            NOTATIONS[one.measure].write(one.by["difference"].figure.value),
            f"{NOTATIONS[one.measure].interval(one.by['difference'].figure)} {_UNITS[one.measure]}",
        )
        for one in found.averages
    ]
    return tiles(*told)


def _averages(found: CampaignFound) -> Html:
    rows = [
        element(
            "tr",
            row_heading(_NAMES[one.arm].capitalize(), small(f"{one.measure}, {_UNITS[one.measure]}")),
            *(_cell(one.by[name].figure, NOTATIONS[one.measure]) for name in _ESTIMATORS),
        )
        for one in found.averages
    ]
    lead = (
        f"{COUNT.write(found.customers)} customers, a third of whom were sent each e-mail and a third none, by lot. "
        "What customers without an e-mail came to by themselves is in none of these figures."
    )
    head = [column("Effect"), *(column(name) for name in _ESTIMATORS.values())]
    caption = f"Average effects against no e-mail in the two weeks after, with 95{SPACE}% intervals."
    return section("Average effects", lead, table(caption, head, element("tbody", *rows), name="Average effects"))


def _segments(found: CampaignFound) -> Html:
    arms = list(dict.fromkeys(one.arm for one in found.readings))
    cards = [
        _forest([one for one in found.readings if (one.arm, one.measure) == (arm, measure)], arm, measure)
        for arm in arms
        for measure in (VISITS, SPEND)
    ]
    key = element(
        "ul",
        key_square(FINDING_COLOURS["benefit"], "a benefit, adjusted"),
        key_square(FINDING_COLOURS["harm"], "harm, adjusted"),
        key_square(FINDING_COLOURS[""], "no finding"),
        class_="legend",
    )
    lead = (
        f"Intervals hold for each line by itself. A finding is judged among all {len(found.readings)} lines of this "
        "page by Holm's method: the chance that even one of them is false is at most 5\N{NO-BREAK SPACE}%."
    )
    return section("By segment", lead, key, element("div", *cards, class_="grid"))


def _forest(readings: Sequence[Reading], arm: str, measure: str) -> Html:
    lines = [Line(one.segment or "everybody", one.effect.figure, one.finding) for one in readings]
    found = sum(bool(line.finding) for line in lines)
    summary = f"{found} of {len(lines)} are findings."
    label = f"Effect of the {_NAMES[arm]} on {measure} by segment, in {_UNITS[measure]}. {summary}"
    drawing = Drawing(f"forest-{arm}-{measure}", label, height=0.9 + 0.27 * len(lines))
    heading = element("h3", f"{_NAMES[arm].capitalize()}: {measure}")
    how = element("p", f"Effect in {_UNITS[measure]}, 95{SPACE}% intervals.", class_="how")
    drawn = plotted(effect_plots.forest(lines, NOTATIONS[measure], drawing))
    return element("figure", heading, how, drawn, element("figcaption", summary), class_="card")


def _ranked(one: Ranked, found: CampaignFound) -> Html:
    lead = (
        "A model of who gains by it learnt from one half of the customers, and ranked the other "
        f"{COUNT.write(one.customers)}, on whom everything here is estimated. The dotted line: as many e-mails by lot."
    )
    key = element(
        "ul", key_line("accent", "", text="by uplift"), key_line("muted", "1 2.5", text="by lot"), class_="legend"
    )
    cards = element("div", *(_curve(one, measure) for measure in (VISITS, SPEND)), class_="grid")
    title = f"Whom to send the {_NAMES[one.arm]}"
    return section(title, lead, key, cards, _policies(one, found.request.capacity), _areas(one.arm, found))


def _curve(one: Ranked, measure: str) -> Html:
    curve, notation = (one.visits if measure == VISITS else one.spend), NOTATIONS[measure]
    summary = f"Mean height over the line of chance: {notation.estimate(curve.area)} {_UNITS[measure]}."
    drawing = Drawing(f"gains-{one.arm}-{measure}", f"Gain by share of customers. {summary}", height=3.4)
    how = element("p", f"{_UNITS[measure].capitalize()} of the whole book, pointwise 95{SPACE}% band.", class_="how")
    drawn = plotted(effect_plots.gains(curve, notation, drawing))
    heading = element("h3", f"Gain in {measure}")
    return element("figure", heading, how, drawn, element("figcaption", summary), class_="card")


def _policies(one: Ranked, capacity: float) -> Html:
    rows = [
        element(
            "tr",
            row_heading(value.policy),
            element("td", PERCENT.write(value.offered)),
            _cell(value.avoided, _POINTS),
            _cell(value.beyond_random, _POINTS),
            _cell(value.money_minor, _DOLLARS),
        )
        for value in one.policies
    ]
    head = [column(name) for name in ("Policy", "Sent to", "Visits", "Over as many by lot", "Spend")]
    caption = (
        "Visits in percentage points and spend in dollars of a customer of the book, against nobody. Ranked policies "
        f"send to at most {round_percent(capacity)}; risk-ranked is by the visits expected without an e-mail. No price "
        "of an e-mail is known, so none is taken off."
    )
    return table(caption, head, element("tbody", *rows), name="Policies")


def _areas(arm: str, found: CampaignFound) -> Html:
    of_arm = {one.learner: one for one in found.ranked if one.arm == arm}
    rows = [
        element(
            "tr",
            row_heading(name.capitalize(), small("leads" if name == ROBUST else "")),
            _cell(of_arm[name].visits.area, _POINTS),
            _cell(of_arm[name].spend.area, _DOLLARS),
        )
        for name in LEARNERS
    ]
    head = [column("Model of the gain"), column("Visits"), column("Spend")]
    caption = (
        f"Mean height of the curve over the line of chance, 95{SPACE}% intervals; the first was chosen beforehand."
    )
    return table(caption, head, element("tbody", *rows), name="Models")


def _cell(figure: Figure, notation: Notation) -> Html:
    return element("td", notation.write(figure.value), small(notation.interval(figure)))
