"""The interface over Kafka and PostgreSQL: as over a home, on several partitions, and while one of the two is gone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.groups import ROUTER_GROUP, await_committed
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.messages import message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import forwards, watermarks
from forbear.adapters.kafka.topics import CONTROL, OUTCOMES, TRANSACTIONS, apply, partitions_of
from forbear.adapters.sql.store import open_store
from forbear.apps.api.app import create_app
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.opening import Opening, open_parts
from forbear.apps.api.parts import ApiParts
from forbear.apps.api.serving import server_of
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import told_before
from forbear.apps.shapes import build_shapes
from forbear.apps.stream.places import stream_of
from forbear.apps.stream.process import Work
from forbear.apps.stream.pulse import Pulse
from forbear.domain.errors import ForbearError
from forbear.domain.events import DayClosed, Event, Instructed
from forbear.engine.desk import Picked
from forbear.engine.office import Role
from forbear.features.columns import events_of, micros
from forbear.features.hashing import key_of
from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.postgres import PostgresServer

WORKERS = ("router", "scorer", "intervenor")
SETTINGS = "[kafka]\nsession_seconds = 2.0\npatience_seconds = 2.0\n[api]\nrate = 100000.0\n"
FIRST_DAYS = 6
"""Closed before the interface is opened; the tests go on from there, a day at a time."""
MOST_SECONDS = 60.0


def eventually(holds: Callable[[], object]) -> None:
    """Wait until something holds; while it cannot be asked it does not."""
    end = time.monotonic() + MOST_SECONDS
    while True:
        try:
            if holds():
                return
        except ForbearError:
            pass
        assert time.monotonic() < end
        time.sleep(0.05)


@dataclass
class Crew:
    """The workers of the stream, each in a thread of this process that begins again where its work breaks off."""

    home: Home
    stop: Flag = field(default_factory=Flag)
    threads: list[Thread] = field(default_factory=list)

    def __enter__(self) -> None:
        works = {kind: import_module(f"forbear.apps.stream.{kind}").work for kind in WORKERS}
        build_shapes()
        self.threads = [Thread(target=self._work, args=one, name=one[0], daemon=True) for one in works.items()]
        for one in self.threads:
            one.start()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for one in self.threads:
            one.join(MOST_SECONDS)
        assert not any(one.is_alive() for one in self.threads)

    def _work(self, kind: str, work: Work) -> None:
        while not self.stop.is_set():
            try:
                work(self.home, "1", Pulse(f"{kind}-1"), self.stop.is_set)
            except ForbearError:
                self.stop.wait(0.2)


class Feed:
    """The live days of a bank, sent a day at a time. now_us: the latest receipt of what was sent [us UTC]."""

    def __init__(self, cluster: Cluster, events: list[Event]) -> None:
        self.cluster, self.events = cluster, iter(events)
        self.controls = 0
        self.now_us = 0

    def tell(self, orders: list[Instructed]) -> None:
        """Send what the deployment is told, and wait until the router has copied it."""
        self._send(list[Event](orders))

    def day(self) -> None:
        """Send a day and its close, and wait until the router has copied that."""
        self.close(self.open_day())

    def open_day(self) -> DayClosed:
        """Send a day, and answer its close."""
        day: list[Event] = []
        for event in self.events:
            if isinstance(event, DayClosed):
                break
            day.append(event)
        self._send(day)
        return event

    def close(self, close: DayClosed) -> None:
        """Send the close of a day, and wait until the router has copied that."""
        self._send([close])

    def _send(self, events: list[Event]) -> None:
        with closing(Publisher(self.cluster)) as publisher:
            for event in events:
                control = isinstance(event, DayClosed | Instructed)
                self.controls += control
                topic, partition = (CONTROL, 0) if control else (TRANSACTIONS, None)
                publisher.send(topic, *message_of(event), partition=partition)
                self.now_us = max(self.now_us, micros(event.received_at))
            publisher.flush()
        self._await_routed(CONTROL, 0, self.controls)

    def await_outcomes(self) -> None:
        """Wait until the router has copied all that is on the topic of outcomes: a close would else come before it."""
        for partition, (_, past) in watermarks(self.cluster, OUTCOMES).items():
            if past:
                self._await_routed(OUTCOMES, partition, past)

    def _await_routed(self, topic: str, partition: int, past: int) -> None:
        await_committed(replace(self.cluster, patience_seconds=MOST_SECONDS), ROUTER_GROUP, (topic, partition), past)


@dataclass
class Over:
    """A deployment with real servers, its workers at work, and the interface in front of it."""

    home: Home
    kafka: KafkaServer
    postgres: PostgresServer
    environment: dict[str, str]
    feed: Feed
    parts: ApiParts
    port: int
    keys: dict[Role, str]

    def client(self, role: Role = Role.ADMIN) -> httpx.Client:
        """A client with the key of a role."""
        headers = {"X-API-Key": self.keys[role]}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=30)

    @property
    def customers(self) -> list[str]:
        """All customers."""
        return [one.customer_id for one in self.parts.desk.listed("", 1_000).value]

    @property
    def ends(self) -> dict[int, int]:
        """Where each partition of the stream ends."""
        return {partition: past for partition, (_, past) in watermarks(self.feed.cluster, TRANSACTIONS).items()}

    def has_followed(self) -> bool:
        """Whether the ledgers have everything that is on the stream."""
        assert self.parts.onlooker
        return {one.partition: one.offset for one in self.parts.onlooker.stands()} == self.ends

    def has_settled(self) -> bool:
        """Whether store and board have too, where the stream ends with a close."""
        assert self.parts.board
        marks = self.parts.desk.marks()
        recorded = {one: mark.offset for one, mark in marks.items()} == self.ends
        return self.has_followed() and recorded and self.parts.board.now.marks == marks

    def history(self, customer: str, kind: str) -> list[dict[str, Any]]:
        """What the interface tells of a customer's past, of one kind."""
        with self.client() as client:
            items = client.get(f"/v1/customers/{customer}/history", params={"limit": 200}).json()["items"]
        return [one for one in items if one["kind"] == kind]


