"""Objects in a folder keep the laws of objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from forbear.adapters.objects import FileObjects
from forbear.domain.errors import StorageError
from forbear.engine.ports import Objects
from forbear.testing.objects_contract import ObjectsContract


class TestFileObjects(ObjectsContract):
    """The laws of every place of objects."""

    @pytest.fixture(autouse=True)
    def _folders(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path

    def make(self) -> Objects:
        """A folder that is not there yet."""
        return FileObjects(self.tmp_path / "objects")

    def again(self, objects: Objects) -> Objects:
        """The same folder."""
        return FileObjects(Path(objects.where("")))


def test_a_put_leaves_nothing_beside_the_object(tmp_path: Path) -> None:
    """New or not, no draft stays behind, and what was put can be found by its name."""
    objects = FileObjects(tmp_path)
    objects.put("a/one", b"first")
    objects.put("a/one", b"second")

    assert [path.name for path in (tmp_path / "a").iterdir()] == ["one"]
    assert Path(objects.where("a/one")).read_bytes() == b"first"


def test_a_folder_that_is_a_file_is_a_matter_of_storage(tmp_path: Path) -> None:
    """The error names the place."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="file"):
        FileObjects(tmp_path / "file").put("one", b"x")
