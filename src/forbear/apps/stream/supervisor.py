"""Keeps processes running: starts them, starts them again when they end, and gives up where that is of no use."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from forbear.adapters.disk import storage_errors
from forbear.adapters.patience import BackOff, Time
from forbear.apps.console import EXIT_CODES
from forbear.apps.stream.lifeline import SUPERVISOR
from forbear.apps.stream.pulse import Noting
from forbear.domain.errors import BackendUnavailable, ConfigError, ForbearError

_LAST_WORDS = 2_000
_MOST_SAID = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How processes are kept running.

    back_off: between an end and the next start.  steady_seconds: one that ran so long begins with short waits again.
    most_deaths: so many ends of one that never was ready are enough, those with the status of BackendUnavailable
    aside.  stop_seconds: how long one that was asked to end may take.  turn_seconds: between two looks.
    """

    back_off: BackOff = field(default_factory=lambda: BackOff(first_seconds=1.0, most_seconds=30.0))
    steady_seconds: float = 60.0
    most_deaths: int = 5
    stop_seconds: float = 30.0
    turn_seconds: float = 0.1


@dataclass(frozen=True, slots=True)
class Post:
    """One process to keep running. command: how it is started.  said: takes what it says on stdout and stderr.

    environment: variables that it gets beside ours, or in their place.  lines: it writes its log to our own stdout.
    """

    name: str
    command: Sequence[str]
    said: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    lines: bool = False


class Seen(NamedTuple):
    """How it stands with one. pid: None while it does not run.  restarts: starts behind the first.

    ended: exit status of the last end, negative for a signal, None before any.  due_seconds: until the next start.
    """

    name: str
    pid: int | None
    restarts: int
    ended: int | None
    due_seconds: float | None


@dataclass(frozen=True, slots=True)
class Watching:
    """What a supervisor asks and tells. ready: whether a process, by name and id, does its work.  note: a journal."""

    ready: Callable[[str, int], bool]
    note: Noting


class Supervisor:
    """Keeps posts running. Its processes end with it, if they call `lifeline.end_with_supervisor`."""

    def __init__(
        self, posts: Sequence[Post], watching: Watching, rules: Rules | None = None, world: Time | None = None
    ) -> None:
        self._rules = rules or Rules()
        self._world = world or Time()
        self._watching = watching
        self._children = [_Child(post) for post in posts]

    def run(self, stop: Callable[[], bool], show: Callable[[Sequence[Seen]], None]) -> None:
        """Keep them running until told to stop; then, and whatever happens, all are ended.

        show: takes how they stand, at every look. Raises the error of who must act where one ends with the status of a
        ConfigError, or too often before it ever was ready; StorageError where nothing can be written.
        """
        try:
            while not stop():
                for child in self._children:
                    self._tend(child)
                show(self.seen())
                self._world.sleep(self._rules.turn_seconds)
        finally:
            try:
                self._end()
            finally:
                self._kill()

    def seen(self) -> list[Seen]:
        """How they stand."""
        now = self._world.seconds()
        return [child.seen(now) for child in self._children]

    # ---- inside

    def _tend(self, child: _Child) -> None:
        now = self._world.seconds()
        if child.process is None:
            if now >= child.due:
                child.start(now)
                self._watching.note("worker_started", worker=child.post.name, pid=child.pid, restarts=child.restarts)
        elif (status := child.process.poll()) is not None:
            self._ended(child, status, now)
        elif not child.is_ready and self._watching.ready(child.post.name, child.process.pid):
            child.is_ready = child.was_ready = True
            self._watching.note("worker_ready", worker=child.post.name, after_s=round(now - child.started, 1))

    def _ended(self, child: _Child, status: int, now: float) -> None:
        ran = now - child.started
        if ran >= self._rules.steady_seconds:
            child.failures = 0
        child.process, child.status = None, status
        child.failures += 1
        # Who ends because nobody answers is not at fault: another start may find somebody.
        child.deaths += status != EXIT_CODES[BackendUnavailable]
        wait = self._rules.back_off.seconds(child.failures, self._world.chance())
        child.due = now + wait
        facts = {"status": status, "ran_s": round(ran, 1), "again_s": round(wait, 3)}
        self._watching.note("worker_ended", worker=child.post.name, **facts)
        # Whoever did its work before has no wrong setting: a broker that comes back may know no topic for a moment.
        if status == EXIT_CODES[ConfigError] and not child.was_ready:
            raise _given_up(child, "only the operator can mend that")
        if not child.was_ready and child.deaths >= self._rules.most_deaths:
            raise _given_up(child, f"it ended {child.deaths} times and never was ready")

    def _end(self) -> None:
        """Ask all to end, and give them the time that they may take."""
        for process in self._running().values():
            process.terminate()
        until = self._world.seconds() + self._rules.stop_seconds
        while self._running() and self._world.seconds() < until:
            self._world.sleep(self._rules.turn_seconds)

    def _kill(self) -> None:
        for name, process in self._running().items():
            self._watching.note("worker_killed", worker=name)
            process.kill()
        for child in self._children:
            if child.process is not None:
                child.process.wait()

    def _running(self) -> dict[str, subprocess.Popen[bytes]]:
        held = {child.post.name: child.process for child in self._children if child.process is not None}
        return {name: process for name, process in held.items() if process.poll() is None}


