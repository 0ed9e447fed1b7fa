"""What surrounds the work of a process: signals, lock, journal, status; and the commands that start and show it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from forbear.adapters.disk import alone, nobody_holds
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.showing_up import Shown, UpRequest, show_statuses, show_up
from forbear.apps.stream.process import ProcessRequest, lock_of, run_process, status_folder
from forbear.apps.stream.pulse import Pulse, statuses
from forbear.apps.stream.supervisor import Seen
from forbear.domain.deployment import Deployment, MissDefinition
from forbear.domain.errors import BackendUnavailable, ConfigError, StorageError

_MOST_SECONDS = 120.0
NOBODY = "127.0.0.1:9"
"""Where no service is: who needs one waits for it, and does not end."""
REQUEST = ProcessRequest(kind="scorer")
UP = (sys.executable, "-m", "forbear.apps.cli", "up", "--no-closer")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is founded, and has nothing else."""
    found = Home(tmp_path / "home")
    found.folder.mkdir()
    found.found(
        Deployment(
            source="test",
            currency="EUR",
            time_zone="Europe/Berlin",
            opens_on=date(2024, 1, 1),
            miss=MissDefinition(kind="missed_payment"),
        )
    )
    return found


def notes(home: Home, name: str = "scorer-1") -> list[dict[str, Any]]:
    """The journal of a process."""
    return [json.loads(line) for line in (home.folder / "logs" / f"{name}.jsonl").read_text().splitlines()]


def events(home: Home) -> list[str]:
    """What the journal is about."""
    return [note["event"] for note in notes(home)]


# ---- in this process


def test_work_is_given_what_it_needs(home: Home) -> None:
    """It has a pulse by its own name and a stop that is off; when it is done its status is gone and its lock free."""
    given: list[object] = []

    def work(_home: Home, instance: str, pulse: Pulse, stop: Callable[[], bool]) -> None:
        given.extend([instance, pulse.name, stop(), list(statuses(status_folder(home)))])

    run_process(home, REQUEST, work)

    assert given == ["1", "scorer-1", False, ["scorer-1"]]
    assert statuses(status_folder(home)) == {}
    assert events(home) == ["started", "stopped"]
    with alone(lock_of(home, "scorer-1")) as mine:
        assert mine


def test_work_that_fails_is_noted_and_raised(home: Home) -> None:
    """The error goes on to whoever must act, the journal has it, and the status stays as it was last."""

    def work(*_: object) -> None:
        raise StorageError("no room for 1234567 bytes")

    with pytest.raises(StorageError):
        run_process(home, REQUEST, work)
    failed = next(note for note in notes(home) if note["event"] == "failed")

    assert (failed["error"], "1234567" in failed["why"]) == ("StorageError", False)
    assert statuses(status_folder(home))["scorer-1"]["state"] == "failed"


@pytest.mark.parametrize("told", [False, True])
def test_nobody_answers(home: Home, told: bool) -> None:
    """Told to end while a system does not answer a process ends cleanly; else it is an error."""

    def work(_home: Home, _instance: str, _pulse: Pulse, stop: Callable[[], bool]) -> None:
        if told:
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop() is told
        raise BackendUnavailable("gone")

    if told:
        run_process(home, REQUEST, work)
        assert events(home)[-1] == "stopped"
    else:
        with pytest.raises(BackendUnavailable):
            run_process(home, REQUEST, work)
        assert "failed" in events(home)


def test_an_instance_runs_once(home: Home) -> None:
    """A second process of the same name is refused, and one of another name is not."""

    def work(*_: object) -> None:
        with pytest.raises(StorageError, match="runs already"):
            run_process(home, REQUEST, lambda *_: pytest.fail("it ran"))
        run_process(home, ProcessRequest(kind="scorer", instance="2"), lambda *_: None)

    run_process(home, REQUEST, work)


@pytest.mark.parametrize("instance", ["", "..", "../x", "a/b", "a b", "-x", "x" * 64])
def test_a_name_that_is_no_file_is_refused(home: Home, instance: str) -> None:
    """Nothing is written outside of the home's own folders."""
    with pytest.raises(ConfigError):
        run_process(home, ProcessRequest(kind="scorer", instance=instance), lambda *_: pytest.fail("it ran"))


def test_a_home_without_data_is_refused(tmp_path: Path) -> None:
    """A mistyped home is not made."""
    with pytest.raises(ConfigError):
        run_process(Home(tmp_path / "mistyped"), REQUEST, lambda *_: pytest.fail("it ran"))
    assert list(tmp_path.iterdir()) == []


# ---- a process of its own

Working: TypeAlias = Callable[[str], AbstractContextManager[subprocess.Popen[bytes]]]
WORKING = """
import sys, time
from pathlib import Path
from forbear.apps.home import Home
from forbear.apps.stream.process import ProcessRequest, run_process
def work(home, instance, pulse, stop):
    pulse.state("running")
    while not (stop() and sys.argv[2] == "good"):
        if stop():
            pulse.state("stopping")
        time.sleep(0.01)
run_process(Home(Path(sys.argv[1])), ProcessRequest(kind="scorer"), work)
"""


