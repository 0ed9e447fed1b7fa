"""The log in a folder: what was published is there, whole and in order, or an error says that it is not."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from forbear.adapters import log_segments
from forbear.adapters.log import Beginning, FileSink, FileSource, retain
from forbear.adapters.log_frames import HEADER_BYTES, MOST_ROWS, framed, header_at
from forbear.adapters.log_segments import MARK, Head
from forbear.domain.errors import CorruptState, StorageError
from forbear.domain.events import Event
from forbear.engine.ports import Origin
from forbear.features.columns import columns_of, events_of, micros
from forbear.testing.builders import at, transaction
from forbear.testing.log_contract import ZONE, LogContract, Topic, polled, some_events


class TestFileLog(LogContract):
    """The contract, on a folder with segments so short that nearly every publish begins a new one."""

    @pytest.fixture(autouse=True)
    def _folders(self) -> Iterator[None]:
        with tempfile.TemporaryDirectory() as folder:
            self.root, self.made = Path(folder), 0
            yield

    def make(self) -> Topic:
        """A topic in a folder of its own."""
        self.made += 1
        folder = self.root / str(self.made)
        return Topic(lambda: FileSink(folder, segment_bytes=4_000), lambda: FileSource(folder, ZONE))


PARTS = [some_events(day + 1)[-4:] for day in range(3)]
"""What the three publishes of the log below hold."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a log of one segment and three publishes, the second from another topic. Copy it first."""
    folder = tmp_path_factory.mktemp("log") / "log"
    with closing(FileSink(folder)) as sink:
        for number, part in enumerate(PARTS):
            sink.publish(columns_of(part), Origin(1, 5) if number == 1 else None)
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(kept, tmp_path / "log"))


def segment_of(folder: Path) -> Path:
    """The only segment of a log."""
    [path] = folder.glob("*.log")
    return path


def frames_in(raw: bytes) -> list[int]:
    """Where the frames of a segment begin, the head's first; and where the last one ends."""
    places = [0]
    while (header := header_at(raw, places[-1])) is not None:
        places.append(places[-1] + HEADER_BYTES + header.length)
    return places


def events_in(folder: Path) -> list[Event]:
    """Everything that a reader finds."""
    with closing(FileSource(folder, ZONE)) as source:
        first = int(min(folder.glob("*.log")).stem)
        return list(events_of(source.read(first, source.end)))


WHOLE = [event for part in PARTS for event in part]


def test_a_last_publish_cut_at_any_byte_was_never_made(folder: Path) -> None:
    """Cut anywhere in its last frame, the log ends before it: no reader sees it, a writer cuts it off and goes on."""
    path = segment_of(folder)
    raw = path.read_bytes()
    last, end = frames_in(raw)[-2:]
    (folder / MARK).unlink()  # the power went before it reached the disk
    for cut in range(last, end):
        path.write_bytes(raw[:cut])
        assert events_in(folder) == WHOLE[:8]
    for cut in (*range(last, last + HEADER_BYTES + 2, 5), *range(last, end, 101), end - 1):
        path.write_bytes(raw[:cut])
        (folder / MARK).unlink(missing_ok=True)
        with closing(FileSink(folder)) as sink:
            assert (sink.end, sink.past_of(1), path.stat().st_size) == (8, 5, last)
            sink.publish(columns_of(PARTS[2]))
        assert path.read_bytes() == raw


@pytest.mark.parametrize("left", [b"\0" * 4_096, b"fbLG" + b"\0" * 99, b"junk"], ids=["zeros", "half a header", "junk"])
def test_what_a_power_cut_left_is_cut_off(folder: Path, left: bytes) -> None:
    """What stands behind the last whole frame was never published: readers pass it by, a writer removes it."""
    raw = segment_of(folder).read_bytes()
    segment_of(folder).write_bytes(raw + left)

    assert events_in(folder) == WHOLE
    FileSink(folder).close()
    assert segment_of(folder).read_bytes() == raw


@pytest.mark.parametrize("bit", range(8))
def test_no_flipped_bit_goes_unnoticed(folder: Path, bit: int) -> None:
    """One bit flipped in any byte of a log is CorruptState with file and place, for a reader and for a writer."""
    path = segment_of(folder)
    good = path.read_bytes()
    for place in range(bit * 7, len(good), 61):
        bad = bytearray(good)
        bad[place] ^= 1 << bit
        path.write_bytes(bytes(bad))
        for opening in (lambda: FileSink(folder), lambda: FileSource(folder, ZONE)):
            with pytest.raises(CorruptState, match=path.name):
                opening()


def test_damage_is_told_from_a_torn_end_without_the_mark(folder: Path) -> None:
    """Where the mark is lost, a broken frame with a whole publish behind it is damage, not an end to cut off."""
    (folder / MARK).unlink()
    path = segment_of(folder)
    raw = bytearray(path.read_bytes())
    raw[frames_in(bytes(raw))[2] + 70] ^= 1
    path.write_bytes(bytes(raw))

    with pytest.raises(CorruptState, match="behind offset 4"):
        FileSink(folder)


