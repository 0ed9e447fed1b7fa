"""A desk in memory that grows while it is followed: the methods that the feed asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from forbear.domain.errors import BackendUnavailable
from forbear.engine.desk import Made, MadePage, Picked, Seen, Standings
from forbear.engine.outputs import Part, Position
from forbear.engine.queries import Answer, Scored, Timeline
from forbear.testing.outputs import EXPECTED, decision

BANDS = ("critical", "high")
FEATURES = ("a", "b", "c")


class GrowingDesk:
    """Predictions by partition, and decisions. fails: whether it does not answer."""

    def __init__(self, partitions: int) -> None:
        self.scored: dict[int, list[Scored]] = {partition: [] for partition in range(partitions)}
        self.decided: list[Made] = []
        self.at: dict[int, Position] = {partition: Position(0) for partition in range(partitions)}
        self.fails = False

    def score(self, partition: int, customer: int, band: int = -1, pd: float = 0.1) -> None:
        """Record one more prediction, and a few events that give none."""
        place = Position(self.at[partition].offset + customer % 3, 0)
        self.scored[partition].append(
            Scored(
                place=place,
                customer=customer,
                customer_id=f"customer-{customer}",
                as_of_us=place.offset * 1_000_000,
                day=20_000,
                trigger=9,
                log_odds=EXPECTED,
                pd=pd,
                attributions=(0.5, -1.5, 1.0),
                reason=0,
                band=band,
                verdict=-1,
                model=1,
                policy=1,
            )
        )
        self.at[partition] = Position(place.offset + 1)

    def decide(self, partition: int, customer: int, outcome: str = "offer") -> None:
        """Record one more decision; entries have gaps."""
        entry = self.decided[-1].entry + 1 + customer % 2 if self.decided else 1
        made = decision(entry, self.at[partition].offset, 20_000, customer=customer, outcome=outcome)
        self.decided.append(Made(entry, partition, f"customer-{customer}", made))

    # ---- what the feed asks

    def marks(self) -> Mapping[int, Position]:
        """See Desk."""
        self._answer()
        return dict(self.at)

    def scores_behind(self, partition: int, position: Position, limit: int) -> Seen[tuple[Scored, ...]]:
        """See Desk."""
        self._answer()
        found = [one for one in self.scored[partition] if one.place >= position]
        return Seen(dict(self.at), tuple(found[:limit]))

    def made_behind(self, entry: int, limit: int) -> Seen[tuple[Made, ...]]:
        """See Desk."""
        self._answer()
        return Seen(dict(self.at), tuple([one for one in self.decided if one.entry > entry][:limit]))

    def picked(self, which: Picked, limit: int, beyond: int | None = None) -> Seen[MadePage]:
        """See Desk; newest first, all of them."""
        assert (which, beyond) == (Picked(), None)
        return Seen(dict(self.at), MadePage(tuple(reversed(self.decided[-limit:])), None))

    def standings(self) -> Seen[Standings]:
        """See Desk."""
        self._answer()
        newest = {one.customer: one for scored in self.scored.values() for one in scored}
        found = [newest[customer] for customer in sorted(newest)]
        n = len(found)
        value = Standings(
            customer=np.array([one.customer for one in found], dtype=np.uint64),
            partition=np.zeros(n, dtype=np.int32),
            offset=np.array([one.place.offset for one in found], dtype=np.int64),
            ordinal=np.zeros(n, dtype=np.int64),
            as_of_us=np.zeros(n, dtype=np.int64),
            day=np.zeros(n, dtype=np.int32),
            pd=np.array([one.pd for one in found], dtype=np.float64),
            band=np.array([one.band for one in found], dtype=np.int8),
            policy=np.array([one.policy for one in found], dtype=np.int32),
        )
        return Seen(dict(self.at), value)

    def parts(self, kind: str) -> Seen[tuple[Part, ...]]:
        """See Desk."""
        document: dict[str, Any] = {
            "model": {"features": list(FEATURES)},
            "policy": {"version": "7", "bands": list(BANDS), "reasons": ["spending"]},
        }[kind]
        return Seen({}, (Part(kind=kind, number=1, digest=f"{kind}-digest", offset=0, by="", document=document),))

    def of(self, partition: int) -> Any:
        """See Desk: the timeline of a customer, a page of one entry."""

        def timeline(customer: int, limit: int, before: int | None = None) -> Answer[Timeline]:
            assert limit >= 1
            self._answer()
            own = [one for one in self.scored[partition] if one.customer == customer and one.place.offset < before]
            older = own[-1].place.offset if len(own) > 1 else None
            return Answer(self.at[partition], Timeline(tuple(own[-1:]), older))

        return SimpleNamespace(timeline=timeline)

    def _answer(self) -> None:
        if self.fails:
            raise BackendUnavailable("the desk is away")

    # ---- what must come

    def truth(self) -> list[tuple[str, int, int]]:
        """(kind, partition or -1, offset or entry) of every message that the desk stands for, line by line."""
        found: list[tuple[str, int, int]] = []
        for partition, scored in self.scored.items():
            urgent: set[int] = set()
            for one in scored:
                found.append(("prediction", partition, one.place.offset))
                if one.band == 0 and one.customer not in urgent:
                    found.append(("alert", partition, one.place.offset))
                (urgent.add if one.band == 0 else urgent.discard)(one.customer)
        return [*found, *(("decision", -1, one.entry) for one in self.decided)]


def told(message: Mapping[str, Any]) -> tuple[str, int, int]:
    """What `GrowingDesk.truth` says of a message."""
    kind = message["kind"]
    return (kind, -1, message["entry"]) if kind == "decision" else (kind, message["partition"], message["offset"])


def in_lines(found: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Messages by line, in the order in which they came within each; decisions last."""
    return sorted(found, key=lambda one: one[1] if one[0] != "decision" else 10**6)


@pytest.fixture(scope="session")
def bench() -> SimpleNamespace:
    """GrowingDesk, told and in_lines."""
    return SimpleNamespace(GrowingDesk=GrowingDesk, told=told, in_lines=in_lines)
