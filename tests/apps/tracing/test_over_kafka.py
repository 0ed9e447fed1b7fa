"""One request for help over the real Kafka: one trace from HTTP over router, scorer and intervenor to the sink."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.apps.api.over_kafka import FIRST_DAYS, SETTINGS, Crew, Feed, eventually, listening, live_events

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.topics import apply
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.opening import Opening, open_parts
from forbear.apps.api.parts import ApiParts
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import told_before
from forbear.apps.stream.pulse import Pulse
from forbear.apps.telemetry import telemetry_of
from forbear.apps.tracing.port import mark_of_decision, mark_of_event
from forbear.engine.office import Role
from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.postgres import PostgresServer

WORKERS = ("router", "scorer", "intervenor", "sink")
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CANARY = "Zoë Wacławska"
MOST_SECONDS = 120.0


@contextmanager
def at_work(home: Home) -> Iterator[None]:
    """The workers of the stream, each with a tracer and lines of its own."""
    with ExitStack() as stack:
        told = {kind: stack.enter_context(telemetry_of(home.folder, f"{kind}-1")) for kind in WORKERS}
        pulses = {kind: Pulse(f"{kind}-1", one.journal.note, tracer=one.tracer) for kind, one in told.items()}
        with Crew(home, pulses):
            yield


@contextmanager
def asking(home: Path, feed: Feed) -> Iterator[tuple[ApiParts, httpx.Client]]:
    """The interface in front of it, traced; its clock is that of the bank."""
    with (
        telemetry_of(home, "api", service=True) as telemetry,
        open_parts(
            Opening(
                home=home,
                environment=os.environ,
                writer="traces",
                journal=telemetry.journal,
                tracer=telemetry.tracer,
            )
        ) as opened,
    ):
        parts = replace(opened, now_us=lambda: feed.now_us)
        key, record = fresh_key(KeyWish(name="t", role=Role.APPROVER), parts.now_us())
        parts.office.keyring.add(record)
        with (
            listening(parts) as port,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key}, timeout=60) as client,
        ):
            yield parts, client


def test_one_request_is_followed_over_kafka(
    servers: tuple[KafkaServer, PostgresServer],
    fresh: Path,
    collector: Any,
    traced: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each process adds its span to the event's trace or the decision's, and links lead from one to the other."""
    kafka, postgres = servers
    home = Path(shutil.copytree(fresh, tmp_path / "home"))
    (home / "services.toml").write_text(SETTINGS, encoding="utf-8")
    with kafka, postgres:
        for name, value in {"FORBEAR_KAFKA": kafka.bootstrap, "FORBEAR_STORE": postgres.url}.items():
            monkeypatch.setenv(name, value)
        traced()
        cluster = Cluster(kafka.bootstrap)
        apply(cluster)
        feed = Feed(cluster, live_events(Home(home)))
        with at_work(Home(home)):
            feed.tell(told_before(Home(home)))
            for _ in range(FIRST_DAYS):
                feed.day()
            with asking(home, feed) as (parts, client):
                eventually(lambda: len(parts.desk.listed("", 1_000).value) > 0)
                told = asked_for_all(parts, client)
                eventually(lambda: not parts.office.outgoing.count())
                feed.await_outcomes()
                feed.day()
                decided = decided_on(collector, told)

            event_id = decided.facts["forbear.event_id"]
            mark, own = mark_of_event(event_id), mark_of_decision(decided.facts["forbear.decision_id"])
            published = collector.wait_for("decision published", 1, MOST_SECONDS)

    published = [one for one in collector.named("decision published") if one.trace_id == own.ids["trace_id"]]
    assert {(one.process, one.parent) for one in published} == {("sink-1", own.ids["span_id"])}
    assert (decided.process, decided.at) == ("intervenor-1", (own.ids["trace_id"], own.ids["span_id"]))
    assert (mark.ids["trace_id"], mark.ids["span_id"]) in decided.links

    trace = {one.name: one for one in collector.spans if one.trace_id == mark.ids["trace_id"]}
    assert {name: one.process for name, one in trace.items()} == {
        "event accepted": "api",
        "event published": "api",
        "event routed": "router-1",
        "event scored": "scorer-1",
        "event taken in": "intervenor-1",
    }
    assert {one.parent for one in trace.values()} == {"", mark.ids["span_id"]}
    batches = {one.at for one in collector.named("batch") if one.process == "scorer-1"}
    assert set(trace["event scored"].links) & batches
    requests = collector.named("POST /v1/customers/{customer_id}/interventions")
    assert {one.trace_id for one in requests} == {CALLER[3:35]}
    assert {one.at for one in requests} & set(trace["event accepted"].links)

    lines = [path.read_bytes() for path in (home / "logs").glob("*.jsonl")]
    assert len(lines) >= len(WORKERS)
    for canary in (*told.values(), CANARY, "Quixote"):
        assert not [one for one in (*lines, *collector.bodies) if canary.encode() in one]


def asked_for_all(parts: ApiParts, client: httpx.Client) -> dict[str, str]:
    """Have everybody offered help, in the middle of a trace of the caller's own; who, by the event's id."""
    told = {}
    for one in parts.desk.listed("", 40).value:
        answer = client.post(
            f"/v1/customers/{one.customer_id}/interventions",
            json={"override": True, "why": f"{CANARY} called"},
            headers={"traceparent": CALLER, "X-Request-ID": "Quixote-4711"},
        )
        assert answer.status_code == 202, answer.text
        told[answer.json()["id"]] = one.customer_id
    return told


def decided_on(collector: Any, told: dict[str, str]) -> Any:
    """The first decision on what was asked for."""
    found: list[Any] = []

    def there() -> bool:
        found[:] = [one for one in collector.named("decided") if one.facts.get("forbear.event_id") in told]
        return bool(found)

    eventually(there)
    return found[0]
