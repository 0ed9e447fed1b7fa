"""The monitoring page as a whole, in one HTML document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forbear.apps.jobs.monitoring import Monitored, retrain_advice, run_book
from forbear.apps.jobs.monitoring_course import ROOM, SHOWN_DAYS, WEEK, by_week
from forbear.apps.monitor_page import plots
from forbear.apps.page.canvas import Drawing
from forbear.apps.page.frame import footer, section, synthetic_note, tiles, whole
from forbear.apps.page.legend import absent, key_square, plotted
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, RATIO
from forbear.apps.report.wording import dated
from forbear.models.monitoring import Finding, Judged
from forbear.models.monitoring_performance import Performance

TITLE = "Monitoring"
_WORDS = {"page": "page", "warn": "warning"}
_NOTES = (
    (
        "A day is held against days as far from the last bank day of a month, two weeks to three months before it, and "
        "its departure against those that the reference days showed from theirs. The same customers are there every "
        "day, so no test between two days is made."
    ),
    "Where there is not enough history, or too few customers, the answer is that it cannot be told.",
    (
        "Estimated performance takes the PDs for calibrated. It sees a book that changes, and not a change of what "
        "follows from the same features. Help that was given lowers what is observed, and not what was expected."
    ),
)


@dataclass(frozen=True, slots=True)
class MonitorPage:
    """What the page says. source: whose home it is.  created: when, in words."""

    found: Monitored
    source: str
    created: str


def render_monitor(page: MonitorPage) -> str:
    """The complete HTML document; equal pages give equal text. It needs no network and runs no script."""
    found = page.found
    main = element(
        "main",
        _alarms(found),
        _contacts(found),
        _score(found),
        _features(found),
        _performance(found),
        _unknown(found),
        section("Notes and limits", "", element("ul", *(element("li", note) for note in _NOTES), class_="notes")),
    )
    facts = {
        "model": found.gathered.watching.scores.model,
        "scores": found.gathered.watching.scores.source,
        "policy": f"{found.policy.version} {found.policy.digest}",
        "terms": f"{found.terms.version} {found.terms.digest}",
    }
    foot = footer("Provenance", facts, page.created, synthetic=found.synthetic)
    return whole(TITLE, _header(page), main, foot, synthetic=found.synthetic)


def headline(found: Monitored) -> str:
    """How it stands, in a sentence."""
    pages = sum(one.severity == "page" for one in found.alarms)
    match found.status:
        case "steady":
            return "Nothing drifts that can be told."
        case "page":
            return f"Somebody must act: {pages} alarm{'' if pages == 1 else 's'} page{'s' if pages == 1 else ''}."
        case "warn":
            return "Nothing pages; there are warnings to read."
    return "It cannot be told yet whether anything drifts."


def _header(page: MonitorPage) -> Html:
    found = page.found
    severities = [one.severity for one in found.alarms]
    unknown = sum(one.verdict == "cannot tell" for one in found.findings)
    advised, why = retrain_advice(found.alarms)
    told = (
        ("Pages", COUNT.write(severities.count("page")), "wake somebody"),
        ("Warnings", COUNT.write(severities.count("warn")), "are read in the morning"),
        ("Cannot tell", COUNT.write(unknown), f"of {COUNT.write(len(found.findings))} things looked at"),
        ("Train again", "yes" if advised else "no", why),
    )
    watching = found.gathered.watching
    about = (
        f"{page.source}, as of the close of {dated(found.day)}, scores {watching.scores.source}. Made {page.created}."
    )
    return element(
        "header",
        synthetic_note() if found.synthetic else "",
        element("h1", TITLE),
        element("p", about, class_="eyebrow"),
        element("p", headline(found), class_="headline"),
        tiles(*told),
    )


def _alarms(found: Monitored) -> Html:
    if not found.alarms:
        return section("Alarms", "", absent("None."))
    rows = [
        element(
            "tr",
            row_heading(f"{_plain(one.kind)}: {one.name}", small(run_book(one.kind))),
            element("td", _WORDS.get(one.severity, "")),
            element("td", DASH if one.since is None else dated(one.since)),
            element("td", one.said or _effect(one)),
        )
        for one in found.alarms
    ]
    head = [column("What"), column("Severity"), column("Since"), column("How big")]
    caption = "Pages first. Below each, where the run book says what to do."
    return section("Alarms", "", table(caption, head, element("tbody", *rows), name="Alarms"))


def _contacts(found: Monitored) -> Html:
    family = _family(found, "decision_drift")
    shown = slice(-SHOWN_DAYS, None)
    departures = family.departures
    expected, values = departures.expected[shown, 0], departures.expected[shown, 0] + departures.effect[shown, 0]
    if np.isnan(values).all():
        return section("Who is contacted", "", absent("Not drawn: there is not enough history to compare with."))
    room = ROOM * departures.spread[shown, 0]
    told = plots.Course(family.days[shown], values, expected, room, family.warns[shown, 0])
    last = values[-1]
    summary = f"{PERCENT.write(last)} are in a band; days like it have {PERCENT.write(expected[-1])}."
    drawn = plots.course(told, Drawing("contact", f"Share in a band by day. {summary}", 3.4, 11.0))
    lead = (
        "The share of the scored customers in any band, by day. Dotted: the level of days like it; the area is three "
        "times how far such days usually lie from theirs. Amber days have an alarm."
    )
    figure = element("figure", plotted(drawn), element("figcaption", summary), class_="card whole")
    return section("Who is contacted", lead, figure)


def _score(found: Monitored) -> Html:
    days, edges = found.gathered.days, found.gathered.score_edges
    windows = found.terms.windows
    now = days.score[-WEEK:].sum(axis=0)
    reference = days.score[-windows.gap_days - windows.reference_days : -windows.gap_days].sum(axis=0)
    if not now.sum() or not reference.sum() or not len(edges):
        return section("Scores", "", absent("Not drawn: there are no scores to compare."))
    family = _family(found, "score_drift")
    effect = float(family.departures.effect[-1, 0])
    summary = f"PSI of the last day: {RATIO.write(effect)}."
    drawn = plots.beside(reference, now, edges, Drawing("scores", f"Scores now and before. {summary}", 3.4, 11.0))
    legend = [key_square("slate", "reference"), key_square("accent", "last seven days")]
    key = element("ul", *legend, class_="legend")
    figure = element("figure", key, plotted(drawn), element("figcaption", summary), class_="card whole")
    return section("Scores", "The PDs of the last seven days beside those of the reference.", figure)


def _features(found: Monitored) -> Html:
    family = _family(found, "feature_drift")
    weeks = by_week(family)
    if np.isnan(weeks.psi).all():
        return section("Features", "", absent("Not drawn: there is not enough history to compare with."))
    largest = np.nan_to_num(weeks.psi).max(axis=1)
    worst = family.names[int(np.argmax(largest))]
    summary = f"The largest PSI is {RATIO.write(float(largest.max()))}, of {worst}."
    drawing = Drawing("features", f"PSI by feature and week. {summary}", 0.6 + 0.26 * len(family.names), 11.0)
    drawn = plots.heat(weeks, drawing)
    lead = (
        "The largest PSI of each week from days like it, the darker the larger; amber where an alarm stood: beyond "
        f"{RATIO.write(weeks.warn)}, beyond what such days did before, and for days on end."
    )
    figure = element("figure", plotted(drawn), element("figcaption", summary), class_="card whole")
    return section("Features", lead, figure)


def _performance(found: Monitored) -> Html:
    told: list[Html] = []
    if len(found.closes) > 1:
        days = [one.day for one in found.closes]
        inside = sum(one.observed.low <= one.expected <= one.observed.high for one in found.closes)
        summary = f"At {inside} of {len(days)} closes the mean PD lies in the interval of what followed."
        drawing = Drawing("calibration", f"Expected and observed by close. {summary}", 3.4, 11.0)
        drawn = plots.calibration(
            days, [one.expected for one in found.closes], [one.observed for one in found.closes], drawing
        )
        told.append(element("figure", plotted(drawn), element("figcaption", summary), class_="card whole"))
    performances = [one for one in (found.matured, found.promised) if one is not None]
    told.append(_figures(performances) if performances else absent("No close has an outcome yet."))
    lead = "The line is the mean PD at weekly closes; dots are the share that missed, with 95 % intervals (Wilson)."
    return section("Does the model still do well", lead, *told)


def _figures(performances: Sequence[Performance]) -> Html:
    names = dict.fromkeys(name for one in performances for name in one.figures)
    rows = [
        element("tr", row_heading(_plain(name)), *(element("td", _told(one, name)) for one in performances))
        for name in names
    ]
    head = [column("Figure")]
    for one in performances:
        what = "by labels" if one.basis == "labels" else "promised by PDs"
        head.append(column(what, small(f"closes {dated(one.first)} to {dated(one.last)}")))
    caption = "95 % intervals, by bootstrap over customers."
    return table(caption, head, element("tbody", *rows), name="Performance")


def _told(one: Performance, name: str) -> str:
    return RATIO.estimate(one.figures[name]) if name in one.figures else DASH


def _unknown(found: Monitored) -> Html:
    kinds: dict[str, list[str]] = {}
    for one in found.findings:
        if one.verdict == "cannot tell":
            kinds.setdefault(_plain(one.kind), []).append(one.name)
    if not kinds:
        return Html()
    items = [element("li", f"{kind}: {', '.join(names)}") for kind, names in kinds.items()]
    return section("What cannot be told", "", element("ul", *items, class_="notes"))


def _family(found: Monitored, kind: str) -> Judged:
    return next(one for one in found.judged if one.kind == kind)


def _plain(word: str) -> str:
    return word.replace("_", " ")


def _effect(one: Finding) -> str:
    if np.isnan(one.expected):
        return f"PSI {RATIO.write(one.effect)}" if one.kind.endswith("_drift") else RATIO.write(one.effect)
    return f"{PERCENT.write(one.expected + one.effect)}, days like it have {PERCENT.write(one.expected)}"
