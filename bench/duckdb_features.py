"""Training rows in DuckDB: the features of forbear, written in SQL (sql/rows.sql).

Taken for granted, and true of the benchmark's archives: no event is refused (a conflict, another currency, an
account that changes its kind), none arrives more than 119 days late, and no two transactions of an account share
millisecond and sequence. Late arrivals, early ones, exact duplicates and reversals are dealt with.

Plans tried, CPU seconds of one thread, best of two interleaved runs on one archive (5,000 customers, 500 days,
3.4 million events, 12 cuts):
  14.4  one row a customer-day, joined to each of the four cuts that it counts for, every window a filtered sum
  11.4  panes: windows of all cuts end on some fifty days, so most sums are made between those only; balances
        from panes and the last 30 days; views of late customers not stored
  11.1  the same, the amount beside its classes instead of nine amounts: kept
Reading local times: 0.50 s with AT TIME ZONE, 0.13 with a chain of comparisons to the zone's offsets, kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from baseline_request import Request
from equal import TrainingRows

_SQL = Path(__file__).parent / "sql" / "rows.sql"


def training_rows(parts: Sequence[Path], request: Request, threads: int = 1) -> TrainingRows:
    """customer_key (n,) uint64, cut_day (n,) int32 and values (n, features), as the archive's log tells them.

    parts: the Parquet files of an archive.  threads: how many DuckDB may use.
    """
    with duckdb.connect() as connection:
        prepare(connection, parts, request, threads)
        connection.execute(_SQL.read_text())
        columns = ", ".join(f"coalesce({name}::DOUBLE, 'nan'::DOUBLE) AS {name}" for name in request.features)
        rows = connection.execute(f"SELECT customer, cut_day, {columns} FROM rows").fetchnumpy()
    values = np.column_stack([np.asarray(rows[name]) for name in request.features])
    return np.asarray(rows["customer"]), np.asarray(rows["cut_day"]), values


def prepare(connection: duckdb.DuckDBPyConnection, parts: Sequence[Path], request: Request, threads: int) -> None:
    """Make the views, tables and macros that the SQL expects."""
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = false")
    files = ", ".join(f"'{path}'" for path in parts)
    connection.execute(f"CREATE TEMP VIEW archive AS SELECT * FROM read_parquet([{files}])")
    closes = _closes(connection, request)
    connection.execute("CREATE TEMP TABLE cuts (cut INTEGER, cut_day INTEGER, close_offset BIGINT)")
    connection.executemany("INSERT INTO cuts VALUES (?, ?, ?)", [(n, *close) for n, close in enumerate(closes)])
    days = np.arange(len(request.business), dtype=np.int32)
    calendar = pa.table({"day": days, "business_day": request.next_business_days()})
    connection.register("business_days", calendar)
    connection.execute("CREATE TEMP TABLE calendar AS SELECT * FROM business_days")
    _macros(connection, closes, request)


def _closes(connection: duckdb.DuckDBPyConnection, request: Request) -> list[tuple[int, int]]:
    """(cut day, offset of its close) of every cut that the log closes, rising."""
    found: list[tuple[int, int]] = connection.execute(
        """
        SELECT day - DATE '1970-01-01' AS closed, min("offset") FROM archive
        WHERE kind = 'day_closed' AND closed IN (SELECT unnest(?)) GROUP BY closed ORDER BY closed
        """,
        [list(request.cut_days)],
    ).fetchall()
    return found


def _macros(connection: duckdb.DuckDBPyConnection, closes: list[tuple[int, int]], request: Request) -> None:
    """The look-ups whose tables are so small that a chain of comparisons beats a join."""
    span = connection.execute("SELECT epoch_us(min(booked_at)), epoch_us(max(booked_at)) FROM archive").fetchone()
    assert span is not None
    (_, offset), *changes = request.offsets(*span)
    shifts = "".join(f"WHEN epoch_us(moment) >= {since} THEN {shift} " for since, shift in reversed(changes))
    local = f"epoch_us(moment) + CASE {shifts} ELSE {offset} END" if changes else f"epoch_us(moment) + {offset}"
    seen = " + ".join(f"(position >= {place})::INTEGER" for _, place in closes)
    first = " + ".join(f"(date > {day})::INTEGER" for day, _ in closes)
    connection.execute(f"CREATE TEMP MACRO local_us(moment) AS ({local})")
    connection.execute(f"CREATE TEMP MACRO seen_cut(position) AS ({seen})")
    connection.execute(f"CREATE TEMP MACRO first_cut(date) AS ({first})")
