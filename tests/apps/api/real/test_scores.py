"""Scores over HTTP are the worker's own: the recorded as they stand, those asked for by the same functions."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from forbear.engine.office import Role
from forbear.features.hashing import key_of


def of(real: Any, customer: str, method: str = "GET", path: str = "risk", **more: Any) -> dict[str, Any]:
    """The answer to a request about a customer."""
    with real.client() as client:
        answer = client.request(method, f"/v1/customers/{customer}/{path}", **more)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def scored_customers(real: Any) -> list[str]:
    """Customers who have a score on record."""
    view = real.parts.board.now
    return [one for one in real.known.customers if view.find(key_of(one)) is not None]


def test_risk_is_what_is_recorded(real: Any) -> None:
    """PD, log-odds, attributions and place are those of the newest row in the store, and they add up."""
    for customer in scored_customers(real)[:5]:
        told = of(real, customer)
        standing = real.parts.board.find(key_of(customer))
        (row,) = real.parts.desk.scores_at([(standing.partition, standing.place)]).value
        assert (told["pd"], told["log_odds"], told["offset"]) == (row.pd, row.log_odds, row.place.offset)
        assert {one["log_odds"] for one in told["impacts"]} == set(row.attributions)
        total = told["expected"] + math.fsum(one["log_odds"] for one in told["impacts"])
        assert total == pytest.approx(told["log_odds"], abs=1e-9)
        assert told["ruling"]["model"] == real.parts.onlooker.rulings.model


def test_a_look_is_told_as_it_is(real: Any) -> None:
    """A score on demand is the onlooker's look, with where it stood, what it was made by, and its lag."""
    customer = scored_customers(real)[0]
    told = of(real, customer, "POST", "score")
    (look,) = real.parts.onlooker.look(np.array([key_of(customer)], dtype=np.uint64))

    assert (told["pd"], told["log_odds"]) == (look.pd[0], look.log_odds[0])
    assert told["stood_at"]["offset"] == look.stand.offset
    assert told["stood_at"]["lag"] == 0
    assert told["ruling"]["feature_set"] == real.parts.onlooker.rulings.feature_hash
    total = told["expected"] + math.fsum(one["log_odds"] for one in told["impacts"])
    assert total == pytest.approx(told["log_odds"], abs=1e-9)


def test_what_is_asked_for_is_on_record_and_decides_nothing(real: Any) -> None:
    """The document of a score is kept under its id, and no prediction or decision comes of it."""
    before = real.parts.desk.totals().value.rows
    told = of(real, scored_customers(real)[0], "POST", "score")
    kept = real.parts.office.asked.get(told["score_id"])

    assert msgspec.json.decode(kept.document) == told
    assert kept.customer == key_of(told["customer_id"])
    assert real.parts.desk.totals().value.rows == before


def test_features_given_back_give_the_score(real: Any) -> None:
    """Impacts name each feature's value: sent back as features they give the same score, one by one and in a batch."""
    with real.client() as client:
        scores = [of(real, one, "POST", "score") for one in scored_customers(real)[:4]]
        rows = [{one["feature"]: one["value"] for one in score["impacts"]} for score in scores]
        for score, row in zip(scores, rows, strict=True):
            alone = client.post("/v1/predict", json={"features": row}).json()
            assert (alone["pd"], alone["log_odds"]) == (score["pd"], score["log_odds"])
            assert alone["customer_id"] is None
        batch = client.post("/v1/predict/batch", json={"rows": rows, "impacts": True}).json()
        assert [one["pd"] for one in batch["rows"]] == [score["pd"] for score in scores]
        by_id = client.post("/batch_predict", json={"customer_ids": [one["customer_id"] for one in scores]}).json()
        assert [one["pd"] for one in by_id["rows"]] == [score["pd"] for score in scores]


def test_a_batch_names_strangers(real: Any) -> None:
    """Whoever is not known keeps their place in the answer, and says so."""
    known = scored_customers(real)[0]
    with real.client() as client:
        rows = client.post("/v1/predict/batch", json={"customer_ids": ["nobody", known, "nobody"]}).json()["rows"]

    assert [one["hurdle"] for one in rows] == ["unknown_customer", "", "unknown_customer"]


