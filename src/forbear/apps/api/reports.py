"""Routes of written reports: which there are, and one of them as its command wrote it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, cast

import msgspec
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from forbear.apps.api.parts import ApiParts, PartsHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reception import Gate
from forbear.apps.api.report_table import ReportKind
from forbear.apps.api.shelf import NotReadable, Report, Shelf
from forbear.apps.api.telling import answer, at
from forbear.client.reports import ReportBrief, ReportShown, ReportsPage

reports = APIRouter(prefix="/v1", route_class=Gate, tags=["reports"])

Name = Annotated[
    str, Path(pattern="^[a-z0-9][a-z0-9_-]{0,79}$", description="As the list has it.", examples=["monitor"])
]
Part = Annotated[
    str | None,
    Query(pattern="^[A-Za-z0-9_-]{1,80}$", description="Only what stands under this key.", examples=["findings"]),
]


@reports.get("/reports", operation_id="list_reports", summary="Written reports")
def list_reports(parts: PartsHere) -> ReportsPage:
    """Every report that there is or could be, and which command writes it. No report is about a person."""
    shelf = shelf_of(parts)
    items = tuple(_brief(shelf, kind) for kind in shelf.kinds().values())
    return answer(ReportsPage(as_of=at(parts.now_us()), items=items))


@reports.get(
    "/reports/{name}",
    operation_id="report",
    summary="A written report",
    responses={409: {"$ref": "#/components/responses/Problem409"}},
)
def report(name: Name, parts: PartsHere, part: Part = None) -> ReportShown:
    """A report as its command wrote it, or what stands under one of its keys."""
    shelf = shelf_of(parts)
    found = _read(shelf, named(shelf, name))
    if part is not None and part not in found.document:
        raise Refusal("unknown", f"the report has no {part}: it has {', '.join(found.document)}")
    told = {
        "name": name,
        "made_at": found.made_at.astimezone(UTC),
        "about": found.about,
        "synthetic": found.synthetic,
        "part": part or "",
        "parts": list(found.document),
        "document": found.document if part is None else found.document[part],
    }
    # Written as it was read: a model of it would be checked value by value, and it is up to megabytes of them.
    return cast(ReportShown, Response(msgspec.json.encode(told), media_type="application/json"))


def shelf_of(parts: ApiParts) -> Shelf:
    """Where reports are. Raises Refusal where this server has none."""
    if parts.shelf is None:
        raise Refusal("unavailable", "this server has no folder of reports")
    return parts.shelf


def named(shelf: Shelf, name: str) -> ReportKind:
    """The report of a name. Raises Refusal where there is none, and could be none."""
    kind = shelf.kinds().get(name)
    if kind is None:
        raise Refusal("unknown", "there is no report of that name: the list has all of them")
    return kind


def _read(shelf: Shelf, kind: ReportKind) -> Report:
    try:
        found = shelf.read(kind)
    except NotReadable as error:
        raise Refusal("not_readable", f"{kind.name} cannot be told, {error}: `{kind.line()}` writes it anew") from error
    if found is None:
        raise Refusal("unknown", f"{kind.name} is not written yet: `{kind.line()}` does")
    return found


def _brief(shelf: Shelf, kind: ReportKind) -> ReportBrief:
    facts, why_not = shelf.facts(kind), kind.why_not(shelf.setting)
    made: datetime | None = facts.made_at
    return ReportBrief(
        name=kind.name,
        says=kind.says,
        made_at=made,
        about=facts.about,
        synthetic=facts.synthetic,
        bytes=facts.size,
        trouble=facts.trouble,
        command=kind.line(),
        job=not why_not,
        why_not=why_not,
    )
