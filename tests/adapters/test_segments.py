"""The file of segments: what was kept is read, a change is noticed, damage is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.adapters.segments import FileSegments
from forbear.domain.errors import CorruptState, StorageError
from forbear.engine.segments import DIMENSIONS, UNTOLD, Segmented, segmented


def made(day: int, regions: dict[int, str]) -> Segmented:
    """Customers in regions, and in one product."""
    keys = sorted(regions)
    by = {"product": ["card"] * len(keys), "region": [regions[key] for key in keys]}
    return segmented(day, np.array(keys, dtype=np.uint64), by, {})


def plain(found: Segmented) -> Any:
    """Everything of it as plain values."""
    codes = {name: values.tolist() for name, values in found.codes.items()}
    return found.day, found.customer.tolist(), dict(found.names), codes


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(st.dictionaries(st.integers(0, 2**64 - 1), st.text(max_size=9)), min_size=1, max_size=4))
def test_what_was_kept_is_read(tmp_path: Path, kept: list[dict[int, str]]) -> None:
    """Each time that a file is written, whoever reads it, new or from before, is told what it says now."""
    path = tmp_path / "book.segments"
    path.unlink(missing_ok=True)
    reader = FileSegments(path)
    assert reader.now is UNTOLD
    for day, regions in enumerate(kept):
        assert FileSegments(path).keep(made(day, regions))
        assert plain(reader.now) == plain(FileSegments(path).now) == plain(made(day, regions))
        assert reader.now is reader.now


def test_what_is_known_of_a_later_day_stays(tmp_path: Path) -> None:
    """An earlier day is not written over a later one; the same day is; what cannot be read is written over."""
    file = FileSegments(tmp_path / "book.segments")
    assert file.keep(made(5, {1: "North"}))
    assert not file.keep(made(4, {1: "South"}))
    assert not file.keep(UNTOLD)
    assert file.now.names["region"] == ("North",)
    assert file.keep(made(5, {1: "South"}))
    assert file.now.names["region"] == ("South",)
    file.path.write_bytes(b"\xff no header")
    assert file.keep(made(1, {1: "East"}))
    assert file.now.names["region"] == ("East",)


def test_damage_is_refused(tmp_path: Path) -> None:
    """A byte that was changed anywhere, or a file cut short, is never read as segments; the file gone is nobody's."""
    file = FileSegments(tmp_path / "book.segments")
    file.keep(made(5, {1: "North", 2: "South", 3: "North"}))
    whole = file.path.read_bytes()
    for at in range(len(whole)):
        file.path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(CorruptState, match="forbear portfolio"):
            FileSegments(file.path).now  # noqa: B018
        file.path.write_bytes(whole[:at])
        with pytest.raises(CorruptState):
            FileSegments(file.path).now  # noqa: B018
    file.path.unlink()
    assert file.now is UNTOLD


def test_it_holds_no_names_of_people(tmp_path: Path) -> None:
    """The file is a line of JSON with names of segments alone, and numbers behind it."""
    file = FileSegments(tmp_path / "book.segments")
    file.keep(made(5, {1: "North", 2: "South"}))
    line, content = file.path.read_bytes().split(b"\n", 1)

    assert line.startswith(b'{"format":1,"day":5,"customers":2,"names":{"product":["card"],"region":["North","South"]}')
    assert len(content) == 2 * 8 + 2 * 2 * 2
    assert set(file.now.names) <= set(DIMENSIONS)


def test_a_file_that_cannot_be_read_is_the_operators(tmp_path: Path) -> None:
    """A folder in its place is an error that names it, to read as to write."""
    path = tmp_path / "book.segments"
    path.mkdir()
    with pytest.raises(StorageError, match=r"book\.segments"):
        FileSegments(path).now  # noqa: B018
    with pytest.raises(StorageError, match=r"book\.segments"):
        FileSegments(path).keep(made(1, {}))
