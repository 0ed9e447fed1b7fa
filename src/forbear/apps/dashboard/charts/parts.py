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

from forbear.apps.dashboard.colours import NEUTRAL
from forbear.apps.dashboard.formats import MINUS, PER_CENT, THIN, count, per_cent

SHARE, POINTS, RATIO, COUNT = ".1%", "+.1f", ".2f", ",d"
"""How figures are written, in d3-format. POINTS is of a difference of shares times 100."""
TICKS = ".2~%"
"""How shares are written along an axis: with the digits that they need."""
PLOT_PX, ROW_PX, CELL_PX = 250, 26, 46
"""Heights: of a plot, of a row of a forest or of bars, and of a cell of a matrix."""
NOT_SHADED = -1.0
"""The share of a cell that is not shaded."""
_WHITE, _BLACK = "#ffffff", "#000000"
_WIDEST_LABEL_PX = 320
ENDS = {"value": "Value", "low": "95 %, from", "high": "95 %, to"}
"""An estimate in a tooltip."""
_AXES_PX = 62
_LOCALE: dict[str, Any] = {
    "decimal": ".",
    "thousands": THIN,
    "grouping": [3],
    "currency": ["", ""],
    "minus": MINUS,
    "percent": PER_CENT,
}
"""Figures in charts as `formats` writes them beside."""
_UPRIGHT_TITLE: dict[str, Any] = {
    "titleAngle": 0,
    "titleAlign": "left",
    "titleBaseline": "bottom",
    "titleX": 0,
    "titleY": -9,
    "titleLimit": 480,
}
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

    @property
    def unit(self) -> str:
        """What stands behind the name of a figure: percentage points, or nothing."""
        return " [pp]" if self.written == POINTS else ""


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


def dressed(chart: Any) -> Any:
    """A chart as pages show it: figures as everywhere, titles of axes to be read without turning the head.

    Legends stand above the plot, so that they take nothing of its width.
    """
    return chart.properties(padding={"left": 0, "top": 4, "right": 4, "bottom": 2}).configure(
        locale=alt.Locale(number=alt.NumberLocale(**_LOCALE)),
        axisLeft=alt.AxisConfig(**_UPRIGHT_TITLE),
        axisX=alt.AxisConfig(labelAngle=0, titlePadding=6),
        axisXQuantitative=alt.AxisConfig(tickCount=7),
        legend=alt.LegendConfig(orient="top", direction="horizontal", titleOrient="left", offset=26, padding=0),
    )


def values(rows: Iterable[Mapping[str, Any]]) -> alt.Data:
    """Rows as data of a chart; days become text that is read as UTC."""
    plain = [{name: one.isoformat() if isinstance(one, date) else one for name, one in row.items()} for row in rows]
    return alt.Data(values=plain)  # type: ignore[no-untyped-call]


def day_axis(field: str = "day", title: str = "Day") -> alt.X:
    """The channel of days. They are bank days, of no time zone: UTC keeps them where they are."""
    return alt.X(f"utcyearmonthdate({field}):T", title=title, axis=days_along())


def days_along() -> alt.Axis:
    """How days are written along an axis: 22 Nov."""
    return alt.Axis(format="%-d %b", tickCount=8, labelFlush=True, labelSeparation=8, grid=False)


def forest(rows: Sequence[Interval], axis: Axis, looks: Looks) -> alt.LayerChart:
    """A dot with its interval for each row, in their order."""
    times = 100.0 if axis.written == POINTS else 1.0
    known = [
        {
            "label": one.label,
            "value": one.value * times,
            "low": one.low * times,
            "high": one.high * times,
            "verdict": one.verdict,
        }
        for one in rows
        if one.value is not None and one.low is not None and one.high is not None
    ]
    names = list(dict.fromkeys(one.label for one in rows))
    scale = alt.Scale(type="log") if axis.logarithmic else alt.Scale(zero=False)
    y = alt.Y("label:N", title=None, sort=names, scale=alt.Scale(domain=names), axis=_labels())
    x = alt.X("value:Q", title=axis.title, scale=scale, axis=alt.Axis(format=axis.written))
    tips = [
        alt.Tooltip("label:N", title="What"),
        *(alt.Tooltip(f"{name}:Q", title=f"{says}{axis.unit}", format=axis.written) for name, says in ENDS.items()),
        alt.Tooltip("verdict:N", title="Verdict"),
    ]
    base = alt.Chart(values(known)).encode(y=y, tooltip=tips)
    bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=axis.title), x2="high:Q", color=looks.colour())
    dots = base.mark_point(size=70, filled=True, opacity=1).encode(x=x, color=looks.colour(), shape=looks.shape())
    return sized(alt.layer(*uprights(axis, times), bars, dots), height=max(ROW_PX * len(names), 2 * ROW_PX))