@pytest.fixture(scope="module")
def over(
    servers_of_file: tuple[KafkaServer, PostgresServer], promoted: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Over]:
    """A bank of 60 customers whose workers have worked through its first days; the interface opened behind that."""
    kafka, postgres = servers_of_file
    home = Home(Path(shutil.copytree(promoted, tmp_path_factory.mktemp("over") / "home")))
    (home.folder / "services.toml").write_text(SETTINGS, encoding="utf-8")
    with ExitStack() as stack:
        stack.enter_context(kafka)
        stack.enter_context(postgres)
        environment = {"FORBEAR_KAFKA": kafka.bootstrap, "FORBEAR_STORE": postgres.url}
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in environment.items():
            patched.setenv(name, value)
        cluster = Cluster(kafka.bootstrap)
        apply(cluster)
        stack.enter_context(Crew(home))
        feed = Feed(cluster, live_events(home))
        feed.tell(told_before(home))
        for _ in range(FIRST_DAYS):
            feed.day()
        opened = stack.enter_context(open_parts(Opening(home=home.folder, environment=environment, writer="over")))
        parts = replace(opened, now_us=lambda: feed.now_us, bank_us=lambda: feed.now_us)
        keys = {}
        for role in Role:
            keys[role], record = fresh_key(KeyWish(name=f"over {role}", role=role), parts.now_us())
            parts.office.keyring.add(record)
        port = stack.enter_context(listening(parts))
        made = Over(home, kafka, postgres, environment, feed, parts, port, keys)
        eventually(made.has_settled)
        yield made


def live_events(home: Home) -> list[Event]:
    """What the log of a home holds."""
    with closing(home.source()) as source:
        return list(events_of(source.read(home.archive.next_offset, source.end)))


@contextmanager
def listening(parts: ApiParts) -> Iterator[int]:
    """A real server over some parts, warmed up, at a port of this machine."""
    with closing(socket.create_server(("127.0.0.1", 0))) as bound:
        port = bound.getsockname()[1]
        server = server_of(create_app(parts), parts.readiness, parts.settings, host="127.0.0.1", port=port)
        thread = Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                eventually(lambda: client.get("/readyz").status_code == 200)
            yield port
        finally:
            server.end()
            thread.join(20)
            assert not thread.is_alive()


def looks_of(over: Over) -> dict[str, tuple[Any, ...]]:
    """PD, log-odds and impacts of everybody as scores on demand have them, over HTTP."""
    with over.client() as client:
        asked = {"customer_ids": over.customers, "impacts": True}
        rows = client.post("/v1/predict/batch", json=asked).json()["rows"]
        names = [one["name"] for one in client.get("/v1/model-features").json()["items"]]
    return {
        one["customer_id"]: (one["pd"], one["log_odds"], tuple(one["impacts"][name] for name in names))
        for one in rows
        if not one["hurdle"]
    }


def recorded_of(over: Over) -> dict[str, tuple[Any, ...]]:
    """The same as the store has them, of those who were scored by the last event of their partition."""
    assert over.parts.board
    marks, found = over.parts.desk.marks(), {}
    for customer in over.customers:
        standing = over.parts.board.now.find(key_of(customer))
        if standing is not None and standing.place.offset + 1 == marks[standing.partition].offset:
            (row,) = over.parts.desk.scores_at([(standing.partition, standing.place)]).value
            assert row is not None
            found[customer] = (row.pd, row.log_odds, tuple(row.attributions))
    return found


