"""The plots of a validation pack."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from forbear.apps.page.canvas import Drawing, colour, draw, shares_on
from forbear.apps.page.markup import Html
from forbear.models.results import Figure
from forbear.models.validation.breakdown import Part
from forbear.models.validation.sensitivity import Shock

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

WIDE = 9.6
_MARGIN_DAYS = 20.0
Span = tuple[date, date]


def split(trained: tuple[Span, Span], unseen: tuple[Span, Span], drawing: Drawing) -> Html:
    """When the model was observed and when its outcomes came, in training and after it.

    trained, unseen: observation dates, and the days in which their outcomes fell.
    """

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        for place, (spans, name) in enumerate(((trained, "accent"), (unseen, "amber"))):
            for row, (span, strength) in enumerate(zip(spans, (1.0, 0.4), strict=True)):
                start, end = (_day(day) for day in span)
                axes.barh(2.6 * place + row, end - start, left=start, height=0.7, color=colour(name), alpha=strength)
        axes.axvline(_day(unseen[0][0]), color=colour("muted"), linewidth=0.9, linestyle=(0.0, (2.0, 3.0)))
        axes.set_yticks([0.0, 1.0, 2.6, 3.6], ["observed", "outcomes", "observed", "outcomes"])
        axes.set_ylim(4.2, -0.6)
        _dates(axes)

    return draw(drawing, paint)


def rates(trained: Sequence[tuple[str, int, int]], months: Sequence[Part], drawing: Drawing) -> Html:
    """Share of rows that a miss followed, by date, in training and after it, with the mean PD of the model."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        before = [_day(date.fromisoformat(day)) for day, _, _ in trained]
        axes.plot(before, [hits / rows for _, rows, hits in trained], "o", color=colour("slate"), markersize=4.0)
        after = [_day(date.fromisoformat(one.name)) for one in months]
        _with_intervals(axes, after, [one.observed for one in months])
        axes.plot(after, [one.mean_pd for one in months], color=colour("amber"), linewidth=2.0)
        axes.set_ylim(bottom=0.0)
        shares_on(axes.yaxis)
        axes.set_title("Share of rows that a miss followed", loc="left", color=colour("muted"))
        _dates(axes)

    return draw(drawing, paint)


def areas(months: Sequence[Part], overall: Figure, drawing: Drawing) -> Html:
    """AUC by observation date with its interval, over the line of all dates together."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        known = [one for one in months if not np.isnan(one.auc.value)]
        axes.axhline(overall.value, color=colour("muted"), linewidth=0.9, linestyle=(0.0, (2.0, 3.0)))
        _with_intervals(axes, [_day(date.fromisoformat(one.name)) for one in known], [one.auc for one in known])
        axes.set_ylim(min(0.5, *(one.auc.low for one in known if not np.isnan(one.auc.low)), 0.5), 1.0)
        axes.set_title("AUC", loc="left", color=colour("muted"))
        days = [_day(date.fromisoformat(one.name)) for one in months]
        axes.set_xlim(min(days) - _MARGIN_DAYS, max(days) + _MARGIN_DAYS)
        _dates(axes)

    return draw(drawing, paint)


def swings(shocks: Sequence[Shock], mean_pd: float, drawing: Drawing) -> Html:
    """Mean PD of the book with each feature moved by its step, a bar from one move to the other."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        for place, one in enumerate(shocks):
            for reaction, name in ((one.lower, "accent"), (one.higher, "amber")):
                axes.barh(place, reaction.mean_pd - mean_pd, left=mean_pd, height=0.5, color=colour(name))
        axes.axvline(mean_pd, color=colour("ink"), linewidth=1.0)
        axes.set_yticks(range(len(shocks)), [one.feature for one in shocks])
        axes.set_ylim(len(shocks) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        shares_on(axes.xaxis)
        axes.set_xlabel("Mean PD of all rows")

    return draw(drawing, paint)


def _with_intervals(axes: Any, days: Sequence[float], figures: Sequence[Figure]) -> None:
    if not days:
        return
    axes.vlines(
        days, [one.low for one in figures], [one.high for one in figures], color=colour("accent"), linewidth=1.3
    )
    axes.plot(days, [one.value for one in figures], "o", color=colour("accent"), markersize=6.0)


def _day(day: date) -> float:
    return float(day.toordinal())


def _dates(axes: Any) -> None:
    """Ticks at the first of some months, as a year and a month."""
    low, high = (date.fromordinal(int(x)) for x in axes.get_xlim())
    months = [12 * year + month for year in range(low.year, high.year + 1) for month in range(12)]
    step = max(1, ((high.year - low.year) * 12 + high.month - low.month) // 8)
    step = next(one for one in (1, 2, 3, 6, 12, 24, 60, 120) if one >= min(step, 120))
    firsts = [date(one // 12, one % 12 + 1, 1) for one in months if one % step == 0]
    shown = [day for day in firsts if low <= day <= high]
    axes.set_xticks([_day(day) for day in shown], [f"{day:%Y-%m}" for day in shown])
