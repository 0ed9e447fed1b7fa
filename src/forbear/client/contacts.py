"""The shapes of contact law and of the contact ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints

from forbear.client.models import Asked, Flag, Instant, Text, Told

Label: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=64)]
Named: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", min_length=1, max_length=64)]
StopWord: TypeAlias = Literal[
    "opt_out",
    "cease",
    "attorney",
    "deceased",
    "bankruptcy",
    "dispute",
    "breathing_space",
    "mental_health_crisis",
    "bereavement",
    "legal_stop",
    "wrong_person",
]
ProviderId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]+$", min_length=1, max_length=64)]
ArrivalWord: TypeAlias = Literal[
    "delivered", "read", "bounced", "accepted", "declined", "opted_out", "wrong_person", "wants_a_human"
]
PurposeWord: TypeAlias = Literal["help", "collection", "service"]


class ContactPermission(Told):
    """Whether somebody may be contacted. clause, source, says: what forbids it, "" where nothing does.

    presumption: the law presumes a breach, and does not forbid outright.  next_at: the first instant at which nothing
    forbids it, by what is known now; None: not by waiting alone.  packs: name@version of the law that was asked.
    needs_approval: the clause by which a person approves first, "" for none.
    """

    customer_id: str
    allowed: bool
    asked_at: datetime
    clause: str = Field(examples=["us.hours"])
    source: str
    says: str
    presumption: bool
    next_at: datetime | None
    needs_approval: str
    jurisdiction: str
    packs: tuple[str, ...]


class ContactMade(Asked):
    """A contact that was made elsewhere. outbound: the bank reached out.  conversation: somebody was spoken to.

    matter: the debt or product that it was about.  at: when, now unless told.
    """

    channel: Named = Field(examples=["phone"])
    matter: Label = ""
    purpose: PurposeWord = "help"
    outbound: Flag = True
    conversation: Flag = False
    at: Instant | None = None


class ContactStop(Asked):
    """Somebody may not be contacted, or may again. lifted: the stop is over, set as it was.

    matter, channel: of one alone, "" for all.  at: since when, now unless told.  until: it ends then.
    """

    stop: StopWord
    lifted: Flag = False
    matter: Label = ""
    channel: Label = ""
    at: Instant | None = None
    until: Instant | None = None


class Arrival(Asked):
    """What a provider tells of a message. receipt_id: the provider's own; told again, a notice changes nothing.

    key: of the sending, as the provider was given it.  at: when it happened.  said: what happened, or what the customer
    answered; whoever answered in words that nobody has understood "wants_a_human".
    """

    receipt_id: ProviderId
    key: ProviderId
    at: Instant
    said: ArrivalWord


class Arrived(Told):
    """What came of a notice. known: it is of something that was sent here.  state: of the intervention after it."""

    known: bool
    state: str | None = Field(examples=["delivered"])


class GivenVerdict(Asked):
    """What a person says of an offer that waits for one. why: recorded with it."""

    verdict: Literal["approve", "refuse"]
    why: Text


class InterventionMoved(Told):
    """Where an offer is after a verdict. state: a word; the law is asked again before anything is sent."""

    decision_id: str
    state: str = Field(examples=["approved"])


class Entered(Told):
    """A fact is in the contact ledger, and counts from now on."""

    fact_id: str
