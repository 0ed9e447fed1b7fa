"""The events of archive and log once more, in the order of customers: what the past of one of them is read from.

The archive lies in the order received, so whoever asks for one customer would read everybody. Here each piece covers
some hundred thousand events, lies in the order of customer keys, and says which of its row groups begins with which.
It is a copy: without it, or where it is not what was written, it is made again.

    <first>-<past>.parquet    events of the offsets first..past, no names of accounts or counterparties among them
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from forbear.adapters.archive import FileArchive
from forbear.adapters.disk import forget_drafts, storage_errors, whole_file
from forbear.adapters.event_table import columns_of_table, table_of
from forbear.domain.errors import CorruptState
from forbear.features.columns import VOCABULARIES, EventColumns, EventKind
from forbear.features.hashing import Keys, keys_of
from forbear.features.local_time import DAY_US

PIECE_ROWS = 500_000
"""Events of a piece at least; those behind the last one are held in memory."""
GROUP_ROWS = 16_384
"""Events of a row group: what is read at least to find one."""
MOST_ROWS = 20_000
"""Events of one customer that are read at once, the newest: more of a few months is no household."""
MOST_DAYS = 215
"""How far back, from the newest event, pieces go."""
_LOG_ROWS = 65_536
_FORMAT = 1
_NAME = re.compile(r"(\d{20})-(\d{20})\.parquet")
_HEADER = b"forbear"
_WORDS: dict[str, tuple[str, ...]] = {
    "kind": tuple(kind.name.lower() for kind in EventKind),
    **{name: tuple(map(str, terms)) for name, terms in VOCABULARIES.items()},
}
"""Columns that are kept as the places of their words, -1 for none: numbers are put in order much sooner than texts."""
_PLAIN = (
    "offset", "customer_key", "event_key", "amount_minor", "balance_after_minor", "day", "paid_on", "days_past_due",
)  # fmt: skip
_READ = [*_WORDS, *_PLAIN, "currency", "received_at", "booked_at", "payload", "account_id", "reverses"]
_KINDS = (EventKind.TRANSACTION, EventKind.CUSTOMER, EventKind.OUTCOME)


class Log(Protocol):
    """A reader of the log behind the archive."""

    @property
    def end(self) -> int:
        """The offset that the next event gets."""
        ...

    def read(self, first: int, past: int) -> EventColumns:
        """Every column of the events first..past. Raises CorruptState for what is not there."""
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


class _Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a piece says of itself. archive: SHA-256 of the archive's first segment.  firsts: first key of each group.

    booked_to_us, received_to_us: the latest of its events.
    """

    format: int
    archive: str
    first: int
    past: int
    booked_to_us: int
    received_to_us: int
    firsts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """One file. firsts: (k,) first key of each row group, rising."""

    path: Path
    header: _Header
    firsts: Keys


@dataclass(frozen=True, slots=True)
class _State:
    """What is known at one moment: pieces, and tables behind them, of the offsets behind..position, without a gap.

    newest_us: when the latest event was received.
    """

    pieces: tuple[_Piece, ...] = ()
    tail: tuple[pa.Table, ...] = ()
    behind: int = 0
    position: int = 0
    newest_us: int = 0


