"""The supervisor with real processes: small programs stand in for workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from forbear.adapters.disk import nobody_holds
from forbear.adapters.patience import BackOff, Time
from forbear.apps.stream.pulse import statuses
from forbear.apps.stream.supervisor import Post, Rules, Seen, Supervisor, Watching, how_it_ended
from forbear.domain.errors import ConfigError, CorruptState, ForbearError

_MOST_SECONDS = 120.0
QUICK = Rules(
    back_off=BackOff(first_seconds=0.02, most_seconds=0.1),
    steady_seconds=60.0,
    most_deaths=3,
    stop_seconds=10.0,
    turn_seconds=0.01,
)

READY = """
import json, os, pathlib, signal, sys, time
def ready(folder, name):
    draft = pathlib.Path(folder) / (name + ".draft")
    draft.write_text(json.dumps({"pid": os.getpid(), "ready": True}))
    draft.rename(draft.with_suffix(".json"))
"""
PATIENT = (
    READY
    + """
def told(*_):
    print("told to end"); sys.exit(0)
signal.signal(signal.SIGTERM, told)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has what runs in its background ignore it
ready(sys.argv[1], sys.argv[2])
while True: time.sleep(0.01)
"""
)
DEAF = READY + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nready(sys.argv[1], sys.argv[2])\ntime.sleep(600)\n"


class Scene:
    """A supervisor over programs in a folder, and what it noted."""

    def __init__(self, folder: Path, programs: dict[str, str], rules: Rules = QUICK, world: Time | None = None) -> None:
        self.folder = folder
        self.notes: list[tuple[str, dict[str, Any]]] = []
        watching = Watching(self.ready, lambda what, **facts: self.notes.append((what, facts)))
        posts = [
            Post(name, (sys.executable, "-S", "-c", program, str(folder), name), folder / f"{name}.out")
            for name, program in programs.items()
        ]
        self.supervisor = Supervisor(posts, watching, rules, world)
        self.seen: list[Seen] = []

    def ready(self, name: str, pid: int) -> bool:
        """Whether a program has said so."""
        told = statuses(self.folder).get(name, {})
        return bool(told.get("ready")) and told.get("pid") == pid

    def run(self, enough: Callable[[], bool], act: Callable[[Sequence[Seen]], None] = lambda _: None) -> None:
        """Until something holds. act: is shown how they stand at every look."""
        until = time.monotonic() + _MOST_SECONDS

        def stop() -> bool:
            assert time.monotonic() < until, self.notes
            return enough()

        def show(seen: Sequence[Seen]) -> None:
            self.seen = list(seen)
            act(seen)

        self.supervisor.run(stop, show)

    def noted(self, what: str) -> list[dict[str, Any]]:
        """The facts of all notes of a kind."""
        return [facts for name, facts in self.notes if name == what]

    def words(self, name: str) -> str:
        """What a program has said."""
        return (self.folder / f"{name}.out").read_text()


def lives(pid: int) -> bool:
    """Whether a process is there, and not only its exit status."""
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in {"", "Z"}


def test_all_run_and_all_end_in_order(tmp_path: Path) -> None:
    """Every program is started once, becomes ready, is told to end, and has ended when the supervisor has."""
    scene = Scene(tmp_path, {"one": PATIENT, "two": PATIENT})
    pids: set[int] = set()
    scene.run(
        lambda: len(scene.noted("worker_ready")) == 2, lambda seen: pids.update(one.pid for one in seen if one.pid)
    )

    assert len(pids) == 2
    assert not any(map(lives, pids))
    assert [scene.words(name) for name in ("one", "two")] == ["told to end\n"] * 2
    assert not scene.noted("worker_killed")
    assert [one.restarts for one in scene.seen] == [0, 0]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_who_is_ended_by_others_is_started_again(tmp_path: Path, number: signal.Signals) -> None:
    """A worker that somebody kills, or asks to end, comes back under another process id; the others stay."""
    scene = Scene(tmp_path, {"one": PATIENT, "two": PATIENT})
    first: dict[str, int] = {}

    def act(seen: Sequence[Seen]) -> None:
        if len(scene.noted("worker_ready")) == 2 and not first:
            first.update({one.name: one.pid for one in seen if one.pid})
            os.kill(first["one"], number)

    scene.run(lambda: len(scene.noted("worker_ready")) == 3, act)
    one, two = scene.seen

    assert (one.restarts, two.restarts) == (1, 0)
    assert one.pid not in {None, first["one"]}
    assert two.pid == first["two"]


def test_starts_come_more_slowly_each_time(tmp_path: Path) -> None:
    """Waits between starts are drawn below a ceiling that doubles up to its bound, and no start comes before its wait.

    One that ends because nobody answers is never given up.
    """
    rules = Rules(back_off=BackOff(first_seconds=0.05, most_seconds=0.2), most_deaths=1, turn_seconds=0.005)
    drawn = iter([1.0, 0.5, 0.75, 0.25, 1.0])
    scene = Scene(tmp_path, {"one": "import sys; sys.exit(9)"}, rules, Time(chance=lambda: next(drawn)))
    starts: list[float] = []

    def act(_: Sequence[Seen]) -> None:
        if len(scene.noted("worker_started")) > len(starts):
            starts.append(time.monotonic())

    scene.run(lambda: len(scene.noted("worker_started")) == 6, act)
    waits = [facts["again_s"] for facts in scene.noted("worker_ended")]

    assert waits == [0.05, 0.05, 0.15, 0.05, 0.2]
    assert starts[-1] - starts[0] >= sum(waits)
    assert {facts["status"] for facts in scene.noted("worker_ended")} == {9}


def test_a_steady_run_begins_with_short_waits_again(tmp_path: Path) -> None:
    """Who ran for a while before it ended is started as soon as the first time."""
    rules = Rules(
        back_off=BackOff(first_seconds=0.02, most_seconds=60), steady_seconds=0.04, most_deaths=99, turn_seconds=0.005
    )
    scene = Scene(tmp_path, {"one": "import time; time.sleep(0.05)"}, rules, Time(chance=lambda: 0.999))
    scene.run(lambda: len(scene.noted("worker_started")) == 6)

    assert [facts["again_s"] for facts in scene.noted("worker_ended")] == [0.02] * 5


def test_a_wrong_setting_is_told_and_all_end(tmp_path: Path) -> None:
    """One that ends with the status of a ConfigError is not started again: its last words are the message."""
    wrong = "import sys; print('error: no topic; run forbear topics apply', file=sys.stderr); sys.exit(2)"
    scene = Scene(tmp_path, {"one": PATIENT, "two": wrong})
    with pytest.raises(ConfigError, match=r"two ended with status 2.*said: no topic; run forbear topics apply"):
        scene.run(lambda: False)

    assert len([facts for facts in scene.noted("worker_started") if facts["worker"] == "two"]) == 1
    assert not [one for one in scene.supervisor.seen() if one.pid is not None and lives(one.pid)]


@pytest.mark.parametrize(("status", "kind"), [(7, CorruptState), (1, ForbearError)])
def test_who_never_is_ready_is_given_up(tmp_path: Path, status: int, kind: type[ForbearError]) -> None:
    """After so many ends of one that never was ready the error is that of its status."""
    scene = Scene(tmp_path, {"one": f"import sys; print('why', len(sys.argv)); sys.exit({status})"})
    with pytest.raises(ForbearError, match="ended 3 times and never was ready, and said: why 3") as raised:
        scene.run(lambda: False)

    assert type(raised.value) is kind
    assert len(scene.noted("worker_started")) == 3


def test_who_was_ready_once_is_never_given_up(tmp_path: Path) -> None:
    """One that has worked is started again however often it ends."""
    program = (
        READY
        + """
