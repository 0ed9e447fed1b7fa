"""One piece of the events of archive and log in the order of customers: a Parquet file that says what it holds."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from forbear.adapters.disk import storage_errors, whole_file
from forbear.adapters.event_table import columns_of_table
from forbear.features.columns import VOCABULARIES, EventKind
from forbear.features.hashing import Keys, keys_of

FORMAT = 2
"""Of pieces; those of another are made again."""
_NAME = re.compile(r"(\d{20})-(\d{20})\.parquet")
_HEADER = b"forbear"
WORDS: dict[str, tuple[str, ...]] = {
    "kind": tuple(kind.name.lower() for kind in EventKind),
    **{name: tuple(map(str, terms)) for name, terms in VOCABULARIES.items()},
}
"""Columns that are kept as the places of their words, -1 for none: numbers are put in order much sooner than texts."""
_PLAIN = (
    "offset", "customer_key", "event_key", "amount_minor", "balance_after_minor", "day", "paid_on", "days_past_due",
)  # fmt: skip
READ = [*WORDS, *_PLAIN, "currency", "received_at", "booked_at", "payload", "account_id", "reverses"]
"""Columns of an archive that are read for it."""
_KINDS = (EventKind.TRANSACTION, EventKind.CUSTOMER, EventKind.OUTCOME)


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a piece says of itself. archive: SHA-256 of the archive's first segment.  firsts: first key of each group.

    received_from_us: when its first event was received.  booked_to_us, received_to_us: the latest of its events.
    gap: whether events in front of it are missing.
    """

    format: int
    archive: str
    first: int
    past: int
    received_from_us: int
    booked_to_us: int
    received_to_us: int
    gap: bool
    firsts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """One file. firsts: (k,) first key of each row group, rising."""

    path: Path
    header: Header
    firsts: Keys


def written(folder: Path, table: pa.Table, header: Header, group_rows: int) -> Piece:
    """Make a piece of a table of `kept` events, with so many in a row group. Raises StorageError."""
    table = table.take(pc.sort_indices(table, [("customer_key", "ascending")]))
    firsts = table["customer_key"].to_numpy()[::group_rows].copy()
    header = msgspec.structs.replace(header, firsts=tuple(firsts.tolist()))
    path = folder / f"{header.first:020d}-{header.past:020d}.parquet"
    with whole_file(path) as file:
        pq.write_table(
            table.replace_schema_metadata({_HEADER: msgspec.json.encode(header)}),
            file,
            compression="lz4",
            use_dictionary=[*WORDS, "currency", "account_end"],
            row_group_size=group_rows,
        )
    return Piece(path, header, firsts)


def kept(table: pa.Table) -> pa.Table:
    """What is kept of events: those about customers, without names of accounts and counterparties."""
    codes = columns_of_table(table, tuple(WORDS))
    mine = pa.array(np.isin(codes.kind, _KINDS))
    accounts = table["account_id"].cast(pa.string())
    length = pc.utf8_length(accounts)
    end = pc.if_else(
        pc.greater_equal(length, 8),
        pc.utf8_slice_codeunits(accounts, start=-4),
        pc.if_else(pc.greater_equal(length, 4), pc.utf8_slice_codeunits(accounts, start=-2), ""),
    )
    columns = {name: pa.chunked_array([pa.array(getattr(codes, name))]) for name in WORDS}
    columns |= {name: table[name] for name in _PLAIN}
    columns |= {name: table[name].cast(pa.string()) for name in ("currency", "payload")}
    columns |= {f"{name}_us": table[f"{name}_at"].cast(pa.int64()) for name in ("received", "booked")}
    columns["reverses_key"] = _keys_of(table["reverses"])
    return pa.table({**columns, "account_end": end}).filter(mine)


def in_words(row: dict[str, Any]) -> dict[str, Any]:
    """A row with words for their places."""
    return row | {name: words[row[name]] if row[name] >= 0 else None for name, words in WORDS.items()}


def _keys_of(texts: Any) -> Any:
    """Keys of texts, null for null: what is taken back is found by it, and seldom is anything."""
    present = pc.is_valid(texts).to_numpy(zero_copy_only=False)
    keys = np.zeros(len(texts), dtype=np.uint64)
    if present.any():
        names = texts.cast(pa.string()).filter(pa.array(present)).to_pylist()
        keys[present] = keys_of(np.array([name.encode() for name in names], dtype="S"))
    return pa.chunked_array([pa.array(keys, mask=~present)])


def latest(instants: Any) -> int:
    """The last of some instants; 0 for none."""
    return int(pc.max(instants).as_py()) if len(instants) else 0


def piece_of(path: Path) -> Piece | None:
    """A piece; None for a file that is none."""
    with suppress(OSError, pa.ArrowException, msgspec.MsgspecError, KeyError, TypeError):
        header = msgspec.json.decode(pq.read_schema(path).metadata[_HEADER], type=Header)
        found = _NAME.fullmatch(path.name)
        if header.format == FORMAT and found and (header.first, header.past) == tuple(map(int, found.groups())):
            return Piece(path, header, np.array(header.firsts, dtype=np.uint64))
    return None


def of_piece(piece: Piece, customer: int) -> pa.Table:
    """The rows of a customer in a piece: of the groups that may hold them, no other is read."""
    begin = max(int(np.searchsorted(piece.firsts, np.uint64(customer), side="left")) - 1, 0)
    past = int(np.searchsorted(piece.firsts, np.uint64(customer), side="right"))
    with storage_errors(f"cannot read {piece.path}"), pq.ParquetFile(piece.path) as file:
        table = file.read_row_groups(list(range(begin, past)), use_threads=False)
    return rows_of(table.replace_schema_metadata(None), customer)


def rows_of(table: pa.Table, customer: int) -> pa.Table:
    """The rows of a customer."""
    mine: NDArray[np.bool_] = table["customer_key"].to_numpy() == np.uint64(customer)
    return table.filter(pa.array(mine))
