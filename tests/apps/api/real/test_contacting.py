"""Contact law over HTTP: asked, told, and asked again; who may, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from forbear.client import Client, Conflict, NotAllowed, NotThere
from forbear.client.contacts import ContactMade, ContactStop
from forbear.engine.office import Role
from forbear.features.hashing import key_of

NOON = "2027-06-09T10:00:00Z"
"""A Wednesday, noon in Berlin."""


@pytest.fixture
def agent(real: Any) -> Iterator[Any]:
    """Somebody in the call centre."""
    with real.client(Role.AGENT) as client:
        yield client


def permission(agent: Any, customer: str, **asked: str) -> Any:
    """What is answered to a question about a call."""
    words = {"channel": "phone", "purpose": "collection", "jurisdiction": "uk", "at": NOON} | asked
    answer = agent.get(f"/v1/customers/{customer}/contact-permission", params=words)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_is_told_counts_at_once(real: Any, agent: Any) -> None:
    """A stop forbids the next question, and its lifting allows it again; both are in the ledger, and on record."""
    customer = real.known.customers[0]
    stops = f"/v1/customers/{customer}/contact-stops"
    assert permission(agent, customer)["allowed"]

    told = agent.post(stops, json={"stop": "breathing_space"})
    assert told.status_code == 201, told.text
    stopped = permission(agent, customer, at=datetime.now(UTC).isoformat())
    assert (stopped["allowed"], stopped["clause"]) == (False, "uk.breathing_space")
    assert stopped["next_at"] is not None
    assert permission(agent, customer, purpose="service", at=datetime.now(UTC).isoformat())["clause"] in (
        "",
        "house.hours",
    )

    assert agent.post(stops, json={"stop": "breathing_space", "lifted": True}).status_code == 201
    assert permission(agent, customer)["allowed"]
    facts = real.parts.contacting.ledger.of_customer(key_of(customer))
    assert [type(fact).__name__ for fact in facts] == ["Restricted", "Lifted"]
    assert told.json()["fact_id"] == facts[0].fact_id
    routes = {one.route for one in real.parts.office.accesses.of_customer(key_of(customer), 99)}
    assert {"contact_permission", "record_contact_stop"} <= routes


def test_hours_are_those_of_the_place(agent: Any, real: Any) -> None:
    """At night it is refused, with the clause, its source, and the first instant at which it is not."""
    night = permission(agent, real.known.customers[1], at="2027-06-09T22:30:00+01:00")

    assert (night["allowed"], night["clause"], night["next_at"]) == (False, "uk.hours", "2027-06-10T07:00:00Z")
    assert night["source"]
    assert "house@" in " ".join(night["packs"])


def test_a_request_that_comes_again_enters_nothing_more(agent: Any, real: Any) -> None:
    """Under one idempotency key a contact is entered once."""
    customer = real.known.customers[2]
    asked = {"channel": "phone", "matter": "loan", "purpose": "collection", "conversation": True}
    answers = [
        agent.post(f"/v1/customers/{customer}/contacts", json=asked, headers={"Idempotency-Key": "one-call-1"})
        for _ in range(2)
    ]

    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    (fact,) = real.parts.contacting.ledger.of_customer(key_of(customer))
    assert (fact.conversation, fact.outbound, fact.jurisdiction) == (True, True, real.parts.contacting.jurisdiction)
    assert fact.by


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("contacts", {"channel": ""}, 422),
        ("contacts", {"channel": "phone", "at": "2090-01-01T00:00:00Z"}, 422),
        ("contacts", {"channel": "phone", "at": "1969-01-01T00:00:00Z"}, 422),
        ("contacts", {"channel": "phone", "matter": "a\u0000b"}, 422),
        ("contact-stops", {"stop": "mood"}, 422),
        ("contact-stops", {"stop": "cease", "lifted": True, "until": "2030-01-01T00:00:00Z"}, 422),
    ],
)
def test_what_cannot_be_is_refused(agent: Any, real: Any, path: str, asked: dict[str, Any], status: int) -> None:
    """What is out of bounds is said so, and enters nothing."""
    customer = real.known.customers[3]

    assert agent.post(f"/v1/customers/{customer}/{path}", json=asked).status_code == status
    assert not real.parts.contacting.ledger.of_customer(key_of(customer))


def test_nobody_s_facts_are_not_entered(agent: Any, real: Any) -> None:
    """Of a customer whom nothing knows no fact is entered; and a viewer is told nothing of anybody."""
    assert agent.post("/v1/customers/nobody/contacts", json={"channel": "phone"}).status_code == 404
    with real.client(Role.VIEWER) as viewer:
        path = f"/v1/customers/{real.known.customers[0]}/contact-permission"
        assert viewer.get(path, params={"channel": "phone"}).status_code == 403


def test_the_client_asks_and_tells(real: Any) -> None:
    """The Python client has the same words."""
    customer = real.known.customers[4]
    with Client(real.url, key=real.keys[Role.AGENT]) as forbear:
        at = datetime(2027, 6, 9, 10, tzinfo=UTC)
        asked = {"aim": "collection", "jurisdiction": "uk", "at": at}
        assert forbear.contact_permission(customer, "phone", **asked).allowed
        assert forbear.record_contact(customer, ContactMade(channel="phone", conversation=True)).fact_id
        assert forbear.record_contact_stop(customer, ContactStop(stop="deceased")).fact_id
        assert forbear.contact_permission(customer, "phone", **asked).clause == "house.deceased"


def test_a_person_approves_or_refuses(real: Any) -> None:
    """An offer that waits for a person is approved or refused by an approver, once, with why; nobody else may."""
    store = real.parts.contacting.interventions
    store.take_in(real.parts.now_us(), 100, lambda _band, _action: "a person")
    first, second = real.known.offers[:2]
    assert {store.get(one).state.value for one in (first, second)} == {"proposed"}
    with Client(real.url, real.keys[Role.APPROVER]) as forbear:
        assert forbear.decide_intervention(first, "approve", "spoke with the branch").state == "approved"
        assert forbear.decide_intervention(second, "refuse", "has called us already").state == "refused"
        with pytest.raises(Conflict):
            forbear.decide_intervention(second, "approve", "changed my mind")
        with pytest.raises(NotThere):
            forbear.decide_intervention("0" * 32, "approve", "nobody's")
    with Client(real.url, real.keys[Role.AGENT]) as forbear, pytest.raises(NotAllowed):
        forbear.decide_intervention(first, "refuse", "not mine to say")

    assert store.get(second).why == "has called us already"
    who = key_of(store.get(first).customer_id)
    assert "decide_intervention" in {one.route for one in real.parts.office.accesses.of_customer(who, 99)}


def test_whose_book_it_is(real: Any) -> None:
    """The book in numbers says that the bank is made up, its currency and zone, and how far the records are behind."""
    with Client(real.url, real.keys[Role.VIEWER]) as forbear:
        told = forbear.statistics()
    deployment = real.parts.deployment
    end = real.parts.watch.end(0)

    assert (told.synthetic, told.currency, told.time_zone) == (True, deployment.currency, deployment.time_zone)
    assert told.lag == end - told.as_of[0].offset
    assert real.parts.watch.end(99) is None
