"""Checkpoints: the audit chain up to a record in one signed line, each of which commits to the line before it.

Whoever keeps a line elsewhere, or the public key, can tell later whether the records up to there are still those. A
line is canonical JSON: no byte of it is free.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from forbear.domain.errors import CorruptState
from forbear.domain.stated import canonical_json
from forbear.engine.audit import follows
from forbear.engine.merkle import Frontier
from forbear.engine.outputs import AuditRecord

PURPOSE = b"forbear audit checkpoint 1\n"
"""Stands before what is signed, so that a signature means nothing else."""
Check = Callable[[bytes, bytes], bool]
"""Whether a signature fits a message, by a public key."""


class Signer(Protocol):
    """A private key that never leaves its file."""

    @property
    def public(self) -> bytes:
        """Its public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature of a message, 64 bytes."""
        ...


class Checkpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The chain as it stood. number: from 0.  size: records.  root: of the Merkle tree over their digests.

    head: digest of the last record, "" for none.  frontier: roots of the tree's complete subtrees, from which it grows
    on without reading what is there.  at_us: when it was made [us UTC].  previous: SHA-256 of the line of the
    checkpoint before, "" for the first.  accesses: the anchor of each chain of accesses to personal data, by its
    writer. Hashes are hexadecimal.
    """

    number: int
    size: int
    root: str
    head: str
    frontier: tuple[str, ...]
    at_us: int
    previous: str
    accesses: dict[str, str]


class Signed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A checkpoint with its signature in base64. key: the first 16 hexadecimal digits of the public key's SHA-256."""

    checkpoint: Checkpoint
    key: str
    signature: str

    @property
    def line(self) -> bytes:
        """The line that it is kept as, without the end of line."""
        return canonical_json(msgspec.to_builtins(self))


def extended(
    before: Signed | None, records: Iterable[AuditRecord], at_us: int, accesses: Mapping[str, str]
) -> Checkpoint:
    """The checkpoint behind another, over these records more.

    Raises CorruptState for a record that does not follow: nothing is signed that is broken.
    """
    last = None if before is None else before.checkpoint
    tree = Frontier() if last is None else Frontier(last.size, map(bytes.fromhex, last.frontier))
    head = "" if last is None else last.head
    for record in records:
        # Of the record before only place and digest are known, and nothing else of it is asked.
        if not follows(record, _stub(tree.size - 1, head) if tree.size else None):
            raise CorruptState(
                f"audit record {tree.size} does not follow the one before it",
                mend="`forbear audit verify` says where the chain is broken; compare with a backup",
            )
        tree.add(bytes.fromhex(record.digest))
        head = record.digest
    return Checkpoint(
        number=0 if last is None else last.number + 1,
        size=tree.size,
        root=tree.root().hex(),
        head=head,
        frontier=tuple(one.hex() for one in tree.hashes),
        at_us=at_us,
        previous="" if before is None else hashlib.sha256(before.line).hexdigest(),
        accesses=dict(accesses),
    )


def sealed_by(signer: Signer, checkpoint: Checkpoint) -> Signed:
    """The checkpoint, signed."""
    signature = base64.b64encode(signer.sign(_message(checkpoint))).decode()
    return Signed(checkpoint=checkpoint, key=key_id(signer.public), signature=signature)


def key_id(public: bytes) -> str:
    """A short name of a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def read_line(line: bytes) -> Signed | None:
    """The checkpoint of a line; None for one that says it in other bytes, or says none."""
    try:
        found = _LINE.decode(line)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return found if found.line == line else None


def first_wrong(lines: Sequence[bytes], check: Check, key: str) -> tuple[int, str] | None:
    """Place, and why, of the first line that is not a signed checkpoint behind the one before it; None for none.

    key: the name of the public key that `check` is of.
    """
    before: Signed | None = None
    for place, line in enumerate(lines):
        signed = read_line(line)
        if signed is None:
            return place, "it is not what was written"
        if why := _wrong(signed, before, check, key):
            return place, why
        before = signed
    return None


def _wrong(signed: Signed, before: Signed | None, check: Check, key: str) -> str:
    own, last = signed.checkpoint, before.checkpoint if before else None
    previous = hashlib.sha256(before.line).hexdigest() if before else ""
    if (own.number, own.previous) != (last.number + 1 if last else 0, previous):
        return "it does not follow the one before it"
    if signed.key != key:
        return f"it is signed by key {signed.key}, not by {key}"
    if not fits(signed, check):
        return "its signature does not fit"
    if last and own.size < last.size:
        return "the chain was longer before"
    return ""


def fits(signed: Signed, check: Check) -> bool:
    """Whether the signature of a checkpoint is of what it says."""
    return check(_signature(signed), _message(signed.checkpoint))


def _message(checkpoint: Checkpoint) -> bytes:
    return PURPOSE + canonical_json(msgspec.to_builtins(checkpoint))


def _signature(signed: Signed) -> bytes:
    try:
        return base64.b64decode(signed.signature, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _stub(sequence: int, digest: str) -> AuditRecord:
    return AuditRecord(sequence=sequence, offset=0, kind="", body="", sealed_sha="", previous="", digest=digest)


_LINE = msgspec.json.Decoder(Signed)
