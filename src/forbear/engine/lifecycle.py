"""The life of an intervention: its states, the one table of legal transitions, and what a receipt does to a state."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from forbear.domain.errors import ConflictError


class State(StrEnum):
    """Where an intervention stands.

    proposed: a person has to approve it.  approved: it may be sent.  waiting: not now (the law, a provider that is
    busy), but later.  sending: handed to a provider, whose answer is not known yet.  sent, delivered, answered: as the
    provider and the customer say.  outcome: what became of the payments is known.  closed: followed to its end.
    refused: a person said no.  expired: its days of validity were over before it was sent.  cancelled: law or
    circumstances ended it.  failed: the provider will never take it, or it came back.
    unknown: nobody can tell whether it was sent; a person settles it.
    """

    PROPOSED = "proposed"
    APPROVED = "approved"
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    ANSWERED = "answered"
    OUTCOME = "outcome"
    CLOSED = "closed"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNKNOWN = "unknown"


_NOT_SENT = {State.EXPIRED, State.CANCELLED, State.REFUSED}
_REACHED = {State.DELIVERED, State.ANSWERED}
LEGAL: Mapping[State, frozenset[State]] = {
    State.PROPOSED: frozenset({State.APPROVED, *_NOT_SENT}),
    State.APPROVED: frozenset({State.PROPOSED, State.WAITING, State.SENDING, *_NOT_SENT}),
    State.WAITING: frozenset({State.PROPOSED, State.WAITING, State.SENDING, *_NOT_SENT}),
    State.SENDING: frozenset({State.SENDING, State.WAITING, State.SENT, State.FAILED, State.UNKNOWN, *_REACHED}),
    State.UNKNOWN: frozenset({State.APPROVED, State.SENT, State.FAILED, *_REACHED}),
    State.SENT: frozenset({*_REACHED, State.FAILED, State.OUTCOME, State.CLOSED}),
    State.DELIVERED: frozenset({State.ANSWERED, State.FAILED, State.OUTCOME, State.CLOSED}),
    State.ANSWERED: frozenset({State.OUTCOME, State.CLOSED}),
    State.OUTCOME: frozenset({State.CLOSED}),
    **{end: frozenset() for end in (State.CLOSED, State.REFUSED, State.EXPIRED, State.CANCELLED, State.FAILED)},
}
"""Whereto each state may lead. waiting and sending lead to themselves: looked at, and to be looked at again later.

Back to proposed leads what the law, asked at sending, wants a person to approve.
"""
ENDS = frozenset(state for state, onward in LEGAL.items() if not onward)
"""States that nothing leads out of."""
REACHED = frozenset({State.SENT, State.DELIVERED, State.ANSWERED})
"""States of what was sent and is being followed."""
UNSENT = frozenset({State.PROPOSED, State.APPROVED, State.WAITING})
"""States of what a provider has never had, or has never taken."""


class ReceiptKind(StrEnum):
    """What a provider tells later. read: it was opened, which is delivered and more.  replied: see `Reply`."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    READ = "read"
    REPLIED = "replied"


class Reply(StrEnum):
    """What came back from a customer. wants_a_human: no answer to the offer, a wish to speak with somebody."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    OPTED_OUT = "opted_out"
    WRONG_PERSON = "wrong_person"
    WANTS_A_HUMAN = "wants_a_human"


class Receipt(Struct, frozen=True, kw_only=True):
    """One notice of a provider about a sending. provider, receipt_id: name it, so that it counts once.

    send_key: of the sending.  at_us: when it happened, as the provider says [us UTC].  reply: None unless replied.
    """

    provider: str
    receipt_id: str
    send_key: str
    kind: ReceiptKind
    at_us: int
    reply: Reply | None = None


def require_legal(before: State, after: State) -> None:
    """Raises ConflictError, naming both, where no transition leads from one state to the other."""
    if after not in LEGAL[before]:
        raise ConflictError(
            f"an intervention that is {before} cannot become {after}", mend="look at its path: `forbear outreach show`"
        )


def after_receipt(state: State, receipt: Receipt) -> State:
    """What a receipt makes of a state; the same state where it changes nothing.

    Receipts come in any order, also before the provider's own answer was recorded: each says at least that the
    message was sent. What comes for something that has ended, or says less than is known, changes nothing.
    """
    if state not in {State.SENDING, State.UNKNOWN, *REACHED}:
        return state
    match receipt.kind:
        case ReceiptKind.REPLIED:
            return State.ANSWERED
        case ReceiptKind.BOUNCED:
            return state if state is State.ANSWERED else State.FAILED
        case ReceiptKind.DELIVERED | ReceiptKind.READ:
            return state if state in _REACHED else State.DELIVERED