def test_lost_events_are_noticed(folder: Path) -> None:
    """A segment that was cut at the end of a frame, or is gone, is CorruptState while the mark vouches for more."""
    path = segment_of(folder)
    raw = path.read_bytes()
    path.write_bytes(raw[: frames_in(raw)[-2]])
    with pytest.raises(CorruptState, match="behind offset 8"):
        FileSink(folder)
    path.unlink()
    with pytest.raises(CorruptState, match="lost its segments"):
        FileSource(folder, ZONE)


def test_damage_met_while_reading_names_file_and_offset(folder: Path) -> None:
    """Damage that came after a reader opened is found when it is read; what is before it can be polled."""
    with closing(FileSource(folder, ZONE)) as source:
        path = segment_of(folder)
        raw = bytearray(path.read_bytes())
        raw[frames_in(bytes(raw))[2] + 70] ^= 1
        path.write_bytes(bytes(raw))

        found = source.poll(4)
        assert found is not None
        with pytest.raises(CorruptState, match=rf"{path.name} is damaged at byte \d+, from offset 4 on"):
            source.poll(4)


@pytest.mark.parametrize("which", [0, 1])
def test_a_lost_segment_is_noticed(tmp_path: Path, which: int) -> None:
    """A segment that is gone from the middle is CorruptState on reading over it; the first one is one let go of."""
    with closing(FileSink(tmp_path, segment_bytes=1)) as sink:
        for part in PARTS:
            sink.publish(columns_of(part))
    sorted(tmp_path.glob("*.log"))[which].unlink()
    source = FileSource(tmp_path, ZONE)

    if which:
        with pytest.raises(CorruptState, match="no segment from offset 4 on"):
            polled(source, 4)
    else:
        assert sum(len(one.batch) for one in polled(source, 4)) == 8
        with pytest.raises(CorruptState, match="holds offsets 4 to 12, not 0"):
            source.seek(0)


def test_looking_changes_nothing(folder: Path) -> None:
    """A reader leaves a torn end and a lagging mark as they stand."""
    segment_of(folder).write_bytes(segment_of(folder).read_bytes() + b"torn")
    (folder / MARK).write_bytes(b"")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    assert events_in(folder) == WHOLE
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_second_writer_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one writer has the log the next one is StorageError; once it has closed there is room."""
    monkeypatch.setattr("forbear.adapters.log._TRIES", 2)
    with closing(FileSink(folder)), pytest.raises(StorageError, match="another process writes"):
        FileSink(folder)

    FileSink(folder).close()


def test_nobody_sees_what_is_not_on_the_disk_yet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a publish is written and synced, neither an open reader nor a new one sees it."""
    seen: list[int] = []
    with closing(FileSink(folder)) as sink, closing(FileSource(folder, ZONE)) as reader:
        real = os.fsync

        def sync(descriptor: int) -> None:
            with closing(FileSource(folder, ZONE)) as fresh:
                seen.extend([reader.end, fresh.end])
            real(descriptor)

        monkeypatch.setattr(os, "fsync", sync)
        sink.publish(columns_of([transaction(9, day=9)]))
        seen.append(reader.end)

    assert seen == [12, 12, 13]


