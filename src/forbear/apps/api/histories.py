"""Routes about what was recorded of one customer: history, trajectory, contacts, audit."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query

from forbear.apps.api.paging import Cursor, Limit, Pages
from forbear.apps.api.parts import PartsHere, VisitHere
from forbear.apps.api.promoted import Promoted
from forbear.apps.api.reading import BoardHere, CustomerId, as_of, whom
from forbear.apps.api.reception import Gate
from forbear.apps.api.telling import answer, at
from forbear.client.records import (
    AccessShown,
    AnswerEntry,
    ContactEntry,
    ContactShown,
    ContactsPage,
    CustomerAudit,
    DecisionEntry,
    HistoryEntry,
    HistoryPage,
    LinkShown,
    OutcomeEntry,
    ScoreEntry,
    Trajectory,
    TrajectoryPoint,
)
from forbear.engine.audit import digest_of
from forbear.engine.office import Access
from forbear.engine.outputs import AnswerRow, AuditRecord, Contact, Decision, OutcomeRow, Position
from forbear.engine.queries import MOST_ROWS, Entry, Queries, Scored
from forbear.features.columns import day_of
from forbear.policy.proposals import HOLD_REASONS
from forbear.policy.triggers import Trigger

MOST_PAGES = 50
"""Of a customer's history, read for one trajectory."""
_HISTORY = Pages("history")

histories = APIRouter(prefix="/v1", route_class=Gate, tags=["customers"])
short = APIRouter(route_class=Gate, tags=["short paths"])

Span = Annotated[int, Query(ge=1, le=730, description="How many days back from the newest score at a close.")]


