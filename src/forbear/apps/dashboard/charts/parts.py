"""What several charts are made of: intervals, matrices, and lines with what they mean in words beside them.

No chart sets the colour of its text or ground: those are the page's, light or dark. What a colour says is also said by
a shape, a dash or a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import altair as alt

from forbear.apps.dashboard.colours import NEUTRAL, SEQUENTIAL

SHARE, POINTS, RATIO, COUNT = ".1%", "+.1%", ".2f", ",d"
"""How figures are written, in d3-format."""
TICKS = ".2~%"
"""How shares are written along an axis: with the digits that they need."""
ROW_PX, CELL_PX = 26, 46
_BRIGHT_FROM = 0.6
"""From which part of the scale on a cell is so bright that its number is dark."""
_NOT_SHADED = -1.0
_UNSHADED, _ON_BRIGHT, _ON_DARK = "#E3E6EA", "#111827", "#FFFFFF"
_WIDEST_LABEL_PX = 320
_AXES_PX = 62
"""Room for axes and their titles: the page fits all of a chart into its height."""


@dataclass(frozen=True, slots=True)
class Interval:
    """One row of a forest. low, high: 95 % unless the chart says otherwise; None: not known, and drawn as nothing.

    verdict: a word that gives colour and shape.
    """

    label: str
    value: float | None
    low: float | None
    high: float | None
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Looks:
    """How verdicts are drawn. words: verdict to colour and shape, in the order of the legend."""

    words: Mapping[str, tuple[str, str]]

    def colour(self, field: str = "verdict") -> alt.Color:
        """The channel of colours, with a legend."""
        colours = [one[0] for one in self.words.values()]
        return alt.Color(f"{field}:N", title=None, scale=alt.Scale(domain=list(self.words), range=colours))

    def shape(self, field: str = "verdict") -> alt.Shape:
        """The channel of shapes, with the same legend."""
        shapes = [one[1] for one in self.words.values()]
        return alt.Shape(f"{field}:N", title=None, scale=alt.Scale(domain=list(self.words), range=shapes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What an axis says. title: with its unit.  written: d3-format.  marked: uprights, value to words.

    tolerated: an interval that is shaded.
    """

    title: str
    written: str = SHARE
    marked: Mapping[float, str] | None = None
    tolerated: tuple[float, float] | None = None
    logarithmic: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a matrix. share: of its row, None where too few are in it to tell."""

    row: str
    column: str
    count: int
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A matrix. rows, columns: in the order in which they are shown.  plain: columns that are not shaded."""

    row_title: str
    column_title: str
    rows: Sequence[str]
    columns: Sequence[str]
    plain: frozenset[str] = frozenset()
    share_title: str = "Share of the row"


def values(rows: Iterable[Mapping[str, Any]]) -> alt.Data:
    """Rows as data of a chart; days become text that is read as UTC."""
    plain = [{name: one.isoformat() if isinstance(one, date) else one for name, one in row.items()} for row in rows]
    return alt.Data(values=plain)  # type: ignore[no-untyped-call]


def day_axis(field: str = "day", title: str = "Day") -> alt.X:
    """The channel of days. They are bank days, of no time zone: UTC keeps them where they are."""
    return alt.X(f"utcyearmonthdate({field}):T", title=title, axis=alt.Axis(labelFlush=True, grid=False))


def forest(rows: Sequence[Interval], axis: Axis, looks: Looks, said: str) -> alt.LayerChart:
    """A dot with its interval for each row, in their order. said: what it shows, in words."""
    known = [
        {"label": one.label, "value": one.value, "low": one.low, "high": one.high, "verdict": one.verdict}
        for one in rows
        if one.value is not None and one.low is not None and one.high is not None
    ]
    names = list(dict.fromkeys(one.label for one in rows))
    scale = alt.Scale(type="log") if axis.logarithmic else alt.Scale(zero=False)
    y = alt.Y("label:N", title=None, sort=names, scale=alt.Scale(domain=names), axis=_labels())
    x = alt.X("value:Q", title=axis.title, scale=scale, axis=alt.Axis(format=axis.written))
    tips = [
        alt.Tooltip("label:N", title="What"),
        *(alt.Tooltip(f"{name}:Q", title=name, format=axis.written) for name in ("value", "low", "high")),
        alt.Tooltip("verdict:N", title="Verdict"),
    ]
    base = alt.Chart(values(known)).encode(y=y, tooltip=tips)
    bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=axis.title), x2="high:Q", color=looks.colour())
    dots = base.mark_point(size=70, filled=True, opacity=1).encode(x=x, color=looks.colour(), shape=looks.shape())
    return described(alt.layer(*uprights(axis), bars, dots), said, height=max(ROW_PX * len(names), 2 * ROW_PX))


