"""Topics, dead letters and the feeder from the command line, against a real broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.dead_letters import Letters
from forbear.adapters.kafka.groups import ROUTER_GROUP
from forbear.adapters.kafka.member import Member, Reader
from forbear.adapters.kafka.messages import Refused, event_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import forwards, watermarks
from forbear.adapters.kafka.topics import CONTROL, OUTCOMES, TRANSACTIONS
from forbear.apps.home import Home
from forbear.apps.jobs.feeding import Feed, Pace
from forbear.apps.jobs.history_sources import told_again
from forbear.domain.errors import BackendUnavailable
from forbear.domain.events import DayClosed, Event, encode
from forbear.features.columns import events_of
from forbear.testing.builders import at, closed, outcome, transaction
from forbear.testing.servers.kafka import KafkaServer

Cli = Callable[..., Any]


@pytest.fixture
def cluster(kafka_server: KafkaServer, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The broker of the tests with all topics, named by the environment."""
    monkeypatch.setenv("FORBEAR_KAFKA", kafka_server.bootstrap)
    assert cli("topics", "apply").code == 0
    return Cluster(kafka_server.bootstrap, patience_seconds=10.0)


class Since:
    """What came to a topic since now."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self.cluster, self.topic = cluster, topic
        self.ends = {partition: high for partition, (_, high) in watermarks(cluster, topic).items()}

    def events(self) -> dict[int, list[Event]]:
        """The events by partition."""
        found: dict[int, list[Event]] = {}
        for partition, end in self.ends.items():
            with closing(Reader(self.cluster, self.topic, partition)) as reader:
                own = [message for message in forwards(reader) if (message.offset() or 0) >= end]
            found[partition] = [event_of(message.key(), message.value()) for message in own]
        return found


@pytest.fixture
def router(cluster: Cluster) -> Iterator[None]:
    """Somebody who says at once that the control stream is copied."""
    done = Flag()

    def work() -> None:
        with closing(Member(cluster, ROUTER_GROUP, [CONTROL])) as member:
            while not done.is_set():
                for message in member.poll(10, 0.05):
                    member.commit({(CONTROL, 0): (message.offset() or 0) + 1})

    thread = Thread(target=work)
    thread.start()
    yield
    done.set()
    thread.join()


def test_topics_are_applied_and_the_difference_printed(
    kafka_server: KafkaServer, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run prints what is missing and does nothing; the second apply finds nothing to do."""
    monkeypatch.setenv("FORBEAR_KAFKA", kafka_server.bootstrap)
    cli("topics", "apply")
    again = cli("topics", "apply", "--dry-run", "--json").document
    assert again == {"done": [], "left": []}
    assert "as they are to be" in cli("topics", "apply").out


