"""Snapshots in a folder: one immutable, checksummed file each, named by the offset that it stands for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import numpy as np

from forbear.adapters.disk import storage_errors, whole_file
from forbear.domain.errors import CorruptState
from forbear.engine.ports import Kept
from forbear.features.book import BookState

_FORMAT = 2
_KEPT = 3
"""How many snapshots stay: the archive can make any of them anew."""


class _Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    offset: int
    layout_hash: str
    feature_hash: str
    open_day: int
    skipped_days: int
    pool_words: int
    slot_shape: tuple[int, int]
    arrays: tuple[tuple[str, str, tuple[int, ...]], ...]
    facts: str
    sha256: str


class FileSnapshots:
    """Snapshots over a folder. Raises StorageError on writing, CorruptState on reading a damaged one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, kept: Kept) -> None:
        """Keep a snapshot, and let go of all but the newest few."""
        state = kept.state
        slots = np.ascontiguousarray(state.slots)
        header = _Header(
            format=_FORMAT,
            offset=kept.offset,
            layout_hash=kept.layout_hash,
            feature_hash=kept.feature_hash,
            open_day=state.open_day,
            skipped_days=state.skipped_days,
            pool_words=len(state.pool),
            slot_shape=(slots.shape[0], slots.shape[1]),
            arrays=tuple((name, array.dtype.str, array.shape) for name, array in kept.arrays.items()),
            facts=kept.facts,
            sha256="",
        )
        content = (state.pool, slots, *(np.ascontiguousarray(array) for array in kept.arrays.values()))
        parts = [part.reshape(-1).view(np.uint8).data for part in content]
        header = msgspec.structs.replace(header, sha256=_checksum(header, *parts))
        with whole_file(self.folder / f"{kept.offset:020d}.ledgers") as file:
            file.write(msgspec.json.encode(header) + b"\n")
            for part in parts:
                file.write(part)
        with storage_errors(f"cannot delete old snapshots in {self.folder}"):
            for old in self._files()[:-_KEPT]:
                old.unlink(missing_ok=True)

    def latest(self, up_to: int | None = None) -> Kept | None:
        """The newest snapshot of no more than `up_to` events, if there is one."""
        for path in reversed(self._files()):
            if up_to is None or int(path.stem) <= up_to:
                return self._load(path)
        return None

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*.ledgers") if path.stem.isdecimal() and path.stem.isascii())

    def _load(self, path: Path) -> Kept:
        with storage_errors(f"cannot read {path}"), path.open("rb") as file:
            line, content = file.readline(), file.read()
        try:
            header = msgspec.json.decode(line, type=_Header)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise CorruptState(f"{path} is not a snapshot of this version: {error}", mend=_MEND) from error
        if header.format != _FORMAT or _checksum(header, content) != header.sha256 or header.offset != int(path.stem):
            raise CorruptState(f"{path} is not what was written: its checksum differs", mend=_MEND)
        at = 0
        shapes = [("<i8", (header.pool_words,)), ("<i8", header.slot_shape)]
        parts = []
        for dtype, shape in (*shapes, *((dtype, shape) for _, dtype, shape in header.arrays)):
            count = int(np.prod(shape))
            parts.append(np.frombuffer(content, dtype, count, at).reshape(shape))
            at += parts[-1].nbytes
        pool, slots, *rest = parts
        state = BookState(pool=pool, slots=slots, open_day=header.open_day, skipped_days=header.skipped_days)
        arrays = {name: array for (name, _, _), array in zip(header.arrays, rest, strict=True)}
        return Kept(state, header.offset, header.layout_hash, header.feature_hash, arrays, header.facts)


def _checksum(header: _Header, *content: bytes | memoryview) -> str:
    """Of the header, but for the checksum itself, and of what follows it."""
    digest = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(header, sha256="")))
    for part in content:
        digest.update(part)
    return digest.hexdigest()


_MEND = "delete it: the ledgers are folded again from the archive"
