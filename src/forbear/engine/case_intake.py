"""Which case an intervention's move gives a person to do: from its state, channel and reply alone.

What is told again has the same cause, so that it opens nothing a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from forbear.engine.case_terms import CaseKind

PHONE = "phone"
"""The channel on which a person makes the offer."""
CALLABLE = ("approved", "waiting")
"""States of an offer on the phone that a person may make. waiting: for a person, since no provider carries a call."""
_HUMAN = ("wants_a_human",)
_NO_ANSWER = ("", "no_answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What an intervention has come to. customer: key.  band, action, channel: of its decision.

    state: of `proposed`, `approved`, `waiting`, `sending`, `sent`, `delivered`, `answered`, `unknown` and others.
    reply: what the customer answered, "" for nothing.  reply_id: of the receipt, for more than one reply.
    urgent: whether its band is the policy's most urgent one.  approval: whose it needs, "" for nobody's.
    """

    intervention_id: str
    customer: int
    band: str
    channel: str
    action: str
    state: str
    reply: str = ""
    reply_id: str = ""
    urgent: bool = False
    approval: str = ""


class Moves(Protocol):
    """What the life cycle of interventions has recorded."""

    def followed(self) -> bool:
        """Whether interventions are followed here at all: then an offer is what its intervention says."""
        ...

    def behind(self, entry: int, limit: int) -> Sequence[tuple[int, Happened | None]]:
        """Moves after an entry, oldest first, each with its entry; None for one of a customer who was erased."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A case that is to be opened; see `Opening`, of which it is the part that does not depend on the clock."""

    customer: int
    kind: CaseKind
    subject: str
    cause: str
    intervention_id: str
    why: str


def cases_for(happened: Happened) -> tuple[Wish, ...]:
    """The cases that a move of an intervention gives, none for most.

    The most urgent band gives a critical one, whatever the state, once for each customer while it is open; an offer on
    the phone that is approved a call; a state of unknown and a reply one each; what waits for an approval a review.
    """
    found: list[tuple[CaseKind, str, str]] = []
    if happened.urgent:
        found.append((CaseKind.CRITICAL, "", happened.intervention_id))
    if happened.state == "proposed" and happened.approval:
        found.append((CaseKind.REVIEW, happened.intervention_id, happened.intervention_id))
    if happened.channel == PHONE and happened.state in CALLABLE:
        found.append((CaseKind.CALL, happened.intervention_id, happened.intervention_id))
    if happened.state == "unknown":
        found.append((CaseKind.UNKNOWN, happened.intervention_id, happened.intervention_id))
    if happened.reply not in _NO_ANSWER:
        kind = CaseKind.HUMAN if happened.reply in _HUMAN else CaseKind.REPLY
        subject = "" if kind is CaseKind.HUMAN else happened.intervention_id
        found.append((kind, subject, f"{happened.intervention_id}/{happened.reply_id or happened.reply}"))
    return tuple(
        Wish(
            customer=happened.customer,
            kind=kind,
            subject=subject,
            cause=f"{kind}/{cause}",
            intervention_id=happened.intervention_id,
            why=_why(kind, happened),
        )
        for kind, subject, cause in found
    )


def _why(kind: CaseKind, happened: Happened) -> str:
    """A word or two that name nobody."""
    match kind:
        case CaseKind.CRITICAL:
            return f"band {happened.band}"
        case CaseKind.REPLY | CaseKind.HUMAN:
            return f"replied {happened.reply} to {happened.action}"
        case _:
            return f"{happened.action} on {happened.channel}"
