"""Scores of everybody as arrays: the newest, read from the last close of each partition on, and those of one close."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from forbear.adapters.sql.statements import Statement
from forbear.engine.desk import CloseScores, Standings

STANDING: Mapping[str, Any] = {
    "customer": np.int64,
    "partition": np.int32,
    "offset": np.int64,
    "ordinal": np.int64,
    "as_of_us": np.int64,
    "day": np.int32,
    "pd": np.float64,
    "band": np.int8,
    "policy": np.int32,
}
"""The columns of predictions that a standing has."""
AT_CLOSE: Mapping[str, Any] = {"day": np.int32, "customer": np.int64, "log_odds": np.float32, "pd": np.float32}
"""The columns of predictions that a score at a close has."""
_AT_ONCE = 20_000


def standings_in(connection: Connection, ask: Mapping[str, Statement], marks: Iterable[int]) -> Standings:
    """The newest score of each customer since the last whole close of each partition, that close included.

    ask: `closed` and `since` of the desk's statements.  marks: the partitions.
    """
    pages = [page for partition in marks for page in _pages(connection, ask, partition)]
    rows = np.concatenate([np.empty(0, dtype=[*STANDING.items()]), *pages])
    # Each partition is in log order, so the last row of a customer is the newest.
    keys, from_behind = np.unique(rows["customer"].view(np.uint64)[::-1], return_index=True)
    newest = len(rows) - 1 - from_behind
    return Standings(customer=keys, **{name: rows[name][newest] for name in STANDING if name != "customer"})


def close_in(connection: Connection, asked: Statement, **close: int) -> CloseScores:
    """Everybody's score at a close. asked: `at_close` of the desk's statements.  close: its partition, offset, day."""
    found = [_columns(rows, AT_CLOSE) for rows in asked.pages(connection, _AT_ONCE, **close)]
    rows = np.concatenate([np.empty(0, dtype=[*AT_CLOSE.items()]), *found])
    customer = rows["customer"].view(np.uint64)
    order = np.argsort(customer)
    day = int(rows["day"][0]) if len(rows) else None
    return CloseScores(day=day, customer=customer[order], log_odds=rows["log_odds"][order], pd=rows["pd"][order])


def _pages(connection: Connection, ask: Mapping[str, Statement], partition: int) -> Iterator[NDArray[Any]]:
    ((closed,),) = ask["closed"].rows(connection, partition=partition)
    since = -1 if closed is None else closed
    for rows in ask["since"].pages(connection, _AT_ONCE, partition=partition, offset=since):
        yield _columns(rows, STANDING)


def _columns(rows: list[tuple[Any, ...]], kinds: Mapping[str, Any]) -> NDArray[Any]:
    """Rows as a structured array: a tuple for each column in between would take as long again as reading them."""
    return np.fromiter(rows, dtype=[*kinds.items()], count=len(rows))
