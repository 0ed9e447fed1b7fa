"""Whether what comes in is what the model was judged on: PSI by feature and week, contacts by day, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from forbear.apps.dashboard.charts.parts import (
    NOT_SHADED,
    PLOT_PX,
    ROW_PX,
    SHARE,
    TICKS,
    day_axis,
    ink,
    shaded,
    sized,
    values,
)
from forbear.apps.dashboard.colours import ACCENT, BAD, NEUTRAL

Found = Mapping[str, Any]
_EXPECTED, _OBSERVED = "mean PD", "missed, with 95 % interval"
_WEEK_PX = 22
_ALARM = "\u00d7"
"""In the fonts of the page."""


def psi_by_week(weeks: Found) -> alt.LayerChart:
    """The largest PSI of each week by feature, the worst feature first; a cross where an alarm stood.

    weeks: `ends` of the weeks, `warn` limit, and `features` with `name`, `psi` and `alarmed` by week. Where a week
    cannot be told its cell is plain.
    """
    features = sorted(weeks["features"], key=lambda one: -max((x for x in one["psi"] if x is not None), default=-1.0))
    order = [one["name"] for one in features]
    told = [
        {
            "feature": one["name"],
            "week": end,
            "psi": NOT_SHADED if psi is None else psi,
            "alarm": _ALARM if alarmed else "",
        }
        for one in features
        for end, psi, alarmed in zip(weeks["ends"], one["psi"], one["alarmed"], strict=True)
    ]
    most = max([weeks["warn"], *(one["psi"] for one in told)])
    base = alt.Chart(values(told)).encode(
        x=alt.X(
            "week:O",
            title="Week that ends on",
            axis=alt.Axis(labelExpr="slice(datum.label, 5)", labelOverlap="greedy", labelSeparation=8),
        ),
        y=alt.Y("feature:N", title=None, sort=order, axis=alt.Axis(labelLimit=320, labelOverlap=False, ticks=False)),
        tooltip=[
            alt.Tooltip("feature:N", title="Feature"),
            alt.Tooltip("week:O", title="Week that ends on"),
            alt.Tooltip("psi:Q", title="Largest PSI [no unit]", format=".3f"),
        ],
    )
    cross = base.mark_text(fontSize=15, fontWeight="bold").encode(text="alarm:N", color=ink("psi"))
    return sized(alt.layer(shaded(base, "psi", most), cross), height=_WEEK_PX * len(order) + ROW_PX)


def contacts_by_day(course: Sequence[Found]) -> alt.LayerChart:
    """The share in any band by day, beside the level of days like it and three times their usual departure."""
    title = "Share of scored customers in any band [%]"
    told = [
        {
            "day": one["day"],
            "value": one["value"],
            "expected": one["expected"],
            "least": None if one["room"] is None else max(one["expected"] - one["room"], 0.0),
            "most": None if one["room"] is None else one["expected"] + one["room"],
            "alarm": one["alarmed"],
        }
        for one in course
        if one["expected"] is not None and one["value"] is not None
    ]
    base = alt.Chart(values(told)).encode(
        x=day_axis(title="Close"),
        tooltip=[
            alt.Tooltip("day:N", title="Close"),
            alt.Tooltip("value:Q", title="In a band", format=SHARE),
            alt.Tooltip("expected:Q", title="Days like it", format=SHARE),
        ],
    )
    y = alt.Y("value:Q", title=title, axis=alt.Axis(format=TICKS))
    alarms = base.transform_filter("datum.alarm").mark_point(shape="triangle-up", size=90, filled=True, color=BAD)
    drawn = alt.layer(
        base.mark_area(opacity=0.2, color=NEUTRAL).encode(y=alt.Y("least:Q", title=title), y2="most:Q"),
        base.mark_line(strokeDash=[4, 3], color=NEUTRAL).encode(y=alt.Y("expected:Q", title=title)),
        base.mark_line(color=ACCENT, strokeWidth=2.2).encode(y=y),
        alarms.encode(y=y),
    )
    return sized(drawn, height=PLOT_PX)


def calibration(by_close: Sequence[Found]) -> alt.LayerChart:
    """The mean PD by weekly close as a line, and the share that missed as dots with their intervals."""
    title = "Customers who miss a payment [%]"
    told = [
        {"day": one["day"], "expected": one["expected"], "line": _EXPECTED, "dots": _OBSERVED, **one["observed"]}
        for one in by_close
    ]
    base = alt.Chart(values(told)).encode(
        x=day_axis(title="Close"),
        tooltip=[
            alt.Tooltip("day:N", title="Close"),
            *(
                alt.Tooltip(f"{name}:Q", title=says, format=SHARE)
                for name, says in (("expected", "Mean PD"), ("value", "Missed"), ("low", "from"), ("high", "to"))
            ),
        ],
    )
    axis = alt.Axis(format=TICKS)
    key = alt.Scale(domain=[_EXPECTED, _OBSERVED], range=[NEUTRAL, ACCENT])
    observed = alt.Color("dots:N", scale=key, title=None)
    drawn = alt.layer(
        base.mark_line(strokeWidth=2).encode(
            y=alt.Y("expected:Q", title=title, axis=axis), color=alt.Color("line:N", scale=key, title=None)
        ),
        base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q", title=title), y2="high:Q", color=observed),
        base.mark_point(filled=True, size=60, opacity=1).encode(y=alt.Y("value:Q", title=title), color=observed),
    )
    return sized(drawn, height=PLOT_PX)


def largest_psi(findings: Sequence[Found], limits: Mapping[str, float]) -> alt.LayerChart:
    """The PSI of the last day by feature, the largest first. limits: words to PSI, drawn as uprights."""
    told = [{"feature": one["name"], "psi": one["effect"], "verdict": one["verdict"]} for one in findings]
    order = [one["feature"] for one in sorted(told, key=lambda one: -(one["psi"] or 0.0))]
    y = alt.Y("feature:N", title=None, sort=order, axis=alt.Axis(labelLimit=320, labelOverlap=False, ticks=False))
    x = alt.X("psi:Q", title="PSI of the last day [no unit]", axis=alt.Axis(format=".2f"))
    tips = [
        alt.Tooltip("feature:N", title="Feature"),
        alt.Tooltip("psi:Q", title="PSI [no unit]", format=".3f"),
        alt.Tooltip("verdict:N", title="Verdict"),
    ]
    scale = alt.Scale(domain=["drifting", "steady", "cannot tell"], range=[BAD, ACCENT, NEUTRAL])
    bars = (
        alt.Chart(values(told))
        .mark_bar()
        .encode(x=x, y=y, tooltip=tips, color=alt.Color("verdict:N", title=None, scale=scale))
    )
    lines = alt.Chart(values([{"at": at, "what": what} for what, at in limits.items()]))
    rules = lines.mark_rule(strokeDash=[4, 3], color=NEUTRAL).encode(
        x="at:Q", tooltip=alt.Tooltip("what:N", title="What")
    )
    return sized(alt.layer(bars, rules), height=ROW_PX * max(len(order), 2))
