"""The plot of the page on fairness: comparisons one below another, with their intervals, over what is tolerated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forbear.apps.fairness_words import notation_of
from forbear.apps.page.canvas import Drawing, colour, dashes, draw
from forbear.apps.page.markup import Html
from forbear.models.fairness_terms import RATIOS
from forbear.models.fairness_verdicts import Compared, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

VERDICT_COLOURS = {Verdict.DISPARITY: "amber", Verdict.WITHIN: "accent", Verdict.CANNOT_TELL: "slate"}
"""Colours of what comparisons come to."""
VERDICT_MARKS = {Verdict.DISPARITY: "D", Verdict.WITHIN: "o", Verdict.CANNOT_TELL: "s"}
"""Marks of the same, told apart without colour too."""


def compared_groups(compared: Sequence[Compared], drawing: Drawing) -> Html:
    """Comparisons by one measure around the line of no difference; shaded is what is tolerated. At least one."""
    measure = compared[0].measure
    ratio = measure in RATIOS

    def paint(canvas: Canvas) -> None:
        from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

        axes, places = canvas.add_subplot(), np.arange(len(compared))
        if ratio:
            axes.set_xscale("log")
        low, high = compared[0].bounds
        axes.axvspan(low, high, color=colour("tint"), linewidth=0.0)
        line: dict[str, Any] = {"color": colour("muted"), "linewidth": 0.9, "linestyle": dashes("1 2.5")}
        axes.axvline(1.0 if ratio else 0.0, **line)
        for place, one in zip(places, compared, strict=True):
            shade = colour(VERDICT_COLOURS[one.verdict])
            axes.hlines(place, one.figure.low, one.figure.high, color=shade, linewidth=1.6)
            axes.plot([one.figure.value], [place], VERDICT_MARKS[one.verdict], color=shade, markersize=5.5)
        axes.set_yticks(places, [f"{one.pair.attribute} {one.pair.group}" for one in compared])
        axes.set(ylim=(len(compared) - 0.4, -0.6))
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: notation_of(measure).write(value)))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4 if ratio else 5))
        if ratio:
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_minor_formatter(NullFormatter())

    return draw(drawing, paint)
