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
    columns = {
        name: np.concatenate([np.empty(0, dtype=kind), *(page[name] for page in pages)])
        for name, kind in STANDING.items()
    }
    # Each partition is in log order, so the last row of a customer is the newest.
    customer = columns.pop("customer").view(np.uint64)
    keys, from_behind = np.unique(customer[::-1], return_index=True)
    newest = len(customer) - 1 - from_behind
    return Standings(customer=keys, **{name: values[newest] for name, values in columns.items()})


def close_in(connection: Connection, asked: Statement, **close: int) -> CloseScores:
    """Everybody's score at a close. asked: `at_close` of the desk's statements.  close: its partition, offset, day."""
    found = {name: [np.empty(0, dtype=kind)] for name, kind in AT_CLOSE.items()}
    for rows in asked.pages(connection, _AT_ONCE, **close):
        for (name, kind), values in zip(AT_CLOSE.items(), zip(*rows, strict=True), strict=True):
            found[name].append(np.array(values, dtype=kind))
    columns = {name: np.concatenate(pages) for name, pages in found.items()}
    day, customer = columns.pop("day"), columns.pop("customer").view(np.uint64)
    order = np.argsort(customer)
    return CloseScores(
        day=int(day[0]) if len(day) else None,
        customer=customer[order],
        **{name: values[order] for name, values in columns.items()},
    )


def _pages(connection: Connection, ask: Mapping[str, Statement], partition: int) -> Iterator[dict[str, NDArray[Any]]]:
    ((closed,),) = ask["closed"].rows(connection, partition=partition)
    since = -1 if closed is None else closed
    for rows in ask["since"].pages(connection, _AT_ONCE, partition=partition, offset=since):
        columns = zip(STANDING.items(), zip(*rows, strict=True), strict=True)
        yield {name: np.array(values, dtype=kind) for (name, kind), values in columns}
