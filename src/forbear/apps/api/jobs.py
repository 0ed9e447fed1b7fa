"""Long jobs: scores one after the other in a thread, each row on the disk before the job is said to be done.

A job that a server leaves behind at its end is found as failed by the next one. A report is written by its own command
in a process beside, which ends with the server; reports too come one after the other, and hold no scores up.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from threading import Condition, Thread

import msgspec

from forbear.adapters.disk import storage_errors
from forbear.apps.api.report_jobs import Ids, ReportWriter, job_kind, report_of
from forbear.domain.errors import ConflictError, ForbearError
from forbear.engine.looking import Looks
from forbear.engine.office import Job, Jobs, JobState
from forbear.engine.onlooker import Onlooker
from forbear.features.eligibility import Hurdle

MOST_WAITING = 10
"""Jobs that wait at once."""
KEPT = 20
"""Files of finished jobs that are kept, the newest."""
_OPEN = (JobState.WAITING, JobState.RUNNING)
_ENDED = "the server ended before it was done"


@dataclass(frozen=True, slots=True)
class Tools:
    """What jobs are done with. folder: where their files go.  ids: looks up who customers are.

    writer: writes reports, None where there are none.  now_us: [us UTC].
    """

    onlooker: Onlooker
    folder: Path
    ids: Ids
    writer: ReportWriter | None
    now_us: Callable[[], int]


class JobRoom:
    """Works on jobs. jobs: where they are kept."""

    def __init__(self, jobs: Jobs, tools: Tools) -> None:
        self._jobs, self._tools = jobs, tools
        self._onlooker, self._folder = tools.onlooker, tools.folder
        self._running = ""
        self._waiting: deque[Job] = deque()
        self._changed = Condition()
        self._cancelled: set[str] = set()
        self._stopped = False
        self._threads = [
            Thread(target=self._run, args=(reports,), name=name, daemon=True)
            for name, reports in (("jobs", False), ("report-jobs", True))
        ]

    def start(self) -> None:
        """Begin; what another server left open has failed."""
        for job in self._jobs.jobs(100):
            if job.state in _OPEN:
                self._put(job, state=JobState.FAILED, error=_ENDED)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what is open has failed."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def submit(self, who: str, kind: str) -> Job:
        """Have everybody scored. Raises ConflictError where too many wait."""
        return self._submit(who, kind, self._onlooker.customers)

    def submit_report(self, who: str, report: str) -> Job:
        """Have a report written anew. Raises ConflictError where too many wait, or this one does or is under way."""
        return self._submit(who, job_kind(report), 0, alone=True)

    def _submit(self, who: str, kind: str, total: int, *, alone: bool = False) -> Job:
        job = Job(job_id=token_hex(16), who=who, kind=kind, made_us=self._tools.now_us(), total=total)
        with self._changed:
            if alone and kind in {self._running, *(one.kind for one in self._waiting)}:
                raise ConflictError("it is being written already", mend="look at the jobs, and wait until it is done")
            if len(self._waiting) >= MOST_WAITING:
                raise ConflictError(f"{MOST_WAITING} jobs wait already", mend="wait until some are done, or cancel one")
            self._jobs.put(job)
            self._waiting.append(job)
            self._changed.notify_all()
        return job

    def cancel(self, job_id: str) -> Job | None:
        """Have a job not be done; None where there is none. What is over stays as it ended."""
        job = self._jobs.get(job_id)
        if job is None or job.state not in _OPEN:
            return job
        with self._changed:
            self._cancelled.add(job_id)
            if any(one.job_id == job_id for one in self._waiting):
                self._waiting = deque(one for one in self._waiting if one.job_id != job_id)
                return self._put(job, state=JobState.CANCELLED)
        return replace(job, state=JobState.CANCELLED)

    def result(self, job: Job) -> Path | None:
        """The file of a job that is done, one JSON document a line; None where it is not kept any more."""
        path = self._folder / job.file
        return path if job.file and path.is_file() else None

    # ---- inside

    def _run(self, reports: bool) -> None:
        """Work on jobs of one sort: those that write reports, or the others."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or self._next(reports))
                job = self._next(reports)
                if self._stopped:
                    while job is not None:
                        self._waiting.remove(job)
                        self._put(job, state=JobState.FAILED, error=_ENDED)
                        job = self._next(reports)
                    return
                if job is None:
                    continue
                self._waiting.remove(job)
                if reports:
                    self._running = job.kind
            try:
                self._work(job)
            except ForbearError as error:
                self._put(job, state=JobState.FAILED, error=str(error))
            if reports:
                self._running = ""

    def _next(self, reports: bool) -> Job | None:
        """The job of a sort that has waited longest."""
        return next((one for one in self._waiting if (report_of(one.kind) is not None) == reports), None)

    def _work(self, job: Job) -> None:
        job = self._put(job, state=JobState.RUNNING)
        if (report := report_of(job.kind)) is not None:
            self._write(job, report)
        else:
            self._score(job)

    def _ends(self, job: Job) -> bool:
        return job.job_id in self._cancelled or self._stopped

    def _write(self, job: Job, report: str) -> None:
        """Write a report; what it is at is told at most as often as it is looked."""
        at = {"done": 0, "total": 0}

        def moved(done: int, total: int) -> None:
            at.update(done=done, total=total)
            self._put(job, **at)

        if self._tools.writer is None:
            self._put(job, state=JobState.FAILED, error="this server writes no reports")
            return
        ended = self._tools.writer.write(report, stop=lambda: self._ends(job), moved=moved)
        if ended.done:
            self._put(job, state=JobState.DONE, done=max(at["total"], 1), total=max(at["total"], 1))
        elif job.job_id in self._cancelled:
            self._put(job, state=JobState.CANCELLED, **at)
        else:
            self._put(job, state=JobState.FAILED, error=_ENDED if self._stopped else ended.said, **at)

    def _score(self, job: Job) -> None:
        name = f"{job.job_id}.ndjson"
        draft = self._folder / f"{name}.draft"
        with storage_errors(f"cannot write {self._folder}"):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                with draft.open("wb") as file:
                    for looks in self._onlooker.sweep():
                        if self._ends(job):
                            raise _Ended  # noqa: TRY301
                        file.write(self._lines(looks))
                        job = self._put(job, done=job.done + len(looks))
                    file.flush()
                    os.fsync(file.fileno())
                draft.rename(self._folder / name)
            except _Ended:
                ended = JobState.CANCELLED if job.job_id in self._cancelled else JobState.FAILED
                self._put(job, state=ended, error="" if ended is JobState.CANCELLED else "the server ended")
                return
            finally:
                draft.unlink(missing_ok=True)
            self._forget_old()
        self._put(job, state=JobState.DONE, file=name, total=job.done)

    def _lines(self, looks: Looks) -> bytes:
        """One line for each customer who is known by name: whoever was erased is not among them."""
        keys, policy = looks.customer.tolist(), self._onlooker.rulings.policy
        ids: dict[int, str] = {}
        for first in range(0, len(keys), 1_000):
            ids |= self._tools.ids(keys[first : first + 1_000])
        names = [band.name for band in policy.bands]
        columns = zip(keys, looks.hurdle.tolist(), looks.pd.tolist(), looks.band.tolist(), strict=True)
        rows = [
            {
                "customer_id": ids[key],
                "hurdle": Hurdle(hurdle).name.lower() if hurdle else "",
                "pd": None if hurdle else pd,
                "band": names[band] if band >= 0 else "",
                "partition": looks.stand.partition,
                "offset": looks.stand.offset,
            }
            for key, hurdle, pd, band in columns
            if key in ids
        ]
        return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)

    def _forget_old(self) -> None:
        files = sorted(self._folder.glob("*.ndjson"), key=lambda path: path.stat().st_mtime)
        for path in files[:-KEPT]:
            path.unlink(missing_ok=True)

    def _put(self, job: Job, **changed: object) -> Job:
        after = replace(job, **changed)  # type: ignore[arg-type]  # fields of a job
        self._jobs.put(after)
        return after


class _Ended(Exception):
    """The job is not to be finished."""
