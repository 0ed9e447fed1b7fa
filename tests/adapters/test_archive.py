"""The archive: what was appended is there, whole and in order, or an error says that it is not."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.adapters.archive import FileArchive, Segment
from forbear.domain.errors import CorruptState, StorageError
from forbear.domain.events import Event
from forbear.features.columns import EventColumns, columns_of, day_number, events_of
from forbear.features.hashing import keys_of
from forbear.features.local_time import local_time
from forbear.testing.any_event import any_event
from forbear.testing.builders import START, closed, outcome, transaction, update

ZONE = local_time("Europe/Berlin")


def events_in(archive: FileArchive, start: int = 0) -> list[Event]:
    """Everything that an archive holds."""
    return [event for columns in archive.read(start) for event in events_of(columns)]


def some_events(first: int) -> list[Event]:
    """A few events of every kind, with names that are no ASCII, on two days."""
    events: list[Event] = []
    for day in (first, first + 1):
        events += [
            update(day, day=day, owed_minor=500, region="Łódź"),
            transaction(day, day=day, counterparty="Bäckerei 面包", balance_after_minor=-5, reverses="T0"),
            transaction(-day, day=day, customer_id="C2", original_amount_minor=7, original_currency="USD"),
            outcome(day, due=day),
            closed(day),
        ]
    return events


PARTS = [some_events(first) for first in (1, 11, 21)]
"""What the three segments of the archive below hold."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an archive of three segments. Copy it before you break it."""
    folder = tmp_path_factory.mktemp("archive")
    archive = FileArchive(folder)
    for part in PARTS:
        archive.append(columns_of(part))
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(kept, tmp_path / "archive"))


@given(st.lists(st.lists(any_event, max_size=4), max_size=4), st.integers(0, 20))
@settings(max_examples=40)
def test_what_goes_in_comes_out(parts: list[list[Event]], start: int) -> None:
    """Any events, in segments of any size, are read back equal and in order from any offset, by a new reader too."""
    with tempfile.TemporaryDirectory() as folder:
        archive = FileArchive(Path(folder))
        for part in parts:
            archive.append(columns_of(part))
        whole = [event for part in parts for event in part]

        assert len(whole) == archive.next_offset
        assert whole[start:] == events_in(archive, start) == events_in(FileArchive(Path(folder)), start)
        customers = {event.customer_id for event in whole if hasattr(event, "customer_id")}
        assert customers == set(archive.customers().values()) == set(FileArchive(Path(folder)).customers().values())


@pytest.mark.parametrize("start", [0, 3, 10, 29, 30])
def test_a_scan_gives_the_numbers_of_what_read_gives(kept: Path, start: int) -> None:
    """From any offset, a scan's batches are as long as the events from there on, and carry their keys and amounts."""
    archive = FileArchive(kept)
    whole = columns_of([event for part in PARTS for event in part][start:])

    scanned = list(archive.scan(ZONE, start))

    assert len(whole) == sum(len(one.batch) for one in scanned)
    assert [one.offset for one in scanned] == [max(first, start) for first in (0, 10, 20) if first + 10 > start]
    if scanned:
        np.testing.assert_array_equal(whole.amount_minor, np.concatenate([one.columns.amount_minor for one in scanned]))
        np.testing.assert_array_equal(
            keys_of(whole.customer_id), np.concatenate([one.batch.customer for one in scanned])
        )


def test_the_last_closed_day_is_known_without_reading(kept: Path) -> None:
    """`closed_day` is the last day whose close stands in the log; an archive without a close has none."""
    assert day_number(START) + 22 == FileArchive(kept).closed_day
    assert FileArchive(kept / "nowhere").closed_day is None


def test_an_index_cut_anywhere_leaves_a_prefix_that_can_be_appended_to(kept: Path, tmp_path: Path) -> None:
    """Wherever the index was cut off, the archive holds the first segments whole, and takes the rest anew."""
    index = (kept / "index.jsonl").read_bytes()
    for cut in range(len(index) + 1):
        folder = Path(shutil.copytree(kept, tmp_path / str(cut)))
        (folder / "index.jsonl").write_bytes(index[:cut])
        archive = FileArchive(folder)
        whole = index[:cut].count(b"\n")
        assert 10 * whole == archive.next_offset
        if cut % 97 and cut < len(index):  # reading and appending are slower: at some cuts only
            shutil.rmtree(folder)
            continue
        for part in PARTS[whole:]:
            archive.append(columns_of(part))
        assert [event for part in PARTS for event in part] == events_in(FileArchive(folder))
        assert index == (folder / "index.jsonl").read_bytes()


def test_looking_changes_nothing(folder: Path) -> None:
    """A reader leaves a line that is being written as it stands: its writer may still be at it."""
    index = folder / "index.jsonl"
    index.write_bytes(index.read_bytes()[:-9])
    before = index.read_bytes()

    FileArchive(folder)

    assert before == index.read_bytes()


@pytest.mark.parametrize("bit", range(8))
def test_no_flipped_bit_of_the_index_goes_unnoticed(folder: Path, bit: int) -> None:
    """One bit of the index flipped, in any byte, is CorruptState: no other offset, day or file is believed."""
    index = folder / "index.jsonl"
    good = index.read_bytes()
    for place in range(bit % 3, len(good), 3):
        bad = bytearray(good)
        bad[place] ^= 1 << bit
        index.write_bytes(bytes(bad))
        with pytest.raises(CorruptState):
            FileArchive(folder)


