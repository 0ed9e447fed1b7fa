"""One request for help, followed from HTTP to the message that was sent, by nothing but links and digests."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from forbear.adapters.sql.desk import open_desk
from forbear.adapters.sql.queries import open_queries
from forbear.apps.api.app import create_app
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.opening import Opening, open_parts
from forbear.apps.api.serving import server_of
from forbear.apps.home import Home
from forbear.apps.jobs.outreach import Rounds, office_of
from forbear.apps.package_data import text_of
from forbear.apps.telemetry import telemetry_of
from forbear.apps.tracing.around import told_of_move
from forbear.apps.tracing.port import Mark, mark_of_decision, mark_of_event
from forbear.engine.desk import Picked
from forbear.engine.office import Role
from forbear.features.columns import day_of

CANARY = "Zoë Wacławska"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@contextmanager
def served(home: Path, log: Any) -> Iterator[httpx.Client]:
    """A real server over a home, traced and logged as the environment says, with the key of an approver."""
    with (
        telemetry_of(home, "api", service=True, stream=log) as telemetry,
        open_parts(
            Opening(home=home, environment={}, writer="traces", journal=telemetry.journal, tracer=telemetry.tracer)
        ) as parts,
        closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as bound,
    ):
        key, record = fresh_key(KeyWish(name="t", role=Role.APPROVER, days=1), parts.now_us())
        parts.office.keyring.add(record)
        port = bound.getsockname()[1]
        server = server_of(create_app(parts), parts.readiness, parts.settings, host="127.0.0.1", port=port)
        thread = Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key}, timeout=60) as client:
                end = monotonic() + 180
                while client.get("/readyz").status_code != 200:
                    assert monotonic() < end
                    sleep(0.1)
                yield client
                end = monotonic() + 30
                while parts.office.outgoing.count():
                    assert monotonic() < end
                    sleep(0.05)
        finally:
            server.end()
            thread.join(20)


@pytest.fixture(scope="module")
def fresh(promoted: Path, tmp_path_factory: pytest.TempPathFactory, cli: Any) -> Path:
    """The promoted home, where no number of offers is abnormal; its worker never ran."""
    copy = Path(shutil.copytree(promoted, tmp_path_factory.mktemp("fresh") / "home"))
    policy = copy / "mild.toml"
    policy.write_text(text_of("policy.toml").replace("abnormal_share = 0.10", "abnormal_share = 1.0"))
    in_force = ("--model", "expert", "--policy", policy, "--shares", "8%,15%,25%")
    assert cli("promote", *in_force, "--home", copy).code == 0
    return copy


@pytest.fixture
def home(fresh: Path, tmp_path: Path, cli: Any) -> Path:
    """It after its worker has gone through the log, nobody tracing."""
    copy = Path(shutil.copytree(fresh, tmp_path / "home"))
    assert cli("run", "--once", "--home", copy).code == 0
    return copy


def place(mark: Mark) -> tuple[str, str]:
    """A place as spans have it."""
    return mark.ids["trace_id"], mark.ids["span_id"]


def sent_out(home: Path, day: int) -> None:
    """Rounds of the sender at noon of a bank-local day, and on the days behind it: at night and on Sundays it waits."""
    with office_of(Home(home), os.environ) as office, telemetry_of(home, "outreach") as telemetry:
        clock = datetime.combine(day_of(day), time(11), UTC)
        for later in range(3):
            now = clock + timedelta(days=later)
            rounds = Rounds(Home(home), office, lambda now=now: now, os.environ, dry=False)  # type: ignore[misc]
            rounds.trace(telemetry.tracer)
            rounds.once(lambda one: told_of_move(telemetry.tracer, one))


def asked_for_all(client: httpx.Client) -> dict[str, str]:
    """Have everybody offered help, as a person in the middle of a trace of their own; who, by the event's id."""
    told = {}
    for one in client.get("/v1/customers", params={"limit": 40}).json()["items"]:
        answer = client.post(
            f"/v1/customers/{one['customer_id']}/interventions",
            json={"override": True, "why": f"{CANARY} called"},
            headers={"traceparent": CALLER, "tracestate": "canary=Quixote", "X-Request-ID": "Quixote-4711"},
        )
        assert answer.status_code == 202
        assert answer.headers["X-Trace-ID"] == CALLER[3:35]
        told[answer.json()["id"]] = one["customer_id"]
    return told