@histories.get("/customers/{customer_id}/history", operation_id="customer_history", summary="History")
@short.get("/customer/{customer_id}/history", operation_id="customer_history_short", summary="History")
def customer_history(  # noqa: PLR0913  # two of them are who asks and of what
    customer_id: CustomerId,
    parts: PartsHere,
    visit: VisitHere,
    board: BoardHere,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> HistoryPage:
    """Scores, decisions, contacts, outcomes and answers of a customer, newest first."""
    found = whom(customer_id, parts, visit)
    before = int(_HISTORY.place(cursor, int)[0]) if cursor else None
    page = parts.desk.of(found.known.partition).timeline(found.key, limit, before)
    older = page.value.older
    return answer(
        HistoryPage(
            as_of=as_of({found.known.partition: page.as_of}),
            customer_id=found.known.customer_id,
            items=tuple(entry_shown(one, board.promoted) for one in page.value.entries),
            further=None if older is None else _HISTORY.cursor((older,)),
        )
    )


@histories.get("/customers/{customer_id}/trajectory", operation_id="customer_trajectory", summary="Scores by day")
def customer_trajectory(
    customer_id: CustomerId, parts: PartsHere, visit: VisitHere, board: BoardHere, days: Span = 90
) -> Trajectory:
    """The scores of a customer at the last day closes, oldest first: what a chart draws."""
    found = whom(customer_id, parts, visit)
    mark, closes = _closes(parts.desk.of(found.known.partition), found.key, days)
    points = tuple(
        TrajectoryPoint(
            day=day_of(one.day), pd=one.pd, band=board.promoted.band(one.policy, one.band), at=at(one.as_of_us)
        )
        for one in reversed(closes)
    )
    since = day_of(closes[0].day - days + 1) if closes else None
    return answer(
        Trajectory(
            as_of=as_of({found.known.partition: mark}),
            customer_id=found.known.customer_id,
            since=since,
            points=points,
        )
    )


@histories.get("/customers/{customer_id}/contacts", operation_id="customer_contacts", summary="Contacts")
def customer_contacts(customer_id: CustomerId, parts: PartsHere, visit: VisitHere, limit: Limit = 100) -> ContactsPage:
    """The newest contacts of a customer, and days on which one was withheld for comparison."""
    found = whom(customer_id, parts, visit)
    seen = parts.desk.contacts(found.key, limit)
    items = tuple(map(contact_shown, seen.value))
    return answer(ContactsPage(as_of=as_of(seen.marks), customer_id=found.known.customer_id, items=items))


@histories.get("/customers/{customer_id}/audit", operation_id="customer_audit", summary="Audit")
def customer_audit(customer_id: CustomerId, parts: PartsHere, visit: VisitHere, limit: Limit = 100) -> CustomerAudit:
    """The newest records of the audit chain on a customer's decisions, and the newest accesses to the customer."""
    found = whom(customer_id, parts, visit)
    seen = parts.desk.links(found.key, limit)
    return answer(
        CustomerAudit(
            as_of=as_of(seen.marks),
            customer_id=found.known.customer_id,
            records=tuple(_link(partition, link.record) for partition, link in seen.value),
            accesses=tuple(map(_access, parts.office.accesses.of_customer(found.key, limit))),
        )
    )


# ---- as they are told


def entry_shown(entry: Entry, promoted: Promoted) -> HistoryEntry:
    """One entry of a history."""
    match entry:
        case Scored():
            return _score(entry, promoted)
        case Decision():
            return _decision(entry, promoted)
        case Contact(decision_id=decision, offset=offset, channel=channel, kind=of):
            return ContactEntry(day=day_of(entry.day), offset=offset, decision_id=decision, of=of, channel=channel)
        case OutcomeRow():
            return _outcome(entry, promoted)
        case AnswerRow(decision_id=decision, offset=offset, answer=answer, by=by):
            return AnswerEntry(at=at(entry.at_us), offset=offset, decision_id=decision, answer=answer, by=by)


def contact_shown(contact: Contact) -> ContactShown:
    """A contact."""
    return ContactShown(
        decision_id=contact.decision_id, kind=contact.kind, channel=contact.channel, day=day_of(contact.day)
    )


def _score(score: Scored, promoted: Promoted) -> ScoreEntry:
    return ScoreEntry(
        at=at(score.as_of_us),
        day=day_of(score.day),
        offset=score.place.offset,
        ordinal=score.place.ordinal,
        pd=score.pd,
        log_odds=score.log_odds,
        band=promoted.band(score.policy, score.band),
        reason=promoted.reason(score.policy, score.reason),
        trigger=triggers_of(score),
        verdict="proposed" if score.verdict < 0 else HOLD_REASONS[score.verdict].value,
        model=promoted.digest("model", score.model),
        policy=promoted.digest("policy", score.policy),
    )


def triggers_of(score: Scored) -> tuple[str, ...]:
    """Why a score was made, in words."""
    return tuple(str(one.name).lower() for one in Trigger if one & score.trigger)


def _decision(decision: Decision, promoted: Promoted) -> DecisionEntry:
    return DecisionEntry(
        at=at(decision.made_at_us),
        day=day_of(decision.day),
        offset=decision.offset,
        decision_id=decision.decision_id,
        outcome=decision.outcome,
        band=decision.band,
        action=decision.action,
        channel=decision.channel,
        cost_minor=decision.cost_minor,
        currency=promoted.currency(decision.policy),
    )


def _outcome(outcome: OutcomeRow, promoted: Promoted) -> OutcomeEntry:
    return OutcomeEntry(
        offset=outcome.offset,
        due_on=day_of(outcome.due_day),
        status=outcome.status,
        amount_due_minor=outcome.amount_due_minor,
        currency=promoted.newest_currency(),
        paid_on=None if outcome.paid_day is None else day_of(outcome.paid_day),
    )


def _link(partition: int, record: AuditRecord) -> LinkShown:
    return LinkShown(
        partition=partition,
        sequence=record.sequence,
        offset=record.offset,
        kind=record.kind,
        body=msgspec.json.decode(record.body),
        sealed_sha=record.sealed_sha,
        previous=record.previous,
        digest=record.digest,
        whole=record.digest == digest_of(record),
    )


def _access(access: Access) -> AccessShown:
    return AccessShown(
        at=at(access.at_us),
        who=access.who,
        role=access.role,
        operation=access.route,
        why=access.why,
        status=access.status,
        request_id=access.request_id,
    )


def _closes(queries: Queries, customer: int, days: int) -> tuple[Position, list[Scored]]:
    """Scores of a customer at closes, newest first, of so many days back from the newest; and as of when."""
    found: list[Scored] = []
    mark, before = None, None
    for _ in range(MOST_PAGES):
        page = queries.timeline(customer, MOST_ROWS, before)
        mark, before = mark or page.as_of, page.value.older
        scores = [one for one in page.value.entries if isinstance(one, Scored)]
        found += [one for one in scores if one.trigger & Trigger.DAY_CLOSE]
        if before is None or (found and scores and scores[-1].day <= found[0].day - days):
            break
    return mark or page.as_of, [one for one in found if one.day > found[0].day - days]
