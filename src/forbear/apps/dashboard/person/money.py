"""What came in and went out, as the bank told it, and what the ledger makes of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import streamlit as st

from forbear.apps.dashboard import formats, layout, states
from forbear.apps.dashboard.charts.days import in_and_out
from forbear.apps.dashboard.session import Desk
from forbear.client.past import CustomerPast, CustomerWindows, OutcomeLine, PastLine, TransactionLine, UpdateLine
from forbear.client.records import Customer
from forbear.domain.money import decimals_of

_DAYS = ("30", "90", "180")
_LINES = 200


def show(desk: Desk, customer: Customer) -> None:
    """Draw the view."""
    days = int(layout.tabs("days", "Days back", {one: one for one in _DAYS}, "90"))
    who = customer.customer_id
    asks: dict[str, Callable[[], object]] = {}
    if desk.may("customer_transactions"):
        asks["past"] = lambda: next(desk.client.customer_transactions(who, days=days, page_size=_LINES).pages())
    if desk.may("customer_windows"):
        asks["windows"] = lambda: desk.client.customer_windows(who)
    told = desk.together(**asks)
    if "past" in asks:
        with states.told("Transactions"):
            _past(told["past"], desk.currency)
    if "windows" in asks:
        with states.told("The ledger"):
            _windows(told["windows"])
    else:
        _ledger(customer)


def _past(past: CustomerPast, currency: str) -> None:
    st.header("Money by day")
    if not past.by_day:
        states.empty("Nothing was booked in these days.", "Look further back.")
        return
    unit = 10 ** decimals_of(currency)
    rows = [
        {
            "day": one.day,
            "in": one.in_minor / unit,
            "out": one.out_minor / unit,
            "lowest": None if one.lowest_minor is None else one.lowest_minor / unit,
            "failed": one.failed,
            "missed": one.missed,
        }
        for one in past.by_day
    ]
    came, went = (sum(amount) for amount in zip(*((one.in_minor, one.out_minor) for one in past.by_day), strict=True))
    says = f"{formats.money(came, currency)} came in and {formats.money(went, currency)} went out."
    st.caption(f"{says} Dashed: the lowest balance of a current account. Transfers of their own are left out.")
    layout.chart(in_and_out(rows, currency=currency), rows, name="money-by-day", says=says)
    if not past.complete:
        st.caption("There are more entries than are read at once: the oldest of these days are missing.")
    st.subheader("Timeline")
    lines = [_line(one, currency) for one in islice(past.items, _LINES)]
    if past.further:
        st.caption(f"The newest {formats.count(len(lines))} entries.")
    layout.table(lines, layout.Table(name="timeline", texts=frozenset({"Booked", "What", "How", "State"})))


def _line(one: PastLine, currency: str) -> dict[str, object]:
    match one:
        case TransactionLine():
            sign = 1 if one.direction == "credit" else -1
            state = "taken back" if one.reversed else "takes another back" if one.reverses else one.status
            why = f" ({formats.words(one.failure_reason)})" if one.failure_reason else ""
            return {
                "Booked": formats.instant(one.booked_at),
                "What": formats.words(one.category),
                "Amount": formats.money(sign * one.amount_minor, one.currency),
                "Balance after": formats.money(one.balance_after_minor, one.currency),
                "How": f"{formats.words(one.channel)}, {formats.words(one.account_kind)} \u2026{one.account}",
                "State": f"{formats.words(state)}{why}",
            }
        case OutcomeLine():
            late = f", {formats.days(one.days_past_due)} late" if one.days_past_due else ""
            return {
                "Booked": formats.instant(one.booked_at),
                "What": "scheduled payment",
                "Amount": formats.money(one.amount_due_minor, currency),
                "Balance after": formats.UNKNOWN,
                "How": f"due {formats.day(one.day)}",
                "State": f"{formats.words(one.status)}{late}",
            }
        case UpdateLine():
            return {
                "Booked": formats.instant(one.booked_at),
                "What": "what the bank says of them",
                "Amount": formats.UNKNOWN,
                "Balance after": formats.UNKNOWN,
                "How": f"{formats.words(one.segment)}, {len(one.obligations)} obligations",
                "State": ", ".join(formats.words(word) for word in one.circumstances) or "no circumstances",
            }


def _windows(windows: CustomerWindows) -> None:
    st.header("What the ledger makes of it")
    st.caption(f"Open day {formats.day(windows.open_day)}.")
    money = {"money", "estimate"}
    rows = [
        {
            "Figure": formats.sentence(one.name),
            "Now": formats.money(one.value, windows.currency) if one.kind in money else _plain(one.value, one.kind),
            "Usual": formats.money(one.usual, windows.currency) if one.kind in money else _plain(one.usual, one.kind),
        }
        for one in windows.figures
    ]
    layout.table(rows, layout.Table(name="figures", texts=frozenset({"Figure"})))
    with st.expander("Every feature as the ledger stands"):
        features = [
            {
                "Feature": formats.sentence(one.name),
                "Value": formats.number(one.value, 3),
                "Unit": one.unit,
                "What it is": one.meaning if one.value is not None else f"{one.meaning} Not known: {one.unknown}.",
            }
            for one in windows.features
        ]
        layout.table(features, layout.Table(name="features", texts=frozenset({"Feature", "Unit", "What it is"})))


def _plain(value: float | None, kind: str) -> str:
    return formats.days(value) if kind in {"days", "date"} else formats.count(value)


def _ledger(customer: Customer) -> None:
    ledger = customer.ledger
    if ledger is None:
        states.empty("No ledger is followed here.", "It comes with a model in force, once the server has warmed up.")
        return
    st.header("What the ledger holds now")
    rows = [
        {
            "Figure": formats.sentence(one.name),
            "Now": formats.money(one.value, ledger.currency)
            if one.kind in {"money", "estimate"}
            else (formats.day(one.on) if one.on else _plain(one.value, one.kind)),
        }
        for one in ledger.figures
    ]
    layout.table(rows, layout.Table(name="ledger", texts=frozenset({"Figure"})))
