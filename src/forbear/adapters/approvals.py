"""Approvers, proposals and approvals in a folder, each file written once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from forbear.adapters.disk import alone, storage_errors, write_whole
from forbear.domain.errors import ConfigError, ConflictError, CorruptState, StorageError
from forbear.engine.promotion import Approvers, Proposal, Signed, SignedApproval

T = TypeVar("T")

_APPROVERS = "approvers.json"
_SHORT = re.compile(r"[0-9a-f]{12}\Z")


class _Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    offset: int


class FileApprovals:
    """What people have signed about the models of a home. Signatures are not checked here, only kept.

    Raises StorageError where something cannot be read or written, CorruptState for a file that is no such thing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else founds, proposes or approves while the block runs. Raises StorageError where somebody does."""
        with storage_errors(f"cannot write {self.folder}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            with alone(self.folder / ".lock") as mine:
                if not mine:
                    raise StorageError(f"another command is writing in {self.folder}", mend="wait until it has ended")
                yield

    def approvers(self) -> Approvers | None:
        """Those who may approve; None where nobody was ever named."""
        return self._read(self.folder / _APPROVERS, Approvers)

    def found(self, approvers: Approvers) -> None:
        """Settle who may approve, once. Raises ConflictError where that is settled."""
        self._write(self.folder / _APPROVERS, approvers)

    def propose(self, signed: Signed) -> None:
        """Keep a proposal. Raises ConflictError where it is there already."""
        self._write(self._path(signed.proposal.short, "proposal"), signed)

    def approve(self, proposal: Proposal, given: SignedApproval) -> None:
        """Keep the approval of a proposal. Raises ConflictError where it has one already."""
        self._write(self._path(proposal.short, "approval"), given)

    def proposal(self, short: str) -> Signed:
        """The proposal of 12 digits or more. Raises ConfigError where there is none."""
        if not _SHORT.match(short[:12]):
            raise ConfigError(f"{short!r} names no proposal", mend="give 12 digits of it")
        path = self._path(short[:12], "proposal")
        found = self._read(path, Signed)
        if found is None:
            raise ConfigError(f"there is no proposal {short[:12]}", mend="`forbear models proposals` lists them")
        if not found.proposal.digest.startswith(short):
            raise CorruptState(f"{path} is another proposal than its name says: it was edited", mend=_RESTORE)
        return found

    def approval(self, short: str) -> SignedApproval | None:
        """The approval of a proposal; None where it has none."""
        return self._read(self._path(short[:12], "approval"), SignedApproval)

    def tell(self, proposal: Proposal, offset: int) -> None:
        """Note that a proposal was carried out, and where the log says so."""
        write_whole(self._path(proposal.short, "told"), msgspec.json.encode(_Told(offset=offset)) + b"\n")

    def told_at(self, short: str) -> int | None:
        """The offset at which a proposal was carried out; None where that was not noted."""
        told = self._read(self._path(short[:12], "told"), _Told)
        return None if told is None else told.offset

    def proposals(self) -> list[str]:
        """First digits of every proposal, the oldest first."""
        with storage_errors(f"cannot read {self.folder}"):
            if not self.folder.is_dir():
                return []
            names = [path.name.partition("-")[0] for path in self.folder.glob("*-proposal.json")]
        return sorted(names, key=lambda short: (self.proposal(short).proposal.proposed_at, short))

    def _path(self, short: str, what: str) -> Path:
        return self.folder / f"{short}-{what}.json"

    def _read(self, path: Path, kind: type[T]) -> T | None:
        with storage_errors(f"cannot read {path}"):
            if not path.exists():
                return None
            content = path.read_bytes()
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise CorruptState(f"{path} is damaged: {error}", mend=_RESTORE) from error

    def _write(self, path: Path, content: msgspec.Struct) -> None:
        if path.exists():
            raise ConflictError(f"{path} is there already, and is written once", mend="look at what it says")
        write_whole(path, msgspec.json.encode(content) + b"\n")


_RESTORE = "restore it from a backup, or propose again"
