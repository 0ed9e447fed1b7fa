"""The methods of the clients are the operations of the interface: none is forgotten, none says it otherwise."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from forbear.apps.api.access import RULES
from forbear.apps.api.app import ROUTERS
from forbear.apps.api.documents import openapi_of
from forbear.client import AsyncClient, Client
from forbear.client.bound import listing, operation, streaming
from forbear.client.calls import Call, Listed
from forbear.client.cases import NewOverride, NewPromise
from forbear.client.cockpit import NewPolicyDraft, PolicyQuestion
from forbear.client.contacts import Arrival, ContactMade, ContactStop
from forbear.client.operations import Operations
from forbear.client.scores import Outcome

METHODS = {
    name: method
    for kind in Operations.__mro__
    for name, method in vars(kind).items()
    if isinstance(method, operation | listing | streaming)
}
COMPOSED = {"score_book": "submit_job"}
"""What does several things in turn: it begins with the operation named."""
OVER_A_SOCKET = {"live_events"}
"""What `live` gives over a WebSocket, of which no OpenAPI document tells."""
ARGUMENTS: dict[str, Any] = {
    "name": "crm",
    "role": "agent",
    "order": "stop",
    "why": "a drill",
    "answer": "accepted",
    "kind": "human",
    "act": "take",
    "decision_id": "0" * 32,
    "promised": NewPromise(customer_id="C1", amount_minor=1, currency="EUR", due_on=date(2026, 1, 1)),
    "overridden": NewOverride(decision_id="0" * 32, kind="refused_offer", reason="unsuitable"),
    "contact": ContactMade(channel="phone"),
    "halt": ContactStop(stop="attorney"),
    "provider": "sms",
    "draft": NewPolicyDraft(title="Lower", why="more help", basis="0" * 64, question=PolicyQuestion()),
    "verdict": "approve",
    "arrival": Arrival(receipt_id="r-1", key="0" * 32, at=datetime(2026, 1, 5, 9, tzinfo=UTC), said="delivered"),
    "outcome": Outcome(obligation_id="O1", due_on=date(2026, 1, 1), amount_due_minor=1, status="missed"),
}
"""What methods need and a word will not do for."""
LIGHT = "import sys, forbear.client; print(sorted({name.partition('.')[0] for name in sys.modules}))"


def _documented() -> dict[str, dict[str, Any]]:
    document = openapi_of([route for router in ROUTERS for route in router.routes], RULES)
    return {
        one["operationId"]: {**one, "method": method.upper(), "path": path}
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    }


DOCUMENT = _documented()


def calls_of(name: str) -> Iterator[Call[Any]]:
    """What a method asks first, called with whatever it needs."""
    build = METHODS[name].build
    needed = [
        one.name
        for one in list(inspect.signature(build).parameters.values())[1:]
        if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD
    ]
    built = build(None, *(ARGUMENTS.get(one, "C0000017") for one in needed))
    if isinstance(built, Listed):
        yield built.first
    elif isinstance(built, Call):
        yield built
    else:
        try:
            yield next(built)
        except StopIteration as end:
            yield end.value


def test_none_is_forgotten() -> None:
    """Every operation of the document has its method, and every method its operation; short paths need none."""
    known = {name for name in DOCUMENT if not name.endswith("_short")} - OVER_A_SOCKET

    assert set(METHODS) - set(COMPOSED) == known
    assert all(hasattr(client, "live") for client in (Client, AsyncClient))


@pytest.mark.parametrize("name", METHODS)
def test_each_asks_what_the_document_says(name: str) -> None:
    """Method, path, query, body, answer and idempotency key of a call are those of the document."""
    [call] = calls_of(name)
    told = DOCUMENT[COMPOSED.get(name, name)]
    parameters = {
        where: {one["name"] for one in told.get("parameters", ()) if one["in"] == where}
        for where in ("path", "query", "header")
    }
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    answers = [one for status, one in told["responses"].items() if status.startswith("2")]
    shapes = [one.get("schema", {}) for answer in answers for one in answer.get("content", {}).values()]

    assert call.operation == COMPOSED.get(name, name) == told["operationId"]
    assert (call.method, call.template) == (told["method"], told["path"])
    assert set(call.path) == parameters["path"]
    assert set(call.query) == parameters["query"]
    assert type(call.body).__name__ == body.get("$ref", "NoneType").rpartition("/")[2]
    assert call.writes == ("Idempotency-Key" in parameters["header"])
    if refs := [one["$ref"] for one in shapes if "$ref" in one]:
        assert refs == [f"#/components/schemas/{call.answer.__name__}"]
    else:
        assert not issubclass(call.answer, BaseModel) or name == "get_job_result"


@given(st.text(min_size=1))
def test_an_id_stays_in_its_place(given_id: str) -> None:
    """Whatever somebody takes for an id, it reaches the path as one segment and nothing beside it."""
    try:
        url = METHODS["customer_history"].build(None, given_id).first.url
    except UnicodeEncodeError:
        return
    head, tail = "/v1/customers/", "/history"
    inside = url.removeprefix(head).removesuffix(tail)
    assert url == head + inside + tail
    assert url.isascii()
    assert not set(inside) & set("/?# \r\n")


def test_methods_describe_themselves() -> None:
    """A method of either client shows its own arguments and says what it does."""
    with Client("http://bank") as client:
        assert list(inspect.signature(client.risk).parameters) == ["customer_id", "extra"]
        assert client.risk.__doc__ == Operations.risk.__doc__ == METHODS["risk"].__doc__
        assert client.risk.__name__ == "risk"


def test_the_client_is_light() -> None:
    """Nothing that computes or stores is loaded with the client."""
    loaded = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, check=True, text=True).stdout
    heavy = {"numpy", "numba", "scipy", "sklearn", "xgboost", "pyarrow", "sqlalchemy", "fastapi", "msgspec"}
    assert not heavy & set(msgspec.json.decode(loaded.replace("'", '"')))