def uprights(axis: Axis) -> list[alt.Chart]:
    """What stands behind marks: the tolerated interval, and lines at what is marked."""
    drawn: list[alt.Chart] = []
    if axis.tolerated is not None:
        low, high = axis.tolerated
        band = alt.Chart(values([{"low": low, "high": high, "what": "tolerated"}])).mark_rect(
            color=NEUTRAL, opacity=0.18
        )
        drawn.append(band.encode(x=alt.X("low:Q", title=axis.title), x2="high:Q", tooltip=alt.Tooltip("what:N")))
    if axis.marked:
        told = [{"at": at, "what": what} for at, what in axis.marked.items()]
        lines = alt.Chart(values(told)).mark_rule(color=NEUTRAL, strokeDash=[4, 3])
        drawn.append(lines.encode(x=alt.X("at:Q", title=axis.title), tooltip=alt.Tooltip("what:N")))
    return drawn


def matrix(cells: Sequence[Cell], of: Matrix, said: str) -> alt.LayerChart:
    """Counts and shares in cells that are shaded by share. `cell` is a selection of row and column by click."""
    shown = [
        {
            "row": one.row,
            "column": one.column,
            "count": one.count,
            "share": _NOT_SHADED if one.column in of.plain or one.share is None else one.share,
            "says": f"{one.count:,}",
            "of": "" if one.share is None else f"{one.share:.1%}",
        }
        for one in cells
    ]
    most = max((float(one["share"]) for one in shown), default=0.0)
    most = most if most > 0.0 else 1.0
    x = alt.X("column:N", title=of.column_title, sort=list(of.columns), axis=alt.Axis(labelAngle=0, orient="top"))
    y = alt.Y("row:N", title=of.row_title, sort=list(of.rows), axis=_labels())
    tips = [
        alt.Tooltip("row:N", title=of.row_title),
        alt.Tooltip("column:N", title=of.column_title),
        alt.Tooltip("count:Q", title="Customers", format=COUNT),
        alt.Tooltip("of:N", title=of.share_title),
    ]
    shade = alt.Color(
        "share:Q",
        title=of.share_title,
        scale=alt.Scale(scheme=SEQUENTIAL, domain=[0.0, most]),
        legend=alt.Legend(format=".0%", gradientLength=84),
    )
    picked = alt.selection_point(name="cell", fields=["row", "column"], toggle=False)
    base = alt.Chart(values(shown)).encode(x=x, y=y, tooltip=tips)
    ground = base.mark_rect(stroke="white", strokeWidth=1, cursor="pointer").encode(
        color=alt.when("datum.share < 0").then(alt.value(_UNSHADED)).otherwise(shade)
    )
    dark = f"datum.share >= 0 && datum.share < {most * _BRIGHT_FROM}"
    ink = alt.when(dark).then(alt.value(_ON_DARK)).otherwise(alt.value(_ON_BRIGHT))
    number = base.mark_text(dy=-7, fontSize=14, fontWeight="bold", cursor="pointer").encode(text="says:N", color=ink)
    share = base.mark_text(dy=9, fontSize=11, cursor="pointer").encode(text="of:N", color=ink)
    drawn = alt.layer(ground.add_params(picked), number, share)
    return described(drawn, said, height=CELL_PX * max(len(of.rows), 2) + _AXES_PX // 2)


def described(chart: alt.LayerChart | alt.FacetChart, said: str, *, height: int) -> alt.LayerChart:
    """A chart and what it shows in words, which screen readers say. height: of the plot alone [px]."""
    assert isinstance(chart, alt.LayerChart)  # a layer of charts without facets is one
    return chart.properties(description=said, height=height + _AXES_PX)


def _labels() -> alt.Axis:
    return alt.Axis(labelLimit=_WIDEST_LABEL_PX, labelOverlap=False, ticks=False, domain=False)
