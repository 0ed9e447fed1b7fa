"""The documents that findings travel as. Names begin with what they tell of; see `wire` for what they mean."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from forbear.domain.events import CustomerUpdated, Instructed

Coordinates: TypeAlias = tuple[int, int, int]
"""Where a message comes from: offset of the event, rank among what that event gave, ordinal among equals (a slot)."""
NOWHERE: Coordinates = (-2, 0, 0)
"""Before every message."""


class OutcomeTold(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a payment: columns of `OutcomeRow`."""

    customer: int
    obligation: int
    due_day: int
    status: str
    amount_due_minor: int
    paid_day: int | None


class LetterTold(msgspec.Struct, frozen=True, gc=False):
    """What the ledger would not take: columns of `DeadLetter`."""

    customer: int
    reason: str
    event: str


class AnswerTold(msgspec.Struct, frozen=True, gc=False):
    """What came back on an offer: the slot, and columns of `AnswerRow`."""

    slot: int
    customer: int
    decision_id: str
    answer: str
    at_us: int
    by: str


class RequestTold(msgspec.Struct, frozen=True, gc=False):
    """That a person asked for help: fields of `Requested`."""

    customer: int
    request_id: str
    by: str
    override: bool
    why_sha: str
    hurdle: str


class Predicted(msgspec.Struct, frozen=True, gc=False):
    """One score. Columns of `Scores`. figures: None where no decision can rest on it.  model: digest of what scored.

    features, attributions, figures: float64, little-endian, in base64: what is read by machines alone, by the thousand.
    """

    slot: int
    as_of_us: int
    day: int
    trigger: int
    pd: float
    log_odds: float
    model: str
    features: bytes
    attributions: bytes
    figures: bytes | None = None


class Found(msgspec.Struct, frozen=True, gc=False, tag="found", tag_field="type", omit_defaults=True):
    """What one event gave. met: slot of a customer met for the first time.

    slot: of the customer of an update.
    """

    at: Coordinates
    after: Coordinates
    customer_id: str = ""
    met: int | None = None
    slot: int = -1
    update: CustomerUpdated | None = None
    outcome: OutcomeTold | None = None
    letter: LetterTold | None = None
    answer: AnswerTold | None = None
    request: RequestTold | None = None
    prediction: Predicted | None = None


class SweptOne(msgspec.Struct, frozen=True, gc=False, tag="swept", tag_field="type"):
    """One score of a day close."""

    at: Coordinates
    after: Coordinates
    customer_id: str
    prediction: Predicted


class Barred(msgspec.Struct, frozen=True, tag="barrier", tag_field="type", omit_defaults=True):
    """A barrier: see `findings`. what: its class.  ended: of a `CloseEnded` what its book has come to."""

    at: Coordinates
    after: Coordinates
    what: str
    at_us: int
    day: int
    customers: int
    told: Instructed | None = None
    ended: dict[str, Any] | None = None