def test_one_request_is_followed_from_http_to_the_sent_message(
    home: Path, collector: Any, traced: Callable[..., None], cli: Any, tmp_path: Path
) -> None:
    """The caller's trace has the request; it links to the event's, that to the decision's, which has the sending."""
    traced()
    with (tmp_path / "api.log").open("w") as log, served(home, log) as client:
        told = asked_for_all(client)
    assert cli("run", "--once", "--home", home).code == 0
    assert cli("sweep", "--force", "--by", "a tester", "--home", home).code == 0
    with closing(open_queries(f"sqlite:///{home / 'forbear.db'}")) as queries:
        sent_out(home, queries.status().value.last_day)

    sends = [one for one in collector.wait_for("provider send") if one.facts["forbear.outcome"] == "sent"]
    decided = {one.trace_id: one for one in collector.named("decided")}
    asked = collector.named("POST /v1/customers/{customer_id}/interventions")
    assert {one.trace_id for one in asked} == {CALLER[3:35]}
    followed = 0
    for sending in sends:
        decision = decided.get(sending.trace_id)
        if decision is None or decision.facts.get("forbear.event_id") not in told:
            continue
        followed += 1
        event_id = decision.facts["forbear.event_id"]
        mark, own = mark_of_event(event_id), mark_of_decision(decision.facts["forbear.decision_id"])
        assert (sending.parent, decision.at, decision.parent) == (decision.span_id, place(own), "")
        assert place(mark) in decision.links
        (accepted,) = [one for one in collector.named("event accepted") if one.at == place(mark)]
        (request,) = [one for one in asked if one.at in accepted.links]
        assert place(mark) in request.links
        assert request.facts["http.response.status_code"] == 202
        below = {one.name for one in collector.spans if one.trace_id == mark.ids["trace_id"]}
        assert below == {"event accepted", "event published", "event taken in"}
        moves = {one.name for one in collector.spans if one.trace_id == sending.trace_id}
        assert {"decided", "provider send", "intervention sent"} <= moves
    assert followed
    assert_nothing_personal(home, collector, tmp_path / "api.log", [*told.values(), CANARY, "Quixote", "4711"])
    lines = (tmp_path / "api.log").read_text().splitlines()
    of_one = next(json.loads(line) for line in lines if "request_help" in line)
    assert of_one["trace_id"] == CALLER[3:35]
    assert (of_one["trace_id"], of_one["span_id"]) in {one.at for one in asked}


def assert_nothing_personal(home: Path, collector: Any, log: Path, canaries: list[str]) -> None:
    """No byte of any span or line holds a customer, their address, what was said of them, or what a caller made up."""
    lines = [path.read_bytes() for path in [log, *(home / "logs").glob("*.jsonl")]]
    assert len(lines) >= 3
    for canary in canaries:
        for body in [*lines, *collector.bodies]:
            assert canary.encode() not in body


def test_whoever_goes_through_a_log_finds_the_same_traces(
    fresh: Path, collector: Any, traced: Callable[..., None], cli: Any, tmp_path: Path
) -> None:
    """Two workers over one log begin the same traces, one for each decision that is recorded, at its digests."""
    traced()
    found = []
    for name in ("one", "another"):
        home = Path(shutil.copytree(fresh, tmp_path / name))
        assert cli("run", "--once", "--home", home).code == 0
        with closing(open_desk(f"sqlite:///{home / 'forbear.db'}")) as desk:
            recorded = [one.decision.decision_id for one in desk.picked(Picked(), 1_000).value.made]
        found.append(sorted(one.at for one in collector.wait_for("decided", len(recorded))))
        assert found[-1] == sorted(place(mark_of_decision(one)) for one in recorded)
        collector.spans.clear()
    assert found[0]
    assert found[0] == found[1]
