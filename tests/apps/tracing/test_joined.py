"""One request for help, followed from HTTP to the message that was sent, by nothing but links and digests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from forbear.adapters.sql.desk import open_desk
from forbear.apps.tracing.port import Mark, mark_of_decision, mark_of_event
from forbear.engine.desk import Picked

CANARY = "Zoë Wacławska"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def place(mark: Mark) -> tuple[str, str]:
    """A place as spans have it."""
    return mark.ids["trace_id"], mark.ids["span_id"]


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
    home: Path, collector: Any, traced: Callable[..., None], cli: Any, tmp_path: Path, flows: Any
) -> None:
    """The caller's trace has the request; it links to the event's, that to the decision's, which has the sending."""
    traced()
    with (tmp_path / "api.log").open("w") as log, flows.served(home, log) as client:
        told = asked_for_all(client)
    assert cli("run", "--once", "--home", home).code == 0
    assert cli("sweep", "--force", "--by", "a tester", "--home", home).code == 0
    flows.sent_out(home)

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
