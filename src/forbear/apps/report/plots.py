"""The plots of a report: what was counted on each day, and one customer over time. Each gives an inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from forbear.apps.page.canvas import Drawing, colour, dashes, draw, shares_on
from forbear.apps.page.markup import Html
from forbear.apps.page.numerals import COUNT
from forbear.apps.report.foreseen import Sureness
from forbear.engine.outputs import DayRow
from forbear.features.columns import day_number, day_of
from forbear.features.ledger import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

BAND_COLOURS = ("amber", "navy", "accent", "sky", "slate", "teal")
"""Colours of bands, the most urgent first; over again where there are more."""
_MOST_TICKS = 7
_WEEK = 7
_WEEKLY_FROM_DAYS = 92
"""Periods longer than this are counted by the week: bars of single days would be hairlines."""


def bands(rows: Sequence[DayRow], names: Sequence[str], drawing: Drawing) -> Html:
    """Customers in each band at the close of every day, one upon the other, the most urgent at the foot."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        days = [row.day for row in rows]
        stacked = [[row.bands.get(name, 0) for row in rows] for name in names]
        colours = [colour(BAND_COLOURS[place % len(BAND_COLOURS)]) for place in range(len(names))]
        axes.stackplot(days, stacked, colors=colours, linewidth=0.0, step="mid")
        days_on(axes, days[0], days[-1])
        counts_on(axes)
        axes.set_title("Customers in a band", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def by_day(counts: Mapping[str, Mapping[int, int]], colours: Mapping[str, str], drawing: Drawing) -> Html:
    """Bars of counts by day, one upon the other; by week over a long period.

    counts: name -> day -> count, not empty.  colours: by name.
    """

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        days = sorted({day for of_one in counts.values() for day in of_one})
        width = _WEEK if days[-1] - days[0] >= _WEEKLY_FROM_DAYS else 1
        starts = sorted({day - (day - days[0]) % width for day in days})
        foot = np.zeros(len(starts))
        for name, of_one in counts.items():
            heights = np.zeros(len(starts))
            for day, count in of_one.items():
                heights[starts.index(day - (day - days[0]) % width)] += count
            axes.bar(np.array(starts) + (width - 1) / 2, heights, 0.86 * width, foot, color=colour(colours[name]))
            foot += heights
        days_on(axes, days[0] - 1, days[-1] + 1)
        counts_on(axes)
        title = "Decisions a week" if width == _WEEK else "Decisions a day"
        axes.set_title(title, loc="left", color=colour("muted"))

    return draw(drawing, paint)


def counted(rows: Sequence[tuple[str, int]], drawing: Drawing) -> Html:
    """A bar for each count below its name, in the order given."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        places, counts = np.arange(len(rows)), [count for _, count in rows]
        longest = max([*counts, 1])
        axes.barh(places + 0.27, counts, height=0.3, color=colour("accent"))
        for place, (name, count) in zip(places, rows, strict=True):
            axes.text(0.0, place - 0.15, name, va="center")
            number = COUNT.write(count)
            axes.text(count + 0.012 * longest, place + 0.27, number, va="center", color=colour("muted"), size=9.5)
        axes.set(xlim=(0.0, 1.18 * longest), ylim=(len(rows) - 0.4, -0.5))
        axes.set_axis_off()

    return draw(drawing, paint)


def sureness(found: Sureness, drawing: Drawing) -> Html:
    """Expected share of misses at the close of every day, and the observed one of those whose 30 days are over."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        days = [row.day for row in found.days]
        expected = [row.expected_misses / row.scored for row in found.days]
        axes.plot(days, expected, color=colour("accent"), linewidth=2.0)
        at = [close.day for close in found.closes]
        observed = [close.observed for close in found.closes]
        axes.vlines(at, [one.low for one in observed], [one.high for one in observed], color=colour("amber"))
        axes.plot(at, [one.value for one in observed], "o", color=colour("amber"), markersize=4.5)
        days_on(axes, days[0] - 1, days[-1] + 1)
        shares_on(axes.yaxis)
        axes.set_ylim(0.0, None)
        axes.set_title("Share that misses within 30 days", loc="left", color=colour("muted"))

    return draw(drawing, paint)


@dataclass(frozen=True, slots=True)
class Course:
    """One customer over time. closes, events: (n, 2) instants [days since 1970] and PDs.

    bands: name and least PD of each, the most urgent first.  marks: rows of the strip, each with the days of it by
    colour and marker.
    """

    closes: Floats
    events: Floats
    bands: tuple[tuple[str, float], ...]
    marks: Mapping[str, Mapping[tuple[str, str], Sequence[int]]]


def course(found: Course, drawing: Drawing) -> Html:
    """PD over time with the lines of the bands, above a strip of what happened and what was decided."""

    def paint(figure: Canvas) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1.3])
        upper.plot(found.closes[:, 0], found.closes[:, 1], color=colour("accent"), linewidth=1.6)
        dots: dict[str, Any] = {"markersize": 2.6, "color": colour("navy"), "linestyle": "none"}
        upper.plot(found.events[:, 0], found.events[:, 1], "o", **dots)
        every = np.concatenate([found.closes, found.events])
        top = min(1.0, max(1.15 * float(every[:, 1].max(initial=0.01)), 0.01))
        for place, (name, enter) in enumerate(found.bands):
            if enter < top:
                line = colour(BAND_COLOURS[place % len(BAND_COLOURS)])
                upper.axhline(enter, color=line, linewidth=0.9, linestyle=dashes("4 3"))
                upper.text(1.0, enter, name, color=line, size=9.5, va="bottom", ha="right", transform=_beside(upper))
        upper.set_ylim(0.0, top)
        shares_on(upper.yaxis)
        upper.set_title("Probability of a missed payment within 30 days", loc="left", color=colour("muted"))
        _strip(lower, found)
        marked = [day for groups in found.marks.values() for days in groups.values() for day in days]
        instants = [*every[:, 0].tolist(), *marked]
        days_on(lower, int(min(instants)) - 1, int(max(instants)) + 1)

    return draw(drawing, paint)


