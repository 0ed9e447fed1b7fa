"""Checkpoints of a home's audit chain: kept in `audit/`, signed by the home's own key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from forbear.adapters.disk import alone, storage_errors, write_whole
from forbear.adapters.signing import PUBLIC, FileSigner, checked_by
from forbear.adapters.sql.office import open_office
from forbear.adapters.sql.office_accesses import SqlAccesses
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.auditing import Audited, audited
from forbear.apps.telemetry import Journal
from forbear.domain.errors import CorruptState, ForbearError, StorageError
from forbear.engine.audit import anchor
from forbear.engine.checkpoint import Signed, extended, first_wrong, key_id, read_line, sealed_by
from forbear.engine.outputs import AuditRecord
from forbear.engine.queries import MOST_ROWS
from forbear.features.columns import micros

_LAST_DAY = 1 << 31
_LOOK_SECONDS = 60.0
"""How often a worker that follows looks whether a day has closed."""
WRITER = "audit"
"""Under which name these commands record that they read about a person."""


class Made(NamedTuple):
    """The newest checkpoint, and whether it was just made. public: the key that it is signed by, 32 bytes."""

    signed: Signed
    new: bool
    public: bytes


def key_of(home: Home) -> Path:
    """Where the private key of a home is."""
    return home.audit / "signing.key"


def checkpoint(store: Audited, now: datetime, console: Console | None = None) -> Made:
    """The newest checkpoint over the whole chain: a new one if there are records behind the last.

    Raises CorruptState where the chain is not what was signed, or the checkpoints are not; StorageError where another
    process makes one right now.
    """
    home = store.home
    with _alone(home):
        signer = FileSigner(key_of(home))
        lines = lines_in(home)
        key = key_id(signer.public)
        if wrong := first_wrong(lines, checked_by(signer.public), key):
            raise CorruptState(f"{_path(home)}, line {wrong[0] + 1}: {wrong[1]}", mend=_RESTORE)
        last = read_line(lines[-1]) if lines else None
        size = last.checkpoint.size if last is not None else 0
        _require_met(store, last)
        head = store.queries.status().value.head
        records = head.sequence + 1 if head is not None else 0
        if last is not None and records == size:
            return Made(last, False, signer.public)
        with (console or Console(quiet=True)).progress("Checkpoint", records - size) as progress:
            point = extended(last, _records(store, size, records, progress), micros(now), accesses_of(home))
        made = sealed_by(signer, point)
        write_whole(_path(home), b"".join(line + b"\n" for line in (*lines, made.line)))
    return Made(made, True, signer.public)


def lines_in(home: Home) -> list[bytes]:
    """The checkpoints of a home as they are kept, oldest first."""
    path = _path(home)
    with storage_errors(f"cannot read {path}"):
        return path.read_bytes().splitlines() if path.exists() else []


def accesses_of(home: Home) -> dict[str, str]:
    """The anchor of each chain of accesses to personal data, by its writer; none where nobody ever looked."""
    if not home.office.exists():
        return {}
    with closing(open_office(f"sqlite:///{home.office}", writer=WRITER)) as office:
        return {writer: anchor(head) for writer, head in SqlAccesses(office.rooms, WRITER).heads().items()}


def show_checkpoint(home: Home, console: Console, now: datetime) -> None:
    """Make a checkpoint, or find that nothing has been recorded since the last, and show it."""
    with audited(home) as store:
        made = checkpoint(store, now, console)
    own = made.signed.checkpoint
    public = key_of(home).with_name(key_of(home).name + PUBLIC)
    mark = f"{own.size - 1}-{own.head[:32]}" if own.size else ""
    console.result(
        {
            "new": made.new,
            "number": own.number,
            "records": own.size,
            "root": own.root,
            "anchor": mark,
            "key": made.signed.key,
            "public_key": str(public),
        }
    )
    what = "Checkpoint" if made.new else "Nothing was recorded since checkpoint"
    console.say(f"{what} {own.number}: {own.size:,} records, root {own.root}")
    console.say(f"Signed by key {made.signed.key}; keep {public} and this line elsewhere: {mark}")


class DayCheckpoints:
    """Makes a checkpoint whenever a day was closed since the last one, so that nobody has to remember.

    What goes wrong is noted in the journal: a worker does not stop for it, and the next one is over all records anyway.
    """

    def __init__(self, home: Home, journal: Journal, now: Callable[[], datetime], seconds: Callable[[], float]) -> None:
        self._home, self._journal, self._now, self._seconds = home, journal, now, seconds
        self._looked = seconds()

    def tend(self) -> None:
        """Make one if it is due; looks at the store once a minute at the most."""
        if self._seconds() - self._looked >= _LOOK_SECONDS:
            self._looked = self._seconds()
            self.make()

    def make(self) -> None:
        """Make one if it is due."""
        try:
            with audited(self._home) as store:
                if _day_closed(store):
                    made = checkpoint(store, self._now()).signed.checkpoint
                    self._journal.note("checkpoint", number=made.number, records=made.size, root=made.root)
        except ForbearError as error:
            self._journal.note("checkpoint failed", why=str(error))


def _day_closed(store: Audited) -> bool:
    """Whether a day was closed behind the last checkpoint."""
    days = store.queries.days(0, _LAST_DAY).value
    if not days:
        return False
    lines = lines_in(store.home)
    last = read_line(lines[-1]) if lines else None
    if last is None or not last.checkpoint.size:
        return True
    [link] = store.queries.links(last.checkpoint.size - 1, 1).value or [None]
    return link is not None and days[-1].offset > link.record.offset


def _records(
    store: Audited, first: int, past: int, progress: Callable[[int], None] = lambda _: None
) -> Iterator[AuditRecord]:
    """Records of the chain first..past."""
    place = first
    while place < past and (page := store.queries.links(place, min(MOST_ROWS, past - place)).value):
        yield from (link.record for link in page)
        place += len(page)
        progress(place - first)


def _require_met(store: Audited, last: Signed | None) -> None:
    """Raises CorruptState where the chain does not stand any more as a checkpoint has it."""
    if last is None or not last.checkpoint.size:
        return
    own = last.checkpoint
    found = store.queries.links(own.size - 1, 1).value
    if not found or found[0].record.digest != own.head:
        raise CorruptState(
            f"the audit chain is not the one that checkpoint {own.number} signs: it was cut off or written anew",
            mend="compare forbear.db with a backup; `forbear audit verify` of an older export says where",
        )


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    with storage_errors(f"cannot write {home.audit}"):
        home.audit.mkdir(parents=True, exist_ok=True)
        with alone(home.audit / ".lock") as mine:
            if not mine:
                raise StorageError(
                    f"another process makes a checkpoint in {home.audit}", mend="wait until it has ended"
                )
            yield


def _path(home: Home) -> Path:
    return home.audit / "checkpoints.jsonl"


_RESTORE = "restore it from a backup: whoever has a copy of a checkpoint can tell"
