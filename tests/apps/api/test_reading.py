"""What the routes about customers and decisions tell is what the worker recorded, over a home that it worked on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from forbear.apps.api.access import RULES
from forbear.apps.api.app import ROUTERS
from forbear.engine.desk import Picked
from forbear.engine.office import Role
from forbear.engine.queries import Scored
from forbear.features.columns import day_of
from forbear.features.figures import FIGURES
from forbear.policy.triggers import Trigger


@pytest.fixture(scope="module")
def offered(reader: Any) -> Any:
    """An offer to somebody who is still scored."""
    made = reader.parts.desk.picked(Picked(outcome="offer"), 1_000).value.made
    return next(one for one in made if reader.parts.board.find(one.decision.customer))


def marks(reader: Any) -> list[dict[str, int]]:
    """How far the store is, as answers say it."""
    return [
        {"partition": partition, "offset": place.offset, "ordinal": place.ordinal}
        for partition, place in reader.parts.desk.marks().items()
    ]


@pytest.mark.parametrize("limit", [1, 7, 1_000])
def test_customers_are_listed_by_id(reader: Any, limit: int) -> None:
    """Page by page everybody once, each with the newest score as it was recorded."""
    items = reader.every("/v1/customers", limit=limit)
    wanted = {one.customer_id: one for one in reader.parts.desk.listed("", 1_000).value}
    view = reader.parts.board.now

    assert [one["customer_id"] for one in items] == list(wanted)
    assert len(items) == 60
    for one in items:
        standing = view.find(wanted[one["customer_id"]].customer)
        assert (one["score"] is None) == (standing is None)
        if standing is not None:
            assert (one["score"]["pd"], one["score"]["band"]) == (standing.pd, standing.band)


@pytest.mark.parametrize(
    "path", ["/v1/high-risk", "/high_risk_customers", "/v1/customers?sort=-pd", "/customers?sort=-pd"]
)
def test_the_riskiest_come_first(reader: Any, path: str) -> None:
    """By falling PD, page by page the same as all at once; filters keep what meets them."""
    path, _, sort = path.partition("?")
    asked = {"sort": "-pd"} if sort else {}
    items = reader.every(path, limit=7, **asked)
    pds = [one["score"]["pd"] for one in items]

    assert pds == sorted(pds, reverse=True)
    assert len(items) == len(reader.parts.board.now)
    assert items == reader.get(path, params={"limit": 1_000} | asked)["items"]
    band = items[0]["score"]["band"]
    assert band
    assert reader.every(path, band=band, limit=2, **asked) == [one for one in items if one["score"]["band"] == band]
    least = pds[len(pds) // 2]
    assert reader.every(path, min_pd=least, limit=9, **asked) == [one for one in items if one["score"]["pd"] >= least]


def test_a_cursor_is_of_its_filters(reader: Any) -> None:
    """A cursor under other filters, of another list, or made up is refused; so is a filter with the order by id."""
    cursor = reader.get("/v1/high-risk", params={"limit": 1})["further"]
    for path, asked in (
        ("/v1/high-risk", {"min_pd": 0.001}),
        ("/v1/customers", {}),
        ("/v1/interventions", {}),
    ):
        assert "another question" in reader.get(path, status=404, params={"cursor": cursor} | asked)["detail"]
    assert reader.get("/v1/high-risk", status=404, params={"cursor": "made up"})["detail"].startswith(
        "that is no cursor"
    )
    assert reader.get("/v1/customers", status=422, params={"sort": "customer_id", "min_pd": 0.5})


@pytest.mark.parametrize("path", ["/v1/customers/{}", "/customer/{}"])
def test_one_customer(reader: Any, offered: Any, path: str) -> None:
    """The score is the newest, the contacts those of the store, the ledger what a look says."""
    told = reader.get(path.format(offered.customer_id), Role.AGENT)
    key = offered.decision.customer
    standing = reader.parts.board.find(key)
    (look,) = reader.parts.onlooker.look(np.array([key], dtype=np.uint64))
    contacts = reader.parts.desk.contacts(key, 20).value

    assert (told["customer_id"], told["as_of"]) == (offered.customer_id, marks(reader))
    assert (told["score"]["pd"], told["score"]["offset"]) == (standing.pd, standing.place.offset)
    assert [one["decision_id"] for one in told["contacts"]] == [one.decision_id for one in contacts]
    ledger = told["ledger"]
    assert ledger["open_day"] == day_of(look.stand.open_day).isoformat()
    assert ledger["currency"] == "EUR"
    assert [one["name"] for one in ledger["figures"]] == list(FIGURES)
    for one, value in zip(ledger["figures"], look.figures[0].tolist(), strict=True):
        assert one["value"] == (None if value != value else value)  # noqa: PLR0124
        if one["kind"] == "date" and one["value"] is not None:
            assert date.fromisoformat(one["on"]) == day_of(look.stand.open_day) + timedelta(one["value"])
    values = [None if value != value else value for value in look.values[0].tolist()]  # noqa: PLR0124
    assert list(ledger["features"].values()) == (values if look.hurdle[0] == 0 else [])


@pytest.mark.parametrize("tail", ["", "/history", "/trajectory", "/contacts", "/audit"])
def test_a_stranger_is_not_found(reader: Any, tail: str) -> None:
    """Nobody of that id is 404 and says no more; what can be no id is refused."""
    for stranger in ("C9999999", "%27%20OR%201=1", "%7B%7B7*7%7D%7D", "a" * 64):
        refused = reader.get(f"/v1/customers/{stranger.replace('%20', '')}{tail}", Role.AGENT, 404)
        assert refused["detail"] == "there is no customer of that id"
    for none in ("a%20b", "a" * 65, "%C3%A4"):
        assert reader.get(f"/v1/customers/{none}{tail}", Role.AGENT, 422)["type"].endswith("invalid")


@pytest.mark.parametrize("limit", [1, 5, 1_000])
def test_a_history_is_the_timeline(reader: Any, offered: Any, limit: int) -> None:
    """Page by page every entry that is recorded of a customer, newest first."""
    items = reader.every(f"/v1/customers/{offered.customer_id}/history", Role.AGENT, limit=limit)
    timeline = reader.parts.desk.of(offered.partition).timeline(offered.decision.customer, 1_000).value
    kinds = {"Scored": "score", "Decision": "decision", "Contact": "contact", "OutcomeRow": "outcome"}

    assert [one["kind"] for one in items] == [kinds[type(one).__name__] for one in timeline.entries]
    for told, entry in zip(items, timeline.entries, strict=True):
        assert told["offset"] == (entry.place if isinstance(entry, Scored) else entry).offset
        if isinstance(entry, Scored):
            assert (told["pd"], told["log_odds"]) == (entry.pd, entry.log_odds)
            assert len(told["model"]) == len(told["policy"]) == 64
            assert told["trigger"]
    decided = next(one for one in items if one["kind"] == "decision" and one["outcome"] == "offer")
    assert (decided["decision_id"], decided["currency"]) == (offered.decision.decision_id, "EUR")


@pytest.mark.parametrize("days", [1, 5, 90])
def test_a_trajectory_is_the_closes(reader: Any, offered: Any, days: int) -> None:
    """One point a close, oldest first, of so many days back from the newest."""
    told = reader.get(f"/v1/customers/{offered.customer_id}/trajectory", Role.AGENT, params={"days": days})
    timeline = reader.parts.desk.of(offered.partition).timeline(offered.decision.customer, 1_000).value
    closes = [one for one in timeline.entries if isinstance(one, Scored) and one.trigger & Trigger.DAY_CLOSE]
    wanted = [one for one in closes if one.day > closes[0].day - days][::-1]

    assert [(one["day"], one["pd"]) for one in told["points"]] == [
        (day_of(one.day).isoformat(), one.pd) for one in wanted
    ]
    assert told["since"] == day_of(closes[0].day - days + 1).isoformat()


def test_an_audit_holds_the_chain_and_who_looked(reader: Any, offered: Any) -> None:
    """The records on the customer's decisions are whole and bear their digests; the newest look comes first."""
    path = f"/v1/customers/{offered.customer_id}"
    reader.get(f"{path}/contacts", Role.AGENT, headers={"X-Purpose": "a call", "X-Request-ID": "look-1"})
    told = reader.get(f"{path}/audit")
    links = reader.parts.desk.links(offered.decision.customer, 100).value

    assert [one["digest"] for one in told["records"]] == [link.record.digest for _, link in links]
    assert all(one["whole"] for one in told["records"])
    assert offered.decision.decision_id in {one["body"].get("decision_id") for one in told["records"]}
    newest = told["accesses"][0]
    assert (newest["operation"], newest["why"], newest["request_id"]) == ("customer_contacts", "a call", "look-1")
    assert newest["role"] == "agent"


