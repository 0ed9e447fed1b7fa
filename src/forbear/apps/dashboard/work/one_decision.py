"""One decision, with what came back on it, and writing down what did."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from forbear.apps.dashboard import acts, formats, layout, states
from forbear.apps.dashboard.colours import band_label
from forbear.apps.dashboard.session import Desk
from forbear.client import NotThere
from forbear.client.records import Intervention
from forbear.client.scores import GivenAnswer, Outcome
from forbear.domain.money import decimals_of

_ANSWERS = get_args(GivenAnswer.model_fields["answer"].annotation)
_STATUSES = get_args(Outcome.model_fields["status"].annotation)


def show(desk: Desk, decision_id: str) -> None:
    """Draw the decision."""
    try:
        one = desk.client.intervention(decision_id).intervention
    except NotThere:
        states.empty("There is no such decision.", "Go back to the list.")
        return
    st.header(f"{formats.sentence(one.outcome)}: {formats.words(one.action)} by {formats.words(one.channel)}")
    if one.customer_id:
        layout.link("customer", f"Customer {one.customer_id}", id=one.customer_id, view="contacts")
    _facts(desk, one)
    _answers(one)
    if one.outcome == "offer" and desk.may("record_answer"):
        _answer(desk, one)
    if one.customer_id and desk.may("record_outcome"):
        with st.expander("Write down what became of a payment"):
            _outcome(desk, one.customer_id)


def _facts(desk: Desk, one: Intervention) -> None:
    rows = [
        {"What": "Made", "Is": formats.instant(one.made_at)},
        {"What": "Band", "Is": band_label(one.band, desk.bands)},
        {"What": "Cost", "Is": formats.money(one.cost_minor, one.currency)},
        {"What": "Expires", "Is": formats.day(one.expires_on)},
        {"What": "Wording", "Is": formats.words(one.wording)},
        {"What": "Chance that it came about", "Is": formats.per_cent(one.propensity)},
        {"What": "Drawn to explore", "Is": "yes" if one.explored else "no"},
        {"What": "Kept aside for comparison", "Is": "yes" if one.held_out else "no"},
        {"What": "Policy", "Is": f"{one.policy_version} ({one.policy[:12]})"},
        {"What": "Model", "Is": one.model[:12]},
    ]
    layout.table(rows, layout.Table(name="decision", texts=frozenset({"What", "Is"})))


def _answers(one: Intervention) -> None:
    st.subheader("What came back")
    if not one.answers:
        states.empty("Nothing came back yet.", "Write down below what the customer said.")
        return
    rows = [
        {"When": formats.instant(answer.at), "Answer": formats.words(answer.answer), "Told by": answer.by}
        for answer in one.answers
    ]
    layout.table(rows, layout.Table(name="answers", texts=frozenset({"When", "Answer", "Told by"})))


def _answer(desk: Desk, one: Intervention) -> None:
    with st.form("answer", border=True):
        answer = st.selectbox("What the customer said", _ANSWERS, format_func=formats.words)
        sent = st.form_submit_button("Write it down", type="primary", icon=":material/reply:")
    if sent:
        acts.act(
            desk,
            f"answer {one.decision_id} {len(one.answers)} {answer}",
            lambda token: desk.client.record_answer(one.decision_id, answer, idempotency_key=token),
            lambda told: f"{told.said} It shows here once the worker has read it ({told.waiting} waiting).",
        )


def _outcome(desk: Desk, customer_id: str) -> None:
    today = desk.today
    with st.form("outcome", border=False):
        obligation = st.text_input("Obligation id", max_chars=64, help="As the bank's feed calls it.")
        left, right = st.columns(2)
        due = left.date_input("Due on", value=today)
        amount = right.number_input(f"Amount due [{desk.currency}]", min_value=0.0, max_value=1e9, step=10.0)
        status = left.selectbox("What became of it", _STATUSES, format_func=formats.words)
        paid = right.date_input("Paid on (if paid or cured)", value=today)
        sent = st.form_submit_button("Write it down", icon=":material/payments:")
    if sent and not obligation.strip():
        st.warning("Say which obligation it is.")
    elif sent:
        told = Outcome(
            obligation_id=obligation.strip(),
            due_on=due,
            amount_due_minor=round(amount * 10 ** decimals_of(desk.currency)),
            status=status,
            paid_on=paid if status in {"paid", "cured"} else None,
        )
        acts.act(
            desk,
            f"outcome {customer_id} {told}",
            lambda token: desk.client.record_outcome(customer_id, told, idempotency_key=token),
            lambda taken: f"{taken.said} It shows once the worker has read it ({taken.waiting} waiting).",
        )
