"""What happens to cases by itself: decisions come in, promises are judged, deadlines pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from forbear.domain.errors import ConflictError
from forbear.engine.case_intake import Happened
from forbear.engine.case_terms import CaseKind, deadline
from forbear.engine.cases import SYSTEM, Act, Case, Move, Opening, Wanted, place_of
from forbear.engine.casework import Casework
from forbear.engine.desk import Made
from forbear.engine.promises import Promise, PromiseState, judged
from forbear.policy.proposals import NEVER

READER, MOVES_READER = "cases", "cases of moves"
"""The names under which it is kept how far decisions were read, and moves of interventions."""
_PAGE = 500
_OFFER = "offer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a round came to: counts."""

    decisions: int
    opened: int
    kept: int
    broken: int
    escalated: int


def settle(work: Casework, urgent: str, closed_day: int | None, now_us: int) -> Settled:
    """One round: take in decisions, judge promises by what was paid, escalate what is overdue.

    urgent: the name of the policy's most urgent band, "" for none.  closed_day: the last day that the records have
    closed (days since 1970), None before the first: payments and offers go by it, deadlines by `now_us`. It may be cut
    short anywhere, and done again.
    """
    decisions = fresh = kept = broken = 0
    if closed_day is not None:
        decisions, fresh = take_in(work, urgent, closed_day, now_us)
        fresh += take_in_moves(work, now_us)
        kept, broken, more = settle_promises(work, closed_day, now_us)
        fresh += more
    return Settled(
        decisions=decisions,
        opened=fresh,
        kept=kept,
        broken=broken,
        escalated=sum(1 for _ in escalate_overdue(work, now_us)),
    )


def take_in(work: Casework, urgent: str, closed_day: int, now_us: int) -> tuple[int, int]:
    """Read decisions from where the last round ended: how many there were, and how many cases they opened.

    An offer on the phone becomes a call while it is valid, unless interventions are followed here, whose moves then
    say so; the most urgent band a critical case for some days after the decision, whether help is offered or held.
    """
    read, fresh, entry, followed = 0, 0, work.cases.taken(READER), work.moves.followed()
    while made := work.records.made_behind(entry, _PAGE).value:
        for one in made:
            happened = happened_of(one, urgent, closed_day, work.terms.recent_days)
            if happened is not None:
                happened = replace(happened, state="") if followed else happened
                fresh += sum(new for _, new in work.take_in(happened, now_us))
        entry, read = made[-1].entry, read + len(made)
        work.cases.advance(READER, entry)
    return read, fresh


def take_in_moves(work: Casework, now_us: int) -> int:
    """Read moves of interventions from where the last round ended; how many cases they opened."""
    fresh, entry = 0, work.cases.taken(MOVES_READER)
    while page := work.moves.behind(entry, _PAGE):
        for _, happened in page:
            if happened is not None:
                fresh += sum(new for _, new in work.take_in(happened, now_us))
        entry = page[-1][0]
        work.cases.advance(MOVES_READER, entry)
    return fresh


def happened_of(made: Made, urgent: str, closed_day: int, recent_days: int) -> Happened | None:
    """What a decision gives people to do, as known at the close of a day; None for nothing."""
    one = made.decision
    offered = one.outcome == _OFFER
    valid = offered and (one.expires_day == NEVER or one.expires_day > closed_day)
    critical = bool(urgent) and one.band == urgent and one.day > closed_day - recent_days
    if not one.customer or one.held_out or not (valid or critical):
        return None
    return Happened(
        intervention_id=one.decision_id,
        customer=one.customer,
        band=one.band,
        channel=one.channel,
        action=one.action,
        state="approved" if valid else "",
        urgent=critical,
    )


def settle_promises(work: Casework, closed_day: int, now_us: int) -> tuple[int, int, int]:
    """Judge promises by what was paid up to a day that is closed: kept, broken, and cases opened for the latter.

    Every open promise is looked at, and those broken of late, which may turn out to have been kept.
    """
    kept = broken = opened = 0
    seen: set[int] = set()
    for promise in list(_to_judge(work, closed_day)):
        if promise.customer in seen or not promise.customer:
            continue
        seen.add(promise.customer)
        of_customer = list(_of(work, promise.customer))
        days = [(one, work.day(one.made_us)) for one in of_customer]
        paid = work.promises.paid(promise.customer, min(day for _, day in days))
        verdicts = judged(days, paid, closed_day, work.terms.promises)
        for one in of_customer:
            after = verdicts[one.promise_id]
            if (one.state, after) not in _SETTLES or not work.promises.settle(one.promise_id, one.state, after, now_us):
                opened += one.state is PromiseState.BROKEN and _open_broken(work, one, now_us)
                continue
            kept += after is PromiseState.KEPT
            broken += after is PromiseState.BROKEN
            opened += after is PromiseState.BROKEN and _open_broken(work, one, now_us)
    return kept, broken, opened


def escalate_overdue(work: Casework, now_us: int) -> Iterator[Case]:
    """Escalate every case that is past its deadline, the most overdue first."""
    after = None
    while page := work.cases.worklist(Wanted(overdue=True, after=after), _PAGE, now_us):
        for case in page:
            if not case.escalated:
                move = Move(act=Act.ESCALATE, by=SYSTEM, at_us=now_us, approver=True)
                with suppress(ConflictError):  # somebody closed it just now
                    yield work.cases.move(case.case_id, move, work.terms)
        after = place_of(page[-1])


_SETTLES = {
    (PromiseState.MADE, PromiseState.KEPT),
    (PromiseState.MADE, PromiseState.BROKEN),
    (PromiseState.BROKEN, PromiseState.KEPT),
}
"""What a promise may become by what was paid; one that was kept is kept for good."""


def _to_judge(work: Casework, closed_day: int) -> Iterator[Promise]:
    since = closed_day - work.terms.promises.look_back_days
    for state, first in ((PromiseState.MADE, -1), (PromiseState.BROKEN, since)):
        after = (first, "")
        while page := work.promises.listed(state, _PAGE, after=after):
            yield from page
            after = (page[-1].due_day, page[-1].promise_id)


def _of(work: Casework, customer: int) -> Iterator[Promise]:
    after = (-1, "")
    while page := work.promises.listed(None, _PAGE, customer=customer, after=after):
        yield from page
        after = (page[-1].due_day, page[-1].promise_id)


def _open_broken(work: Casework, promise: Promise, now_us: int) -> bool:
    """Open the case of a broken promise; whether it is new. Once for each, however often it is asked."""
    opening = Opening(
        customer=promise.customer,
        kind=CaseKind.PROMISE,
        subject=promise.promise_id,
        cause=f"broken/{promise.promise_id}",
        by=SYSTEM,
        at_us=now_us,
        due_us=deadline(work.terms.kinds[CaseKind.PROMISE], now_us, work.zone, work.calendar),
        intervention_id=promise.intervention_id,
        why="the promised amount was not paid in time",
    )
    return work.cases.open(opening, work.terms)[1]
