"""What people write becomes events of the log, waits until the log takes it, and is decided by the worker."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forbear.adapters.sql.office import open_office
from forbear.apps.api.parts import now_us
from forbear.apps.api.publishing import LogOutlet, Publishing
from forbear.apps.home import Home
from forbear.domain.errors import StorageError
from forbear.domain.events import HelpRequested, encode
from forbear.engine.office import Role
from forbear.features.columns import EventKind, instant
from forbear.features.hashing import key_of


def eventually(done: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def customer_of(real: Any) -> str:
    """Somebody with a score."""
    view = real.parts.board.now
    return next(one for one in real.known.customers if view.find(key_of(one)) is not None)


def test_a_request_is_decided_by_the_worker(real: Any, cli: Any) -> None:
    """Asked for over HTTP, published into the log, and worked on: the customer's history has the score and why."""
    customer = customer_of(real)
    with real.client(Role.APPROVER) as client:
        asked = {"override": True, "why": "they called us"}
        told = client.post(f"/v1/customers/{customer}/interventions", json=asked)
        assert told.status_code == 202, told.text
        eventually(lambda: real.parts.office.outgoing.count() == 0)
        assert cli("run", "--once", "--home", real.home).code == 0

        def scored() -> bool:
            items = client.get(f"/v1/customers/{customer}/history", params={"limit": 20}).json()["items"]
            return any("request" in one.get("trigger", []) for one in items)

        eventually(scored)
    assert real.parts.watch.lag(0) == 0


def test_an_override_is_an_approver_s_and_says_why(real: Any) -> None:
    """An agent may ask, and not override; nobody may without a reason."""
    path, customer = "/v1/customers/{}/interventions", customer_of(real)
    with real.client(Role.AGENT) as agent, real.client(Role.APPROVER) as approver:
        assert agent.post(path.format(customer), json={"override": True, "why": "please"}).status_code == 403
        assert approver.post(path.format(customer), json={"override": True}).status_code == 422
        assert agent.post("/trigger-intervention", json={"customer_id": "nobody"}).status_code == 404
    assert real.parts.office.outgoing.count() == 0


def test_an_answer_reaches_the_record(real: Any, cli: Any) -> None:
    """What came back on an offer stands beside it once the worker has read it, and whoever opted out is stopped."""
    offer = real.known.offers[0]
    with real.client(Role.AGENT) as client:
        told = client.post(f"/v1/interventions/{offer}/answers", json={"answer": "opted_out"})
        assert told.status_code == 202, told.text
        eventually(lambda: real.parts.office.outgoing.count() == 0)
        assert cli("run", "--once", "--home", real.home).code == 0
        answers = client.get(f"/v1/interventions/{offer}").json()["intervention"]["answers"]
        assert "opted_out" in [one["answer"] for one in answers]
        assert client.post(f"/v1/interventions/{'0' * 32}/answers", json={"answer": "accepted"}).status_code == 404


def test_an_outcome_is_folded(real: Any, cli: Any) -> None:
    """A missed payment told of over HTTP is an outcome of the log, and a hurdle from then on."""
    customer = customer_of(real)
    with real.client(Role.SERVICE) as client:
        open_day = str(client.get(f"/v1/customers/{customer}").json()["ledger"]["open_day"])
        told = {"obligation_id": "L1", "due_on": open_day, "amount_due_minor": 9_900, "status": "missed"}
        assert client.post(f"/v1/customers/{customer}/outcomes", json=told).status_code == 202
        wrong = client.post(f"/v1/customers/{customer}/outcomes", json={**told, "status": "paid"})
        assert wrong.status_code == 422
        eventually(lambda: client.post(f"/v1/customers/{customer}/score").json()["hurdle"] != "")


def test_writing_twice_is_writing_once(real: Any) -> None:
    """The same idempotency key gives the same answer, and one event."""
    headers = {"Idempotency-Key": "one-of-these"}
    path = f"/v1/customers/{customer_of(real)}/interventions"
    with real.client(Role.AGENT) as client:
        first, again = (client.post(path, json={"why": "twice"}, headers=headers) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["Idempotency-Replayed"] == "true"


def test_the_kill_switch_is_an_approver_s(real: Any) -> None:
    """Outreach is stopped by whoever may; the order goes into the log."""
    with real.client(Role.AGENT) as agent, real.client(Role.APPROVER) as approver:
        assert agent.post("/v1/outreach", json={"order": "stop", "why": "no"}).status_code == 403
        assert approver.post("/v1/outreach", json={"order": "stop", "why": "an incident"}).status_code == 202
    eventually(lambda: real.parts.office.outgoing.count() == 0)


@pytest.fixture
def queue(lived: Path, tmp_path: Path) -> Iterator[tuple[Home, Any]]:
    """A home of its own with an empty queue."""
    home = Home(Path(shutil.copytree(lived, tmp_path / "home")))
    with closing(open_office(f"sqlite:///{home.office}", writer="test")) as office:
        yield home, office.outgoing


def test_what_the_log_does_not_take_waits(queue: tuple[Home, Any]) -> None:
    """While another process writes to the log everything waits in its order; then it goes in, and once."""
    home, outgoing = queue
    with closing(home.source()) as source:
        end = source.end
    when = instant(1_734_000_000_000_000)
    for number in range(3):
        event = HelpRequested(request_id=f"R{number}", customer_id="C1", by="x", booked_at=when, received_at=when)
        outgoing.add("about-customers", "C1", encode(event))
    publishing = Publishing(outgoing, LogOutlet(home, now_us), lambda *_: None)
    with closing(home.sink()), pytest.raises(StorageError):
        publishing.step()
    assert outgoing.count() == 3
    assert publishing.step()
    assert not publishing.step()
    with closing(home.source()) as source:
        source.seek(end)
        scanned = source.poll(100)
    assert scanned is not None
    assert scanned.batch.kind.tolist() == [EventKind.REQUESTED] * 3


def test_the_whole_book_is_a_job(real: Any) -> None:
    """Submit, poll, fetch: everybody once, each as a look says; what is over stays as it ended."""
    with real.client(Role.ANALYST) as client:
        job = client.post("/v1/jobs", json={"kind": "score_book"}).json()
        eventually(lambda: client.get(f"/v1/jobs/{job['job_id']}").json()["state"] == "done")
        lines = client.get(f"/v1/jobs/{job['job_id']}/result").text.splitlines()
        rows = [msgspec.json.decode(line) for line in lines]
        assert len(rows) == len({one["customer_id"] for one in rows}) == real.parts.onlooker.customers
        one = next(row for row in rows if not row["hurdle"])
        assert client.post(f"/v1/customers/{one['customer_id']}/score").json()["pd"] == one["pd"]
        assert client.delete(f"/v1/jobs/{job['job_id']}").json()["state"] == "done"
        assert client.get(f"/v1/jobs/{'0' * 32}").status_code == 404
        assert job["job_id"] in [each["job_id"] for each in client.get("/v1/jobs").json()["items"]]
