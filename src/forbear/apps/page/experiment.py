"""The page of an experiment of a home: what was asked, the effect as it became known, and what was found."""

from __future__ import annotations

from dataclasses import dataclass

from forbear.apps.page import effect_plots
from forbear.apps.page.canvas import Drawing
from forbear.apps.page.effect_plots import FINDING_COLOURS, Line
from forbear.apps.page.frame import footer, section, synthetic_note, terms, tiles, whole
from forbear.apps.page.legend import absent, key_square, plotted
from forbear.apps.page.markup import Html, element
from forbear.apps.page.numerals import COUNT, PERCENT, SPACE, Notation, round_percent
from forbear.apps.report.wording import plain
from forbear.models.effects.definition import Definition
from forbear.models.effects.power import Size
from forbear.models.effects.read_out import EVERYBODY, Reading, of_segment
from forbear.models.effects.sequential import Watched
from forbear.models.results import Figure

POINTS = Notation(lambda _: 1, factor=100.0, signed=True)
"""Differences of shares, in percentage points."""
_RETURN = Notation(lambda _: 0, factor=100.0, unit=f"{SPACE}%", signed=True)
"""Net money over the price of the offers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentPage:
    """What the page says. created: when, in words.  watched: None before there are bounds.  customers: observed."""

    definition: Definition
    size: Size
    created: str
    customers: int
    waiting: int
    watched: Watched | None
    readings: tuple[Reading, ...]
    roi: Figure
    synthetic: bool


def render(page: ExperimentPage) -> str:
    """The complete HTML document; equal pages give equal text."""
    title = f"Experiment {page.definition.name}"
    header = element(
        "header",
        synthetic_note() if page.synthetic else "",
        element("h1", title),
        element("p", f"Help against the hold-out. Made {page.created}.", class_="eyebrow"),
        element("p", headline(page), class_="headline"),
        _tiles(page),
    )
    main = element("main", _asked(page), _so_far(page), _found(page))
    facts = {"customers": COUNT.write(page.customers), "tests in the family": str(len(page.readings))}
    foot = footer("Provenance", facts, page.created, synthetic=page.synthetic)
    return whole(title, header, main, foot, synthetic=page.synthetic)


def headline(page: ExperimentPage) -> str:
    """What is known so far, in a sentence that holds however often one has looked."""
    if page.watched is None:
        return "Nothing can be said yet: too few customers of one arm have had their 30 days."
    figure = page.watched.figure
    bounds = f"{POINTS.write(figure.value)} percentage points ({POINTS.interval(figure)})"
    if figure.high < 0.0:
        return f"Help prevents misses: {bounds}."
    if figure.low > 0.0:
        return f"Help does harm: it brings misses, {bounds}. Stop it."
    return f"Whether help prevents misses is not known yet: {bounds}."


def _tiles(page: ExperimentPage) -> Html:
    every = [one for one in of_segment(page.readings, EVERYBODY) if one.measure == page.definition.outcome]
    means = (every[0].given_mean, every[0].held_mean) if every else (float("nan"), float("nan"))
    return tiles(
        ("Customers", COUNT.write(page.customers), f"of {COUNT.write(page.size.customers)} that it needs"),
        ("Missed, offered help", PERCENT.write(means[0]), "within 30 days"),
        ("Missed, held out", PERCENT.write(means[1]), "without help"),
        ("Return on the offers", _RETURN.write(page.roi.value), _RETURN.interval(page.roi) or "not known"),
    )


def _asked(page: ExperimentPage) -> Html:
    definition = page.definition
    answers = {
        "Outcome": f"{plain(definition.outcome)}, within 30 days of a customer's first decision",
        "Expected in the hold-out": round_percent(definition.expected_share),
        "Least effect worth knowing": f"{round_percent(definition.least_effect)} of the customers",
        "Power": round_percent(definition.power),
        "Held out": round_percent(definition.hold_out_share),
        "Customers it needs": COUNT.write(page.size.customers),
        "Not over yet": f"the 30 days of {COUNT.write(page.waiting)} customers",
    }
    return section("What was asked, before it began", "", terms(answers))


def _so_far(page: ExperimentPage) -> Html:
    title = "The effect as it became known"
    if page.watched is None or len(page.watched.after) < 2:
        return section(title, "", absent("Too few customers of one arm have had their 30 days."))
    seen = page.watched
    lead = (
        "Change of the share that misses, in percentage points; below 0 the help works. All the bounds hold at once "
        f"with 95{SPACE}%: one may look every day, and stop whenever they leave 0 out."
    )
    drawing = Drawing("bounds", f"{title}. {headline(page)}", height=3.4, width=11.0)
    band = (seen.value, seen.low, seen.high)
    drawn = plotted(effect_plots.bounds(seen.after.astype(float), band, POINTS, drawing))
    return section(title, lead, element("figure", drawn, class_="card whole"))


def _found(page: ExperimentPage) -> Html:
    title = "Benefit and harm"
    if not page.readings:
        return section(title, "", absent("Too few customers of one arm have had their 30 days."))
    lines = [
        Line(f"{plain(one.measure)}, {one.segment or 'everybody'}", one.effect.figure, one.finding)
        for one in page.readings
    ]
    early = page.customers < page.size.customers
    lead = (
        f"Intervals hold for each line by itself, for one look. Findings are judged among all {len(lines)} lines by "
        "Holm's method. What those held out came to by themselves is no merit of help."
        + (
            " The experiment has not reached its size: until then only the bounds above may be acted on."
            if early
            else ""
        )
    )
    key = element(
        "ul", *(key_square(FINDING_COLOURS[name], name or "no finding") for name in FINDING_COLOURS), class_="legend"
    )
    summary = f"{sum(bool(line.finding) for line in lines)} of {len(lines)} are findings."
    drawing = Drawing("forest", f"Effects in percentage points. {summary}", height=0.9 + 0.27 * len(lines), width=11.0)
    drawn = plotted(effect_plots.forest(lines, POINTS, drawing))
    return section(title, lead, key, element("figure", drawn, element("figcaption", summary), class_="card whole"))