def test_without_an_address_it_says_what_to_set(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing falls back to some address: the operator is told which setting is missing."""
    monkeypatch.delenv("FORBEAR_KAFKA", raising=False)
    for words in (("topics", "apply"), ("dlq", "list"), ("feed",)):
        ended = cli(*words, "--home", tmp_path)
        assert (ended.code, "FORBEAR_KAFKA" in ended.err) == (2, True)


def test_letters_are_listed_mended_and_put_back(cli: Cli, cluster: Cluster, tmp_path: Path) -> None:
    """A file of letters that was mended by hand goes back on the topic; after that nothing is left to put back."""
    event = outcome(3, customer_id="C5")
    broken = encode(event).replace(b'"amount_due_minor":1000', b'"amount_due_minor":"ten"')
    with closing(Publisher(cluster)) as publisher:
        letters = Letters(publisher, lambda: at(1))
        letters.add(OUTCOMES, 0, Refused(1, b"C5", broken, "mistyped", "amount_due_minor"))
        letters.add(OUTCOMES, 0, Refused(2, b"\xff", b"\xff", "not_json", "no"))
        publisher.flush()
    since, file = Since(cluster, OUTCOMES), tmp_path / "letters.jsonl"

    found = cli("dlq", "list", "--topic", OUTCOMES, "--out", file, "--json").document
    assert found["letters"] == 2
    assert cli("dlq", "list", "--code", "mistyped", "--json").document["letters"] == 1
    assert "amount_due_minor" in cli("dlq", "list").out
    lines = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    assert (lines[0]["value"], lines[1]["value_base64"]) == (broken.decode(), "/w==")
    assert cli("dlq", "replay", "--mended", file).code == 3
    file.write_bytes(msgspec.json.encode({**lines[0], "value": encode(event).decode()}))
    assert cli("dlq", "replay", "--mended", file, "--json").document == {"replayed": 1}
    assert cli("dlq", "replay", "--mended", file).code == 2
    assert cli("dlq", "list", "--json").document["letters"] == 1
    assert cli("dlq", "list", "--again", "--json").document["letters"] == 2
    assert [one for own in since.events().values() for one in own] == [event]


def test_a_home_is_fed_day_by_day(cli: Cli, cluster: Cluster, router: None, small: Path) -> None:
    """Every event arrives once, a customer's in one partition and in order; closes go to the control stream."""
    stream, control = Since(cluster, TRANSACTIONS), Since(cluster, CONTROL)
    fed = cli("feed", "--home", small, "--batch-size", 50, "--json").document

    history = [event for columns in Home(small).history.read() for event in events_of(columns)]
    parts = stream.events()
    assert (fed["events"], fed["resume_at"], fed["day_closes"]) == (len(history), len(history), 90)
    assert control.events()[0] == [event for event in history if isinstance(event, DayClosed)]
    for customer in ("C1", "C2", "C3"):
        own = [[one for one in part if one.customer_id == customer] for part in parts.values()]
        assert [part for part in own if part] == [[e for e in history if getattr(e, "customer_id", "") == customer]]


def test_a_part_of_history_is_fed_and_gone_on_from(cli: Cli, cluster: Cluster, small: Path) -> None:
    """Days bound what is fed, a total stops it, and the position that it tells is where the next one goes on."""
    stream = Since(cluster, TRANSACTIONS)
    days = ("--from", "2024-01-11", "--to", "2024-01-20", "--no-wait", "--home", small, "--json")
    first = cli("feed", *days, "--total", 20).document
    rest = cli("feed", *days, "--resume-at", first["resume_at"]).document

    history = [event for columns in Home(small).history.read() for event in events_of(columns)]
    wanted = [e for e in history if at(10, 0) <= e.received_at < at(20, 0)]
    found = [one for part in stream.events().values() for one in part]
    assert (first["events"], first["events"] + rest["events"]) == (20, len(wanted))
    assert sorted(map(encode, found)) == sorted(encode(e) for e in wanted if not isinstance(e, DayClosed))


def test_told_again_nothing_is_a_duplicate(cli: Cli, cluster: Cluster, small: Path) -> None:
    """A second turn is the same weekdays later, under ids of its own."""
    stream = Since(cluster, TRANSACTIONS)
    cli("feed", "--home", small, "--loop", "--turns", 2, "--no-wait", "--json")

    found = [one for part in stream.events().values() for one in part if hasattr(one, "transaction_id")]
    by_id = {(one.customer_id, one.transaction_id): one for one in found}
    assert len(by_id) == len(found) > 0
    again = [one for one in found if one.transaction_id.endswith("~1")]
    assert 2 * len(again) == len(found)
    for one in again:
        before = by_id[one.customer_id, one.transaction_id.removesuffix("~1")]
        assert one == told_again(before, 1, 91)
        assert one.booked_at - before.booked_at == timedelta(days=91)


def test_a_table_is_fed(cli: Cli, cluster: Cluster, tmp_path: Path) -> None:
    """Rows of a database go the same way."""
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    engine = sa.create_engine(url)
    events = [transaction(number, customer_id=f"C{number % 5}", day=number) for number in range(40)]
    rows = [{k: v for k, v in msgspec.json.decode(encode(event)).items() if v is not None} for event in events]
    columns = [sa.Column(name, sa.BigInteger if isinstance(v, int) else sa.Text) for name, v in rows[0].items()]
    with engine.begin() as connection:
        table = sa.Table("bookings", sa.MetaData(), *columns)
        table.create(connection)
        connection.execute(table.insert(), rows)
    engine.dispose()
    stream = Since(cluster, TRANSACTIONS)
    fed = cli("feed", "--from-database", url, "--table", "bookings", "--home", tmp_path, "--json").document

    assert fed["events"] == 40
    assert sorted(map(encode, (e for part in stream.events().values() for e in part))) == sorted(map(encode, events))


class Told:
    """A past of a few events, one of which interrupts."""

    def __init__(self, events: list[Event], interrupt_at: int | None = None) -> None:
        self.events, self.interrupt_at = events, interrupt_at

    def read(self, at: int) -> Iterator[tuple[int, Event]]:
        """Events from a position on."""
        for position, event in enumerate(self.events[at:], at + 1):
            if position == self.interrupt_at:
                raise KeyboardInterrupt
            yield position, event

    def bounds(self) -> tuple[Any, Any] | None:
        """When the first and the last were received."""
        return (self.events[0].received_at, self.events[-1].received_at) if self.events else None


def test_an_interrupted_feed_goes_on_where_all_is_confirmed(cluster: Cluster) -> None:
    """An interruption ends it in order; the position stands behind the last confirmed batch, so nothing is missing."""
    events: list[Event] = [transaction(number, day=number) for number in range(10)]
    stream = Since(cluster, TRANSACTIONS)
    first = Feed(cluster, Told(events, 8), Pace(batch_size=3)).run(lambda _: None)
    assert (first.interrupted, first.position, first.events) == (True, 6, 6)
    second = Feed(cluster, Told(events), Pace(batch_size=3), at=(first.position, first.turn)).run(lambda _: None)

    found = [one for part in stream.events().values() for one in part]
    assert (second.interrupted, second.position) == (False, 10)
    assert found[-4:] == events[6:]
    assert set(map(encode, found)) == set(map(encode, events))


def test_without_a_router_a_close_ends_the_feed(cluster: Cluster) -> None:
    """The next day waits for the router; where it does not come, the error says so and where to go on."""
    events: list[Event] = [transaction(1), closed(0), transaction(2, day=1)]
    feed = Feed(replace(cluster, patience_seconds=2.0), Told(events), Pace(batch_size=1))
    with pytest.raises(BackendUnavailable, match="go on with --resume-at 1 --resume-turn 0"):
        feed.run(lambda _: None)


def test_the_pace_is_that_of_the_past(cluster: Cluster) -> None:
    """Two events a day apart, 172,800 times as fast, come half a second apart; told for ever, a total ends it."""
    events: list[Event] = [transaction(1), transaction(2, day=1)]
    seen: list[int] = []
    paced = Feed(cluster, Told(events), Pace(speed_up=172_800)).run(lambda fed: seen.append(fed.events))
    assert 0.45 < paced.seconds < 5.0
    assert seen == [1, 2]
    endless = Feed(cluster, Told(events), Pace(turns=None, total=7)).run(lambda _: None)
    assert (endless.events, endless.turn, endless.position) == (7, 3, 1)


def test_where_there_is_nothing_to_tell_a_loop_ends(cluster: Cluster) -> None:
    """An empty past that is to be told for ever is over at once."""
    assert Feed(cluster, Told([]), Pace(turns=None)).run(lambda _: None).events == 0
