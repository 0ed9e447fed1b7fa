"""The plots of an experiment: effects with their intervals, gains by share, bounds by day. Each gives an inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from forbear.apps.page.canvas import Drawing, colour, dashes, draw, shares_on
from forbear.apps.page.markup import Html
from forbear.apps.page.numerals import Notation
from forbear.models.effects.gains import GainCurve
from forbear.models.results import Figure, Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure as Canvas

FINDING_COLOURS = {"benefit": "accent", "harm": "amber", "": "slate"}
"""Colours of what was found."""
_ZERO: dict[str, Any] = {"color": colour("muted"), "linewidth": 0.9, "linestyle": dashes("1 2.5")}


def finding_of(rise: Figure) -> str:
    """What the interval of a change of something bad says: "harm" for a rise, "benefit" for a fall, else ""."""
    return "harm" if rise.low > 0.0 else "benefit" if rise.high < 0.0 else ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a forest. finding: "benefit", "harm" or ""."""

    name: str
    figure: Figure
    finding: str


def forest(lines: Sequence[Line], notation: Notation, drawing: Drawing) -> Html:
    """Effects one below another with their intervals, around the line of no effect."""

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        places = np.arange(len(lines))
        axes.axvline(0.0, **_ZERO)
        for place, line in zip(places, lines, strict=True):
            shade = colour(FINDING_COLOURS[line.finding])
            axes.hlines(place, line.figure.low, line.figure.high, color=shade, linewidth=1.6)
            axes.plot([line.figure.value], [place], "o", color=shade, markersize=5.5)
        axes.set_yticks(places, [line.name for line in lines])
        axes.set(ylim=(len(lines) - 0.4, -0.6))
        axes.grid(visible=False, axis="y")
        _written_by(axes.xaxis, notation)

    return draw(drawing, paint)


def gains(curve: GainCurve, notation: Notation, drawing: Drawing) -> Html:
    """Gain by the share that is offered, with its band, over the line of offers drawn at random."""

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        axes.plot(curve.share, curve.at_random, **_ZERO)
        axes.fill_between(curve.share, curve.low, curve.high, color=colour("accent"), alpha=0.14, linewidth=0.0)
        axes.plot(curve.share, curve.gain, color=colour("accent"), linewidth=2.0)
        axes.set(xlim=(0.0, 1.0), xticks=(0.0, 0.25, 0.5, 0.75, 1.0), xlabel="Share of customers, the most gain first")
        shares_on(axes.xaxis)
        _written_by(axes.yaxis, notation)

    return draw(drawing, paint)


def bounds(after: Floats, band: tuple[Floats, Floats, Floats], notation: Notation, drawing: Drawing) -> Html:
    """An effect as it became known, (m,) value, low and high by the customers that were in it."""

    def paint(canvas: Canvas) -> None:
        from matplotlib.ticker import MaxNLocator

        axes: Axes = canvas.add_subplot()
        value, low, high = band
        axes.axhline(0.0, **_ZERO)
        axes.fill_between(after, low, high, color=colour("accent"), alpha=0.14, linewidth=0.0)
        axes.plot(after, value, color=colour("accent"), linewidth=2.0)
        axes.set(xlim=(after[0], max(after[-1], after[0] + 1)), xlabel="Customers whose 30 days are over")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        _written_by(axes.yaxis, notation)

    return draw(drawing, paint)


def _written_by(axis: Axis, notation: Notation) -> None:
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: notation.write(value)))
