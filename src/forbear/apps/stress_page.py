"""The page of a stress test: how far PDs rise under each scenario, whose, and into which bands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forbear.apps.jobs.stressing import Outcome, Stressed, times
from forbear.apps.page.canvas import Drawing, colour, draw, shares_on
from forbear.apps.page.effect_plots import Line, forest
from forbear.apps.page.experiment import POINTS
from forbear.apps.page.frame import footer, section, synthetic_note, terms, tiles, whole
from forbear.apps.page.legend import plotted
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, PERCENT, Notation
from forbear.apps.report.wording import dated, plain
from forbear.features.columns import day_number
from forbear.models.credit.movements import Transitions

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

TITLE = "Stress test: the book under shocks of its last days"
_INDEX = Notation(lambda _: 1)
_MISSES = Notation(lambda _: 0, signed=True)
_DEEPEST = 0.85
_LIMITS = (
    "A payment that an account would no longer cover is made all the same: its balance falls below zero.",
    "No payment fails, none is reported missed, and no fee or overdraft interest is charged.",
    "Nobody reacts: no saving is drawn on, nothing is bought less of, no employer or lender gives way.",
    "What is bought on a card of this bank is owed there; what is settled of it stays as it was.",
    "A salary is late by calendar days. What the feed does not call a salary is not reached.",
    "Debts are dearer where an update tells of them, as annuities at stated rates that reprice at once.",
    "Intervals speak of which customers the book has, by bootstrap and paired by customer; not of how sure a shock is.",
    "Whoever is not asked about under a shock, or only under it, is left out of both sides, and counted.",
)


def stress_page(found: Stressed, created: str, *, synthetic: bool) -> str:
    """The complete HTML page; equal results give equal text. created: when, in words."""
    worst = max(found.outcomes, key=lambda one: one.change.value)
    header = element(
        "header",
        *([synthetic_note()] if synthetic else []),
        element("h1", TITLE),
        element("p", f"Closed on {dated(day_number(found.on))}. Made {created}.", class_="eyebrow"),
        element("p", _headline(worst), class_="headline"),
        tiles(
            ("Customers asked about", COUNT.write(found.customers), "without a shock"),
            ("Mean PD", PERCENT.write(found.pd), "a payment missed within 30 days"),
            ("Expected misses", COUNT.write(found.pd * found.customers), "without a shock"),
            ("At high risk", PERCENT.write(found.high.value), f"95 % interval {PERCENT.interval(found.high)}"),
        ),
    )
    main = element(
        "main",
        section("What was asked", "", _question(found)),
        section("The book under each scenario", _LEAD, _plot(found), _figures(found.outcomes)),
        section("Moves between bands", _MOVES_LEAD, element("div", *map(_moves, found.outcomes), class_="grid")),
        section("Who is hit", _SEGMENTS_LEAD, *map(_segments, found.outcomes)),
        section("What the shocks reached", _REACHED_LEAD, _reached(found.outcomes)),
        section("Notes and limits", "", element("ul", *(element("li", note) for note in _LIMITS), class_="notes")),
    )
    facts = {
        "model": found.model,
        "policy": f"{found.policy.version} {found.policy.digest}",
        "assumptions": f"{found.terms.version} {found.terms.digest}",
    }
    return whole(TITLE, header, main, footer("Provenance", facts, created, synthetic=synthetic), synthetic=synthetic)


_LEAD = (
    "The same customers, scored with the same model, with and without the shock. The stress index is 100 without: "
    "a point is 1 % of the mean PD."
)
_MOVES_LEAD = "Each row is a band without the shock; its cells say which share of it is in which band with it."
_SEGMENTS_LEAD = (
    "Change of the share at high risk by segment, in percentage points, with intervals that are not widened for the "
    "number of segments."
)
_REACHED_LEAD = "Entries of the shocked days, each once. Amounts are in minor units: late, or by which the rest rises."


def _headline(worst: Outcome) -> str:
    return (
        f"Under {worst.shock.name} ({worst.shock.told}) the mean PD goes from {PERCENT.write(worst.before.value)} to "
        f"{PERCENT.estimate(worst.after)}."
    )


def _question(found: Stressed) -> Html:
    return terms(
        {
            "Shocked": f"the last {found.window} days up to {dated(day_number(found.on))}; all before is as it was",
            **{one.shock.name: one.shock.told for one in found.outcomes},
            "High risk": f"a PD of {PERCENT.write(found.policy.bands[-1].enter)} or more, the least urgent band's",
        }
    )


def _plot(found: Stressed) -> Html:
    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        places = np.arange(len(found.outcomes))
        for place, one in zip(places, found.outcomes, strict=True):
            axes.hlines(place, one.after.low, one.after.high, color=colour("accent"), linewidth=1.6)
            calm: dict[str, Any] = {"color": colour("slate"), "markerfacecolor": colour("surface"), "markersize": 6.0}
            axes.plot([one.before.value], [place], "o", **calm)
            axes.plot([one.after.value], [place], "o", color=colour("accent"), markersize=6.0)
        axes.set_yticks(places, [one.shock.name for one in found.outcomes])
        axes.set(ylim=(len(places) - 0.4, -0.6), xlim=(0.0, None))
        axes.grid(visible=False, axis="y")
        shares_on(axes.xaxis)
        axes.set_title("Mean PD", loc="left", color=colour("muted"))

    told = "; ".join(f"{one.shock.name} {PERCENT.estimate(one.after)}" for one in found.outcomes)
    summary = f"Filled: with the shock, and its 95 % interval. Hollow: without. {told}."
    drawing = Drawing("mean-pd", f"Mean PD. {summary}", height=0.9 + 0.42 * len(found.outcomes), width=11.0)
    return element("figure", plotted(draw(drawing, paint)), element("figcaption", summary), class_="card whole")


def _figures(outcomes: Sequence[Outcome]) -> Html:
    lines: tuple[tuple[str, str, Callable[[Outcome], str]], ...] = (
        ("Customers", "", lambda one: COUNT.write(one.customers)),
        ("Mean PD", "", lambda one: PERCENT.estimate(one.after)),
        ("Change of the mean PD", "percentage points", lambda one: POINTS.estimate(one.change)),
        ("More misses expected", "within 30 days", lambda one: _MISSES.estimate(times(one.change, one.customers))),
        ("Stress index", "100 without a shock", lambda one: _INDEX.estimate(one.index)),
        ("At high risk", "", lambda one: PERCENT.estimate(one.high.after)),
        ("Change of the share at high risk", "percentage points", lambda one: POINTS.estimate(one.high.change)),
        ("No longer asked about", "customers", lambda one: COUNT.write(one.lost)),
    )
    rows = [
        element("tr", row_heading(name, small(more)), *(element("td", write(one)) for one in outcomes))
        for name, more, write in lines
    ]
    head = [column("Figure"), *(column(one.shock.name) for one in outcomes)]
    return table("With 95 % intervals.", head, element("tbody", *rows), name="Figures of every scenario")


def _moves(one: Outcome) -> Html:
    counts = one.moves.counts
    stayed = int(np.trace(counts))
    summary = f"{COUNT.write(counts.sum() - stayed)} of {COUNT.write(counts.sum())} customers change their band."
    name = f"moves-{one.shock.name.replace(' ', '-')}"
    drawing = Drawing(name, f"Moves between bands under {one.shock.name}. {summary}", height=3.8)
    return element(
        "figure",
        element("h3", one.shock.name),
        plotted(heat_map(one.moves, drawing)),
        element("figcaption", summary),
        class_="card",
    )


def heat_map(moves: Transitions, drawing: Drawing, sides: tuple[str, str] = ("without", "with the shock")) -> Html:
    """Moves as a grid: the deeper a cell, the larger the share of its row that is in it; with the count in it.

    sides: what rows and columns are.
    """

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        shares = np.nan_to_num(moves.shares)
        size = len(moves.states)
        for row in range(size):
            for place in range(size):
                depth = _DEEPEST * float(shares[row, place])
                axes.fill_between([place, place + 1], row, row + 1, color=colour("accent"), alpha=depth, linewidth=0.0)
                ink = "surface" if depth > _DEEPEST / 2 else "ink"
                count = COUNT.write(moves.counts[row, place])
                axes.text(place + 0.5, row + 0.5, count, ha="center", va="center", color=colour(ink))
        middles = np.arange(size) + 0.5
        names = [plain(state) for state in moves.states]
        axes.set_xticks(middles, names)
        axes.set_yticks(middles, names)
        axes.set(xlim=(0, size), ylim=(size, 0), xlabel=sides[1])
        axes.grid(visible=False)
        axes.set_title(sides[0], loc="left", color=colour("muted"))

    return draw(drawing, paint)


def _segments(one: Outcome) -> Html:
    lines = [
        Line(
            f"{segment.dimension}: {segment.name}",
            segment.high.change,
            "harm" if segment.high.change.low > 0.0 else "benefit" if segment.high.change.high < 0.0 else "",
        )
        for segment in one.segments
    ]
    worst = max(one.segments, key=lambda segment: segment.high.change.value)
    summary = (
        f"The most in {worst.dimension} {worst.name}: {POINTS.estimate(worst.high.change)}; its mean PD goes from "
        f"{PERCENT.write(one.calm[worst.dimension, worst.name])} to {PERCENT.write(worst.mean_pd)}."
    )
    name = f"segments-{one.shock.name.replace(' ', '-')}"
    drawing = Drawing(
        name, f"Change by segment under {one.shock.name}. {summary}", height=0.9 + 0.27 * len(lines), width=11.0
    )
    return element(
        "figure",
        element("h3", one.shock.name),
        plotted(forest(lines, POINTS, drawing)),
        element("figcaption", summary),
        class_="card whole",
    )


def _reached(outcomes: Sequence[Outcome]) -> Html:
    rows = []
    for one in outcomes:
        cells = [
            element("td", f"{COUNT.write(part.entries)}, {COUNT.write(part.amount_minor)}")
            for part in one.found.reached.values()
        ]
        more = [element("td", COUNT.write(one.found.never)), element("td", COUNT.write(one.found.overdrawn))]
        rows.append(element("tr", row_heading(one.shock.name, small(one.shock.told)), *cells, *more))
    head = [
        column("Scenario"),
        *(column(name, small("entries, amount")) for name in outcomes[0].found.reached),
        column("Salaries that do not arrive", small("by the close")),
        column("Payments that overdraw", small("an account that covered them")),
    ]
    return table("In minor units.", head, element("tbody", *rows), name="What was reached")
