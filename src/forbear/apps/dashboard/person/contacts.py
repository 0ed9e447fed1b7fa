"""Whether a customer may be reached now, what was decided about them, and what came back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from zoneinfo import ZoneInfo

import streamlit as st

from forbear.apps.dashboard import acts, formats, layout, states
from forbear.apps.dashboard.asking import Answers
from forbear.apps.dashboard.colours import BAD, GOOD, band_label
from forbear.apps.dashboard.person import stops
from forbear.apps.dashboard.rules import rules_of
from forbear.apps.dashboard.session import Desk
from forbear.client.contacts import ContactPermission
from forbear.client.records import (
    AnswerEntry,
    ContactEntry,
    Customer,
    DecisionEntry,
    HistoryEntry,
    OutcomeEntry,
    ScoreEntry,
)

_CHANNELS = ("app", "email", "phone", "sms")
_ALLOWED = "allowed"
_LINES = 200


def show(desk: Desk, customer: Customer) -> None:
    """Draw the view."""
    who = customer.customer_id
    policy = desk.together(policy=lambda: desk.figures("policy")).met("policy")
    channels = (rules_of(policy).channels if policy else ()) or _CHANNELS
    asks = {channel: _permission(desk, who, channel) for channel in channels}
    told = desk.together(**asks, history=lambda: next(desk.client.customer_history(who, page_size=_LINES).pages()))
    st.header("May we reach them now?")
    _permissions(told, channels)
    stops.show(desk, who, channels)
    if desk.may("request_help"):
        _help(desk, who)
    st.header("What happened")
    with states.told("The history"):
        _history(desk, told["history"].items)


def _permission(desk: Desk, who: str, channel: str) -> Callable[[], ContactPermission]:
    return lambda: desk.client.contact_permission(who, channel)


def _permissions(told: Answers, channels: tuple[str, ...]) -> None:
    rows, asked = [], None
    for channel in channels:
        with states.told(f"Permission for {channel}"):
            one: ContactPermission = told[channel]
            asked = one
            rows.append(
                {
                    "Channel": formats.words(channel),
                    "Now": _ALLOWED if one.allowed else "not allowed",
                    "Why not": one.says,
                    "Next": _next(one),
                    "Rule": " ".join(part for part in (one.clause, one.source) if part),
                }
            )
    if rows and asked:
        packs = ", ".join(asked.packs)
        st.caption(f"Asked at {formats.instant(asked.asked_at)}, by the law of {asked.jurisdiction} ({packs}).")
        layout.table(
            rows,
            layout.Table(
                name="permission",
                texts=frozenset({"Channel", "Now", "Why not", "Next", "Rule"}),
                tints={"Now": [GOOD if one["Now"] == _ALLOWED else BAD for one in rows]},
            ),
        )


def _next(one: ContactPermission) -> str:
    if one.allowed:
        return "a person approves first" if one.needs_approval else "at once"
    return formats.instant(one.next_at) if one.next_at else "not by waiting alone"


def _help(desk: Desk, who: str) -> None:
    with st.expander("Have them offered help by the rules"):
        may_override = desk.role in {"approver", "admin"}
        with st.form("request-help", border=False):
            why = st.text_input("Why", max_chars=500, placeholder="They called and asked for help")
            override = may_override and st.checkbox(
                "Override cut-offs, earlier answers, cool-downs and the hold-out; law, consent and capacity hold"
            )
            sent = st.form_submit_button("Ask for help", icon=":material/volunteer_activism:")
    if sent:
        acts.act(
            desk,
            f"help {who} {why} {override}",
            lambda token: desk.client.request_help(who, why=why, override=override, idempotency_key=token),
            lambda answer: f"It is asked for: {answer.said} ({answer.waiting} waiting).",
        )


def _history(desk: Desk, items: tuple[HistoryEntry, ...]) -> None:
    shown = ("decisions", "everything")
    which = layout.choose("history", "Show", shown, "decisions", words={"decisions": "without scores"})
    order, zone = desk.bands, desk.zone
    lines = [
        _line(one, order, zone)
        for one in islice(items, _LINES)
        if which == "everything" or not isinstance(one, ScoreEntry)
    ]
    if not lines:
        states.empty("Nothing was decided or answered.", "Scores alone are under \u201ceverything\u201d.")
        return
    layout.table(lines, layout.Table(name="history", texts=frozenset({"Day", "What", "Which", "More"})))


def _line(one: HistoryEntry, order: tuple[str, ...], zone: ZoneInfo) -> dict[str, object]:
    match one:
        case ScoreEntry():
            more = f"{formats.words(one.verdict)}; {', '.join(formats.words(word) for word in one.trigger)}"
            return _row(one.day.isoformat(), "score", f"{formats.pd(one.pd)}, {band_label(one.band, order)}", more)
        case DecisionEntry():
            cost = formats.money(one.cost_minor, one.currency)
            which = f"{formats.words(one.outcome)}: {formats.words(one.action)}"
            return _row(one.day.isoformat(), "decision", which, f"{one.channel}, {cost}, {band_label(one.band, order)}")
        case ContactEntry():
            return _row(one.day.isoformat(), "contact", formats.words(one.of), one.channel)
        case OutcomeEntry():
            amount = formats.money(one.amount_due_minor, one.currency)
            paid = f", paid {formats.day(one.paid_on)}" if one.paid_on else ""
            return _row(one.due_on.isoformat(), "scheduled payment", f"{formats.words(one.status)}{paid}", amount)
        case AnswerEntry():
            day = one.at.astimezone(zone).date().isoformat()
            return _row(day, "answer", formats.words(one.answer), f"told by {one.by}")


def _row(day: str, what: str, which: str, more: str) -> dict[str, object]:
    return {"Day": day, "What": what, "Which": which, "More": more}
