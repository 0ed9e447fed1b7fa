"""The table of transitions, what receipts do to states, and what payments make of an intervention."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.errors import ConflictError
from forbear.engine.interventions import Payment, outcome_of
from forbear.engine.lifecycle import ENDS, LEGAL, Receipt, ReceiptKind, Reply, State, after_receipt, require_legal

_KINDS = st.sampled_from(ReceiptKind)


def receipt(kind: ReceiptKind) -> Receipt:
    """A notice of a kind."""
    reply = Reply.ACCEPTED if kind is ReceiptKind.REPLIED else None
    return Receipt(provider="p", receipt_id="1", send_key="k", kind=kind, at_us=1, reply=reply)


def test_every_state_has_its_line_and_is_reached() -> None:
    """The table names every state, the first one aside each is led to, and each end can be reached from the first."""
    assert set(LEGAL) == set(State)
    reached, edge = {State.PROPOSED}, {State.PROPOSED}
    while edge:
        edge = {onward for state in edge for onward in LEGAL[state]} - reached
        reached |= edge
    assert reached == set(State)
    assert {State.CLOSED, State.REFUSED, State.EXPIRED, State.CANCELLED, State.FAILED} == ENDS


def test_nothing_is_sent_that_nobody_approved() -> None:
    """No way leads from proposed to sending but through approved, and none back from what may have been sent."""
    assert State.SENDING not in LEGAL[State.PROPOSED] | LEGAL[State.UNKNOWN]
    before = {state for state, onward in LEGAL.items() if State.SENDING in onward}
    assert before == {State.APPROVED, State.WAITING, State.SENDING}
    assert not any(LEGAL[state] & {State.APPROVED, State.WAITING, State.SENDING} for state in (State.SENT, *ENDS))


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_what_the_table_does_not_name_is_refused_by_both_names(before: State, after: State) -> None:
    """Legal is what the table says; anything else is a conflict that names where from and where to."""
    if after in LEGAL[before]:
        require_legal(before, after)
    else:
        with pytest.raises(ConflictError, match=f"{before} cannot become {after}"):
            require_legal(before, after)


@given(st.sampled_from(State), st.lists(_KINDS, max_size=8))
def test_receipts_in_any_order_lead_along_legal_steps(state: State, kinds: list[ReceiptKind]) -> None:
    """Each leaves the state or leads on legally; told again at once it changes nothing; ends stay ends."""
    for kind in kinds:
        after = after_receipt(state, receipt(kind))
        assert after is state or after in LEGAL[state]
        assert after_receipt(after, receipt(kind)) is after
        assert state not in ENDS or after is state
        state = after


@given(st.permutations([ReceiptKind.DELIVERED, ReceiptKind.READ, ReceiptKind.REPLIED]))
def test_an_answer_stands_in_whatever_order_it_comes(kinds: list[ReceiptKind]) -> None:
    """Delivered, read and replied end in answered, whichever came first."""
    state = State.SENT
    for kind in kinds:
        state = after_receipt(state, receipt(kind))
    assert state is State.ANSWERED


def paid(status: str, offset: int, paid_day: int | None = None, obligation: int = 1) -> Payment:
    """What the log tells of a payment that is due on day 10."""
    return Payment(obligation=obligation, due_day=10, status=status, paid_day=paid_day, offset=offset)


@pytest.mark.parametrize(
    ("payments", "outcome"),
    [
        ([], ""),
        ([paid("paid", 1, 10)], "paid"),
        ([paid("missed", 1)], "missed"),
        ([paid("missed", 1), paid("cured", 2, 12)], "missed"),
        ([paid("missed", 1), paid("cured", 2, 10)], "paid"),
        ([paid("cured", 2, 10), paid("missed", 1)], "paid"),
        ([paid("missed", 1), paid("waived", 2)], "missed"),
        ([paid("cured", 1, 12)], "missed"),
        ([paid("paid", 1, 9), paid("missed", 2, obligation=2)], "missed"),
    ],
)
def test_outcomes_are_what_labels_say(payments: list[Payment], outcome: str) -> None:
    """Missed is what a label calls so: paid late or waived it was; paid in time after a wrong report it was not."""
    assert outcome_of(payments) == outcome
