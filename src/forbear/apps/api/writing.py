"""Routes that write: requests for help, what came back on offers, outcomes of payments, and orders to the deployment.

Each becomes an event of the log, and waits in the queue until the log has it: what it leads to, the worker decides.
"""

from __future__ import annotations

from datetime import UTC, datetime
from secrets import token_hex
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path

from forbear.apps.api.parts import ApiParts, PartsHere, VisitHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.publishing import ABOUT_CUSTOMERS, ORDERS
from forbear.apps.api.reception import Gate
from forbear.apps.api.scoring import CustomerId
from forbear.apps.api.telling import answer, band_of, onlooker_of, require_known
from forbear.apps.api.visit import Visit
from forbear.apps.tracing.port import Asked, Kind, mark_of_decision, mark_of_event
from forbear.client.scores import Accepted, CustomerHelpWish, GivenAnswer, HelpWish, Outcome, Outreach
from forbear.domain.events import Event, HelpRequested, Instructed, OfferAnswered, PaymentOutcome, checked, encode
from forbear.domain.terms import Answer, Instruction, OutcomeStatus
from forbear.engine.office import Role
from forbear.features.eligibility import Hurdle
from forbear.features.hashing import key_of

writes = APIRouter(prefix="/v1", route_class=Gate, tags=["help"])
short_writes = APIRouter(route_class=Gate, tags=["short paths"])
InterventionId = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="As lists name it.", examples=["0123456789abcdef" * 2])
]
_MAY_OVERRIDE = (Role.APPROVER, Role.ADMIN)
_ORDERS = {
    "start": Instruction.START_OUTREACH,
    "stop": Instruction.STOP_OUTREACH,
    "release": Instruction.RELEASE_VOLUME,
}


@writes.post(
    "/customers/{customer_id}/interventions",
    operation_id="request_help",
    status_code=202,
    summary="Have a customer offered help",
)
def request_help(customer_id: CustomerId, asked: HelpWish, parts: PartsHere, visit: VisitHere) -> Accepted:
    """Have a customer scored, and offered help by the rules in force. An override is an approver's, and says why."""
    return _help(parts, visit, customer_id, asked)


@short_writes.post(
    "/trigger-intervention", operation_id="request_help_short", status_code=202, summary="Have a customer offered help"
)
def request_help_short(asked: CustomerHelpWish, parts: PartsHere, visit: VisitHere) -> Accepted:
    """As POST /v1/customers/{customer_id}/interventions."""
    return _help(parts, visit, asked.customer_id, asked)


@writes.post(
    "/interventions/{intervention_id}/answers",
    operation_id="record_answer",
    status_code=202,
    summary="Record what came back",
)
def record_answer(intervention_id: InterventionId, asked: GivenAnswer, parts: PartsHere, visit: VisitHere) -> Accepted:
    """Record what came back on an offer. Whoever opted out, or is somebody else, is not contacted again."""
    made = parts.desk.made(intervention_id).value
    if made is None or made.customer_id is None:
        raise Refusal("unknown", "no intervention of that id is known")
    visit.saw(made.decision.customer)
    now = _now(parts)
    if asked.at is not None and asked.at > now:
        raise Refusal("invalid", "at is an instant of the past")
    event = OfferAnswered(
        answer_id=token_hex(16),
        customer_id=made.customer_id,
        decision_id=intervention_id,
        answer=Answer(asked.answer),
        by=_by(visit),
        booked_at=asked.at or now,
        received_at=now,
    )
    return _accepted(parts, event, event.answer_id, "it counts as soon as the worker has read it")


