"""What happened day by day: counts as stacked bars, one quantity as a line, money in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from forbear.apps.dashboard.charts.parts import PLOT_PX, days_along, dressed
from forbear.apps.dashboard.colours import ACCENT, BAD, GOOD, NEUTRAL

Rows = Sequence[Mapping[str, object]]


def stacked(rows: Rows, *, unit: str, scale: tuple[Sequence[str], Sequence[str]]) -> Any:
    """Bars by day. rows: `day`, `kind` and `count`.  scale: kinds as they are stacked from below, and their colours."""
    names, colours = scale
    return (
        alt.Chart(_frame(rows))
        .mark_bar()
        .encode(
            x=alt.X("day:T", title=None, axis=days_along()),
            y=alt.Y("sum(count):Q", title=unit),
            color=alt.Color(
                "kind:N", title=None, scale=alt.Scale(domain=list(names), range=list(colours)), legend=_LEGEND
            ),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("day:T", title="Day"),
                alt.Tooltip("kind:N", title="Which"),
                alt.Tooltip("count:Q", title=unit, format=",d"),
            ],
        )
        .transform_calculate(place=_place(names))
        .properties(height=PLOT_PX)
    )


def line(rows: Rows, *, unit: str, digits: str = ",.1f") -> Any:
    """One quantity by day. rows: `day` and `value`.  digits: format of d3."""
    return (
        alt.Chart(_frame(rows))
        .mark_line(color=ACCENT, point={"size": 12, "color": ACCENT})
        .encode(
            x=alt.X("day:T", title=None, axis=days_along()),
            y=alt.Y("value:Q", title=unit, scale=alt.Scale(zero=False)),
            tooltip=[alt.Tooltip("day:T", title="Day"), alt.Tooltip("value:Q", title=unit, format=digits)],
        )
        .properties(height=PLOT_PX)
    )


def in_and_out(rows: Rows, *, currency: str) -> Any:
    """Money in above the line, out below it, and the lowest balance. rows: `day`, `in`, `out`, `lowest` [major]."""
    base = alt.Chart(_frame(rows)).encode(x=alt.X("day:T", title=None, axis=days_along()))
    tip = [
        alt.Tooltip("day:T", title="Day"),
        *(alt.Tooltip(f"{name}:Q", title=f"{name} [{currency}]", format=",.2f") for name in ("in", "out", "lowest")),
    ]
    title = f"{currency} a day"
    return alt.layer(
        base.mark_bar(color=GOOD).encode(y=alt.Y("in:Q", title=title), tooltip=tip),
        base.transform_calculate(below="-datum.out").mark_bar(color=BAD).encode(y="below:Q", tooltip=tip),
        base.mark_line(color=NEUTRAL, strokeDash=[4, 3]).encode(y="lowest:Q", tooltip=tip),
    ).properties(height=PLOT_PX)


def by_second(rows: Rows) -> Any:
    """How many messages came in each of the last seconds. rows: `seconds ago` and `messages`."""
    bars = (
        alt.Chart(pd.DataFrame(list(rows)))
        .mark_bar(color=ACCENT)
        .encode(
            x=alt.X("seconds ago:Q", scale=alt.Scale(reverse=True, domain=[0, 60], nice=False), title="Seconds ago"),
            y=alt.Y("messages:Q", title="Messages a second", axis=alt.Axis(tickMinStep=1, format="d")),
            tooltip=[
                alt.Tooltip("seconds ago:Q", title="Seconds ago"),
                alt.Tooltip("messages:Q", title="Messages", format=",d"),
            ],
        )
        .properties(height=150)
    )
    return dressed(bars)


_LEGEND = alt.Legend(orient="top", symbolType="square")


def _frame(rows: Rows) -> Any:
    frame = pd.DataFrame(list(rows))
    if "day" in frame:
        frame["day"] = pd.to_datetime(frame["day"])
    return frame


def _place(names: Sequence[str]) -> str:
    """Where a kind stands, as an expression of Vega."""
    listed = ", ".join("'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'" for name in names)
    return f"indexof([{listed}], datum.kind)"
