"""Credit risk of a panel of loans: what was set aside by stage, what came of it, and what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from forbear.apps.dashboard.charts.parts import PLOT_PX, SHARE, TICKS, sized, values
from forbear.apps.dashboard.colours import ACCENT, NEUTRAL, SERIES

Found = Mapping[str, Any]
STAGES = ("stage 1", "stage 2", "stage 3")
_MILLION_MINOR = 1e8
_DASHES = {"expected": [1, 0], "realised": [6, 3], "without the economy": [2, 3]}


def allowance(quarters: Sequence[Found], currency: str) -> alt.LayerChart:
    """What is set aside by stage and quarter [millions of major units], one on the other."""
    told = [
        {"quarter": one["quarter"], "stage": stage, "place": place, "amount": amount / _MILLION_MINOR}
        for one in quarters
        for place, (stage, amount) in enumerate(zip(STAGES, one["allowance"], strict=True))
    ]
    scale = alt.Scale(domain=list(STAGES), range=[SERIES[0], SERIES[1], SERIES[2]])
    areas = (
        alt.Chart(values(told))
        .mark_area(line=True, opacity=0.75)
        .encode(
            x=_quarter(),
            y=alt.Y("amount:Q", title=f"Allowance [million {currency}]", stack=True),
            color=alt.Color("stage:N", title=None, scale=scale, sort=list(STAGES)),
            order="place:Q",
            tooltip=[
                alt.Tooltip("quarter:Q", title="Quarter"),
                alt.Tooltip("stage:N", title="Stage"),
                alt.Tooltip("amount:Q", title=f"Allowance [million {currency}]", format=",.2f"),
            ],
        )
    )
    return sized(alt.layer(areas), height=PLOT_PX)


def losses(quarters: Sequence[Found], currency: str) -> alt.LayerChart:
    """The loss of a year as it was expected and as it came, by quarter [millions of major units]."""
    told = [
        {"quarter": one["quarter"], "which": which, "amount": one[name] / _MILLION_MINOR}
        for one in quarters
        for which, name in (("expected", "loss_year"), ("realised", "realised_year"))
        if one[name] is not None
    ]
    return _lines(told, _Amount(f"Loss of 12 months [million {currency}]", ",~g", ",.2f"))


def default_rates(by_quarter: Sequence[Found]) -> alt.LayerChart:
    """The share of running loans that defaults within a year: expected with and without the economy, and as it came."""
    told = [
        {"quarter": one["quarter"], "which": which, "amount": value}
        for one in by_quarter
        for which, value in (
            ("expected", one["expected"]),
            ("realised", one["observed"]["value"]),
            ("without the economy", one["blind"]),
        )
        if value is not None
    ]
    return _lines(told, _Amount("Default within 12 months [%]", TICKS, SHARE))


@dataclass(frozen=True, slots=True)
class _Amount:
    """What lines are of. title: with its unit.  ticks, written: d3-format along the axis, and of one figure."""

    title: str
    ticks: str
    written: str


def _lines(told: Sequence[Found], of: _Amount) -> alt.LayerChart:
    words = [word for word in _DASHES if any(one["which"] == word for one in told)]
    colours = {"expected": ACCENT, "realised": SERIES[2], "without the economy": NEUTRAL}
    scale = alt.Scale(domain=words, range=[colours[word] for word in words])
    dashes = alt.Scale(domain=words, range=[_DASHES[word] for word in words])
    lines = (
        alt.Chart(values(told))
        .mark_line(strokeWidth=2.2)
        .encode(
            x=_quarter(),
            y=alt.Y("amount:Q", title=of.title, axis=alt.Axis(format=of.ticks)),
            color=alt.Color("which:N", title=None, scale=scale),
            strokeDash=alt.StrokeDash("which:N", title=None, scale=dashes),
            tooltip=[
                alt.Tooltip("quarter:Q", title="Quarter"),
                alt.Tooltip("which:N", title="Which"),
                alt.Tooltip("amount:Q", title=of.title, format=of.written),
            ],
        )
    )
    return sized(alt.layer(lines), height=PLOT_PX)


def _quarter() -> alt.X:
    return alt.X("quarter:Q", title="Quarter of the panel", scale=alt.Scale(zero=False), axis=alt.Axis(grid=False))
