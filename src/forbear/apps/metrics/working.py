"""What surrounds the work of a process so that its meter is told; without a meter the work is as it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from datetime import time as clock_time
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from forbear.apps.metrics import catalogue
from forbear.apps.metrics.meter import Meter, Sample
from forbear.apps.metrics.stages import (
    MeasuredStages,
    Reads,
    Recorded,
    TimedSource,
    TimedStore,
    TimedStores,
    ToldParts,
)
from forbear.engine.follower import Follower
from forbear.engine.lifecycle import State
from forbear.engine.ports import Parts, Source, Store, Stores
from forbear.engine.timing import UNTIMED, Stages
from forbear.features.columns import day_of

_BREAKERS = {"closed": 0.0, "half-open": 0.5, "open": 1.0}
Followers = Callable[[], Mapping[int, Follower]]
"""Gives the followers that a process has just now, by partition."""


class Measured:
    """What of one worker is measured. meter: None: nothing is, and everything given is given back as it is."""

    def __init__(self, meter: Meter | None) -> None:
        self._meter = meter
        self._measured = None if meter is None else MeasuredStages(meter)
        self._recorded = None if self._measured is None else Recorded(self._measured)
        self._reads = Reads()

    @property
    def stages(self) -> Stages:
        """What the engine tells of its stages."""
        return UNTIMED if self._measured is None else self._measured

    def source(self, source: Source) -> Source:
        """A source whose reading is measured."""
        return source if self._measured is None else TimedSource(source, self._measured, self._reads)

    def store(self, store: Store) -> Store:
        """A store whose commits are measured."""
        if self._measured is None or self._recorded is None:
            return store
        return TimedStore(store, self._measured, self._recorded, self._reads)

    def stores(self, stores: Stores) -> Stores:
        """Stores of all partitions whose commits are measured."""
        return stores if self._recorded is None else TimedStores(stores, self._recorded)

    def parts(self, parts: Parts) -> Parts:
        """Parts whose policies say what may be decided."""
        return parts if self._recorded is None else ToldParts(parts, self._recorded)

    def follows(self, followers: Followers, end: Callable[[], int] | None = None) -> None:
        """Tell how far some followers are. end: of their one log, where it is known here."""
        if self._meter is None:
            return

        def asked() -> Iterator[Sample]:
            for partition, follower in followers().items():
                label = (str(partition),)
                yield Sample(catalogue.POSITION, follower.position, label)
                if end is not None:
                    yield Sample(catalogue.BEHIND, max(0, end() - follower.position), label)
                if follower.clock_us:
                    yield Sample(catalogue.WATERMARK, follower.clock_us / 1e6, label)
                yield Sample(catalogue.OPEN_DAY, _begins(follower), label)

        self._meter.tells("followers", asked)


def told_of(meter: Meter | None, snapshot: Callable[[], Mapping[str, Any]], states: tuple[str, ...]) -> None:
    """Tell what a process of the production path says of itself. states: all that it can be in."""
    if meter is None:
        return

    def asked() -> Iterator[Sample]:
        said = snapshot()
        yield from (Sample(catalogue.STATE, said["state"] == state, (state,)) for state in states)
        yield from (Sample(catalogue.COUNTED, many, (what,)) for what, many in said["counters"].items())
        yield from (Sample(catalogue.BREAKER, _BREAKERS[to], (system,)) for system, to in said["breakers"].items())
        for gauge, metric in (("lag", catalogue.BEHIND), ("position", catalogue.POSITION)):
            values = said["gauges"].get(gauge, {})
            yield from (Sample(metric, max(0, value), (partition,)) for partition, value in values.items())

    meter.tells("worker", asked)


class RoundsTold:
    """What is told of a process that works in rounds. rest_seconds: that it waits in between at most."""

    def __init__(self, meter: Meter | None, rest_seconds: float = 0.0, now: Callable[[], float] = time.time) -> None:
        self._meter, self._rest, self._now = meter, rest_seconds, now
        self._ended = 0.0
        if meter is not None:
            meter.tells("rounds", self._asked)

    def ended(self) -> None:
        """A round is over."""
        if self._meter is not None:
            self._ended = self._now()
            self._meter.count(catalogue.ROUNDS)

    def moved(self, state: str, channel: str) -> None:
        """An intervention has been led on."""
        if self._meter is not None:
            self._meter.count(catalogue.MOVES, 1, state, channel)

    def channels(self, carriers: Mapping[str, object], by_hand: Iterable[str]) -> None:
        """Tell of moves on every channel from 0 on, and of each provider whether it is left alone.

        One that never is left alone tells nothing of that.
        """
        if self._meter is None:
            return
        for state, channel in product(State, sorted({*carriers, *by_hand})):
            self._meter.count(catalogue.MOVES, 0, state.value, channel)

        def asked() -> Iterator[Sample]:
            for channel, carrier in carriers.items():
                left_alone = getattr(carrier, "left_alone", None)
                if left_alone is not None:
                    yield Sample(catalogue.BREAKER, left_alone, (channel,))

        self._meter.tells("carriers", asked)

    def _asked(self) -> Iterator[Sample]:
        if self._ended:
            yield Sample(catalogue.ROUND, self._ended)
            yield Sample(catalogue.ROUND_REST, self._rest)


def _begins(follower: Follower) -> float:
    """When the open day of a follower begins, in its bank's time zone [s since 1970, UTC]."""
    zone = ZoneInfo(follower.setup.deployment.time_zone)
    day = day_of(follower.scorer.book.open_day)
    return datetime.combine(day, clock_time(), zone).astimezone(UTC).timestamp()
