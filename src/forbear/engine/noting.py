"""What people say about a customer, as a follower takes it: requests for help, and what came back on offers.

Neither moves a ledger. A request has its customer scored as the ledgers stand, an answer goes on to the memory of the
policy.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TypeAlias

import msgspec
import numpy as np

from forbear.domain.events import HelpRequested, OfferAnswered
from forbear.engine.findings import Answered, Requested, Stretch
from forbear.engine.outputs import AnswerRow, DeadLetter, Position
from forbear.engine.scorer import Asked, Scorer
from forbear.features.columns import micros
from forbear.features.eligibility import Hurdle
from forbear.policy.triggers import Trigger

Note: TypeAlias = HelpRequested | OfferAnswered
REMEMBERED = 4_096
"""Notes whose repetition is noticed: whoever publishes one twice does so soon."""
UNKNOWN = "unknown_customer"
"""Why a note is a dead letter."""
_NOTES: msgspec.json.Decoder[Note] = msgspec.json.Decoder(Note)


def note_of(payload: bytes) -> tuple[str, Note]:
    """A note, and the name by which its repetition is noticed."""
    note = _NOTES.decode(payload)
    return (f"request {note.request_id}" if isinstance(note, HelpRequested) else f"answer {note.answer_id}"), note


def unknown(offset: int, customer: int, payload: bytes) -> Stretch:
    """A note about somebody of whom no event ever told: a dead letter."""
    letter = DeadLetter(offset=offset, customer=customer, reason=UNKNOWN, event=payload.decode())
    return Stretch(until=Position(offset + 1), letters=(letter,))


def answered(offset: int, slot: int, customer: int, note: OfferAnswered) -> Stretch:
    """What came back on an offer."""
    row = AnswerRow(
        offset=offset,
        customer=customer,
        decision_id=note.decision_id,
        answer=str(note.answer),
        at_us=micros(note.booked_at),
        by=note.by,
    )
    return Stretch(until=Position(offset + 1), answers=(Answered(offset, slot, row),))


def requested(scorer: Scorer, at: Asked, slot: int, note: HelpRequested) -> Stretch:
    """The score that a request asks for, or why there is none; without a model in force nobody is scored."""
    customer = int(scorer.book.keys[slot])
    scores, hurdle = None, "not_running"
    if scorer.model is not None and at.trigger:
        bits = Trigger.REQUEST | (Trigger.OVERRIDE if note.override else 0)
        scores, codes = scorer.ask(np.array([slot]), at._replace(trigger=int(bits)))
        hurdle = Hurdle(codes[0]).name.lower() if codes[0] else ""
    request = Requested(
        offset=at.offset,
        customer=customer,
        request_id=note.request_id,
        by=note.by,
        override=note.override,
        why_sha=sha256(note.why.encode()).hexdigest(),
        hurdle=hurdle,
    )
    return Stretch(until=Position(at.offset + 1), requests=(request,), scores=scores, figures=scorer.figures)
