"""The sender: leads every intervention from the offer to its end, and hands each message over once.

What may be sent is decided anew at the moment of sending. A sending is on the disk before its provider is called, and
what the provider says is written down behind: whatever a crash leaves in between is looked up, never sent blindly.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from msgspec import Struct

from forbear.domain.contacts import Fact, Question, Verdict, attempt_at, made
from forbear.domain.errors import ConfigError, ConflictError
from forbear.engine.interventions import (
    NOBODY,
    Due,
    Ended,
    Intervention,
    Interventions,
    Move,
    Preparation,
    Sending,
    outcome_of,
)
from forbear.engine.lifecycle import REACHED, Receipt, State
from forbear.engine.outreach import Absent, Delivery, Message, Outreach, Refused, Sent, Unknown

BY = "sender"
_SECOND_US = 1_000_000
FOLLOW_US = 41 * 86_400 * _SECOND_US
"""Until what has arrived is looked at again, where nothing says how late payments are told: the window and ten days."""
_MINUTE_US = 60 * _SECOND_US
_DAY_US = 86_400 * _SECOND_US


class Letter(Struct, frozen=True, kw_only=True):
    """What is to be sent, in words. to: the address; never logged.  template: name@version of the approved wording."""

    to: str
    subject: str
    text: str
    language: str
    template: str


class Unwritten(Struct, frozen=True, kw_only=True):
    """Why there is no letter. lasting: waiting does not help (there is no such address)."""

    why: str
    lasting: bool


class Secretary(Protocol):
    """Who knows how a customer is addressed, and the approved words."""

    def letter(self, of: Intervention) -> Letter | Unwritten:
        """What is to be sent for an intervention."""
        ...

    def question(self, of: Intervention, at_us: int) -> Question:
        """What the law is asked about it."""
        ...


Law = Callable[[Question, Sequence[Fact]], Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the sender goes about it.

    lease_us: how long a call of a provider may take; before it is over nobody looks a prepared sending up. It is more
    than any time-out of a provider.  settle_us: how long after an answer that told nothing the provider is asked.
    first_us, most_us: the pause after a provider did not take a message, doubled with each try up to the most.
    rest_us: for so long nothing is tried on a channel that did not take one.  most_tries: then it has failed.
    most_looks: then it is for a person.  window_days: from the decision's day on; payments due in them are its outcome.
    reporting_days: until they are all known.  limit: interventions of a step.
    mendable: clauses that forbid only for want of knowledge: somebody may bring it, so that it waits.
    """

    lease_us: int = 5 * _MINUTE_US
    settle_us: int = 2 * _MINUTE_US
    first_us: int = _MINUTE_US
    most_us: int = 60 * _MINUTE_US
    rest_us: int = 5 * _SECOND_US
    most_tries: int = 12
    most_looks: int = 20
    window_days: int = 30
    reporting_days: int = 10
    limit: int = 500
    mendable: frozenset[str] = frozenset()

    def pause_us(self, tries: int) -> int:
        """How long to wait after so many tries, at least one."""
        return int(min(self.most_us, self.first_us * 2 ** min(tries - 1, 40)))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the sender asks of the world. clock: now [us UTC].  day_of: the bank-local day of an instant.

    stopped: whether a person has stopped all outreach.  approval: of a band and an action, whose approval it needs.
    """

    clock: Callable[[], int]
    day_of: Callable[[int], int]
    stopped: Callable[[], bool] = field(default=lambda: False)
    approval: Callable[[str, str], str] = field(default=lambda _band, _action: "")


class Did(Struct, frozen=True, kw_only=True):
    """What a step did. taken: offers.  moves: by the state that something came to.  again: others were first."""

    taken: int
    moves: Mapping[str, int]
    again: int = 0

    @property
    def anything(self) -> bool:
        """Whether it did anything at all."""
        return bool(self.taken or self.moves)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the sender works over. carriers: by channel.  by_hand: channels that are left to people who call."""

    store: Interventions
    carriers: Mapping[str, Outreach]
    secretary: Secretary
    law: Law
    by_hand: frozenset[str] = frozenset()


