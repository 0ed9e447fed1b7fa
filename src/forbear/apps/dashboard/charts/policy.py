"""What cut-offs bring: the net over all lines, with the line in force and the one that is tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

from forbear.apps.dashboard.charts.parts import PLOT_PX, sized, values
from forbear.apps.dashboard.colours import ACCENT, NEUTRAL, SERIES

Found = Mapping[str, Any]
NOW, THEN = "now", "then"
_LOSSES_DRAWN, _LEAST_MINOR = 4.0, 100.0


def net_curve(curve: Found, lines: Mapping[str, float], currency: str) -> alt.LayerChart:
    """The net by cut-off, were everybody from it up given the help of one band; uprights at the lines now and then.

    curve: of `curves` of the report on thresholds, in minor units.  lines: NOW and THEN to a PD. `currency` has two
    decimals or none that matter here: amounts are told in major units of a hundred.
    """
    title = f"Net of help [{currency}]"
    least = worth_drawing(curve)
    told = [
        {"cut_off": cut, "net": net / 100, "low": low / 100, "high": high / 100, "above": above}
        for cut, net, low, high, above in zip(
            curve["cut_off"],
            curve["net_minor"]["value"],
            curve["net_minor"]["low"],
            curve["net_minor"]["high"],
            curve["above"],
            strict=True,
        )
        if cut > 0 and net >= least
    ]
    x = alt.X("cut_off:Q", title="Line: help from this PD on [%]", scale=alt.Scale(type="log"), axis=_per_cent())
    tips = [
        alt.Tooltip("cut_off:Q", title="Line", format=".2%"),
        alt.Tooltip("net:Q", title=title, format=",.0f"),
        alt.Tooltip("above:Q", title="Customers above", format=",d"),
    ]
    base = alt.Chart(values(told)).encode(x=x, tooltip=tips)
    scale = alt.Scale(domain=[NOW, THEN], range=[NEUTRAL, SERIES[1]])
    dashes = alt.Scale(domain=[NOW, THEN], range=[[2, 2], [1, 0]])
    uprights = (
        alt.Chart(values([{"cut_off": at, "line": which} for which, at in lines.items()]))
        .mark_rule(strokeWidth=2.5)
        .encode(
            x=x,
            color=alt.Color("line:N", title=None, scale=scale),
            strokeDash=alt.StrokeDash("line:N", title=None, scale=dashes),
            tooltip=[alt.Tooltip("line:N", title="Which"), alt.Tooltip("cut_off:Q", title="Line", format=".2%")],
        )
    )
    drawn = alt.layer(
        alt.Chart(values([{"at": 0}])).mark_rule(color=NEUTRAL, strokeWidth=0.8).encode(y="at:Q"),
        base.mark_area(opacity=0.18, color=ACCENT).encode(y=alt.Y("low:Q", title=title), y2="high:Q"),
        base.mark_line(color=ACCENT, strokeWidth=2.2).encode(y=alt.Y("net:Q", title=title)),
        uprights,
    )
    return sized(drawn, height=PLOT_PX)


def worth_drawing(curve: Found) -> float:
    """The least net that is drawn, in minor units: lines that cost many times what the best brings say nothing more."""
    best = float(max(*curve["net_minor"]["value"], _LEAST_MINOR))
    return -_LOSSES_DRAWN * best


def _per_cent() -> alt.Axis:
    return alt.Axis(format="~%")
