"""The shapes of contact law and of the contact ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints

from forbear.client.models import Asked, Flag, Instant, Text, Told

Label: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=64)]
Named: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", min_length=1, max_length=64)]
Line: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]
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
    why: what was said, for the chain of accesses, where nothing is said with the request itself; no names.
    """

    stop: StopWord
    lifted: Flag = False
    matter: Label = ""
    channel: Label = ""
    at: Instant | None = None
    until: Instant | None = None
    why: Line = ""


class StopShown(Told):
    """A stop that holds. matter, channel: of one alone, "" for all.  since: from when on.  told_at: when it was learnt.

    until: the end that was told, None for none. The law may give an end where nobody told one, and add days behind it.
    """

    stop: StopWord
    matter: str
    channel: str
    since: datetime
    told_at: datetime
    until: datetime | None


class ContactStops(Told):
    """The stops of a customer that hold as of an instant: begun, not lifted, and not past an end that was told.

    items: the youngest first.
    """

    customer_id: str
    as_of: datetime
    items: tuple[StopShown, ...]


class StopEffect(Told):
    """What the law would say of one contact under a stop. allowed_now: without it.  allowed: with it.

    clause, source, says: what forbids it then, "" where nothing does.  by_stop: a clause about stops does.
    next_at: the first instant at which nothing would forbid it; None: not by waiting alone.
    """

    channel: str = Field(examples=["phone"])
    purpose: PurposeWord
    allowed_now: bool
    allowed: bool
    clause: str = Field(examples=["house.stop"])
    source: str
    says: str
    by_stop: bool
    next_at: datetime | None


class StopPreview(Told):
    """What a stop would mean were it recorded at an instant: nothing is. items: by channel, then by purpose."""

    customer_id: str
    as_of: datetime
    stop: StopWord
    jurisdiction: str
    packs: tuple[str, ...]
    items: tuple[StopEffect, ...]


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
