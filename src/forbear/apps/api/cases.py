"""Routes of the people who help: cases, promises, overrides, contests."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query

from forbear.apps.api.paging import Cursor, Limit, Pages
from forbear.apps.api.parts import ApiParts, PartsHere, VisitHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reading import DaysHere
from forbear.apps.api.reception import Gate
from forbear.apps.api.scoring import CustomerId
from forbear.apps.api.telling import answer
from forbear.apps.api.visit import Visit
from forbear.apps.jobs.case_figures import figures_of, override_document
from forbear.apps.jobs.case_words import case_document, promise_document, told_document
from forbear.client import cases as shapes
from forbear.domain.errors import ConfigError
from forbear.engine.case_terms import CaseKind
from forbear.engine.cases import Act, Case, CaseState, Wanted, place_of
from forbear.engine.casework import Casework, Doing, Promised, Who, Wish
from forbear.engine.help_figures import within
from forbear.engine.office import Role
from forbear.engine.overrides import OverrideKind
from forbear.engine.promises import PromiseState
from forbear.features.columns import day_number, micros

cases = APIRouter(prefix="/v1", route_class=Gate, tags=["cases"])

CaseId = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="As the worklist names it.", examples=["0123456789abcdef" * 2])
]
PromiseId = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="As a list names it.", examples=["0123456789abcdef" * 2])
]
_APPROVERS = (Role.APPROVER, Role.ADMIN)


async def _wanted(
    state: Annotated[shapes.StateName | None, Query(description="Default: all that can be worked on now.")] = None,
    kind: Annotated[shapes.KindName | None, Query(description="Only of this kind.")] = None,
    mine: Annotated[bool, Query(description="Only what the caller has.")] = False,
    overdue: Annotated[bool, Query(description="Only what is past its deadline.")] = False,
) -> Wanted:
    return Wanted(
        state=None if state is None else CaseState(state),
        kind=None if kind is None else CaseKind(kind),
        mine="me" if mine else "",
        overdue=overdue,
    )


WantedHere = Annotated[Wanted, Depends(_wanted)]


@cases.get("/cases", operation_id="list_cases", summary="The worklist")
def list_cases(
    parts: PartsHere, visit: VisitHere, wanted: WantedHere, limit: Limit = 100, cursor: Cursor = None
) -> shapes.CasesPage:
    """Cases in the order that they are to be worked on: escalated first, then what is due first, then by priority."""
    work, who, pages = _work(parts), _who(parts, visit), Pages(f"cases {wanted}")
    if cursor:
        rank, hour, priority, case_id = pages.place(cursor, int, int, int, str)
        wanted = replace(wanted, after=(int(rank), int(hour), int(priority), str(case_id)))
    if wanted.mine:
        wanted = replace(wanted, mine=who.name)
    found = work.cases.worklist(wanted, limit, who.at_us)
    names = work.names(tuple(case.customer for case in found))
    visit.saw(*names)
    items = tuple(_shown(case, names.get(case.customer), who.at_us) for case in found)
    further = pages.cursor(place_of(found[-1])) if len(found) == limit else None
    return answer(shapes.CasesPage(items=items, further=further))


@cases.post("/cases", operation_id="open_case", status_code=201, summary="Open a case")
def open_case(asked: shapes.NewCase, parts: PartsHere, visit: VisitHere) -> shapes.CaseOpened:
    """Open a case by hand; where one of its kind is open, it gets a step."""
    work, who = _work(parts), _who(parts, visit)
    visit.saw(work.customer(asked.customer_id))
    case, fresh = work.open(asked.customer_id, Wish(kind=CaseKind(asked.kind), words=asked.words), who)
    return answer(shapes.CaseOpened(case=_shown(case, asked.customer_id, who.at_us), fresh=fresh), 201)


@cases.get("/cases/{case_id}", operation_id="get_case", summary="A case")
def get_case(case_id: CaseId, parts: PartsHere, visit: VisitHere) -> shapes.CaseTold:
    """One case: its steps and notes, what it rests on, what was promised."""
    work, who = _work(parts), _who(parts, visit)
    try:
        told = work.show(case_id, who.at_us)
    except KeyError:
        raise _unknown_case() from None
    if told.case.customer:
        visit.saw(told.case.customer)
    terms = {"results": work.terms.kinds[told.case.kind].results, "override_reasons": work.terms.override_reasons}
    return answer(shapes.CaseTold.model_validate({**told_document(told, who.at_us), **terms}))


@cases.post("/cases/{case_id}/steps", operation_id="add_case_step", status_code=201, summary="Do something with a case")
def add_case_step(case_id: CaseId, asked: shapes.NewStep, parts: PartsHere, visit: VisitHere) -> shapes.CaseShown:
    """Take a case, hand it over, write a note, snooze, escalate or close it. An escalated one is an approver's."""
    work, who = _work(parts), _who(parts, visit)
    doing = Doing(
        act=Act(asked.act),
        to=asked.to,
        until_us=None if asked.until is None else micros(asked.until),
        result=asked.result,
        words=asked.words,
        seen=asked.seen,
    )
    try:
        case = work.do(case_id, doing, who)
    except KeyError:
        raise _unknown_case() from None
    names = work.names((case.customer,))
    visit.saw(*names)
    return answer(_shown(case, names.get(case.customer), who.at_us), 201)


@cases.get("/case-figures", operation_id="case_figures", summary="Cases in numbers")
def case_figures(parts: PartsHere) -> shapes.CaseFigures:
    """Cases and promises in numbers, about nobody."""
    return answer(shapes.CaseFigures.model_validate(figures_of(_work(parts), parts.bank_us())))


