"""Crashes, full disks and interruptions: a home is as it was or complete, never half, and a rerun works."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from forbear.apps.home import Home

Cli = Callable[..., Any]
Files = Callable[[Path], dict[str, bytes]]

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Killed(BaseException):
    """What a process does not survive: no handler may clean up behind it, since the disk takes nothing more."""


class _Power:
    """Counts the changes of files below a folder, and from one on lets none happen any more."""

    def __init__(self) -> None:
        self.below: str | None = None
        self.left = 0
        sys.addaudithook(self._saw)

    def _saw(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.below is None or not (event in CHANGES or (event == "open" and (arguments[2] or 0) & WRITING)):
            return
        if isinstance(arguments[0], (str, bytes)) and not os.fsdecode(arguments[0]).startswith(self.below):
            return
        self.left -= 1
        if self.left < 0:
            raise Killed

    @contextmanager
    def fails_after(self, changes: int, below: Path) -> Iterator[None]:
        """Allow so many changes."""
        self.below, self.left = str(below), changes
        try:
            yield
        finally:
            self.below = None


@pytest.fixture(scope="module")
def power() -> _Power:
    """One hook for all tests: it cannot be taken out again."""
    return _Power()


def test_killed_at_any_change_of_the_disk_a_first_import_is_nothing_or_complete(
    load: Callable[..., Any], life: Callable[[str], list[Any]], power: _Power, tmp_path: Path, contents_of: Files
) -> None:
    """However many changes reached the disk, the home holds no data or all of them; a second try succeeds."""
    load(tmp_path / "whole", life("C1"))
    whole, seen = contents_of(tmp_path / "whole"), set()
    for changes in range(200):
        home = tmp_path / str(changes)
        try:
            with power.fails_after(changes, tmp_path):
                load(home, life("C1"))
            finished = True
        except Killed:
            finished = False
        holds = Home(home).holds_data
        seen.add(holds)
        assert contents_of(home) == whole if holds else not finished
        if not holds:
            load(home, life("C1"))
            assert contents_of(home) == whole
        if finished:
            break
    assert changes > 20
    assert finished
    assert seen == {True, False}


def test_killed_at_any_change_of_the_disk_a_replacement_is_the_old_or_the_new(
    load: Callable[..., Any], life: Callable[[str], list[Any]], power: _Power, tmp_path: Path, contents_of: Files
) -> None:
    """However many changes reached the disk, the home has all of its old data or all of the new, and no mixture."""
    load(tmp_path / "old", life("C1"))
    load(tmp_path / "new", life("C2"), source="other")
    old, new, seen = contents_of(tmp_path / "old"), contents_of(tmp_path / "new"), set()
    for changes in range(200):
        home = Path(shutil.copytree(tmp_path / "old", tmp_path / str(changes)))
        try:
            with power.fails_after(changes, tmp_path):
                load(home, life("C2"), source="other", replace=True)
            finished = True
        except Killed:
            finished = False
        source = Home(home).deployment.source
        seen.add((source, finished))
        shown = {name: data for name, data in contents_of(home).items() if not name.startswith(".importing")}
        assert shown == (old if source == "small" else new)
        load(home, life("C2"), source="other", replace=True)
        assert contents_of(home) == new
        if finished:
            break
    assert changes > 25
    assert seen == {("small", False), ("other", False), ("other", True)}


@pytest.mark.parametrize("after", [0.1, 1.0])
def test_kill_minus_nine_while_simulating(cli: Cli, copied: Path, contents_of: Files, after: float) -> None:
    """A process killed from outside, at some moment of its work, leaves the home as it was or complete."""
    before = contents_of(copied)
    command = [sys.executable, "-m", "forbear.apps.cli", "simulate", "--customers", "2000", "--days", "400"]
    process = subprocess.Popen([*command, "--replace", "--home", str(copied)], stdout=subprocess.DEVNULL)
    for _ in range(600):  # until it has begun to write
        if (copied / ".importing").exists() or process.poll() is not None:
            break
        sleep(0.05)
    sleep(after)
    process.kill()
    process.wait(30)

    if Home(copied).deployment.source == "small":
        shown = {name: data for name, data in contents_of(copied).items() if not name.startswith(".importing")}
        assert shown == before
        assert cli("score", "--home", copied).code == 0
    assert cli("simulate", "--customers", 2, "--days", 2, "--home", copied, "--replace").code == 0
    assert not [name for name in contents_of(copied) if name.startswith(".")]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow past so many bytes: the nearest to a full disk that needs no permission."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("size", [0, 10, 4_000, 60_000])
@pytest.mark.parametrize("home", ["old", "fresh"])
def test_where_a_file_cannot_grow_nothing_changes(
    cli: Cli, copied: Path, contents_of: Files, home: str, size: int
) -> None:
    """Out of room at any size, simulating fails in one line, leaves nothing behind, and works with room again."""
    folder = copied if home == "old" else copied.parent / "fresh"
    before = contents_of(folder)
    command = ("simulate", "--customers", 20, "--days", 60, "--replace", "--home", folder)
    with largest_file(size):
        ended = cli(*command)

    assert (ended.code, "run the command again" in ended.err) == (6, True)
    assert contents_of(folder) == before
    assert folder.exists() == (home == "old")
    assert cli(*command).code == 0


def test_a_full_disk_while_training_keeps_the_models(cli: Cli, copied_bank: Path, contents_of: Files) -> None:
    """Training, testing and scoring that cannot write end with a storage error; models and reports stay whole."""
    before = contents_of(copied_bank)
    out = copied_bank.parent / "scores.csv"
    for command in (
        ("train", "--until", "2023-09-01", "--model", "scorecard", "--seed", "3"),  # not one that is kept already
        ("backtest", "--from", "2023-09-01", "--to", "2023-10-01"),
        ("score", "--out", out),
    ):
        with largest_file(1_000):
            assert cli(*command, "--home", copied_bank).code == 6
    assert contents_of(copied_bank) == before
    assert not out.exists()


def test_a_disk_that_is_full_says_so(cli: Cli, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC asks for disk space and says that what was kept is intact."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    ended = cli("simulate", "--customers", 2, "--days", 2, "--home", copied, "--replace")
    monkeypatch.undo()

    assert (ended.code, "free some disk space" in ended.err) == (6, True)
    assert cli("score", "--home", copied).code == 0


def test_an_interruption_leaves_everything_and_one_line(
    cli: Cli, copied: Path, contents_of: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle ends with 130 and one line; the home is as it was."""
    before = contents_of(copied)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("forbear.apps.jobs.loading.FeatureSet.standard", interrupted)
    ended = cli("simulate", "--customers", 2, "--days", 2, "--home", copied, "--replace")
    monkeypatch.undo()

    assert (ended.code, ended.err) == (130, "interrupted: what was kept before is intact\n")
    assert contents_of(copied) == before


def test_a_bug_is_one_line_that_says_how_to_report_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], small: Path
) -> None:
    """What nobody foresaw ends with 1 and one line; FORBEAR_DEBUG=1 lets the traceback through."""
    from forbear.apps.cli import main  # noqa: PLC0415

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of\nall things")

    monkeypatch.setattr("forbear.apps.jobs.scoring.rows_at", broken)
    monkeypatch.setattr(sys, "argv", ["forbear", "score", "--home", str(small)])
    monkeypatch.delenv("FORBEAR_DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err

    assert (ended.value.code, len(said.splitlines()), "FORBEAR_DEBUG=1" in said) == (1, 1, True)
    monkeypatch.setenv("FORBEAR_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main()
