"""What was decided about whom, and what came back."""

from __future__ import annotations

import streamlit as st

from forbear.apps.dashboard import formats, layout, states
from forbear.apps.dashboard.colours import band_name
from forbear.apps.dashboard.session import Desk
from forbear.client.records import Intervention

_PAGE = 100
_ANY = "any"
_OUTCOMES = {_ANY: "any outcome", "offer": "offers", "hold_out": "held back for comparison"}


def show(desk: Desk) -> None:
    """Draw the list; a role that sees customers one at a time is asked for one."""
    if not desk.may("list_interventions"):
        states.empty(
            "Your role sees decisions of one customer at a time.",
            "Open a case, or a customer's contacts and decisions.",
        )
        layout.link("customer", "Look for a customer")
        return
    columns = st.columns(3)
    with columns[0]:
        outcome = layout.choose("outcome", "Outcome", list(_OUTCOMES), _ANY, words=_OUTCOMES)
    with columns[1]:
        bands = (_ANY, *desk.bands)
        band = layout.choose("band", "Band", bands, _ANY, words={_ANY: "any band"})
    with columns[2]:
        order = layout.choose("order", "First", ("newest", "oldest"), "newest")
    which: dict[str, object] = {"order": order, "page_size": _PAGE}
    which |= {name: value for name, value in (("outcome", outcome), ("band", band)) if value != _ANY}
    page = next(desk.client.list_interventions(**which).pages())  # type: ignore[arg-type]  # words of the shape
    if not page.items:
        states.empty("Nothing was decided like this.", "Loosen the filters.")
        return
    if page.further:
        st.caption(f"The first {_PAGE}.")
    rows = [_row(one) for one in page.items]
    texts = frozenset({"Decision", "Customer", "Outcome", "Action", "Channel", "Band", "Answers", "Day"})
    how = layout.Table(
        name="decisions",
        texts=texts,
        opens="worklist",
        query="decision",
        keys=[one.decision_id for one in page.items],
        files=[{**row, "Decision": one.decision_id} for row, one in zip(rows, page.items, strict=True)],
        tints={"Band": layout.tinted((one.band for one in page.items), desk.bands)},
    )
    layout.table(rows, how)


def _row(one: Intervention) -> dict[str, object]:
    return {
        "Customer": one.customer_id or "erased",
        "Day": formats.day(one.day),
        "Outcome": formats.words(one.outcome),
        "Action": formats.words(one.action),
        "Channel": formats.words(one.channel),
        "Band": band_name(one.band),
        "Cost": formats.money(one.cost_minor, one.currency),
        "Answers": ", ".join(formats.words(answer.answer) for answer in one.answers) or formats.UNKNOWN,
        "Decision": one.decision_id[:8],
    }
