"""Contact law over HTTP: asked, told, and asked again; who may, and what is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests.apps.api.real.conftest import served

from forbear.apps.home import Home
from forbear.apps.jobs.outreach import Rounds, office_of
from forbear.client import Client, Conflict, NotAllowed, NotThere
from forbear.client.contacts import ContactMade, ContactStop
from forbear.domain.contacts import MEANS_OF, Contacted, Purpose
from forbear.engine.lifecycle import State
from forbear.engine.office import Role
from forbear.features.columns import instant, micros
from forbear.features.hashing import key_of

NOON = "2027-06-09T10:00:00Z"
"""A Wednesday, noon in Berlin."""


@pytest.fixture
def agent(real: Any) -> Iterator[Any]:
    """Somebody in the call centre."""
    with real.client(Role.AGENT) as client:
        yield client


def signed(customer: str) -> int:
    """A customer's key as a database has it."""
    key = key_of(customer)
    return key - 2**64 if key >= 2**63 else key


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

    with real.client(Role.APPROVER) as approver:
        lifting = {"stop": "breathing_space", "lifted": True, "why": "It ended yesterday"}
        assert approver.post(stops, json=lifting).status_code == 201
    assert permission(agent, customer)["allowed"]
    facts = real.parts.contacting.ledger.of_customer(key_of(customer))
    assert [type(fact).__name__ for fact in facts] == ["Restricted", "Lifted"]
    assert told.json()["fact_id"] == facts[0].fact_id
    routes = {one.route for one in real.parts.office.accesses.of_customer(key_of(customer), 99)}
    assert {"contact_permission", "record_contact_stop"} <= routes


def test_the_stops_that_hold_are_those_of_the_ledger(real: Any, agent: Any) -> None:
    """Told, they are what the ledger's rows come to in SQL: recorded, not lifted, and not past an end."""
    customer = real.known.customers[5]
    stops = f"/v1/customers/{customer}/contact-stops"
    end = datetime.now(UTC) + timedelta(days=30)
    wishes: list[dict[str, Any]] = [
        {"stop": "opt_out", "channel": "phone", "why": "Write to me, do not call"},
        {"stop": "attorney", "at": "2026-01-05T10:00:00Z"},
        {"stop": "dispute", "matter": "loan-1", "until": end.isoformat()},
        {"stop": "bereavement", "at": "2026-01-05T10:00:00Z", "until": "2026-02-05T10:00:00Z"},
    ]
    for wish in wishes:
        assert agent.post(stops, json=wish).status_code == 201
    lifted = {"stop": "attorney", "lifted": True, "why": "The mandate is over"}
    with real.client(Role.APPROVER) as approver:
        assert approver.post(stops, json=lifted).status_code == 201
    told = agent.get(stops).json()

    assert [(one["stop"], one["channel"], one["matter"]) for one in told["items"]] == [
        ("dispute", "", "loan-1"),
        ("opt_out", "phone", ""),
    ]
    with closing(sqlite3.connect(Home(real.home).database)) as store:
        rows = store.execute(
            "SELECT json_extract(body, '$.stop'), coalesce(json_extract(body, '$.channel'), ''), at_us, known_us "
            "FROM contact_ledger WHERE customer = ? AND kind = 'restricted' ORDER BY entry",
            (signed(customer),),
        ).fetchall()
    assert [row[:2] for row in rows] == [("opt_out", "phone"), ("attorney", ""), ("dispute", ""), ("bereavement", "")]
    newest = told["items"][0]
    assert [round(datetime.fromisoformat(newest[name]).timestamp() * 1e6) for name in ("since", "told_at")] == [
        *rows[2][2:]
    ]
    assert {one.why for one in real.parts.office.accesses.of_customer(key_of(customer), 99)} >= {
        "Write to me, do not call",
        "The mandate is over",
    }


