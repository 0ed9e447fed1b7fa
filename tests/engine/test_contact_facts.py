"""Events as facts of the contact ledger, and what the fold makes of the same circumstances."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.contacts import (
    Consented,
    Contacted,
    Fact,
    Lifted,
    Placed,
    Restricted,
    Stop,
    decode_fact,
    encode_fact,
)
from forbear.domain.events import CustomerUpdated, OfferAnswered, decode, encode
from forbear.domain.terms import FLAGGED, STOPPING, Answer, Circumstance
from forbear.engine.contact_facts import facts_of, facts_of_answer
from forbear.engine.findings import Update
from forbear.engine.standing import Standing
from forbear.testing.any_event import answers, updates

NOW = datetime(2026, 4, 8, 12, tzinfo=UTC)
UPDATE = CustomerUpdated(update_id="u" * 64, customer_id="c", booked_at=NOW, received_at=NOW)
ANSWER = OfferAnswered(
    answer_id="a" * 64,
    customer_id="c",
    decision_id="0" * 32,
    answer=Answer.ACCEPTED,
    by="desk",
    booked_at=NOW,
    received_at=NOW,
)


@given(event=updates() | answers())
def test_facts_of_events_pass_the_ledgers_door(event: CustomerUpdated | OfferAnswered) -> None:
    """Whatever the events' door takes gives facts that the ledger's takes, each with an identifier of its own."""
    facts = facts_of(event, 7) if isinstance(event, CustomerUpdated) else facts_of_answer(event, 7, "phone", "loan")

    assert [decode_fact(encode_fact(fact)) for fact in facts] == facts
    assert len({fact.fact_id for fact in facts}) == len(facts)


def of_kind(facts: list[Fact], kind: type) -> list[Fact]:
    """Those of one kind."""
    return [fact for fact in facts if isinstance(fact, kind)]


def test_an_update_replaces_what_was_said() -> None:
    """Channels that are not named have no consent, and without a zone the stated place is unknown."""
    told = msgspec.structs.replace(UPDATE, time_zone="Europe/Paris", consents=("phone", "news"))
    given = {fact.channel: fact.given for fact in facts_of(told, 1) if isinstance(fact, Consented)}

    assert given == {"phone": True, "news": True, "sms": False, "email": False, "app": False, "chat": False}
    assert [fact.zones for fact in of_kind(facts_of(told, 1), Placed)] == [("Europe/Paris",)]
    assert [fact.zones for fact in of_kind(facts_of(UPDATE, 1), Placed)] == [()]


def test_stops_begin_and_only_those_that_were_told_end() -> None:
    """A circumstance becomes the stop of its name; it is lifted by the update that no longer names it, and no other."""
    sick = msgspec.structs.replace(UPDATE, circumstances=(Circumstance.DISPUTE, Circumstance.VULNERABLE))
    well = msgspec.structs.replace(UPDATE, update_id="later")

    assert [fact.stop for fact in of_kind(facts_of(sick, 1), Restricted)] == [Stop.DISPUTE]
    assert not of_kind(facts_of(well, 1), Lifted)
    assert [fact.stop for fact in of_kind(facts_of(well, 1, before=sick), Lifted)] == [Stop.DISPUTE]
    assert not of_kind(facts_of(sick, 1, before=sick), Lifted)


@pytest.mark.parametrize(
    ("answer", "spoken", "stops"),
    [
        (Answer.ACCEPTED, 1, []),
        (Answer.DECLINED, 1, []),
        (Answer.NO_ANSWER, 0, []),
        (Answer.OPTED_OUT, 1, [(Stop.OPT_OUT, None)]),
        (Answer.WRONG_PERSON, 0, [(Stop.WRONG_PERSON, "phone")]),
    ],
)
def test_answers_tell_of_conversations_and_stops(answer: Answer, spoken: int, stops: list[object]) -> None:
    """An answer is a conversation where the customer gave it; it counts as no attempt."""
    facts = facts_of_answer(msgspec.structs.replace(ANSWER, answer=answer), 1, "phone", "loan")
    talks = of_kind(facts, Contacted)

    assert [(fact.conversation, fact.outbound) for fact in talks] == [(True, False)] * spoken
    assert [(fact.stop, fact.channel) for fact in of_kind(facts, Restricted)] == stops


@given(circumstances=st.lists(st.sampled_from(Circumstance), max_size=11, unique=True))
def test_every_stopping_circumstance_holds_at_the_decision(circumstances: list[Circumstance]) -> None:
    """The fold keeps three flags: whatever forbids contact is legal_stop, and pulls what was proposed."""
    update = msgspec.structs.replace(UPDATE, circumstances=tuple(circumstances))
    standing = Standing.empty(1)
    standing.grow(1)
    standing.heed([Update(5, 0, update)])
    stopped = bool(STOPPING & set(circumstances))

    assert decode(encode(update)) == update
    assert dict(zip(FLAGGED, standing.circumstances[0], strict=True)) == {
        Circumstance.VULNERABLE: Circumstance.VULNERABLE in circumstances,
        Circumstance.LEGAL_STOP: stopped,
        Circumstance.CUSTOMER_REQUEST: Circumstance.CUSTOMER_REQUEST in circumstances,
    }
    assert standing.circumstances.dtype == np.bool_
    assert standing.judged[0] == (5 if stopped else -1)


def test_every_stop_of_an_event_is_a_stop_of_the_ledger() -> None:
    """Both lists call the same thing by the same name."""
    assert {Stop(name) for name in STOPPING} < set(Stop)
