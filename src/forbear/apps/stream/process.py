"""One process of the production path: what surrounds the work of each kind of worker."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast, get_args

from forbear.adapters.disk import alone, storage_errors
from forbear.apps.home import Home
from forbear.apps.masking import place_of
from forbear.apps.metrics.exporter import here, telling
from forbear.apps.metrics.working import told_of
from forbear.apps.shapes import build_shapes
from forbear.apps.signals import until_told
from forbear.apps.stream.health import health
from forbear.apps.stream.lifeline import end_with_supervisor
from forbear.apps.stream.places import stream_of
from forbear.apps.stream.pulse import Pulse, State, written
from forbear.apps.telemetry import telemetry_of
from forbear.domain.errors import BackendUnavailable, ConfigError, StorageError

_YOUNG = 50_000
"""Values that may be made before the collector looks for cycles among them."""
_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Work(Protocol):
    """What a kind of worker does until it is told to stop."""

    def __call__(self, home: Home, instance: str, pulse: Pulse, stop: Callable[[], bool]) -> None:
        """Do it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRequest:
    """Which process to be. kind: module of `apps.stream` with the work.  instance: tells several of a kind apart.

    health_port: where it answers for its health, 0 for nowhere.  metrics: where it tells its metrics, "" for what the
    settings say.
    """

    kind: str
    instance: str = "1"
    health_port: int = 0
    metrics: str = ""

    @property
    def name(self) -> str:
        """What the process is called, and its files after it."""
        return f"{self.kind}-{self.instance}"


def status_folder(home: Home) -> Path:
    """Where they say how they are."""
    return stream_of(home) / "status"


def log_of(home: Home, name: str) -> Path:
    """The journal of a process."""
    return home.folder / "logs" / f"{name}.jsonl"


def lock_of(home: Home, name: str) -> Path:
    """Held by a process for as long as it is there."""
    return stream_of(home) / f"{name}.lock"


def run_process(home: Home, request: ProcessRequest, work: Work | None = None) -> None:
    """Be a worker until SIGTERM or Ctrl-C asks for an end; a second one ends it at once.

    work: None for that of the kind. Asked to end while an outside system does not answer it ends cleanly: what was
    recorded is intact. Raises what the work raises, ConfigError for a home without data, for an instance whose name
    cannot be that of a file, and for a port that is in use, StorageError where the same instance runs already.
    """
    end_with_supervisor()
    if not _INSTANCE.fullmatch(request.instance):
        raise ConfigError(f"--instance {request.instance!r} cannot be a file's name", mend="use letters and digits")
    _ = home.deployment
    folder, name = stream_of(home), request.name
    with ExitStack() as stack:
        told = stack.enter_context(until_told())
        with storage_errors(f"cannot write {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
            mine = stack.enter_context(alone(lock_of(home, name)))
        if not mine:
            raise StorageError(f"{name} runs already on {home.folder}", mend="stop it, or pass another --instance")
        telemetry = stack.enter_context(telemetry_of(home.folder, name, service=True))
        journal = telemetry.journal
        pulse = Pulse(name, journal.note, tracer=telemetry.tracer)
        stack.enter_context(health(pulse, request.health_port))
        pulse.meter = stack.enter_context(telling(here(home, name, request.metrics)))
        told_of(pulse.meter, pulse.snapshot, get_args(State))
        stack.enter_context(written(pulse, status_folder(home)))
        journal.note("started", worker=name, pid=os.getpid())
        doing = work or _work_of(request.kind)
        build_shapes()
        # What is there by now stays; what comes are values without cycles, by the hundred thousand.
        gc.freeze()
        gc.set_threshold(_YOUNG, 50, 100)
        try:
            doing(home, request.instance, pulse, told.is_set)
        except BaseException as error:
            if not (isinstance(error, BackendUnavailable) and told.is_set()):
                journal.note(
                    "failed", level="error", trouble=place_of(error), error=type(error).__name__, why=str(error)
                )
                raise
            journal.note("left_waiting", level="warning", why=str(error))
        journal.note("stopped")


def _work_of(kind: str) -> Work:
    return cast(Work, import_module(f"forbear.apps.stream.{kind}").work)
