"""Poison among good messages: the good are worked off as without it, the bad are listed, and mended they come in.

A broker, a database and the workers as processes. FORBEAR_LONG=1 has 1,000 poison messages among 100,000 good ones.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from chaos import Field, choices, closes_of, embedded, recorded, wait_until_closed
from stream_bank import StreamBank, stream_bank
from stream_workers import Workers
from typer.testing import CliRunner

from forbear.adapters.kafka.dead_letters import At, letters_in
from forbear.adapters.kafka.groups import ROUTER_GROUP, await_committed
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.messages import message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import forwards
from forbear.adapters.kafka.topics import CONTROL, TRANSACTIONS, apply, partitions_of
from forbear.apps.cli import app
from forbear.apps.stream.places import archive_of
from forbear.domain.errors import BackendUnavailable
from forbear.domain.events import DayClosed, Event, Instructed, Transaction, encode
from forbear.engine.outputs import Outputs
from forbear.features.columns import columns_of, day_number, events_of, joined
from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.postgres import PostgresServer

Servers = tuple[KafkaServer, PostgresServer]
Bytes = tuple[bytes | None, bytes | None]
"""Key and value of a message."""
_PATIENCE_SECONDS = 120.0


class Size(NamedTuple):
    """How much of everything. days: live ones; poison comes before the last of them."""

    good: int
    poison: int
    customers: int
    days: int


SIZE = Size(100_000, 1_000, 4_600, 21) if os.environ.get("FORBEAR_LONG") else Size(5_000, 50, 520, 10)


def changed(key: bytes, value: bytes, **fields: Any) -> Bytes:
    """A message with some fields stated otherwise."""
    return key, msgspec.json.encode(msgspec.json.decode(value) | fields)


def without(key: bytes, value: bytes, name: str) -> Bytes:
    """A message that lacks a field."""
    return key, msgspec.json.encode({k: v for k, v in msgspec.json.decode(value).items() if k != name})


POISON: dict[str, tuple[str, Callable[[bytes, bytes], Bytes]]] = {
    "bytes that are no text": ("not_json", lambda key, value: (key, b"\xff\xfe" + value)),
    "cut short": ("not_json", lambda key, value: (key, value[:-9])),
    "a tombstone": ("empty", lambda key, _: (key, None)),
    "an amount in words": ("mistyped", lambda key, value: changed(key, value, amount_minor="ten")),
    "an amount with a fraction": ("mistyped", lambda key, value: changed(key, value, amount_minor=10.5)),
    "a text without end": ("mistyped", lambda key, value: changed(key, value, counterparty="x" * 50_000)),
    "a field nobody knows": ("mistyped", lambda key, value: changed(key, value, mood="blue")),
    "a field missing": ("missing", lambda key, value: without(key, value, "currency")),
    "a field twice": ("repeated_field", lambda key, value: (key, value[:-1] + b',"amount_minor":1}')),
    "somebody else's key": ("wrong_key", lambda key, value: (key + b"-x", value)),
    "no key": ("wrong_key", lambda _, value: (None, value)),
    "a date beyond all": ("absurd_date", lambda key, value: changed(key, value, booked_at="2199-01-01T00:00:00Z")),
}
"""What can be wrong with a message: what it is called when it is refused, and how to make it of a good one."""


class Bad(NamedTuple):
    """A message that was spoilt, as it was sent, and what it was before."""

    event: Transaction
    sent: Bytes
    code: str


def spoilt(events: Sequence[Event], count: int, chance: random.Random) -> dict[int, Bad]:
    """So many of the transactions, spoilt in every way in turn, by their place."""
    places = [place for place, event in enumerate(events) if isinstance(event, Transaction)]
    ways = list(POISON.values())
    found = {}
    for number, place in enumerate(sorted(chance.sample(places, count))):
        event, (code, spoil) = events[place], ways[number % len(ways)]
        assert isinstance(event, Transaction)
        found[place] = Bad(event, spoil(event.customer_id.encode(), encode(event)), code)
    return found


@dataclass
class Stage:
    """A bank, its workers at work, and who sends to them. controls: how many closes and instructions were sent."""

    bank: StreamBank
    field: Field
    publisher: Publisher
    controls: int = field(default=0)

    def send(self, events: Sequence[Event], bad: dict[int, Bad]) -> None:
        """Send events, those at some places spoilt; what follows a close waits until the router has copied it."""
        for place, event in enumerate(events):
            if isinstance(event, DayClosed | Instructed):
                self.publisher.flush()
                self.publisher.send(CONTROL, *message_of(event), partition=0)
                self.publisher.flush()
                self.controls += 1
                self.wait_for_router()
            else:
                self.publisher.send(TRANSACTIONS, *(bad[place].sent if place in bad else message_of(event)))
        self.publisher.flush()
        closes = [day_number(event.day) for event in events if isinstance(event, DayClosed)]
        wait_until_closed(self.field, max(closes))

    def wait_for_router(self) -> None:
        """Wait until what was sent to the control topic is on the stream; a broker that has just started may falter."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            with suppress(BackendUnavailable):
                return await_committed(self.field.cluster, ROUTER_GROUP, (CONTROL, 0), self.controls)
        pytest.fail("the router does not copy")

    def wait_for_archive(self) -> None:
        """Wait until the sink has seen everything, and have it write what it holds."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while any(self.field.workers.says("sink-1")["gauges"]["lag"].values()):
            assert time.monotonic() < until
            time.sleep(0.1)
        self.field.workers.stop()

    def dlq(self, *words: object) -> Any:
        """What `forbear dlq` says as JSON."""
        told = ["dlq", *map(str, words), "--home", str(self.bank.home.folder), "--json"]
        ended = CliRunner().invoke(app, told)
        assert ended.exit_code == 0, ended.output
        return msgspec.json.decode(ended.stdout)

    def stored(self) -> Iterator[tuple[At, Bytes]]:
        """Every message of the stream with where it stands."""
        for partition in range(partitions_of(self.field.cluster, TRANSACTIONS)):
            with closing(Reader(self.field.cluster, TRANSACTIONS, partition)) as reader:
                for message in forwards(reader):
                    yield (TRANSACTIONS, partition, message.offset() or 0), (message.key(), message.value())


@pytest.fixture
def stage(servers: Servers, tmp_path: Path) -> Iterator[Stage]:
    """A bank whose workers wait for what comes."""
    kafka, postgres = servers
    bank = stream_bank(tmp_path, SIZE.customers, SIZE.days)
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(server)
        workers = stack.enter_context(Workers(bank.home, kafka.bootstrap, postgres.url))
        apply(workers.cluster)
        for name in ("router-1", "scorer-1", "intervenor-1", "sink-1"):
            workers.start(name)
        publisher = stack.enter_context(closing(Publisher(workers.cluster)))
        yield Stage(bank, Field(bank, kafka, postgres, workers, random.Random(0)), publisher)


def test_poison_harms_nobody_and_comes_in_once_mended(stage: Stage, tmp_path: Path) -> None:
    """What is good is recorded as if nothing else had come; what is bad is told of, mended, and missing nowhere."""
    events = list(stage.bank.events())
    *_, before_last, last = (place for place, event in enumerate(events) if isinstance(event, DayClosed))
    events = events[: last + 1]
    early, late = events[: before_last + 1], events[before_last + 1 :]
    bad = spoilt(early, SIZE.poison, random.Random(7))
    good = [event for place, event in enumerate(early) if place not in bad]
    assert sum(isinstance(event, Transaction) for event in good) >= SIZE.good

    stage.send(early, bad)

    url = stage.field.postgres.url
    told = len(stage.bank.orders)
    alone, _ = embedded(replace(stage.bank, live=columns_of(good[told:])))
    assert choices(recorded(url)) == choices(alone)
    is_listed(stage, list(bad.values()))

    mended = tmp_path / "letters.jsonl"
    stage.dlq("list", "--out", mended)
    mend(mended, stage, list(bad.values()))
    assert stage.dlq("replay", "--mended", mended) == {"replayed": SIZE.poison}
    assert stage.dlq("list")["letters"] == 0
    assert stage.dlq("list", "--again")["letters"] == SIZE.poison
    stage.send(late, {})
    stage.wait_for_archive()

    whole, _ = embedded(replace(stage.bank, live=columns_of(events[told:])))
    assert last_scores(recorded(url)) == last_scores(whole)
    assert archived(stage) == Counter(event.transaction_id for event in events if isinstance(event, Transaction))


def last_scores(outputs: list[Outputs]) -> dict[int, bytes]:
    """By customer, log-odds and attributions at the last close of a day."""
    found = closes_of(outputs)
    last = max(day for _, day in found)
    return {customer: row for (customer, day), row in found.items() if day == last}


def is_listed(stage: Stage, bad: Sequence[Bad]) -> None:
    """Each bad message has its letter, and nothing else has: place, bytes and reason."""
    codes = dict[Bytes, str]((one.sent, one.code) for one in bad)
    stood = sorted((at, sent, codes[sent]) for at, sent in stage.stored() if sent in codes)
    letters = letters_in(stage.field.cluster, TRANSACTIONS)
    assert len(stood) == len(bad)
    assert [(one.at, (one.key, one.value), one.code) for one in letters] == stood
    assert all(one.why and one.time and not one.replayed for one in letters)
    listed = {one["code"]: one["letters"] for one in stage.dlq("list")["by_reason"]}
    assert listed == Counter(one.code for one in bad)


def mend(path: Path, stage: Stage, bad: Sequence[Bad]) -> None:
    """Put into the file of letters what each message should have been."""
    meant: dict[Bytes, list[Transaction]] = {}
    for one in bad:
        meant.setdefault(one.sent, []).append(one.event)
    copies = {at: encode(meant[sent].pop()).decode() for at, sent in stage.stored() if sent in meant}
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    places = [{name: line[name] for name in ("topic", "partition", "offset")} for line in lines]
    path.write_bytes(
        b"\n".join(msgspec.json.encode({**place, "value": copies[tuple(place.values())]}) for place in places)
    )


def archived(stage: Stage) -> Counter[str]:
    """How often each transaction is in the archives of the partitions."""
    found = Counter[str]()
    for partition in range(partitions_of(stage.field.cluster, TRANSACTIONS)):
        events = events_of(joined(list(archive_of(stage.bank.home, partition).read())))
        found.update(event.transaction_id for event in events if isinstance(event, Transaction))
    return found