def _strip(axes: Axes, found: Course) -> None:
    for place, groups in enumerate(found.marks.values()):
        for (name, marker), days in groups.items():
            look: dict[str, Any] = {"color": colour(name), "markersize": 5.5, "linestyle": "none"}
            axes.plot(days, np.full(len(days), place), marker, **look)
    axes.set(ylim=(len(found.marks) - 0.4, -0.6), yticks=range(len(found.marks)), yticklabels=list(found.marks))


def _beside(axes: Axes) -> Any:
    """Coordinates with x as a share of the width and y as data."""
    return axes.get_yaxis_transform()


def counts_on(axes: Axes) -> None:
    """Have the y axis count from 0, in whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.set_ylim(0.0, None)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")


def days_on(axes: Axes, first: int, last: int) -> None:
    """Write an axis of day numbers as dates: first days of months, or single days of a short period."""
    ticks = _ticks(first, last)
    axes.set_xlim(first, max(last, first + 1))
    axes.set_xticks(ticks, [_tick(day, place == 0) for place, day in enumerate(ticks)])


def _ticks(first: int, last: int) -> list[int]:
    months = [day for day in range(first, last + 1) if day_of(day).day == 1]
    if len(months) >= 3:
        return months[:: -(-len(months) // _MOST_TICKS)]
    step = max(1, -(-(last - first) // _MOST_TICKS))
    return list(range(first, last + 1, step))


def _tick(day: int, leads: bool) -> str:
    """A date without its year, which stands below the first one and below each January."""
    found: date = day_of(day)
    year = f"\n{found.year}" if leads or day - day_number(date(found.year, 1, 1)) < 1 else ""
    return f"{found.day} {found:%b}{year}"
