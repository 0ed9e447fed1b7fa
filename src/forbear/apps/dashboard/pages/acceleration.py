"""Who is getting worse fastest, in words that say how fast, with their paths; and how the whole book moves."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from forbear.apps.dashboard import layout, states
from forbear.apps.dashboard.charts.movers import MOST_PATHS, Lines, paths, velocities
from forbear.apps.dashboard.colours import band_label, band_name
from forbear.apps.dashboard.formats import UNKNOWN, close_of, count, day, number, pd, per_cent
from forbear.apps.dashboard.pages.heat_map import DIMENSIONS
from forbear.apps.dashboard.registry import BY_NAME
from forbear.apps.dashboard.session import Desk
from forbear.apps.dashboard.telling import moved, pace, pace_between
from forbear.client.book import Estimate, Mover, Pace, Worsening

MOST_MOVERS = 50
_ALL = "all"
_WINDOWS = {"7": "the last 7 days", "30": "the last 30 days"}


def show(desk: Desk) -> None:
    """Draw the page. `?days=&band=&segment=` choose what is looked at."""
    top, controls = st.container(), st.columns(3)
    with controls[0]:
        days = int(layout.choose("days", "Over", tuple(_WINDOWS), "7", words=_WINDOWS))
    with controls[1]:
        words = {band: band_label(band, desk.bands) for band in desk.bands}
        band = layout.choose("band", "Band", (_ALL, *desk.bands), _ALL, words={_ALL: "all bands", **words})
    with controls[2]:
        segment = layout.choose("segment", "Segment", _segments(desk), _ALL, words={_ALL: "all segments"})
    only = {name: chosen for name, chosen in (("band", band), ("segment", segment)) if chosen != _ALL}
    told: Worsening = desk.client.worsening(days, limit=MOST_MOVERS, **only)  # type: ignore[arg-type]
    with top:
        layout.head(BY_NAME["acceleration"].title, BY_NAME["acceleration"].says, desk.as_of(told))
    if told.closed_on is None:
        states.empty("No day is closed yet.", "Velocities come with the third closed day.")
        return
    st.caption(f"Paths up to the close of {day(told.closed_on)}; {count(told.closes)} closes are kept in memory.")
    _book(told.book, days)
    st.subheader("Who is getting worse fastest")
    if not told.items:
        states.empty("Nobody's PD rises in what was chosen.", "Choose another band, segment or window.")
        return
    _movers(told, desk.bands)
    _paths(desk, told)


def _segments(desk: Desk) -> tuple[str, ...]:
    """What can be chosen: every segment of every dimension, and all of them."""
    came = desk.together(**{one: lambda one=one: desk.figures("segments", one) for one in DIMENSIONS})
    known = [(one, came.met(one)) for one in DIMENSIONS]
    return (_ALL, *(f"{one}:{row.name}" for one, told in known if told is not None for row in told.rows))


def _book(book: Pace, days: int) -> None:
    told = (
        ("Rising", book.rising, "the whole 95 % interval of the velocity is above 0"),
        ("Falling", book.falling, "the whole interval is below 0"),
        ("Neither", book.steady, "0 lies in the interval"),
        ("Not known", book.unknown, "not scored at the newest close, or at too few before it"),
    )
    for place, (label, customers, says) in zip(st.columns(len(told)), told, strict=True):
        with place:
            share = customers / book.customers if book.customers else None
            layout.metric(label, count(customers), delta=f"{per_cent(share)} of {count(book.customers)}", says=says)
    median = UNKNOWN if book.median_velocity is None else number(book.median_velocity, 4)
    says = (
        f"Of {count(book.customers)} customers {count(book.rising)} rise and {count(book.falling)} fall over {days} "
        f"days. The median velocity is {median} log-odds a day."
    )
    rows = [one.model_dump() for one in book.histogram]
    layout.chart(velocities(book), rows, name="velocities", says=says)
    st.caption(says)


def _movers(told: Worsening, bands: Sequence[str]) -> None:
    st.caption(
        "Click a row to open the customer. The words follow the line through the log-odds at the closes of the window; "
        "in brackets is what both ends of its 95 % interval would mean. Intervals are of the noise about a straight "
        "line, and rather too narrow: closes that follow one another share most of their days."
    )
    how = layout.Table(
        name="worsening",
        texts=frozenset({"Customer", "Band", "How fast", "Beside the time before"}),
        opens="customer",
        by="Customer",
        files=[_plain(one) for one in told.items],
        tints={"Band": layout.tinted((one.band for one in told.items), bands)},
        columns={"PDs, by close": st.column_config.LineChartColumn("PDs, by close", width=110, y_min=0.0)},
    )
    layout.table([_row(one) for one in told.items], how)


def _row(one: Mover) -> dict[str, object]:
    return {
        "Customer": one.customer_id,
        "Band": band_name(one.band),
        "PD": moved(one.pd_before, one.pd),
        "PDs, by close": [point.pd for point in one.path],
        "How fast": f"{pace(one.pd, one.velocity.value)} ({pace_between(one.pd, one.velocity)})",
        "Beside the time before": _bend(one.acceleration),
        "Velocity, log-odds a day": number(one.velocity.value, 3),
    }


def _plain(one: Mover) -> dict[str, object]:
    acceleration = one.acceleration
    return {
        "customer": one.customer_id,
        "band": one.band,
        "pd_before": one.pd_before,
        "pd": one.pd,
        **{f"velocity_{name}": value for name, value in one.velocity.model_dump().items()},
        "acceleration": None if acceleration is None else acceleration.value,
    }


def _bend(acceleration: Estimate | None) -> str:
    """Whether it goes faster than in the window before."""
    if acceleration is None:
        return "too few closes before"
    if acceleration.low > 0:
        return "faster than before"
    return "slower than before" if acceleration.high < 0 else "as fast, as far as can be told"


def _paths(desk: Desk, told: Worsening) -> None:
    shown = told.items[:MOST_PATHS]
    st.subheader("Their paths")
    lines = lines_of(desk)
    named = ", ".join(f"{band_label(name, lines.order)} from {pd(lines.enter[name])}" for name in lines.enter)
    says = f"PDs of the first {len(shown)} at the closes of both windows. The lines are where bands begin: {named}."
    rows = [
        {"customer": one.customer_id, "close": close_of(point.day).isoformat(), "pd": point.pd}
        for one in shown
        for point in one.path
    ]
    layout.chart(paths(shown, lines), rows, name="paths", says=says)
    st.caption(f"{says} Steps of equal height are equal ratios.")


def lines_of(desk: Desk) -> Lines:
    """The lines of the policy in force. Raises Problem."""
    document: Mapping[str, Any] = tomllib.loads(desk.figures("policy").text)
    return Lines(desk.bands, {band["name"]: float(band["enter"]) for band in document.get("bands", ())})
