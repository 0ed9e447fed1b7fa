"""What is examined of a home: a check for each thing that a running deployment rests on. None changes anything."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from forbear.adapters.disk import nobody_holds, sha256_of, storage_errors
from forbear.adapters.log_segments import LOCK, mark_of, segments_in
from forbear.adapters.snapshots import FileSnapshots
from forbear.adapters.sql.queries import SqlQueries, open_queries
from forbear.adapters.sqlite import damage_in
from forbear.adapters.vault import keys_in
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.champions import champions_of
from forbear.apps.jobs.instructing import approvals_of
from forbear.apps.jobs.parts import HomeParts
from forbear.apps.jobs.promoting import approvals_behind
from forbear.domain.errors import CorruptState, ModelMismatch, StorageError
from forbear.engine.audit import verify
from forbear.engine.closing import ClosingRule, is_due
from forbear.engine.queries import MOST_ROWS, Answer, Status, Which, whole_chain
from forbear.engine.scorer import Scorer
from forbear.engine.versions import state_of
from forbear.features.columns import day_of, micros
from forbear.features.local_time import DAY_US, local_time
from forbear.models.gate_terms import Verdict

_READ_AT_ONCE = 65_536
_BACKUP = "restore it from a backup"


class Grade(StrEnum):
    """How something stands. attention: nothing is lost, and somebody should look."""

    BROKEN = "broken"
    ATTENTION = "attention"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Noticed:
    """One finding. mend: what to do.  status: the exit status of who must act, 0 unless something is broken."""

    what: str
    grade: Grade
    said: str
    mend: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """deep: read all of archive, log and snapshots.  anchors: marks that the audit chain must have passed.

    least_free_bytes: with less the disk is broken.
    """

    now: datetime
    deep: bool = False
    anchors: tuple[str, ...] = ()
    least_free_bytes: int = 1 << 30


Findings = Iterator[Noticed]


def _deployment(home: Home, _asked: Examination) -> Findings:
    found = home.deployment
    yield Noticed("deployment", Grade.FINE, f"{found.source}, {found.currency}, {found.time_zone}")


def _archive(home: Home, asked: Examination) -> Findings:
    archive = home.archive
    for segment in archive.segments:
        path = archive.folder / segment.file
        with storage_errors(f"cannot read {path}"):
            if not path.is_file() or (asked.deep and sha256_of(path) != segment.sha256):
                raise CorruptState(f"{path} is not what was written, or gone", mend=_BACKUP)
    read = "all read" if asked.deep else "checksums are read with --deep"
    yield Noticed("archive", Grade.FINE, f"{archive.next_offset:,} events, {len(archive.segments):,} segments; {read}")


def _log(home: Home, asked: Examination) -> Findings:
    folder, beginning = home.log(), home.archive.next_offset
    with closing(home.source()) as source:
        end = source.end
        if end < beginning:
            raise CorruptState(f"{folder} ends at {end}, before the archive does at {beginning}", mend=_BACKUP)
        while asked.deep and source.poll(_READ_AT_ONCE) is not None:
            """Every frame that is read is held against its checksum."""
    segments = segments_in(folder)
    yield Noticed("log", Grade.FINE, f"{len(segments):,} segments up to offset {end:,}")
    if (mark := mark_of(folder)) is not None and mark.offset < end:
        yield Noticed("log", Grade.ATTENTION, "the mark lags behind the frames", "nothing: the next writer mends it")


def _snapshots(home: Home, asked: Examination) -> Findings:
    for name, snapshots in (("snapshots", home.snapshots), ("worker snapshots", FileSnapshots(home.worker))):
        found, up_to = list[int](), None
        while (kept := snapshots.latest(up_to)) is not None:
            found.append(kept.offset)
            up_to = kept.offset - 1
            if not asked.deep:
                break
        if found:
            yield Noticed(name, Grade.FINE, f"the newest stands at offset {found[0]:,}")


def _database(home: Home, _asked: Examination) -> Findings:
    if not home.database.exists():
        yield Noticed("database", Grade.ATTENTION, "no worker ever ran", "forbear run --once")
        return
    if damage := damage_in(home.database):
        raise CorruptState(f"{home.database} is damaged: {damage}", mend=_BACKUP)
    with closing(home.source()) as source:
        end = source.end
    position = _status(home).as_of
    if position.offset > end:
        raise CorruptState(
            f"the store is at offset {position.offset}, and the log ends at {end}", mend="restore the log"
        )
    yield Noticed("database", Grade.FINE, f"recorded up to offset {position.offset:,}")
    if lag := end - position.offset:
        yield Noticed("lag", Grade.ATTENTION, f"{lag:,} events of the log are not recorded yet", "forbear run")


def _worker(home: Home, _asked: Examination) -> Findings:
    if not home.database.exists():
        return
    kept, position = FileSnapshots(home.worker).latest(), _status(home).as_of
    if kept is None:
        raise CorruptState("the store is there, and no snapshot of the worker is", mend="restore worker/ from a backup")
    if kept.layout_hash != Scorer(home.deployment, home.feed.calendar).book.layout_hash():
        raise ModelMismatch(
            "the worker's snapshot is of another ledger layout", mend="use the version of forbear that wrote it"
        )
    if kept.offset > position.offset:
        raise CorruptState(
            f"the worker's snapshot stands at {kept.offset}, the store only at {position.offset}",
            mend="restore worker/ and forbear.db from one and the same backup",
        )
    oldest = min(segments_in(home.log()), default=kept.offset)
    if kept.offset < oldest:
        raise CorruptState(f"the worker goes on from {kept.offset}, the log begins at {oldest}", mend="restore the log")
    yield Noticed("worker", Grade.FINE, f"{position.offset - kept.offset:,} events are read again after a restart")


def _audit(home: Home, asked: Examination) -> Findings:
    if not home.database.exists():
        return
    with closing(_queries(home)) as queries:
        broken = verify(whole_chain(queries), asked.anchors)
        head = queries.status().value.head
    if broken is not None:
        raise CorruptState(f"the audit chain breaks at record {broken.sequence}: {broken.why}", mend=_BACKUP)
    yield Noticed("audit", Grade.FINE, f"{0 if head is None else head.sequence + 1:,} records, verified")


def _keys(home: Home, _asked: Examination) -> Findings:
    sealed = _sealed_for(home) if home.database.exists() else set[int]()
    if not home.keys.exists():
        if sealed:
            raise CorruptState(
                f"{home.keys} is gone: decisions cannot be read", mend="restore it from its newest backup"
            )
        return
    there, erased = keys_in(home.keys)
    if damage := damage_in(home.keys):
        raise CorruptState(f"{home.keys} is damaged: {damage}", mend="restore it from its newest backup")
    if lost := len(sealed - there - erased):
        raise CorruptState(
            f"{lost:,} customers have sealed decisions and no key", mend="restore keys.db from its newest backup"
        )
    yield Noticed("keys", Grade.FINE, f"{len(there):,} keys, {len(erased):,} destroyed")


def _parts(home: Home, _asked: Examination) -> Findings:
    if not home.database.exists():
        return
    status, parts = _status(home).value, HomeParts(home)
    if status.model is None or status.policy is None:
        yield Noticed(
            "parts", Grade.ATTENTION, "no model, or no policy, is in force: nobody is scored", "forbear promote"
        )
    if status.model is not None:
        parts.model(status.model.digest, Scorer(home.deployment, home.feed.calendar).features.hash)
        yield Noticed("model", Grade.FINE, f"{status.model.digest[:12]} is in force, and there")
    if status.policy is not None:
        parts.policy(status.policy.digest)
        yield Noticed("policy", Grade.FINE, f"{status.policy.digest[:12]} is in force, and there")
    if status.reasons is not None:
        parts.reasons(status.reasons.digest)
        yield Noticed("reasons", Grade.FINE, f"{status.reasons.digest[:12]} are in force, and there")
    elif status.model is not None:
        yield Noticed("reasons", Grade.ATTENTION, "none are approved: decisions bear no words", "forbear promote")


def _registry(home: Home, _asked: Examination) -> Findings:
    """Every model that is kept, and, where two people must agree, whether they did to the champion."""
    registry = home.registry
    versions = registry.versions()
    for version in versions:
        registry.get(version.digest)
    failed = sum(state_of(registry.gates(version.digest)) is Verdict.FAILED for version in versions)
    if versions:
        yield Noticed("registry", Grade.FINE, f"{len(versions)} models, {failed} of them failed by a gate")
    if (approvers := approvals_of(home).approvers()) is None:
        return
    champions = champions_of(home, Console(quiet=True))
    signed = approvals_behind(home, champions)
    unsigned = [
        one for place, one in enumerate(champions) if place not in signed and one.known_since > approvers.founded_at
    ]
    since = f"since {approvers.founded_at:%Y-%m-%d}"
    if unsigned:
        said = f"{len(unsigned)} promotions {since} without two signatures"
        yield Noticed("approvals", Grade.ATTENTION, said, "`forbear models history` names who told them")
    else:
        yield Noticed("approvals", Grade.FINE, f"every promotion {since} has two signatures")


def _disk(home: Home, asked: Examination) -> Findings:
    with storage_errors(f"cannot look at the disk of {home.folder}"):
        free = shutil.disk_usage(home.folder).free
    said = f"{free / (1 << 30):,.1f} GiB are free"
    if free < asked.least_free_bytes:
        raise StorageError(said, mend="make room: a full disk stops the worker, and loses nothing")
    yield Noticed("disk", Grade.FINE, said)


def _locks(home: Home, _asked: Examination) -> Findings:
    for name, path in (("worker", home.worker / ".lock"), ("log", home.log() / LOCK)):
        with storage_errors(f"cannot read {path}"), nobody_holds(path) as free:
            held = not free
        said = "somebody writes to it now" if held else "nobody writes to it now"
        yield Noticed("locks", Grade.FINE, f"{name}: {said}")


def _dead_letters(home: Home, _asked: Examination) -> Findings:
    refused = _status(home).value.rows["dead_letters"] if home.database.exists() else 0
    files = sorted(path.name for path in home.dead_letters.glob("*.jsonl") if path.stat().st_size)
    if not refused and not files:
        yield Noticed("dead letters", Grade.FINE, "none")
        return
    said = f"{refused:,} events that the ledger would not take; files of records refused at the door: {len(files)}"
    yield Noticed(
        "dead letters", Grade.ATTENTION, said, f"read the reasons: {', '.join(files) or 'table dead_letters'}"
    )


def _clock(home: Home, asked: Examination) -> Findings:
    last = _status(home).value.last_day if home.database.exists() else None
    last = home.archive.closed_day if last is None else last
    if last is None:
        yield Noticed("days", Grade.ATTENTION, "no day was ever closed", "forbear sweep")
        return
    zone, now_us = local_time(home.deployment.time_zone), micros(asked.now)
    if is_due(last + 1, now_us, zone, ClosingRule().grace_minutes):
        behind = (now_us // DAY_US) - last - 1
        said = f"{day_of(last + 1)} is open, {max(behind, 1):,} days behind the clock"
        yield Noticed("days", Grade.ATTENTION, said, "forbear sweep says what it waits for")
    else:
        yield Noticed("days", Grade.FINE, f"closed up to {day_of(last)}")


CHECKS: dict[str, Callable[[Home, Examination], Findings]] = {
    "deployment": _deployment,
    "archive": _archive,
    "log": _log,
    "snapshots": _snapshots,
    "database": _database,
    "worker": _worker,
    "audit": _audit,
    "keys": _keys,
    "parts": _parts,
    "registry": _registry,
    "disk": _disk,
    "locks": _locks,
    "dead letters": _dead_letters,
    "days": _clock,
}
"""Every check by what it is of, in the order in which they are made."""


def _queries(home: Home) -> SqlQueries:
    return open_queries(f"sqlite:///{home.database}")


def _status(home: Home) -> Answer[Status]:
    with closing(_queries(home)) as queries:
        return queries.status()


def _sealed_for(home: Home) -> set[int]:
    """Customers of whom something is sealed; those that were erased are no longer named."""
    found, before = set[int](), None
    with closing(_queries(home)) as queries:
        while True:
            page = queries.decisions(Which(), MOST_ROWS, before).value
            found |= {one.customer for one in page.decisions if one.sealed}
            if (before := page.older) is None:
                return found - {0}
