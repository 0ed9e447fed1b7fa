"""The probability of one customer over time, with the lines that a policy draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from forbear.apps.dashboard.charts.parts import PLOT_PX, days_along
from forbear.apps.dashboard.colours import ACCENT, band_colour, band_label
from forbear.apps.dashboard.formats import per_cent


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a band begins. enter: PD from which somebody comes into it, [0, 1]."""

    band: str
    enter: float


def pd_path(rows: Sequence[Mapping[str, object]], cuts: Sequence[Cut], order: Sequence[str]) -> Any:
    """PD by day. rows: `day`, `pd` and `band`.  cuts: as the policy in force draws them.  order: of bands."""
    frame = pd.DataFrame(list(rows))
    frame["day"] = pd.to_datetime(frame["day"])
    frame["band"] = [band_label(band, order) for band in frame["band"]]
    names = [band_label(one, order) for one in (*order, "")]
    colours = [band_colour(one, order) for one in (*order, "")]
    shapes = ["triangle-up", "diamond", "square"][: len(order)] + ["square"] * max(0, len(order) - 3) + ["circle"]
    x, y = (
        alt.X("day:T", title=None, axis=days_along()),
        alt.Y("pd:Q", title="PD, 30 days", axis=alt.Axis(format=".0%")),
    )
    tip = [
        alt.Tooltip("day:T", title="Day"),
        alt.Tooltip("pd:Q", title="PD", format=".2%"),
        alt.Tooltip("band:N", title="Band"),
    ]
    path = alt.Chart(frame).mark_line(color=ACCENT, strokeWidth=1.5).encode(x=x, y=y)
    dots = (
        alt.Chart(frame)
        .mark_point(filled=True, size=45, opacity=1)
        .encode(
            x=x,
            y=y,
            color=alt.Color("band:N", title=None, scale=alt.Scale(domain=names, range=colours), legend=_LEGEND),
            shape=alt.Shape("band:N", scale=alt.Scale(domain=names, range=shapes), legend=None),
            tooltip=tip,
        )
    )
    return alt.layer(path, dots, *_lines(cuts, order)).properties(height=PLOT_PX)


def impacts(rows: Sequence[Mapping[str, object]], colours: tuple[str, str]) -> Any:
    """What each feature adds. rows: `feature` and `log_odds`, the heaviest first.  colours: of raises and lowers."""
    frame = pd.DataFrame(list(rows))
    frame["what it does"] = ["raises" if value > 0 else "lowers" for value in frame["log_odds"]]
    return (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("log_odds:Q", title="Added to the score [log-odds]"),
            y=alt.Y("feature:N", sort=None, title=None, axis=alt.Axis(labelLimit=240, labelOverlap=False)),
            color=alt.Color(
                "what it does:N",
                title=None,
                scale=alt.Scale(domain=["raises", "lowers"], range=list(colours)),
                legend=_LEGEND,
            ),
            tooltip=[
                alt.Tooltip("feature:N", title="Feature"),
                alt.Tooltip("log_odds:Q", title="Added to the score [log-odds]", format="+.3f"),
                alt.Tooltip("value:N", title="Value of the feature"),
            ],
        )
        .properties(height=max(120, 24 * len(frame)))
    )


_LEGEND = alt.Legend(orient="top")


def _lines(cuts: Sequence[Cut], order: Sequence[str]) -> list[Any]:
    if not cuts:
        return []
    frame = pd.DataFrame([{"pd": cut.enter, "line": f"{cut.band} from {per_cent(cut.enter)}"} for cut in cuts])
    frame["colour"] = [band_colour(cut.band, order) for cut in cuts]
    colour = alt.Color("colour:N", scale=None)
    rule = (
        alt.Chart(frame)
        .mark_rule(strokeDash=[6, 4])
        .encode(y="pd:Q", color=colour, tooltip=[alt.Tooltip("line:N", title="Line")])
    )
    text = (
        alt.Chart(frame)
        .mark_text(align="left", baseline="bottom", dx=4, fontSize=11)
        .encode(x=alt.value(0), y="pd:Q", text="line:N", color=colour)
    )
    return [rule, text]