@pytest.mark.parametrize("lines", [[1, 2], [0, 2], [0, 1, 1, 2], [1, 0, 2]])
def test_lines_missing_doubled_or_out_of_place_are_noticed(folder: Path, lines: list[int]) -> None:
    """An index whose lines are each whole but do not follow one another is CorruptState."""
    index = folder / "index.jsonl"
    given_lines = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(b"".join(given_lines[line] for line in lines))

    with pytest.raises(CorruptState, match="out of place"):
        FileArchive(folder)


def test_another_version_says_so(folder: Path) -> None:
    """An index of another format is not called damaged: it names the format and what to do."""
    (folder / "index.jsonl").write_bytes(b'{"format":2,"shards":[]}\n')

    with pytest.raises(CorruptState, match=r"is of format 2, this version reads 1; use the version"):
        FileArchive(folder)


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "another"])
def test_a_damaged_segment_is_noticed_and_named(folder: Path, damage: str) -> None:
    """A segment that is cut, changed, gone or exchanged is CorruptState by its file; those before it can be read."""
    path = folder / "00000000000000000010.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:-1])
        case "flipped":
            path.write_bytes(bytes(content))
        case "gone":
            path.unlink()
        case _:
            shutil.copy(folder / "00000000000000000000.parquet", path)
    reader = FileArchive(folder).read()

    assert PARTS[0] == list(events_of(next(reader)))
    with pytest.raises(CorruptState, match=path.name):
        next(reader)
    for answer in (lambda: list(FileArchive(folder).scan(ZONE)), FileArchive(folder).customers):
        with pytest.raises(CorruptState, match=path.name):
            answer()


def test_customers_are_not_half_known_after_an_error(folder: Path) -> None:
    """Asked again, an archive that could not tell all of its customers raises again instead of telling some."""
    (folder / "00000000000000000020.parquet").unlink()
    archive = FileArchive(folder)

    for _ in range(2):
        with pytest.raises(CorruptState):
            archive.customers()


def test_two_customers_with_one_key_are_refused_before_anything_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where two customers' keys collide the append fails, and the archive and its customers are as before."""
    archive = FileArchive(folder)
    before, customers = sorted(folder.iterdir()), dict(archive.customers())
    monkeypatch.setattr(
        "forbear.features.batch.keys_of", lambda names: np.full(len(names), 7, dtype=np.uint64), raising=True
    )

    with pytest.raises(CorruptState, match="share the key"):
        archive.append(columns_of([transaction(1), transaction(2, customer_id="C9")]))

    assert (before, customers) == (sorted(folder.iterdir()), archive.customers())


class _Failing:
    """A call that fails so many calls later."""

    def __init__(self, real: Any, after: int) -> None:
        self.real, self.left = real, after

    def __call__(self, *args: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.real(*args)


@pytest.mark.parametrize("after", range(3))
def test_an_append_without_room_adds_nothing_and_the_next_one_succeeds(
    folder: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Whichever write to the disk fails, the append adds nothing; with room again the same object appends."""
    archive, more = FileArchive(folder), [transaction(99, customer_id="C9")]
    monkeypatch.setattr(os, "fsync", _Failing(os.fsync, after))
    with pytest.raises(StorageError, match="free some disk space"):
        archive.append(columns_of(more))
    monkeypatch.undo()

    assert archive.next_offset == 30
    assert "C9" not in archive.customers().values()
    archive.append(columns_of(more))
    assert events_in(FileArchive(folder), 30) == more
    assert list(folder.glob(".writing-*")) == []


@pytest.mark.parametrize(
    "left", [b'{"format":1,"file":"000000', b"\0" * 4_096], ids=["half a line", "a block of zeros"]
)
def test_what_a_failed_append_left_is_written_over(folder: Path, left: bytes) -> None:
    """What a full disk or a power cut left behind the last line does not run into the next one, however long it is."""
    archive = FileArchive(folder)
    with (folder / "index.jsonl").open("ab") as index:
        index.write(left)

    archive.append(columns_of([transaction(99)]))

    assert FileArchive(folder).next_offset == 31


def test_nothing_appends_nothing(tmp_path: Path) -> None:
    """Appending no events leaves no file."""
    archive = FileArchive(tmp_path)
    archive.append(columns_of([]))

    assert (list(tmp_path.iterdir()), archive.next_offset) == ([], 0)


def test_any_sql_engine_can_read_a_segment(kept: Path) -> None:
    """Segments bear words, dates and instants, not codes: an analyst needs no forbear to read them."""
    duckdb = pytest.importorskip("duckdb")
    rows = duckdb.sql(
        f"select kind, category, counterparty, amount_minor from '{kept}/*.parquet' where event_id = 'T11'"
    ).fetchall()

    assert rows == [("transaction", "groceries", "Bäckerei 面包", 1_000)]


def test_a_segment_line_is_sealed() -> None:
    """The seal of a line changes with any other field of it."""
    plain = Segment(format=1, file="f", first=0, rows=1, sha256="s", received_from_us=0, received_to_us=0, closed_day=1)
    other = msgspec.structs.replace(plain, closed_day=2)

    assert plain.sealed().seal != other.sealed().seal
    assert plain.sealed() == plain.sealed().sealed()


def test_columns_with_everything_absent_survive(tmp_path: Path) -> None:
    """A segment of day closes only, in which every text column is empty, is read back equal."""
    closes: list[Event] = [closed(day) for day in range(3)]
    archive = FileArchive(tmp_path)
    archive.append(columns_of(closes))

    found: list[EventColumns] = list(archive.read())
    assert closes == [event for columns in found for event in events_of(columns)]
    assert archive.customers() == {}
