"""Cases over HTTP: the worklist, who may do what, one of two who take a case, promises, contests, what is recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from forbear.apps.jobs.casework import open_casework, urgent_band_of
from forbear.client import Client
from forbear.client.cases import NewOverride, NewPromise
from forbear.client.errors import Conflict
from forbear.engine.cases import Act, place_of
from forbear.engine.casework import Doing, Who
from forbear.engine.office import Role
from forbear.engine.settling import settle
from forbear.features.hashing import key_of


@pytest.fixture(scope="module")
def worklist(real: Any) -> list[dict[str, Any]]:
    """The worklist, once decisions were read."""
    with open_casework(real.home, os.environ) as work:
        closed = work.records.totals().value.last_day
        assert settle(work, urgent_band_of(work.records), closed, real.parts.now_us()).opened >= 3
    with real.client(Role.AGENT) as client:
        found: list[dict[str, Any]] = client.get("/v1/cases").json()["items"]
    return found


@pytest.fixture
def case(real: Any) -> Iterator[dict[str, Any]]:
    """A case that is open, of its own subject."""
    with real.client(Role.AGENT) as client:
        asked = {"customer_id": real.known.customers[0], "kind": "human", "words": "wants to speak to somebody"}
        made = client.post("/v1/cases", json=asked)
        assert made.status_code == 201, made.text
        yield made.json()["case"]
        client.post(f"/v1/cases/{made.json()['case']['case_id']}/steps", json={"act": "close", "result": "helped"})
    with real.client(Role.APPROVER) as client:
        client.post(f"/v1/cases/{made.json()['case']['case_id']}/steps", json={"act": "close", "result": "helped"})


def step(client: Any, case: dict[str, Any], act: str, **said: Any) -> Any:
    """One step, as it was answered."""
    return client.post(f"/v1/cases/{case['case_id']}/steps", json={"act": act, **said})


def test_the_worklist_is_in_order_page_by_page(real: Any, worklist: list[Any]) -> None:
    """Pages of any size give the same list; a cursor belongs to its question; whoever stands in it is recorded."""
    with real.client(Role.AGENT) as client:
        pages: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = client.get("/v1/cases", params={"limit": 2, **cursor}).json()
            pages += page["items"]
            if page["further"] is None:
                break
            cursor = {"cursor": page["further"]}
        assert [one["case_id"] for one in pages] == [one["case_id"] for one in worklist]
        assert client.get("/v1/cases", params={"kind": "call", **cursor}).status_code == 404
        kinds = client.get("/v1/cases", params={"kind": worklist[0]["kind"]}).json()["items"]
        assert {one["kind"] for one in kinds} == {worklist[0]["kind"]}
        assert client.get("/v1/cases", params={"mine": "true"}).json()["items"] == []
    looks = real.parts.office.accesses.of_customer(key_of(worklist[0]["customer_id"]), 50)
    assert "list_cases" in {one.route for one in looks}
    with open_casework(real.home, os.environ) as work:
        found = [work.cases.get(one["case_id"]) for one in worklist]
    places = [place_of(one) for one in found if one]
    assert places == sorted(places)


def test_one_of_two_agents_gets_a_case(real: Any, case: dict[str, Any]) -> None:
    """The other hears who has it; an approver may hand it over; a step that was seen too late is refused."""
    with real.client(Role.AGENT) as anna, real.client(Role.SERVICE) as bert, real.client(Role.APPROVER) as dora:
        assert step(anna, case, "take").json()["assigned"] == "tests agent"
        assert step(anna, case, "take").status_code == 201
        late = step(bert, case, "take")
        assert (late.status_code, "tests agent has the case" in late.json()["detail"]) == (409, True)
        assert step(anna, case, "note", words="called back", seen=case["steps"]).status_code == 409
        assert step(anna, case, "note", words="called back", seen=2).status_code == 201
        assert step(dora, case, "assign", to="tests service").json()["assigned"] == "tests service"
        told = bert.get(f"/v1/cases/{case['case_id']}").json()
        assert [one["note"] for one in told["steps"] if one["sealed"]][-1] == "called back"


def test_what_is_escalated_is_for_an_approver(real: Any, case: dict[str, Any]) -> None:
    """An agent may escalate and write notes, and no more; an approver takes it and closes it."""
    with real.client(Role.AGENT) as agent, real.client(Role.APPROVER) as approver:
        assert step(agent, case, "escalate", words="needs a decision").json()["escalated"]
        assert [step(agent, case, "take").status_code, step(agent, case, "note", words="x").status_code] == [409, 201]
        assert step(agent, case, "close", result="helped").status_code == 409
        closed = step(approver, case, "close", result="helped").json()
        assert (closed["state"], closed["why"]) == ("closed", "helped")
        assert step(approver, case, "note", words="late").status_code == 409


def test_roles_and_words_are_held_to(real: Any, case: dict[str, Any]) -> None:
    """Viewers see figures, and no case; what cannot be is 422 or 404, and names what would be right."""
    with real.client(Role.VIEWER) as viewer, real.client(Role.AGENT) as agent:
        assert viewer.get("/v1/cases").status_code == 403
        assert viewer.get("/v1/case-figures").json()["open_by_kind"]["human"] >= 1
        assert viewer.get("/v1/override-quality").json()["least_for_rates"] >= 2
        wrong = step(agent, case, "close", result="done")
        assert (wrong.status_code, "answered" in wrong.json()["detail"]) == (422, True)
        assert step(agent, case, "snooze").status_code == 422
        assert step(agent, {"case_id": "f" * 32}, "take").status_code == 404
        assert agent.get(f"/v1/cases/{'f' * 32}").status_code == 404
        unknown = {"customer_id": "NOBODY", "kind": "human"}
        assert agent.post("/v1/cases", json=unknown).status_code == 422
        assert agent.post(f"/v1/promises/{'f' * 32}/release").status_code == 404


def test_a_repeated_request_is_answered_once_more(real: Any, case: dict[str, Any]) -> None:
    """With its idempotency key a note is written once."""
    with real.client(Role.AGENT) as agent:
        for _ in range(2):
            url, key = f"/v1/cases/{case['case_id']}/steps", {"Idempotency-Key": "note-1-" + case["opened_at"]}
            answer = agent.post(url, json={"act": "note", "words": "once"}, headers=key)
            assert answer.status_code == 201
        steps = agent.get(f"/v1/cases/{case['case_id']}").json()["steps"]
    assert [one["note"] for one in steps].count("once") == 1


def test_the_client_works_a_case_to_its_end(real: Any, worklist: list[Any]) -> None:
    """Contest, promise, override and close by the methods of the client, which know every shape."""
    decision = real.known.offers[0]
    with Client(real.url, real.keys[Role.AGENT], purpose="a drill") as forbear:
        made = forbear.intervention(decision).intervention
        assert made.customer_id
        opened = forbear.contest_decision(made.customer_id, decision, "the salary was late once")
        told = forbear.get_case(opened.case.case_id)
        assert (opened.fresh, told.decision.decision_id if told.decision else "") == (True, decision)
        assert not forbear.contest_decision(made.customer_id, decision, "and I had paid").fresh
        promised = NewPromise(
            customer_id=made.customer_id,
            amount_minor=12_000,
            currency="EUR",
            due_on=told.case.opened_at.date() + timedelta(days=10),
            case_id=opened.case.case_id,
        )
        promise = forbear.record_promise(promised)
        assert not forbear.record_promise(promised).fresh
        assert promise.promise.promise_id in {one.promise_id for one in forbear.list_promises(page_size=1)}
        assert forbear.release_promise(promise.promise.promise_id).state == "cancelled"
        override = NewOverride(decision_id=decision, kind="refused_offer", reason="data_wrong", words="had paid")
        assert [forbear.record_override(override).fresh for _ in range(2)] == [True, False]
        assert forbear.override_quality().counts[0].count >= 1
        seen = forbear.add_case_step(opened.case.case_id, "take").steps
        forbear.add_case_step(opened.case.case_id, "note", words="looked into it", seen=seen)
        with pytest.raises(Conflict):
            forbear.add_case_step(opened.case.case_id, "note", words="again", seen=seen)
        closed = forbear.add_case_step(opened.case.case_id, "close", result="overturned", words="answered in writing")
        assert closed.state == "closed"
        assert forbear.case_figures().results["contest"] == {"overturned": 1}
        assert {one.case_id for one in forbear.list_cases(page_size=1)} >= {one["case_id"] for one in worklist}


def test_terminal_and_interface_see_the_same(real: Any, case: dict[str, Any]) -> None:
    """What is done at the terminal stands in the interface at once."""
    with open_casework(real.home, os.environ) as work:
        who = Who(name="anna", at_us=real.parts.now_us())
        work.do(case["case_id"], Doing(act=Act.TAKE), who)
    with real.client(Role.AGENT) as agent:
        assert agent.get(f"/v1/cases/{case['case_id']}").json()["case"]["assigned"] == "anna"
