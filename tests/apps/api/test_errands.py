"""Commands that a server runs beside itself: real processes, which end well, badly, too late, or with their server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forbear.apps.api import errands
from forbear.apps.api.errands import Ended, run_errand
from forbear.apps.api.jobs import JobRoom, Tools
from forbear.apps.api.report_jobs import ReportWriter, job_kind, report_of
from forbear.apps.api.report_table import FIXED, ReportKind, Setting, experiment_kind, kind_of_file
from forbear.apps.api.shelf import Shelf
from forbear.apps.home import Home
from forbear.domain.errors import ConflictError
from forbear.engine.office import Job, JobState
from forbear.features.hashing import key_of
from forbear.testing.office_doubles import memory_office

ENDLESS = ("serve", "--port", "0")
"""A command that ends when somebody ends it."""


def never() -> bool:
    """It is not to end."""
    return False


def nobody(_done: int, _total: int) -> None:
    """Nobody wants to know how far it is."""


def test_a_command_that_ends_well_is_done(tmp_path: Path) -> None:
    """Status 0 is the end of an errand, how far it is is told on the way, and what it wrote is there."""
    told: list[tuple[int, int]] = []
    home = tmp_path / "home"
    size = ("--customers", "30", "--days", "40", "--home", str(home))
    ended = run_errand(("simulate", *size), stop=never, moved=lambda done, total: told.append((done, total)))

    assert ended == Ended(done=True)
    assert (home / "deployment.json").exists()
    assert told
    assert all(done <= total for done, total in told if total)


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    """An error of the command line is what the errand says, and nothing else of it."""
    ended = run_errand(("portfolio", "--home", str(tmp_path / "nowhere")), stop=never, moved=nobody)
    assert not ended.done
    assert ended.said.startswith("error: ")
    assert "holds no data yet" in ended.said


def test_a_command_that_takes_too_long_is_ended(served_home: Path) -> None:
    """Beyond its time a command is killed, and the errand says so."""
    begun = time.monotonic()
    ended = run_errand((*ENDLESS, "--home", str(served_home)), stop=never, moved=nobody, most_seconds=1.0)
    assert ended == Ended(done=False, said="it took longer than 1 seconds")
    assert time.monotonic() - begun < 20


def test_a_command_is_ended_when_it_is_to_stop(served_home: Path) -> None:
    """Asked to stop, it is gone when the errand is."""
    asked = iter([False, False, True])
    ended = run_errand((*ENDLESS, "--home", str(served_home)), stop=lambda: next(asked), moved=nobody)
    assert ended == Ended(done=False, said="it was stopped")


def test_a_command_ends_with_its_server(served_home: Path) -> None:
    """Where the server is killed and can end nobody, its command ends by itself."""
    script = (
        "import sys, subprocess;"
        "child = subprocess.Popen([sys.executable, '-m', 'forbear.apps.errand', *sys.argv[1:]],"
        " stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
        "print(child.pid, flush=True); child.wait()"
    )
    command = [sys.executable, "-c", script, *ENDLESS, "--home", str(served_home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        child = int(server.stdout.readline())
        time.sleep(0.5)
        os.kill(child, 0)
        server.send_signal(signal.SIGKILL)
        server.wait()
    assert _gone(child)


def _gone(pid: int) -> bool:
    """Whether a process ends within a while."""
    for _ in range(300):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # nobody waits for it
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def served_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that a server can be run over."""
    home = tmp_path_factory.mktemp("served") / "home"
    size = ("--customers", "30", "--days", "40", "--home", str(home))
    assert run_errand(("simulate", *size), stop=never, moved=nobody).done
    return home


# ---- jobs


class Writer:
    """Takes the place of the writer of reports: it is told how each report ends."""

    def __init__(self, ends: Callable[..., Ended]) -> None:
        self.ends, self.asked = ends, list[str]()

    def write(self, name: str, *, stop: Callable[[], bool], moved: Callable[[int, int], None]) -> Ended:
        """End as it was told."""
        self.asked.append(name)
        return self.ends(name, stop=stop, moved=moved)


@pytest.fixture
def room_of(tmp_path: Path) -> Any:
    """A room of jobs over an office in memory, with some writer."""
    office, rooms = memory_office(), []

    def build(writer: Any) -> JobRoom:
        tools = Tools(onlooker=None, folder=tmp_path, ids=lambda _: {}, writer=writer, now_us=lambda: 0)  # type: ignore[arg-type]
        rooms.append(JobRoom(office.jobs, tools))
        rooms[-1].start()
        return rooms[-1]

    build.jobs = office.jobs  # type: ignore[attr-defined]
    yield build
    for one in rooms:
        one.stop()


def ended(jobs: Any, job: Job) -> Job:
    """A job once it is over."""
    for _ in range(500):
        found = jobs.get(job.job_id)
        if found.state not in {JobState.WAITING, JobState.RUNNING}:
            return found
        time.sleep(0.01)
    raise AssertionError("the job does not end")


