"""The audit chain as one text that can be verified anywhere: JSON lines of which no byte is free.

    header        {"forbear_audit":1,"records":N}
    public key    {"public_key":"..."}
    checkpoints   {"checkpoint":{...},"key":"...","signature":"..."}
    N records     {"digest":"...","sealed":"...","record":{...}}
    digests       {"digests":"...","first":0}        1,024 a line, of all records

`record` is what the digest is of, byte for byte; `sealed` is the ciphertext of the decision that it names, in base64,
and never its plaintext. The digests stand there a second time because the last checkpoint signs their Merkle root: so
a record that was changed is found even where all digests behind it were made anew.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from forbear.engine.audit import Link, preimage_of

EXPORT_FORMAT = 1
DIGESTS_A_LINE = 1_024


def exported(links: Iterable[Link], records: int, checkpoints: Sequence[bytes], public: bytes) -> Iterator[bytes]:
    """The lines of an export, each with its end of line.

    links: the whole chain, of which the first `records` are taken.  checkpoints: lines, the last of them over just
    these records.  public: the key that they are signed by.
    """
    yield header_line(records)
    yield key_line(public)
    yield from (line + b"\n" for line in checkpoints)
    digests = list[str]()
    for link in links:
        if len(digests) == records:
            break
        digests.append(link.record.digest)
        yield record_line(link)
    yield from digest_lines(digests)


def header_line(records: int) -> bytes:
    """The first line."""
    return b'{"forbear_audit":%d,"records":%d}\n' % (EXPORT_FORMAT, records)


def record_line(link: Link) -> bytes:
    """The line of one record, with the ciphertext of its decision."""
    record, decision = link
    sealed = b"" if decision is None or not record.sealed_sha else base64.b64encode(decision.sealed)
    return b'{"digest":"%b","sealed":"%b","record":%b}\n' % (record.digest.encode(), sealed, preimage_of(record))


def digest_lines(digests: Iterable[str], first: int = 0) -> Iterator[bytes]:
    """The lines that repeat the digests of records, the first of which is the one of this sequence."""
    left = iter(digests)
    while some := list(islice(left, DIGESTS_A_LINE)):
        yield b'{"digests":"%b","first":%d}\n' % ("".join(some).encode(), first)
        first += len(some)


def key_line(public: bytes) -> bytes:
    """The second line."""
    return b'{"public_key":"%b"}\n' % base64.b64encode(public)
