"""Whether help pays: from what was decided to what came of it, what it cost, and what experiments show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from forbear.apps.dashboard.charts.parts import (
    COUNT,
    ENDS,
    PLOT_PX,
    POINTS,
    ROW_PX,
    Axis,
    Interval,
    Looks,
    forest,
    sized,
    values,
)
from forbear.apps.dashboard.colours import ACCENT, BAD, GOOD, NEUTRAL
from forbear.apps.dashboard.formats import count, per_cent

Found = Mapping[str, Any]
FINDINGS = Looks({"benefit": (GOOD, "triangle-down"), "harm": (BAD, "triangle-up"), "cannot tell": (NEUTRAL, "circle")})
"""How the finding of an experiment is drawn: fewer misses are a benefit."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a funnel. count: how many came so far.  of: how many it is a share of, None for the first."""

    name: str
    count: int
    of: int | None = None


def funnel(steps: Sequence[Step]) -> alt.LayerChart:
    """How many came to each step, in their order, with the share of those whom it could have been."""
    told = [
        {
            "step": one.name,
            "count": one.count,
            "says": count(one.count) + (f"  ({per_cent(one.count / one.of, 0)})" if one.of else ""),
        }
        for one in steps
    ]
    order = [one.name for one in steps]
    most = max((one.count for one in steps), default=1) or 1
    base = alt.Chart(values(told)).encode(
        x=alt.X(
            "count:Q", title="Number", scale=alt.Scale(domain=[0, most * 1.2]), axis=alt.Axis(format=COUNT, tickCount=4)
        ),
        y=alt.Y("step:N", title=None, sort=order, axis=alt.Axis(labelLimit=320, labelOverlap=False, ticks=False)),
        tooltip=[alt.Tooltip("step:N", title="Step"), alt.Tooltip("count:Q", title="Number", format=COUNT)],
    )
    label = base.mark_text(align="left", dx=5, fontSize=13, color=ACCENT).encode(text="says:N")
    return sized(alt.layer(base.mark_bar(color=ACCENT), label), height=(ROW_PX + 8) * max(len(order), 1))


def effects(readings: Sequence[Found]) -> alt.LayerChart:
    """What help changed in the share that misses, by what was read out, with intervals."""
    rows = [
        Interval(f"{one['measure']}, {one['segment']}".replace("_", " "), **_ends(one["effect"]), verdict=finding(one))
        for one in readings
    ]
    axis = Axis(title="Change against the hold-out [percentage points]", written=POINTS, marked={0.0: "no effect"})
    return forest(rows, axis, FINDINGS)


def finding(one: Found) -> str:
    """What a reading comes to: "benefit", "harm", or "cannot tell"."""
    return str(one.get("finding") or "cannot tell")


def spending(rows: Sequence[Found], currency: str) -> alt.LayerChart:
    """What offers cost, by what they were. rows: `what` and `amount` in major units."""
    order = [one["what"] for one in sorted(rows, key=lambda one: -float(one["amount"]))]
    base = alt.Chart(values(rows)).encode(
        x=alt.X("amount:Q", title=f"Spent on offers [{currency}]", axis=alt.Axis(format=",.0f", tickCount=4)),
        y=alt.Y("what:N", title=None, sort=order, axis=alt.Axis(labelLimit=320, labelOverlap=False, ticks=False)),
        tooltip=[alt.Tooltip("what:N", title="What"), alt.Tooltip("amount:Q", title=currency, format=",.2f")],
    )
    return sized(alt.layer(base.mark_bar(color=ACCENT)), height=ROW_PX * max(len(order), 2))


def _ends(effect: Found) -> dict[str, float | None]:
    return {name: effect[name] for name in ("value", "low", "high")}


def so_far(course: Sequence[Found]) -> alt.LayerChart:
    """The effect as it became known, with bounds that all hold at once. course: by customers."""
    title = "Change of the share that misses [percentage points]"
    told = [{"customers": one["customers"], **{end: one[end] * 100 for end in ENDS}} for one in course]
    base = alt.Chart(values(told)).encode(
        x=alt.X("customers:Q", title="Customers so far", axis=alt.Axis(format=COUNT, grid=False)),
        tooltip=[
            alt.Tooltip("customers:Q", title="Customers so far", format=COUNT),
            *(alt.Tooltip(f"{name}:Q", title=f"{says} [pp]", format=POINTS) for name, says in ENDS.items()),
        ],
    )
    axis = alt.Axis(format=POINTS)
    drawn = alt.layer(
        alt.Chart(values([{"at": 0}])).mark_rule(color=NEUTRAL, strokeDash=[4, 3]).encode(y="at:Q"),
        base.mark_area(opacity=0.2, color=ACCENT).encode(y=alt.Y("low:Q", title=title, axis=axis), y2="high:Q"),
        base.mark_line(color=ACCENT, strokeWidth=2).encode(y=alt.Y("value:Q", title=title, axis=axis)),
    )
    return sized(drawn, height=PLOT_PX)
