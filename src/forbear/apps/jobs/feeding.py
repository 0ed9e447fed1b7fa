"""Feed Kafka from history: events as they came, at the pace they came or faster, each day closed before the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, islice
from time import monotonic, sleep

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.groups import ROUTER_GROUP, await_committed
from forbear.adapters.kafka.messages import message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import watermarks
from forbear.adapters.kafka.topics import CONTROL, TRANSACTIONS
from forbear.apps.console import Console
from forbear.apps.jobs.history_sources import Past, days_of, told_again
from forbear.domain.errors import ForbearError
from forbear.domain.events import DayClosed, Event, Instructed


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast, and how much. batch_size: events that are confirmed together.  delay_seconds: after each batch.

    total: events in all, None for all there are.  speed_up: 1 for as fast as they were received, 60 for an hour a
    minute, 0 for as fast as it goes.  turns: how often it is all told, None for ever.
    """

    batch_size: int = 1_000
    delay_seconds: float = 0.0
    total: int | None = None
    speed_up: float = 0.0
    turns: int | None = 1


@dataclass(slots=True)
class Fed:
    """What was fed so far. events: confirmed by Kafka.  closes: of days, among them.  position: behind the last."""

    events: int = 0
    closes: int = 0
    position: int = 0
    turn: int = 0
    seconds: float = 0.0
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed of a cluster. waits: at each day close until the router has copied it into every partition.

    at: position in the past, and turn, where it goes on.
    """

    cluster: Cluster
    past: Past
    pace: Pace = field(default_factory=Pace)
    waits: bool = True
    at: tuple[int, int] = (0, 0)

    def run(self, tell: Callable[[Fed], None]) -> Fed:
        """Feed until there is nothing more, or somebody interrupts; tell how far it is after each batch.

        Raises BackendUnavailable and the like, its mend the position from which to go on.
        """
        fed = Fed(position=self.at[0], turn=self.at[1])
        with closing(Publisher(self.cluster)) as publisher:
            try:
                self._feed(publisher, fed, tell)
            except KeyboardInterrupt:
                fed.interrupted = True
            except ForbearError as error:
                again = f"go on with --resume-at {fed.position} --resume-turn {fed.turn}"
                error.mend = f"{error.mend}; then {again}" if error.mend else again
                raise
        return fed

    # ---- inside

    def _feed(self, publisher: Publisher, fed: Fed, tell: Callable[[Fed], None]) -> None:
        batch, clock = _Batch(publisher, fed, tell), _Clock(self.pace.speed_up)
        for turn, position, event in islice(self._told(), self.pace.total):
            if (ahead := clock.ahead(event.received_at)) > 0:
                batch.confirm()
                sleep(ahead)
            if isinstance(event, DayClosed | Instructed):
                # It stands behind everything before it, and before everything behind it, in every partition.
                batch.confirm()
                publisher.send(CONTROL, *message_of(event), partition=0)
                publisher.flush()
                if self.waits:
                    await_routed(self.cluster)
            else:
                publisher.send(TRANSACTIONS, *message_of(event))
            batch.add(turn, position, event)
            if batch.events >= self.pace.batch_size:
                batch.confirm()
                sleep(self.pace.delay_seconds)
        batch.confirm()

    def _told(self) -> Iterator[tuple[int, int, Event]]:
        """Events with their turn and the position behind each, turn by turn."""
        start, first_turn = self.at
        bounds = self.past.bounds()
        days = 0 if bounds is None else days_of(*bounds)
        position = start
        for turn in count(first_turn) if self.pace.turns is None else range(first_turn, self.pace.turns):
            before, position = (start, start) if turn == first_turn else (0, 0)
            for position, event in self.past.read(before):
                yield turn, position, told_again(event, turn, turn * days)
            if position == before and turn > first_turn:
                return  # there is nothing to tell, and there never will be


class _Batch:
    """Events that were sent and are not confirmed yet."""

    def __init__(self, publisher: Publisher, fed: Fed, tell: Callable[[Fed], None]) -> None:
        self._publisher, self._fed, self._tell = publisher, fed, tell
        self._begun = monotonic()
        self.events = self._closes = 0

    def add(self, turn: int, position: int, event: Event) -> None:
        self.events += 1
        self._closes += isinstance(event, DayClosed)
        self._place = turn, position

    def confirm(self) -> None:
        """Whoever is interrupted goes on from the last place where this was done."""
        if self.events:
            self._publisher.flush()
            fed = self._fed
            fed.turn, fed.position = self._place
            fed.events, fed.closes = fed.events + self.events, fed.closes + self._closes
            fed.seconds = monotonic() - self._begun
            self.events = self._closes = 0
            self._tell(fed)


def await_routed(cluster: Cluster) -> None:
    """Return once the router has copied all that stands on the control stream now into every partition.

    Raises BackendUnavailable if it does not get on within the cluster's patience.
    """
    await_committed(cluster, ROUTER_GROUP, (CONTROL, 0), watermarks(cluster, CONTROL)[0][1])


class _Clock:
    """Waits until events may be told, at some times the pace at which they were received."""

    def __init__(self, speed_up: float) -> None:
        self._speed_up = speed_up
        self._began: tuple[datetime, float] | None = None

    def ahead(self, received: datetime) -> float:
        """How long an event is to wait still [seconds]; 0 or less for one whose time has come."""
        if not self._speed_up:
            return 0.0
        if self._began is None:
            self._began = received, monotonic()
        first, began = self._began
        return began + (received - first).total_seconds() / self._speed_up - monotonic()


def show_feed(feed: Feed, console: Console) -> None:
    """Feed, with a bar that shows the rate; say how much it was, and where to go on."""
    with console.progress("Feeding", feed.pace.total, rate=True) as progress:
        fed = feed.run(lambda so_far: progress(so_far.events))
    rate = fed.events / fed.seconds if fed.seconds else 0.0
    console.result(
        {
            "events": fed.events,
            "day_closes": fed.closes,
            "seconds": round(fed.seconds, 3),
            "events_per_s": round(rate, 1),
            "resume_at": fed.position,
            "resume_turn": fed.turn,
            "interrupted": fed.interrupted,
        }
    )
    console.say(f"Fed {fed.events:,} events, {fed.closes:,} of them day closes, in {fed.seconds:,.1f} s: {rate:,.0f}/s")
    if fed.interrupted:
        console.say(f"Interrupted; go on with --resume-at {fed.position} --resume-turn {fed.turn}")
