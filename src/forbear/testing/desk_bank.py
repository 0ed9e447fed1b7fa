"""Of the small bank what a desk is held to: its second partition, scores between closes, and standings by hand."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from forbear.engine.commits import VALUES
from forbear.engine.desk import Standings
from forbear.engine.outputs import Outputs
from forbear.testing.outputs import CUSTOMERS, scores

OTHERS = (3, 12, 2**63 + 7, 2**64 - 2)
"""Keys of the customers of the bank's second partition; their ids are other-0 and so on."""
_TRIGGERED = 8


def elsewhere(outputs: Outputs) -> Outputs:
    """The same of the customers of the second partition."""
    other = dict(zip(CUSTOMERS, OTHERS, strict=True))
    moved: dict[str, Any] = {
        name: tuple(
            replace(one, customer=other[one.customer]) if hasattr(one, "customer") else one
            for one in getattr(outputs, name)
        )
        for name in VALUES
        if name != "customers"
    }
    moved["customers"] = tuple(
        one._replace(customer=other[one.customer], customer_id=one.customer_id.replace("customer", "other"))
        for one in outputs.customers
    )
    scored = outputs.predictions
    assert scored is not None
    keys = np.array([other[int(one)] for one in scored.customer], dtype=np.uint64)
    return replace(outputs, predictions=replace(scored, customer=keys), **moved)


def between(offset: int, day: int, customers: tuple[int, ...]) -> Any:
    """Predictions that an event made."""
    made = scores(offset, day, customers)
    return replace(made, trigger=np.full(len(made), _TRIGGERED, dtype=np.uint8))


def rows_of(standings: Standings) -> list[tuple[Any, ...]]:
    """Standings as rows: customer, partition, offset, ordinal, as_of_us, day, pd, band, policy."""
    columns = [getattr(standings, field.name) for field in fields(Standings)]
    assert all(len(column) == len(standings) for column in columns)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def newest_of(stretches: dict[int, tuple[Outputs, ...]]) -> list[tuple[Any, ...]]:
    """Standings by going through all scores one by one."""
    newest: dict[int, tuple[Any, ...]] = {}
    for partition, outputs in stretches.items():
        for p in (one.predictions for one in outputs if one.predictions is not None):
            for row in range(len(p)):
                values = (p.offset, p.ordinal, p.as_of_us, p.day, p.pd, p.band, p.policy)
                key = int(p.customer[row])
                newest[key] = (key, partition, *(column[row].item() for column in values))
    return [newest[key] for key in sorted(newest)]
