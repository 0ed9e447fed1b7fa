"""Writes to a store what a worker would, without its work: what `feed` stands on.

Of each 25 transactions some 30 % have a prediction with 31 attributions; now and then there is a decision.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from forbear.adapters.sql.store import SqlStores
from forbear.engine.audit import chain
from forbear.engine.outputs import Decision, Named, Outputs, Part, Position, Predictions
from forbear.features.compute import FeatureSet
from forbear.features.hashing import keys_of
from forbear.testing.outputs import decision, scores

PARTITIONS, GROUP = 3, 25
SCORED = 0.3
_BANDS = ["critical", "high", "medium"]
_CUT_OFFS = np.array([0.9, 0.8, 0.6])
_DECISION_EVERY = 20


def customer_ids(customers: int) -> list[str]:
    """The ids of the bank's customers; the n-th is of partition n % PARTITIONS."""
    return [f"C{number:07d}" for number in range(customers)]


class Writer:
    """Writes to a store, group after group."""

    def __init__(self, stores: SqlStores, customers: int) -> None:
        self.stores = stores
        self.keys = keys_of(np.array([name.encode() for name in customer_ids(customers)], "S"))
        self.features = list(FeatureSet.standard().names)
        self.chance = np.random.default_rng(5)
        self.at = [Position(0)] * PARTITIONS
        self.made = 0
        self.heads: list[Any] = [None] * PARTITIONS
        documents: dict[str, dict[str, object]] = {
            "model": {"kind": "boosting", "features": self.features, "expected": -2.0},
            "policy": {"version": "1", "bands": _BANDS, "reasons": ["spending"], "currency": "EUR", "text": ""},
        }
        known = [
            Part(kind=kind, number=1, digest=kind[0] * 64, offset=0, by="bench", document=document)
            for kind, document in documents.items()
        ]
        for partition in range(PARTITIONS):
            mine = range(partition, customers, PARTITIONS)
            names = customer_ids(customers)
            named = tuple(Named(int(self.keys[n]), names[n], slot, 0) for slot, n in enumerate(mine))
            first = Outputs(after=Position(-1), until=Position(1), customers=named, parts=tuple(known))
            self.stores.commit({partition: first})
            self.at[partition] = Position(1)

    def write(self, number: int) -> None:
        """Commit the next group, as of now."""
        partition = number % PARTITIONS
        after, until = self.at[partition], Position(self.at[partition].offset + GROUP)
        rows = np.flatnonzero(self.chance.random(GROUP) < SCORED)
        made = (self._decision(partition, until),) if number % _DECISION_EVERY == 0 else ()
        records = []
        for one in made:
            records.append(chain(self.heads[partition], "decision", one.offset, {"id": one.decision_id}, one.sealed))
            self.heads[partition] = records[-1]
        outputs = Outputs(
            after=after,
            until=until,
            predictions=self._predictions(partition, after.offset + rows) if len(rows) else None,
            decisions=made,
            audit=tuple(records),
        )
        self.stores.commit({partition: outputs})
        self.at[partition] = until

    def _predictions(self, partition: int, offsets: Any) -> Predictions:
        n = len(offsets)
        who = self.chance.integers(0, len(self.keys) // PARTITIONS, n) * PARTITIONS + partition
        pd = self.chance.random(n) ** 3
        band = np.searchsorted(-_CUT_OFFS, -pd, side="left").astype(np.int8)
        return replace(
            scores(int(offsets[0]), 20_000, tuple(range(n)), features=len(self.features)),
            offset=offsets,
            ordinal=np.zeros(n, dtype=np.int64),
            customer=self.keys[who],
            as_of_us=np.full(n, time.time_ns() // 1_000),
            trigger=np.full(n, 16, dtype=np.uint8),
            pd=pd,
            reason=np.zeros(n, dtype=np.int16),
            band=np.where(band == len(_BANDS), -1, band).astype(np.int8),
        )

    def _decision(self, partition: int, until: Position) -> Decision:
        self.made += 1
        who = int(self.chance.integers(0, len(self.keys) // PARTITIONS)) * PARTITIONS + partition
        return decision(self.made, until.offset - 1, 20_000, customer=int(self.keys[who]))
