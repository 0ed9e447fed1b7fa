"""Files that are there whole or not at all, and disk errors in plain words."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from forbear.domain.errors import StorageError

_CHUNK = 1 << 20
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn an OSError into a StorageError that names the file and the mend."""
    try:
        yield
    except OSError as error:
        raise storage_error(what, error) from error


def storage_error(what: str, error: OSError) -> StorageError:
    """What an OSError means to the operator."""
    return StorageError(f"{what}: {error.strerror or error}", mend=_mend(error))


def _mend(error: OSError) -> str:
    if error.errno in _NO_ROOM:
        return "free some disk space and run the command again; what was kept before is intact"
    if error.errno == errno.EFBIG:
        return "raise the limit on the size of files (ulimit -f) and run the command again"
    if error.errno in _NOT_ALLOWED:
        return "give yourself permission there, or choose another folder"
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG):
        return "check the path"
    return "check the disk and the path"


_DRAFT = ".writing-"


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its name only when it is complete and on the disk. Raises StorageError.

    A link is written through. A device or a pipe is no file that could be replaced: it is written as it is.
    """
    with storage_errors(f"cannot write {path}"):
        path = path.resolve() if path.is_symlink() else path
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                yield stream
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_DRAFT)
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            sync_folder(path.parent)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def forget_drafts(folder: Path) -> None:
    """Remove what writers that were killed have left unfinished. For whoever writes there alone. Raises OSError."""
    for draft in folder.glob(f"{_DRAFT}*"):
        draft.unlink()


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file whole. Raises StorageError."""
    with whole_file(path) as file:
        file.write(content)


def write_new(path: Path, content: bytes) -> bool:
    """Write a small file whole where none of its name is; answer whether it was written. Raises StorageError.

    Of two that write at once one is answered that the other was first.
    """
    with storage_errors(f"cannot write {path}"):
        if path.exists():
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_DRAFT)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(name, path)
        except FileExistsError:
            return False
        finally:
            Path(name).unlink(missing_ok=True)
        sync_folder(path.parent)
        sync_folder(path.parent.parent)
        return True


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Write plain values as JSON that people can read, whole. Raises StorageError."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(document), indent=1))


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut. Raises OSError."""
    if sys.platform == "win32":  # a folder cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Hold a lock file for as long as the block runs; yields whether nobody else held it. Raises OSError.

    The lock goes with the process, however that ends. Where the system has no such locks nobody is kept out.
    """
    if sys.platform == "win32":
        yield True
        return
    import fcntl  # noqa: PLC0415  # not there on every system

    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def nobody_holds(path: Path) -> Iterator[bool]:
    """Whether nobody holds a lock file; if so, nobody can take it while the block runs. Raises OSError.

    The file is not made. Where the system has no such locks nobody ever holds one.
    """
    if sys.platform == "win32" or not path.exists():
        yield True
        return
    import fcntl  # noqa: PLC0415  # not there on every system

    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def sha256_of(path: Path) -> str:
    """Checksum of a file's content. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
