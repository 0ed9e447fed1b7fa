"""Who is in which segment, in one file: written whole, checksummed, read anew where it has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from threading import Lock

import msgspec
import numpy as np

from forbear.adapters.disk import storage_errors, whole_file
from forbear.domain.errors import CorruptState
from forbear.engine.segments import UNTOLD, Segmented

_FORMAT = 1
_MEND = "run `forbear portfolio` again: it writes the file anew"


class _Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    day: int
    customers: int
    names: dict[str, tuple[str, ...]]
    sha256: str


class FileSegments:
    """The file of segments. Raises StorageError for the disk, CorruptState for what is not what was written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = Lock()
        self._seen: tuple[int, ...] = ()
        self._now = UNTOLD

    @property
    def now(self) -> Segmented:
        """Who is in which segment, as the file says that is there now; UNTOLD without one. Safe for many threads."""
        with self._turn, storage_errors(f"cannot read {self.path}"):
            try:
                stat = self.path.stat()
            except FileNotFoundError:
                self._seen, self._now = (), UNTOLD
                return self._now
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if seen != self._seen:
                self._now = _read(self.path)
                self._seen = seen
            return self._now

    def keep(self, found: Segmented) -> bool:
        """Write what was found; answer whether it was. What is known of a later day already stays."""
        with storage_errors(f"cannot read {self.path}"):
            there = _day_of(self.path)
        if found.day is None or (there is not None and there > found.day):
            return False
        parts = [found.customer.astype("<u8"), *(found.codes[name].astype("<i2") for name in found.names)]
        content = b"".join(part.tobytes() for part in parts)
        header = _Header(format=_FORMAT, day=found.day, customers=len(found), names=dict(found.names), sha256="")
        header = msgspec.structs.replace(header, sha256=_checksum(header, content))
        with whole_file(self.path) as file:
            file.write(msgspec.json.encode(header) + b"\n")
            file.write(content)
        return True


def _day_of(path: Path) -> int | None:
    """The day of the file; None where none can be read, and then it may be written over."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.readline(), type=_Header).day
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeError):
        return None


def _read(path: Path) -> Segmented:
    with path.open("rb") as file:
        line, content = file.readline(), file.read()
    try:
        header = msgspec.json.decode(line, type=_Header)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise CorruptState(f"{path} is no file of segments of this version: {error}", mend=_MEND) from error
    n = header.customers
    if header.format != _FORMAT or _checksum(header, content) != header.sha256:
        raise CorruptState(f"{path} is not what was written: its checksum differs", mend=_MEND)
    codes = np.frombuffer(content, "<i2", n * len(header.names), 8 * n).reshape(len(header.names), n)
    return Segmented(
        day=header.day,
        customer=np.frombuffer(content, "<u8", n),
        names=header.names,
        codes=dict(zip(header.names, codes, strict=True)),
    )


def _checksum(header: _Header, content: bytes) -> str:
    digest = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(header, sha256="")))
    digest.update(content)
    return digest.hexdigest()
