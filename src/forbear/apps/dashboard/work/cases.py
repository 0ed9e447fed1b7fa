"""The worklist: which cases there are, in the order that they are to be worked on, and how to open another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import get_args

import streamlit as st

from forbear.apps.dashboard import acts, formats, layout, states
from forbear.apps.dashboard.colours import BAD, SOON
from forbear.apps.dashboard.session import Desk
from forbear.client.cases import CaseShown, KindName, StateName

_PAGE = 100
_STATE_PX = 130
"""For the longest: it is measured by the first rows otherwise."""
_SOON = timedelta(days=1)
_ANY = "any"
_STATES = {_ANY: "can be worked on now", **{name: formats.words(name) for name in get_args(StateName)}}
_KINDS = {_ANY: "any kind", **{name: formats.words(name) for name in get_args(KindName)}}


def show(desk: Desk) -> None:
    """Draw the list with its filters."""
    columns = st.columns(4, vertical_alignment="bottom")
    with columns[0]:
        state = layout.choose("state", "State", list(_STATES), _ANY, words=_STATES)
    with columns[1]:
        kind = layout.choose("kind", "Kind", list(_KINDS), _ANY, words=_KINDS)
    with columns[2]:
        mine = layout.flag("mine", "Only mine")
    with columns[3]:
        overdue = layout.flag("overdue", "Only overdue")
    which: dict[str, object] = {"page_size": _PAGE, "mine": mine, "overdue": overdue}
    which |= {name: value for name, value in (("state", state), ("kind", kind)) if value != _ANY}
    page = next(desk.client.list_cases(**which).pages())  # type: ignore[arg-type]  # words of the two shapes
    if not page.items:
        states.empty("No case is like this.", "Loosen the filters; cases are opened by what happens, or by hand below.")
    else:
        if page.further:
            st.caption(f"The first {_PAGE}, the most pressing of all that are like this.")
        _table(page.items, desk.now)
    with st.expander("Open a case by hand"):
        _open(desk)


def _table(cases: Sequence[CaseShown], now: datetime) -> None:
    """What presses first, first: how late it is, then whom and what it is about, and who has it."""
    rows = [_row(one, now) for one in cases]
    how = layout.Table(
        name="cases",
        texts=frozenset(rows[0]) - {"Priority"},
        opens="worklist",
        query="case",
        keys=[one.case_id for one in cases],
        files=[{**row, "Case": one.case_id} for row, one in zip(rows, cases, strict=True)],
        tints={"Due": [_pressing(one, now) for one in cases]},
        columns={"State": st.column_config.Column("State", width=_STATE_PX, alignment="left")},
    )
    layout.table(rows, how)


def _row(one: CaseShown, now: datetime) -> dict[str, object]:
    return {
        "Due": "closed" if one.state == "closed" else formats.lateness(one.due_at, now),
        "Priority": one.priority,
        "Customer": one.customer_id or "erased",
        "Kind": formats.words(one.kind),
        "State": f"escalated, {one.state}" if one.escalated else formats.words(one.state),
        "Who has it": one.assigned or "nobody",
        "Case": one.case_id[:8],
        "Next step": one.next_step,
        "Deadline": formats.instant(one.due_at),
    }


def _pressing(one: CaseShown, now: datetime) -> str:
    """The ground that says again how near a deadline is."""
    if one.state == "closed":
        return ""
    return BAD if one.due_at < now else SOON if one.due_at - now < _SOON else ""


def _open(desk: Desk) -> None:
    with st.form("open-case", border=False):
        left, right = st.columns(2)
        who = left.text_input("Customer id", max_chars=64)
        kind = right.selectbox("What it is about", get_args(KindName), format_func=formats.words)
        words = st.text_area("What is known", max_chars=2_000, help="Kept sealed under the customer's key.")
        sent = st.form_submit_button("Open the case", icon=":material/add:")
    if sent and not who.strip():
        st.warning("Say first whom it is about.")
    elif sent:
        acts.act(
            desk,
            f"open {who} {kind} {words}",
            lambda token: desk.client.open_case(who.strip(), kind, words=words, idempotency_key=token),
            lambda told: f"Case {told.case.case_id[:8]} is open." if told.fresh else "One was open: it got a step.",
        )
