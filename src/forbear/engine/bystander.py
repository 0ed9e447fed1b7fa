"""What else a replay takes note of as events pass: who missed a payment, and which groups customers belong to.

Neither is an input of any decision here: groups are for asking afterwards who is contacted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from forbear.domain.deployment import HORIZON_DAYS, Deployment
from forbear.domain.events import Instant
from forbear.engine.misses import Misses, MissIndex, Told, misses_in
from forbear.engine.ports import History, Scanned
from forbear.engine.replayed import OFFER, Decided
from forbear.features.columns import EventColumns, EventKind, micros
from forbear.features.hashing import Keys
from forbear.features.local_time import LocalTime, local_time
from forbear.models.evaluate import wilson
from forbear.models.results import Figure
from forbear.policy.proposals import Bools

NOT_TOLD = "not told"
GROUPINGS = ("segment", "region")
"""What a customer update tells of the groups that somebody belongs to."""
Groupings: TypeAlias = Mapping[str, Mapping[str, Keys]]
"""Keys of customers by grouping and group."""


class _Groups(msgspec.Struct, frozen=True):
    """What of a customer update is read here."""

    booked_at: Instant
    segment: str = ""
    region: str = ""


_UPDATES = msgspec.json.Decoder(_Groups)


@dataclass(slots=True)
class Bystander:
    """Sees every event once, in log order. closed_day: the last close that was seen, -1 for none."""

    deployment: Deployment
    closed_day: int = -1
    _groups: dict[int, tuple[int, str, str]] = field(default_factory=dict)
    _told: list[Told] = field(default_factory=list)

    def see(self, scanned: Scanned) -> None:
        """Take note of some events."""
        offset, columns, batch = scanned
        zone = local_time(self.deployment.time_zone)
        told = misses_in(self.deployment.miss, columns, batch, zone, offset)
        if len(told.customer):
            self._told.append(told)
        self.closed_day = max(self.closed_day, int(batch.day[batch.kind == EventKind.DAY_CLOSED].max(initial=-1)))
        for row in np.flatnonzero(batch.kind == EventKind.CUSTOMER).tolist():
            update, key = _UPDATES.decode(columns.payload[row]), int(batch.customer[row])
            booked = micros(update.booked_at)
            if key not in self._groups or self._groups[key][0] <= booked:
                self._groups[key] = (booked, update.segment, update.region)

    def missed_behind(self, customer: Keys, day: NDArray[np.int32]) -> Bools:
        """(n,) whether each customer missed a payment in the 30 days behind a day."""
        index = MissIndex(Misses.of(self._told).standing)
        days = day.astype(np.int64)
        missed: Bools = ~np.isnan(index.first_between(customer, days + 1, days + HORIZON_DAYS))
        return missed

    @property
    def first_unripe(self) -> int:
        """The first day whose 30 days, and the time to report them, are not over by the last close that was seen."""
        return self.closed_day - HORIZON_DAYS - self.deployment.miss.reporting_days + 1

    def customers(self, gone: frozenset[int] = frozenset()) -> Keys:
        """Keys of those whom an update has told of, but for some."""
        return np.array([key for key in self._groups if key not in gone], dtype=np.uint64)

    def groupings(self, gone: frozenset[int] = frozenset()) -> Groupings:
        """Keys of the customers of each group of each grouping; "not told" where an update leaves it open."""
        found: dict[str, dict[str, list[int]]] = {grouping: {} for grouping in GROUPINGS}
        for key, (_, *known) in self._groups.items():
            if key not in gone:
                for grouping, group in zip(GROUPINGS, known, strict=True):
                    found[grouping].setdefault(str(group) or NOT_TOLD, []).append(key)
        return {
            grouping: {name: np.array(keys, dtype=np.uint64) for name, keys in sorted(groups.items())}
            for grouping, groups in found.items()
        }


@dataclass(frozen=True, slots=True)
class Watched:
    """A history that somebody sees as it is scanned."""

    history: History
    bystander: Bystander

    @property
    def next_offset(self) -> int:
        """The offset that the next event gets."""
        return self.history.next_offset

    @property
    def closed_day(self) -> int | None:
        """The last day that was closed."""
        return self.history.closed_day

    def offset_since(self, received_us: int) -> int:
        """An offset before which nothing was received at or after an instant [microseconds UTC]."""
        return self.history.offset_since(received_us)

    def scan(self, zone: LocalTime, start: int = 0) -> Iterator[Scanned]:
        """Batches in log order from an offset on; seen if it is the first."""
        for scanned in self.history.scan(zone, start):
            if start == 0:
                self.bystander.see(scanned)
            yield scanned

    def read(self, start: int = 0) -> Iterator[EventColumns]:
        """The same, with every column."""
        return self.history.read(start)

    def customers(self) -> Mapping[int, str]:
        """Customer id by key."""
        return self.history.customers()


@dataclass(frozen=True, slots=True)
class GroupRate:
    """Of one group, how many customers there are, how many had an offer, and the share with its 95 % interval."""

    grouping: str
    group: str
    customers: int
    contacted: int

    @property
    def share(self) -> Figure:
        """Wilson's interval."""
        return wilson(self.contacted, self.customers)


def contact_rates(decided: Decided, groupings: Groupings) -> tuple[GroupRate, ...]:
    """Who had at least one offer, by group, of every grouping that tells two customers apart."""
    contacted = np.unique(decided.customer[decided.where("outcome", OFFER)])
    rates: list[GroupRate] = []
    for grouping, groups in groupings.items():
        if len(groups) > 1:
            rates += _rates(grouping, groups.items(), contacted)
    return tuple(rates)


def _rates(grouping: str, groups: Iterable[tuple[str, Keys]], contacted: Keys) -> Iterator[GroupRate]:
    for name, keys in groups:
        yield GroupRate(grouping, name, len(keys), int(np.isin(keys, contacted).sum()))