if not pathlib.Path(sys.argv[1], sys.argv[2] + ".json").exists():
    ready(sys.argv[1], sys.argv[2])
    time.sleep(1)
sys.exit(7)
"""
    )
    scene = Scene(tmp_path, {"one": program})
    scene.run(lambda: len(scene.noted("worker_started")) > 2 * QUICK.most_deaths)

    assert len(scene.noted("worker_ready")) == 1


def test_who_does_not_end_is_killed_at_the_deadline(tmp_path: Path) -> None:
    """A deaf program is given its time and no more, and the others end in order beside it."""
    rules = Rules(stop_seconds=0.3, turn_seconds=0.01)
    scene = Scene(tmp_path, {"deaf": DEAF, "one": PATIENT}, rules)
    pids: dict[str, int] = {}
    begun = []

    def enough() -> bool:
        if len(scene.noted("worker_ready")) == 2:
            begun.append(time.monotonic())
            return True
        return False

    scene.run(enough, lambda seen: pids.update({one.name: one.pid for one in seen if one.pid}))
    took = time.monotonic() - begun[0]

    assert [facts["worker"] for facts in scene.noted("worker_killed")] == ["deaf"]
    assert 0.3 <= took < 5.0
    assert not any(map(lives, pids.values()))
    assert scene.words("one") == "told to end\n"


def test_an_error_of_the_supervisor_leaves_nobody_behind(tmp_path: Path) -> None:
    """Whatever ends the loop, even what shows its table, the programs are ended first."""
    scene = Scene(tmp_path, {"one": PATIENT})
    pids: set[int] = set()

    def act(seen: Sequence[Seen]) -> None:
        pids.update(one.pid for one in seen if one.pid)
        if scene.noted("worker_ready"):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        scene.run(lambda: False, act)
    assert pids
    assert not any(map(lives, pids))


SUPERVISING = """
import pathlib, sys
from forbear.apps.stream.supervisor import Post, Rules, Supervisor, Watching
folder = pathlib.Path(sys.argv[1])
program = sys.argv[2]
posts = [Post(one, (sys.executable, "-c", program, str(folder), one), folder / (one + ".out")) for one in ("a", "b")]
Supervisor(posts, Watching(lambda *_: False, lambda *_, **__: None), Rules()).run(lambda: False, lambda _: None)
"""
ORPHAN = """
import pathlib, sys, time
from forbear.adapters.disk import alone
from forbear.apps.stream.lifeline import end_with_supervisor
end_with_supervisor()
with alone(pathlib.Path(sys.argv[1], sys.argv[2] + ".lock")):
    pathlib.Path(sys.argv[1], sys.argv[2] + ".there").touch()
    time.sleep(600)