class ByCustomer:
    """Follows archive and log into a folder. One process at a time; its methods may be called by several threads."""

    def __init__(self, folder: Path, archive: Callable[[], FileArchive], log: Callable[[], Log]) -> None:
        self.folder = folder
        self._open_archive, self._open_log = archive, log
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
    def end(self) -> int:
        """The offset behind the newest event that it knows of."""
        return max(self._end, self._state.position)

    def close(self) -> None:
        """Let go of the log."""
        with self._turn:
            if self._log is not None:
                self._log.close()
                self._log = None

    def follow(self) -> bool:
        """Take in what comes next; whether there was something. Raises StorageError, CorruptState."""
        with self._turn:
            if self._archive is None:
                self._begin(self._open_archive())
            table = self._following()
            if table is None:
                return False
            state = self._state
            tail = (*state.tail, _kept(table))
            newest_us = max(state.newest_us, _latest(table["received_at"].cast(pa.int64())))
            self._state = _State(state.pieces, tail, state.behind, state.position + table.num_rows, newest_us)
            if sum(one.num_rows for one in tail) >= PIECE_ROWS:
                self._write(tail)
            return True

    def of(self, customer: int, since_us: int, past_us: int) -> Events:
        """Transactions, outcomes and updates of a customer that were booked from since_us on and before past_us."""
        state = self._state
        found = [_of_piece(one, customer) for one in state.pieces if one.header.booked_to_us >= since_us]
        found += [_rows_of(one, customer) for one in state.tail]
        if not found:
            return Events((), complete=True)
        table = pa.concat_tables(found)
        table = table.filter(
            pc.and_(pc.greater_equal(table["booked_us"], since_us), pc.less(table["booked_us"], past_us))
        )
        order = [("booked_us", "descending"), ("offset", "descending")]
        rows = table.sort_by(order).slice(0, MOST_ROWS).to_pylist()
        return Events(tuple(map(_in_words, rows)), complete=table.num_rows <= MOST_ROWS)

    # ---- inside

    def _begin(self, archive: FileArchive) -> None:
        """Go on behind the pieces that are there, if they are of this archive; else anew, from the oldest day."""
        with storage_errors(f"cannot write {self.folder}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            forget_drafts(self.folder)
            since = archive.offset_since(archive.received_us - MOST_DAYS * DAY_US)
            pieces: list[_Piece] = []
            for path in sorted(self.folder.glob("*.parquet")):
                piece = _piece_of(path)
                wanted = pieces[-1].header.past if pieces else None
                mine = piece is not None and piece.header.archive == _identity(archive)
                if piece is None or not mine or wanted not in {None, piece.header.first}:
                    path.unlink()
                else:
                    pieces.append(piece)
        self._archive = archive
        at = pieces[-1].header.past if pieces else since
        newest_us = max((one.header.received_to_us for one in pieces), default=0)
        self._state = _State(tuple(pieces), (), at, at, newest_us)

    def _following(self) -> pa.Table | None:
        """The next events as a table; None where there are none yet."""
        at = self._state.position
        assert self._archive is not None
        if at < self._archive.next_offset:
            self._end = self._archive.next_offset
            table = next(self._tables, None)
            if table is None or table["offset"][0].as_py() != at:
                self._tables = self._archive.tables(at, _READ)
                table = next(self._tables)
            return table
        try:
            if self._log is None:
                self._log = self._open_log()
            self._end = self._log.end
            if at >= self._end:
                return None
            return table_of(self._log.read(at, min(at + _LOG_ROWS, self._end)), at)
        except CorruptState:  # the log may have let go of what the archive took over meanwhile
            self._archive = self._open_archive()
            if at >= self._archive.next_offset:
                raise
            return self._following()

    def _write(self, tail: Sequence[pa.Table]) -> None:
        """Make one piece of the tables behind the last one, and forget those that nobody can ask for any more."""
        assert self._archive is not None
        table = pa.concat_tables(tail).combine_chunks()
        table = table.take(pc.sort_indices(table, [("customer_key", "ascending")]))
        state = self._state
        keys = table["customer_key"].to_numpy()
        header = _Header(
            format=_FORMAT,
            archive=_identity(self._archive),
            first=state.behind,
            past=state.position,
            booked_to_us=_latest(table["booked_us"]),
            received_to_us=_latest(table["received_us"]),
            firsts=tuple(keys[::GROUP_ROWS].tolist()),
        )
        path = self.folder / f"{header.first:020d}-{header.past:020d}.parquet"
        table = table.replace_schema_metadata({_HEADER: msgspec.json.encode(header)})
        with whole_file(path) as file:
            pq.write_table(
                table,
                file,
                compression="lz4",
                use_dictionary=[*_WORDS, "currency", "account_end"],
                row_group_size=GROUP_ROWS,
            )
        oldest_us = header.received_to_us - (MOST_DAYS + 31) * DAY_US
        kept = [one for one in state.pieces if one.header.received_to_us >= oldest_us]
        for one in state.pieces:
            if one not in kept:
                one.path.unlink(missing_ok=True)
        piece = _Piece(path, header, keys[::GROUP_ROWS].copy())
        self._state = _State((*kept, piece), (), state.position, state.position, state.newest_us)


def _identity(archive: FileArchive) -> str:
    return archive.segments[0].sha256 if archive.segments else ""


def _kept(table: pa.Table) -> pa.Table:
    """What is kept of events: those about customers, without names of accounts and counterparties."""
    codes = columns_of_table(table, tuple(_WORDS))
    mine = pa.array(np.isin(codes.kind, _KINDS))
    accounts = table["account_id"].cast(pa.string())
    length = pc.utf8_length(accounts)
    end = pc.if_else(
        pc.greater_equal(length, 8),
        pc.utf8_slice_codeunits(accounts, start=-4),
        pc.if_else(pc.greater_equal(length, 4), pc.utf8_slice_codeunits(accounts, start=-2), ""),
    )
    columns = {name: pa.chunked_array([pa.array(getattr(codes, name))]) for name in _WORDS}
    columns |= {name: table[name] for name in _PLAIN}
    columns |= {name: table[name].cast(pa.string()) for name in ("currency", "payload")}
    columns |= {f"{name}_us": table[f"{name}_at"].cast(pa.int64()) for name in ("received", "booked")}
    columns["reverses_key"] = _keys_of(table["reverses"])
    return pa.table({**columns, "account_end": end}).filter(mine)


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    """A row with words for their places."""
    return row | {name: words[row[name]] if row[name] >= 0 else None for name, words in _WORDS.items()}


def _keys_of(texts: Any) -> Any:
    """Keys of texts, null for null: what is taken back is found by it, and seldom is anything."""
    present = pc.is_valid(texts).to_numpy(zero_copy_only=False)
    keys = np.zeros(len(texts), dtype=np.uint64)
    if present.any():
        names = texts.cast(pa.string()).filter(pa.array(present)).to_pylist()
        keys[present] = keys_of(np.array([name.encode() for name in names], dtype="S"))
    return pa.chunked_array([pa.array(keys, mask=~present)])


def _latest(instants: Any) -> int:
    return int(pc.max(instants).as_py()) if len(instants) else 0


def _piece_of(path: Path) -> _Piece | None:
    """A piece; None for a file that is none."""
    with suppress(OSError, pa.ArrowException, msgspec.MsgspecError, KeyError, TypeError):
        header = msgspec.json.decode(pq.read_schema(path).metadata[_HEADER], type=_Header)
        found = _NAME.fullmatch(path.name)
        if header.format == _FORMAT and found and (header.first, header.past) == tuple(map(int, found.groups())):
            return _Piece(path, header, np.array(header.firsts, dtype=np.uint64))
    return None


def _of_piece(piece: _Piece, customer: int) -> pa.Table:
    """The rows of a customer in a piece: of the groups that may hold them, no other is read."""
    begin = max(int(np.searchsorted(piece.firsts, np.uint64(customer), side="left")) - 1, 0)
    past = int(np.searchsorted(piece.firsts, np.uint64(customer), side="right"))
    with storage_errors(f"cannot read {piece.path}"), pq.ParquetFile(piece.path) as file:
        table = file.read_row_groups(list(range(begin, past)), use_threads=False)
    return _rows_of(table.replace_schema_metadata(None), customer)


def _rows_of(table: pa.Table, customer: int) -> pa.Table:
    mine: NDArray[np.bool_] = table["customer_key"].to_numpy() == np.uint64(customer)
    return table.filter(pa.array(mine))
