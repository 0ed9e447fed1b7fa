"""The plots of the portfolio page. Each takes values and a drawing, and gives an inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from forbear.apps.jobs.arrears import LEAST, MonthMoves, share_from_current
from forbear.apps.page.canvas import Drawing, colour, dashes, draw, shares_on, unit_axis
from forbear.apps.page.markup import Html
from forbear.apps.page.numerals import COUNT, PERCENT
from forbear.apps.report.plots import days_on
from forbear.apps.report.wording import plain
from forbear.features.columns import day_number
from forbear.models.credit.movements import Transitions, Vintage
from forbear.models.portfolio import INDEX_BASE
from forbear.models.results import Figure, Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

NEWEST_LINES = (("accent", ""), ("amber", "7 3"), ("teal", "2 2"))
"""Colour and dash pattern of the newest cohorts, the last of them first; older ones share OLDER_LINE."""
OLDER_LINE = ("slate", "")
_DARKEST = 0.5
"""Opacity of a cell that a whole row goes to: text on it can still be read, by day and by night."""
_REFERENCE: dict[str, Any] = {"color": colour("muted"), "linewidth": 0.9, "linestyle": dashes("1 2.5")}


def stress(indices: Mapping[date, Figure], first: date, drawing: Drawing) -> Html:
    """The index at each close with its interval, over the line of its reference; `first` is marked."""

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        axes.axhline(INDEX_BASE, **_REFERENCE)
        _banded(axes, list(indices), list(indices.values()))
        axes.axvline(day_number(first), **_REFERENCE)
        axes.set_title("Stress index, mean of the reference closes = 100", loc="left", color=colour("muted"))
        low, high = axes.get_ylim()
        axes.set_ylim(max(0.0, min(low, INDEX_BASE - 10.0)), max(high, INDEX_BASE + 10.0))

    return draw(drawing, paint)


def gathered(curve: Floats, drawing: Drawing) -> Html:
    """Share of the expected misses that the riskiest hold, over the line of an even book."""

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        book = np.linspace(0.0, 1.0, len(curve))
        axes.plot([0.0, 1.0], [0.0, 1.0], **_REFERENCE)
        axes.fill_between(book, book, curve, color=colour("accent"), alpha=0.14, linewidth=0.0)
        axes.plot(book, curve, color=colour("accent"), linewidth=2.0)
        for which in ("x", "y"):
            unit_axis(axes, which)
        axes.set(xlabel="Share of the book, the riskiest first")
        axes.set_title("Share of the expected misses", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def heat(moves: Transitions, drawing: Drawing, to: str = "To") -> Html:
    """A matrix of moves, row: from, column: `to`. Each cell has the share of its row and the number below.

    The larger the share, the darker. A row of fewer than LEAST has numbers alone.
    """

    def paint(canvas: Canvas) -> None:
        from matplotlib.patches import Rectangle

        axes = canvas.add_subplot()
        size = len(moves.states)
        for row, totals in enumerate(moves.counts.tolist()):
            few = sum(totals) < LEAST
            for text, below, points in ((plain(moves.states[row]), -0.12, 11.0), (COUNT.write(sum(totals)), 0.22, 9.0)):
                axes.text(-0.56, row + below, text, ha="right", va="center", color=colour("muted"), size=points)
            for place, count in enumerate(totals):
                share = 0.0 if few else count / sum(totals)
                edge: dict[str, Any] = {"edgecolor": colour("rule"), "linewidth": 1.0}
                face = {"facecolor": colour("accent"), "alpha": _DARKEST * share**0.5}
                axes.add_patch(Rectangle((place - 0.5, row - 0.5), 1.0, 1.0, linewidth=0.0, **face))
                axes.add_patch(Rectangle((place - 0.5, row - 0.5), 1.0, 1.0, fill=False, **edge))
                _cell(axes, (place, row), count, None if few else share)
        axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xlabel=to, yticks=[])
        axes.set_xticks(range(size), [plain(state) for state in moves.states])
        axes.xaxis.set_ticks_position("top")
        axes.xaxis.set_label_position("top")
        axes.tick_params(length=0.0)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)

    return draw(drawing, paint)


def falling_behind(months: Sequence[MonthMoves], drawing: Drawing) -> Html:
    """Share of the customers who were current that is past due at the next close of a month, by that close.

    months: not all with too few.
    """

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        told = [(one.last, figure) for one in months if (figure := share_from_current(one.moves))]
        _banded(axes, [day for day, _ in told], [figure for _, figure in told])
        shares_on(axes.yaxis)
        axes.set_ylim(0.0, None)
        axes.set_title("Of those current a month before, past due", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def vintages(curves: Sequence[Vintage], until: int, label: str, drawing: Drawing) -> Html:
    """Share of each cohort by age in days, the newest three told apart. until: the last age drawn."""

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        older = len(curves) - len(NEWEST_LINES)
        for place, curve in enumerate(curves):
            name, pattern = NEWEST_LINES[len(curves) - 1 - place] if place >= older else OLDER_LINE
            look: dict[str, Any] = {"color": colour(name), "linestyle": dashes(pattern)}
            width = 2.0 if place >= older else 0.9
            axes.step(curve.age, curve.defaulted, where="post", linewidth=width, **look)
        axes.set(xlim=(0, until), ylim=(0.0, None), xlabel=label)
        shares_on(axes.yaxis)
        axes.set_title("Share of the cohort", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def _cell(axes: Axes, at: tuple[int, int], count: int, share: float | None) -> None:
    """The share of a cell with its number below; the number alone where there is no share."""
    if share is None or not count:
        number = COUNT.write(count) if count else ""
        axes.text(*at, number, ha="center", va="center", color=colour("muted"), size=10.0)
        return
    place, row = at
    axes.text(place, row - 0.12, PERCENT.write(share), ha="center", va="center", size=11.0)
    axes.text(place, row + 0.22, COUNT.write(count), ha="center", va="center", size=9.0)


def _banded(axes: Axes, days: Sequence[date], figures: Sequence[Figure]) -> None:
    """Figures by day as dots on a line, with their intervals as a band and as bars."""
    at = [day_number(day) for day in days]
    low, high = ([getattr(figure, end) for figure in figures] for end in ("low", "high"))
    axes.fill_between(at, low, high, color=colour("accent"), alpha=0.14, linewidth=0.0)
    axes.vlines(at, low, high, color=colour("accent"), linewidth=1.0)
    dots: dict[str, Any] = {"color": colour("accent"), "linewidth": 2.0, "markersize": 5.5}
    axes.plot(at, [figure.value for figure in figures], "o-", **dots)
    days_on(axes, at[0] - 2, at[-1] + 2)