def test_a_job_tells_how_its_report_ends(room_of: Any) -> None:
    """Done where the command is, else failed with what it said; how far it was is told either way."""

    def write(name: str, *, moved: Callable[[int, int], None], **_: Any) -> Ended:
        moved(3, 12)
        return Ended(done=name == "monitor", said="" if name == "monitor" else "error: no disk")

    room = room_of(Writer(write))
    good = ended(room_of.jobs, room.submit_report("me", "monitor"))
    bad = ended(room_of.jobs, room.submit_report("me", "stress"))

    assert (good.state, good.done, good.total, report_of(good.kind)) == (JobState.DONE, 12, 12, "monitor")
    assert (bad.state, bad.error, bad.done, bad.total) == (JobState.FAILED, "error: no disk", 3, 12)


def test_a_report_is_written_once_at_a_time(room_of: Any) -> None:
    """The same report is refused while it waits or is written, another waits its turn, and one may be cancelled."""

    def write(_name: str, *, stop: Callable[[], bool], **_: Any) -> Ended:
        while not stop():
            time.sleep(0.01)
        return Ended(done=False, said="it was stopped")

    writer = Writer(write)
    room = room_of(writer)
    first = room.submit_report("me", "monitor")
    second = room.submit_report("me", "stress")
    for name in ("monitor", "stress"):
        with pytest.raises(ConflictError):
            room.submit_report("you", name)
    while not writer.asked:
        time.sleep(0.01)
    assert writer.asked == ["monitor"]
    room.cancel(first.job_id)
    assert ended(room_of.jobs, first).state is JobState.CANCELLED
    while len(writer.asked) < 2:
        time.sleep(0.01)
    room.stop()
    assert ended(room_of.jobs, second).error == "the server ended before it was done"


def test_what_an_error_says_names_nobody(tmp_path: Path, monkeypatch: Any) -> None:
    """Customers whom the records know, long numbers and the home's place are masked in what a command says."""
    home = Home(tmp_path / "home")
    said = f"error: customers 'C0000017' and (anna) share 123456789 in {home.folder}/archive, C0000018 does not"
    monkeypatch.setattr("forbear.apps.api.report_jobs.run_errand", lambda *_, **__: Ended(done=False, said=said))
    known = {key_of(name): name for name in ("C0000017", "anna")}
    writer = ReportWriter(Shelf(Setting(home, {})), lambda keys: {key: known[key] for key in keys if key in known})
    told = writer.write("portfolio", stop=never, moved=nobody).said

    assert told == "error: customers '***' and (***) share *** in HOME/archive, *** does not"


def test_a_report_that_cannot_be_written_here_is_not_tried(tmp_path: Path, monkeypatch: Any) -> None:
    """A report whose command cannot work, or that is gone, ends with the reason and without a process."""
    monkeypatch.setattr("forbear.apps.api.report_jobs.run_errand", lambda *_, **__: pytest.fail("it was run"))
    writer = ReportWriter(Shelf(Setting(Home(tmp_path / "home"), {})), lambda _: {})

    assert "no worker" in writer.write("help", stop=never, moved=nobody).said
    assert "no such report" in writer.write("experiment-gone", stop=never, moved=nobody).said
    assert report_of(job_kind("help")) == "help"
    assert report_of("score_book") is None


def test_what_a_command_says_is_bounded() -> None:
    """However much comes on stderr, the last lines of bounded length are kept, and progress is none of them."""
    heard = errands._Heard()  # what the process above cannot be made to say
    lines = [
        b"progress 1 9 Folding\n",
        *(b"x" * 5_000 + b"\n" for _ in range(50)),
        b"progress 9 9 Folding\n",
        b"last\n",
    ]
    read, write = os.pipe()
    with os.fdopen(write, "wb") as out:
        out.write(b"".join(lines)[:60_000])
    with os.fdopen(read, "rb") as stream:
        heard.listen(stream)
    assert len(heard.said) <= 3 * 501
    assert heard.at == (1, 9)


def test_every_command_of_the_table_is_one(cli: Any) -> None:
    """The command line knows the command and each of its options, for every report."""
    files = ("backtest-2024-01-01-2024-06-30.json", "shadow-0123456789ab.json", "online-2024-01-01.json")
    kinds = [*FIXED, experiment_kind("spring"), *(kind_of_file(name) for name in (*files, "gate-0123456789ab.json"))]
    for kind in kinds:
        assert isinstance(kind, ReportKind)
        words = [one for one in kind.arguments if not one.startswith("-")]
        options = [one for one in kind.arguments if one.startswith("--")]
        command = words[:2] if words[0] in {"credit", "experiment", "models", "online", "outreach"} else words[:1]
        helped = cli(*command, "--help")
        assert helped.code == 0
        for option in options:
            assert option in helped.out, (kind.name, option)
