"""The contact ledger: who was contacted, how and when, and everything that the law must know to judge it.

One ledger across channels, products and people. Facts are only ever added, in the order in which the bank learnt them;
a fact that is told again (the same `fact_id`) changes nothing. Instants are in microseconds UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from forbear.domain.events import Identifier, Name

Micros: TypeAlias = Annotated[int, Meta(ge=0, lt=2**53)]
Minute: TypeAlias = Annotated[int, Meta(ge=0, le=1_440)]
Zones: TypeAlias = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=64)]


class Means(StrEnum):
    """How a person is reached, as laws tell it apart. Of a channel that nobody has classed: a call."""

    CALL = "call"
    TEXT = "text"
    EMAIL = "email"
    APP = "app"
    CHAT = "chat"
    LETTER = "letter"
    VISIT = "visit"


_LONGEST_NAME = 64
CALLED_OFF = ".off"
MEANS_OF = {"phone": Means.CALL, "sms": Means.TEXT, "email": Means.EMAIL, "app": Means.APP, "chat": Means.CHAT}
"""Of the channels of a policy, by name; see `means_of`."""


class Purpose(StrEnum):
    """What a contact is about. help: support that was not asked for.  collection: money that is owed.

    service: what the law obliges the bank to tell, or an answer to what the customer has just asked.
    """

    HELP = "help"
    COLLECTION = "collection"
    SERVICE = "service"


class Stop(StrEnum):
    """Why somebody may not be contacted, or only through somebody else.

    opt_out: of one channel, or of all.  cease: the customer has told the bank in writing to stop.  attorney: someone
    represents the customer.  breathing_space, mental_health_crisis: moratoria (UK).  legal_stop: the law forbids it,
    and no more is known.  wrong_person: the address is somebody else's.
    """

    OPT_OUT = "opt_out"
    CEASE = "cease"
    ATTORNEY = "attorney"
    DECEASED = "deceased"
    BANKRUPTCY = "bankruptcy"
    DISPUTE = "dispute"
    BREATHING_SPACE = "breathing_space"
    MENTAL_HEALTH_CRISIS = "mental_health_crisis"
    BEREAVEMENT = "bereavement"
    LEGAL_STOP = "legal_stop"
    WRONG_PERSON = "wrong_person"


class PlaceSource(StrEnum):
    """Where a belief about somebody's place comes from. told: they said where they are, which outweighs all else."""

    TOLD = "told"
    STATED = "stated"
    ADDRESS = "address"
    NUMBER = "number"


