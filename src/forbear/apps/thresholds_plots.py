"""The plots of the page on thresholds. Each takes values and a drawing, and gives an inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from forbear.apps.page.canvas import Drawing, colour, dashes, draw, shares_on
from forbear.apps.page.markup import Html
from forbear.apps.report.plots import counts_on
from forbear.models.dataset import Bools
from forbear.models.results import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

BAND_LINES = (("amber", ""), ("navy", "7 3"), ("accent", "2 2"), ("teal", "9 3 2 3"))
"""Colour and dashes of bands, the most urgent first; over again where there are more."""
_CUT_OFF = "Cut-off: everybody with this PD or more"


@dataclass(frozen=True, slots=True)
class Curve:
    """One quantity at each cut-off. at: (k,) PDs.  value: (k,) with low and high, or those None."""

    at: Floats
    value: Floats
    low: Floats | None = None
    high: Floats | None = None


def against_cut_off(curve: Curve, fits: Bools, line: float | None, drawing: Drawing) -> Html:
    """A curve with its band of uncertainty, faint where it cannot be had; what is far below 0 is out of the picture.

    fits: (k,) where it can be had.  line: the cut-off of the recommended plan, None where it has none.
    """

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        if curve.low is not None and curve.high is not None:
            axes.fill_between(curve.at, curve.low, curve.high, color=colour("tint"), linewidth=0.0)
        faint: dict[str, Any] = {"color": colour("slate"), "linewidth": 1.4, "linestyle": dashes("2 2")}
        axes.plot(curve.at, curve.value, **faint)
        axes.plot(curve.at, np.where(fits, curve.value, np.nan), color=colour("accent"), linewidth=2.0)
        axes.axhline(0.0, color=colour("muted"), linewidth=0.8)
        if line is not None:
            axes.axvline(line, color=colour("amber"), linewidth=1.4, linestyle=dashes("7 3"))
        top = max(1.0, float(np.max(curve.value if curve.high is None else curve.high)))
        axes.set_ylim(-top, 1.1 * top)
        _on_cut_offs(axes)

    return draw(drawing, paint)


def of_bands(curves: Sequence[Curve], level: float, drawing: Drawing) -> Html:
    """A curve for each band, and one level that holds for all."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        for place, curve in enumerate(curves):
            axes.plot(curve.at, curve.value, linewidth=2.0, **_look(place))
        axes.axhline(level, color=colour("ink"), linewidth=1.0)
        axes.set_ylim(0.0, 3.0 * level if level else None)
        counts_on(axes)
        _on_cut_offs(axes)

    return draw(drawing, paint)


def of_a_day(curve: Curve, levels: Sequence[float], drawing: Drawing) -> Html:
    """One curve, and a level for each band, where that is near enough to matter."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        axes.plot(curve.at, curve.value, color=colour("ink"), linewidth=1.6)
        highest = float(np.max(curve.value, initial=1.0))
        for place, level in enumerate(levels):
            if level <= 1.5 * highest:
                axes.axhline(level, linewidth=1.4, **_look(place))
        axes.set_ylim(0.0, None)
        counts_on(axes)
        _on_cut_offs(axes)

    return draw(drawing, paint)


def efficient(cost: Floats, avoided: Floats, chosen: tuple[float, float] | None, drawing: Drawing) -> Html:
    """Misses avoided against cost, of the plans than which none is better on both, and the one that is recommended."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        axes.plot(cost, avoided, color=colour("accent"), linewidth=2.0, drawstyle="steps-post")
        if chosen is not None:
            dot: dict[str, Any] = {"color": colour("amber"), "markersize": 8.0, "linestyle": "none"}
            axes.plot([chosen[0]], [chosen[1]], "o", **dot)
        axes.set(xlabel="Cost, contacts that were not needed included", xlim=(0.0, None), ylim=(0.0, None))
        axes.set_title("Misses avoided", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def _look(place: int) -> dict[str, Any]:
    name, pattern = BAND_LINES[place % len(BAND_LINES)]
    return {"color": colour(name), "linestyle": dashes(pattern)}


def _on_cut_offs(axes: Axes) -> None:
    axes.set(xlabel=_CUT_OFF, xlim=(0.0, None))
    shares_on(axes.xaxis)
