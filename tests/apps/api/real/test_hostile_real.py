"""Hostile requests to every operation of a real server over real parts: clean answers, and it keeps answering."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

MOST = 2_000
SPELLS = [
    "' OR '1'='1",
    "'; DROP TABLE customers; --",
    '" UNION SELECT secret_sha FROM api_keys --',
    "{{1337*7331}}${1337*7331}<%= 1337*7331 %>#{1337*7331}",
    "../../../../etc/passwd",
    "..%2f..%2fapi.db",
    "\x00",
    "a\r\nX-Evil: 1",
    "\u202e\ufeff\U0001f600",
    "%s%s%n%x",
    "$(id)`id`|id;id",
    "<script>alert(1)</script>",
    "-1e400",
    "9" * 400,
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "C" * MOST,
]
LEAKS = (
    "9801547",
    "traceback",
    "sqlite",
    "psycopg",
    "operationalerror",
    "root:",
    "syntax error",
    ".py",
    "secret_sha is",
)
BODIES = {
    "deep lists": b"[" * 50_000,
    "deep and closed": b"[" * 5_000 + b"]" * 5_000,
    "deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "deep in a string": b'{"customer_id": "' + b"[{" * 5_000 + b'"}',
    "UTF-16": '{"customer_id": "C1"}'.encode("utf-16"),
    "Latin-1": '{"why": "\xe9"}'.encode("latin-1"),
    "byte order mark": b'\xef\xbb\xbf{"customer_id": "C1"}',
    "overlong": b'{"customer_id": "\xc0\xaf"}',
    "half a pair": rb'{"customer_id": "\ud800", "\udfff": 1, "why": "\ud800", "events": [{"\ud800": "\udc00"}]}',
    "NUL": rb'{"customer_id": "\u0000", "why": "\u0000", "name": "\u0000"}',
    "beyond floats": b'{"features": {"a": 1e400}, "rate": 1e400, "happenings": [{"amount_minor": 1e400}]}',
    "endless integer": b'{"days": ' + b"9" * 5_000 + b', "amount_due_minor": 1' + b"0" * 5_000 + b"}",
    "not a number": b'{"rate": NaN, "features": {"a": Infinity}, "days": -Infinity}',
    "no object": b'"customer_id"',
    "null": b"null",
    "nothing": b"",
    "half": b'{"customer_id": "C1"',
    "two": b"{}{}",
    "form": b"customer_id=C1&override=true",
}


@pytest.fixture(scope="module")
def operations(real: Any) -> list[tuple[str, str, Any, Any]]:
    """Method, path, operation and properties of the body of each operation, as the document has them."""
    with real.client() as client:
        document = client.get("/openapi.json").json()

    def properties(operation: Any) -> list[str]:
        if "requestBody" not in operation:
            return []
        name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        return [*document["components"]["schemas"][name]["properties"]]

    return [
        (method.upper(), path, operation, properties(operation))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def spelled(real: Any, path: str, operation: Any, fields: list[str], spell: str) -> Iterator[tuple[str, Any, Any]]:
    """Requests of one operation with a spell in one place after another: path, query and body."""
    ids = {"customer_id": real.known.customers[0], "intervention_id": real.known.offers[0]}
    where = {one["name"]: one["in"] for one in operation.get("parameters", ())}
    in_path = [name for name, place in where.items() if place == "path"]
    fine = path.format(**{name: ids.get(name, "0" * 32) for name in in_path})
    for name in in_path:
        told = {other: quote(spell, safe="") if other == name else ids.get(other, "0" * 32) for other in in_path}
        yield path.format(**told), {}, {}
    for name, place in where.items():
        if place == "query":
            yield fine, {name: spell}, {}
    for name in fields:
        for value in (spell, [spell], {spell: spell}):
            yield fine, {}, {name: value}


def require_clean(answer: httpx.Response, what: str) -> None:
    """An answer below 500, a problem where it refuses, that tells nothing of what is behind it."""
    assert answer.status_code < 500, what
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json", what
        assert answer.json()["status"] == answer.status_code, what
    assert "X-Evil" not in answer.headers, what
    assert not [leak for leak in LEAKS if leak in answer.text.lower()], what


@pytest.mark.parametrize("spell", SPELLS, ids=range(len(SPELLS)))
def test_spells_in_every_place_are_text(spell: str, real: Any, operations: Any) -> None:
    """SQL, templates, paths, control characters and absurd numbers are text wherever they stand, or refused."""
    sent = 0
    with real.client() as client:
        for method, path, operation, fields in operations:
            for url, query, body in spelled(real, path, operation, fields, spell):
                asked: dict[str, Any] = {"params": query or None} | ({"json": body} if fields else {})
                with client.stream(method, url, **asked) as answer:
                    if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                        continue  # somebody listens, for as long as they like
                    answer.read()
                    require_clean(answer, f"{method} {url} {query} {body}"[:500])
                sent += 1
        for name in ("X-Purpose", "Idempotency-Key", "X-Request-ID", "If-None-Match", "Accept", "Content-Type"):
            if spell.isprintable():
                answer = client.get("/v1/keys", headers={name: spell.encode()})
                require_clean(answer, name)
    assert sent > len(operations)
    assert real.well()
    assert len(real.parts.desk.listed("", 1_000).value) == 60
    assert len(real.parts.office.keyring.keys()) >= len(real.keys)


@pytest.mark.parametrize("kind", BODIES)
def test_bodies_that_are_none_are_refused_everywhere(kind: str, real: Any, operations: Any) -> None:
    """What is nested without end, in other encodings, no JSON or out of all range is refused by every operation."""
    posts = [(path, operation) for method, path, operation, fields in operations if fields]
    ids = {"customer_id": real.known.customers[0], "intervention_id": real.known.offers[0]}
    with real.client() as client:
        for path, operation in posts:
            url = path.format_map(defaultdict(lambda: "0" * 32, ids))
            media = "application/x-www-form-urlencoded" if kind == "form" else "application/json"
            answer = client.post(url, content=BODIES[kind], headers={"Content-Type": media})
            require_clean(answer, f"{operation['operationId']}: {answer.text[:300]}")
            assert answer.status_code >= 400, operation["operationId"]
    assert len(posts) >= 10
    assert real.well()
