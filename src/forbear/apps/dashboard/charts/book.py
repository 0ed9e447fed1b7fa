"""The book as a whole: segments by band, moves, roll rates, vintages, where expected misses gather, and stress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import altair as alt

from forbear.apps.dashboard.charts.parts import (
    ENDS,
    PLOT_PX,
    POINTS,
    SHARE,
    TICKS,
    Axis,
    Cell,
    Interval,
    Looks,
    Matrix,
    day_axis,
    forest,
    matrix,
    sized,
    values,
)
from forbear.apps.dashboard.colours import ACCENT, BAD, GOOD, NEUTRAL, SERIES, band_label
from forbear.apps.dashboard.formats import per_cent
from forbear.client.book import Segments

Found = Mapping[str, Any]
"""A part of a report's document, as JSON has it."""
ROSE, FELL, UNTOLD = "rose", "fell", "cannot tell"
CHANGES = Looks({ROSE: (BAD, "triangle-up"), FELL: (GOOD, "triangle-down"), UNTOLD: (NEUTRAL, "circle")})
"""How a change of a share is drawn; a share at risk that rose is worse."""
_DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3), (1, 3), (10, 4))
_MOST_LINES = 6


def heat_map(told: Segments, order: Sequence[str]) -> alt.LayerChart:
    """Segments by band: how many, and which share of the segment. order: bands, the most urgent first.

    Who is outside of all bands is counted and not shaded: nearly everybody is.
    """
    cells = [
        Cell(row.name, band_label(one.band, order), one.customers, _ratio(one.customers, row.customers))
        for row in told.rows
        for one in row.bands
    ]
    labels = [*(band_label(band, order) for band in order if band), band_label("", order)]
    of = Matrix(
        row_title=told.dimension.capitalize(),
        column_title="Band",
        rows=[row.name for row in told.rows],
        columns=labels,
        plain=frozenset({labels[-1]}),
        share_title="Share of the segment",
    )
    return matrix(cells, of)


def heat_map_said(told: Segments, order: Sequence[str]) -> str:
    """What the heat map shows, in words: where the share in any band is largest."""
    shares = {row.name: _ratio(sum(one.customers for one in row.bands if one.band), row.customers) for row in told.rows}
    known = {name: share for name, share in shares.items() if share is not None}
    if not known or not order:
        return f"Customers by {told.dimension} and band."
    worst = max(known, key=lambda name: known[name])
    largest = per_cent(known[worst])
    return f"Customers by {told.dimension} and band. In {worst} the share in any band is the largest: {largest}."


def moves(states: Sequence[str], counts: Sequence[Sequence[int]], *, least: int) -> alt.LayerChart:
    """Moves from each state to each: numbers, and shares of the row, shaded; none of a row of fewer than `least`."""
    cells = [
        Cell(state, states[place], count, _ratio(count, sum(row)) if sum(row) >= least else None)
        for state, row in zip(states, counts, strict=True)
        for place, count in enumerate(row)
    ]
    of = Matrix(row_title="From", column_title="To", rows=states, columns=states)
    return matrix(cells, of)


def change_of(figure: Found) -> str:
    """Whether the interval of a change leaves 0 out, and on which side: ROSE, FELL or UNTOLD."""
    low, high = figure["low"], figure["high"]
    if low is None or high is None:
        return UNTOLD
    return ROSE if low > 0 else FELL if high < 0 else UNTOLD


def segment_changes(segments: Sequence[Found]) -> alt.LayerChart:
    """By how much the share at high risk changed in each segment, with its interval."""
    rows = [interval(f"{one['dimension']}: {one['name']}", one["high_risk"]["change"]) for one in segments]
    axis = Axis(title="Change of the share at high risk [percentage points]", written=POINTS, marked={0.0: "no change"})
    return forest(rows, axis, CHANGES)


def stress_changes(scenarios: Sequence[Found]) -> alt.LayerChart:
    """By how much each scenario moves the mean PD, with its interval."""
    rows = [interval(one["name"], one["mean_pd"]["change"]) for one in scenarios]
    axis = Axis(title="Change of the mean PD [percentage points]", written=POINTS, marked={0.0: "no change"})
    return forest(rows, axis, CHANGES)


def interval(label: str, figure: Found) -> Interval:
    """A figure of a document as a row of a forest, judged as a change."""
    return Interval(label, figure["value"], figure["low"], figure["high"], change_of(figure))


def gathered(curve: Sequence[float]) -> alt.LayerChart:
    """Which part of the expected misses the riskiest so many hold. curve: at 0, 1, ... 100 % of the book."""
    last = max(len(curve) - 1, 1)
    told = [{"book": place / last, "misses": held, "even": place / last} for place, held in enumerate(curve)]
    base = alt.Chart(values(told)).encode(
        x=alt.X("book:Q", title="Riskiest share of customers [%]", axis=alt.Axis(format=TICKS)),
        tooltip=[
            alt.Tooltip("book:Q", title="Customers", format=SHARE),
            alt.Tooltip("misses:Q", title="Of expected misses", format=SHARE),
        ],
    )
    y = "Share of expected misses [%]"
    line = base.mark_line(color=ACCENT, strokeWidth=2.5).encode(
        y=alt.Y("misses:Q", title=y, axis=alt.Axis(format=TICKS))
    )
    even = base.mark_line(color=NEUTRAL, strokeDash=[4, 3]).encode(y=alt.Y("even:Q", title=y))
    return sized(alt.layer(even, line), height=PLOT_PX)


