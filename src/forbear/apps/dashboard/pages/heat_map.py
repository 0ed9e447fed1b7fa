"""Where in the book the risk is: segments by band, and who is in a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from forbear.apps.dashboard import layout, states
from forbear.apps.dashboard.charts.book import heat_map, heat_map_said
from forbear.apps.dashboard.charts.parts import dressed
from forbear.apps.dashboard.colours import band_label, band_name
from forbear.apps.dashboard.formats import count, day, number, pd, per_cent, sentence
from forbear.apps.dashboard.registry import BY_NAME
from forbear.apps.dashboard.session import Desk
from forbear.client.book import SegmentFigures, Segments

DIMENSIONS = ("product", "region", "tenure", "income")
_WORDS = {"product": "Product", "region": "Region", "tenure": "Time with the bank", "income": "Income"}
_ALL = "all"
_PICKED = "_heat_map_picked"
MOST_CUSTOMERS = 50


@dataclass(frozen=True, slots=True)
class _Cell:
    """What of the map is looked at. segment, band: `_ALL` for any."""

    dimension: str
    segment: str
    band: str


def show(desk: Desk) -> None:
    """Draw the page. `?dimension=&segment=&band=` lead to a cell."""
    top = st.container()
    dimension = layout.tabs("dimension", "Segments by", _WORDS, "product")
    told: Segments = desk.figures("segments", dimension)
    with top:
        layout.head(BY_NAME["heat_map"].title, BY_NAME["heat_map"].says, desk.as_of(told))
    if not told.rows:
        states.empty("Nobody has a score yet.", "Scores come with the first closed day.")
        return
    if told.told_on is None:
        st.info(
            "Who is in which segment was not found out yet, so everybody is in one. The next closed day tells it.",
            icon=":material/info:",
        )
    _map(told, desk.bands)
    _table(told)
    st.subheader("Who is in it")
    _customers(desk, _cell(told, desk.bands))


def _map(told: Segments, bands: Sequence[str]) -> None:
    """The map. A click on a cell chooses its segment and band below, as the two boxes do by keyboard."""
    says = heat_map_said(told, bands)
    picked: Any = st.altair_chart(
        dressed(heat_map(told, bands)),
        key=f"heat-map-{told.dimension}",
        on_select="rerun",
        selection_mode="cell",
        alt=says,
    )
    st.caption(
        f"{says} Below each number its share of the segment: the stronger the colour, the larger. {_told_on(told)}"
    )
    chosen = [(one.get("row"), one.get("column")) for one in picked["selection"].get("cell", ())]
    if chosen and st.session_state.get(_PICKED) != (told.dimension, chosen):
        st.session_state[_PICKED] = (told.dimension, chosen)
        row, column = chosen[0]
        labels = {band_label(band, bands): band for band in bands}
        st.session_state["choose-segment"] = row
        st.session_state["choose-band"] = labels.get(str(column), _ALL)


def _told_on(told: Segments) -> str:
    return "" if told.told_on is None else f"Who is in which segment: as of the close of {day(told.told_on)}."


def _cell(told: Segments, bands: Sequence[str]) -> _Cell:
    """What is chosen: by keyboard here, by a click on the map, or in the URL."""
    left, right = st.columns(2)
    with left:
        segment = layout.choose("segment", "Segment", (_ALL, *(row.name for row in told.rows)), _ALL)
    with right:
        words = {band: band_label(band, bands) for band in bands}
        band = layout.choose("band", "Band", (_ALL, *bands), _ALL, words={_ALL: "all", **words})
    return _Cell(told.dimension, segment, band)


def _table(told: Segments) -> None:
    with st.expander("The same in figures"):
        layout.table(
            [_row(row) for row in told.rows],
            layout.Table(
                name=f"segments-{told.dimension}",
                texts=frozenset({"Segment"}),
                files=[_plain(row) for row in told.rows],
            ),
        )


def _row(row: SegmentFigures) -> dict[str, object]:
    shares = {
        sentence(band_name(one.band)): f"{count(one.customers)} ({per_cent(one.customers / row.customers)})"
        for one in row.bands
        if row.customers
    }
    return {
        "Segment": row.name,
        "Customers": count(row.customers),
        "Mean PD": pd(row.mean_pd),
        "Expected misses": number(row.expected_misses),
        **shares,
    }


def _plain(row: SegmentFigures) -> dict[str, object]:
    bands = {one.band or "outside": one.customers for one in row.bands}
    return {
        "segment": row.name,
        "customers": row.customers,
        "mean_pd": row.mean_pd,
        "expected_misses": row.expected_misses,
        **bands,
    }


def _customers(desk: Desk, cell: _Cell) -> None:
    if not desk.may("high_risk"):
        states.empty(f"Lists of customers are not for the role {desk.role}.", "The figures above are all there is.")
        return
    if cell.segment == _ALL and cell.band == _ALL:
        states.empty("No cell is chosen.", "Click one on the map, or choose a segment or a band above.")
        return
    segment = None if cell.segment == _ALL else f"{cell.dimension}:{cell.segment}"
    asked = {} if segment is None else {"segment": segment}
    asked |= {} if cell.band == _ALL else {"band": cell.band}
    with states.told("Customers"):
        page = next(iter(desk.client.high_risk(page_size=MOST_CUSTOMERS, **asked).pages()))  # type: ignore[arg-type]
        if not page.items:
            states.empty("Nobody is in it.", "Choose another segment or band.")
            return
        rows = [
            {
                "Customer": one.customer_id,
                "PD": pd(one.score.pd) if one.score else "",
                "Band": band_name(one.score.band) if one.score else "",
                "Scored for": day(one.score.day) if one.score else "",
            }
            for one in page.items
        ]
        st.caption(
            f"The {len(rows)} with the highest PD; there are more." if page.further else f"All {len(rows)} of them."
        )
        how = layout.Table(
            name="customers-of-cell",
            texts=frozenset({"Customer", "Band"}),
            opens="customer",
            by="Customer",
            tints={"Band": layout.tinted((one.score.band if one.score else "" for one in page.items), desk.bands)},
        )
        layout.table(rows, how)
