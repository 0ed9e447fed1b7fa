"""Bounds: how often, how much, how deep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.api.limits import MOST_DEPTH, Allowance, require_shallow
from forbear.apps.api.problems import Refusal
from forbear.apps.services import ApiSettings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('[]{}"\\/\n ab', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\a', max_size=3), inner, max_size=3),
    max_leaves=12,
)


def depth_of(value: Any) -> int:
    """How deep lists and objects lie within each other."""
    match value:
        case dict():
            return 1 + max(map(depth_of, value.values()), default=0)
        case list():
            return 1 + max(map(depth_of, value), default=0)
    return 0


@given(JSON, st.integers(0, MOST_DEPTH + 3))
def test_depth_is_counted_without_parsing(value: Any, around: int) -> None:
    """A body is refused exactly if it is deeper than the bound, whatever its strings hold."""
    for level in range(around):
        value = [value] if (around + level) % 3 else {"a": value}
    body = msgspec.json.encode(value)

    if depth_of(value) <= MOST_DEPTH:
        require_shallow(body)
    else:
        with pytest.raises(Refusal):
            require_shallow(body)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0.1, 20)), max_size=60), st.floats(0.5, 50), st.floats(0.1, 5))
def test_no_more_is_spent_than_was_saved(asks: list[tuple[float, float]], rate: float, burst: float) -> None:
    """Whatever the times and costs: what goes through is at most the burst, what time gave, and one request's debt."""
    now = [0.0]
    allowance = Allowance(rate, burst, lambda: now[0])
    spent = 0.0
    for wait, cost in asks:
        now[0] += wait
        try:
            headers = allowance.spend("k", None, cost)
        except Refusal:
            continue
        spent += cost
        assert headers["RateLimit"].startswith('"key";r=')

    assert spent <= max(1.0, rate * burst) + rate * now[0] + 20 + 1e-6


def test_waiting_as_long_as_told_is_enough() -> None:
    """Whoever comes back after Retry-After is let through."""
    now = [0.0]
    allowance = Allowance(0.5, 2.0, lambda: now[0])
    allowance.spend("k", None, 1)
    with pytest.raises(Refusal) as refused:
        allowance.spend("k", None, 1)
    now[0] += int(refused.value.headers["Retry-After"])
    allowance.spend("k", None, 1)


def test_each_key_has_its_own_allowance(house: Callable[..., Any], visitor: Any) -> None:
    """One who asks too often hears 429 with when to come back; another, and the same one later, are answered."""
    made = house(settings=ApiSettings(rate=2.0, burst_seconds=1.0))
    client, eager, calm, fast = visitor(made), made.key(), made.key(), made.key(rate=50.0)

    def ask(key: str) -> Any:
        return client.get("/v1/whoami", headers={"X-API-Key": key})

    assert [ask(eager).status_code for _ in range(3)] == [200, 200, 429]
    assert ask(eager).headers["Retry-After"] == "1"
    assert ask(calm).headers["RateLimit"] == '"key";r=1;t=1'
    assert [ask(fast).status_code for _ in range(10)] == [200] * 10
    made.clock.seconds += 1
    assert ask(eager).status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"text":"a"}', {"Content-Type": "application/json"}, 201),
        (b'{"text":"a"}', {"Content-Type": "application/vnd.x+json; charset=UTF-8"}, 201),
        (b'{"text":"a"}', {"Content-Type": "text/plain"}, 415),
        (b'{"text":"a"}', {"Content-Type": ""}, 415),
        (b'{"text":"a"}', {"Content-Type": "application/json; charset=utf-16"}, 415),
        (b'{"text":"a"}', {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
        (b'{"text":"\xff"}', {"Content-Type": "application/json"}, 400),
        (b'{"text":"a","deep":' + b"[" * 40 + b"]" * 40 + b"}", {"Content-Type": "application/json"}, 400),
        (b'{"text":"a","deep":' + b"[" * 900_000 + b"}", {"Content-Type": "application/json"}, 400),
        (b'{"text":"a","deep":' + b"9" * 5_000 + b"}", {"Content-Type": "application/json"}, 400),
        (b'{"text":"a","deep":1e999}', {"Content-Type": "application/json"}, 201),
        (b'{"text":"\\ud800"}', {"Content-Type": "application/json"}, 422),
        (b'{"\\ud800":1,"text":"a"}', {"Content-Type": "application/json"}, 422),
        (b'{"text":"a\\u0000b"}', {"Content-Type": "application/json"}, 422),
        (b'{"text":"a"', {"Content-Type": "application/json"}, 400),
        (b'{"text":}', {"Content-Type": "application/json"}, 422),
        (b"null", {"Content-Type": "application/json"}, 422),
        (b"", {"Content-Type": "application/json"}, 422),
        (b"x" * 1_100_000, {"Content-Type": "application/json"}, 413),
    ],
)
def test_bodies_are_held_to_their_bounds(
    body: bytes, headers: dict[str, str], status: int, house: Callable[..., Any], visitor: Any
) -> None:
    """What is no JSON, too deep, too large or of another encoding is refused as a problem, and never fails."""
    made = house(settings=ApiSettings(rate=1e5, body_bytes=1_000_000))
    answer = visitor(made).post("/v1/test/notes", content=body, headers={"X-API-Key": made.key(), **headers})

    assert answer.status_code == status
    assert status == 201 or answer.json()["status"] == status
    assert (len(made.heard) == 1) == (status == 201)