@pytest.mark.parametrize("path", ["/v1/interventions", "/interventions"])
def test_decisions_are_filtered(reader: Any, offered: Any, path: str) -> None:
    """Page by page all decisions, in either order; each filter keeps what meets it."""
    everything = reader.every(path, limit=1_000)
    one = offered.decision

    assert len(everything) == reader.parts.desk.totals().value.rows["decisions"]
    assert reader.every(path, limit=13, order="oldest") == everything[::-1]
    day = day_of(one.day).isoformat()
    for asked, name, value in (
        ({"outcome": one.outcome}, "outcome", one.outcome),
        ({"action": one.action}, "action", one.action),
        ({"band": one.band}, "band", one.band),
        ({"customer_id": offered.customer_id}, "customer_id", offered.customer_id),
        ({"from": day, "to": day}, "day", day),
    ):
        found = reader.every(path, **asked)
        assert found
        assert found == [told for told in everything if told[name] == value]


def test_one_decision(reader: Any, offered: Any) -> None:
    """A decision is told with what it rests on; an id that is none is 404."""
    one = offered.decision
    told = reader.get(f"/v1/interventions/{one.decision_id}", Role.AGENT)["intervention"]

    assert (told["customer_id"], told["cost_minor"], told["currency"]) == (offered.customer_id, one.cost_minor, "EUR")
    assert told["expires_on"] == day_of(one.expires_day).isoformat()
    assert (told["score_offset"], told["score_ordinal"]) == tuple(one.prediction)
    assert reader.get(f"/v1/interventions/{'f' * 32}", Role.AGENT, 404)["type"].endswith("unknown")


def test_everybody_in_an_answer_is_recorded(reader: Any) -> None:
    """Each customer of a list has an access with the request's id; of a page of others none."""
    reader.get("/v1/high-risk", params={"limit": 3}, headers={"X-Request-ID": "list-of-three"})
    rows = reader.parts.board.now.page(limit=9).rows
    ids = [{one.request_id for one in reader.parts.office.accesses.of_customer(row.customer, 50)} for row in rows]
    assert ["list-of-three" in found for found in ids] == [True] * 3 + [False] * 6


def test_an_agent_sees_one_at_a_time() -> None:
    """Lists of persons are not for agents, what is told of persons at all is not for viewers; both are recorded."""
    lists = {"list_customers", "high_risk", "list_interventions"}
    for name in (*lists, "customer", "customer_history", "customer_trajectory", "customer_contacts", "customer_audit"):
        assert (Role.AGENT in RULES[name].roles) == (name not in lists)
        assert Role.VIEWER not in RULES[name].roles
        assert RULES[name].personal
        assert RULES.get(f"{name}_short", RULES[name]) == RULES[name]
    assert {
        route.operation_id for router in ROUTERS for route in router.routes if hasattr(route, "operation_id")
    } >= lists
