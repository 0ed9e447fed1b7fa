"""Between the log of a home and outreach: what events tell the contact ledger, and replies that become events."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from hashlib import sha256

import numpy as np
from msgspec.structs import replace

from forbear.adapters.sql.contact_ledger import insert_facts
from forbear.adapters.sql.intervention_paths import SqlPaths, SqlSwitch
from forbear.adapters.sql.interventions import SqlInterventions, take_up_to, taken
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.store import position_in
from forbear.apps.home import Home
from forbear.domain.contacts import Fact
from forbear.domain.errors import StorageError
from forbear.domain.events import CustomerUpdated, Instructed, OfferAnswered, checked
from forbear.domain.terms import Answer, Instruction
from forbear.engine.contact_facts import facts_of, facts_of_answer
from forbear.engine.interventions import Step
from forbear.engine.lifecycle import Reply
from forbear.features.columns import EventKind, columns_of, events_of, instant
from forbear.features.hashing import key_of

WORKER = "worker"
EVENTS, ANSWERS = "events", "answers"
"""Readers, by name among those who have come somewhere: of the log, and of replies."""
_HEARD = (EventKind.CUSTOMER, EventKind.ANSWERED)
_SWITCHES = {Instruction.START_OUTREACH: False, Instruction.STOP_OUTREACH: True}
_EVENT_OF = {
    Reply.ACCEPTED: Answer.ACCEPTED,
    Reply.DECLINED: Answer.DECLINED,
    Reply.OPTED_OUT: Answer.OPTED_OUT,
    Reply.WRONG_PERSON: Answer.WRONG_PERSON,
}
"""Replies that change decisions. Whoever wants a human has answered nothing: that is a case for people."""
_AT_ONCE = 500


class Listener:
    """Reads the archive and the log of a home from where it last was, and enters what they tell of customers."""

    def __init__(self, home: Home, rooms: Rooms) -> None:
        self._home, self._rooms = home, rooms
        self._store = SqlInterventions(rooms)
        self._last: dict[str, CustomerUpdated] | None = None

    def listen(self) -> int:
        """Take in what is new; answer how many facts were."""
        with self._rooms.reading() as connection:
            at = taken(connection, EVENTS)
        new = 0
        for columns in self._home.history.read(at):
            rows = np.flatnonzero(np.isin(columns.kind, _HEARD))
            facts: list[Fact] = []
            for event in events_of(columns.take(rows)):
                if isinstance(event, CustomerUpdated):
                    facts += self._updated(event, at)
                elif isinstance(event, OfferAnswered):
                    facts += self._answered(event)
            past = at + len(columns)
            with self._rooms.writing(for_good=True) as connection:
                new += insert_facts(connection, facts)
                take_up_to(connection, EVENTS, at, past)
            at = past
        return new

    # ---- inside

    def _updated(self, update: CustomerUpdated, read: int) -> list[Fact]:
        last = self._known(read)
        before = last.get(update.customer_id)
        if before is None or before.booked_at <= update.booked_at:
            last[update.customer_id] = update
        return facts_of(update, key_of(update.customer_id), before)

    def _known(self, read: int) -> dict[str, CustomerUpdated]:
        """The last update of everybody, of those that were read before; found once, when it is first needed."""
        if self._last is None:
            self._last, at = {}, 0
            for columns in self._home.history.read():
                upto = columns.take(slice(0, max(0, read - at)))
                at += len(columns)
                for event in events_of(upto.take(np.flatnonzero(upto.kind == EventKind.CUSTOMER))):
                    assert isinstance(event, CustomerUpdated)
                    known = self._last.get(event.customer_id)
                    if known is None or known.booked_at <= event.booked_at:
                        self._last[event.customer_id] = event
                if at >= read:
                    break
        return self._last

    def _answered(self, answer: OfferAnswered) -> list[Fact]:
        one = self._store.get(answer.decision_id)
        if one is None:  # an offer that this store never had: what was said of it holds of no channel in particular
            return []
        return facts_of_answer(answer, key_of(answer.customer_id), one.channel, one.matter)


class HomeSwitch:
    """Whether outreach is stopped: by what the worker has recorded, and at once by what waits behind it in the log."""

    def __init__(self, home: Home, rooms: Rooms) -> None:
        self._home, self._rooms, self._recorded = home, rooms, SqlSwitch(rooms)
        self._at: int | None = None
        self._behind: bool | None = None

    def stopped(self) -> bool:
        """Whether the last switch is a stop, whoever has acted on it yet."""
        recorded = self._recorded.stopped()
        if self._at is None:
            with self._rooms.reading() as connection:
                self._at = max(position_in(connection, WORKER, 0).offset, 0)
        for columns in self._home.history.read(self._at):
            self._at += len(columns)
            for event in events_of(columns.take(np.flatnonzero(columns.kind == EventKind.INSTRUCTED))):
                assert isinstance(event, Instructed)
                self._behind = _SWITCHES.get(event.instruction, self._behind)
        return recorded if self._behind is None else self._behind


class Telling:
    """Replies become events of the log, each under an id of its own: told again after a crash it is the same."""

    def __init__(self, home: Home, rooms: Rooms) -> None:
        self._home, self._paths, self._store = home, SqlPaths(rooms), SqlInterventions(rooms)

    def tell(self, now: datetime) -> int:
        """Put what is new behind the log; 0, and nothing has changed, while somebody else writes there."""
        steps = self._paths.replies(ANSWERS, _AT_ONCE)
        if not steps:
            return 0
        events = [event for step in steps if (event := self._event(step, now)) is not None]
        if events:
            try:
                with closing(self._home.sink()) as sink:
                    received = max(now, instant(sink.received_us))
                    sink.publish(columns_of([checked(replace(event, received_at=received)) for event in events]))
            except StorageError:
                return 0
        self._paths.told(ANSWERS, steps[-1].entry)
        return len(events)

    # ---- inside

    def _event(self, step: Step, now: datetime) -> OfferAnswered | None:
        answer = _EVENT_OF.get(Reply(step.body["reply"]))
        one = self._store.get(step.intervention_id)
        if answer is None or one is None or one.customer_id is None:
            return None
        told = sha256(f"{step.body['provider']} {step.body['receipt']}".encode()).hexdigest()[:32]
        return OfferAnswered(
            answer_id=told,
            customer_id=one.customer_id,
            decision_id=one.intervention_id,
            answer=answer,
            by=step.by,
            booked_at=min(instant(step.body["replied_us"]), now),
            received_at=now,
        )
