"""Run the worker of a home: to the end of its log, or on and on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from forbear.adapters.disk import alone, forget_drafts, storage_errors
from forbear.adapters.snapshots import FileSnapshots
from forbear.adapters.sql.store import open_store
from forbear.adapters.vault import FileVault
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.archiving import RETENTION_DAYS, ArchivingBehind, compacted
from forbear.apps.jobs.instructing import told_before
from forbear.apps.jobs.parts import HomeParts
from forbear.apps.metrics.meter import Meter
from forbear.apps.metrics.working import Measured
from forbear.apps.shapes import build_shapes
from forbear.apps.telemetry import Journal
from forbear.apps.tracing.port import NULL, Asked, Kind, Tracer
from forbear.apps.tracing.recorded import TracedStore
from forbear.domain.errors import StorageError
from forbear.domain.events import encode
from forbear.engine.behind import CommittingBehind
from forbear.engine.outputs import Position
from forbear.engine.ports import Source
from forbear.engine.running import KEEP_EVENTS, Running, Stepped
from forbear.engine.worker import PARTITION, Setup, Worker
from forbear.features.columns import events_of

THREADS = 2
"""Threads that share the sweep of a day close; they change nothing in what comes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """How to run. follow: go on when the log has ended.  limit: events taken in at once.

    keep_events: see `Running`.  retention_days: how long the log keeps what the archive has too.
    meter: told of the work; None for none.
    """

    follow: bool = False
    limit: int = 16_384
    keep_events: int = KEEP_EVENTS
    retention_days: int = RETENTION_DAYS
    meter: Meter | None = None


class Ran(NamedTuple):
    """What a run did. events: taken in for the first time.  again: worked through once more, in silence."""

    events: int
    again: int
    predictions: int
    decisions: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class World:
    """What a run asks of the world. seconds: a clock that never goes back.  wait: for more events, or an end.

    tracer: takes spans.
    """

    seconds: Callable[[], float]
    wait: Callable[[], bool]
    tracer: Tracer = NULL


def letters_of(source: Source) -> Callable[[int], str]:
    """Gives the JSON of the event of a log at an offset."""
    return lambda offset: encode(next(events_of(source.read(offset, offset + 1)))).decode()


@contextmanager
def running(
    home: Home, keep_events: int = KEEP_EVENTS, meter: Meter | None = None, tracer: Tracer = NULL
) -> Iterator[Running]:
    """The worker of a home, not started yet. meter: told of its work.  tracer: told of what is recorded.

    Raises StorageError where another process runs it.
    """
    measured = Measured(meter)
    with ExitStack() as stack:
        with storage_errors(f"cannot write {home.worker}"):
            home.worker.mkdir(parents=True, exist_ok=True)
            mine = stack.enter_context(alone(home.worker / ".lock"))
        if not mine:
            raise StorageError(f"another worker runs on {home.folder}", mend="stop it first: a home has one worker")
        # A torn end of the log is cut off before anybody reads it, and files that never got a name are removed.
        with storage_errors(f"cannot write {home.folder}"), closing(home.sink()):
            for folder in (home.worker, home.archive.folder):
                forget_drafts(folder)
        source = stack.enter_context(closing(home.source()))
        vault = stack.enter_context(closing(FileVault(home.keys)))
        store = stack.enter_context(closing(open_store(f"sqlite:///{home.database}")))
        pool = stack.enter_context(ThreadPoolExecutor(THREADS))
        setup = Setup(
            deployment=home.deployment,
            calendar=home.feed.calendar,
            parts=measured.parts(HomeParts(home)),
            vault=vault,
            letters=letters_of(source),
            mapped=pool.map,
            stages=measured.stages,
        )
        behind = stack.enter_context(closing(CommittingBehind(measured.store(store))))
        worker = Worker(setup)
        measured.follows(lambda: {PARTITION: worker.follower}, lambda: source.end)
        recorded = TracedStore(behind, tracer) if tracer.on else behind
        yield Running(worker, measured.source(source), recorded, FileSnapshots(home.worker), keep_events, behind.wait)


def run_worker(home: Home, console: Console, journal: Journal, request: RunRequest, world: World) -> Ran:
    """Take in what the log holds, and under `follow` what comes; ended in order, everything recorded is archived.

    Raises what the worker, its store and its log raise; what was recorded stays, and the next run goes on from there.
    """
    build_shapes()
    with running(home, request.keep_events, request.meter, world.tracer) as worker:
        with console.progress("Reading history", home.archive.next_offset) as progress:
            worker.start(home.feed, home.snapshots, told_before(home), progress)
        journal.note("started", offset=worker.worker.position, recorded=list(worker.position), end=worker.source.end)
        with ExitStack() as beside:
            if request.follow:
                archiving = beside.enter_context(closing(ArchivingBehind(home, journal, request.retention_days)))
                world = _archiving_too(world, lambda: archiving.kept(worker.kept_at))
            ran = _followed(worker, console, journal, request, world)
        worker.wait()
        if worker.position != Position(-1):
            _archived(home, worker, request, journal)
        journal.note("stopped", **ran._asdict())
    return ran


def _archiving_too(world: World, archive: Callable[[], None]) -> World:
    """The world, but that something is archived wherever a worker that follows would wait."""

    def wait() -> bool:
        archive()
        return world.wait()

    return World(world.seconds, wait, world.tracer)


def _followed(worker: Running, console: Console, journal: Journal, request: RunRequest, world: World) -> Ran:
    begun, start = world.seconds(), worker.worker.position
    told, events, again, predictions, decisions = begun, 0, 0, 0, 0
    with console.progress("Working", worker.source.end - start) as progress:
        while True:
            done = _stepped(worker, request.limit, world.tracer)
            if done is None:
                if not request.follow or not world.wait():
                    break
                continue
            again += done.events if done.silent else 0
            events += 0 if done.silent else done.events
            predictions += done.predictions
            decisions += done.decisions
            progress(worker.worker.position - start)
            now = world.seconds()
            if now - told >= _TELL_SECONDS:
                told = now
                lag = worker.source.end - worker.worker.position
                rate = round((worker.worker.position - start) / (now - begun))
                journal.note("working", offset=worker.worker.position, lag=lag, events_per_s=rate)
            if request.follow and not world.wait():
                break
    return Ran(events, again, predictions, decisions, worker.worker.position)


def _stepped(worker: Running, limit: int, tracer: Tracer) -> Stepped | None:
    """One step; as a span where there is anything to do."""
    if not tracer.on or worker.source.end <= worker.worker.position:
        return worker.step(limit)
    with tracer.span("batch", Asked(kind=Kind.CONSUMER), partition=PARTITION, offset=worker.worker.position) as span:
        done = worker.step(limit)
        if done is not None:
            span.tell(**done._asdict())
        return done


def _archived(home: Home, worker: Running, request: RunRequest, journal: Journal) -> None:
    if worker.at_close:
        worker.keep()
    worker.store.settle()
    known = worker.position.offset, worker.kept_at
    moved, gone = compacted(home, worker.source, known, request.retention_days)
    journal.note("archived", events=moved, segments_deleted=gone)


_TELL_SECONDS = 5.0
