"""What the certifier keeps of one customer: facts that can still matter, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from forbear.certifier.times import DAY_US

Record: TypeAlias = Mapping[str, Any]
"""A line of the ledger: a fact's fields and its `entry`."""
KEPT = ("placed", "consented", "restricted", "lifted", "inconvenient", "preferred", "contacted")
_CROWD = 64
"""Facts of one kind up to which nobody looks for old ones."""


@dataclass(slots=True)
class OpenFacts:
    """The facts of one customer by kind, in ledger order. judged: clauses that each kept contact was found against."""

    kinds: dict[str, list[Record]] = field(default_factory=lambda: {kind: [] for kind in KEPT})
    judged: dict[int, set[str]] = field(default_factory=dict)

    def add(self, record: Record, keep_us: int) -> bool:
        """Keep a fact; False where it is there already. keep_us: how long a contact can matter."""
        kept = self.kinds[record["kind"]]
        if any(one["fact_id"] == record["fact_id"] for one in kept):
            return False
        kept.append(record)
        if record["kind"] == "contacted" and len(kept) > _CROWD:
            since_us = record["known_us"] - keep_us
            self.kinds["contacted"] = [one for one in kept if one["at_us"] >= since_us]
            there = {one["entry"] for one in self.kinds["contacted"]}
            self.judged = {entry: found for entry, found in self.judged.items() if entry in there}
        return True

    def as_of(self, at_us: int, *, known: bool) -> View:
        """What held at an instant. known: of what the bank knew by then, else of all that it has learnt since."""
        return View(self, at_us, at_us if known else 1 << 62)


@dataclass(frozen=True, slots=True)
class View:
    """Facts as they stood at an instant."""

    facts: OpenFacts
    at_us: int
    known_us: int

    def of(self, kind: str) -> Iterator[Record]:
        """Those of a kind that had begun and were known."""
        for one in self.facts.kinds[kind]:
            if one["at_us"] <= self.at_us and one["known_us"] <= self.known_us:
                yield one

    def newest(self, kind: str, **like: str) -> Record | None:
        """The one that happened last; of one instant the one that was told last."""
        last: Record | None = None
        for one in self.of(kind):
            if all(one[key] == value for key, value in like.items()) and (
                last is None or one["at_us"] >= last["at_us"]
            ):
                last = one
        return last

    def stops(self) -> Iterator[Record]:
        """Stops that had begun and were not lifted since; their end, where one was told, may have passed."""
        for stop in self.of("restricted"):
            if not any(
                lift["at_us"] >= stop["at_us"] and all(lift[key] == stop[key] for key in ("stop", "matter", "channel"))
                for lift in self.of("lifted")
            ):
                yield stop

    def made(self) -> Iterator[Record]:
        """Contacts but for those that were called off: told so, or told again so under their id with ".off" behind."""
        gone = {one["fact_id"].removesuffix(".off") for one in self.of("contacted") if one["called_off"]}
        return (one for one in self.of("contacted") if not one["called_off"] and one["fact_id"] not in gone)

    def contacts(self, days: int) -> Iterator[Record]:
        """Contacts of the last days, and two more for the readings to differ; none that was called off."""
        since_us = self.at_us - (days + 2) * DAY_US
        return (one for one in self.made() if one["at_us"] > since_us)