class _Child:
    """A post and the process that holds it.

    failures: ends since it last ran for a while.  deaths: ends by its own fault.  is_ready: the process that runs now.
    was_ready: any since the beginning.
    """

    def __init__(self, post: Post) -> None:
        self.post = post
        self.process: subprocess.Popen[bytes] | None = None
        self.status: int | None = None
        self.started, self.due = 0.0, -1.0
        self.starts = self.failures = self.deaths = self.said_from = 0
        self.is_ready = self.was_ready = False

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    @property
    def restarts(self) -> int:
        return max(0, self.starts - 1)

    def start(self, now: float) -> None:
        said = self.post.said
        with storage_errors(f"cannot start {self.post.name}, whose words go to {said}"):
            said.parent.mkdir(parents=True, exist_ok=True)
            too_long = said.exists() and said.stat().st_size > _MOST_SAID
            with said.open("wb" if too_long else "ab") as words:
                self.said_from = words.tell()
                self.process = subprocess.Popen(  # noqa: S603  # the words of whoever made the post
                    list(self.post.command),
                    stdin=subprocess.DEVNULL,
                    stdout=None if self.post.lines else words,
                    stderr=words,
                    env={**os.environ, **self.post.environment, SUPERVISOR: str(os.getpid())},
                    start_new_session=True,  # Ctrl-C is for the supervisor: who hears it twice ends at once
                )
        self.started, self.is_ready = now, False
        self.starts += 1

    def seen(self, now: float) -> Seen:
        due = max(0.0, self.due - now) if self.process is None else None
        return Seen(self.post.name, self.pid, self.restarts, self.status, due)

    def last_words(self) -> str:
        """The last line that it said since its last start."""
        with storage_errors(f"cannot read {self.post.said}"), self.post.said.open("rb") as said:
            end = said.seek(0, os.SEEK_END)
            said.seek(max(self.said_from, end - _LAST_WORDS))
            lines = said.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def how_it_ended(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"ended with status {status}"
    known = {one.value: one.name for one in signal.Signals}
    return f"was ended by {known.get(-status, f'signal {-status}')}"


def _given_up(child: _Child, why: str) -> ForbearError:
    """The error of who must act: the kind by the status that the process ended with."""
    status = child.status or 0
    kind = next((kind for kind, code in EXIT_CODES.items() if code == status), ForbearError)
    words = child.last_words().removeprefix("error: ")
    said = f", and said: {words}" if words else ""
    return kind(f"{child.post.name} {how_it_ended(status)}, and {why}{said}", mend=f"see {child.post.said}")
