"""The closer: the one producer of day closes. It reads the whole stream, and closes a day once its feed is complete."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.many import ManyReader
from forbear.adapters.kafka.member import Member
from forbear.adapters.kafka.messages import message_of, runs_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import watermarks
from forbear.adapters.kafka.topics import CONTROL, TRANSACTIONS
from forbear.apps.home import Home
from forbear.apps.stream.pulse import Pulse
from forbear.apps.stream.services import stream_services
from forbear.domain.events import DayClosed
from forbear.engine.closing import Arrivals, ClosingRule, Complete, assess, is_due
from forbear.features.columns import day_number, day_of, micros
from forbear.features.local_time import local_time

GROUP = "forbear-closer"
"""Its members share the one partition of the control topic: whoever has it closes days."""
LIMIT = 8_192
_POLL_SECONDS = 0.2
_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class CloserParts:
    """What a closer is made of. now: the clock by which a day is over."""

    home: Home
    cluster: Cluster
    pulse: Pulse
    rule: ClosingRule = field(default_factory=ClosingRule)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class StreamCloser:
    """The loop of one process. A close that was published is waited for on the stream before the next is thought of."""

    def __init__(self, parts: CloserParts) -> None:
        self._parts = parts
        home = parts.home
        self._zone, self._calendar = local_time(home.deployment.time_zone), home.feed.calendar
        self._asked = -1
        self._open = ExitStack()
        self._publisher = self._open.enter_context(closing(Publisher(parts.cluster)))
        self._member = Member(parts.cluster, GROUP, [CONTROL], instance_id=parts.pulse.name)
        self._open.callback(self._member.close)
        parts.pulse.state("restoring")
        self._arrivals = Arrivals.archived(home.archive, self._zone, parts.rule)
        starts = {partition: low for partition, (low, _) in watermarks(parts.cluster, TRANSACTIONS).items()}
        self._reader = self._open.enter_context(closing(ManyReader(parts.cluster, TRANSACTIONS, starts)))

    @property
    def open_day(self) -> int:
        """The day behind the last close [days since 1970]."""
        closed = self._arrivals.closed_day
        return day_number(self._parts.home.deployment.opens_on) if closed is None else closed + 1

    def run(self, stop: Callable[[], bool]) -> None:
        """Count what comes, and close what is due, until told to stop."""
        looked = 0.0
        with self._open:
            while not stop():
                came = self.count(_POLL_SECONDS)
                if time.monotonic() - looked >= _LOOK_SECONDS:
                    looked = time.monotonic()
                    self._member.poll(1_000, 0)
                    if not came:
                        self.look()
                self._parts.pulse.gauge("lag", {str(one): behind for one, behind in self._reader.lag().items()})
                self._parts.pulse.state("running" if self._leads else "waiting", "another closer is at work")
                self._parts.pulse.progressed()
            self._parts.pulse.state("stopping")

    def count(self, seconds: float) -> int:
        """Count what came; answer how many messages."""
        found = self._reader.poll(LIMIT, seconds)
        for messages in found.values():
            for scanned in runs_of(messages, self._zone)[0]:
                self._arrivals.add(scanned)
        self._parts.pulse.count("events", sum(map(len, found.values())))
        return sum(map(len, found.values()))

    def look(self) -> bool:
        """Close the open day if this is the closer at work and the feed is complete; answer whether it did."""
        day, now = self.open_day, self._parts.now()
        if not self._leads or day == self._asked:
            return False
        if not is_due(day, micros(now), self._zone, self._parts.rule.grace_minutes):
            return False
        answer = assess(self._arrivals, day, self._calendar, self._parts.rule)
        if not isinstance(answer, Complete):
            self._parts.pulse.note("day_waits", day=str(day_of(day)), why=str(answer.reason), came=answer.came)
            return False
        self._publisher.send(
            CONTROL, *message_of(DayClosed(partition=0, day=day_of(day), received_at=now)), partition=0
        )
        self._publisher.flush()
        self._asked = day
        self._parts.pulse.note("day_closed", day=str(day_of(day)), came=answer.came)
        return True

    # ---- inside

    @property
    def _leads(self) -> bool:
        """Whether this one is at work: it has the partition that there is only one of."""
        return bool(self._member.places)


def work(home: Home, instance: str, pulse: Pulse, stop: Callable[[], bool]) -> None:
    """Be a closer of a home until told to stop."""
    del instance
    StreamCloser(CloserParts(home, stream_services(home, pulse).cluster, pulse)).run(stop)
