"""The worker: takes the log in order, and gives what is to be recorded of it.

It is a fold. Its state after an offset depends on the events before it and on the artefacts that instructions name;
never on how the log was cut into batches, on time, or on chance. So a worker that died is one that starts again from
a snapshot, runs silently up to what is recorded, and goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from forbear.domain.calendar import BankCalendar
from forbear.domain.deployment import Deployment
from forbear.domain.events import Instructed
from forbear.domain.terms import Instruction, OutcomeStatus
from forbear.engine.draft import Draft, predictions_of
from forbear.engine.intervenor import Intervenor, Verdicts
from forbear.engine.misses import misses_in
from forbear.engine.outputs import DayRow, DeadLetter, Named, OutcomeRow, Outputs, Part, Position, Predictions
from forbear.engine.ports import Parts, Scanned, Vault
from forbear.engine.record import Recorder
from forbear.engine.scorer import SWEEP_ROWS, Mapped, Scorer, Scores, Scoring, hurdle_counts
from forbear.engine.telling import InWords
from forbear.features.batch import EventBatch
from forbear.features.columns import NO_DAY, EventColumns, EventKind
from forbear.features.kernels import REFUSED, Fold
from forbear.features.local_time import local_time
from forbear.features.streaming import Marks
from forbear.policy.document import Policy, to_toml
from forbear.policy.proposals import HOLD_REASONS, Circumstances
from forbear.policy.triggers import Happenings, Trigger, fired

CHUNK_ROWS = 8 * SWEEP_ROWS
"""Customers of a day close that are recorded in one commit."""
_MINUTE_US = 60_000_000
_LETTERS = [fold.value for fold in (*REFUSED, Fold.PARKED)]


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker is made of. mapped: how a sweep is shared out; `map` does it in one thread.

    letters: gives the JSON of the event at an offset, for the dead letters.
    obeys: whether instructions of the log are followed; a rehearsal passes over them, for it asks what others do.
    """

    deployment: Deployment
    calendar: BankCalendar
    parts: Parts
    vault: Vault
    letters: Callable[[int], str]
    mapped: Mapped = map
    obeys: bool = True


