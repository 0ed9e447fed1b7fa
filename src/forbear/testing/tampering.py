"""Ways to tamper with an export of the audit chain, for tests and benchmarks: each must be found at its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import NamedTuple

from forbear.engine.audit import Link, chain
from forbear.engine.audit_export import digest_lines, record_line
from forbear.engine.audit_verify import DIGESTS, RECORD
from forbear.engine.outputs import AuditRecord

Lines = list[bytes]


class Tampered(NamedTuple):
    """What somebody made of an export. how: in a word.  line: the first that is another one, from 1.

    record: the sequence of the record that stood, or should stand, there; None where it is none.
    """

    how: str
    lines: Lines
    line: int
    record: int | None


def tampered(random: Random, lines: Lines) -> Tampered:
    """An export tampered with once, in a way and at a place by chance; it never comes out as it was."""
    while True:
        how = random.choice(list(WAYS))
        found = _lines_of(b"".join(WAYS[how](random, list(lines))))
        if found != lines:
            return _judged(how, lines, found)


def _judged(how: str, lines: Lines, found: Lines) -> Tampered:
    place = next(
        (place for place, (one, other) in enumerate(zip(lines, found, strict=False)) if one != other),
        min(len(lines), len(found)),
    )
    first, past = _span(lines)
    return Tampered(how, found, place + 1, place - first if first <= place < past else None)


def _lines_of(content: bytes) -> Lines:
    """Lines as a file gives them: only a line feed ends one."""
    parts = content.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _span(lines: Sequence[bytes]) -> tuple[int, int]:
    """The places of the records: the first, and the one behind the last."""
    first = next(place for place, line in enumerate(lines) if line.startswith(RECORD))
    return first, next(place for place, line in enumerate(lines) if line.startswith(DIGESTS))


def _any(random: Random, lines: Lines) -> int:
    return random.randrange(*_span(lines))


def _flipped(random: Random, lines: Lines) -> Lines:
    """One bit of a record."""
    return _with_flip(random, lines, _any(random, lines))


def _flipped_anywhere(random: Random, lines: Lines) -> Lines:
    """One bit of any line."""
    return _with_flip(random, lines, random.randrange(len(lines)))


def _with_flip(random: Random, lines: Lines, place: int) -> Lines:
    line = bytearray(lines[place])
    line[random.randrange(len(line))] ^= 1 << random.randrange(8)
    lines[place] = bytes(line)
    return lines


def _deleted(random: Random, lines: Lines) -> Lines:
    del lines[_any(random, lines)]
    return lines


def _swapped(random: Random, lines: Lines) -> Lines:
    one, other = _any(random, lines), _any(random, lines)
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def _doubled(random: Random, lines: Lines) -> Lines:
    lines.insert(_any(random, lines), lines[_any(random, lines)])
    return lines


def _put_in(random: Random, lines: Lines) -> Lines:
    """A record more, which follows the one before it and whose digest fits."""
    place = _any(random, lines)
    before = _record_of(lines[place - 1]) if place > _span(lines)[0] else None
    forged = chain(before, "instruction", random.randrange(9), {"by": "nobody", "n": random.random()})
    lines.insert(place, record_line(Link(forged, None)))
    return lines


def _rewritten(random: Random, lines: Lines) -> Lines:
    """A record that says something else, its digest made anew."""
    place = _any(random, lines)
    lines[place] = _forged(random, lines, place)
    return lines


def _rewritten_to_the_end(random: Random, lines: Lines) -> Lines:
    """A record that says something else, and every digest in the records behind it made anew."""
    return rewritten_from(random, lines, _any(random, lines))


def rewritten_from(random: Random, lines: Lines, place: int) -> Lines:
    """The record of a place says something else, and every digest in the records behind it is made anew."""
    lines[place] = _forged(random, lines, place)
    for later in range(place + 1, _span(lines)[1]):
        lines[later] = _behind(_record_of(lines[later - 1]), lines[later])
    return lines


def with_new_digests(lines: Lines) -> Lines:
    """The digests behind the records made anew as well."""
    first, past = _span(lines)
    return [*lines[:past], *digest_lines(_record_of(line).digest for line in lines[first:past])]


def _forged(random: Random, lines: Lines, place: int) -> bytes:
    before = _record_of(lines[place - 1]) if place > _span(lines)[0] else None
    own = _record_of(lines[place])
    body = {**json.loads(own.body), "changed": random.random()}
    forged = chain(before, own.kind, own.offset, body)
    return record_line(Link(forged, None))


def _behind(before: AuditRecord, line: bytes) -> bytes:
    own = _record_of(line)
    return record_line(Link(chain(before, own.kind, own.offset, json.loads(own.body)), None))


def _cut(random: Random, lines: Lines) -> Lines:
    """The end torn off, somewhere in a line."""
    content = b"".join(lines)
    return [content[: random.randrange(1, len(content))]]


def _cut_between(random: Random, lines: Lines) -> Lines:
    """The last records left out, and what stands behind them."""
    return lines[: _any(random, lines)]


def _left_out(random: Random, lines: Lines) -> Lines:
    """The last records left out, and nothing else."""
    place, past = _any(random, lines), _span(lines)[1]
    return lines[:place] + lines[past:]


def _record_of(line: bytes) -> AuditRecord:
    told = json.loads(line)
    return AuditRecord(**told["record"], digest=told["digest"])


WAYS: Mapping[str, Callable[[Random, Lines], Lines]] = {
    "a bit of a record flipped": _flipped,
    "a bit flipped anywhere": _flipped_anywhere,
    "a record deleted": _deleted,
    "two records swapped": _swapped,
    "a record doubled": _doubled,
    "a forged record put in": _put_in,
    "a record rewritten": _rewritten,
    "a record rewritten, and all digests behind it": _rewritten_to_the_end,
    "torn off": _cut,
    "cut off": _cut_between,
    "the last records left out": _left_out,
}
"""How an export is tampered with."""
