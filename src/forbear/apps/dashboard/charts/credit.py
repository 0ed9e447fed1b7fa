"""Credit risk of a panel of loans: what was set aside by stage, what came of it, and what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from forbear.apps.dashboard.charts.parts import SHARE, TICKS, described, values
from forbear.apps.dashboard.colours import ACCENT, NEUTRAL, SERIES

Found = Mapping[str, Any]
STAGES = ("stage 1", "stage 2", "stage 3")
_CHART_PX = 280
_MILLION_MINOR = 1e8
_DASHES = {"expected": [1, 0], "realised": [6, 3], "without the economy": [2, 3]}


def allowance(quarters: Sequence[Found], currency: str, said: str) -> alt.LayerChart:
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
            tooltip=["quarter:Q", "stage:N", alt.Tooltip("amount:Q", format=",.2f")],
        )
    )
    return described(alt.layer(areas), said, height=_CHART_PX)


def losses(quarters: Sequence[Found], currency: str, said: str) -> alt.LayerChart:
    """The loss of a year as it was expected and as it came, by quarter [millions of major units]."""
    told = [
        {"quarter": one["quarter"], "which": which, "amount": one[name] / _MILLION_MINOR}
        for one in quarters
        for which, name in (("expected", "loss_year"), ("realised", "realised_year"))
        if one[name] is not None
    ]
    return _lines(told, alt.Y("amount:Q", title=f"Loss of 12 months [million {currency}]"), ",.2f", said)


def default_rates(by_quarter: Sequence[Found], said: str) -> alt.LayerChart:
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
    y = alt.Y("amount:Q", title="Default within 12 months [%]", axis=alt.Axis(format=TICKS))
    return _lines(told, y, SHARE, said)


def _lines(told: Sequence[Found], y: alt.Y, written: str, said: str) -> alt.LayerChart:
    words = [word for word in _DASHES if any(one["which"] == word for one in told)]
    colours = {"expected": ACCENT, "realised": SERIES[2], "without the economy": NEUTRAL}
    scale = alt.Scale(domain=words, range=[colours[word] for word in words])
    dashes = alt.Scale(domain=words, range=[_DASHES[word] for word in words])
    lines = (
        alt.Chart(values(told))
        .mark_line(strokeWidth=2.2)
        .encode(
            x=_quarter(),
            y=y,
            color=alt.Color("which:N", title=None, scale=scale),
            strokeDash=alt.StrokeDash("which:N", title=None, scale=dashes),
            tooltip=["quarter:Q", "which:N", alt.Tooltip("amount:Q", format=written)],
        )
    )
    return described(alt.layer(lines), said, height=_CHART_PX)


def _quarter() -> alt.X:
    return alt.X("quarter:Q", title="Quarter of the panel", scale=alt.Scale(zero=False), axis=alt.Axis(grid=False))