@pytest.fixture
def working(home: Home, until: Callable[[Callable[[], object]], None]) -> Working:
    """Starts a process that works, ready when the block begins."""

    @contextmanager
    def start(manner: str) -> Iterator[subprocess.Popen[bytes]]:
        ran = subprocess.Popen([sys.executable, "-c", WORKING, str(home.folder), manner])
        try:
            until(lambda: statuses(status_folder(home)).get("scorer-1", {}).get("pid") == ran.pid)
            until(lambda: statuses(status_folder(home))["scorer-1"]["ready"])
            yield ran
        finally:
            ran.kill()
            ran.wait()

    return start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(home: Home, working: Working, number: signal.Signals) -> None:
    """Asked once, it comes to its end, with status 0 and nothing left behind."""
    with working("good") as ran:
        ran.send_signal(number)
        assert ran.wait(_MOST_SECONDS) == 0
    assert events(home)[-1] == "stopped"
    assert statuses(status_folder(home)) == {}


def test_a_second_signal_ends_it_at_once(
    home: Home, working: Working, until: Callable[[Callable[[], object]], None]
) -> None:
    """Asked again, one that does not listen ends all the same."""
    with working("deaf") as ran:
        ran.send_signal(signal.SIGTERM)
        # Two signals at once would be one.
        until(lambda: statuses(status_folder(home))["scorer-1"]["state"] == "stopping")
        assert ran.poll() is None
        ran.send_signal(signal.SIGTERM)
        assert ran.wait(_MOST_SECONDS) == -signal.SIGTERM


def test_who_was_killed_is_seen_to_be_gone(home: Home, working: Working, capsys: pytest.CaptureFixture[str]) -> None:
    """Its last words stay, and `status --stream` says that it is not there any more; a new one takes its place."""
    with working("good"):
        show_statuses(home, Console(json=True))
    show_statuses(home, Console(json=True))
    there = [json.loads(line)["workers"][0]["there"] for line in capsys.readouterr().out.splitlines()]
    show_statuses(home, Console())

    assert there == [True, False]
    assert "not there any more" in capsys.readouterr().out
    with working("good"):
        pass


# ---- all of them


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (UpRequest(), ["router-1", "scorer-1", "intervenor-1", "sink-1", "closer-1"]),
        (
            UpRequest(scorers=3, intervenors=2, closer=False),
            ["router-1", "scorer-1", "scorer-2", "scorer-3", "intervenor-1", "intervenor-2", "sink-1"],
        ),
    ],
)
def test_which_workers_are_run(request_: UpRequest, names: list[str]) -> None:
    """One of each kind, as many scorers and intervenors as asked for, and a closer unless the bank closes."""
    assert [one.name for one in request_.processes()] == names
    assert {one.health_port for one in request_.processes()} == {0}


def test_each_worker_has_a_port_of_its_own() -> None:
    """Ports follow one another from the one that was named."""
    ports = [one.health_port for one in UpRequest(health_port=9_000).processes()]
    assert ports == list(range(9_000, 9_005))


def test_more_scorers_than_partitions_are_refused(home: Home) -> None:
    """A scorer without a partition would have nothing to do."""
    with pytest.raises(ConfigError, match="3 partitions"):
        show_up(home, Console(quiet=True), UpRequest(scorers=4))


def test_workers_are_run_once(home: Home) -> None:
    """A second supervisor of a home is refused before it starts anything."""
    (home.folder / "stream").mkdir()
    with alone(home.folder / "stream" / "up.lock"), pytest.raises(StorageError, match="run already"):
        show_up(home, Console(quiet=True), UpRequest())
    assert not (home.folder / "logs" / "scorer-1.out").exists()


def test_a_wrong_setting_ends_all_with_its_status(home: Home) -> None:
    """Real workers under the real command: one cannot have its port, which is what the command says and ends with."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = subprocess.run(
            [*UP, "--home", str(home.folder), "--health-port", str(port)],
            env={**os.environ, "FORBEAR_KAFKA": NOBODY, "FORBEAR_STORE": f"postgresql://forbear@{NOBODY}/forbear"},
            capture_output=True,
            timeout=2 * _MOST_SECONDS,
            check=False,
        )
    [said] = ran.stderr.decode().splitlines()
    ended = [note for note in notes(home, "up") if note["event"] == "worker_ended"]

    assert ran.returncode == 2
    assert (
        f"router-1 ended with status 2, and only the operator can mend that, and said: cannot answer at port {port}"
        in said
    )
    assert [note["status"] for note in ended if note["worker"] == "router-1"] == [2]
    for process in UpRequest(closer=False).processes():
        with nobody_holds(lock_of(home, process.name)) as gone:
            assert gone


def test_changes_are_told_where_no_table_can_move(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """A person who reads a file is told each change once; a script gets every worker once a second."""
    clock = iter([0.0, 0.5, 1.0, 2.0, 3.0])
    shown = Shown(status_folder(home), Console(), lambda: next(clock))
    runs, ended = Seen("sink-1", 7, 0, None, None), Seen("sink-1", None, 1, -9, 2.0)
    for seen in (runs, ended, runs, runs, ended):
        shown.plainly([seen])
    told = capsys.readouterr().out.splitlines()
    Shown(status_folder(home), Console(json=True)).plainly([ended])
    document = json.loads(capsys.readouterr().out)

    assert told == ["sink-1: starting", "sink-1: was ended by SIGKILL"]
    assert (document["workers"][0]["worker"], document["workers"][0]["ended"]) == ("sink-1", -9)
