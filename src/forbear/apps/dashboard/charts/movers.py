"""Who is getting worse: small paths of PDs with the cut-offs of bands, and how fast the whole book moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from forbear.apps.dashboard.charts.parts import PLOT_PX, day_axis, sized, values
from forbear.apps.dashboard.colours import ACCENT, BAD, GOOD, NEUTRAL, band_colour, band_label
from forbear.apps.dashboard.formats import close_of
from forbear.client.book import Mover, Pace, VelocityBar

MOST_PATHS, PATH_COLUMNS = 12, 3
_PATH_PX, _WIDTH_PX = 110, 262
_RISING, _FALLING, _STILL = "rising", "falling", "about 0"


@dataclass(frozen=True, slots=True)
class Lines:
    """The cut-offs of bands. order: their names, the most urgent first.  enter: the PD from which each is entered."""

    order: Sequence[str]
    enter: Mapping[str, float]


def paths(movers: Sequence[Mover], lines: Lines) -> alt.FacetChart:
    """A small chart for each of the first `MOST_PATHS`: the PD by close on one common scale, and the bands' cut-offs.

    The scale is logarithmic: equal steps up are equal ratios.
    """
    names = [one.customer_id for one in movers[:MOST_PATHS]]
    told = [
        {"customer": one.customer_id, "day": close_of(point.day).isoformat(), "pd": point.pd}
        for one in movers[:MOST_PATHS]
        for point in one.path
        if point.pd > 0
    ]
    cuts = [
        {f"cut_{place}": lines.enter[band], f"band_{place}": band_label(band, lines.order)}
        for place, band in enumerate(lines.order)
        if band in lines.enter
    ]
    known = {name: value for cut in cuts for name, value in cut.items()}
    base = alt.Chart(values({**row, **known} for row in told))
    y = alt.Y("pd:Q", title="PD [%]", scale=alt.Scale(type="log"), axis=alt.Axis(format="~%", tickCount=3))
    tips = [
        alt.Tooltip("customer:N", title="Customer"),
        alt.Tooltip("day:N", title="Close"),
        alt.Tooltip("pd:Q", title="PD", format=".2%"),
    ]
    path = base.mark_line(color=ACCENT, strokeWidth=2, point=alt.OverlayMarkDef(size=18, color=ACCENT))
    layers = [
        base.mark_rule(strokeDash=[[1, 0], [6, 3], [2, 2]][min(place, 2)], color=band_colour(band, lines.order)).encode(
            y=alt.Y(f"mean(cut_{place}):Q"), tooltip=alt.Tooltip(f"band_{place}:N", title="From here on")
        )
        for place, band in enumerate(lines.order)
        if band in lines.enter
    ]
    layers.append(path.encode(x=day_axis(title=""), y=y, tooltip=tips))
    header = alt.Header(labelFontSize=12, labelLimit=220)
    small = alt.layer(*layers).properties(height=_PATH_PX, width=_WIDTH_PX)
    return small.facet(
        facet=alt.Facet("customer:N", title=None, sort=names, header=header), columns=PATH_COLUMNS, spacing=14
    )


def velocities(pace: Pace) -> alt.LayerChart:
    """How many customers move how fast [log-odds a day]; a legend tells who rises from who falls."""
    told = [{"says": bounds(bar), "customers": bar.customers, "way": way(bar)} for bar in pace.histogram]
    scale = alt.Scale(domain=[_RISING, _FALLING, _STILL], range=[BAD, GOOD, NEUTRAL])
    every = alt.Axis(labelOverlap=False, labelFontSize=11, labelLimit=90)
    bars = (
        alt.Chart(values(told))
        .mark_bar()
        .encode(
            x=alt.X("says:N", title="Velocity [log-odds a day]", sort=None, axis=every),
            y=alt.Y("customers:Q", title="Customers", axis=alt.Axis(format=",d")),
            color=alt.Color("way:N", title=None, scale=scale),
            tooltip=[
                alt.Tooltip("says:N", title="Velocity"),
                alt.Tooltip("customers:Q", title="Customers", format=",d"),
            ],
        )
    )
    return sized(alt.layer(bars), height=PLOT_PX)


def way(bar: VelocityBar) -> str:
    """Which way whoever is in a bar moves."""
    if bar.low is not None and bar.low >= 0:
        return _RISING
    return _FALLING if bar.high is not None and bar.high <= 0 else _STILL


def bounds(bar: VelocityBar) -> str:
    """A bar in words; bars are not all as wide as one another, so they stand side by side and not on a scale."""
    if bar.low is None:
        return f"below {bar.high:+g}"
    return f"from {bar.low:+g}" if bar.high is None else f"{bar.low:+g} to {bar.high:+g}"
