"""Laws of every store of interventions, a bank of offers for them, and a carrier whose answers are scripted.

Needs pytest and hypothesis, development dependencies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from forbear.domain.contacts import Contacted, Fact, Means, Purpose, Question, Restricted, Verdict, attempt_at, made
from forbear.domain.errors import ConflictError
from forbear.engine.interventions import (
    Due,
    Ended,
    Intervention,
    Interventions,
    Move,
    Preparation,
    Sending,
    Step,
)
from forbear.engine.lifecycle import LEGAL, Receipt, ReceiptKind, Reply, State
from forbear.engine.outputs import Named, Outputs, Position
from forbear.engine.outreach import Absent, Delivery, Message, Sent
from forbear.testing.outputs import CUSTOMERS, decision

DAY_US = 86_400 * 10**6
FIRST_DAY = 20_000
NOON_US = FIRST_DAY * DAY_US + DAY_US // 2
ALLOWED, FORBIDDEN = Verdict(allowed=True), Verdict(allowed=False, clause="c", says="not now", next_us=NOON_US * 2)
_LAW = settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow],
)
_EVENTS = st.lists(
    st.tuples(st.sampled_from(["move", "prepare", "ended", "receipt"]), st.sampled_from(State), st.integers(0, 5)),
    max_size=12,
)


@dataclass
class ScriptedCarrier:
    """A provider in memory. send, look_up: what it answers; what it answers with `Sent` it has taken, by key."""

    name: str = "scripted"
    reconciles: bool = True
    answers: list[Delivery] = field(default_factory=list)
    looks: list[Delivery | Absent] = field(default_factory=list)
    calls: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> Delivery:
        """The next answer, or that it was sent."""
        self.calls.append(message)
        return self.answers.pop(0) if self.answers else Sent(reference=f"r{len(self.calls)}")

    def look_up(self, key: str) -> Delivery | Absent:  # noqa: ARG002
        """The next answer, or that it never came."""
        return self.looks.pop(0) if self.looks else Absent()


def allow(_facts: Sequence[Fact]) -> Verdict:
    """A judge who allows everything."""
    return ALLOWED


def once_only(facts: Sequence[Fact]) -> Verdict:
    """A judge who allows one contact of a customer that was not called off."""
    return FORBIDDEN if any(isinstance(fact, Contacted) for fact in made(facts)) else ALLOWED


def offers(count: int, channel: str = "sms") -> Outputs:
    """What a worker commits first: so many offers to the customer `customer-0`, and one hold behind them."""
    wanted = [
        decision(number, 9, FIRST_DAY, channel=channel, outcome="offer" if number < count else "capacity")
        for number in range(count + 1)
    ]
    named = Named(CUSTOMERS[0], "customer-0", 0, 0)
    return Outputs(after=Position(-1, 0), until=Position(10, 0), decisions=tuple(wanted), customers=(named,))


def preparation(of: Intervention, at_us: int) -> Preparation:
    """What the sender would write down before it calls a provider."""
    sending = Sending(
        send_key=of.send_key,
        intervention_id=of.intervention_id,
        channel=of.channel,
        provider="scripted",
        template="t@1",
        content_sha="0" * 64,
    )
    contact = attempt_at(question(of, at_us), of.intervention_id, "")
    return Preparation(sending=sending, contact=contact, until_us=at_us + 60_000_000, by="sender")


class InterventionsContract:
    """What holds of interventions wherever they are kept."""

    def make(self, count: int = 1) -> Interventions:
        """A store with so many `offers` among its decisions, all to one customer of the id `customer-0`, by SMS."""
        raise NotImplementedError

    def again(self, store: Interventions) -> Interventions:
        """The same as another process sees it."""
        raise NotImplementedError

    def path(self, store: Interventions, intervention_id: str) -> Sequence[Step]:
        """Every step of an intervention."""
        raise NotImplementedError

    def facts(self, store: Interventions, customer: int) -> Sequence[Fact]:
        """The contact ledger of a customer."""
        raise NotImplementedError

    def one(self, store: Interventions) -> Intervention:
        """The first intervention, taken in and approved."""
        store.take_in(NOON_US, 10, lambda _band, _action: "")
        return store.due(Due(at_us=NOON_US, day=FIRST_DAY, limit=10))[0]

    def test_every_offer_is_taken_in_once(self) -> None:
        """Page by page, whoever asks; each is approved at once, unless somebody has to."""
        store = self.make(5)
        other = self.again(store)
        assert [store.take_in(1, 2, _nobody), other.take_in(2, 2, _nobody), store.take_in(3, 2, _everybody)] == [
            2,
            2,
            1,
        ]
        assert store.take_in(4, 2, _nobody) == other.take_in(4, 2, _nobody) == 0
        due = store.due(Due(at_us=10, day=FIRST_DAY, limit=10))
        assert [one.state for one in due] == [State.APPROVED] * 4
        assert {one.customer_id for one in due} == {"customer-0"}

    def test_what_has_expired_is_due_and_what_waits_is_not(self) -> None:
        """Due is what its instant has come for; on the day after the last valid one what was never sent is due too."""
        store = self.make()
        one = self.one(store)
        waits = store.move(one, Move(after=State.WAITING, at_us=NOON_US, by="t", due_us=NOON_US * 2))
        assert store.due(Due(at_us=NOON_US, day=one.expires_day, limit=9)) == []
        assert store.due(Due(at_us=NOON_US, day=one.expires_day + 1, limit=9)) == [waits]
        later = Due(at_us=NOON_US * 2, day=FIRST_DAY, limit=9)
        assert store.due(later) == [waits]
        assert store.due(replace(later, unsent=False)) == []
        assert store.due(replace(later, without=(one.channel,))) == []

    def test_what_moved_on_is_not_moved_again(self) -> None:
        """A move is refused where somebody else was first, or it is not legal; then nothing has changed."""
        store = self.make()
        one = self.one(store)
        store.move(one, Move(after=State.REFUSED, at_us=NOON_US, by="t"))
        with pytest.raises(ConflictError, match="not approved any more"):
            store.move(one, Move(after=State.WAITING, at_us=NOON_US, by="t"))
        found = store.get(one.intervention_id)
        assert found is not None
        with pytest.raises(ConflictError, match="refused cannot become sent"):
            store.move(found, Move(after=State.SENT, at_us=NOON_US, by="t"))
        assert store.get(one.intervention_id) == found

    def test_a_try_is_written_down_before_it_is_made(self) -> None:
        """Prepared, its attempt is in the ledger and its sending beside it; not allowed, nothing has changed."""
        store = self.make()
        one = self.one(store)
        verdict, same = store.prepare(one, preparation(one, NOON_US), lambda _: FORBIDDEN)
        assert (verdict, same, store.sending(one.send_key)) == (FORBIDDEN, one, None)
        assert list(self.facts(store, one.customer)) == []
        verdict, now = store.prepare(one, preparation(one, NOON_US), allow)
        sending = store.sending(one.send_key)
        assert (verdict.allowed, now.state) == (True, State.SENDING)
        assert sending is not None
        assert (sending.state, sending.tries, sending.prepared_us) == ("prepared", 1, NOON_US)
        [fact] = self.facts(store, one.customer)
        assert isinstance(fact, Contacted)
        assert (fact.fact_id, fact.intervention_id) == (f"{one.send_key}.1", one.intervention_id)
        assert store.due(Due(at_us=NOON_US + 59_999_999, day=FIRST_DAY, limit=9)) == []
        assert store.due(Due(at_us=NOON_US + 60_000_000, day=FIRST_DAY, limit=9)) == [now]

    def test_a_prepared_try_is_not_prepared_again(self) -> None:
        """Not before it is known what became of it; one that was not made counts for nothing, and is made anew."""
        store = self.make()
        one = self.one(store)
        _, sending = store.prepare(one, preparation(one, NOON_US), once_only)
        with pytest.raises(ConflictError):
            store.prepare(one, preparation(one, NOON_US), allow)
        back = store.ended(
            sending,
            Ended(state="absent", made=False),
            Move(after=State.WAITING, at_us=NOON_US + 1, by="t", due_us=NOON_US + 2),
        )
        _, again = store.prepare(back, preparation(back, NOON_US + 2), once_only)
        found = store.sending(one.send_key)
        assert again.state is State.SENDING
        assert found is not None
        assert found.tries == 2
        ids = [fact.fact_id for fact in self.facts(store, one.customer)]
        assert ids == [f"{one.send_key}.{suffix}" for suffix in ("1", "1.off", "2")]

    def test_two_senders_never_both_pass_the_judge(self) -> None:
        """Of many that ask for the same customer at once, each with another offer, one is allowed."""
        store = self.make(6)
        store.take_in(NOON_US, 10, _nobody)
        due = store.due(Due(at_us=NOON_US, day=FIRST_DAY, limit=10))
        stores = [self.again(store) for _ in due]

        def attempt(nth: int) -> bool:
            return stores[nth].prepare(due[nth], preparation(due[nth], NOON_US), once_only)[0].allowed

        with ThreadPoolExecutor(len(due)) as pool:
            assert sum(pool.map(attempt, range(len(due)))) == 1

    def test_a_receipt_counts_once(self) -> None:
        """Told again it changes nothing; an opt-out is in the contact ledger when it is taken in."""
        store = self.make()
        one = self.one(store)
        _, sending = store.prepare(one, preparation(one, NOON_US), allow)
        receipt = Receipt(
            provider="p", receipt_id="1", send_key=one.send_key, kind=ReceiptKind.DELIVERED, at_us=NOON_US
        )
        assert store.receive(replace(receipt, send_key="nobody's"), NOON_US, NOON_US) is None
        arrived = store.receive(receipt, NOON_US + 5, NOON_US + DAY_US)
        assert arrived is not None
        assert (arrived.state, arrived.due_us) == (State.DELIVERED, NOON_US + DAY_US)
        assert store.receive(receipt, NOON_US + 6, NOON_US) is None
        with pytest.raises(ConflictError):  # the sender's own answer comes too late, and is not needed
            store.ended(sending, Ended(state="sent", made=True), Move(after=State.SENT, at_us=NOON_US, by="t"))
        gone = replace(receipt, receipt_id="2", kind=ReceiptKind.REPLIED, reply=Reply.OPTED_OUT)
        answered = store.receive(gone, NOON_US + 7, NOON_US)
        assert answered is not None
        assert (answered.state, answered.due_us) == (State.ANSWERED, NOON_US + DAY_US)
        assert [fact for fact in self.facts(store, one.customer) if isinstance(fact, Restricted)]

    @_LAW
    @given(_EVENTS)
    def test_whatever_happens_every_step_is_legal(self, events: list[tuple[str, State, int]]) -> None:
        """Any sequence of events leads along legal transitions only, and the path is one without a gap."""
        store = self.make()
        one = self.one(store)
        for nth, (what, state, number) in enumerate(events):
            now = store.get(one.intervention_id)
            assert now is not None
            at_us = NOON_US + nth
            move = Move(after=state, at_us=at_us, by="t", due_us=at_us)
            kinds = list(ReceiptKind)
            kind = kinds[number % len(kinds)]
            reply = list(Reply)[number % len(Reply)] if kind is ReceiptKind.REPLIED else None
            receipt = Receipt(
                provider="p", receipt_id=str(number), send_key=one.send_key, kind=kind, at_us=at_us, reply=reply
            )
            tries: dict[str, Callable[[], Any]] = {
                "move": partial(store.move, now, move),
                "prepare": partial(store.prepare, now, preparation(now, at_us), allow),
                "ended": partial(store.ended, now, Ended(state="sent", made=True), move),
                "receipt": partial(store.receive, receipt, at_us, at_us),
            }
            try:
                tries[what]()
            except ConflictError:
                assert store.get(one.intervention_id) == now
        path = [(step.before, step.after) for step in self.path(store, one.intervention_id)]
        assert path[:2] == [("", "proposed"), ("proposed", "approved")]
        for (_, left), (before, after) in pairwise(path[1:]):
            assert left == before
            assert before == after or State(after) in LEGAL[State(before)]


def question(of: Intervention, at_us: int) -> Question:
    """What the law is asked about an intervention of the contract's."""
    return Question(
        customer=of.customer,
        channel=of.channel,
        means=Means.TEXT,
        matter=of.matter,
        purpose=Purpose.HELP,
        at_us=at_us,
    )


def _nobody(_band: str, _action: str) -> str:
    return ""


def _everybody(_band: str, _action: str) -> str:
    return "an approver"
