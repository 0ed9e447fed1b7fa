"""One customer: how likely a missed payment is and why, what was done, and whether they may be reached now."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from forbear.apps.dashboard import acts, formats, layout, states
from forbear.apps.dashboard.colours import band_label, band_name
from forbear.apps.dashboard.person import contacts, money, record, risk, what_if
from forbear.apps.dashboard.registry import BY_NAME
from forbear.apps.dashboard.session import Desk
from forbear.client import NotThere
from forbear.client.records import Customer

_ENTRY = BY_NAME["customer"]
_RISKIEST = 25
VIEWS: dict[str, tuple[str, Callable[[Desk, Customer], None]]] = {
    "risk": ("Risk and reasons", risk.show),
    "money": ("Money by day", money.show),
    "contacts": ("Contacts and decisions", contacts.show),
    "what-if": ("What if", what_if.show),
    "record": ("Audit and accesses", record.show),
}


def show(desk: Desk) -> None:
    """Draw the page of the customer in the URL, or ask for one."""
    asked = st.query_params.get("id", "").strip()
    if not asked:
        layout.head(_ENTRY.title, _ENTRY.says, desk.as_of())
        _search("")
        _riskiest(desk)
        return
    try:
        customer = desk.client.customer(asked)
    except NotThere:
        layout.head(_ENTRY.title, _ENTRY.says, desk.as_of())
        _search(asked)
        states.empty("Nobody here has this id.", "Look whether it is whole. Whoever was erased is not found either.")
        return
    layout.head(f"Customer {states.plain(customer.customer_id)}", _ENTRY.says, desk.as_of(customer))
    acts.told()
    _search(asked)
    _brief(desk, customer)
    view = layout.tabs("view", "Look at", {name: one[0] for name, one in VIEWS.items()}, "risk")
    VIEWS[view][1](desk, customer)


def _search(asked: str) -> None:
    with st.form("find-customer", border=False):
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        said = left.text_input("Customer id", value=asked, max_chars=64, placeholder="C0000017")
        sent = right.form_submit_button("Look", icon=":material/search:", width="stretch")
    if sent and said.strip() and said.strip() != asked:
        layout.go("customer", id=said.strip())


def _riskiest(desk: Desk) -> None:
    if not desk.may("high_risk"):
        states.empty("Type a customer's id.", "Your role sees customers one at a time; the worklist leads to them too.")
        return
    st.header(f"The {_RISKIEST} with the highest PD")
    page = next(desk.client.high_risk(page_size=_RISKIEST).pages())
    if not page.items:
        states.empty("Nobody is scored yet.", "Scores come with the first closed day.")
        return
    rows = [
        {
            "Customer": one.customer_id,
            "PD, 30 days": formats.pd(one.score.pd),
            "Band": band_name(one.score.band),
            "Scored": formats.instant(one.score.scored_at),
        }
        for one in page.items
        if one.score
    ]
    files = [
        {"customer": one.customer_id, "pd": one.score.pd, "band": one.score.band} for one in page.items if one.score
    ]
    texts = frozenset({"Customer", "Band", "Scored"})
    tints = {"Band": layout.tinted((one.score.band for one in page.items if one.score), desk.bands)}
    layout.table(
        rows, layout.Table(name="riskiest", texts=texts, opens="customer", by="Customer", files=files, tints=tints)
    )


def _brief(desk: Desk, customer: Customer) -> None:
    score, ledger = customer.score, customer.ledger
    columns = st.columns(4)
    with columns[0]:
        layout.metric(
            "PD, 30 days",
            formats.pd(score.pd if score else None),
            says="Probability of a missed payment in the next 30 days, as it was recorded last.",
        )
    with columns[1]:
        layout.metric("Band", band_label(score.band, desk.bands) if score else formats.UNKNOWN)
    with columns[2]:
        layout.metric("Scored", formats.day(score.day if score else None), delta=_at(customer))
    with columns[3]:
        newest = customer.contacts[0] if customer.contacts else None
        layout.metric(
            "Last contact",
            formats.day(newest.day) if newest else "never",
            delta=f"{formats.words(newest.kind)}, {newest.channel}" if newest else None,
        )
    if ledger is not None and ledger.hurdle != "none":
        st.info(f"Not scored at the moment: {formats.words(ledger.hurdle)}.", icon=":material/pause_circle:")


def _at(customer: Customer) -> str | None:
    return None if customer.score is None else formats.instant(customer.score.scored_at)