"""


def test_workers_end_with_a_supervisor_that_is_killed(
    tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    """Killed with -9, the supervisor takes its workers along: their locks are free soon after."""
    ran = subprocess.Popen([sys.executable, "-c", SUPERVISING, str(tmp_path), ORPHAN])
    try:
        until(lambda: all((tmp_path / f"{name}.there").exists() for name in "ab"))
    finally:
        ran.kill()
        ran.wait()

    def free(name: str) -> bool:
        with nobody_holds(tmp_path / f"{name}.lock") as gone:
            return gone

    until(lambda: free("a") and free("b"))


def test_who_comes_too_late_for_its_supervisor_ends(tmp_path: Path) -> None:
    """A worker whose supervisor is gone before the worker can ask for its own end, ends by itself."""
    gone = subprocess.run(
        [sys.executable, "-S", "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    worker = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ORPHAN), str(tmp_path), "late"],
        env={**os.environ, "FORBEAR_SUPERVISOR": gone.stdout.decode().strip()},
        timeout=_MOST_SECONDS,
        check=False,
    )
    assert worker.returncode == 1
    assert not (tmp_path / "late.there").exists()


@pytest.mark.parametrize(
    ("status", "words"), [(9, "ended with status 9"), (-9, "was ended by SIGKILL"), (-63, "was ended by signal 63")]
)
def test_ends_are_told_in_words(status: int, words: str) -> None:
    """A signal has its name, if it has one."""
    assert how_it_ended(status) == words


def test_what_is_said_is_bounded(tmp_path: Path) -> None:
    """The file of a program's words begins anew once it has grown beyond a mebibyte."""
    (tmp_path / "one.out").write_bytes(b"x" * ((1 << 20) + 1))
    scene = Scene(tmp_path, {"one": PATIENT})
    scene.run(lambda: bool(scene.noted("worker_ready")))

    assert scene.words("one") == "told to end\n"
