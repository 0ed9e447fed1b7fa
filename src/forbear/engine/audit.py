"""The audit chain: records that each commit to the one before, and to ciphertexts whose keys may be destroyed.

A record that is changed, taken out or put in breaks the chain. One cut off at its end does not: keep an anchor of
the head outside, and verify against it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from forbear.domain.stated import canonical_json
from forbear.engine.outputs import AuditRecord, Decision

_ANCHOR_DIGITS = 32
_SAID = {field.name for field in fields(Decision)} - {"sealed", "customer", "matter"}


class Link(NamedTuple):
    """A record as the store has it, and the decision that its body names by `decision_id`, if that is there."""

    record: AuditRecord
    decision: Decision | None


class Break(NamedTuple):
    """Where a chain fails. sequence: of the first record that is not what was written.  why: in words."""

    sequence: int
    why: str


def chain(
    previous: AuditRecord | None, kind: str, offset: int, body: Mapping[str, Any], sealed: bytes = b""
) -> AuditRecord:
    """The record that follows another, or the first.

    body: what is not personal; of kind "decision" it names its `decision_id`.  sealed: the ciphertext that belongs to
    it, empty for none.  Raises ValueError for a body with NaN or infinity.
    """
    said = AuditRecord(
        sequence=previous.sequence + 1 if previous else 0,
        offset=offset,
        kind=kind,
        body=_text(body),
        sealed_sha=hashlib.sha256(sealed).hexdigest() if sealed else "",
        previous=previous.digest if previous else "",
        digest="",
    )
    object.__setattr__(said, "digest", digest_of(said))  # nobody has seen it yet, and a copy takes as long as all else
    return said


def tells(record: AuditRecord | None, kind: str, offset: int, body: Mapping[str, Any]) -> bool:
    """Whether a record says this, whatever ciphertext belongs to it."""
    return record is not None and (record.kind, record.offset, record.body) == (kind, offset, _text(body))


def _text(body: Mapping[str, Any]) -> str:
    return canonical_json(body).decode()


def preimage_of(record: AuditRecord) -> bytes:
    """What the digest of a record is of: canonical JSON of all that it says but that, its keys in order."""
    return (
        f'{{"body":{encode_basestring(record.body)},"kind":{encode_basestring(record.kind)},"offset":{record.offset},'
        f'"previous":{encode_basestring(record.previous)},"sealed_sha":{encode_basestring(record.sealed_sha)},'
        f'"sequence":{record.sequence}}}'
    ).encode()


def digest_of(record: AuditRecord) -> str:
    """SHA-256 [hexadecimal] of all that a record says but its own digest."""
    return hashlib.sha256(preimage_of(record)).hexdigest()


def follows(record: AuditRecord, previous: AuditRecord | None) -> bool:
    """Whether a record is whole and stands right behind another, or first."""
    place = (previous.sequence + 1, previous.digest) if previous else (0, "")
    return (record.sequence, record.previous) == place and record.digest == digest_of(record)


def first_break(records: Iterable[AuditRecord], after: AuditRecord | None = None) -> int | None:
    """Index of the first record that does not follow the one before it; None for a whole chain.

    after: the record before the first, where this is not the beginning.
    """
    for index, record in enumerate(records):
        if not follows(record, after):
            return index
        after = record
    return None


def anchor(record: AuditRecord) -> str:
    """A short printable mark of the chain up to a record, to be kept elsewhere: a cut before it then shows.

    Sequence, a dash, and the first 128 bits of the digest.
    """
    return f"{record.sequence}-{record.digest[:_ANCHOR_DIGITS]}"


def verify(links: Iterable[Link], anchors: Collection[str] = ()) -> Break | None:
    """The first break of a whole chain, in one pass; None where there is none.

    Beside the links themselves: each decision that a record is of is there, says what the record says of it, and bears
    the ciphertext that the record commits to, whether or not a key for it is left. Each anchor is met.
    """
    previous: AuditRecord | None = None
    missing = set(anchors)
    for record, decision in links:
        sequence = previous.sequence + 1 if previous else 0
        if not follows(record, previous):
            return Break(sequence, "the record does not follow the one before it")
        if why := mismatch(record, decision):
            return Break(sequence, why)
        missing.discard(anchor(record))
        previous = record
    if missing:
        end = previous.sequence + 1 if previous else 0
        return Break(end, f"the chain never was at the anchor {min(missing)}: it was cut off or written anew")
    return None


def named_decision(record: AuditRecord) -> str | None:
    """The identifier of the decision that a record's body names, if it names one."""
    body = json.loads(record.body)
    return str(body["decision_id"]) if isinstance(body, dict) and "decision_id" in body else None


def mismatch(record: AuditRecord, decision: Decision | None) -> str:
    """What is wrong between a record and the decision that it is of, "" for nothing."""
    named = named_decision(record)
    if named is None:
        return "the record commits to a ciphertext and names no decision" if record.sealed_sha else ""
    if decision is None or decision.decision_id != named:
        return "the decision of the record is missing"
    sealed_sha = hashlib.sha256(decision.sealed).hexdigest() if decision.sealed else ""
    if sealed_sha != record.sealed_sha:
        return "the ciphertext of the decision is not what was sealed"
    said = {name: value for name, value in json.loads(record.body).items() if name in _SAID}
    stored = json.loads(canonical_json({name: getattr(decision, name) for name in said}))
    return "" if stored == said else "the decision is not what the record says"
