"""The closer of the production path: a day is closed once, when its feed is complete, and by one closer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.messages import event_of, message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import forwards
from forbear.adapters.kafka.topics import CONTROL, TRANSACTIONS, apply
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.demo import simulate_bank
from forbear.apps.stream.closer import CloserParts, StreamCloser
from forbear.apps.stream.pulse import Pulse
from forbear.domain.events import DayClosed
from forbear.features.columns import day_of, events_of, joined
from forbear.simulation.bank import simulate
from forbear.simulation.spec import BankSpec
from forbear.testing.servers.kafka import KafkaServer

SPEC = BankSpec(customers=30, days=60, seed=4)
"""Of the history; the bank goes on for some days behind it."""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A broker of its own, with the topics as they are to be."""
    with KafkaServer() as server:
        found = Cluster(server.bootstrap, session_seconds=2.0)
        apply(found)
        yield found


def closes_on(cluster: Cluster) -> list[DayClosed]:
    """What stands on the control topic."""
    with closing(Reader(cluster, CONTROL, 0)) as reader:
        found = [event_of(one.key(), one.value()) for one in forwards(reader)]
    return [one for one in found if isinstance(one, DayClosed)]


def led(closer: StreamCloser) -> StreamCloser:
    """The closer, once it is the one at work."""
    for _ in range(100):
        closer.count(0.1)
        closer.look()
        if closer.leads:
            return closer
    raise AssertionError("nobody leads")


def test_a_day_is_closed_when_its_feed_is_there(cluster: Cluster, tmp_path: Path) -> None:
    """Not before its end, not while too little has come of it, then once, whatever often it is looked at."""
    home = Home(tmp_path / "home")
    simulate_bank(home, SPEC, Console(quiet=True), replace=False)
    open_day = (home.archive.closed_day or 0) + 1
    longer = BankSpec(customers=30, days=64, seed=4)
    later = [one for one in events_of(joined(list(simulate(longer)))) if not isinstance(one, DayClosed)]
    start = datetime.combine(day_of(open_day), datetime.min.time(), UTC)
    fed = [one for one in later if start - timedelta(hours=3) <= one.received_at < start + timedelta(hours=30)]
    clock = [start + timedelta(hours=12)]
    with ExitStack() as stack:
        parts = CloserParts(home, cluster, Pulse("closer-1"), now=lambda: clock[0])
        closer = led(StreamCloser(parts))
        stack.callback(closer.close)
        assert closer.open_day == open_day
        assert not closer.look()
        clock[0] = start + timedelta(hours=30)
        assert not closer.look(), "nothing has come of it"
        publisher = stack.enter_context(closing(Publisher(cluster)))
        for event in fed:
            publisher.send(TRANSACTIONS, *message_of(event))
        publisher.flush()
        while closer.count(0.5):
            pass
        assert closer.look()
        assert not closer.look(), "it waits for its own close to come by"
    (close,) = closes_on(cluster)
    assert (close.day, close.received_at) == (day_of(open_day), clock[0])
