"""The plots of the monitoring page. Each takes values and a drawing, and gives an inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from forbear.apps.jobs.monitoring_course import Weeks
from forbear.apps.page.canvas import Drawing, colour, dashes, draw, shares_on
from forbear.apps.page.markup import Html
from forbear.apps.report.plots import days_on
from forbear.features.columns import day_of
from forbear.models.dataset import Bools, Ints
from forbear.models.drift import Counts, shares
from forbear.models.results import Figure, Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_LINE: dict[str, Any] = {"color": colour("muted"), "linewidth": 0.9, "linestyle": dashes("1 2.5")}


@dataclass(frozen=True, slots=True)
class Course:
    """One share by day. expected, room: the level of days like it, and how far chance goes.  alarmed: days beyond."""

    days: Ints
    values: Floats
    expected: Floats
    room: Floats
    alarmed: Bools


def heat(found: Weeks, drawing: Drawing) -> Html:
    """The darker a week, the larger its PSI; amber where an alarm stood, empty where nothing is known."""

    def paint(canvas: Canvas) -> None:
        from matplotlib.patches import Rectangle

        axes = canvas.add_subplot()
        for (row, column), value in np.ndenumerate(found.psi):
            if np.isnan(value):
                continue
            strength = min(1.0, float(value) / (2.0 * found.warn)) ** 0.5
            beyond = found.alarmed[row, column]
            face = {"facecolor": colour("amber" if beyond else "accent"), "alpha": 0.08 + 0.7 * strength}
            axes.add_patch(Rectangle((column - 0.46, row - 0.42), 0.92, 0.84, linewidth=0.0, **face))
        axes.set(xlim=(-0.5, len(found.ends) - 0.5), ylim=(len(found.names) - 0.5, -0.5))
        axes.set_yticks(range(len(found.names)), list(found.names))
        step = max(1, len(found.ends) // 7)
        axes.set_xticks(
            range(0, len(found.ends), step), [f"{day_of(day).day} {day_of(day):%b}" for day in found.ends[::step]]
        )
        axes.tick_params(length=0.0, axis="y", labelsize=9.0)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)

    return draw(drawing, paint)


def beside(reference: Counts, now: Counts, edges: Floats, drawing: Drawing) -> Html:
    """Share of the customers in each bin of the score, of the reference and now. edges: inner ones of the bins."""

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        bins = len(edges) + 1
        places = np.arange(bins)
        for offset, (counts, name) in zip((-0.2, 0.2), ((reference, "slate"), (now, "accent")), strict=True):
            axes.bar(places + offset, shares(counts[:bins]), width=0.38, color=colour(name))
        axes.set_xticks(places[:-1] + 0.5, [f"{100.0 * edge:.2g}" for edge in edges])
        axes.set(xlabel="PD at the edges of the bins [%]")
        shares_on(axes.yaxis)
        axes.set_ylim(0.0, None)
        axes.set_title("Share of the customers", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def course(found: Course, drawing: Drawing) -> Html:
    """A share by day over the band of what days like it have, with days beyond it marked."""

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        low, high = found.expected - found.room, found.expected + found.room
        axes.fill_between(found.days, np.maximum(low, 0.0), high, color=colour("accent"), alpha=0.14, linewidth=0.0)
        axes.plot(found.days, found.expected, **_LINE)
        axes.plot(found.days, found.values, color=colour("accent"), linewidth=2.0)
        marked: dict[str, Any] = {"color": colour("amber"), "markersize": 6.0, "linestyle": "none"}
        axes.plot(found.days[found.alarmed], found.values[found.alarmed], "o", **marked)
        days_on(axes, int(found.days[0]) - 1, int(found.days[-1]) + 1)
        shares_on(axes.yaxis)
        axes.set_ylim(0.0, None)
        axes.set_title("Share of the scored customers", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def calibration(days: Sequence[int], expected: Sequence[float], observed: Sequence[Figure], drawing: Drawing) -> Html:
    """Mean PD at each weekly close, and the share that missed with its interval."""

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        axes.plot(days, expected, color=colour("accent"), linewidth=2.0)
        axes.vlines(days, [one.low for one in observed], [one.high for one in observed], color=colour("amber"))
        axes.plot(days, [one.value for one in observed], "o", color=colour("amber"), markersize=4.5)
        days_on(axes, days[0] - 1, days[-1] + 1)
        shares_on(axes.yaxis)
        axes.set_ylim(0.0, None)
        axes.set_title("Share that misses within 30 days", loc="left", color=colour("muted"))

    return draw(drawing, paint)
