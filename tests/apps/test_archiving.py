"""Archiving while the worker follows its log: beside it, behind its snapshots, and never in its way."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from forbear.adapters.archive import FileArchive
from forbear.adapters.log import Beginning, FileSink
from forbear.adapters.log_segments import segments_in
from forbear.adapters.sql.queries import open_queries
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs import archiving
from forbear.apps.jobs.running import Ran, RunRequest, World, run_worker
from forbear.apps.telemetry import Journal
from forbear.domain.errors import StorageError
from forbear.features.local_time import DAY_US

ROWS = 200
PATIENCE_SECONDS = 30.0
MOST = 1_000_000


@pytest.fixture
def home(promoted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose worker never ran, its log in short segments; what is archived comes in short segments too."""
    monkeypatch.setattr(archiving, "SEGMENT_ROWS", ROWS)
    home = Home(Path(shutil.copytree(promoted, tmp_path / "home")))
    with closing(home.source()) as source:
        first, end = home.archive.next_offset, source.end
        parts = [source.read(at, min(at + 50, end)) for at in range(first, end, 50)]
    shutil.rmtree(home.log())
    with closing(FileSink(home.log(), before=Beginning(first, home.archive.received_us), segment_bytes=9_000)) as sink:
        for part in parts:
            sink.publish(part)
    return home


def follow(home: Home, until: Callable[[], bool], journal: io.StringIO | None = None, **stated: Any) -> Ran:
    """Run the worker as it follows, until something is so when it would wait."""
    begun = monotonic()

    def wait() -> bool:
        assert monotonic() - begun < PATIENCE_SECONDS
        return not until()

    request = RunRequest(**{"follow": True, "limit": 50, "keep_events": 300, **stated})
    return run_worker(home, Console(quiet=True), Journal(journal or io.StringIO()), request, World(monotonic, wait))


def noted(journal: io.StringIO) -> list[dict[str, Any]]:
    """The lines of a journal."""
    return [json.loads(line) for line in journal.getvalue().splitlines()]


def end_of(home: Home) -> int:
    """Where the log ends."""
    with closing(home.source()) as source:
        return source.end


def archived(home: Home) -> int:
    """Up to where the archive reaches, for somebody who opens it now."""
    return FileArchive(home.archive.folder).next_offset


def recorded(home: Home) -> int:
    """Up to where the log is recorded."""
    with closing(open_queries(f"sqlite:///{home.database}")) as queries:
        return queries.status().as_of.offset


def test_what_a_snapshot_stands_for_is_archived_while_it_follows(home: Home) -> None:
    """Long before the end whole segments are in the archive, none of them behind the newest snapshot."""
    start, seen, journal = home.archive.next_offset, list[tuple[int, int]](), io.StringIO()

    def enough() -> bool:
        seen.append((archived(home), int(max(home.worker.glob("*.ledgers")).stem)))
        sleep(0.002)
        return seen[-1][0] >= start + 3 * ROWS

    ran = follow(home, enough, journal)
    notes = noted(journal)

    assert all((moved - start) % ROWS == 0 and moved <= kept for moved, kept in seen)
    assert seen[-1][0] < ran.next_offset
    assert archived(home) == recorded(home) == ran.next_offset
    names = [note["event"] for note in notes]
    assert names.index("archived") < names.index("stopped") - 1
    assert sum(note["events"] for note in notes if note["event"] == "archived") == ran.next_offset - start
    assert "archiving_failed" not in names


def test_the_log_lets_go_while_it_follows(home: Home) -> None:
    """Segments that are archived, behind the snapshot and old go at once; the worker starts again from the rest."""
    before, days = segments_in(home.log()), 2
    follow(home, lambda: segments_in(home.log())[0] > before[3], retention_days=days)
    left, oldest = segments_in(home.log()), archived(home)
    kept_us = home.archive.received_us - days * DAY_US
    with closing(home.source()) as source:
        received = source.read(left[0], source.end).received_us

    assert before[3] < left[0] <= oldest
    assert received.min() < kept_us + DAY_US
    assert received.max() > kept_us
    ran = follow(home, lambda: recorded(home) == end_of(home), limit=500)
    assert ran.next_offset == end_of(home) == archived(home)


def test_an_archive_that_fails_does_not_stop_decisions(home: Home) -> None:
    """What cannot be archived is noted, the worker goes on to the end of its log, and with room again all is moved."""
    index, aside, turns, journal = home.archive.folder / "index.jsonl", home.folder / "aside", count(), io.StringIO()

    def broken() -> bool:
        if next(turns) == 0:
            index.rename(aside)
            index.mkdir()
        return recorded(home) == end_of(home)

    with pytest.raises(StorageError, match="Is a directory"):
        follow(home, broken, journal)
    index.rmdir()
    aside.rename(index)
    failed = [note["why"] for note in noted(journal) if note["event"] == "archiving_failed"]

    assert len(failed) >= 2
    assert all("Is a directory" in why for why in failed)
    assert archived(home) < recorded(home) == end_of(home)
    ran = follow(Home(home.folder), lambda: True)
    assert archived(home) == ran.next_offset == end_of(home)


def test_the_same_stands_in_the_archive_however_it_came_there(home: Home, promoted: Path, tmp_path: Path) -> None:
    """Archived while it followed or once it ended, the archive is the same, file by file."""
    other = Home(Path(shutil.copytree(promoted, tmp_path / "other")))
    follow(home, lambda: recorded(home) == end_of(home), limit=500)
    follow(other, lambda: False, follow=False)
    one, two = (
        {path.name: path.read_bytes() for path in which.archive.folder.iterdir() if path.is_file()}
        for which in (home, other)
    )

    assert one == two
