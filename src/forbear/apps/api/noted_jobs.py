"""Long jobs in the log: a line when one begins, and one when it is over."""

from __future__ import annotations

from collections.abc import Sequence

from forbear.apps.telemetry import Journal
from forbear.engine.office import Job, Jobs, JobState

_OVER = {JobState.DONE: "info", JobState.CANCELLED: "warning", JobState.FAILED: "error"}


class NotedJobs:
    """Jobs as an office keeps them, noted as their states change."""

    def __init__(self, jobs: Jobs, journal: Journal) -> None:
        self._jobs, self._journal = jobs, journal
        self._states: dict[str, JobState] = {}

    def put(self, job: Job) -> None:
        """Keep a job. Raises what the office raises."""
        self._jobs.put(job)
        if self._states.get(job.job_id) is job.state:
            return
        facts = {"job_id": job.job_id, "kind": job.kind, "state": job.state.value, "done": job.done, "total": job.total}
        self._journal.note("job", level=_OVER.get(job.state, "info"), **facts, why=job.error)
        if job.state in _OVER:
            self._states.pop(job.job_id, None)
        else:
            self._states[job.job_id] = job.state

    def get(self, job_id: str) -> Job | None:
        """One of them."""
        return self._jobs.get(job_id)

    def jobs(self, limit: int) -> Sequence[Job]:
        """The newest."""
        return self._jobs.jobs(limit)
