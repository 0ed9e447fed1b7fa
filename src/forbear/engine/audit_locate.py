"""Where an export of the audit chain was tampered with: the first line that is not what was exported.

The digests behind the records decide, since a checkpoint signs their Merkle root: they tell which records are the true
ones even where somebody has put one in and made its digest fit, or made all digests behind it anew. Where these digests
themselves were changed, the records have the signed root. Where neither does, only the chain is left: it shows the
first record that does not follow, and everything before that could have been written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from forbear.engine.audit_export import digest_lines, header_line, key_line
from forbear.engine.audit_verify import (
    CHECKPOINT,
    DIGESTS,
    KEY,
    RECORD,
    Checks,
    digest_in,
    key_in,
    stated_digest,
)
from forbear.engine.checkpoint import Signed, first_wrong, fits, key_id, read_line
from forbear.engine.merkle import Frontier, root_of

Lines = Callable[[], Iterator[bytes]]
"""Reads an export from its beginning: its lines, each with its end of line."""
_HEX = 64


class Broken(NamedTuple):
    """The first thing that is not what was exported. line: from 1.  record: its sequence, None where it is none.

    why: in words.
    """

    line: int
    record: int | None
    why: str


class _Known(NamedTuple):
    """What is known of the true export. public: its key.  signed: checkpoints whose signature fits, by their size.

    witness: the true digests, in hexadecimal; None where nothing tells them.
    """

    public: bytes
    given: bool
    signed: list[Signed]
    witness: list[bytes] | None

    @property
    def newest(self) -> Signed | None:
        """The checkpoint over the most records."""
        return self.signed[-1] if self.signed else None


def located(lines: Lines, checks: Checks, public: bytes | None = None) -> Broken | None:
    """The first line that is not what was exported; None where no line is wrong by itself.

    public: the key that it must be signed by; None: the one that it names.
    """
    known = _known(lines, checks, public)
    numbered = _Numbered(lines())
    return (
        _header(numbered.next(), known)
        or _key(numbered.next(), known)
        or _checkpoints(numbered, known, checks)
        or (_by_the_chain(numbered, known.signed) if known.witness is None else _by_witness(numbered, known.witness))
    )


class _Numbered:
    """Lines with their numbers, from 1; behind the last they are empty."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._held: bytes | None = None
        self.number = 0

    def next(self) -> bytes:
        """The next line."""
        self.number += 1
        held, self._held = self._held, None
        return next(self._lines, b"") if held is None else held

    def peek(self) -> bytes:
        """The same, without going on."""
        if self._held is None:
            self._held = next(self._lines, b"")
        return self._held


def _known(lines: Lines, checks: Checks, public: bytes | None) -> _Known:
    keys, checkpoints, digests = list[bytes](), list[Signed](), list[tuple[int, list[bytes]]]()
    for line in lines():
        if line.startswith(KEY):
            keys.append(line)
        elif line.startswith(CHECKPOINT) and (signed := read_line(line[:-1])) is not None:
            checkpoints.append(signed)
        elif line.startswith(DIGESTS) and (some := _digests_in(line)) is not None:
            digests.append(some)
    key = public or next((found for line in keys if (found := key_in(line)) is not None), b"")
    check = checks(key)
    signed_ones = [one for one in checkpoints if one.key == key_id(key) and fits(one, check)]
    signed_ones.sort(key=lambda one: one.checkpoint.size)
    newest = signed_ones[-1] if signed_ones else None
    stated = [one for _, some in sorted(digests, key=lambda pair: pair[0]) for one in some]
    witness = next((some for some in (stated, _followed(lines)) if newest and _signs(newest, some)), None)
    return _Known(key, public is not None, signed_ones, witness)


def _digests_in(line: bytes) -> tuple[int, list[bytes]] | None:
    """The digests of their line, and the sequence of the first; None for a line that was written otherwise."""
    text, _, end = line[len(DIGESTS) :].partition(b'","first":')
    some = [text[place : place + _HEX] for place in range(0, len(text), _HEX)]
    try:
        first = int(end[:-2])
        if list(digest_lines((one.decode() for one in some), first)) != [line]:
            return None
        bytes.fromhex(text.decode())
    except ValueError:
        return None
    return first, some


def _followed(lines: Lines) -> list[bytes]:
    """Digests of the records that follow one another from the first on."""
    found = list[bytes]()
    shown = (line for line in lines() if line.startswith(RECORD))
    for sequence, line in enumerate(shown):
        digest = digest_in(line, found[-1] if found else b"", sequence)
        if digest is None:
            break
        found.append(digest)
    return found


def _signs(signed: Signed, digests: list[bytes]) -> bool:
    """Whether a checkpoint signs the first of some digests. Of those behind them the chain tells."""
    own = signed.checkpoint
    contents = [bytes.fromhex(one.decode()) for one in digests[: own.size]]
    return len(contents) == own.size and root_of(contents).hex() == own.root