@pytest.mark.parametrize("role", list(Role))
def test_who_may_lift_a_stop(real: Any, role: Role) -> None:
    """An approver, an admin and a program may lift a stop, and say why; whoever else is refused, and it holds on."""
    customer = real.known.customers[6]
    stops = f"/v1/customers/{customer}/contact-stops"
    may = role in (Role.APPROVER, Role.ADMIN, Role.SERVICE)
    with real.client(Role.SERVICE) as program:
        assert program.post(stops, json={"stop": "cease", "matter": str(role)}).status_code == 201
    lifting = {"stop": "cease", "matter": str(role), "lifted": True}
    with real.client(role) as client:
        assert client.post(stops, json=lifting).status_code == (422 if may else 403)
        assert client.post(stops, json={**lifting, "why": "They wrote again"}).status_code == (201 if may else 403)
    with real.client(Role.AGENT) as looking:
        held = {one["matter"] for one in looking.get(stops).json()["items"]}
    assert (str(role) in held) is not may


@pytest.mark.parametrize(
    ("stop", "channel", "nth"),
    [("opt_out", "phone", 7), ("opt_out", "", 8), ("deceased", "", 10), ("breathing_space", "", 11)],
)
def test_what_a_stop_would_mean_is_what_it_then_means(real: Any, stop: str, channel: str, nth: int) -> None:
    """The preview writes nothing, and says of each channel and purpose what the law says once the stop is recorded."""
    customer = real.known.customers[nth]
    key, wish = key_of(customer), {"stop": stop, "channel": channel}
    with Client(real.url, key=real.keys[Role.AGENT]) as forbear:
        before = len(real.parts.contacting.ledger.of_customer(key))
        told = forbear.contact_stop_preview(customer, stop, channel=channel)  # type: ignore[arg-type]
        assert len(real.parts.contacting.ledger.of_customer(key)) == before
        forbear.record_contact_stop(customer, ContactStop.model_validate(wish))
        for one in told.items:
            then = forbear.contact_permission(customer, one.channel, aim=one.purpose)
            assert (one.allowed, one.clause) == (then.allowed, then.clause), one
    assert {(one.channel, one.purpose) for one in told.items} == set(product(MEANS_OF, Purpose))
    bound = {one.channel for one in told.items if one.by_stop and one.purpose == "help"}
    assert bound == ({channel} if channel else set(MEANS_OF))


def test_a_stop_ends_what_was_to_be_sent(lived: Path, tmp_path: Path) -> None:
    """An offer that was decided is not sent once an agent has recorded a stop: the sender's next step cancels it."""
    query = "SELECT decision_id, made_at_us FROM decisions WHERE outcome = 'offer' ORDER BY entry LIMIT 1"
    with closing(sqlite3.connect(Home(lived).database)) as store:
        [(offer, made_us)] = store.execute(query).fetchall()
    noon = instant(made_us).replace(hour=12)
    with served(lived, tmp_path / "home", now_us=lambda: micros(noon)) as here:
        home = Home(here.home)
        with office_of(home, {}) as office:
            office.store.take_in(micros(noon), 1_000, lambda _band, _action: "")
            customer = office.store.get(offer).customer_id
            with here.client(Role.AGENT) as agent:
                told = agent.post(f"/v1/customers/{customer}/contact-stops", json={"stop": "attorney"})
                assert told.status_code == 201, told.text
            Rounds(home, office, lambda: noon + timedelta(minutes=1), {}, dry=False).once()
            ended, others = office.store.get(offer), office.paths.listed(None, 1_000)

    assert ended.state is State.CANCELLED
    assert not any(isinstance(fact, Contacted) for fact in here.parts.contacting.ledger.of_customer(ended.customer))
    assert any(one.state is not State.CANCELLED for one in others), "whoever has no stop is not held"


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
        ("contact-stops", {"stop": "cease", "why": "a\u0000b"}, 422),
        ("contact-stops", {"stop": "cease", "why": "a" * 201}, 422),
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
