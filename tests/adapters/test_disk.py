"""Files that are there whole or not at all; devices, links and folders for what they are."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from forbear.adapters.disk import alone, storage_errors, whole_file, write_whole
from forbear.domain.errors import StorageError


@pytest.mark.parametrize("fails_at", ["body", "fsync", "replace"])
def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str
) -> None:
    """Wherever a write fails, the old content stays under the name, and no draft stays beside it."""
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fail(*_: object) -> None:
        raise full

    if fails_at != "body":
        monkeypatch.setattr(os, fails_at, fail)
    with pytest.raises(StorageError, match="free some disk space"), whole_file(path) as file:
        file.write(b"new") if fails_at != "body" else fail()

    assert (b"old", [path]) == (path.read_bytes(), list(tmp_path.iterdir()))


def test_nobody_sees_a_file_before_it_is_complete(tmp_path: Path) -> None:
    """Up to the end of the block the name shows the old content; then the new one, whole."""
    path = tmp_path / "deep" / "down" / "file"
    write_whole(path, b"old")
    with whole_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new"


def test_a_device_is_written_and_not_replaced(tmp_path: Path) -> None:
    """A pipe (as /dev/stdout or a process substitution is) gets the content and stays a pipe."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()

    write_whole(pipe, b"through")

    reader.join(5)
    assert (got, pipe.is_fifo()) == ([b"through"], True)


def test_a_full_device_is_a_storage_error() -> None:
    """/dev/full takes nothing: StorageError, and the device is still there."""
    with pytest.raises(StorageError, match="No space left"):
        write_whole(Path("/dev/full"), b"x" * 100_000)

    assert Path("/dev/full").is_char_device()


def test_a_link_is_written_through(tmp_path: Path) -> None:
    """What a link points to gets the content, even where there is nothing yet; the link stays a link."""
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for content in (b"first", b"second"):
        write_whole(tmp_path / "link", content)
        assert (content, True) == ((tmp_path / "target").read_bytes(), (tmp_path / "link").is_symlink())


@pytest.mark.parametrize(
    ("path", "mend"),
    [("folder", "check the path"), ("file/below", "check the path"), ("n" * 300, "check the path")],
)
def test_a_path_that_cannot_be_says_so(tmp_path: Path, path: str, mend: str) -> None:
    """A folder, a file as folder and a name too long are StorageErrors that name the path."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"old")

    with pytest.raises(StorageError, match=mend) as refused:
        write_whole(tmp_path / path, b"new")

    assert path.split("/", maxsplit=1)[0] in str(refused.value)
    assert (tmp_path / "file").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("number", "mend"),
    [
        (errno.ENOSPC, "disk space"),
        (errno.EDQUOT, "disk space"),
        (errno.EFBIG, "ulimit"),
        (errno.EROFS, "permission"),
        (errno.EACCES, "permission"),
        (errno.ENOENT, "check the path"),
        (errno.EIO, "check the disk"),
    ],
)
def test_every_disk_error_says_what_to_do(number: int, mend: str) -> None:
    """Each kind of disk error carries its mend."""
    with pytest.raises(StorageError, match=mend), storage_errors("cannot write there"):
        raise OSError(number, os.strerror(number))


def _hold(path: Path, held: object, release: object) -> None:
    with alone(path) as mine:
        assert mine
        held.set()  # type: ignore[attr-defined]
        release.wait(30)  # type: ignore[attr-defined]


def test_a_lock_is_held_by_one_and_goes_with_its_process(tmp_path: Path, processes: Any) -> None:
    """While one process holds the lock another does not get it; killed, it holds nothing any more."""
    held, release = processes.Event(), processes.Event()
    holder = processes.Process(target=_hold, args=(tmp_path / "lock", held, release))
    holder.start()
    assert held.wait(30)
    with alone(tmp_path / "lock") as mine:
        assert not mine

    holder.kill()
    holder.join(30)

    with alone(tmp_path / "lock") as mine:
        assert mine
