"""A bank over Kafka and PostgreSQL, its workers in threads, and the interface in front of it, as tests open it."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import httpx
import pytest

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.groups import ROUTER_GROUP, await_committed
from forbear.adapters.kafka.messages import message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import watermarks
from forbear.adapters.kafka.topics import CONTROL, OUTCOMES, TRANSACTIONS, apply
from forbear.apps.api.app import create_app
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.opening import Opening, open_parts
from forbear.apps.api.parts import ApiParts
from forbear.apps.api.serving import server_of
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import told_before
from forbear.apps.shapes import build_shapes
from forbear.apps.stream.process import Work
from forbear.apps.stream.pulse import Pulse
from forbear.domain.errors import ForbearError
from forbear.domain.events import DayClosed, Event, Instructed
from forbear.engine.office import Role
from forbear.features.columns import events_of, micros
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
    """The workers of the stream, each in a thread of this process that begins again where its work breaks off.

    pulses: of each, by the kind of worker.
    """

    home: Home
    pulses: Mapping[str, Pulse] = field(default_factory=lambda: {kind: Pulse(f"{kind}-1") for kind in WORKERS})
    stop: Flag = field(default_factory=Flag)
    threads: list[Thread] = field(default_factory=list)

    def __enter__(self) -> None:
        works = {kind: import_module(f"forbear.apps.stream.{kind}").work for kind in self.pulses}
        build_shapes()
        self.threads = [Thread(target=self._work, args=one, name=one[0], daemon=True) for one in works.items()]
        for one in self.threads:
            one.start()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for one in self.threads:
            one.join(MOST_SECONDS)
        assert not [one.name for one in self.threads if one.is_alive()]

    def _work(self, kind: str, work: Work) -> None:
        while not self.stop.is_set():
            try:
                work(self.home, "1", self.pulses[kind], self.stop.is_set)
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