def index_path(path: Sequence[Found]) -> alt.LayerChart:
    """The stress index by close, with its interval; 100 is the mean of the reference closes."""
    told = [{"day": one["day"], **one["index"]} for one in path]
    base = alt.Chart(values(told)).encode(x=day_axis(title="Close"), tooltip=_tips())
    title = "Stress index [100 = reference]"
    dots = base.mark_point(filled=True, size=60, color=ACCENT, opacity=1)
    scale = alt.Scale(zero=False)
    drawn = alt.layer(
        alt.Chart(values([{"at": 100}])).mark_rule(color=NEUTRAL, strokeDash=[4, 3]).encode(y="at:Q"),
        base.mark_area(opacity=0.18, color=ACCENT).encode(y=alt.Y("low:Q", title=title, scale=scale), y2="high:Q"),
        base.mark_line(color=ACCENT).encode(y=alt.Y("value:Q", title=title, scale=scale)),
        dots.encode(y=alt.Y("value:Q", title=title, scale=scale)),
    )
    return sized(drawn, height=PLOT_PX)


def roll_rates(months: Sequence[Found], states: Sequence[str]) -> alt.LayerChart:
    """The share that went one state on, by month, of each state but the last; nothing where too few were in it."""
    told = [
        {
            "day": month["last"],
            "roll": f"{states[place]} to {states[place + 1]}",
            **share,
        }
        for month in months
        for place in range(len(states) - 1)
        if (share := rolled(month, place)) is not None
    ]
    order = [f"{one} to {other}" for one, other in pairwise(states)]
    return _lines(told, _Lines(day_axis(title="Month end"), "roll", order, "Share that rolled on [%]"))


def rolled(month: Found, place: int) -> Found | None:
    """The share of a month that went from the state at `place` to the next; None where too few were in it."""
    row = month["shares"][place]
    share: Found | None = None if row is None else row[place + 1]
    return share if share is not None and share["value"] is not None else None


def vintages(curves: Sequence[Found], what: str) -> alt.LayerChart:
    """Shares by days, a line for each of the newest cohorts. what: title of the vertical axis, with its unit."""
    newest = curves[-_MOST_LINES:]
    told = [
        {"days": point["days"], "month": one["month"], **point["share"]}
        for one in newest
        for point in one["by_days"]
        if point["share"]["value"] is not None
    ]
    x = alt.X("days:Q", title="Days since", axis=alt.Axis(grid=False))
    return _lines(told, _Lines(x, "month", [one["month"] for one in newest], what))


class _Lines:
    """What a chart of lines is drawn by. field: which line a point is of.  order: of lines.  title: of the shares."""

    def __init__(self, x: alt.X, field: str, order: Sequence[str], title: str) -> None:
        self.x, self.field, self.order, self.title = x, field, list(order), title


def _lines(told: Sequence[Found], of: _Lines) -> alt.LayerChart:
    """Lines that are told apart by colour and dash."""
    places = range(len(of.order))
    colours = alt.Scale(domain=of.order, range=[SERIES[place % len(SERIES)] for place in places])
    dashes = alt.Scale(domain=of.order, range=[list(_DASHES[place % len(_DASHES)]) for place in places])
    y = alt.Y("value:Q", title=of.title, axis=alt.Axis(format=TICKS))
    base = alt.Chart(values(told)).encode(
        x=of.x, y=y, tooltip=[alt.Tooltip(f"{of.field}:N", title=of.field.capitalize()), *_shares()]
    )
    key = alt.Legend(symbolType="stroke", symbolSize=300)
    colour = alt.Color(f"{of.field}:N", title=None, scale=colours, sort=of.order, legend=key)
    dash = alt.StrokeDash(f"{of.field}:N", title=None, scale=dashes, sort=of.order, legend=key)
    lines = base.mark_line(strokeWidth=2).encode(color=colour, strokeDash=dash)
    dots = base.mark_point(filled=True, size=45, opacity=1).encode(color=colour)
    return sized(alt.layer(lines, dots), height=PLOT_PX)


def _shares() -> Iterator[alt.Tooltip]:
    for name, says in ENDS.items():
        yield alt.Tooltip(f"{name}:Q", title=says, format=SHARE)


def _tips() -> list[alt.Tooltip]:
    said = (alt.Tooltip(f"{name}:Q", title=says, format=".1f") for name, says in ENDS.items())
    return [alt.Tooltip("day:N", title="Close"), *said]


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