def closes_as_looked_at(over: Over) -> None:
    """Send a day: what scores on demand say before its close, that close records, bit by bit, of the same people."""
    close = over.feed.open_day()
    eventually(over.has_followed)
    looks = looks_of(over)
    over.feed.close(close)
    eventually(over.has_settled)
    assert looks == recorded_of(over)
    assert len(looks) > len(over.customers) // 2


def test_a_look_is_what_the_scorer_tells(over: Over) -> None:
    """As a day stands, every score on demand is the one that its close has the scorer tell, in every partition."""
    closes_as_looked_at(over)

    assert over.parts.board
    numbers = set(over.parts.board.now.standings.partition.tolist())
    assert numbers == set(range(partitions_of(over.feed.cluster, TRANSACTIONS)))


def test_snapshots_and_the_history_lead_to_the_same_ledgers(over: Over, tmp_path: Path) -> None:
    """Begun behind the archive, with no snapshot of any scorer, the looks at everybody are the same bits."""
    bare = Path(shutil.copytree(over.home.folder, tmp_path / "bare", ignore=shutil.ignore_patterns("stream")))
    assert stream_of(over.home).is_dir()
    keys = np.array([key_of(one) for one in over.customers], dtype=np.uint64)
    with open_parts(Opening(home=bare, environment=over.environment, writer="bare")) as other:
        assert other.warm
        assert other.onlooker
        assert over.parts.onlooker
        other.warm()
        ours, theirs = over.parts.onlooker.look(keys), other.onlooker.look(keys)
    assert sum(map(len, ours)) == len(keys)
    for one, another in zip(ours, theirs, strict=True):
        assert one.stand == another.stand
        for name in ("customer", "hurdle", "values", "log_odds", "pd", "attributions", "band"):
            assert getattr(one, name).tobytes() == getattr(another, name).tobytes(), name


def test_figures_are_of_all_partitions(over: Over) -> None:
    """Statistics and the list by PD speak of everybody, whichever partition they are in."""
    with over.client() as client:
        stats, listed = client.get("/v1/statistics").json(), client.get("/v1/high-risk", params={"limit": 200}).json()
    assert over.parts.onlooker
    assert stats["customers"] == len(over.customers) == over.parts.onlooker.customers
    assert over.parts.board
    assert len(over.parts.board.now) > 0
    ranked = [one.customer for one in over.parts.board.now.page(limit=200).rows]
    assert [key_of(one["customer_id"]) for one in listed["items"]] == ranked
    assert len({one["partition"] for one in stats["as_of"]}) == partitions_of(over.feed.cluster, TRANSACTIONS)


def test_help_that_is_asked_for_is_decided_and_shown(over: Over) -> None:
    """A request goes by queue, topic and router to scorer and intervenor; the history has its score and decision."""
    assert over.parts.board
    ranked = [one.customer for one in over.parts.board.now.page(limit=1_000).rows]
    by_key = {key_of(one): one for one in over.customers}
    plain, overridden = by_key[ranked[0]], by_key[ranked[-1]]
    asked = {plain: {"why": "they called"}, overridden: {"why": "they called", "override": True}}
    with over.client(Role.APPROVER) as client:
        for customer, wish in asked.items():
            assert client.post(f"/v1/customers/{customer}/interventions", json=wish).status_code == 202
    eventually(lambda: over.parts.office.outgoing.count() == 0)

    for customer, trigger in ((plain, "request"), (overridden, "override")):
        eventually(lambda c=customer, t=trigger: any(t in one["trigger"] for one in over.history(c, "score")))
    looks = looks_of(over)
    for customer in asked:
        newest = over.history(customer, "score")[0]
        assert (newest["pd"], newest["log_odds"]) == looks[customer][:2]
    closes_as_looked_at(over)
    assert over.history(overridden, "decision")


def test_an_answer_over_http_stands_beside_its_offer(over: Over) -> None:
    """Whoever opted out over HTTP has that on record, by way of Kafka."""
    with over.client(Role.AGENT) as client:
        (offer,) = over.parts.desk.picked(Picked(outcome="offer"), 1).value.made
        path = f"/v1/interventions/{offer.decision.decision_id}"
        assert client.post(f"{path}/answers", json={"answer": "opted_out"}).status_code == 202

        def answers() -> list[str]:
            return [one["answer"] for one in client.get(path).json()["intervention"]["answers"]]

        eventually(lambda: answers() == ["opted_out"])