class Sender:
    """One sender over its ports; several may work at once over one store."""

    def __init__(self, ports: Ports, world: World, rules: Rules | None = None) -> None:
        self._store, self._carriers = ports.store, ports.carriers
        self._secretary, self._law = ports.secretary, ports.law
        self._by_hand = ports.by_hand
        self._world = world
        self._rules = rules or Rules()
        self._resting: dict[str, int] = {}
        """Channels that take nothing just now, each with the instant until which nothing is tried on it."""

    def step(self, heard: Callable[[Intervention], None] = lambda _: None) -> Did:
        """Take in offers, and take every intervention that is due one step on. heard: told of each that moved."""
        world, rules = self._world, self._rules
        taken = self._store.take_in(world.clock(), rules.limit, world.approval)
        now_us = world.clock()
        moves: Counter[str] = Counter()
        again = 0
        resting = {channel for channel, until_us in self._resting.items() if until_us > now_us}
        unsent = not world.stopped()
        which = Due(
            at_us=now_us,
            day=world.day_of(now_us),
            limit=rules.limit,
            unsent=unsent,
            without=tuple(sorted(self._by_hand | resting)),
        )
        for one in self._store.due(which):
            try:
                moved = self._one(one)
            except ConflictError:  # another sender, or a person, was first: it is met again as it is then
                again += 1
                continue
            if moved is not None:
                moves[moved.state.value] += 1
                heard(moved)
        return Did(taken=taken, moves=dict(moves), again=again)

    def receive(self, receipt: Receipt) -> Intervention | None:
        """Take in what a provider tells later; see `Interventions.receive`."""
        now_us = self._world.clock()
        return self._store.receive(receipt, now_us, now_us + self._follow_us)

    # ---- inside

    @property
    def _follow_us(self) -> int:
        return (self._rules.window_days + self._rules.reporting_days + 1) * _DAY_US

    def _one(self, one: Intervention) -> Intervention | None:
        if one.state in REACHED or one.state is State.OUTCOME:
            return self._follow(one)
        if one.state is State.SENDING:
            return self._reconcile(one)
        if one.expired(self._world.day_of(self._world.clock())):
            return self._moved(one, State.EXPIRED, "its days of validity are over")
        if one.state is State.PROPOSED:
            return None
        if one.customer == NOBODY or one.customer_id is None:
            return self._moved(one, State.CANCELLED, "the customer is not known any more")
        rests = self._resting.get(one.channel, 0) > self._world.clock()
        return None if rests or self._world.stopped() else self._send(one)

    def _send(self, one: Intervention) -> Intervention:
        carrier = self._carriers.get(one.channel)
        if carrier is None:
            return self._later(one, f"nothing carries {one.channel} here: it waits for a person", self._rules.most_us)
        try:
            letter = self._secretary.letter(one)
        except ConfigError as error:
            return self._later(one, f"it cannot be worded: {error}", self._rules.most_us)
        if isinstance(letter, Unwritten):
            if letter.lasting:
                return self._moved(one, State.CANCELLED, letter.why)
            return self._later(one, letter.why, self._rules.most_us)
        message = _message(one, letter)
        now_us = self._world.clock()
        question = self._secretary.question(one, now_us)
        verdict, sending = self._store.prepare(
            one, self._preparation(message, carrier, question), lambda facts: self._judged(one, question, facts)
        )
        if not verdict.allowed:
            return self._forbidden(one, verdict, now_us)
        return self._answered(sending, carrier, carrier.send(message))

    def _preparation(self, message: Message, carrier: Outreach, question: Question) -> Preparation:
        content = hashlib.sha256(msgspec.json.encode(message)).hexdigest()
        sending = Sending(
            send_key=message.key,
            intervention_id=message.intervention_id,
            channel=message.channel,
            provider=carrier.name,
            template=message.template,
            content_sha=content,
        )
        contact = attempt_at(question, message.intervention_id, f"{BY} {carrier.name}")
        until_us = question.at_us + self._rules.lease_us
        return Preparation(sending=sending, contact=contact, until_us=until_us, by=BY)

    def _judged(self, one: Intervention, question: Question, facts: Sequence[Fact]) -> Verdict:
        """The law's verdict, by what was made of the attempts; not allowed where a person has to approve it first."""
        verdict = self._law(question, made(facts))
        if verdict.allowed and verdict.needs_approval and not one.approval:
            return msgspec.structs.replace(verdict, allowed=False)
        return verdict

    def _forbidden(self, one: Intervention, verdict: Verdict, now_us: int) -> Intervention:
        body = {"clause": verdict.clause, "source": verdict.source, "packs": list(verdict.packs)}
        if verdict.needs_approval:
            why = f"it needs the approval of a person: {verdict.needs_approval}"
            asked = verdict.needs_approval
            move = Move(after=State.PROPOSED, at_us=now_us, by=BY, why=why, approval=asked, body=body)
        elif verdict.clause in self._rules.mendable:
            why = verdict.says or verdict.clause
            move = Move(
                after=State.WAITING, at_us=now_us, by=BY, why=why, due_us=now_us + self._rules.most_us, body=body
            )
        elif verdict.next_us is None:
            move = Move(after=State.CANCELLED, at_us=now_us, by=BY, why=verdict.says or verdict.clause, body=body)
        else:
            due_us = max(verdict.next_us, now_us + 1)
            why = verdict.says or verdict.clause
            move = Move(after=State.WAITING, at_us=now_us, by=BY, why=why, due_us=due_us, body=body)
        return self._store.move(one, move)

    def _answered(self, one: Intervention, carrier: Outreach, answer: Delivery | Absent) -> Intervention:
        """Write down what a provider said of a try, asked at once or later."""
        now_us = self._world.clock()
        match answer:
            case Sent(reference=reference):
                ended = Ended(state="sent", made=True, reference=reference)
                move = Move(after=State.SENT, at_us=now_us, by=carrier.name, due_us=now_us + self._follow_us)
            case Refused(why=why, lasting=True):
                ended = Ended(state="refused", made=False, why=why)
                move = Move(after=State.FAILED, at_us=now_us, by=carrier.name, why=why)
            case Refused(why=why):
                return self._not_taken(one, carrier, Ended(state="refused", made=False, why=why))
            case Absent():
                return self._not_taken(one, carrier, Ended(state="absent", made=False, why="it never arrived there"))
            case Unknown(why=why) if carrier.reconciles:
                return self._asked_later(one, carrier, why)
            case Unknown(why=why):
                ended = Ended(state="unknown", made=True, why=why)
                move = Move(after=State.UNKNOWN, at_us=now_us, by=carrier.name, why=why)
        return self._store.ended(one, ended, move)

    def _not_taken(self, one: Intervention, carrier: Outreach, ended: Ended) -> Intervention:
        """Provably not sent: tried again after a pause with the same key, and the law is asked again then."""
        now_us = self._world.clock()
        self._resting[one.channel] = now_us + self._rules.rest_us
        sending = self._store.sending(one.send_key)
        tries = 1 if sending is None else max(sending.tries, 1)
        if tries >= self._rules.most_tries:
            why = f"not taken in {tries} tries: {ended.why}"
            return self._store.ended(one, ended, Move(after=State.FAILED, at_us=now_us, by=carrier.name, why=why))
        due_us = now_us + self._rules.pause_us(tries)
        move = Move(after=State.WAITING, at_us=now_us, by=carrier.name, why=ended.why, due_us=due_us)
        return self._store.ended(one, ended, move)

    def _reconcile(self, one: Intervention) -> Intervention:
        """A try whose answer nobody wrote down in time: asked of the provider by its key, where one can tell."""
        carrier = self._carriers.get(one.channel)
        sending = self._store.sending(one.send_key)
        asked = carrier is not None and carrier.reconciles and sending is not None and sending.provider == carrier.name
        if carrier is None or not asked:
            now_us = self._world.clock()
            why = "the sender ended before the provider's answer was written down, and the provider cannot be asked"
            move = Move(after=State.UNKNOWN, at_us=now_us, by=BY, why=why)
            return self._store.ended(one, Ended(state="unknown", made=True, why=why), move)
        return self._answered(one, carrier, carrier.look_up(one.send_key))

    def _asked_later(self, one: Intervention, carrier: Outreach, why: str) -> Intervention:
        """The provider will be able to tell, only not now; after too many looks it is for a person."""
        now_us = self._world.clock()
        sending = self._store.sending(one.send_key)
        looks = 0 if sending is None else (now_us - sending.prepared_us) // max(self._rules.settle_us, 1)
        if looks >= self._rules.most_looks:
            move = Move(after=State.UNKNOWN, at_us=now_us, by=carrier.name, why=why)
            return self._store.ended(one, Ended(state="unknown", made=True, why=why), move)
        due_us = now_us + self._rules.settle_us
        return self._store.move(one, Move(after=State.SENDING, at_us=now_us, by=carrier.name, why=why, due_us=due_us))

    def _follow(self, one: Intervention) -> Intervention:
        """Close what was sent, once all payments of its window are known."""
        now_us = self._world.clock()
        if one.state is State.OUTCOME:
            return self._store.move(one, Move(after=State.CLOSED, at_us=now_us, by=BY, why=one.why))
        first = one.day if one.day >= 0 else self._world.day_of(one.made_us)
        found = outcome_of(self._store.payments(one, (first, first + self._rules.window_days)))
        if not found:
            why = f"no payment fell due in {self._rules.window_days} days"
            return self._store.move(one, Move(after=State.CLOSED, at_us=now_us, by=BY, why=why))
        known = self._store.move(one, Move(after=State.OUTCOME, at_us=now_us, by=BY, why=found, due_us=now_us))
        return self._store.move(known, Move(after=State.CLOSED, at_us=now_us, by=BY, why=found))

    def _later(self, one: Intervention, why: str, pause_us: int) -> Intervention:
        now_us = self._world.clock()
        move = Move(after=State.WAITING, at_us=now_us, by=BY, why=why, due_us=now_us + pause_us)
        return self._store.move(one, move)

    def _moved(self, one: Intervention, after: State, why: str) -> Intervention:
        return self._store.move(one, Move(after=after, at_us=self._world.clock(), by=BY, why=why))


def _message(one: Intervention, letter: Letter) -> Message:
    return Message(
        key=one.send_key,
        intervention_id=one.intervention_id,
        channel=one.channel,
        to=letter.to,
        subject=letter.subject,
        text=letter.text,
        language=letter.language,
        template=letter.template,
    )
