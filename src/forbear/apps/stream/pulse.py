"""What a process of the production path says of itself: its state, counters and gauges, for whoever looks at it.

Written once a second, and at every change of state, to <home>/stream/status/<name>.json: who reads it needs no port.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from forbear.adapters.disk import storage_errors
from forbear.apps.metrics.meter import Meter
from forbear.apps.tracing.port import NULL, Tracer

State: TypeAlias = Literal["starting", "restoring", "catching up", "running", "waiting", "stopping", "failed"]
"""Only a process that is "running" is ready."""
RATE_SECONDS = 10
"""Over how many of the last seconds the rate is taken."""
_EVERY_SECONDS = 1.0


class Noting(Protocol):
    """Takes a line of the journal."""

    def __call__(self, what: str, **facts: object) -> None:
        """Write it."""
        ...


def _silence(what: str, **facts: object) -> None:  # named as they are given
    """Note nothing."""


class Pulse:
    """What one process says of itself. Any thread may tell it something, and ask it.

    meter: of the process, None where nobody asked for one: the work may tell it more than stands here.
    seconds: a clock that never goes back.  now: the clock on the wall, for people.  write: where lines of the journal
    go; changes of state, and of a breaker, are noted by themselves.  tracer: takes spans of the work.
    """

    def __init__(
        self,
        name: str,
        write: Noting = _silence,
        *,
        seconds: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tracer: Tracer = NULL,
    ) -> None:
        self.name, self.tracer = name, tracer
        self.meter: Meter | None = None
        self.changed = Event()
        self._write, self._seconds, self._now = write, seconds, now
        self._lock = Lock()
        self._begun, self._begun_at = seconds(), now()
        self._state: State = "starting"
        self._why = ""
        self._asked: dict[str, float] = {}
        self._progress, self._progress_at = self._begun, self._begun_at
        self._counters: Counter[str] = Counter()
        self._gauges: dict[str, dict[str, float]] = {}
        self._breakers: dict[str, str] = {}
        self._recent: deque[tuple[int, int]] = deque(maxlen=RATE_SECONDS + 1)

    # ---- told by the process

    def state(self, state: State, why: str = "") -> None:
        """What it does now. why: what it waits for, or what of it; not told of one that is running."""
        why = "" if state == "running" else why
        with self._lock:
            changed = (state, why) != (self._state, self._why)
            self._state, self._why = state, why
            self._mark()
        if changed:
            self.note("state", state=state, why=why)
            self.changed.set()

    def count(self, what: str, many: int = 1) -> None:
        """So many more of something; of "events" the rate is taken."""
        with self._lock:
            self._counters[what] += many
            if what == "events" and many:
                self._counted(int(self._seconds()), many)
            self._mark()

    def gauge(self, what: str, values: Mapping[str, float]) -> None:
        """How something stands, of each partition or whatever it is told by; in the place of what was."""
        with self._lock:
            self._gauges[what] = dict(values)

    def progressed(self) -> None:
        """Its loop has come round, whether there was something to do or not."""
        with self._lock:
            self._mark()

    def note(self, what: str, **facts: object) -> None:
        """Write a line of the journal."""
        self._write(what, **facts)

    # ---- told by patience

    def breaker(self, system: str, state: str) -> None:
        """The breaker of an outside system is now "closed", "open" or "half-open"."""
        with self._lock:
            before = self._breakers.get(system, "closed")
            self._breakers[system] = state
        if state != before:
            self.note("breaker", system=system, state=state)

    def waits(self, system: str, seconds: float) -> None:
        """An outside system does not answer, and is asked again in so many seconds."""
        with self._lock:
            new = system not in self._asked
            self._asked[system] = self._seconds() + seconds
        if new:
            self.note("waits", system=system)
            self.changed.set()

    def answers(self, system: str) -> None:
        """An outside system answers again."""
        with self._lock:
            self._asked.pop(system, None)
            self._mark()
        self.note("answers", system=system)
        self.changed.set()

    # ---- asked

    @property
    def ready(self) -> bool:
        """Whether it does its work: it is neither on its way there nor waiting for something."""
        with self._lock:
            return self._shown()[0] == "running"

    def alive(self, within_seconds: float) -> bool:
        """Whether it came round within so many seconds, or knows what it waits for and until when."""
        with self._lock:
            return self._seconds() - max(self._progress, *self._asked.values(), 0.0) <= within_seconds

    def snapshot(self) -> dict[str, Any]:
        """All of it, ready for JSON. events_per_s: over the last ten seconds.  why: what it waits for."""
        with self._lock:
            state, why = self._shown()
            return {
                "worker": self.name,
                "pid": os.getpid(),
                "state": state,
                "why": why,
                "ready": state == "running",
                "started_at": self._begun_at.isoformat(),
                "progress_at": self._progress_at.isoformat(),
                "written_at": self._now().isoformat(),
                "events_per_s": self._rate(),
                "counters": dict(self._counters),
                "gauges": {what: dict(values) for what, values in self._gauges.items()},
                "breakers": dict(self._breakers),
            }

    # ---- inside: the lock is held

    def _mark(self) -> None:
        self._progress, self._progress_at = self._seconds(), self._now()

    def _shown(self) -> tuple[State, str]:
        """A system that does not answer counts for more than what the loop does meanwhile, unless it has an end."""
        if self._asked and self._state not in ("stopping", "failed"):
            return "waiting", ", ".join(sorted(self._asked))
        return self._state, self._why

    def _counted(self, second: int, many: int) -> None:
        if self._recent and self._recent[-1][0] == second:
            many += self._recent.pop()[1]
        self._recent.append((second, many))

    def _rate(self) -> float:
        now = self._seconds()
        span = min(float(RATE_SECONDS), max(1.0, now - self._begun))
        return round(sum(many for second, many in self._recent if second > now - span - 1) / span, 1)


@contextmanager
def written(pulse: Pulse, folder: Path, every_seconds: float = _EVERY_SECONDS) -> Iterator[None]:
    """Write what a process says of itself for as long as the block runs, by a thread.

    The file goes when the block ends cleanly; else it stays, as "failed". Raises StorageError where nothing can be
    written at the start; later the newest that could be written stays.
    """
    path, ended = folder / f"{pulse.name}.json", Event()
    with storage_errors(f"cannot write {path}"):
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, pulse)

    def write_on() -> None:
        while not ended.is_set():
            pulse.changed.wait(every_seconds)
            pulse.changed.clear()
            with suppress(OSError):
                _write(path, pulse)

    thread = Thread(target=write_on, name="pulse", daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        pulse.changed.set()
        thread.join()

    try:
        yield
    except BaseException as error:
        pulse.state("failed", type(error).__name__)
        end()
        raise
    end()
    with suppress(OSError):
        _draft_of(path).unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def statuses(folder: Path) -> dict[str, dict[str, Any]]:
    """What the processes of a folder said last, by name; who was killed leaves its last words behind.

    What cannot be read is left out: it may just be going.
    """
    found = {}
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, msgspec.MsgspecError):
            told = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
            found[path.stem] = told
    return found


def _write(path: Path, pulse: Pulse) -> None:
    # Not synced: after a power cut nobody asks how a process was that is no more, and a sync a second has its price.
    draft = _draft_of(path)
    draft.write_bytes(msgspec.json.encode(pulse.snapshot()))
    draft.replace(path)


def _draft_of(path: Path) -> Path:
    return path.with_suffix(".draft")
