"""Promises to pay: which there are, and writing one down. Payments judge them by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import get_args

import streamlit as st

from forbear.apps.dashboard import acts, formats, layout, states
from forbear.apps.dashboard.session import Desk
from forbear.client.cases import NewPromise, PromiseShown, PromiseStateName
from forbear.domain.money import decimals_of

_PAGE = 200
_ANY = "any"
_STATES = {_ANY: "any state", **{name: formats.words(name) for name in get_args(PromiseStateName)}}
_WAITS = {"made": "made, not judged yet"}


def show(desk: Desk) -> None:
    """Draw the list."""
    state = layout.choose("promised", "State", list(_STATES), _ANY, words=_STATES)
    which: PromiseStateName | None = None if state == _ANY else state  # type: ignore[assignment]  # a key of the table
    page = next(desk.client.list_promises(state=which, page_size=_PAGE).pages())
    if not page.items:
        states.empty("No promise is like this.", "Promises are written down with a case, or below.")
    else:
        if page.further:
            st.caption(f"The first {_PAGE} by due day.")
        rows = promise_rows(page.items)
        layout.table(
            rows,
            layout.Table(
                name="promises", texts=frozenset({"Customer", "State", "Due", "By"}), opens="customer", by="Customer"
            ),
        )
        waiting = [one for one in page.items if one.state == "made"]
        if waiting and desk.may("release_promise"):
            with st.expander("Let somebody off a promise"):
                _release(desk, waiting)
    with st.expander("Write down a promise to pay"):
        promise_form(desk, "", "")


def promise_rows(promises: Iterable[PromiseShown]) -> list[dict[str, object]]:
    """Promises as rows of a table."""
    return [
        {
            "Customer": one.customer_id or "erased",
            "Amount": formats.money(one.amount_minor, one.currency),
            "Due": formats.day(one.due_on),
            "State": _WAITS.get(one.state, one.state),
            "Made": formats.instant(one.made_at),
            "By": one.by,
        }
        for one in promises
    ]


def promise_form(desk: Desk, customer_id: str, case_id: str) -> None:
    """Write down a promise. customer_id: "" to be asked for.  case_id: "" for none."""
    unit = 10 ** decimals_of(desk.currency)
    with st.form(f"promise-{case_id}", border=False):
        who = customer_id or st.text_input("Customer id", max_chars=64)
        left, right = st.columns(2)
        amount = left.number_input(f"Amount [{desk.currency}]", min_value=0.0, max_value=1e9, step=10.0)
        due = right.date_input("Due on", value=desk.today + timedelta(days=7), min_value=desk.today)
        sent = st.form_submit_button("Write it down", icon=":material/handshake:")
    minor = round(amount * unit)
    if sent and not (who.strip() and minor):
        st.warning("Say who promises, and how much.")
    elif sent:
        wish = NewPromise(
            customer_id=who.strip(), amount_minor=minor, currency=desk.currency, due_on=due, case_id=case_id
        )
        acts.act(
            desk,
            f"promise {wish}",
            lambda token: desk.client.record_promise(wish, idempotency_key=token),
            lambda made: "It is written down; payments will judge it." if made.fresh else "It was known.",
        )


def _release(desk: Desk, waiting: list[PromiseShown]) -> None:
    with st.form("release", border=False):
        words = {
            one.promise_id: ", ".join(
                (one.customer_id or "erased", formats.money(one.amount_minor, one.currency), formats.day(one.due_on))
            )
            for one in waiting
        }
        which = st.selectbox("Which", list(words), format_func=lambda one: words[one])
        sent = st.form_submit_button("Let them off", icon=":material/undo:")
    if sent and which:
        acts.act(
            desk,
            f"release {which}",
            lambda token: desk.client.release_promise(which, idempotency_key=token),
            lambda told: f"The promise is {formats.words(told.state)}.",
        )
