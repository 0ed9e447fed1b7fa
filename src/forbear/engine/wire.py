"""Findings as messages: what a follower tells the decider of, one JSON document for each event that found something.

Each says where it comes from: (offset, rank, ordinal) in its partition of the log, rising from one to the next, and
where the one before it came from. A receiver drops what it had already, and notices what is missing. Of equal logs the
messages are equal, however the log was cut, so two followers of one partition are as good as one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np

from forbear.domain.errors import CorruptState
from forbear.domain.events import CustomerUpdated
from forbear.engine.findings import (
    Answered,
    Barrier,
    CloseBegun,
    CloseEnded,
    Figures,
    Finding,
    Ordered,
    Requested,
    Stretch,
    Swept,
    Ticked,
    Update,
)
from forbear.engine.outputs import AnswerRow, DeadLetter, Named, OutcomeRow, Position
from forbear.engine.scorer import Scores
from forbear.engine.wire_shapes import (
    NOWHERE,
    AnswerTold,
    Barred,
    Coordinates,
    Found,
    LetterTold,
    OutcomeTold,
    Predicted,
    RequestTold,
    SweptOne,
)
from forbear.features.hashing import keys_of
from forbear.features.ledger import Floats
from forbear.policy.triggers import Trigger

_TICKED, _EVENT, _SWEPT, _CLOSED = range(4)
_WORD = 8
_BEFORE_LOG = -1
"""The offset of what the history knows, which lies before the log."""


Told: TypeAlias = Found | SweptOne | Barred
_DECODER: msgspec.json.Decoder[Told] = msgspec.json.Decoder(Told)
_ENCODER = msgspec.json.Encoder()
_BARRIERS: dict[str, type[Barrier]] = {
    "ticked": Ticked,
    "ordered": Ordered,
    "close_begun": CloseBegun,
    "close_ended": CloseEnded,
}
_NAMES = {kind: name for name, kind in _BARRIERS.items()}
_ENDED = ("swept", "scored", "expected_misses", "hurdles", "events")


class Message(NamedTuple):
    """A message as it is sent. key: the customer id, empty for a barrier."""

    at: Coordinates
    key: bytes
    value: bytes


@dataclass(slots=True)
class Teller:
    """Makes messages of the findings of one partition. last: coordinates of the newest.  ids: customer id by slot.

    lowest: PD from which on a decision may rest on a score, so that its figures are told; so are those of an override.
    """

    last: Coordinates = NOWHERE
    ids: list[str] = field(default_factory=list)
    lowest: float = 0.0
    model: str = ""
    _ticked: int | None = None

    def known(self, named: Iterable[Named], updates: Mapping[int, CustomerUpdated]) -> Iterator[Message]:
        """Messages of those whom the history has met, by slot, with the newest update of each."""
        for one in named:
            self.ids.append(one.customer_id)
            at = (_BEFORE_LOG, _EVENT, one.slot)
            update = updates.get(one.slot)
            yield self._said(Found, at, customer_id=one.customer_id, met=one.slot, slot=one.slot, update=update)

    def messages(self, finding: Finding) -> Iterator[Message]:
        """The messages of a finding, in their order; to be taken before the next finding is asked for."""
        match finding:
            case Stretch():
                yield from self._stretch(finding)
            case Swept():
                ids, offset, last = self.ids, finding.offset, self.last
                for one in self._predicted(finding.scores, finding.figures):
                    at, customer_id = (offset, _SWEPT, one.slot), ids[one.slot]
                    value = _ENCODER.encode(SweptOne(at, last, customer_id, one))
                    self.last = last = at
                    yield Message(at, customer_id.encode(), value)
            case _:
                yield self._barrier(finding)

    # ---- inside

    def _said(self, kind: Any, at: Coordinates, **told: Any) -> Message:
        value = _ENCODER.encode(kind(at=at, after=self.last, **told))
        self.last = at
        return Message(at, told.get("customer_id", "").encode(), value)

    def _barrier(self, finding: Barrier) -> Message:
        rank = {Ticked: _TICKED, CloseEnded: _CLOSED}.get(type(finding), _EVENT)
        if isinstance(finding, Ticked):
            self._ticked = finding.offset
        return self._said(
            Barred,
            (finding.offset, rank, 0),
            what=_NAMES[type(finding)],
            at_us=finding.at_us,
            day=finding.day,
            customers=finding.customers,
            told=finding.told if isinstance(finding, Ordered) else None,
            ended={name: getattr(finding, name) for name in _ENDED} if isinstance(finding, CloseEnded) else None,
        )

    def _stretch(self, finding: Stretch) -> Iterator[Message]:
        parts: defaultdict[int, dict[str, Any]] = defaultdict(dict)
        if self._ticked is not None:  # what a tick has decided is recorded with the event behind it
            parts[self._ticked] = {}
            self._ticked = None
        for met in finding.met:
            self.ids.append(met.customer_id)
            parts[met.offset] |= {"met": met.slot, "customer_id": met.customer_id}
        for offset, slot, told in finding.updates:
            parts[offset] |= {"update": told, "slot": slot, "customer_id": told.customer_id}
        for row in finding.outcomes:
            told_of = (row.customer, row.obligation, row.due_day, row.status, row.amount_due_minor, row.paid_day)
            parts[row.offset]["outcome"] = OutcomeTold(*told_of)
        for one in finding.letters:
            parts[one.offset]["letter"] = LetterTold(one.customer, one.reason, one.event)
        for offset, slot, answer in finding.answers:
            told_by = (answer.customer, answer.decision_id, answer.answer, answer.at_us, answer.by)
            parts[offset]["answer"] = AnswerTold(slot, *told_by)
        for request in finding.requests:
            parts[request.offset]["request"] = RequestTold(*request[1:])
        if finding.scores is not None and finding.figures is not None and len(finding.scores):
            predicted = self._predicted(finding.scores, finding.figures)
            for offset, scored in zip(finding.scores.offset.tolist(), predicted, strict=True):
                parts[offset] |= {"prediction": scored, "customer_id": self.ids[scored.slot]}
        for offset in sorted(parts):
            yield self._said(Found, (offset, _EVENT, 0), **parts[offset])

    def _predicted(self, scores: Scores, figures: Figures) -> list[Predicted]:
        near = np.flatnonzero((scores.pd >= self.lowest) | ((scores.trigger & Trigger.OVERRIDE) != 0))
        quoted: list[bytes | None] = [None] * len(scores)
        if len(near):
            for row, packed in zip(near.tolist(), _packed(figures(scores.take(near))), strict=True):
                quoted[row] = packed
        columns = [getattr(scores, name).tolist() for name in ("slots", "as_of_us", "day", "trigger", "pd", "log_odds")]
        wide = [_packed(scores.values), _packed(scores.attributions)]
        return list(map(Predicted, *columns, [self.model] * len(scores), *wide, quoted))


def _packed(rows: Floats) -> list[bytes]:
    """Each row of (n, k) as bytes."""
    width = rows.shape[1]
    if not width:
        return [b""] * len(rows)
    packed: list[bytes] = np.ascontiguousarray(rows, dtype="<f8").view(f"V{width * _WORD}")[:, 0].tolist()
    return packed


def _unpacked(rows: Sequence[bytes]) -> Floats:
    """(n, k) of rows as bytes. Raises CorruptState for rows of unlike length."""
    width = len(rows[0]) if rows else 0
    if any(len(row) != width for row in rows) or width % _WORD:
        raise CorruptState("messages of unlike models stand together", mend="run one version of all workers")
    flat = np.frombuffer(b"".join(rows), dtype="<f8").astype(np.float64)
    return flat.reshape(len(rows), width // _WORD)


class _Placed(msgspec.Struct):
    """What every message begins with."""

    at: Coordinates


_PLACED = msgspec.json.Decoder(_Placed)


def coordinates_of(value: bytes) -> Coordinates:
    """Where a message comes from. Raises CorruptState for what is no message."""
    try:
        return _PLACED.decode(value).at
    except msgspec.MsgspecError as error:
        raise CorruptState(f"no finding: {error}", mend="only a scorer of this version may write there") from error


def close_ended_at(offset: int) -> Coordinates:
    """Coordinates of the last message that the close of a day at an offset gives."""
    return (offset, _CLOSED, 0)


class Heard(NamedTuple):
    """A finding, and how many of the messages that were given it takes up to, all before it included."""

    finding: Finding
    past: int


@dataclass(slots=True)
class Listener:
    """Makes findings of the messages of one partition. mark: coordinates of the newest that was taken."""

    mark: Coordinates = NOWHERE

    def heard(self, values: Sequence[bytes]) -> Iterator[Heard]:
        """The findings of some messages, in their order; what was taken before is dropped.

        Raises CorruptState for what is no message, or where one is missing.
        """
        alike: list[Found] | list[SweptOne] = []
        past = 0
        for place, value in enumerate(values):
            told = self._taken(value)
            if told is None:
                continue
            if alike and (type(told) is not type(alike[0]) or isinstance(told, Barred)):
                yield Heard(_joined(alike), past)
                alike = []
            past = place + 1
            if isinstance(told, Barred):
                yield Heard(_barrier_of(told), past)
            else:
                alike.append(told)  # type: ignore[arg-type]  # all of one kind
        if alike:
            yield Heard(_joined(alike), past)

    def _taken(self, value: bytes) -> Told | None:
        try:
            told = _DECODER.decode(value)
        except msgspec.MsgspecError as error:
            raise CorruptState(f"no finding: {error}", mend="only a scorer of this version may write there") from error
        if told.at <= self.mark:
            return None
        if told.after != self.mark:
            raise CorruptState(
                f"between {self.mark} and {told.at} something is missing that came from {told.after}",
                mend="the topic has lost messages: restore it, or start the deciding anew from a backup",
            )
        self.mark = told.at
        return told


def _joined(alike: list[Found] | list[SweptOne]) -> Stretch | Swept:
    """Messages of one kind, one behind the other, as one finding."""
    swept = [one for one in alike if isinstance(one, SweptOne)]
    if swept:
        scores, figures = _scores([(one.at, one.customer_id, one.prediction) for one in swept])
        return Swept(offset=swept[0].at[0], scores=scores, figures=figures)
    found = [one for one in alike if isinstance(one, Found)]
    predicted = [(one.at, one.customer_id, one.prediction) for one in found if one.prediction is not None]
    told = _scores(predicted) if predicted else None
    (offset, _, ordinal), keys = found[-1].at, keys_of(np.array([one.customer_id.encode() for one in found], "S"))
    met = zip(found, keys.tolist(), strict=True)
    return Stretch(
        until=Position(offset, ordinal + 1) if offset == _BEFORE_LOG else Position(offset + 1),
        met=tuple(Named(key, one.customer_id, one.met, one.at[0]) for one, key in met if one.met is not None),
        updates=tuple(Update(one.at[0], one.slot, one.update) for one in found if one.update is not None),
        outcomes=tuple(_outcome(one.at[0], one.outcome) for one in found if one.outcome is not None),
        letters=tuple(_letter(one.at[0], one.letter) for one in found if one.letter is not None),
        answers=tuple(_answered(one.at[0], one.answer) for one in found if one.answer is not None),
        requests=tuple(
            Requested(one.at[0], *msgspec.structs.astuple(one.request)) for one in found if one.request is not None
        ),
        scores=told[0] if told else None,
        figures=told[1] if told else None,
    )


def _scores(told: list[tuple[Coordinates, str, Predicted]]) -> tuple[Scores, Figures]:
    """The columns of some predictions, and what gives their figures."""
    one = [prediction for _, _, prediction in told]
    scores = Scores(
        offset=np.array([at[0] for at, _, _ in told], dtype=np.int64),
        ordinal=np.array([at[2] for at, _, _ in told], dtype=np.int64),
        slots=np.array([each.slot for each in one], dtype=np.int64),
        customer=keys_of(np.array([customer_id.encode() for _, customer_id, _ in told], "S")),
        as_of_us=np.array([each.as_of_us for each in one], dtype=np.int64),
        day=np.array([each.day for each in one], dtype=np.int32),
        trigger=np.array([each.trigger for each in one], dtype=np.uint8),
        values=_unpacked([each.features for each in one]),
        log_odds=np.array([each.log_odds for each in one], dtype=np.float64),
        pd=np.array([each.pd for each in one], dtype=np.float64),
        attributions=_unpacked([each.attributions for each in one]),
    )
    quoted = {(at[0], at[2]): each.figures for (at, _, _), each in zip(told, one, strict=True) if each.figures}

    def figures(asked: Scores) -> Floats:
        """As they were told."""
        places = zip(asked.offset.tolist(), asked.ordinal.tolist(), strict=True)
        return _unpacked([quoted[place] for place in places])

    return scores, figures


def _barrier_of(told: Barred) -> Barrier:
    kind: Any = _BARRIERS.get(told.what)
    if kind is None:
        raise CorruptState(f"no barrier is known as {told.what!r}", mend="run one version of all workers")
    extra: dict[str, Any] = told.ended or {}
    if told.told is not None:
        extra = {**extra, "told": told.told}
    common = {"offset": told.at[0], "at_us": told.at_us, "day": told.day, "customers": told.customers}
    barrier: Barrier = kind(**common, **extra)
    return barrier


def _outcome(offset: int, told: OutcomeTold) -> OutcomeRow:
    return OutcomeRow(offset=offset, **msgspec.structs.asdict(told))


def _letter(offset: int, told: LetterTold) -> DeadLetter:
    return DeadLetter(offset=offset, **msgspec.structs.asdict(told))


def _answered(offset: int, told: AnswerTold) -> Answered:
    columns = msgspec.structs.asdict(told)
    return Answered(offset, columns.pop("slot"), AnswerRow(offset=offset, **columns))
