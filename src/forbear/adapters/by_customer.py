"""The events of archive and log once more, in the order of customers: what the past of one of them is read from.

The archive lies in the order received, so whoever asks for one customer would read everybody. Here each piece covers
some hundred thousand events, lies in the order of customer keys, and says which of its row groups begins with which.
It is a copy: without it, or where it is not what was written, it is made again.

    <first>-<past>.parquet    events of the offsets first..past, no names of accounts or counterparties among them

Offsets may be missing, as they are in a topic whose messages were refused. Where a log has let go of events that are
not in the archive either, it goes on behind them, and says from when on none is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from forbear.adapters.archive import FileArchive
from forbear.adapters.customer_pieces import (
    FORMAT,
    READ,
    Header,
    Piece,
    in_words,
    kept,
    latest,
    of_piece,
    piece_of,
    rows_of,
    written,
)
from forbear.adapters.disk import forget_drafts, storage_errors
from forbear.adapters.event_table import table_of
from forbear.domain.errors import CorruptState, ForbearError
from forbear.features.columns import EventColumns
from forbear.features.local_time import DAY_US

PIECE_ROWS = 500_000
"""Events of a piece at least; those behind the last one are held in memory. Several copies share this number."""
GROUP_ROWS = 16_384
"""Events of a row group: what is read at least to find one."""
MOST_ROWS = 20_000
"""Events of one customer that are read at once, the newest: more of a few months is no household."""
MOST_DAYS = 215
"""How far back, from the newest event, pieces go."""
_LOG_ROWS = 65_536


class Log(Protocol):
    """A reader of the log behind the archive."""

    @property
    def end(self) -> int:
        """The offset that the next event gets."""
        ...

    @property
    def oldest(self) -> int | None:
        """The first offset that is still there; None for a log that lets go of nothing that is not archived."""
        ...

    def after(self, at: int, most: int) -> tuple[int, EventColumns] | None:
        """Up to so many events from an offset on, without a gap among them, and the offset of the first.

        None where there are none yet. Raises CorruptState for an offset that it does not hold.
        """
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


class Events(NamedTuple):
    """Events of one customer, the newest first. rows: columns as the archive has them, words as text, instants as
    `booked_us` and `received_us`; `account_end` for the account, `reverses_key` for what is taken back.
    complete: whether there were no more.
    """

    rows: tuple[Mapping[str, Any], ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class _State:
    """What is known at one moment: pieces, and tables behind them, of the offsets behind..position.

    newest_us: when the latest event was received.  from_us: when the first of those behind the pieces was, 0 for none.
    gap: whether events between the pieces and those are missing.
    """

    pieces: tuple[Piece, ...] = ()
    tail: tuple[pa.Table, ...] = ()
    behind: int = 0
    position: int = 0
    newest_us: int = 0
    from_us: int = 0
    gap: bool = False


class ByCustomer:
    """Follows archive and log into a folder. One process at a time; its methods may be called by several threads.

    log: None where nothing comes behind the archive.  share: how many copies hold `PIECE_ROWS` in memory together.
    """

    def __init__(
        self, folder: Path, archive: Callable[[], FileArchive], log: Callable[[], Log] | None, *, share: int = 1
    ) -> None:
        self.folder = folder
        self._open_archive, self._open_log, self._share = archive, log, share
        self._turn = Lock()
        self._archive: FileArchive | None = None
        self._log: Log | None = None
        self._tables: Iterator[pa.Table] = iter(())
        self._state = _State()
        self._end = 0

    @property
    def position(self) -> int:
        """The offset of the first event that is not in it."""
        return self._state.position

    @property
    def newest_us(self) -> int:
        """When the latest event in it was received [us UTC]; 0 without any."""
        return self._state.newest_us

    @property
    def whole_from_us(self) -> int:
        """When the first event was received behind which none is missing [us UTC]; 0 where there is no such event."""
        state = self._state
        begun = [(one.header.gap, one.header.received_from_us) for one in state.pieces]
        begun += [(state.gap, state.from_us)] if state.gap or state.from_us else []
        return next((us for gap, us in reversed(begun) if gap), begun[0][1] if begun else 0)

    @property
    def gap(self) -> bool:
        """Whether events are known to be missing from it."""
        return self._state.gap or any(one.header.gap for one in self._state.pieces)

    @property
    def end(self) -> int:
        """The offset behind the newest event that it knows of."""
        return max(self._end, self._state.position)

    def close(self) -> None:
        """Let go of the log."""
        with self._turn:
            self._drop_log()

    def follow(self) -> bool:
        """Take in what comes next; whether there was something. Raises StorageError, CorruptState, BackendUnavailable.

        Where it raises it may be called again: it goes on where it was.
        """
        with self._turn:
            if self._archive is None:
                self._begin(self._open_archive())
            table = self._following()
            if table is None:
                if self._open_log is None:  # nothing will come: what is held in memory need not be
                    self._write()
                return False
            state = self._state
            received = table["received_at"].cast(pa.int64())
            self._state = replace(
                state,
                tail=_with(state.tail, kept(table)),
                position=table["offset"][-1].as_py() + 1,
                newest_us=max(state.newest_us, latest(received)),
                from_us=state.from_us or received[0].as_py(),
            )
            if sum(one.num_rows for one in self._state.tail) >= max(1, PIECE_ROWS // self._share):
                self._write()
            return True

    def of(self, customer: int, since_us: int, past_us: int) -> Events:
        """Transactions, outcomes and updates of a customer that were booked from since_us on and before past_us."""
        state = self._state
        found = [of_piece(one, customer) for one in state.pieces if one.header.booked_to_us >= since_us]
        found += [rows_of(one, customer) for one in state.tail]
        if not found:
            return Events((), complete=True)
        table = pa.concat_tables(found)
        table = table.filter(
            pc.and_(pc.greater_equal(table["booked_us"], since_us), pc.less(table["booked_us"], past_us))
        )
        order = [("booked_us", "descending"), ("offset", "descending")]
        rows = table.sort_by(order).slice(0, MOST_ROWS).to_pylist()
        return Events(tuple(map(in_words, rows)), complete=table.num_rows <= MOST_ROWS)

    # ---- inside

    def _begin(self, archive: FileArchive) -> None:
        """Go on behind the pieces that are there, if they are of this archive; else anew, from the oldest day."""
        with storage_errors(f"cannot write {self.folder}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            forget_drafts(self.folder)
            since = archive.offset_since(archive.received_us - MOST_DAYS * DAY_US)
            pieces: list[Piece] = []
            for path in sorted(self.folder.glob("*.parquet")):
                piece = piece_of(path)
                if piece is not None and self._goes_on(archive, pieces, piece.header):
                    pieces.append(piece)
                else:
                    path.unlink()
        self._archive = archive
        at = pieces[-1].header.past if pieces else since
        newest_us = max((one.header.received_to_us for one in pieces), default=0)
        self._state = _State(tuple(pieces), (), at, at, newest_us)

    @staticmethod
    def _goes_on(archive: FileArchive, pieces: Sequence[Piece], header: Header) -> bool:
        """Whether a piece is of this archive, and the next one behind some. Without an archive nobody can tell."""
        if not archive.segments or header.archive != _identity(archive):
            return False
        past = pieces[-1].header.past if pieces else header.first
        return header.first > past if header.gap and pieces else header.first == past

    def _following(self) -> pa.Table | None:
        """The next events as a table; None where there are none yet."""
        at = self._state.position
        assert self._archive is not None
        if at < self._archive.next_offset:
            self._end = self._archive.next_offset
            table = next(self._tables, None)
            if table is None or table["offset"][0].as_py() < at:
                self._tables = self._archive.tables(at, READ)
                table = next(self._tables)
            return table
        if self._open_log is None:
            return None
        try:
            return self._of_log(at)
        except CorruptState:  # the log may have let go of what the archive took over meanwhile
            self._archive = self._open_archive()
            if at < self._archive.next_offset:
                return self._following()
            if not self._passed_over(at):
                self._drop_log()
                raise
            return self._of_log(self._state.position)
        except ForbearError:
            self._drop_log()
            raise

    def _of_log(self, at: int) -> pa.Table | None:
        assert self._open_log is not None
        if self._log is None:
            self._log = self._open_log()
        self._end = self._log.end
        found = self._log.after(at, _LOG_ROWS)
        return None if found is None else table_of(found[1], found[0])

    def _passed_over(self, at: int) -> bool:
        """Go on behind events that nobody has any more; whether that was so."""
        oldest = None if self._log is None else self._log.oldest
        if oldest is None or oldest <= at:
            return False
        self._write()
        self._state = replace(self._state, tail=(), behind=oldest, position=oldest, from_us=0, gap=True)
        return True

    def _drop_log(self) -> None:
        if self._log is not None:
            log, self._log = self._log, None
            log.close()

    def _write(self) -> None:
        """Make one piece of the tables behind the last one, and forget those that nobody can ask for any more."""
        assert self._archive is not None
        state = self._state
        if not state.tail:
            return
        table = pa.concat_tables(state.tail).combine_chunks()
        header = Header(
            format=FORMAT,
            archive=_identity(self._archive),
            first=state.behind,
            past=state.position,
            received_from_us=state.from_us,
            booked_to_us=latest(table["booked_us"]),
            received_to_us=latest(table["received_us"]),
            gap=state.gap,
        )
        piece = written(self.folder, table, header, GROUP_ROWS)
        oldest_us = header.received_to_us - (MOST_DAYS + 31) * DAY_US
        young = [one for one in state.pieces if one.header.received_to_us >= oldest_us]
        for one in state.pieces:
            if one not in young:
                one.path.unlink(missing_ok=True)
        self._state = _State((*young, piece), (), state.position, state.position, state.newest_us)


def _with(tail: Sequence[pa.Table], table: pa.Table) -> tuple[pa.Table, ...]:
    """Tables with one behind them. Small ones become one: a log that is followed closely gives a few events at a time,
    and whoever asks looks into each.
    """
    tables = [*tail, table] if table.num_rows else list(tail)
    while len(tables) > 1 and tables[-2].num_rows <= 2 * tables[-1].num_rows:
        tables[-2:] = [pa.concat_tables(tables[-2:]).combine_chunks()]
    return tuple(tables)


def _identity(archive: FileArchive) -> str:
    return archive.segments[0].sha256 if archive.segments else ""
