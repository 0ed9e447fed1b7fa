"""Snapshots: a book comes back bit for bit, or an error says that it does not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from forbear.adapters.snapshots import FileSnapshots
from forbear.domain.errors import CorruptState, StorageError
from forbear.engine.ports import Kept
from forbear.features.book import BookState


def kept(offset: int) -> Kept:
    """A state of some words, different for each offset."""
    generator = np.random.default_rng(offset)
    state = BookState(
        pool=generator.integers(-(2**62), 2**62, 40),
        slots=generator.integers(-(2**62), 2**62, (3, 5)),
        open_day=19_000 + offset,
        skipped_days=offset,
    )
    return Kept(state, offset, "layout", "features")


def same(one: Kept, other: Kept) -> bool:
    """Whether all is equal."""
    return one[1:] == other[1:] and all(
        np.array_equal(getattr(one.state, name), getattr(other.state, name))
        for name in ("pool", "slots", "open_day", "skipped_days")
    )


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    """The newest snapshot up to an offset is the one that was saved for it, by a new reader too."""
    for offset in (5, 9, 70):
        FileSnapshots(tmp_path).save(kept(offset))
    snapshots = FileSnapshots(tmp_path)

    for up_to, offset in ((None, 70), (70, 70), (69, 9), (5, 5)):
        found = snapshots.latest(up_to)
        assert found is not None
        assert same(kept(offset), found)
    assert snapshots.latest(4) is None
    assert FileSnapshots(tmp_path / "nowhere").latest() is None


def test_the_newest_few_stay(tmp_path: Path) -> None:
    """Three snapshots stay; a file that is none is left alone and not taken for one."""
    (tmp_path / "notes.ledgers").write_text("mine")
    for offset in range(6):
        FileSnapshots(tmp_path).save(kept(offset))

    assert sorted(p.stem.lstrip("0") for p in tmp_path.glob("0*.ledgers")) == ["3", "4", "5"]
    assert (tmp_path / "notes.ledgers").read_text() == "mine"
    assert FileSnapshots(tmp_path).latest() is not None


def test_no_flipped_bit_goes_unnoticed(tmp_path: Path) -> None:
    """A bit flipped in any byte, of the header or of the ledgers, is CorruptState with what to do."""
    FileSnapshots(tmp_path).save(kept(5))
    [path] = tmp_path.iterdir()
    good = path.read_bytes()
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        path.write_bytes(bytes(bad))
        with pytest.raises(CorruptState, match="folded again from the archive"):
            FileSnapshots(tmp_path).latest()


@pytest.mark.parametrize("cut", [0, 1, 100, -8, -1])
def test_a_snapshot_cut_short_is_noticed(tmp_path: Path, cut: int) -> None:
    """A snapshot without its end, or with nothing in it, is CorruptState."""
    FileSnapshots(tmp_path).save(kept(5))
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(CorruptState):
        FileSnapshots(tmp_path).latest()


def test_a_snapshot_under_another_offset_is_noticed(tmp_path: Path) -> None:
    """A snapshot renamed to another offset would make the fold skip events: CorruptState."""
    FileSnapshots(tmp_path).save(kept(5))
    [path] = tmp_path.iterdir()
    path.rename(tmp_path / f"{9:020d}.ledgers")

    with pytest.raises(CorruptState):
        FileSnapshots(tmp_path).latest()


def test_an_old_snapshot_that_cannot_be_deleted_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new snapshot is kept, and the error says which folder to look at."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    for offset in range(3):
        FileSnapshots(tmp_path).save(kept(offset))
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StorageError, match="delete old snapshots"):
        FileSnapshots(tmp_path).save(kept(3))

    found = FileSnapshots(tmp_path).latest()
    assert found is not None
    assert same(kept(3), found)


def test_the_header_is_one_line_of_json(tmp_path: Path) -> None:
    """What a snapshot stands for can be read with `head -1`."""
    FileSnapshots(tmp_path).save(kept(5))
    [path] = tmp_path.iterdir()

    header = msgspec.json.decode(path.read_bytes().split(b"\n", 1)[0])

    assert {n: header[n] for n in ("format", "offset", "open_day")} == {"format": 2, "offset": 5, "open_day": 19_005}