def uprights(axis: Axis, times: float = 1.0) -> list[alt.Chart]:
    """What stands behind marks: the tolerated interval, and lines at what is marked. times: what all is drawn by."""
    drawn: list[alt.Chart] = []
    if axis.tolerated is not None:
        low, high = (end * times for end in axis.tolerated)
        band = alt.Chart(values([{"low": low, "high": high, "what": "tolerated"}])).mark_rect(
            color=NEUTRAL, opacity=0.18
        )
        drawn.append(
            band.encode(x=alt.X("low:Q", title=axis.title), x2="high:Q", tooltip=alt.Tooltip("what:N", title="What"))
        )
    if axis.marked:
        told = [{"at": at * times, "what": what} for at, what in axis.marked.items()]
        lines = alt.Chart(values(told)).mark_rule(color=NEUTRAL, strokeDash=[4, 3])
        drawn.append(lines.encode(x=alt.X("at:Q", title=axis.title), tooltip=alt.Tooltip("what:N", title="What")))
    return drawn


def matrix(cells: Sequence[Cell], of: Matrix) -> alt.LayerChart:
    """Counts and shares in cells that are shaded by share. `cell` is a selection of row and column by click."""
    shown = [
        {
            "row": one.row,
            "column": one.column,
            "count": one.count,
            "share": NOT_SHADED if one.column in of.plain or one.share is None else one.share,
            "says": count(one.count),
            "of": "" if one.share is None else per_cent(one.share),
        }
        for one in cells
    ]
    most = max((one.share or 0.0 for one in cells if one.column not in of.plain), default=0.0)
    x = alt.X("column:N", title=of.column_title, sort=list(of.columns), axis=alt.Axis(orient="top"))
    y = alt.Y("row:N", title=of.row_title, sort=list(of.rows), axis=_corner())
    tips = [
        alt.Tooltip("row:N", title=of.row_title),
        alt.Tooltip("column:N", title=of.column_title),
        alt.Tooltip("count:Q", title="Customers", format=COUNT),
        alt.Tooltip("of:N", title=of.share_title),
    ]
    picked = alt.selection_point(name="cell", fields=["row", "column"], toggle=False)
    base = alt.Chart(values(shown)).encode(x=x, y=y, tooltip=tips)
    number = base.mark_text(dy=-7, fontSize=14, fontWeight="bold", cursor="pointer").encode(
        text="says:N", color=ink("share")
    )
    share = base.mark_text(dy=9, fontSize=11.5, cursor="pointer").encode(text="of:N", color=ink("share"))
    drawn = alt.layer(shaded(base, "share", most).add_params(picked), number, share)
    return sized(drawn, height=CELL_PX * max(len(of.rows), 2) + _AXES_PX // 2)


def shaded(base: alt.Chart, field: str, most: float) -> alt.Chart:
    """Cells by a quantity from 0 to `most`, on the scale of the theme: little is at the page's ground.

    A cell whose quantity is below 0 has a ground that says nothing.
    """
    shade = alt.Color(f"{field}:Q", scale=alt.Scale(domain=[0.0, most if most > 0.0 else 1.0]), legend=None)
    plain = alt.when(f"datum.{field} < 0").then(alt.value(0.0)).otherwise(alt.value(1.0))
    drawn: alt.Chart = base.mark_rect(stroke=NEUTRAL, strokeWidth=0.4, strokeOpacity=0.5, cursor="pointer").encode(
        color=shade, fillOpacity=plain
    )
    return drawn


def ink(field: str) -> Any:
    """The colour of text on a cell of `shaded`: of black and white the one that can be read better there.

    A cell without a shade is of the page's ground, which is near the scale's beginning.
    """
    ground = f"scale('color', max(0, datum.{field}))"
    return (
        alt.when(f"contrast({ground}, '{_WHITE}') > contrast({ground}, '{_BLACK}')")
        .then(alt.value(_WHITE))
        .otherwise(alt.value(_BLACK))
    )


def sized(chart: alt.LayerChart | alt.FacetChart, *, height: int) -> alt.LayerChart:
    """A chart with room for its axes. height: of the plot alone [px]."""
    assert isinstance(chart, alt.LayerChart)  # a layer of charts without facets is one
    return chart.properties(height=height + _AXES_PX)


def _corner() -> alt.Axis:
    """An axis of rows whose title stands above their names, beside those of the columns."""
    place: dict[str, Any] = {"titleAlign": "right", "titleX": -12, "titleY": -9}
    return alt.Axis(labelLimit=_WIDEST_LABEL_PX, labelOverlap=False, ticks=False, domain=False, **place)


def _labels() -> alt.Axis:
    return alt.Axis(labelLimit=_WIDEST_LABEL_PX, labelOverlap=False, ticks=False, domain=False)