@writes.post(
    "/customers/{customer_id}/outcomes", operation_id="record_outcome", status_code=202, summary="Record an outcome"
)
def record_outcome(customer_id: CustomerId, asked: Outcome, parts: PartsHere, visit: VisitHere) -> Accepted:
    """Record what became of one scheduled payment."""
    require_known(parts, visit, customer_id)
    now = _now(parts)
    event = PaymentOutcome(
        outcome_id=token_hex(16),
        customer_id=customer_id,
        obligation_id=asked.obligation_id,
        due_on=asked.due_on,
        amount_due_minor=asked.amount_due_minor,
        status=OutcomeStatus(asked.status),
        booked_at=now,
        received_at=now,
        paid_on=asked.paid_on,
        days_past_due=asked.days_past_due,
    )
    return _accepted(parts, event, event.outcome_id, "it counts as soon as the worker has read it")


@writes.post("/outreach", operation_id="order_outreach", status_code=202, summary="Start, stop or release outreach")
def order_outreach(asked: Outreach, parts: PartsHere, visit: VisitHere) -> Accepted:
    """Tell the deployment whether it reaches out. stop is the kill switch."""
    now = _now(parts)
    visit.purpose = visit.purpose or asked.why
    event = Instructed(
        instruction_id=token_hex(16),
        instruction=_ORDERS[asked.order],
        by=_by(visit),
        booked_at=now,
        received_at=now,
    )
    return _accepted(parts, event, event.instruction_id, "it holds from its place in the log on")


def _help(parts: ApiParts, visit: Visit, customer_id: str, asked: HelpWish) -> Accepted:
    if asked.override and visit.known.role not in _MAY_OVERRIDE:
        raise Refusal("forbidden", "an override is for an approver")
    if asked.override and not asked.why.strip():
        raise Refusal("invalid", "an override needs a reason: why")
    require_known(parts, visit, customer_id)
    visit.purpose = visit.purpose or asked.why[:200]
    now = _now(parts)
    event = HelpRequested(
        request_id=token_hex(16),
        customer_id=customer_id,
        by=_by(visit),
        booked_at=now,
        received_at=now,
        why=asked.why,
        override=asked.override,
    )
    said = "the worker decides by the rules in force"
    onlooker = onlooker_of(parts)
    (looks,) = onlooker.look(np.array([key_of(customer_id)], dtype=np.uint64))
    if looks.hurdle[0]:
        said = f"as the ledger stands there is no score for this customer: {Hurdle(looks.hurdle[0]).name.lower()}"
    elif not (band := band_of(onlooker.rulings, int(looks.band[0]))) and not asked.override:
        said = "as the ledger stands the customer is in no band, and the rules will hold it"
    elif band:
        said = f"as the ledger stands the customer is in the band {band}; the worker decides by the rules in force"
    return _accepted(parts, event, event.request_id, said)


def _accepted(parts: ApiParts, event: Event, name: str, said: str) -> Accepted:
    """Have an event wait for the log."""
    event = checked(event)
    topic = ORDERS if isinstance(event, Instructed) else ABOUT_CUSTOMERS
    with parts.tracer.span("event accepted", _begins(parts, event, name), event_id=name, kind=type(event).__name__):
        entry = parts.office.outgoing.add(topic, getattr(event, "customer_id", ""), encode(event))
    if parts.publishing is not None:
        parts.publishing.wake()
    return answer(Accepted(id=name, entry=entry, waiting=parts.office.outgoing.count(), said=said), 202)


def _begins(parts: ApiParts, event: Event, name: str) -> Asked:
    """Where the trace of an event begins: linked to the request that it came by, and to the offer that it answers."""
    if not parts.tracer.on:
        return Asked()
    here, mark = parts.tracer.here(), mark_of_event(name)
    parts.tracer.join(mark)
    about = [mark_of_decision(event.decision_id)] if isinstance(event, OfferAnswered) else []
    return Asked(kind=Kind.PRODUCER, at=mark, links=[*([here] if here else []), *about])


def _now(parts: ApiParts) -> datetime:
    return datetime.fromtimestamp(parts.bank_us() / 1e6, UTC)


def _by(visit: Visit) -> str:
    """Who it was, as the log has it: a name in it has up to 64 characters."""
    return visit.known.who[:64]
