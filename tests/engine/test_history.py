"""Archive and log as one history: every beginning of it is what was there then, whoever archives meanwhile."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from forbear.adapters.archive import FileArchive
from forbear.adapters.log import Beginning, FileSink, FileSource, retain
from forbear.domain.errors import CorruptState
from forbear.domain.events import DayClosed, Event
from forbear.engine.archive_source import ArchiveSource
from forbear.engine.archiver import archive_recorded
from forbear.engine.history import ArchiveAndLog, offset_at
from forbear.engine.ports import Source
from forbear.features.columns import columns_of, day_number, events_of, micros
from forbear.testing.builders import at
from forbear.testing.log_contract import ZONE, SourceContract, some_events

EVENTS = some_events(10)
ALL = len(EVENTS)
PARTS = (9, 7, 8)
"""Events in two segments of the archive, and how many of the others one publish of the log has."""


class Laid(NamedTuple):
    """A folder with an archive of the first events, and a log of the others in short segments."""

    folder: Path

    def archive(self) -> FileArchive:
        """The archive as it is now."""
        return FileArchive(self.folder / "archive")

    def log(self) -> FileSource:
        """A reader of the log."""
        return FileSource(self.folder / "log", ZONE, first=0)

    def history(self, past: int = ALL) -> ArchiveAndLog:
        """Both as one."""
        return ArchiveAndLog(self.archive, self.log, ZONE, past)

    def move(self, until: int) -> int:
        """Archive up to an offset, and let go of what may go of the log; answer how many segments went."""
        with closing(self.log()) as source:
            archive_recorded(source, self.archive(), until, 4, everything=True)
        return retain(self.folder / "log", self.archive().next_offset, micros(at(99)))


def lay(folder: Path, events: Sequence[Event], archived: Sequence[int], published: int) -> Laid:
    """Put events into a folder: segments of so many into the archive, the others into the log."""
    laid, start = Laid(folder), 0
    archive = laid.archive()
    for rows in archived:
        archive.append(columns_of(events[start : start + rows]))
        start = archive.next_offset
    before = Beginning(archive.next_offset, archive.received_us)
    with closing(FileSink(folder / "log", before=before, segment_bytes=3_000)) as sink:
        for first in range(start, len(events), published):
            sink.publish(columns_of(events[first : first + published]))
    return laid


@pytest.fixture
def laid(tmp_path: Path) -> Laid:
    """All events, the first sixteen archived."""
    return lay(tmp_path, EVENTS, PARTS[:2], PARTS[2])


class TestHistoryAsSource(SourceContract):
    """The contract of sources, on the first part in an archive and the others in a log behind it."""

    @pytest.fixture(autouse=True)
    def _folders(self) -> Iterator[None]:
        with tempfile.TemporaryDirectory() as folder:
            self.root, self.made = Path(folder), 0
            yield

    def holding(self, parts: Sequence[Sequence[Event]]) -> Source:
        """A source of all of it."""
        self.made += 1
        events = [event for part in parts for event in part]
        laid = lay(self.root / str(self.made), events, [len(parts[0])], 3)
        return ArchiveSource(laid.history(len(events)), ZONE, 0, len(events))


def read(history: ArchiveAndLog, start: int = 0) -> list[Event]:
    """The events of a history from an offset on."""
    return [event for columns in history.read(start) for event in events_of(columns)]


@pytest.mark.parametrize("end", [0, 1, 4, 8, 9, 15, 16, 17, 24, 31, ALL])
def test_every_beginning_is_what_was_there_then(laid: Laid, tmp_path: Path, end: int) -> None:
    """Up to any offset it reads, scans, names and closes as an archive does that ends there."""
    ours = laid.history().up_to(end)
    alone = FileArchive(tmp_path / "alone")
    alone.append(columns_of(EVENTS[:end]))

    assert (ours.next_offset, ours.closed_day) == (alone.next_offset, alone.closed_day)
    assert [read(ours, start) for start in (0, end // 2, end)] == [EVENTS[:end], EVENTS[end // 2 : end], []]
    for start in (0, 5, 20):
        found = [
            (one.offset + row, us) for one in ours.scan(ZONE, start) for row, us in enumerate(one.batch.received_us)
        ]
        assert found == [(n, micros(EVENTS[n].received_at)) for n in range(start, end)]
    assert alone.customers().items() <= ours.customers().items()


def test_an_instant_is_found_in_archive_and_log(laid: Laid) -> None:
    """The first event received at or after an instant is found wherever it is; behind all of them the end is."""
    received = [micros(event.received_at) for event in EVENTS]
    for us in {*received, *(us + 1 for us in received), 0}:
        assert offset_at(laid.history(), ZONE, us) == next((n for n in range(ALL) if received[n] >= us), ALL)


def test_the_last_close_is_found_however_long_ago(tmp_path: Path) -> None:
    """Nothing but transactions for months: the close before them is still the last one."""
    late = [event for event in some_events(200)[400:] if not isinstance(event, DayClosed)]
    events = [*EVENTS, *late]
    laid = lay(tmp_path, events, [len(events) - 5], 5)
    last = [event for event in EVENTS if isinstance(event, DayClosed)][-1]

    assert laid.history(len(events)).closed_day == day_number(last.day)


@pytest.mark.parametrize("seen", [0, 1, 2, 3])
def test_what_is_archived_while_it_is_read_is_read_once(laid: Laid, seen: int) -> None:
    """A worker archives everything and lets the log go of it while somebody reads: no event is missed, none doubled."""
    history, names = laid.history(), dict(laid.history().customers())
    scanning, reading = history.scan(ZONE), laid.history().read()
    found = [next(scanning) for _ in range(seen)]
    texts = [next(reading) for _ in range(seen)]
    assert laid.move(ALL) > 1
    found += scanning
    texts += reading

    assert [us for one in found for us in one.batch.received_us] == [micros(event.received_at) for event in EVENTS]
    assert [event for columns in texts for event in events_of(columns)] == EVENTS
    assert dict(history.customers()) == names


def test_what_neither_holds_is_damage(laid: Laid) -> None:
    """Events that the log let go of and the archive never got, and an end behind everything, are CorruptState."""
    retain(laid.folder / "log", ALL, micros(at(99)))
    with pytest.raises(CorruptState, match="archive"):
        read(laid.history())
    with pytest.raises(CorruptState, match="ends at offset"):
        list(laid.history(ALL + 1).scan(ZONE, ALL))
    with pytest.raises(CorruptState, match="check the offset"):
        laid.history().up_to(ALL + 1)