def test_a_stranger_s_events(real: Any) -> None:
    """Events of somebody unknown give a look with a hurdle or a score; a wrong one is named by its place."""
    events = [
        {
            "type": "transaction", "transaction_id": f"T{day}", "customer_id": "X1", "account_id": "A1",
            "account_kind": "current", "direction": "credit" if day % 30 == 0 else "debit", "amount_minor": 2_000,
            "currency": "EUR", "booked_at": f"2024-{1 + day // 28:02}-{1 + day % 28:02}T12:00:00+00:00",
            "received_at": f"2024-{1 + day // 28:02}-{1 + day % 28:02}T12:00:00+00:00", "balance_after_minor": 50_000,
        }
        for day in range(100)
    ]  # fmt: skip
    with real.client() as client:
        told = client.post("/predict", json={"events": events}).json()
        assert (told["customer_id"], told["hurdle"]) == ("X1", "")
        assert 0.0 < told["pd"] < 1.0
        short = client.post("/predict", json={"events": events[:5]}).json()
        assert (short["hurdle"], short["pd"]) == ("known_too_short", None)
        wrong = client.post("/predict", json={"events": [*events[:3], {**events[3], "amount_minor": -1}]})
        assert wrong.status_code == 422
        assert "events[3]" in wrong.text


def test_what_if_moves_the_score_and_nothing_else(real: Any) -> None:
    """A failed payment changes features and score of the copy; the customer's own score stays what it was."""
    customer = scored_customers(real)[0]
    before = of(real, customer, "POST", "score")
    asked = {"happenings": [{"what": "failed_payment", "amount_minor": 30_000}] * 3}
    told = of(real, customer, "POST", "what-if", json=asked)

    assert told["before"]["pd"] == before["pd"]
    assert "failed_debits_30d" in told["changed"]
    assert told["after"]["pd"] is None or told["after"]["pd"] >= told["before"]["pd"]
    assert told["fates"] == {"folded": 3}
    assert of(real, customer, "POST", "score")["pd"] == before["pd"]


def test_a_salary_tomorrow(real: Any) -> None:
    """Days pass in the copy up to the happening, and its own day is the one that is looked at."""
    customer = scored_customers(real)[0]
    asked = {"happenings": [{"what": "income", "amount_minor": 250_000, "in_days": 1}]}
    told = of(real, customer, "POST", "what-if", json=asked)

    assert told["after"]["stood_at"]["open_day"] > told["before"]["stood_at"]["open_day"]
    assert told["fates"] == {"waiting": 1}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/predict", {}),
        ("/v1/predict", {"customer_id": "C1", "features": {}}),
        ("/v1/predict", {"features": {"no_such_feature": 1.0}}),
        ("/v1/predict/batch", {"rows": []}),
        ("/v1/predict/batch", {"rows": [{}], "customer_ids": ["C1"]}),
        ("/v1/predict", {"events": [{"type": "instruction"}]}),
    ],
)
def test_what_cannot_be_scored_is_refused(real: Any, path: str, body: dict[str, Any]) -> None:
    """Each is 422, with what to do."""
    with real.client() as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json()["mend"]


def test_nobody_is_404(real: Any) -> None:
    """A customer whom nobody has met is not there, by whatever route."""
    with real.client(Role.AGENT) as client:
        for method, path in (("GET", "risk"), ("POST", "score")):
            assert client.request(method, f"/v1/customers/nobody/{path}").status_code == 404
        assert client.get("/risk/nobody").status_code == 404


def test_each_look_at_a_person_is_recorded(real: Any) -> None:
    """Who looked, by which route and why stands in the chain of accesses, with the request's id."""
    customer = scored_customers(real)[1]
    with real.client(Role.AGENT) as client:
        headers = {"X-Purpose": "the customer called", "X-Request-ID": "a-test"}
        assert client.get(f"/v1/customers/{customer}/risk", headers=headers).status_code == 200
    newest = real.parts.office.accesses.of_customer(key_of(customer), 1)[0]

    assert (newest.route, newest.why, newest.request_id) == ("risk", "the customer called", "a-test")
