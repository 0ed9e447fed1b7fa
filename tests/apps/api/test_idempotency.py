"""A request with an idempotency key is done once, however often it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def writing(house: Callable[..., Any], visitor: Any) -> tuple[Any, Callable[..., Any]]:
    """An application, and what writes a note with a key."""
    made = house()
    client, key = visitor(made), made.key()

    def write(text: str, repeat: str | None, own: str = key) -> Any:
        headers = {"X-API-Key": own} | ({} if repeat is None else {"Idempotency-Key": repeat})
        return client.post("/v1/test/notes", json={"text": text}, headers=headers)

    return made, write


def test_the_same_request_is_done_once(writing: tuple[Any, Callable[..., Any]]) -> None:
    """The same key and request give the first answer again, and say so; without a key each is done."""
    made, write = writing
    first, again = write("a", "k1"), write("a", "k1")

    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Content-Type"] == "application/json"
    write("a", None)
    assert made.heard == ["a", "a"]
    assert len(made.office.accesses.chain("api", 0, 10)) == 3


def test_a_key_belongs_to_one_request_of_one_caller(writing: tuple[Any, Callable[..., Any]]) -> None:
    """The same key with another request is refused; another caller's same word is another key."""
    made, write = writing
    write("a", "k1")
    assert write("b", "k1").json()["type"].endswith("key_reused")
    assert write("b", "k1", made.key()).status_code == 201
    assert made.heard == ["a", "b"]


def test_two_at_once_are_one(house: Callable[..., Any], visitor: Any) -> None:
    """Of several at the same time one is done, and the others are told to wait."""
    made = house()
    headers = {"X-API-Key": made.key(), "Idempotency-Key": "k"}
    asked = ("POST", "/v1/test/notes", {"json": {"text": "a"}, "headers": headers})
    answers = visitor(made).together(asked, asked, asked)

    assert made.heard == ["a"]
    assert sorted(answer.status_code for answer in answers) in ([201, 409, 409], [201, 201, 409], [201, 201, 201])


def test_what_was_refused_may_be_asked_again(writing: tuple[Any, Callable[..., Any]]) -> None:
    """An answer that changed nothing is not kept: the key is free for the mended request."""
    made, write = writing
    assert write("", "k1").status_code == 422
    assert write("mended", "k1").status_code == 201
    assert made.heard == ["mended"]


@pytest.mark.parametrize("key", ["", "a b", "x" * 129, b"\xc3\xa4"])
def test_a_strange_key_is_refused(key: Any, writing: tuple[Any, Callable[..., Any]]) -> None:
    """A key is one word of visible characters; nothing is done without a readable one."""
    made, write = writing
    assert write("a", key).status_code == 400
    assert made.heard == []


def test_a_secret_is_not_kept(house: Callable[..., Any], visitor: Any) -> None:
    """A key that was made is not made twice, and the store of answers never has its secret."""
    made = house()
    client, admin = visitor(made), made.key()
    headers = {"X-API-Key": admin, "Idempotency-Key": "k"}
    new = client.post("/v1/keys", json={"name": "crm", "role": "agent"}, headers=headers)
    again = client.post("/v1/keys", json={"name": "crm", "role": "agent"}, headers=headers)

    assert new.status_code == 201
    assert again.json()["type"].endswith("shown_once")
    kept = made.office.replies.get(admin[3:11], "k")
    assert kept is not None
    assert kept.body == b""
    assert len(made.office.keyring.keys()) == 2


def test_answers_are_forgotten_after_a_day(writing: tuple[Any, Callable[..., Any]]) -> None:
    """What is older than a day is let go of when the next answer is kept."""
    made, write = writing
    write("a", "k1")
    made.clock.seconds = 80_000
    write("b", "k2")
    made.clock.seconds = 87_000
    write("c", "k3")
    assert write("other", "k1").status_code == 201
    assert write("b", "k2").headers["Idempotency-Replayed"] == "true"
