"""Routes of contact law: whether somebody may be contacted, and what the contact ledger is told.

What is told is in the ledger when it is answered: whoever asks next is answered by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from forbear.apps.api.interventions import DecisionId
from forbear.apps.api.parts import ApiParts, PartsHere, VisitHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reception import Gate
from forbear.apps.api.scoring import CustomerId
from forbear.apps.api.stopping import effects_of, stop_shown, stops_at
from forbear.apps.api.telling import answer, at, require_known
from forbear.apps.api.visit import Visit
from forbear.client.contacts import (
    Arrival,
    Arrived,
    ContactMade,
    ContactPermission,
    ContactStop,
    ContactStops,
    Entered,
    GivenVerdict,
    InterventionMoved,
    PurposeWord,
    StopPreview,
    StopWord,
)
from forbear.client.models import Instant
from forbear.domain.contacts import Contacted, Fact, Lifted, Purpose, Question, Restricted, Stop, means_of
from forbear.domain.errors import ConflictError
from forbear.engine.contact_ledger import ContactLedger
from forbear.engine.interventions import NOBODY, Interventions, Move
from forbear.engine.lifecycle import UNSENT, Receipt, ReceiptKind, Reply, State
from forbear.engine.office import Role
from forbear.engine.sending import FOLLOW_US
from forbear.features.columns import micros
from forbear.features.hashing import key_of
from forbear.policy.contact_law.asking import may_contact
from forbear.policy.contact_law.book import LawBook

contacting = APIRouter(prefix="/v1", route_class=Gate, tags=["contacts"])

_FIRST_YEAR, _LAST_YEAR = 1971, 2098
_MAY_LIFT = (Role.APPROVER, Role.ADMIN, Role.SERVICE)
_NOTICES = ("delivered", "read", "bounced")
_LABEL = r"^[^\x00-\x1f\x7f]*$"
Channel = Annotated[str, Query(min_length=1, max_length=64, pattern=_LABEL, description="phone, sms, email, app, ...")]
Matter = Annotated[str, Query(max_length=64, pattern=_LABEL, description="The debt or product that it is about.")]
Place = Annotated[
    str | None, Query(pattern="^[a-z][a-z0-9_-]{0,31}$", description="Whose law; default: of the home's country.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacting:
    """What contact law is asked with, and who hears what providers tell. jurisdiction, region: of the deployment."""

    ledger: ContactLedger
    law: LawBook
    jurisdiction: str
    region: str
    interventions: Interventions


@contacting.get(
    "/customers/{customer_id}/contact-permission",
    operation_id="contact_permission",
    summary="May we contact this customer?",
)
def contact_permission(  # noqa: PLR0913  # two of them are who asks and of what
    customer_id: CustomerId,
    parts: PartsHere,
    visit: VisitHere,
    channel: Channel,
    matter: Matter = "",
    purpose: PurposeWord = "help",
    at_instant: Annotated[Instant | None, Query(alias="at", description="Default: now.")] = None,
    jurisdiction: Place = None,
) -> ContactPermission:
    """May this customer be contacted, on this channel, about this matter, now? If not, by which clause, when next?"""
    here = contacting_of(parts)
    key = key_of(customer_id)
    visit.saw(key)
    question = Question(
        customer=key,
        channel=channel,
        means=means_of(channel),
        matter=matter,
        purpose=Purpose(purpose),
        at_us=_moment(at_instant) if at_instant else parts.bank_us(),
        jurisdiction=here.jurisdiction if jurisdiction is None else jurisdiction,
        region=here.region,
    )
    verdict = may_contact(question, here.ledger.of_customer(key), here.law)
    return answer(
        ContactPermission(
            customer_id=customer_id,
            allowed=verdict.allowed,
            asked_at=at(question.at_us),
            clause=verdict.clause,
            source=verdict.source,
            says=verdict.says,
            presumption=verdict.presumption,
            next_at=None if verdict.next_us is None else at(verdict.next_us),
            needs_approval=verdict.needs_approval,
            jurisdiction=question.jurisdiction,
            packs=verdict.packs,
        )
    )


@contacting.post(
    "/customers/{customer_id}/contacts", operation_id="record_contact", status_code=201, summary="Record a contact"
)
def record_contact(customer_id: CustomerId, asked: ContactMade, parts: PartsHere, visit: VisitHere) -> Entered:
    """Record a contact that was made elsewhere: it counts like those that are made here."""
    about = _about(parts, visit, customer_id, asked)
    fact = Contacted(
        **about,
        channel=asked.channel,
        means=means_of(asked.channel),
        matter=asked.matter,
        purpose=Purpose(asked.purpose),
        outbound=asked.outbound,
        conversation=asked.conversation,
        jurisdiction=contacting_of(parts).jurisdiction,
        by=visit.known.who[:64],
    )
    return _enter(parts, fact)


@contacting.get("/customers/{customer_id}/contact-stops", operation_id="contact_stops", summary="The stops that hold")
def contact_stops(customer_id: CustomerId, parts: PartsHere, visit: VisitHere) -> ContactStops:
    """The stops of a customer that hold now, the youngest first."""
    here, key, now_us = contacting_of(parts), key_of(customer_id), parts.bank_us()
    visit.saw(key)
    held = stops_at(here.ledger.of_customer(key), now_us)
    return answer(ContactStops(customer_id=customer_id, as_of=at(now_us), items=tuple(map(stop_shown, held))))


@contacting.get(
    "/customers/{customer_id}/contact-stops/preview",
    operation_id="contact_stop_preview",
    summary="What would a stop mean?",
)
def contact_stop_preview(  # noqa: PLR0913  # two of them are who asks and of what
    customer_id: CustomerId,
    parts: PartsHere,
    visit: VisitHere,
    stop: Annotated[StopWord, Query(description="Why nobody may.")],
    channel: Annotated[str, Query(max_length=64, pattern=_LABEL, description="Of one channel alone.")] = "",
    matter: Matter = "",
    until: Annotated[Instant | None, Query(description="It ends then.")] = None,
) -> StopPreview:
    """What contact law would say from now on of each channel and purpose, were this stop recorded. Nothing is."""
    here, key, now_us = contacting_of(parts), key_of(customer_id), parts.bank_us()
    visit.saw(key)
    supposed = Restricted(
        fact_id="-",
        customer=key,
        at_us=now_us,
        known_us=now_us,
        stop=Stop(stop),
        matter=matter or None,
        channel=channel or None,
        until_us=None if until is None else _moment(until),
    )
    question = Question(
        customer=key,
        channel=channel,
        means=means_of(channel),
        matter=matter,
        purpose=Purpose.HELP,
        at_us=now_us,
        jurisdiction=here.jurisdiction,
        region=here.region,
    )
    return answer(
        StopPreview(
            customer_id=customer_id,
            as_of=at(now_us),
            stop=stop,
            jurisdiction=here.jurisdiction,
            packs=here.law.plan(question, now_us).packs,
            items=tuple(effects_of(supposed, here.ledger.of_customer(key), question, here.law)),
        )
    )


@contacting.post(
    "/customers/{customer_id}/contact-stops",
    operation_id="record_contact_stop",
    status_code=201,
    summary="Record or lift a stop",
)
def record_contact_stop(customer_id: CustomerId, asked: ContactStop, parts: PartsHere, visit: VisitHere) -> Entered:
    """Record that a customer may not be contacted, for one debt, one channel or at all; or that this is over.

    Whoever may record a stop does so on a customer's word. To lift one is an approver's, or a program's that follows
    another system, and says why.
    """
    if asked.lifted and asked.until is not None:
        raise Refusal("invalid", "a stop that is lifted has no end to come: leave until out")
    if asked.lifted:
        _require_may_lift(visit, asked)
    visit.purpose = visit.purpose or asked.why
    about = {
        **_about(parts, visit, customer_id, asked),
        "stop": Stop(asked.stop),
        "matter": asked.matter or None,
        "channel": asked.channel or None,
    }
    until_us = None if asked.until is None else _moment(asked.until)
    if asked.lifted:
        return _enter(parts, Lifted(**about))
    return _enter(parts, Restricted(**about, until_us=until_us))


@contacting.post(
    "/interventions/{decision_id}/verdict",
    operation_id="decide_intervention",
    status_code=201,
    summary="Approve or refuse an offer",
)
def decide_intervention(
    decision_id: DecisionId, asked: GivenVerdict, parts: PartsHere, visit: VisitHere
) -> InterventionMoved:
    """Let an offer be sent that waits for a person, or end one that was not sent. The law is asked again first."""
    store = contacting_of(parts).interventions
    one = store.get(decision_id)
    if one is None:
        raise Refusal("unknown", "no offer of that id is on its way")
    if one.customer != NOBODY:
        visit.saw(one.customer)
    approve = asked.verdict == "approve"
    if one.state is not State.PROPOSED and (approve or one.state not in UNSENT):
        raise ConflictError(f"the offer is {one.state}: nobody's word is waited for", mend="look at it again")
    now_us = parts.bank_us()
    after, due_us = (State.APPROVED, now_us) if approve else (State.REFUSED, None)
    move = Move(after=after, at_us=now_us, by=visit.known.who[:64], why=asked.why, due_us=due_us)
    moved = store.move(one, move)
    return answer(InterventionMoved(decision_id=decision_id, state=moved.state.value), 201)


@contacting.post(
    "/providers/{provider}/arrivals", operation_id="record_arrival", status_code=201, summary="Tell of a message"
)
def record_arrival(
    provider: Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,47}$", description="Its channel.", examples=["sms"])],
    asked: Arrival,
    parts: PartsHere,
) -> Arrived:
    """Tell what a provider says of a message, or what its receiver answered. It counts once, in whatever order."""
    now_us = parts.bank_us()
    replied = asked.said not in _NOTICES
    receipt = Receipt(
        provider=provider,
        receipt_id=asked.receipt_id,
        send_key=asked.key,
        kind=ReceiptKind.REPLIED if replied else ReceiptKind(asked.said),
        at_us=_moment(asked.at),
        reply=Reply(asked.said) if replied else None,
    )
    store = contacting_of(parts).interventions
    moved = store.receive(receipt, now_us, now_us + FOLLOW_US)
    found = moved or store.get(asked.key)
    return answer(Arrived(known=found is not None, state=None if found is None else found.state.value), 201)


def contacting_of(parts: ApiParts) -> Contacting:
    """What contact law is asked with. Raises Refusal where this server keeps no contact ledger."""
    if parts.contacting is None:
        raise Refusal("unavailable", "this server keeps no contact ledger")
    return parts.contacting


def _about(parts: ApiParts, visit: Visit, customer_id: str, asked: ContactMade | ContactStop) -> dict[str, Any]:
    """What every fact bears that is told now, of a customer whom the ledgers know."""
    contacting_of(parts)
    require_known(parts, visit, customer_id)
    now_us = parts.bank_us()
    at_us = now_us if asked.at is None else _moment(asked.at)
    if at_us > now_us:
        raise Refusal("invalid", "at is an instant of the past")
    return {"fact_id": f"api-{token_hex(12)}", "customer": key_of(customer_id), "at_us": at_us, "known_us": now_us}


def _require_may_lift(visit: Visit, asked: ContactStop) -> None:
    if visit.known.role not in _MAY_LIFT:
        raise Refusal("forbidden", "to lift a stop is for an approver: record what the customer says, and ask one")
    if not (asked.why.strip() or visit.purpose):
        raise Refusal("invalid", "to lift a stop needs a reason: why")


def _moment(told: datetime) -> int:
    """An instant that was told. Raises Refusal for one outside of what law is known for."""
    if not _FIRST_YEAR <= told.year <= _LAST_YEAR:
        raise Refusal("invalid", f"an instant lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return micros(told)


def _enter(parts: ApiParts, fact: Fact) -> Entered:
    contacting_of(parts).ledger.add([fact])
    return answer(Entered(fact_id=fact.fact_id), 201)
