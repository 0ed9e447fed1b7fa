"""A bank of two partitions to which one thing after another happens: for whatever follows a desk.

Needs hypothesis, a development dependency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from hypothesis import strategies as st

from forbear.engine.commits import START
from forbear.engine.outputs import Named, Outputs, Position
from forbear.testing.outputs import CUSTOMERS, FIRST_DAY, days, parts, scores

THERE = tuple(key // 2 for key in CUSTOMERS)
"""Keys of the customers of the second partition."""
STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["close", "between", "part", "nothing", "empty close"]),
        st.sets(st.integers(0, 3)),
        st.booleans(),
    ),
    max_size=12,
)
"""Partition, what is committed, of whom, and whether whoever follows looks after it."""
_TRIGGERED = 8


class Stores(Protocol):
    """What takes the outputs of several partitions together."""

    def commit(self, outputs: Mapping[int, Outputs]) -> Any:
        """Record them."""
        ...


class StepBank:
    """Two partitions of four customers each, all named from the beginning."""

    def __init__(self, stores: Stores) -> None:
        self.stores, self.at, self.day = stores, {0: Position(0), 1: Position(0)}, FIRST_DAY
        for partition, keys in enumerate((CUSTOMERS, THERE)):
            named = tuple(Named(key, f"customer-{partition}-{slot}", slot, 0) for slot, key in enumerate(keys))
            first = Outputs(after=START, until=Position(0), customers=named, parts=() if partition else parts())
            stores.commit({partition: first})

    def happen(self, partition: int, what: str, whom: set[int]) -> None:
        """Commit one stretch."""
        after, offset = self.at[partition], self.at[partition].offset + 1
        customers = tuple((CUSTOMERS, THERE)[partition][one] for one in sorted(whom))
        day = self.day + ("close" in what)
        made = scores(offset, day, customers) if customers and "empty" not in what and what != "nothing" else None
        if made is not None and what == "between":
            made = replace(made, trigger=np.full(len(made), _TRIGGERED, dtype=np.uint8))
        until = Position(offset, 4) if what == "part" else Position(offset + 1)
        closed: tuple[Any, ...] = ()
        if "close" in what:
            closed = (replace(days(1)[0].days[0], offset=offset, day=self.day),)
            self.day += 1
        self.stores.commit({partition: Outputs(after=after, until=until, predictions=made, days=closed)})
        self.at[partition] = until