class _Fact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every fact bears. at_us: when it happened, or from when it holds.  known_us: when the bank learnt of it."""

    fact_id: Identifier
    customer: Annotated[int, Meta(ge=0)]
    at_us: Micros
    known_us: Micros


class Placed(_Fact, frozen=True, tag="placed"):
    """Zones (IANA names) that a person may be in by one source; a later one of that source replaces it.

    A number tells where it was given out, which may be far from where it is: numbers are ported and carried along.
    """

    source: PlaceSource
    zones: Zones


class Consented(_Fact, frozen=True, tag="consented"):
    """Consent to a channel, or its withdrawal. until_us: it lapses then, None: it does not.

    direct: given to this bank, for calls beyond the usual number (Reg F, 12 CFR 1006.14(b)(3)(i)).
    """

    channel: Name
    given: bool
    direct: bool = False
    until_us: Micros | None = None


class Restricted(_Fact, frozen=True, tag="restricted"):
    """A stop begins at `at_us`. matter: of one debt alone.  channel: of one channel alone.  until_us: it ends then."""

    stop: Stop
    matter: Name | None = None
    channel: Name | None = None
    until_us: Micros | None = None


class Lifted(_Fact, frozen=True, tag="lifted"):
    """A stop is over from `at_us`, with the same matter and channel as it was set with."""

    stop: Stop
    matter: Name | None = None
    channel: Name | None = None


class Inconvenient(_Fact, frozen=True, tag="inconvenient"):
    """Times at which a person does not want to be reached, local at their place; it adds to earlier ones.

    weekdays: 0 is Monday; none: every day.  from_minute, to_minute: of the day, [from, to); from >= to runs over
    midnight, and belongs to the day it begins on.  channel: None for all.
    """

    from_minute: Minute
    to_minute: Minute
    weekdays: tuple[Annotated[int, Meta(ge=0, le=6)], ...] = ()
    channel: Name | None = None


class Preferred(_Fact, frozen=True, tag="preferred"):
    """The channel that a person wants to be reached on; "" takes the wish back."""

    channel: Name


class Contacted(_Fact, frozen=True, tag="contacted"):
    """A contact, or the attempt at one. An attempt is entered before it is made, so that none is ever missed.

    matter: the debt or product that it is about.  outbound: the bank reached out.  conversation: a person answered.
    called_off: an attempt that was entered, and then provably not made: it counts for nothing. It is told as the same
    fact again, called off, under the id of the attempt with `CALLED_OFF` behind it.
    intervention_id: of the help that it carries, None for any other.  by: who or what made it.
    """

    channel: Name
    means: Means
    matter: Name
    purpose: Purpose
    outbound: bool = True
    conversation: bool = False
    called_off: bool = False
    jurisdiction: Name = ""
    intervention_id: Name | None = None
    by: Name = ""


Fact: TypeAlias = Placed | Consented | Restricted | Lifted | Inconvenient | Preferred | Contacted


class Question(Struct, frozen=True, kw_only=True):
    """May we contact this person, on this channel, about this matter, now?

    at_us: now [us UTC].  jurisdiction: names the packs that are asked ("us", "uk", "in", "eu"; "" for house rules).
    region: of the customer, for holidays; "" for the whole country.
    vulnerable: the customer is in circumstances that call for care.
    """

    customer: int
    channel: str
    means: Means
    matter: str
    purpose: Purpose
    at_us: int
    jurisdiction: str = ""
    region: str = ""
    vulnerable: bool = False


class Verdict(Struct, frozen=True, kw_only=True):
    """The answer. clause: what forbids it, as the pack names it, "" where nothing does.  says: for people.

    source: of the clause.  presumption: the law presumes a breach, and does not forbid outright.
    next_us: the first instant at which nothing forbids it, by what is known now; None: not by waiting alone.
    packs: name@version of every pack asked.  needs_approval: the clause by which a person approves it first, or "".
    """

    allowed: bool
    clause: str = ""
    source: str = ""
    says: str = ""
    presumption: bool = False
    next_us: int | None = None
    packs: tuple[str, ...] = ()
    needs_approval: str = ""


def attempt_at(question: Question, intervention_id: str, by: str) -> Contacted:
    """The attempt that a question asks about, as the ledger takes it; whoever enters it gives it an id."""
    return Contacted(
        fact_id="-",
        customer=question.customer,
        at_us=question.at_us,
        known_us=question.at_us,
        channel=question.channel,
        means=question.means,
        matter=question.matter,
        purpose=question.purpose,
        jurisdiction=question.jurisdiction,
        intervention_id=intervention_id,
        by=by[:_LONGEST_NAME],
    )


def made(facts: Sequence[Fact]) -> list[Fact]:
    """The facts without attempts that were called off later, and without what called them off."""
    gone = {fact.fact_id for fact in facts if isinstance(fact, Contacted) and fact.called_off}
    if not gone:
        return list(facts)
    gone |= {name.removesuffix(CALLED_OFF) for name in gone if name.endswith(CALLED_OFF)}
    return [fact for fact in facts if fact.fact_id not in gone]


def means_of(channel: str) -> Means:
    """How a channel of a policy reaches people; the most guarded one where nobody has said."""
    return MEANS_OF.get(channel, Means.CALL)


def encode_fact(fact: Fact) -> bytes:
    """The fact as JSON; `decode_fact(encode_fact(fact)) == fact`."""
    return _ENCODER.encode(fact)


def decode_fact(raw: bytes | str) -> Fact:
    """One fact from its JSON text. Raises msgspec.ValidationError or msgspec.DecodeError."""
    return _DECODER.decode(raw)


_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)
