"""What is told of the book as a whole adds up, and names nobody."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forbear.apps.home import Home
from forbear.apps.jobs.instructing import told_before
from forbear.domain.events import Instructed
from forbear.engine.office import Role
from forbear.features.columns import day_number, events_of
from forbear.policy.reading import parse_policy


@pytest.mark.parametrize("path", ["/v1/statistics", "/stats"])
def test_statistics_add_up(reader: Any, path: str) -> None:
    """Customers by band are all that have a score, decisions by outcome are all decisions, for a viewer too."""
    told = reader.get(path, Role.VIEWER)
    pd = reader.parts.board.now.standings.pd

    assert told["customers"] == 60
    assert sum(told["decisions"].values()) == told["rows"]["decisions"]
    book = told["book"]
    assert sum(one["customers"] for one in book["bands"]) == book["customers"] == len(pd)
    assert book["expected_misses"] == pytest.approx(float(pd.sum()))
    assert book["mean_pd"] == pytest.approx(float(pd.mean()))
    assert told["last_day"]["scored"] == sum(told["last_day"]["bands"].values())
    assert [one["kind"] for one in told["in_force"]] == ["model", "policy", "reasons"][: len(told["in_force"])]


def test_a_portfolio_is_a_histogram(reader: Any) -> None:
    """Every PD lies in one bar, bars meet each other, and what is not held is named."""
    told = reader.get("/v1/portfolio", Role.VIEWER)
    pd = reader.parts.board.now.standings.pd.tolist()

    bars = told["histogram"]
    assert (bars[0]["low"], bars[-1]["high"]) == (0.0, 1.0)
    for bar, following in zip(bars, [*bars[1:], None], strict=True):
        assert following is None or bar["high"] == following["low"]
        assert bar["customers"] == sum(
            bar["low"] <= one < bar["high"] or (following is None and one == 1) for one in pd
        )
    assert "expected_credit_loss" in told["not_held"]


def test_days_are_those_that_are_closed(reader: Any) -> None:
    """Each closed day once, oldest first, with the counts of its close; from and to are both included."""
    items = reader.get("/v1/days", Role.VIEWER)["items"]
    rows = reader.parts.desk.of(0).days(-(2**31), 2**31 - 1).value

    assert [day_number(date.fromisoformat(one["day"])) for one in items] == [row.day for row in rows]
    assert [one["bands"] for one in items] == [row.bands for row in rows]
    first, last = items[2]["day"], items[5]["day"]
    assert reader.get("/v1/days", params={"from": first, "to": last})["items"] == items[2:6]
    wrong = {"from": last, "to": first}
    for path in ("/v1/days", "/v1/tallies", "/v1/interventions"):
        assert reader.get(path, status=422, params=wrong)["detail"].startswith("`from` comes after `to`")
        assert reader.get(path, status=422, params={"from": "1700000000"})["faults"]
    far = (date.fromisoformat(last) - timedelta(4_000)).isoformat()
    assert reader.get("/v1/days", status=422, params={"from": far, "to": last})


def test_tallies_count_all_decisions(reader: Any) -> None:
    """By outcome they are the decisions that the list of interventions has."""
    everything = {"from": "2020-01-01", "to": "2026-01-01"}  # decisions of the open day too
    items = reader.get("/v1/tallies", Role.VIEWER, params=everything)["items"]
    decisions = reader.every("/v1/interventions", limit=1_000)
    counted: Counter[tuple[str, str]] = Counter()
    for one in items:
        counted[one["day"], one["outcome"]] += one["decisions"]

    assert counted == Counter((one["day"], one["outcome"]) for one in decisions)
    assert sum(one["cost_minor"] for one in items) == sum(one["cost_minor"] for one in decisions)


def test_the_policy_is_the_document_in_force(reader: Any) -> None:
    """Its text parses to a policy with the digest that is told, which is the ETag: whoever has it is sent nothing."""
    told = reader.get("/v1/policy", Role.VIEWER)
    policy = parse_policy(told["text"])
    (listed,) = reader.get("/v1/policies", Role.VIEWER)["items"]

    assert (policy.version, list(told["bands"])) == (told["version"], [band.name for band in policy.bands])
    assert {name: told[name] for name in listed} == listed
    reader.get("/v1/policy", Role.VIEWER, 200, headers={"If-None-Match": '"other"'})
    headers = {"X-API-Key": reader.keys[Role.VIEWER], "If-None-Match": f'"{told["digest"]}"'}
    again = reader.client.get("/v1/policy", headers=headers)
    assert (again.status_code, again.content) == (304, b"")


def test_models_are_told_with_their_features(reader: Any) -> None:
    """The model in force comes first, with the features it is asked with."""
    (model,) = reader.get("/v1/models", Role.VIEWER)["items"]
    part = reader.parts.desk.parts("model").value[-1]

    assert (model["digest"], model["features"], model["in_force"]) == (part.digest, part.document["features"], True)
    assert model["expected"] == part.document["expected"]


@pytest.mark.parametrize(
    "path", ["statistics", "portfolio", "days", "tallies", "models", "policy", "policies", "segments"]
)
def test_figures_name_nobody_and_say_as_of_when(reader: Any, path: str) -> None:
    """No customer's id is in them, and each says how far the store was."""
    answer = reader.client.get(f"/v1/{path}", headers={"X-API-Key": reader.keys[Role.VIEWER]})
    ids = [one.customer_id for one in reader.parts.desk.listed("", 1_000).value]

    assert not [one for one in ids if one in answer.text]
    assert [one["partition"] for one in answer.json()["as_of"]] == [0]


@pytest.mark.parametrize(
    "path",
    ["statistics", "portfolio", "days", "tallies", "models", "policies", "high-risk", "segments", "worsening"],
)
def test_of_an_empty_store_nothing_is_told(path: str, house: Any, visitor: Any) -> None:
    """Before anything is recorded every list is empty and no mean is made up."""
    made = house(own=False)
    answer = visitor(made).get(f"/v1/{path}", headers={"X-API-Key": made.key(Role.ANALYST)})

    assert answer.status_code == 200
    told = answer.json()
    assert told["as_of"] == []
    assert not told.get("items")
    assert path == "statistics" or not told.get("rows")
    assert told.get("book", {}).get("mean_pd") is None


def promoted_at(home: Home, offset: int, kind: str) -> datetime:
    """When a home was told of the promotion of a kind: before the worker's first start, or behind in the log."""
    early = [one for one in told_before(home) if one.instruction == f"promote_{kind}"]
    told = [one for columns in home.history.read(offset) for one in events_of(columns) if isinstance(one, Instructed)]
    return next(one.received_at for one in [*early, *told] if one.instruction == f"promote_{kind}")


def test_what_is_in_force_says_since_when(reader: Any, worked: Path) -> None:
    """Model, policy and reasons bear the instant at which the log received their promotion, as well as its place."""
    told = reader.get("/v1/statistics", Role.VIEWER)["in_force"]

    assert {"model", "policy"} <= {one["kind"] for one in told}
    for path, kind in (("/v1/models", "model"), ("/v1/policies", "policy")):
        for one in reader.get(path, Role.VIEWER)["items"]:
            assert datetime.fromisoformat(one["since"]) == promoted_at(Home(worked), one["offset"], kind)
    (policy,) = reader.get("/v1/policies", Role.VIEWER)["items"]
    assert reader.get("/v1/policy", Role.VIEWER)["since"] == policy["since"]
    assert {one["kind"]: one["since"] for one in told}["policy"] == policy["since"]
