"""The newest score of everybody, as arrays: read from the last close of each partition on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from forbear.adapters.sql.statements import Statement
from forbear.engine.desk import Standings

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


def _pages(connection: Connection, ask: Mapping[str, Statement], partition: int) -> Iterator[dict[str, NDArray[Any]]]:
    ((closed,),) = ask["closed"].rows(connection, partition=partition)
    since = -1 if closed is None else closed
    for rows in ask["since"].pages(connection, _AT_ONCE, partition=partition, offset=since):
        columns = zip(STANDING.items(), zip(*rows, strict=True), strict=True)
        yield {name: np.array(values, dtype=kind) for (name, kind), values in columns}
