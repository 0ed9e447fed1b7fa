"""Which cases a move of an intervention opens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.engine.case_intake import Happened, cases_for
from forbear.engine.case_terms import CaseKind

OFFER = Happened(intervention_id="d1", customer=7, band="high", channel="email", action="budget_letter", state="sent")


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({}, []),
        ({"channel": "phone", "state": "approved"}, ["call"]),
        ({"channel": "phone", "state": "waiting"}, ["call"]),
        ({"channel": "phone", "state": "proposed"}, []),
        ({"channel": "phone", "state": "proposed", "approval": "approver"}, ["review"]),
        ({"state": "unknown"}, ["unknown"]),
        ({"state": "answered", "reply": "accepted"}, ["reply"]),
        ({"state": "answered", "reply": "no_answer"}, []),
        ({"state": "answered", "reply": "wants_a_human"}, ["human"]),
        ({"urgent": True}, ["critical"]),
        ({"urgent": True, "channel": "phone", "state": "approved"}, ["critical", "call"]),
    ],
)
def test_each_move_opens_its_cases(change: dict[str, object], kinds: list[str]) -> None:
    """A person has to do what no machine does, and nothing else."""
    assert [wish.kind.value for wish in cases_for(replace(OFFER, **change))] == kinds  # type: ignore[arg-type]


@given(
    st.builds(
        Happened,
        intervention_id=st.sampled_from(["d1", "d2"]),
        customer=st.just(7),
        band=st.just("high"),
        channel=st.sampled_from(["phone", "email"]),
        action=st.just("call"),
        state=st.sampled_from(["proposed", "approved", "sent", "unknown", "answered"]),
        reply=st.sampled_from(["", "accepted", "wants_a_human"]),
        reply_id=st.sampled_from(["", "r1"]),
        urgent=st.booleans(),
        approval=st.sampled_from(["", "approver"]),
    )
)
def test_told_again_it_is_the_same(happened: Happened) -> None:
    """The same move gives the same causes, each once; of a critical customer there is one case whatever the offer."""
    wishes = cases_for(happened)
    assert wishes == cases_for(happened)
    assert len({wish.cause for wish in wishes}) == len(wishes)
    assert all(wish.subject == "" for wish in wishes if wish.kind is CaseKind.CRITICAL)
