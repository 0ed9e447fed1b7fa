"""The plots of a backtest. Each takes values and a drawing, and gives an inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forbear.apps.page.canvas import Drawing, colour, dashes, draw, shares_on, unit_axis
from forbear.apps.page.markup import Html
from forbear.apps.page.numerals import PERCENT
from forbear.apps.page.style import BUDGET_LINES, DIRECTIONS, MODEL_LINES
from forbear.models.results import CalibrationBin, Curve, Evaluation, Figure, Floats, LeadTime, Weight

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

MARKED_DAYS = (1, 7, 14, 21, 28)
LONGEST_NAME = 44
LOG_FROM_RATIO = 15.0
"""PDs that span more than this are drawn on logarithmic axes: on linear ones most would lie in a corner."""
_REFERENCE: dict[str, Any] = {"color": colour("muted"), "linewidth": 0.9, "linestyle": dashes("1 2.5")}
"""How lines are drawn that nobody measured: chance, the base rate, the diagonal."""
_UNCLIPPED: dict[str, Any] = {"clip_on": False, "in_layout": False}
"""Whole at the edge of its axes, without making room for it: an empty line that is not clipped takes all there is."""
_TICK_STEPS = (1.0, 2.0, 5.0)


def roc(evaluations: Sequence[Evaluation], drawing: Drawing) -> Html:
    """Every model's ROC curve; models without one are left out."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        axes.plot([0.0, 1.0], [0.0, 1.0], **_REFERENCE)
        _models(axes, [evaluation.roc for evaluation in evaluations])
        for which in ("x", "y"):
            unit_axis(axes, which)
        axes.set(xlabel="False positive rate: share of negatives alarmed", aspect="equal")
        axes.set_title("True positive rate: share of positives found", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def precision_recall(evaluations: Sequence[Evaluation], base_rate: float, drawing: Drawing) -> Html:
    """Every model's precision by recall over the line of the base rate."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        axes.axhline(base_rate, **_REFERENCE)
        _models(axes, [evaluation.precision_recall for evaluation in evaluations])
        unit_axis(axes, "x")
        shares_on(axes.yaxis)
        axes.set_ylim(0.0, 1.0 if axes.get_ylim()[1] > 0.8 else None)
        axes.set(xlabel="Recall: share of positives found", box_aspect=1.0)
        axes.set_title("Precision: share of alarms that were right", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def lead_time(lines: Sequence[LeadTime], marked_day: int, drawing: Drawing) -> Html:
    """Share caught by days ahead, a line with its interval band for each budget.

    marked_day: the day that the headline speaks of.
    """

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        axes.axvline(marked_day, **_REFERENCE)
        for rank, line in enumerate(lines):
            name, pattern = BUDGET_LINES[rank % len(BUDGET_LINES)]
            values, low, high = _bounds(line.caught)
            axes.fill_between(line.days_ahead, low, high, color=colour(name), alpha=0.14, linewidth=0.0)
            axes.plot(line.days_ahead, values, color=colour(name), linestyle=dashes(pattern), linewidth=2.0)
        axes.set(ylim=(0.0, 1.0), yticks=(0.0, 0.25, 0.5, 0.75, 1.0), xlabel="At least so many days ahead")
        first, last = min(line.days_ahead[0] for line in lines), max(line.days_ahead[-1] for line in lines)
        axes.set_xlim(first, max(last, first + 1))
        axes.set_xticks([day for day in MARKED_DAYS if first <= day <= last])
        shares_on(axes.yaxis)
        axes.set_title("Share caught", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def calibration(bins: Sequence[CalibrationBin], drawing: Drawing) -> Html:
    """Observed rate by predicted PD with Wilson intervals, over a strip with the rows of each bin.

    A rate of 0 has no place on a logarithmic axis: it is a hollow mark at the foot.
    """

    def paint(figure: Canvas) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[5.0, 1.0])
        predicted = np.array([one.predicted for one in bins])
        observed, low, high = _bounds([one.observed for one in bins])
        limits = _calibration_limits(predicted, observed, high)
        if limits[0] > 0.0:
            upper.set(xscale="log", yscale="log")
            _round_ticks(upper, limits)
        shown, foot = np.maximum(observed, limits[0]), observed < limits[0]
        upper.plot(limits, limits, **_REFERENCE)
        upper.vlines(predicted, np.maximum(low, limits[0]), high, color=colour("accent"), linewidth=1.3)
        for mark, face in ((~foot, "accent"), (foot, "surface")):
            dot: dict[str, Any] = {"color": colour("accent"), "markerfacecolor": colour(face), "markersize": 6.0}
            upper.plot(predicted[mark], shown[mark], "o", **_UNCLIPPED, **dot)
        upper.set(xlim=limits, ylim=limits)
        for axis in (upper.xaxis, upper.yaxis):
            shares_on(axis)
        upper.set_title("Observed rate", loc="left", color=colour("muted"))
        _row_strip(lower, predicted, np.array([one.rows for one in bins]))

    return draw(drawing, paint)


def weights(ranked: Sequence[Weight], drawing: Drawing) -> Html:
    """A bar for each feature below its name, the largest first, coloured and marked by direction of risk."""

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        places = np.arange(len(ranked))
        shares = [weight.share for weight in ranked]
        longest = max([*shares, 0.01])
        ways = [DIRECTIONS[int(np.sign(weight.direction))] for weight in ranked]
        axes.barh(places + 0.27, shares, height=0.3, color=[colour(name) for name, _, _ in ways])
        for place, weight, (_, mark, _) in zip(places, ranked, ways, strict=True):
            axes.text(0.0, place - 0.15, shortened(weight.feature), va="center")
            number = f"{mark} {PERCENT.write(weight.share)}"
            axes.text(
                weight.share + 0.012 * longest, place + 0.27, number, va="center", color=colour("muted"), size=9.5
            )
        # Room behind the longest bar for its number.
        axes.set(xlim=(0.0, 1.18 * longest), ylim=(len(ranked) - 0.4, -0.5))
        axes.set_axis_off()

    return draw(drawing, paint)


def shortened(name: str) -> str:
    """A name that fits above its bar; what is cut is marked."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"


def drawable(curve: Curve) -> bool:
    """Whether a curve has points, all of them numbers."""
    return bool(len(curve.x)) and bool(np.isfinite(curve.x).all() and np.isfinite(curve.y).all())


def _bounds(figures: Sequence[Figure]) -> tuple[Floats, Floats, Floats]:
    """Values, lower and upper bounds of n figures, each (n,)."""
    columns = np.array([(figure.value, figure.low, figure.high) for figure in figures]).T
    return columns[0], columns[1], columns[2]


def _models(axes: Axes, curves: Sequence[Curve]) -> None:
    for rank in reversed(range(len(curves))):
        if drawable(curves[rank]):
            name, pattern = MODEL_LINES[rank % len(MODEL_LINES)]
            look: dict[str, Any] = {
                "color": colour(name),
                "linestyle": dashes(pattern),
                "linewidth": 2.2 if rank == 0 else 1.6,
            }
            axes.plot(curves[rank].x, curves[rank].y, **_UNCLIPPED, **look)


def _calibration_limits(predicted: Floats, observed: Floats, high: Floats) -> tuple[float, float]:
    """Lower and upper limit of both axes; a lower limit above 0 asks for logarithmic axes."""
    top = min(1.0, float(np.nanmax(np.concatenate([predicted, observed, high]))) * 1.08) or 1.0
    positive = np.concatenate([predicted, observed])
    positive = positive[positive > 0.0]
    if (predicted > 0.0).all() and predicted.max() / predicted.min() >= LOG_FROM_RATIO:
        return float(positive.min()) / 1.6, min(1.0, top * 1.4)
    return 0.0, top


def _round_ticks(axes: Axes, limits: tuple[float, float]) -> None:
    """Ticks at 1, 2 and 5 times powers of ten, or at the powers alone where that is enough."""
    from matplotlib.ticker import NullLocator

    decades = np.arange(np.floor(np.log10(limits[0])), np.ceil(np.log10(limits[1])) + 1.0)
    steps = _TICK_STEPS if len(decades) <= 3 else (1.0,)
    ticks = [
        step * 10.0**decade for decade in decades for step in steps if limits[0] <= step * 10.0**decade <= limits[1]
    ]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks)
        axis.set_minor_locator(NullLocator())


def _row_strip(axes: Axes, predicted: Floats, rows: Floats) -> None:
    axes.vlines(predicted, 0.0, rows, color=colour("slate"), linewidth=5.0)
    axes.set(ylim=(0.0, rows.max() * 1.2), yticks=(0, int(rows.max())), xlabel="Predicted probability")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_title("Rows in the bin", loc="left", color=colour("muted"))
