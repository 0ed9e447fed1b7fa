"""From the log into the archive: every event once, wherever it is cut short, and the archive as a source."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from forbear.adapters.archive import FileArchive
from forbear.adapters.log import Beginning, FileSink, FileSource, retain
from forbear.domain.errors import CorruptState, StorageError
from forbear.domain.events import Event
from forbear.engine.archive_source import ArchiveSource
from forbear.engine.archiver import archive_recorded
from forbear.engine.ports import Source
from forbear.features.columns import columns_of, events_of, micros
from forbear.testing.builders import at
from forbear.testing.log_contract import ZONE, SourceContract, polled, some_events

EVENTS = some_events(10)
HISTORY = 12


class TestArchiveSource(SourceContract):
    """The contract, on an archive with a segment a part."""

    @pytest.fixture(autouse=True)
    def _folders(self) -> Iterator[None]:
        with tempfile.TemporaryDirectory() as folder:
            self.root, self.made = Path(folder), 0
            yield

    def holding(self, parts: Sequence[Sequence[Event]]) -> Source:
        """A source of all of an archive of these parts."""
        self.made += 1
        archive = FileArchive(self.root / str(self.made))
        for part in parts:
            archive.append(columns_of(part))
        return ArchiveSource(archive, ZONE, 0, archive.next_offset)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with an archive of the first events, and a log of the others in short segments."""
    FileArchive(tmp_path / "archive").append(columns_of(EVENTS[:HISTORY]))
    before = Beginning(HISTORY, micros(EVENTS[HISTORY - 1].received_at))
    with closing(FileSink(tmp_path / "log", before=before, segment_bytes=3_000)) as sink:
        for event in EVENTS[HISTORY:]:
            sink.publish(columns_of([event]))
    return tmp_path


def archived(home: Path) -> list[Event]:
    """What the archive holds, for a reader that opens it now."""
    return [event for columns in FileArchive(home / "archive").read() for event in events_of(columns)]


def move(home: Path, until: int, rows: int, *, everything: bool = False) -> int:
    """One run of the archiver, as a process that starts."""
    with closing(FileSource(home / "log", ZONE, first=HISTORY)) as source:
        return archive_recorded(source, FileArchive(home / "archive"), until, rows, everything=everything)


def test_only_whole_segments_are_moved_until_all_is_asked_for(home: Path) -> None:
    """What fills no segment waits; asked for everything it is moved too, up to what is recorded and no further."""
    assert move(home, 30, 8) == 16
    assert move(home, 30, 8) == 0
    assert archived(home) == EVENTS[:28]
    assert move(home, 30, 8, everything=True) == 2
    assert archived(home) == EVENTS[:30]
    assert [segment.rows for segment in FileArchive(home / "archive").segments] == [12, 8, 8, 2]


@pytest.mark.parametrize("after", range(12))
def test_cut_short_anywhere_every_event_is_archived_once(
    home: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Whichever write to the disk was the last, the next run goes on behind what the archive holds."""
    left, real = [after], os.fsync

    def sync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(StorageError):
        move(home, 40, 7, everything=True)
    monkeypatch.undo()
    before = archived(home)

    assert before == EVENTS[: len(before)]
    assert move(home, 40, 7, everything=True) == 40 - len(before)
    assert archived(home) == EVENTS


def test_what_was_archived_may_go_and_the_rest_is_still_there(home: Path) -> None:
    """After archiving and retention, archive and log hold every event between them; what is gone is not skipped."""
    move(home, 30, 8)
    gone = retain(home / "log", FileArchive(home / "archive").next_offset, micros(at(99)))
    assert gone >= 1
    assert move(home, 40, 8, everything=True) == 12
    assert archived(home) == EVENTS

    shutil.rmtree(home / "archive")
    with pytest.raises(CorruptState, match="take what is older from the archive"):
        move(home, 40, 8)


def test_a_stretch_of_the_archive_ends_where_it_was_told(home: Path) -> None:
    """A source over first..past polls these and no others, whatever the archive holds around them."""
    move(home, 40, 9, everything=True)
    source = ArchiveSource(FileArchive(home / "archive"), ZONE, 5, 25)

    assert [(one.offset, len(one.batch)) for one in polled(source, 6)] == [(5, 6), (11, 1), (12, 6), (18, 3), (21, 4)]
    assert source.end == 25
    ask: Any
    for ask in (lambda: source.seek(4), lambda: source.read(20, 26), lambda: source.seek(26)):
        with pytest.raises(CorruptState):
            ask()
    with pytest.raises(CorruptState):
        ArchiveSource(FileArchive(home / "archive"), ZONE, 5, 41)
