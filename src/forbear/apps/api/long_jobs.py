"""Routes of long jobs: submit, look, fetch, cancel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import FileResponse, Response

from forbear.apps.api.jobs import JobRoom
from forbear.apps.api.paging import Limit
from forbear.apps.api.parts import ApiParts, PartsHere, VisitHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reception import Gate
from forbear.apps.api.report_jobs import KIND, report_of
from forbear.apps.api.reports import named, shelf_of
from forbear.apps.api.telling import at, onlooker_of
from forbear.client.scores import JobShown, JobsPage, NewJob
from forbear.engine.office import Job, JobState

jobs = APIRouter(prefix="/v1/jobs", route_class=Gate, tags=["jobs"])
JobId = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="As it was answered.", examples=["0123456789abcdef" * 2])
]


@jobs.post(
    "",
    operation_id="submit_job",
    status_code=202,
    summary="Have a long job done",
    responses={404: {"$ref": "#/components/responses/Problem404"}},
)
def submit_job(asked: NewJob, parts: PartsHere, visit: VisitHere) -> JobShown:
    """Have everybody scored as the ledgers stand, or a report written anew; GET the job until it is done.

    Of the former there is a result then, the latter is where reports are. One job is worked on at a time.
    """
    if asked.report is None:
        onlooker_of(parts)
        return _shown(_room(parts).submit(visit.known.who, asked.kind))
    shelf = shelf_of(parts)
    kind = named(shelf, asked.report)
    if why := kind.why_not(shelf.setting):
        raise Refusal("not_here", f"no job can write {kind.name}: {why}")
    return _shown(_room(parts).submit_report(visit.known.who, kind.name))


@jobs.get("", operation_id="list_jobs", summary="Long jobs")
def list_jobs(parts: PartsHere, limit: Limit = 100) -> JobsPage:
    """The newest jobs, newest first."""
    return JobsPage(items=tuple(map(_shown, parts.office.jobs.jobs(limit))))


@jobs.get("/{job_id}", operation_id="get_job", summary="One long job")
def get_job(job_id: JobId, parts: PartsHere) -> JobShown:
    """How far a job is."""
    return _shown(_known(parts, job_id))


@jobs.get(
    "/{job_id}/result",
    operation_id="get_job_result",
    response_class=FileResponse,
    summary="What came of a job",
    responses={
        200: {"content": {"application/x-ndjson": {}}, "description": "One JSON document a line"},
        409: {"$ref": "#/components/responses/Problem409"},
    },
)
def get_job_result(job_id: JobId, parts: PartsHere) -> Response:
    """What came of a job that is done, one JSON document a line; the files of the newest jobs are kept."""
    job = _known(parts, job_id)
    if job.state is not JobState.DONE:
        raise Refusal("conflict", f"the job is {job.state}")
    if (report := report_of(job.kind)) is not None:
        raise Refusal("conflict", f"it wrote a report: it is at /v1/reports/{report}")
    path = _room(parts).result(job)
    if path is None:
        raise Refusal("unknown", "the file of this job is not kept any more")
    return FileResponse(path, media_type="application/x-ndjson", filename=path.name)


@jobs.delete("/{job_id}", operation_id="cancel_job", summary="Cancel a job")
def cancel_job(job_id: JobId, parts: PartsHere) -> JobShown:
    """Have a job not be done. One that is over stays as it ended."""
    job = _room(parts).cancel(job_id)
    if job is None:
        raise Refusal("unknown", "no job of that id is known")
    return _shown(job)


def _room(parts: ApiParts) -> JobRoom:
    if parts.jobs is None:
        raise Refusal("unavailable", "this server follows no log, and does no jobs")
    return parts.jobs


def _known(parts: ApiParts, job_id: str) -> Job:
    job = parts.office.jobs.get(job_id)
    if job is None:
        raise Refusal("unknown", "no job of that id is known")
    return job


def _shown(job: Job) -> JobShown:
    report = report_of(job.kind)
    return JobShown(
        job_id=job.job_id,
        kind=job.kind if report is None else KIND,
        report=report,
        state=job.state.value,
        made_at=at(job.made_us),
        done=job.done,
        total=job.total,
        error=job.error,
    )
