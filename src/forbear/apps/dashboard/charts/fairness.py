"""Groups side by side: comparisons with intervals and limits, and what a policy's lines change for groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from forbear.apps.dashboard.charts.parts import (
    POINTS,
    RATIO,
    ROW_PX,
    SHARE,
    TICKS,
    Axis,
    Interval,
    Looks,
    forest,
    sized,
    values,
)
from forbear.apps.dashboard.colours import BAD, GOOD, NEUTRAL, SERIES
from forbear.client.cockpit import GroupShares

Found = Mapping[str, Any]
VERDICTS = Looks({"within": (GOOD, "circle"), "disparity": (BAD, "triangle-up"), "cannot tell": (NEUTRAL, "square")})
"""How verdicts are drawn: what lies within the limits, what beyond, and what nobody can tell."""
_RATIO = "ratio"
_THREE_DIGITS = "+.3f"
_PLAIN = {"auc": "AUC", "calibration_slope": "slope"}
"""Measures whose differences are no percentage points, and what they are differences of."""
_GROUP_PX = 34


def compared(rows: Sequence[Found]) -> alt.LayerChart:
    """One measure by pairs of groups: the figure with its interval, and the tolerated interval shaded.

    rows: of one measure, with known figures. A ratio lies on a logarithmic scale, and 1 is no difference.
    """
    first = rows[0]
    ratio = first["compared_as"] == _RATIO
    written = RATIO if ratio else _THREE_DIGITS if first["measure"] in _PLAIN else POINTS
    about = "Ratio to the other group [times]"
    if not ratio:
        about = f"Difference to the other group [{_PLAIN.get(first['measure'], 'percentage points')}]"
    limits = first["tolerated"]
    low, high = limits["from"], limits["to"]
    axis = Axis(
        title=about,
        written=written,
        marked={1.0 if ratio else 0.0: "no difference"},
        tolerated=None if low is None or high is None else (low, high),
        logarithmic=ratio,
    )
    told = [Interval(pair(one), **one["figure"], verdict=one["verdict"]) for one in rows]
    return forest(told, axis, VERDICTS)


def pair(one: Found) -> str:
    """Who is compared with whom, in a line."""
    return f"{one['attribute']}: {one['group']} vs {one['against']}".replace("_", " ")


def lines_by_group(rows: Sequence[GroupShares]) -> alt.LayerChart:
    """The share of each group above the lowest line, now and as tried, joined by a line."""
    known = [one for one in rows if one.share_now is not None and one.share_then is not None]
    told = [{"group": f"{one.attribute}: {one.group}", "now": one.share_now, "tried": one.share_then} for one in known]
    order = [str(one["group"]) for one in told]
    title = "Share of the group above the lowest line [%]"
    y = alt.Y("group:N", title=None, sort=order, axis=alt.Axis(labelLimit=320, labelOverlap=False, ticks=False))
    tips = [
        alt.Tooltip("group:N", title="Group"),
        *(alt.Tooltip(f"{name}:Q", title=f"Above the line, {name}", format=SHARE) for name in ("now", "tried")),
    ]
    base = alt.Chart(values(told)).encode(y=y, tooltip=tips)
    joined = base.mark_rule(strokeWidth=2, color=NEUTRAL).encode(x=alt.X("now:Q", title=title), x2="tried:Q")
    scale = alt.Scale(domain=["now", "tried"], range=[NEUTRAL, SERIES[0]])
    shapes = alt.Scale(domain=["now", "tried"], range=["circle", "diamond"])
    dots = (
        base.transform_fold(["now", "tried"], as_=["when", "share"])
        .mark_point(filled=True, size=90, opacity=1)
        .encode(
            x=alt.X("share:Q", title=title, axis=alt.Axis(format=TICKS)),
            color=alt.Color("when:N", title=None, scale=scale),
            shape=alt.Shape("when:N", title=None, scale=shapes),
        )
    )
    return sized(alt.layer(joined, dots), height=max(_GROUP_PX * len(order), 2 * ROW_PX))
