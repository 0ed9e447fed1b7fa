"""Verify an export of the audit chain, and say which line is the first that is not what was exported.

One quick pass finds whether anything is wrong: every line must be, byte for byte, what an export writes, each record
must follow the one before it, and the tree over them must be the one that each checkpoint signs. Only where something
is wrong, `audit_locate` reads the export again to find the place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import chain as in_turn

from forbear.engine.audit_export import DIGESTS_A_LINE, digest_lines, header_line, key_line
from forbear.engine.checkpoint import Check, Signed, first_wrong, key_id, read_line
from forbear.engine.merkle import Frontier

Checks = Callable[[bytes], Check]
"""What checks signatures by a public key of 32 bytes."""
RECORD, CHECKPOINT, DIGESTS, KEY = b'{"digest":"', b'{"checkpoint":', b'{"digests":"', b'{"public_key":"'
"""How each kind of line begins."""
_SEALED, _SAID = b'","sealed":"', b'","record":'
_FIRST, _LAST = len(RECORD), len(RECORD) + 64
_CIPHER = _LAST + len(_SEALED)
_ANCHOR_DIGITS = 32
_sha256 = hashlib.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """An export of which nothing is wrong. anchor: of its last record, "" for none; see `audit.anchor`.

    key: the name of the public key, see `checkpoint.key_id`.  trusted: whether that key was given, and not just read
    from the export: whoever makes a whole export anew can sign it with a key of their own.  signed_us: when the last
    checkpoint was made [us UTC].
    """

    records: int
    checkpoints: int
    anchor: str
    key: str
    trusted: bool
    signed_us: int


def verify_export(
    lines: Iterator[bytes], checks: Checks, public: bytes | None = None, anchors: Collection[str] = ()
) -> Whole | str:
    """What a whole export is, or in words that it is none; `audit_locate.located` then says where.

    lines: of the export, each with its end of line.  public: the key that it must be signed by, 32 bytes; None: the one
    that it names.  anchors: marks that the chain must have been at, see `audit.anchor`.
    """
    header, second = next(lines, b""), next(lines, b"")
    written = key_in(second)
    if written is None or public not in (None, written):
        return "the public key is another one, or not what was written"
    signed, line = _checkpoints(lines)
    if not signed or first_wrong([one[:-1] for one in signed], checks(written), key_id(written)):
        return "the checkpoints are not those that were signed"
    read = [one for one in map(read_line, (one[:-1] for one in signed)) if one is not None]
    reading = _Reading(read, set(anchors))
    rest = reading.take(in_turn((line,), lines))
    if why := reading.wrong(rest):
        return why
    if header != header_line(reading.tree.size):
        return "the header says another number of records"
    return Whole(
        records=reading.tree.size,
        checkpoints=len(read),
        anchor=anchor_of(reading.tree.size - 1, reading.digest) if reading.tree.size else "",
        key=key_id(written),
        trusted=public is not None,
        signed_us=read[-1].checkpoint.at_us,
    )


def said_in(line: bytes, previous: bytes, sequence: int) -> bytes | None:
    """What the digest of a record's line is of; None where the line is not one of this place behind this digest."""
    mark = line.find(b'"', _CIPHER)
    start = mark + len(_SAID)
    if line[:_FIRST] != RECORD or line[_LAST:_CIPHER] != _SEALED or line[mark:start] != _SAID or line[-2:] != b"}\n":
        return None
    sealed_sha = b""
    if mark > _CIPHER:
        sealed = bytes_in(line[_CIPHER:mark])
        if sealed is None:
            return None
        sealed_sha = _sha256(sealed).hexdigest().encode()
    said = line[start:-2]
    end = b',"previous":"%b","sealed_sha":"%b","sequence":%d}' % (previous, sealed_sha, sequence)
    return said if said.endswith(end) else None


def digest_in(line: bytes, previous: bytes, sequence: int) -> bytes | None:
    """The digest [hexadecimal] of a record's line; None where it is not a whole one of this place."""
    said = said_in(line, previous, sequence)
    if said is None:
        return None
    digest = _sha256(said).hexdigest().encode()
    return digest if digest == line[_FIRST:_LAST] else None


def stated_digest(line: bytes) -> bytes:
    """What a record's line says its digest is."""
    return line[_FIRST:_LAST]


def bytes_in(text: bytes) -> bytes | None:
    """What base64 says; None for what no encoder writes."""
    try:
        found = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        return None
    if text[-1:] != b"=":
        return found
    # The bits behind the last byte are 0 as an encoder writes them.
    return found if base64.b64encode(binascii.a2b_base64(text[-4:])) == text[-4:] else None


def key_in(line: bytes) -> bytes | None:
    """The public key of its line, 32 bytes; None for a line that was written otherwise."""
    found = bytes_in(line[len(KEY) : -3])
    return found if found is not None and key_line(found) == line else None


def anchor_of(sequence: int, digest: bytes) -> str:
    """What `audit.anchor` says of a record."""
    return f"{sequence}-{digest[:_ANCHOR_DIGITS].decode()}"


def _checkpoints(lines: Iterator[bytes]) -> tuple[list[bytes], bytes]:
    """The lines of checkpoints, and the first other one."""
    found = list[bytes]()
    for line in lines:
        if not line.startswith(CHECKPOINT):
            return found, line
        found.append(line)
    return found, b""


class _Reading:
    """Records taken in one after another. digest: of the last one.  tree: over all of them."""

    def __init__(self, signed: list[Signed], anchors: set[str]) -> None:
        self.tree, self.digest = Frontier(), b""
        self._due = [one.checkpoint for one in reversed(signed)]
        self._anchors = anchors
        self._wrong = ""
        self._since = list[bytes]()
        self._repeated = _sha256()

    def take(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Take records in for as long as they follow one another; the lines from the first other one on."""
        self._meet()
        add, digest = self.tree.add, b""
        for sequence, line in enumerate(lines):
            found = digest_in(line, digest, sequence)
            if found is None:
                return in_turn((line,), lines)
            digest = self.digest = found
            add(bytes.fromhex(digest.decode()))
            self._since.append(digest)
            if len(self._since) == DIGESTS_A_LINE:
                self._repeat()
            if self._anchors:
                self._anchors.discard(anchor_of(sequence, digest))
            if self._due and self._due[-1].size == sequence + 1:
                self._meet()
        return iter(())

    def wrong(self, rest: Iterator[bytes]) -> str:
        """What is wrong with all that was read and what stands behind the records; "" for nothing."""
        self._repeat()
        behind = _sha256()
        for line in rest:
            behind.update(line)
        if self._wrong:
            return self._wrong
        if self._due:
            return "the export ends before the records that its last checkpoint signs"
        if behind.digest() != self._repeated.digest():
            return "what stands behind the records is not what was exported"
        if self._anchors:
            return f"the chain never was at the anchor {min(self._anchors)}: it was cut off or written anew"
        return ""

    # ---- inside

    def _meet(self) -> None:
        """Hold what was read so far to the checkpoints of this size."""
        while self._due and self._due[-1].size == self.tree.size:
            due = self._due.pop()
            if (due.root, due.head) != (self.tree.root().hex(), self.digest.decode()):
                self._wrong = self._wrong or f"the records are not those that checkpoint {due.number} signs"

    def _repeat(self) -> None:
        """Know which line of digests must stand behind the records."""
        first = self.tree.size - len(self._since)
        for line in digest_lines((one.decode() for one in self._since), first):
            self._repeated.update(line)
        self._since = []