class _Failing:
    """A call that fails so many calls later; before it fails it may do a part of its work."""

    def __init__(self, real: Callable[..., Any], after: int, *, part: bool = False) -> None:
        self.real, self.left, self.part = real, after, part

    def __call__(self, *args: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            if self.part:
                self.real(args[0], args[1][: len(args[1]) // 2], args[2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.real(*args)


@pytest.mark.parametrize(
    ("call", "after", "segment_bytes"),
    [
        *((call, after, 1 << 20) for call, after in (("fsync", 0), ("pwrite", 0), ("pwrite", 1))),
        *((call, after, 1) for call, after in (("fsync", 0), ("fsync", 1), ("fsync", 2), ("pwrite", 0))),
        *((call, after, 1) for call, after in (("pwrite", 1), ("pwrite", 2))),
    ],
)
def test_a_publish_without_room_adds_nothing_and_the_next_one_succeeds(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, after: int, segment_bytes: int
) -> None:
    """Whichever write fails, with or without a new segment, nothing is added; with room again the same sink goes on."""
    more = columns_of([transaction(99, day=20)])
    with closing(FileSink(folder, segment_bytes=segment_bytes)) as sink, closing(FileSource(folder, ZONE)) as reader:
        monkeypatch.setattr(os, call, _Failing(getattr(os, call), after, part=call == "pwrite"))
        with pytest.raises(StorageError, match="free some disk space"):
            sink.publish(more, Origin(1, 9))
        assert (sink.end, sink.past_of(1), reader.end) == (12, 5, 12)
        monkeypatch.undo()
        assert events_in(folder) == WHOLE
        sink.publish(more, Origin(1, 9))
        assert (sink.end, sink.past_of(1), reader.end) == (13, 9, 13)
    assert events_in(folder) == [*WHOLE, *events_of(more)]
    FileSink(folder).close()


def test_short_writes_are_finished(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes seven bytes at a time gets all of them."""
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, content, place: real(descriptor, content[:7], place))
    with closing(FileSink(folder)) as sink:
        sink.publish(columns_of([transaction(99, day=20)]))
    monkeypatch.undo()

    assert len(events_in(folder)) == 13


def test_a_large_publish_counts_as_a_whole(tmp_path: Path) -> None:
    """Of a publish of several frames none counts before the last is there; polls need decode no more than one frame."""
    rows = 2 * MOST_ROWS + 5
    columns = columns_of([transaction(1, day=1)]).take(np.zeros(rows, dtype=np.intp))
    with closing(FileSink(tmp_path)) as sink:
        sink.publish(columns_of([transaction(0)]))
        sink.publish(columns)
    raw = segment_of(tmp_path).read_bytes()
    places = frames_in(raw)
    assert len(places) == 6
    with closing(FileSource(tmp_path, ZONE)) as source:
        assert sum(len(one.batch) for one in polled(source, 5_000)) == rows + 1
    (tmp_path / MARK).unlink()
    for end in (places[3], places[4], places[4] + 9):
        segment_of(tmp_path).write_bytes(raw[:end])
        assert FileSource(tmp_path, ZONE).end == 1
    # The disk may have taken the last frame before the one in front of it.
    segment_of(tmp_path).write_bytes(raw[: places[3]] + bytes(places[4] - places[3]) + raw[places[4] :])
    with closing(FileSink(tmp_path)) as sink:
        assert sink.end == 1


def test_a_log_begins_where_it_is_told(tmp_path: Path) -> None:
    """A new log goes on from the offset and the instant that it is given; one that is there keeps its own."""
    before = Beginning(1_000, micros(at(5)))
    with closing(FileSource(tmp_path / "log", ZONE, first=1_000)) as source:
        assert (source.end, source.poll(1)) == (1_000, None)
        with closing(FileSink(tmp_path / "log", before=before)) as sink:
            assert (sink.end, sink.received_us) == before
            assert sink.publish(columns_of([transaction(1, day=6)])) == 1_001
        found = source.poll(1)
    assert found is not None
    assert found.offset == 1_000
    with closing(FileSink(tmp_path / "log", before=Beginning(5, 0))) as again:
        assert again.end == 1_001


def rewritten_head(folder: Path, **changes: Any) -> None:
    """Put another head before the frames of a log, sealed as its writer would have."""
    path = segment_of(folder)
    raw = path.read_bytes()
    header = header_at(raw, 0)
    assert header is not None
    document = msgspec.json.decode(raw[HEADER_BYTES : HEADER_BYTES + header.length])
    text = msgspec.json.encode({**document, **changes}).ljust(header.length)
    path.write_bytes(framed(header._replace(length=len(text)), text) + raw[HEADER_BYTES + header.length :])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2, "shards": []}, r"is of format 2, this version reads 1; use the version"),
        ({"schema": "0" * 64}, "columns or codes of another version; use the version"),
        ({"words": {"kind": ["customer", "transaction"]}}, "columns or codes of another version"),
        ({"first": 8}, "holds another segment"),
        ({"origins": {"a": 1}}, "damaged at byte"),
    ],
)
def test_a_head_that_says_something_else_is_not_read(folder: Path, changes: dict[str, Any], said: str) -> None:
    """Another format, other columns, other words for the codes, another place: CorruptState with what to do."""
    rewritten_head(folder, **changes)
    with pytest.raises(CorruptState, match=said):
        FileSource(folder, ZONE)


def test_words_that_were_added_since_begin_a_new_segment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that knows one more word at the end reads what is there, and writes under a head of its own."""
    words = {**log_segments.WORDS, "kind": [*log_segments.WORDS["kind"], "repaid"]}
    monkeypatch.setattr(log_segments, "WORDS", words)
    with closing(FileSink(folder)) as sink:
        sink.publish(columns_of([transaction(99, day=20)]))

    assert len(list(folder.glob("*.log"))) == 2
    assert events_in(folder)[:12] == WHOLE
    assert Head.of(12, 0, {}).is_ours


def test_retention_deletes_whole_segments_that_are_archived_and_old(tmp_path: Path) -> None:
    """Segments go from the oldest on while the archive holds all of them and all was received long enough ago."""
    with closing(FileSink(tmp_path, segment_bytes=1)) as sink:
        for day in range(5):
            sink.publish(columns_of([transaction(day, day=day)]), Origin(2, day + 1))
        names = sorted(path.name for path in tmp_path.glob("*.log"))
        never, always = micros(at(0)), micros(at(99))

        assert retain(tmp_path, 5, never) == 0
        assert retain(tmp_path, 0, always) == 0
        assert retain(tmp_path, 2, always) == 2
        assert retain(tmp_path, 5, micros(at(2))) == 0
        assert retain(tmp_path, 5, micros(at(2)) + 1) == 1
        assert retain(tmp_path, 5, always) == 1
        assert [path.name for path in tmp_path.glob("*.log")] == names[-1:]
        assert sink.publish(columns_of([transaction(9, day=9)])) == 6
    with closing(FileSink(tmp_path)) as again:
        assert again.past_of(2) == 5
    with pytest.raises(CorruptState, match="take what is older from the archive"):
        FileSource(tmp_path, ZONE).seek(3)