def told_on(cluster: Cluster, customer: str) -> list[str]:
    """Reasons of the requests for a customer on the topic of outcomes, in their order, repetitions left out."""
    found: dict[str, None] = {}
    for partition in range(partitions_of(cluster, OUTCOMES)):
        with closing(Reader(cluster, OUTCOMES, partition)) as reader:
            for message in forwards(reader):
                document = msgspec.json.decode(message.value() or b"")
                if message.key() == customer.encode() and "why" in document:
                    found[document["why"]] = None
    return list(found)


def test_without_kafka_answers_go_on_and_what_is_written_waits(over: Over) -> None:
    """Reads, recorded scores and accepted writes while the broker is dead; then all goes out in order, and follows."""
    customer, reasons = over.customers[0], ["first", "second", "third"]
    over.kafka.kill()
    try:
        with over.client() as client:
            assert client.get(f"/v1/customers/{customer}").status_code == 200
            score = client.post(f"/v1/customers/{customer}/score")
            assert score.status_code == 200
            assert over.parts.office.asked.get(score.json()["score_id"]) is not None
            path = f"/v1/customers/{customer}/interventions"
            told = [client.post(path, json={"why": why}) for why in reasons]
            assert [one.status_code for one in told] == [202] * 3
            assert told[-1].json()["waiting"] >= len(reasons)
            assert over.parts.watch
            eventually(lambda: len(over.parts.watch.troubles) > 0)
            assert client.get("/readyz").status_code == 200
        begun_without_kafka(over)
        assert over.parts.office.outgoing.count() >= len(reasons)
    finally:
        over.kafka.start()
    eventually(lambda: over.parts.office.outgoing.count() == 0)
    assert told_on(over.feed.cluster, customer)[-3:] == reasons
    over.feed.await_outcomes()
    eventually(lambda: not over.parts.watch.troubles)
    closes_as_looked_at(over)


def begun_without_kafka(over: Over) -> None:
    """An interface that is started while the broker is dead answers as of the snapshots of the scorers."""
    with open_parts(Opening(home=over.home.folder, environment=over.environment, writer="alone")) as alone:
        assert alone.warm
        assert alone.onlooker
        assert alone.watch
        alone.warm()
        assert alone.onlooker.customers == len(over.customers)
        assert alone.watch.troubles.keys() == alone.watch.partitions.keys()


def test_without_postgres_nothing_is_told(over: Over) -> None:
    """No answer without a record: 503 with when to try again, not ready; all is well once the database is back."""
    customer = over.customers[0]
    asks: list[tuple[str, str, Any]] = [
        ("GET", f"/v1/customers/{customer}/risk", None),
        ("GET", "/v1/statistics", None),
        ("POST", f"/v1/customers/{customer}/score", None),
        ("POST", f"/v1/customers/{customer}/interventions", {"why": "down"}),
    ]
    over.postgres.stop()
    try:
        with over.client() as client:
            for method, path, json in asks:
                answer = client.request(method, path, json=json)
                assert answer.status_code == 503, (path, answer.text)
                assert answer.headers["Content-Type"].startswith("application/problem+json")
                assert int(answer.headers["Retry-After"]) > 0
            eventually(lambda: client.get("/readyz").status_code == 503)
    finally:
        over.postgres.start()
    with over.client() as client:
        for method, path, _ in asks[:3]:
            eventually(lambda m=method, p=path: client.request(m, p).status_code == 200)
        eventually(lambda: client.get("/readyz").status_code == 200)
    assert "down" not in told_on(over.feed.cluster, customer)
    closes_as_looked_at(over)


BARE = """
import sys
from pathlib import Path
sys.modules.update(dict.fromkeys(("confluent_kafka", "psycopg")))
from forbear.apps.api.opening import Opening, open_parts
from forbear.domain.errors import ConfigError
home = Path(sys.argv[1])
with open_parts(Opening(home=home, environment={}, writer="bare")) as parts:
    parts.warm()
    assert parts.onlooker.customers == 60
for name, value in (("FORBEAR_KAFKA", "127.0.0.1:1"), ("FORBEAR_STORE", "postgresql://a@127.0.0.1:1/b")):
    try:
        with open_parts(Opening(home=home, environment={name: value}, writer="bare")):
            raise AssertionError(name)
    except ConfigError as error:
        assert "not installed" in str(error), error
        assert "pip install" in error.mend
"""


def test_a_home_by_itself_needs_no_driver(promoted: Path, tmp_path: Path) -> None:
    """Without the drivers of Kafka and PostgreSQL a home is opened; settings that need one say what to install."""
    home = Path(shutil.copytree(promoted, tmp_path / "home"))
    open_store(f"sqlite:///{Home(home).database}").close()
    ended = subprocess.run(
        [sys.executable, "-c", BARE, str(home)], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert ended.returncode == 0, ended.stderr[-2_000:]