def _header(line: bytes, known: _Known) -> Broken | None:
    try:
        stated = int(line.rpartition(b":")[2][:-2])
    except ValueError:
        stated = -1
    records = stated if known.witness is None else len(known.witness)
    return None if line == header_line(records) and records >= 0 else Broken(1, None, "the header is not what it was")


def _key(line: bytes, known: _Known) -> Broken | None:
    written = key_in(line)
    if written is None or (known.public and line != key_line(known.public)):
        return Broken(2, None, "the public key is another one, or not what was written")
    return None


def _checkpoints(lines: _Numbered, known: _Known, checks: Checks) -> Broken | None:
    """The first line of the checkpoints that is wrong, or the first that signs other records."""
    expected, found = known.newest.checkpoint.number + 1 if known.newest else 1, list[bytes]()
    start = lines.number + 1
    while len(found) < expected or lines.peek().startswith(CHECKPOINT):
        line = lines.next()
        found.append(line[:-1] if line.endswith(b"\n") else line + b"\n")
        if not line:
            break
    key = key_id(known.public)
    first = read_line(found[0])
    wrong = first_wrong(found, checks(known.public), key)
    if wrong is not None and not known.given and first is not None and first.key != key and known.newest is None:
        return Broken(2, None, "the public key is not the one that the checkpoints are signed by")
    if wrong is not None:
        return Broken(start + wrong[0], None, f"of the checkpoint: {wrong[1]}")
    return _other_records(found, known.witness, start) if known.witness is not None else None


def _other_records(checkpoints: list[bytes], witness: list[bytes], start: int) -> Broken | None:
    """The first checkpoint that signs other records than the last one does: they were rewritten between the two."""
    tree, since = Frontier(), 0
    for place, line in enumerate(checkpoints):
        signed = read_line(line)
        if signed is None:
            continue
        own = signed.checkpoint
        for digest in witness[tree.size : own.size]:
            tree.add(bytes.fromhex(digest.decode()))
        if tree.size != own.size or tree.root().hex() != own.root:
            why = f"checkpoint {own.number} signs other records {since} to {own.size - 1} than a later one does"
            return Broken(start + place, None, why)
        since = own.size
    return None


def _by_witness(lines: _Numbered, witness: list[bytes]) -> Broken | None:
    """The first line from the records on that is not what the true digests say."""
    for sequence, digest in enumerate(witness):
        line = lines.next()
        if digest_in(line, witness[sequence - 1] if sequence else b"", sequence) != digest:
            return Broken(lines.number, sequence, _why(line, lines.peek(), sequence, witness))
    for expected in digest_lines(one.decode() for one in witness):
        line = lines.next()
        if line != expected:
            record = len(witness) if line.startswith(RECORD) else None
            why = "a record stands behind the last" if record is not None else "the digests are not what was exported"
            return Broken(lines.number, record, why)
    return Broken(lines.number + 1, None, "something stands behind the end") if lines.peek() else None


def _why(line: bytes, after: bytes, sequence: int, witness: list[bytes]) -> str:
    """What became of a record, as far as its place and the next line tell."""
    if not line:
        return "the export ends before it"
    if (
        sequence + 1 < len(witness)
        and stated_digest(line) == witness[sequence + 1]
        and stated_digest(after) != witness[sequence]
    ):
        return "it was taken out"
    if line.startswith(DIGESTS):
        return "it was taken out"
    if stated_digest(after) == witness[sequence] and digest_in(
        after, witness[sequence - 1] if sequence else b"", sequence
    ):
        return "something was put in before it"
    if stated_digest(line) != witness[sequence] and stated_digest(line) in witness:
        return "another record stands in its place"
    return "it is not what was exported"


def _by_the_chain(lines: _Numbered, signed: list[Signed]) -> Broken | None:
    """The first record that does not follow the one before it, or the first that may have been written anew."""
    digest, sequence, begun = b"", 0, lines.number + 1
    tree, since, due = Frontier(), 0, [one.checkpoint for one in signed]
    while lines.peek().startswith(RECORD):
        found = digest_in(lines.next(), digest, sequence)
        if found is None:
            return Broken(lines.number, sequence, "the record does not follow the one before it")
        digest, sequence = found, sequence + 1
        tree.add(bytes.fromhex(digest.decode()))
        while due and due[0].size == sequence:
            point = due.pop(0)
            if point.root != tree.root().hex():
                why = f"some of the records {since} to {sequence - 1}, and all digests behind them, were written anew"
                return Broken(begun + since, since, why)
            since = sequence
    line = lines.next()
    return None if line.startswith(DIGESTS) else Broken(lines.number, sequence, "the export ends before it, or is torn")
