"""What SQLite's errors mean, and files of it that only their owner may read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from forbear.adapters.disk import storage_errors, sync_folder
from forbear.domain.errors import (
    BackendUnavailable,
    ConflictError,
    CorruptState,
    ForbearError,
    StorageError,
)

_WAIT_SECONDS = 5.0
_NOT_UNIQUE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_HELD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_MENDS = {
    sqlite3.SQLITE_FULL: "free some disk space and run the command again; what was kept before is intact",
    sqlite3.SQLITE_IOERR: "check the disk and its free space; what was kept before is intact",
    sqlite3.SQLITE_READONLY: "give yourself permission there, or choose another folder",
    sqlite3.SQLITE_PERM: "give yourself permission there, or choose another folder",
    sqlite3.SQLITE_CANTOPEN: "check the path, and that you may read and write there",
}


@contextmanager
def sqlite_errors(what: str) -> Iterator[None]:
    """Turn SQLite's errors into ours, also those that SQLAlchemy has wrapped. One that is a defect passes.

    Raises StorageError for a full disk, a missing permission, a file that cannot be opened or written; CorruptState
    for a damaged one; BackendUnavailable where another process holds the lock for longer than we wait; ConflictError
    for a row that is already there.
    """
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error) and (meant := _meaning(what, error.orig)):
            raise meant from error
        raise
    except sqlite3.Error as error:
        if meant := _meaning(what, error):
            raise meant from error
        raise


def _meaning(what: str, error: sqlite3.Error) -> ForbearError | None:
    extended = getattr(error, "sqlite_errorcode", 0) or 0
    code = extended & 0xFF
    if extended in _NOT_UNIQUE:
        return ConflictError(f"{what}: a row of this place is recorded already", mend="another worker was first")
    if code in _DAMAGED:
        return CorruptState(f"{what}: {error}", mend="restore it from a backup")
    if code in _HELD:
        return BackendUnavailable(f"{what}: another process holds it", mend="try again when that has ended")
    return StorageError(f"{what}: {error}", mend=_MENDS[code]) if code in _MENDS else None


def make_private(path: Path) -> None:
    """Make an empty file that only its owner may read, if there is none. Raises StorageError."""
    with storage_errors(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return
        sync_folder(path.parent)


def damage_in(path: Path) -> str:
    """What SQLite finds wrong in a file that it only reads, in its own words; "" for nothing.

    Raises CorruptState for a file that is no database, StorageError for one that cannot be opened.
    """
    with sqlite_errors(str(path)), closing(reading(path)) as file:
        found = [str(row[0]) for row in file.execute("PRAGMA integrity_check(3)")]
    return "" if found == ["ok"] else "; ".join(found)


def reading(path: Path, wait_seconds: float = _WAIT_SECONDS) -> sqlite3.Connection:
    """A connection that only reads. Raises sqlite3.Error."""
    url = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(url, uri=True, timeout=wait_seconds, check_same_thread=False)


def copy_of(path: Path, into: Path) -> None:
    """A copy of a database as it is at one instant, whoever writes in it, for its owner alone.

    Raises StorageError where it cannot be read or written, CorruptState for a file that is no database.
    """
    make_private(into)
    with sqlite_errors(str(path)), closing(reading(path)) as source, closing(sqlite3.connect(into)) as copy:
        source.backup(copy)
