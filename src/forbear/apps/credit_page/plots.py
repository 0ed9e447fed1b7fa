"""The plots of the credit page. Each takes values and a drawing, and gives an inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forbear.apps.page.canvas import Drawing, colour, dashes, draw, shares_on
from forbear.apps.page.markup import Html
from forbear.models.credit.book import QuarterEnd
from forbear.models.credit.judgement import QuarterCheck
from forbear.models.credit.movements import Vintage
from forbear.models.credit.severity import LgdSegment

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

STAGE_COLOURS = ("sky", "amber", "navy")
VINTAGE_LINES = (("sky", ""), ("accent", ""), ("amber", ""), ("navy", ""), ("teal", ""), ("slate", ""))
MILLION = 1e8
"""Minor units in a million."""
_HORIZON = "Quarter of the date of the question"


def expected_and_observed(checks: Sequence[QuarterCheck], drawing: Drawing) -> Html:
    """Mean PD by quarter, with and without the economy, and the share that defaulted with its interval."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        at = [check.quarter for check in checks]
        axes.vlines(
            at, [one.observed.low for one in checks], [one.observed.high for one in checks], color=colour("slate")
        )
        dots: dict[str, Any] = {"color": colour("ink"), "markersize": 4.0, "linestyle": "none"}
        axes.plot(at, [one.observed.value for one in checks], "o", **dots)
        axes.plot(at, [one.expected for one in checks], color=colour("accent"), linewidth=2.0)
        blind: dict[str, Any] = {"color": colour("amber"), "linewidth": 1.6, "linestyle": dashes("7 3")}
        axes.plot(at, [one.blind for one in checks], **blind)
        axes.set(ylim=(0.0, None), xlabel=_HORIZON)
        shares_on(axes.yaxis)
        axes.set_title("Share of running loans that defaults", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def stages(ends: Sequence[QuarterEnd], drawing: Drawing) -> Html:
    """Share of what is owed by stage, one upon the other."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        owed = np.array([end.exposure for end in ends]).T
        shares = owed / owed.sum(axis=0)
        axes.stackplot([end.quarter for end in ends], shares, colors=[colour(name) for name in STAGE_COLOURS])
        axes.set(ylim=(0.0, 1.0), xlim=(ends[0].quarter, ends[-1].quarter), xlabel="Quarter")
        shares_on(axes.yaxis)
        axes.set_title("Share of what is owed", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def loss_and_realised(ends: Sequence[QuarterEnd], drawing: Drawing) -> Html:
    """12-month and lifetime ECL of running loans beside what they lost, in millions."""

    def paint(figure: Canvas) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True)
        at = [end.quarter for end in ends]
        over = [(end.quarter, end.realised_year) for end in ends if end.realised_year is not None]
        _pair(upper, at, [end.loss_year for end in ends], over)
        upper.set_title("Within a year [millions]", loc="left", color=colour("muted"))
        _pair(lower, at, [end.loss_lifetime for end in ends], [(end.quarter, end.realised_so_far) for end in ends])
        lower.set_title("Lifetime [millions]; realised up to the end of the panel", loc="left", color=colour("muted"))
        lower.set_xlabel("Quarter")

    return draw(drawing, paint)


def severity(segments: Sequence[LgdSegment], names: Sequence[str], drawing: Drawing) -> Html:
    """Mean LGD by segment with its interval; a segment that is assumed is hollow."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        for place, segment in enumerate(segments):
            face = "surface" if segment.assumed else "accent"
            look: dict[str, Any] = {"color": colour("accent"), "markerfacecolor": colour(face), "markersize": 7.0}
            axes.vlines(place, segment.lgd.low, segment.lgd.high, color=colour("accent"), linewidth=1.4)
            axes.plot([place], [segment.lgd.value], "o", **look)
        axes.set_xticks(range(len(names)), names)
        axes.set(ylim=(0.0, None), xlim=(-0.5, len(names) - 0.5), xlabel="Balance / value of the home at default")
        shares_on(axes.yaxis)
        axes.set_title("Loss given default", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def vintages(curves: Sequence[Vintage], drawing: Drawing) -> Html:
    """Cumulative default share by age, a line for each cohort, named at its end."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        for place, curve in enumerate(curves):
            name, pattern = VINTAGE_LINES[place % len(VINTAGE_LINES)]
            look: dict[str, Any] = {"color": colour(name), "linestyle": dashes(pattern), "linewidth": 1.8}
            axes.plot(curve.age, curve.defaulted, **look)
            axes.annotate(
                curve.cohort,
                (float(curve.age[-1]), float(curve.defaulted[-1])),
                xytext=(3, 0),
                textcoords="offset points",
                color=colour(name),
                size=9.5,
                va="center",
            )
        axes.set(ylim=(0.0, None), xlim=(0.0, None), xlabel="Quarters since the loan was first seen")
        axes.margins(x=0.12)
        shares_on(axes.yaxis)
        axes.set_title("Share of the cohort that has defaulted", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def _pair(axes: Axes, at: Sequence[int], expected: Sequence[float], realised: Sequence[tuple[int, float]]) -> None:
    axes.plot(at, np.array(expected) / MILLION, color=colour("accent"), linewidth=2.0)
    came: dict[str, Any] = {"color": colour("amber"), "linewidth": 1.6, "linestyle": dashes("7 3")}
    axes.plot([quarter for quarter, _ in realised], [lost / MILLION for _, lost in realised], **came)
    axes.set_ylim(0.0, None)
