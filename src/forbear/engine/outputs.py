"""What the worker leaves behind: predictions, decisions, contacts, audit, outcomes, as columns and as values.

Every row stands at a place in the log, so that writing twice is writing once. A prediction is at (offset, ordinal):
the event that had it made, and its place among those of that event. All else is at an offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from forbear.features.hashing import Keys
from forbear.features.ledger import Floats

Ints = NDArray[np.int64]


class Position(NamedTuple):
    """Up to where a log is recorded: the first offset, and ordinal within it, that is not."""

    offset: int
    ordinal: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """n scores with their attributions and what the policy said to each at once.

    offset, ordinal: (n,) int64, rising; the ordinal of one that a day close made is its customer's slot.
    customer: (n,) keys.  as_of_us: (n,) int64 [us UTC], the instant that was asked at.  day: (n,) int32, the
    bank-local day that decisions on it count for.  trigger: (n,) uint8, bits of `policy.triggers.Trigger`.
    log_odds: (n,), before calibration.  pd: (n,) in [0, 1].  attributions: (n, k) [log-odds]: with the expected
    value of the model they sum to log_odds.
    reason: (n,) int16, place in the policy's reasons of the heaviest one that raises the score, -1 for none.
    band: (n,) int8, place in the policy's bands, -1 outside.
    verdict: (n,) int8, code of `policy.proposals.HoldReason`, or -1: proposed, decided at the next cut.
    model, policy: (n,) int32, numbers of `Parts` that were in force.
    """

    offset: Ints
    ordinal: Ints
    customer: Keys
    as_of_us: Ints
    day: NDArray[np.int32]
    trigger: NDArray[np.uint8]
    log_odds: Floats
    pd: Floats
    attributions: Floats
    reason: NDArray[np.int16]
    band: NDArray[np.int8]
    verdict: NDArray[np.int8]
    model: NDArray[np.int32]
    policy: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.offset)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Self:
        """Some of the rows, in the order given."""
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def from_position(self, position: Position) -> Self:
        """Those at or behind a position."""
        behind = (self.offset > position.offset) | (
            (self.offset == position.offset) & (self.ordinal >= position.ordinal)
        )
        return self if behind.all() else self.take(behind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of one proposal at a cut: an offer, or the hold of a choice that had been made.

    decision_id: 32 hexadecimal digits, a hash of content.  offset: of the cut.  day: bank-local, since 1970.
    made_at_us: instant of the cut [us UTC].  outcome: "offer" or a word of `HoldReason`.
    action, channel, wording, cost_minor, expires_day: of the choice, offered or not.
    propensity, explored, held_out: see `policy.proposals.Decisions`.
    prediction: where the prediction it rests on stands.  model, policy: numbers of `Parts`.
    sealed: what is personal in it, encrypted under the customer's key.
    """

    decision_id: str
    offset: int
    customer: int
    matter: int
    day: int
    made_at_us: int
    outcome: str
    band: str
    action: str
    channel: str
    wording: str
    cost_minor: int
    propensity: float
    explored: bool
    held_out: bool
    expires_day: int
    prediction: Position
    model: int
    policy: int
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One line of the contact ledger. kind: "offer", or "hold_out" for the day on which a contact was withheld."""

    decision_id: str
    offset: int
    customer: int
    channel: str
    day: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One link of the chain. sequence: from 0, without a gap.  offset: of the log, where it was made.

    kind: "decision", "cut", "instruction", "request", "rollout_stopped", "access" or "erasure".  body: canonical
    JSON of what is not personal.
    sealed_sha: SHA-256 [hexadecimal] of the ciphertext that belongs to it, "" for none; the chain commits to this, so
    that the plaintext may be lost without a break.  previous, digest: SHA-256 [hexadecimal]; "" before the first.
    """

    sequence: int
    offset: int
    kind: str
    body: str
    sealed_sha: str
    previous: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """A payment outcome that the log told of. days: bank-local, since 1970.  paid_day: None if it was not paid."""

    offset: int
    customer: int
    obligation: int
    due_day: int
    status: str
    amount_due_minor: int
    paid_day: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """What came back on a decision, as the log told. decision_id: 32 hexadecimal digits.  at_us: when it was given.

    answer: a word of `domain.terms.Answer`.  by: who told of it.
    """

    offset: int
    customer: int
    decision_id: str
    answer: str
    at_us: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What was put in force. kind: "model", "policy" or "reasons".  number: from 1, in order of promotion.

    digest: SHA-256 of its content.  offset: from which event on.  by: who promoted it.
    document: "since_us", when the log was told [us UTC], where that was recorded; and of a model {"kind",
    "features": [...], "expected": log-odds}, of one that a roll-out has score some of the customers "rollout" (its
    digest) and "percent" too; of a policy {"version", "bands": [...], "reasons": [...], "currency", "text": its TOML};
    of reasons {"version", "catalogue": its digest, "languages": [...]}.
    """

    kind: str
    number: int
    digest: str
    offset: int
    by: str
    document: Mapping[str, object]

    @property
    def since_us(self) -> int | None:
        """When the log was told of it [us UTC]; None where that was not recorded."""
        told = self.document.get("since_us")
        return told if isinstance(told, int) else None

    @property
    def in_roll_out(self) -> bool:
        """Whether it is a model beside the one in force."""
        return "rollout" in self.document


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """One closed day in numbers: what a report plots without reading a million rows.

    offset: of the close.  day: the closed one.  customers: in the book.  scored: eligible.  hurdles: by name.
    expected_misses: sum of the PDs.  bands: customers by name of band, "" outside.  verdicts: by word, "proposed" too.
    events: folded by fate since the close before.
    """

    offset: int
    day: int
    customers: int
    scored: int
    expected_misses: float
    hurdles: Mapping[str, int]
    bands: Mapping[str, int]
    verdicts: Mapping[str, int]
    events: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An event that the ledger would not take. reason: name of a `Fold`.  event: its JSON."""

    offset: int
    customer: int
    reason: str
    event: str


class Named(NamedTuple):
    """A customer met for the first time. slot: its place in the book, for good: the n-th one that was met has n - 1.

    offset: of the event that it was met by; of one that the history knows, the last before the log.
    """

    customer: int
    customer_id: str
    slot: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """All that one stretch of the log gave, to be recorded at once or not at all. after, until: the stretch."""

    after: Position
    until: Position
    predictions: Predictions | None = None
    decisions: tuple[Decision, ...] = ()
    contacts: tuple[Contact, ...] = ()
    audit: tuple[AuditRecord, ...] = ()
    outcomes: tuple[OutcomeRow, ...] = ()
    parts: tuple[Part, ...] = ()
    days: tuple[DayRow, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    customers: tuple[Named, ...] = ()
    answers: tuple[AnswerRow, ...] = ()
