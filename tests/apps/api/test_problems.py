"""Errors as problem documents: of every kind, and telling no more than they should."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.api.problems import CODES, KINDS, answer_to, readable
from forbear.client.models import Problem
from forbear.domain.errors import BackendUnavailable, ConflictError, ErasedCustomer, ForbearError, InvalidEvent

OURS = [kind for kind in ForbearError.__subclasses__() if kind.__module__ == ForbearError.__module__]
"""What the client and the feed raise beside them is theirs to answer for."""


@pytest.mark.parametrize("kind", OURS)
def test_every_error_has_an_answer(kind: type[ForbearError]) -> None:
    """Each error of the other layers has its status, and its answer is a whole problem document."""
    assert kind in CODES
    answer = answer_to(kind("what happened"), "r1")

    told = Problem.model_validate_json(bytes(answer.body))
    assert told.status == answer.status_code == KINDS[CODES[kind]].status
    assert told.mend
    assert told.request_id == "r1"
    assert answer.media_type == "application/problem+json"


@pytest.mark.parametrize(
    ("error", "status"),
    [(InvalidEvent("x"), 422), (ConflictError("x"), 409), (BackendUnavailable("x"), 503), (ErasedCustomer("x"), 404)],
)
def test_who_must_act_hears_of_it(error: ForbearError, status: int) -> None:
    """The sender hears 4xx; what is nobody's fault is 503 with when to come back."""
    answer = answer_to(error, "")
    assert answer.status_code == status
    assert ("retry-after" in answer.headers) == (status == 503)


def test_what_is_ours_tells_no_details(house: Callable[..., Any], visitor: Any) -> None:
    """An error that nobody foresaw is 500 without a word of itself; the log says where, not what."""
    made = house()
    answer = visitor(made).get("/v1/test/broken", headers={"X-API-Key": made.key()})

    assert answer.status_code == 500
    assert "C0000017" not in answer.text
    assert "secret" not in answer.text
    assert "RuntimeError at conftest.py" in made.log.getvalue()
    assert "C0000017" not in made.log.getvalue()
    assert answer_to(BackendUnavailable("db.internal is down"), "").body.count(b"internal is") == 0


def test_faults_name_places_and_not_values(house: Callable[..., Any], visitor: Any) -> None:
    """A request that is not valid is told where, as a JSON Pointer, and hears nothing of what it sent."""
    made = house()
    sent = {"text": "x" * 300, "a/b~c": "DE89370400440532013000"}
    answer = visitor(made).post("/v1/test/notes", json=sent, headers={"X-API-Key": made.key()})

    assert {fault["pointer"] for fault in answer.json()["faults"]} == {"/body/text", "/body/a~1b~0c"}
    assert "DE89370400440532013000" not in answer.text
    assert "xxx" not in answer.text


def test_many_faults_are_bounded(house: Callable[..., Any], visitor: Any) -> None:
    """Thousands of faults make a short answer."""
    made = house()
    sent = {"text": "x"} | {f"unknown{number}": 1 for number in range(5_000)}
    answer = visitor(made).post("/v1/test/notes", json=sent, headers={"X-API-Key": made.key()})
    assert answer.status_code == 422
    assert len(answer.content) < 5_000


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/keys/", 404),
        ("PATCH", "/v1/keys", 405),
        ("TRACE", "/v1/whoami", 405),
        ("GET", "/v1/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/v1/%2e%2e/keys", 404),
        ("GET", "/v1/test/persons/1%00", 400),
        ("GET", "/v1/test/persons/%ff%fe", 400),
        ("GET", "/v1/test/persons/1;DROP TABLE keys", 422),
        ("GET", "/v1/test/persons/" + "x" * 1_500, 422),
        ("GET", "/v1/test/persons/" + "9" * 3_000, 414),
        ("DELETE", "/v1/keys/{{7*7}}", 422),
        ("GET", "/v1/keys?limit=0", 422),
        ("GET", "/v1/keys?limit=1001", 422),
        ("GET", "/v1/keys?limit=1e400", 422),
        ("GET", "/v1/keys?cursor=AAAA", 404),
        ("GET", "/v1/keys?cursor=%00", 404),
        ("GET", "/v1/keys?limit=5&limit=6", 200),
    ],
)
def test_strange_requests_are_answered(
    method: str, path: str, status: int, house: Callable[..., Any], visitor: Any
) -> None:
    """Paths and parameters of any kind get their problem, with the request's id, and none gets through."""
    made = house()
    answer = visitor(made).request(method, path, headers={"X-API-Key": made.key(), "X-Request-ID": "mine-1"})

    assert answer.status_code == status
    assert answer.headers["X-Request-ID"] == "mine-1"
    if status != 200:
        assert Problem.model_validate_json(answer.content).status == status
    if status == 405:
        assert answer.headers["Allow"] == ("GET" if "whoami" in path else "GET, POST")


@pytest.mark.parametrize("given_id", ["", "a b", "x" * 65, "ä", "a\tb"])
def test_a_strange_request_id_is_replaced(given_id: str, house: Callable[..., Any], visitor: Any) -> None:
    """A request id that is not plain is not taken over; the new one is letters, which no log masks."""
    made = house()
    answer = visitor(made).get("/healthz", headers={"X-Request-ID": given_id.encode()})
    assert answer.headers["X-Request-ID"] != given_id
    assert answer.headers["X-Request-ID"].isalpha()


@given(st.text(st.characters(), max_size=400))
def test_any_text_can_be_told(text: str) -> None:
    """Whatever an error says, lone surrogates too, its answer is JSON of bounded size."""
    Problem.model_validate_json(bytes(answer_to(InvalidEvent(text), "").body))
    assert len(readable(text)) <= 300
