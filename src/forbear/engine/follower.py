"""The follower of one partition: takes the log in order, keeps the ledgers, and says what it finds.

It is a fold. What it finds depends on the events before and on the artefacts that instructions name; never on how the
log was cut into batches, on time, or on chance.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from forbear.domain.calendar import BankCalendar
from forbear.domain.deployment import Deployment
from forbear.domain.events import CustomerUpdated, Instructed, OfferAnswered
from forbear.domain.terms import PROMOTIONS, Instruction, OutcomeStatus
from forbear.engine.arms import UNWATCHED, Arms, why_stopped
from forbear.engine.findings import (
    Answered,
    CloseBegun,
    CloseEnded,
    Finding,
    Ordered,
    Stretch,
    Swept,
    Ticked,
    Update,
    WatchedArms,
)
from forbear.engine.misses import misses_in
from forbear.engine.noting import REMEMBERED as NOTES
from forbear.engine.noting import answered, note_of, requested, unknown
from forbear.engine.outputs import DeadLetter, Named, OutcomeRow, Position
from forbear.engine.ports import Parts, Scanned
from forbear.engine.scorer import SWEEP_ROWS, Asked, Challenger, Mapped, Scorer, Scores, hurdle_counts
from forbear.engine.scorer import Swept as SweptPiece
from forbear.engine.timing import UNTIMED, Stage, Stages
from forbear.features.batch import EventBatch
from forbear.features.book import Book
from forbear.features.columns import NO_DAY, EventColumns, EventKind
from forbear.features.hashing import Keys
from forbear.features.kernels import REFUSED, Fold
from forbear.features.local_time import local_time
from forbear.features.streaming import Marks
from forbear.policy.document import Policy
from forbear.policy.triggers import Happenings, Trigger, fired

CHUNK_ROWS = 8 * SWEEP_ROWS
"""Customers of a day close that are found at once."""
REMEMBERED = 256
"""Instructions whose repetition is noticed: they come at least once, and one after the other."""
EVERY = frozenset(Instruction)
_MINUTE_US = 60_000_000
Codes = NDArray[np.uint8]
_LETTERS = [fold.value for fold in (*REFUSED, Fold.PARKED)]


@dataclass(frozen=True, slots=True)
class Following:
    """What a follower is made of. mapped: how a sweep is shared out; `map` does it in one thread.

    letters: gives the JSON of the event at an offset, for the dead letters.
    obeys: instructions of the log that are followed; who asks what others would have done passes over some.
    scores: whether anybody is scored unasked; who only answers questions keeps the ledgers and no more.
    stages: told how long each stage takes, and what became of events.
    """

    deployment: Deployment
    calendar: BankCalendar
    parts: Parts
    letters: Callable[[int], str]
    mapped: Mapped = map
    obeys: Collection[Instruction] = EVERY
    scores: bool = True
    stages: Stages = UNTIMED


class Follower:
    """The ledgers of one partition. position: the offset of the next event.  clock_us: the latest `received_at` so far.

    policy: in force, None before the first.  digests: of what is in force, by the instruction that named it.
    """

    def __init__(self, setup: Following) -> None:
        self.setup = setup
        self.position = 0
        self.scorer = Scorer(setup.deployment, setup.calendar, setup.stages)
        self.policy: Policy | None = None
        self.digests: dict[str, str] = {}
        self.clock_us = 0
        self.counts = np.zeros(len(Fold), dtype=np.int64)
        self.followed: list[str] = []
        self.noted: dict[str, None] = {}
        self._zone = local_time(setup.deployment.time_zone)

    @property
    def running(self) -> bool:
        """Whether a model and a policy are in force: before that the ledgers are folded and nobody is scored."""
        return self.setup.scores and self.scorer.model is not None and self.policy is not None

    def process(self, scanned: Scanned) -> Iterator[Finding]:
        """Take in the next events of the log; what they give, one finding behind the other.

        Each must be dealt with before the next is asked for: its figures are answered by the ledgers as they stand.
        Offsets may have been left out. Raises ValueError for events that were taken in before.
        """
        offset, columns, batch = scanned
        if offset < self.position:
            raise ValueError(f"offset {offset} was taken in before, {self.position} follows")
        self.scorer.misses.add(misses_in(self.setup.deployment.miss, columns, batch, self._zone, offset))
        start, bounds = 0, self._bounds(batch)
        while start < len(batch):
            stop = int(bounds[np.searchsorted(bounds, start, side="right")])
            at, received_us = offset + start, int(batch.received_us[start])
            match int(batch.kind[start]):
                case EventKind.DAY_CLOSED:
                    yield from self._close(at, int(batch.day[start]), received_us)
                case EventKind.INSTRUCTED:
                    yield from self._instructed(at, columns.payload[start], received_us)
                    bounds = self._bounds(batch)  # another policy, other ticks
                case EventKind.REQUESTED | EventKind.ANSWERED:
                    yield from self._ticked(at, received_us)
                    yield self._noted(Asked(at, received_us), int(batch.customer[start]), columns.payload[start])
                case _:
                    yield from self._ticked(at, received_us)
                    yield self._events(at, columns.take(slice(start, stop)), batch.slice(start, stop))
            self.clock_us = max(self.clock_us, int(batch.received_us[start:stop].max()))
            start = stop
        self.position = offset + len(batch)

    def follow(self, told: Instructed) -> None:
        """Have in force what an instruction says."""
        parts, digest = self.setup.parts, told.value or ""
        match told.instruction:
            case Instruction.PROMOTE_MODEL:
                self.scorer.model, _, _ = parts.model(digest, self.scorer.features.hash)
                self._end_rollout()  # it was held against another champion
            case Instruction.PROMOTE_POLICY:
                self.policy = parts.policy(digest)
            case Instruction.ROLLOUT:
                self.roll_out(digest)
            case Instruction.STOP_ROLLOUT:
                self._end_rollout()
        if told.instruction in PROMOTIONS:
            self.digests[told.instruction] = digest

    def roll_out(self, digest: str) -> None:
        """Have a challenger score those whom the roll-out of a digest takes."""
        parts = self.setup.parts
        rollout = parts.rollout(digest)
        scoring, _, _ = parts.model(rollout.challenger, self.scorer.features.hash)
        self.scorer.challenger = Challenger(scoring, rollout)
        self.digests[Instruction.ROLLOUT] = digest

    def put_behind(self) -> None:
        """Stand at the beginning of a log which the history that was taken in lies before: its offsets are no log's."""
        self.scorer.misses.shift(-self.position)
        self.position = 0

    # ---- events

    def _bounds(self, batch: EventBatch) -> NDArray[np.int64]:
        """Where rows that are taken in at once end: closes and instructions alone, events of one tick together."""
        alone = batch.kind >= EventKind.DAY_CLOSED
        ends = alone[1:] | alone[:-1]
        if tick_us := self._tick_us():
            ends |= np.diff(np.maximum.accumulate(batch.received_us) // tick_us) != 0
        return np.append(np.flatnonzero(ends) + 1, len(batch))

    def _tick_us(self) -> int:
        return self.policy.allocation.tick_minutes * _MINUTE_US if self.policy else 0

    def _ticked(self, offset: int, received_us: int) -> Iterator[Ticked]:
        """A barrier if a tick of the policy has passed since the last event."""
        tick_us = self._tick_us()
        if tick_us and received_us // tick_us > self.clock_us // tick_us:
            yield Ticked(
                offset=offset,
                at_us=received_us // tick_us * tick_us,
                day=self.scorer.book.open_day,
                customers=self.scorer.book.customers,
            )

    def _events(self, offset: int, columns: EventColumns, batch: EventBatch) -> Stretch:
        book, known = self.scorer.book, self.scorer.book.customers
        if self.policy is not None and self.running:
            scores, codes = self.scorer.fold(offset, batch, _marks(self.policy, columns, batch))
        else:
            with self.setup.stages.timed(Stage.FOLD):
                scores, codes = None, book.fold(batch)
        fates = np.bincount(codes, minlength=len(Fold))
        self.counts += fates
        self.setup.stages.folded(fates)
        rows = np.flatnonzero((batch.kind == EventKind.CUSTOMER) & (codes <= Fold.WAITING))
        letters = np.flatnonzero(np.isin(codes, _LETTERS)).tolist()
        return Stretch(
            until=Position(offset + len(batch)),
            met=_met(offset, columns, batch, book.keys[known:], known) if book.customers > known else (),
            updates=tuple(updates_in(columns, rows, book.slots_of(batch.customer[rows]), offset)) if len(rows) else (),
            outcomes=_outcomes(offset, columns, batch, codes),
            letters=tuple(self._letter(offset + row, int(batch.customer[row]), int(codes[row])) for row in letters),
            scores=scores,
            figures=self.scorer.figures,
        )

    def _letter(self, offset: int, customer: int, code: int) -> DeadLetter:
        reason = Fold(code).name.lower()
        return DeadLetter(offset=offset, customer=customer, reason=reason, event=self.setup.letters(offset))

    # ---- closes and instructions

    def _close(self, offset: int, day: int, received_us: int) -> Iterator[Finding]:
        """Sweep the book and open the next day; nothing for a day that was closed before."""
        book = self.scorer.book
        self.counts[Fold.DAY_CLOSED] += 1
        if day < book.open_day:
            yield Stretch(until=Position(offset + 1))
            return
        yield CloseBegun(offset=offset, at_us=received_us, day=book.open_day, customers=book.customers)
        swept = self.policy is not None and self.running and self.policy.triggers.day_close
        scored, expected, met = 0, 0.0, np.zeros(8, dtype=np.int64)
        arms = Arms()
        for scores, hurdles in self._swept(offset, day, received_us):
            arms = self._counted(arms, scores)
            if swept:
                scored += len(scores)
                expected += float(scores.pd.sum())
                met[: len(hurdles)] += hurdles
                yield Swept(offset=offset, scores=scores, figures=self.scorer.figures)
        watched = self._watched(arms)
        yield CloseEnded(
            offset=offset,
            at_us=received_us,
            day=day,
            customers=book.customers,
            swept=swept,
            scored=scored,
            expected_misses=expected,
            hurdles=hurdle_counts(met),
            events={fold.name.lower(): int(self.counts[fold]) for fold in Fold if self.counts[fold]},
            watched=watched,
        )
        if watched is not None and watched.stopped:
            self._end_rollout()
        book.close_day(day)
        self.scorer.misses.forget_before(book.open_day)
        self.counts[:] = 0

    def _swept(self, offset: int, day: int, received_us: int) -> Iterator[SweptPiece]:
        """The scores of everybody, piece by piece, where they are wanted: to be told, or to watch a roll-out.

        Who only answers questions tells nobody, and yet has to find that a roll-out ends where the worker finds it.
        """
        scorer, policy = self.scorer, self.policy
        if scorer.model is None or policy is None or not policy.triggers.day_close:
            return
        if self.setup.scores or scorer.challenger is not None:
            yield from scorer.sweep((offset, received_us, day), CHUNK_ROWS // SWEEP_ROWS, self.setup.mapped)

    def _counted(self, arms: Arms, scores: Scores) -> Arms:
        challenger, policy = self.scorer.challenger, self.policy
        if challenger is None or policy is None:
            return arms
        cut_off = min(band.enter for band in policy.bands)
        return arms.add(scores.log_odds, scores.pd, challenger.rollout.takes(scores.customer), cut_off)

    def _watched(self, arms: Arms) -> WatchedArms | None:
        """What a close says of the roll-out in force."""
        challenger, policy = self.scorer.challenger, self.policy
        if challenger is None or policy is None:
            return None
        if not policy.triggers.day_close:  # another policy was promoted since, under which nothing can be watched
            return WatchedArms(arms, UNWATCHED)
        return WatchedArms(arms, why_stopped(arms, challenger.rollout.guard))

    def _end_rollout(self) -> None:
        self.scorer.challenger = None
        self.digests.pop(Instruction.ROLLOUT, None)

    def _noted(self, at: Asked, customer: int, payload: bytes) -> Stretch:
        """What a person said about a customer; nothing for what was said before."""
        self.counts[Fold.NOTED] += 1
        name, note = note_of(payload)
        if name in self.noted:
            return Stretch(until=Position(at.offset + 1))
        self.noted = dict.fromkeys([*self.noted, name][-NOTES:])
        slot = int(self.scorer.book.slots_of(np.array([customer], dtype=np.uint64))[0])
        if slot < 0:
            return unknown(at.offset, customer, payload)
        if isinstance(note, OfferAnswered):
            return answered(at.offset, slot, customer, note)
        return requested(self.scorer, at if self.running else at._replace(trigger=0), slot, note)

    def _instructed(self, offset: int, payload: bytes, received_us: int) -> Iterator[Finding]:
        """Obey an instruction; nothing for one that was followed before."""
        self.counts[Fold.INSTRUCTED] += 1
        told = _INSTRUCTIONS.decode(payload)
        if told.instruction_id in self.followed:
            yield Stretch(until=Position(offset + 1))
            return
        book = self.scorer.book
        yield Ordered(
            offset=offset,
            at_us=received_us,
            day=book.open_day,
            customers=book.customers,
            told=told,
        )
        if told.instruction in self.setup.obeys:
            self.follow(told)
        self.followed = [*self.followed[1 - REMEMBERED :], told.instruction_id]


_INSTRUCTIONS = msgspec.json.Decoder(Instructed)
_UPDATES = msgspec.json.Decoder(CustomerUpdated)
_STATUS = [str(status) for status in OutcomeStatus]


def updates_in(
    columns: EventColumns, rows: NDArray[np.int64], slots: NDArray[np.int64], first_offset: int
) -> Iterator[Update]:
    """The customer updates in some rows of columns, with the slots of their customers, in log order."""
    for row, slot in zip(rows.tolist(), slots.tolist(), strict=True):
        yield Update(first_offset + row, slot, _UPDATES.decode(columns.payload[row]))


def changes_in(columns: EventColumns, batch: EventBatch, book: Book, first_offset: int) -> Iterator[Update | Answered]:
    """The updates and answers of a batch about customers of a book, in log order."""
    rows = np.flatnonzero(np.isin(batch.kind, (EventKind.CUSTOMER, EventKind.ANSWERED)))
    for row, slot in zip(rows.tolist(), book.slots_of(batch.customer[rows]).tolist(), strict=True):
        if slot < 0:
            continue
        if batch.kind[row] == EventKind.CUSTOMER:
            yield Update(first_offset + row, slot, _UPDATES.decode(columns.payload[row]))
        else:
            _, note = note_of(columns.payload[row])
            assert isinstance(note, OfferAnswered)
            yield from answered(first_offset + row, slot, int(batch.customer[row]), note).answers


def _marks(policy: Policy, columns: EventColumns, batch: EventBatch) -> Marks:
    triggers = policy.triggers
    happenings = Happenings(
        kind=batch.kind,
        direction=columns.direction,
        channel=columns.channel,
        category=columns.category,
        status=columns.status,
        amount_minor=columns.amount_minor,
        currency=columns.currency,
        nth=np.ones(len(batch), dtype=np.int64),
    )
    bits = fired(msgspec.structs.replace(triggers, every_nth_transaction=0), happenings)
    return Marks(bits, triggers.every_nth_transaction, int(Trigger.EVERY_NTH))


def _met(offset: int, columns: EventColumns, batch: EventBatch, keys: Keys, slot: int) -> tuple[Named, ...]:
    """Customers met for the first time, in the order of their slots, the first of which is given."""
    found, first = np.unique(batch.customer, return_index=True)
    rows = first[np.searchsorted(found, keys)]
    names = columns.customer_id[rows].tolist()
    met = enumerate(zip(keys.tolist(), names, rows.tolist(), strict=True), slot)
    return tuple(Named(key, name.decode(), place, offset + row) for place, (key, name, row) in met)


def _outcomes(
    offset: int, columns: EventColumns, batch: EventBatch, codes: NDArray[np.uint8]
) -> tuple[OutcomeRow, ...]:
    """The payment outcomes that the ledger took."""
    rows = np.flatnonzero((batch.kind == EventKind.OUTCOME) & (codes <= Fold.WAITING))
    if not len(rows):
        return ()
    paid = columns.paid_on[rows].tolist()
    told = zip(
        (rows + offset).tolist(),
        batch.customer[rows].tolist(),
        batch.record[rows, 1].tolist(),
        batch.day[rows].tolist(),
        columns.outcome_status[rows].tolist(),
        columns.amount_minor[rows].tolist(),
        paid,
        strict=True,
    )
    return tuple(
        OutcomeRow(
            offset=at,
            customer=customer,
            obligation=obligation & (1 << 64) - 1,
            due_day=due,
            status=_STATUS[status],
            amount_due_minor=amount,
            paid_day=None if day == NO_DAY else day,
        )
        for at, customer, obligation, due, status, amount, day in told
    )