class Worker:
    """The fold of one partition. position: the offset of the next event.  clock_us: the latest `received_at` so far."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.position = 0
        self.scorer = Scorer(setup.deployment, setup.calendar)
        self.intervenor = Intervenor(self.scorer.features.names)
        self.words = InWords(self.scorer)
        self.recorder = Recorder(setup.vault, self.scorer.features.names, self.words.told)
        self.clock_us = 0
        self.counts = np.zeros(len(Fold), dtype=np.int64)
        self._zone = local_time(setup.deployment.time_zone)

    def process(self, scanned: Scanned) -> Iterator[Outputs]:
        """Take in the next events of the log; what they give, piece by piece, to be recorded in this order.

        The state has moved on when a piece is given: record it, or start again. Raises ValueError for events that do
        not follow the last.
        """
        offset, columns, batch = scanned
        if offset != self.position:
            raise ValueError(f"offset {offset} does not follow, {self.position} does")
        self.scorer.misses.add(misses_in(self.setup.deployment.miss, columns, batch, self._zone, offset))
        draft = Draft(Position(offset))
        start, bounds = 0, self._bounds(batch)
        while start < len(batch):
            stop = int(bounds[np.searchsorted(bounds, start, side="right")])
            at = offset + start
            match int(batch.kind[start]):
                case EventKind.DAY_CLOSED:
                    if at > draft.after.offset:
                        yield draft.ended(Position(at))
                    yield from self._close(draft, at, int(batch.day[start]), int(batch.received_us[start]))
                case EventKind.INSTRUCTED:
                    self._cut(draft, at, int(batch.received_us[start]))
                    self._instructed(draft, at, columns.payload[start])
                    bounds = self._bounds(batch)  # another policy, other ticks
                case _:
                    self._ticked(draft, at, int(batch.received_us[start]))
                    self._events(draft, at, columns.take(slice(start, stop)), batch.slice(start, stop))
            self.clock_us = max(self.clock_us, int(batch.received_us[start:stop].max()))
            start = stop
        self.position = offset + len(batch)
        if self.position > draft.after.offset:
            yield draft.ended(Position(self.position))

    def told(self, instructions: Sequence[Instructed]) -> Outputs:
        """Take in what was told before the first event of the log: it is recorded right before that."""
        draft = Draft(Position(self.position - 1))
        for one in instructions:
            self._follow(draft, self.position - 1, one)
        return draft.ended(Position(self.position))

    # ---- events

    def _bounds(self, batch: EventBatch) -> NDArray[np.int64]:
        """Where rows that are taken in at once end: closes and instructions alone, events of one tick together."""
        alone = batch.kind >= EventKind.DAY_CLOSED
        ends = alone[1:] | alone[:-1]
        if tick_us := self._tick_us():
            ends |= np.diff(np.maximum.accumulate(batch.received_us) // tick_us) != 0
        return np.append(np.flatnonzero(ends) + 1, len(batch))

    def _tick_us(self) -> int:
        return self.intervenor.rules.policy.allocation.tick_minutes * _MINUTE_US if self.intervenor.rules else 0

    def _ticked(self, draft: Draft, offset: int, received_us: int) -> None:
        """Cut if a tick of the policy has passed since the last event."""
        tick_us = self._tick_us()
        if tick_us and received_us // tick_us > self.clock_us // tick_us:
            self._cut(draft, offset, received_us)

    def _policy(self) -> Policy:
        if self.intervenor.rules is None:
            raise ValueError("no policy is in force")
        return self.intervenor.rules.policy

    def _events(self, draft: Draft, offset: int, columns: EventColumns, batch: EventBatch) -> None:
        book, known = self.scorer.book, self.scorer.book.customers
        if self.running:
            scores, codes = self.scorer.fold(offset, batch, self._marks(columns, batch))
        else:
            scores, codes = None, book.fold(batch)
        self.counts += np.bincount(codes, minlength=len(Fold))
        self.intervenor.standing.grow(book.customers)
        if book.customers > known:
            draft.customers += _met((offset, known), columns, batch, book.keys[known:])
        updates = np.flatnonzero((batch.kind == EventKind.CUSTOMER) & (codes <= Fold.WAITING))
        if len(updates):
            self._updates(columns, batch, updates)
        if scores is not None and len(scores):
            draft.predictions.append(self._judged(scores)[0])
        draft.outcomes += _outcomes(offset, columns, batch, codes)
        for row in np.flatnonzero(np.isin(codes, _LETTERS)).tolist():
            letter = self.setup.letters(offset + row)
            draft.dead_letters.append(
                DeadLetter(
                    offset=offset + row,
                    customer=int(batch.customer[row]),
                    reason=Fold(int(codes[row])).name.lower(),
                    event=letter,
                )
            )

    def _updates(self, columns: EventColumns, batch: EventBatch, rows: NDArray[np.intp]) -> None:
        self.intervenor.standing.update(columns, rows, self.scorer.book.slots_of(batch.customer[rows]))

    @property
    def running(self) -> bool:
        """Whether a model and a policy are in force: before that the ledgers are folded and nobody is scored."""
        return self.scorer.model is not None and self.intervenor.rules is not None

    def _marks(self, columns: EventColumns, batch: EventBatch) -> Marks:
        triggers = self._policy().triggers
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

    def _judged(self, scores: Scores) -> tuple[Predictions, Verdicts]:
        """What the policy says to scores at once, with what a cut has to know of them later."""
        verdicts = self.intervenor.judge(scores)
        predictions = predictions_of(scores, verdicts, self.recorder.model, self.recorder.policy)
        self.recorder.note(predictions)
        self.words.note(scores, verdicts.verdict)
        return predictions, verdicts

    # ---- cuts

    def _cut(self, draft: Draft, offset: int, received_us: int, day: int | None = None) -> None:
        """Turn proposals into decisions, at a place of the log and for a bank-local day (None: the open one)."""
        if not self.running:
            return
        day = self.scorer.book.open_day if day is None else day
        pending = self.intervenor.cut(day, self.scorer.book.customers)
        self.recorder.cut(draft, pending, offset, received_us, self.intervenor)
        self.words.forget()

    def _close(self, draft: Draft, offset: int, day: int, received_us: int) -> Iterator[Outputs]:
        """Decide what the day has proposed, sweep the book, decide on that, and open the next day."""
        book = self.scorer.book
        self.counts[Fold.DAY_CLOSED] += 1
        if day >= book.open_day:
            self._cut(draft, offset, received_us)
            tally = _Tally()
            if self.running and self._policy().triggers.day_close:
                asked = (offset, received_us, day)
                final, draft_of = draft, Draft(draft.after)
                for swept in self.scorer.sweep(asked, CHUNK_ROWS // SWEEP_ROWS, self.setup.mapped):
                    if draft_of.predictions:
                        piece = draft_of.ended(Position(offset, int(draft_of.predictions[-1].ordinal[-1]) + 1))
                        final.after = piece.until
                        yield piece
                    predictions, verdicts = self._judged(swept.scores)
                    tally.add(swept.hurdles, predictions.pd, verdicts.band, verdicts.verdict)
                    if len(predictions):
                        draft_of.predictions.append(predictions)
                final.predictions = draft_of.predictions
                self._cut(final, offset, received_us, day + 1)
            self.intervenor.spent.released = False
            draft.days.append(self._day_row(offset, day, tally))
            book.close_day(day)
            self.scorer.misses.forget_before(book.open_day)
            self.counts[:] = 0
        yield draft.ended(Position(offset + 1))

    def _day_row(self, offset: int, day: int, tally: _Tally) -> DayRow:
        bands = [band.name for band in self._policy().bands] if self.intervenor.rules else []
        names = ["", *bands]
        words = ["proposed", *map(str, HOLD_REASONS)]
        return DayRow(
            offset=offset,
            day=day,
            customers=self.scorer.book.customers,
            scored=tally.scored,
            expected_misses=tally.expected,
            hurdles=hurdle_counts(tally.hurdles),
            bands={names[band + 1]: int(count) for band, count in enumerate(tally.bands[: len(names)], -1) if count},
            verdicts={words[code + 1]: int(count) for code, count in enumerate(tally.verdicts, -1) if count},
            events={fold.name.lower(): int(self.counts[fold]) for fold in Fold if self.counts[fold]},
        )

    # ---- instructions

    def _instructed(self, draft: Draft, offset: int, payload: bytes) -> None:
        self.counts[Fold.INSTRUCTED] += 1
        if self.setup.obeys:
            self._follow(draft, offset, _INSTRUCTIONS.decode(payload))

    def _follow(self, draft: Draft, offset: int, told: Instructed) -> None:
        match told.instruction:
            case Instruction.PROMOTE_MODEL:
                self.promote_model(draft, offset, told)
            case Instruction.PROMOTE_POLICY:
                self.promote_policy(draft, offset, told)
            case Instruction.PROMOTE_REASONS:
                self.promote_reasons(draft, offset, told)
            case Instruction.START_OUTREACH:
                self.intervenor.circumstances = Circumstances()
            case Instruction.STOP_OUTREACH:
                self.intervenor.circumstances = Circumstances(kill_switch=True)
            case Instruction.RELEASE_VOLUME:
                self.intervenor.spent.released = True
            case Instruction.FORCE_CLOSE:
                pass  # it says of the close behind it who wanted that: its record is all there is to it
        self.recorder.instruction(draft, offset, told)

    def promote_model(self, draft: Draft, offset: int, told: Instructed) -> None:
        """Score by the model of a digest from now on."""
        digest = told.value or ""
        model, kind, expected = self.load_model(digest)
        self.scorer.model = model
        self.recorder.put_model(self.recorder.model + 1, digest, expected)
        document = {"kind": kind, "features": list(self.scorer.features.names), "expected": expected}
        draft.parts.append(_part(told, offset, self.recorder.model, document))

    def load_model(self, digest: str) -> tuple[Scoring, str, float]:
        """The model of a digest, its kind and its expected log-odds."""
        return self.setup.parts.model(digest, self.scorer.features.hash)

    def promote_policy(self, draft: Draft, offset: int, told: Instructed) -> None:
        """Decide by the policy of a digest from now on."""
        digest = told.value or ""
        policy = self.setup.parts.policy(digest)
        self.intervenor.put_in_force(policy)
        self.intervenor.standing.grow(self.scorer.book.customers)
        self.recorder.put_policy(self.recorder.policy + 1, digest)
        document = {
            "version": policy.version,
            "bands": [band.name for band in policy.bands],
            "reasons": [reason.code for reason in policy.reasons],
            "currency": policy.currency,
            "text": to_toml(policy),
        }
        draft.parts.append(_part(told, offset, self.recorder.policy, document))

    def promote_reasons(self, draft: Draft, offset: int, told: Instructed) -> None:
        """Tell by the approved reasons of a digest from now on."""
        digest = told.value or ""
        approved = self.setup.parts.reasons(digest)
        self.words.approved = approved
        self.recorder.put_reasons(self.recorder.reasons + 1, digest)
        catalogue = approved.catalogue
        document = {
            "version": catalogue.version,
            "catalogue": catalogue.digest,
            "languages": list(catalogue.languages),
        }
        draft.parts.append(_part(told, offset, self.recorder.reasons, document))


def _part(told: Instructed, offset: int, number: int, document: Mapping[str, object]) -> Part:
    kind = told.instruction.removeprefix("promote_")
    return Part(kind=kind, number=number, digest=told.value or "", offset=offset, by=told.by, document=document)


class _Tally:
    """One sweep in numbers."""

    def __init__(self) -> None:
        self.scored, self.expected = 0, 0.0
        self.hurdles: NDArray[np.int64] = np.zeros(8, dtype=np.int64)
        self.bands: NDArray[np.int64] = np.zeros(64, dtype=np.int64)
        self.verdicts: NDArray[np.int64] = np.zeros(64, dtype=np.int64)

    def add(
        self, hurdles: NDArray[np.int64], pd: NDArray[np.float64], band: NDArray[np.int8], verdict: NDArray[np.int8]
    ) -> None:
        """Count one piece."""
        self.scored += len(pd)
        self.expected += float(pd.sum())
        self.hurdles[: len(hurdles)] += hurdles
        self.bands += np.bincount(band + 1, minlength=64)
        self.verdicts += np.bincount(verdict + 1, minlength=64)


_INSTRUCTIONS = msgspec.json.Decoder(Instructed)
_STATUS = [str(status) for status in OutcomeStatus]


def _met(first: tuple[int, int], columns: EventColumns, batch: EventBatch, keys: NDArray[np.uint64]) -> list[Named]:
    """Customers met for the first time, in the order of their slots. first: offset of the batch, slot of the first."""
    offset, first_slot = first
    found, at_first = np.unique(batch.customer, return_index=True)
    rows = at_first[np.searchsorted(found, keys)]
    names = columns.customer_id[rows].tolist()
    met = enumerate(zip(keys.tolist(), names, (rows + offset).tolist(), strict=True), first_slot)
    return [Named(key, name.decode(), slot, at) for slot, (key, name, at) in met]


def _outcomes(offset: int, columns: EventColumns, batch: EventBatch, codes: NDArray[np.uint8]) -> list[OutcomeRow]:
    """The payment outcomes that the ledger took."""
    rows = np.flatnonzero((batch.kind == EventKind.OUTCOME) & (codes <= Fold.WAITING))
    if not len(rows):
        return []
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
    return [
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
    ]
