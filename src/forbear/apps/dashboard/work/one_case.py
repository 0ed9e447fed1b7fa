"""One case: what it rests on, what was done, and what may be done with it now."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Literal

import streamlit as st

from forbear.apps.dashboard import acts, formats, layout, states
from forbear.apps.dashboard.session import Desk
from forbear.apps.dashboard.work.promises import promise_form, promise_rows
from forbear.client import NotThere
from forbear.client.cases import ActName, CaseShown, CaseTold, NewOverride

_OVERRIDES = {
    "helped_held": "Help was given though it was held back",
    "refused_offer": "The offer was not made",
    "other_action": "Another action was taken",
    "other_channel": "Another channel was taken",
}
_STEPS: dict[ActName, str] = {
    "take": "Take it",
    "note": "Write a note",
    "wait": "Wait for somebody",
    "snooze": "Put off",
    "assign": "Hand over",
    "refuse": "Put back",
    "escalate": "Escalate",
    "close": "Close",
}


_MORNING = time(8)
"""When a case that was put off is on the list again, where the bank is."""


def show(desk: Desk, case_id: str) -> None:
    """Draw the case."""
    try:
        told: CaseTold = desk.client.get_case(case_id)
    except NotThere:
        states.empty("There is no such case.", "Go back to the list.")
        return
    case = told.case
    st.header(f"Case {case.case_id[:8]}: {formats.words(case.kind)}")
    _facts(case, desk.now)
    if case.customer_id:
        layout.link("customer", f"Customer {case.customer_id}", id=case.customer_id)
    if told.decision is not None:
        one = told.decision
        st.markdown(
            f"Rests on: **{formats.words(one.outcome)}**, {formats.words(one.action)} by {formats.words(one.channel)}, "
            f"band {one.band or 'none'}, {formats.day(one.day)}."
        )
        layout.link("worklist", "That decision, and what came back", decision=one.decision_id)
    if case.state == "closed":
        st.info(f"Closed {formats.instant(case.closed_at)}: {formats.words(case.why)}.", icon=":material/done_all:")
    elif case.escalated and desk.role not in {"approver", "admin"}:
        st.info("An approver works on this case. You may add a note.", icon=":material/supervisor_account:")
    if case.state != "closed":
        _steps(desk, told)
        if case.kind == "review" and desk.may("decide_intervention") and case.decision_id:
            _verdict(desk, case)
    _history(told)
    _more(desk, told)


def _facts(case: CaseShown, now: datetime) -> None:
    columns = st.columns(4)
    facts = (
        ("Due", _due(case, now), formats.instant(case.due_at)),
        ("State", formats.words(case.state), "escalated" if case.escalated else None),
        ("Who has it", case.assigned or "nobody", None),
        ("Priority", formats.count(case.priority), None),
    )
    for column, (label, value, more) in zip(columns, facts, strict=True):
        with column:
            layout.metric(label, value, delta=more)
    if case.next_step:
        st.markdown(f"**Next:** {states.plain(case.next_step)}")


def _due(case: CaseShown, now: datetime) -> str:
    return "closed" if case.state == "closed" else formats.lateness(case.due_at, now)


# ---- what may be done


def _steps(desk: Desk, told: CaseTold) -> None:
    case = told.case
    st.subheader("Do something")
    act: ActName = (
        st.segmented_control("Step", list(_STEPS), format_func=lambda one: _STEPS[one], default="take", key="step")
        or "take"
    )
    with st.form("step-form", border=True):
        said: dict[str, object] = {}
        if act == "assign":
            said["to"] = st.text_input("To whom (the name of their key)", max_chars=64)
        elif act == "snooze":
            first = desk.today + timedelta(days=1)
            day = st.date_input("Until", value=first, min_value=first)
            said["until"] = datetime.combine(day, _MORNING, desk.zone).astimezone(UTC)
        elif act == "close":
            said["result"] = st.selectbox("Result", told.results, format_func=formats.words)
        words = st.text_area("Words", max_chars=2_000, help="Kept sealed under the customer's key.")
        sent = st.form_submit_button(_STEPS[act], type="primary", icon=":material/check:")
    if not sent:
        return
    if act == "note" and not words.strip():
        st.warning("Write the note first.")
        return
    said |= {"words": words} if words.strip() else {}
    acts.act(
        desk,
        f"step {case.case_id} {case.steps} {act} {said}",
        lambda token: desk.client.add_case_step(case.case_id, act, seen=case.steps, idempotency_key=token, **said),  # type: ignore[arg-type]  # as the form has made them
        _came,
    )


def _came(case: CaseShown) -> str:
    whose = f"{case.assigned} has it" if case.assigned else "nobody has it"
    ended = f" as {formats.words(case.why)}" if case.state == "closed" else ""
    return f"Done: the case is {formats.words(case.state)}{ended}, and {whose}."


def _verdict(desk: Desk, case: CaseShown) -> None:
    st.subheader("Approve or refuse what waits")
    with st.form("verdict", border=True):
        why = st.text_input("Why", max_chars=200)
        left, right = st.columns(2)
        approve = left.form_submit_button("Approve", type="primary", icon=":material/thumb_up:")
        refuse = right.form_submit_button("Refuse", icon=":material/thumb_down:")
    if not (approve or refuse):
        return
    verdict: Literal["approve", "refuse"] = "approve" if approve else "refuse"
    if not why.strip():
        st.warning("Say why first: it goes on record.")
    else:
        acts.act(
            desk,
            f"verdict {case.decision_id} {verdict} {why}",
            lambda token: desk.client.decide_intervention(case.decision_id, verdict, why, idempotency_key=token),
            lambda answer: f"It is {formats.words(answer.state)}.",
        )


# ---- what was done


def _history(told: CaseTold) -> None:
    st.subheader("What was done")
    rows = [
        {
            "When": formats.instant(one.at),
            "Who": one.by,
            "What": formats.words(one.kind),
            "Said": _note(one.note, sealed=one.sealed),
            "More": ", ".join(f"{formats.words(name)}: {value}" for name, value in one.body.items()),
        }
        for one in told.steps
    ]
    if rows:
        layout.table(rows, layout.Table(name="steps", texts=frozenset({"When", "Who", "What", "Said", "More"})))
    else:
        states.empty("Nothing was done yet.", "Take it, or write a note.")


def _note(note: str | None, *, sealed: bool) -> str:
    return note if note is not None else "can no longer be read" if sealed else ""


def _more(desk: Desk, told: CaseTold) -> None:
    if told.promises:
        st.subheader("What was promised")
        layout.table(promise_rows(told.promises), layout.Table(name="promises", texts=frozenset({"Customer", "State"})))
    case = told.case
    if case.customer_id and desk.may("record_promise"):
        with st.expander("Write down a promise to pay"):
            promise_form(desk, case.customer_id, case.case_id)
    if case.decision_id and told.override_reasons and desk.may("record_override"):
        with st.expander("Write down that you did other than was decided"):
            _override(desk, told)
    if told.others:
        st.subheader("Other cases of this customer")
        for one in told.others:
            layout.link("worklist", f"{formats.words(one.kind)}, due {formats.instant(one.due_at)}", case=one.case_id)


def _override(desk: Desk, told: CaseTold) -> None:
    reasons = told.override_reasons
    with st.form("override", border=False):
        kind = st.selectbox("What was done", list(_OVERRIDES), format_func=lambda one: _OVERRIDES[one])
        reason = st.selectbox("Why", list(reasons), format_func=lambda one: reasons[one])
        words = st.text_area("In words", max_chars=2_000)
        sent = st.form_submit_button("Write it down", icon=":material/edit_note:")
    if sent:
        wish = NewOverride(decision_id=told.case.decision_id, kind=kind, reason=reason, words=words)  # type: ignore[arg-type]  # a key of the table above
        acts.act(
            desk,
            f"override {wish}",
            lambda token: desk.client.record_override(wish, idempotency_key=token),
            lambda made: "It is written down." if made.fresh else "It was known.",
        )