@cases.get("/help-figures", operation_id="help_figures", summary="Help in numbers")
def help_figures(parts: PartsHere, days: DaysHere) -> shapes.HelpFigures:
    """Offers, sendings, answers, promises and cases, as counts that add up; about nobody."""
    zone = _work(parts).zone
    if parts.helped is None:
        raise Refusal("unavailable", "this server counts no help")
    try:
        between = within(days.first, days.last, zone)
    except ConfigError:
        raise Refusal("invalid", "`from` comes after `to`") from None
    found = parts.helped.figures(*between).counts
    counts = [shapes.HelpCount.model_validate(msgspec.to_builtins(one)) for one in found]
    return answer(shapes.HelpFigures(first=days.first, last=days.last, counts=counts))


@cases.post(
    "/customers/{customer_id}/contests", operation_id="contest_decision", status_code=201, summary="Contest a decision"
)
def contest_decision(
    customer_id: CustomerId, asked: shapes.Contest, parts: PartsHere, visit: VisitHere
) -> shapes.CaseOpened:
    """Take down that a customer contests a decision: a case with a deadline by law."""
    work, who = _work(parts), _who(parts, visit)
    visit.saw(work.customer(customer_id))
    case, fresh = work.contest(customer_id, asked.decision_id, asked.why, who)
    return answer(shapes.CaseOpened(case=_shown(case, customer_id, who.at_us), fresh=fresh), 201)


@cases.get("/promises", operation_id="list_promises", summary="Promises to pay")
def list_promises(
    parts: PartsHere,
    visit: VisitHere,
    state: Annotated[shapes.PromiseStateName | None, Query(description="Default: all.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> shapes.PromisesPage:
    """Promises by due day."""
    work, pages, after = _work(parts), Pages(f"promises {state or ''}"), (-1, "")
    if cursor:
        day, promise_id = pages.place(cursor, int, str)
        after = (int(day), str(promise_id))
    found = work.promises.listed(None if state is None else PromiseState(state), limit, after=after)
    names = work.names(tuple(one.customer for one in found))
    visit.saw(*names)
    items = tuple(shapes.PromiseShown.model_validate(promise_document(one, names.get(one.customer))) for one in found)
    further = pages.cursor((found[-1].due_day, found[-1].promise_id)) if len(found) == limit else None
    return answer(shapes.PromisesPage(items=items, further=further))


@cases.post("/promises", operation_id="record_promise", status_code=201, summary="Write down a promise")
def record_promise(asked: shapes.NewPromise, parts: PartsHere, visit: VisitHere) -> shapes.PromiseMade:
    """Write down that a customer promises to pay. Payments judge it by themselves."""
    work, who = _work(parts), _who(parts, visit)
    visit.saw(work.customer(asked.customer_id))
    promised = Promised(
        amount_minor=asked.amount_minor,
        currency=asked.currency,
        due_day=day_number(asked.due_on),
        case_id=asked.case_id,
    )
    promise, fresh = work.promise(asked.customer_id, promised, who)
    shown = shapes.PromiseShown.model_validate(promise_document(promise, asked.customer_id))
    return answer(shapes.PromiseMade(promise=shown, fresh=fresh), 201)


@cases.post(
    "/promises/{promise_id}/release", operation_id="release_promise", status_code=201, summary="Let somebody off"
)
def release_promise(promise_id: PromiseId, parts: PartsHere, visit: VisitHere) -> shapes.PromiseShown:
    """Let a customer off a promise: nothing is judged any more. One that was settled stays as it is."""
    work = _work(parts)
    try:
        promise = work.cancel(promise_id, _who(parts, visit))
    except KeyError:
        raise Refusal("unknown", "there is no promise of that id") from None
    names = work.names((promise.customer,))
    visit.saw(*names)
    shown = shapes.PromiseShown.model_validate(promise_document(promise, names.get(promise.customer)))
    return answer(shown, 201)


@cases.post("/overrides", operation_id="record_override", status_code=201, summary="Write down an override")
def record_override(asked: shapes.NewOverride, parts: PartsHere, visit: VisitHere) -> shapes.OverrideMade:
    """Write down that a person did other than was decided, and why."""
    work, who = _work(parts), _who(parts, visit)
    override, fresh = work.override(asked.decision_id, (OverrideKind(asked.kind), asked.reason, asked.words), who)
    visit.saw(override.customer)
    return answer(shapes.OverrideMade(override_id=override.override_id, fresh=fresh), 201)


@cases.get("/override-quality", operation_id="override_quality", summary="Overrides in numbers")
def override_quality(parts: PartsHere) -> shapes.OverrideQuality:
    """How many overrides there are and why, and how customers fared beside decisions that nobody overrode."""
    return answer(shapes.OverrideQuality.model_validate(override_document(_work(parts))))


# ---- inside


def _work(parts: ApiParts) -> Casework:
    if parts.casework is None:
        raise Refusal("unavailable", "this server keeps no cases")
    return parts.casework


def _who(parts: ApiParts, visit: Visit) -> Who:
    """Who asks, as steps have it: the name of their key, which stays the same when the key is renewed."""
    caller = visit.known
    return Who(name=(caller.name or caller.who)[:64], at_us=parts.bank_us(), approver=caller.role in _APPROVERS)


def _shown(case: Case, customer_id: str | None, now_us: int) -> shapes.CaseShown:
    document: dict[str, Any] = case_document(case, customer_id, now_us)
    return shapes.CaseShown.model_validate(document)


def _unknown_case() -> Refusal:
    return Refusal("unknown", "there is no case of that id")
