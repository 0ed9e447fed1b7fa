"""Who may ask for what, over the application as it is served: every route that it has, WebSockets too."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from forbear.apps.api.access import RULES
from forbear.engine.office import Role

CLIENT = httpx.Client(verify=False)  # trust is loaded anew for each client, and takes longer than a request
STRANGERS: dict[str, dict[str, str]] = {
    "none": {},
    "unknown": {"X-API-Key": "fb_00000000_" + "A" * 43},
    "garbage": {"Authorization": "Bearer fb_' OR 1=1 --_{{7*7}}"},
    "basic": {"Authorization": "Basic YWRtaW46YWRtaW4="},
    "empty": {"X-API-Key": ""},
}


def routes_of(real: Any) -> list[tuple[str, str, str]]:
    """Operation, method and a path with ids that lead somewhere where they can, of each route; WS for a WebSocket."""
    ids = {"customer_id": real.known.customers[0], "intervention_id": real.known.offers[0], "key_id": "00000000"}

    def path_of(route: Any) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], "0" * 32), route.path)

    found = [
        (route.operation_id or "", method, path_of(route))
        for route in real.app.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ]
    return found + [(route.name, "WS", path_of(route)) for route in real.app.routes if type(route) is APIWebSocketRoute]


def status_of(real: Any, method: str, path: str, headers: dict[str, str]) -> int:
    """How a request is answered: the status alone, of what lasts too."""
    if method == "WS":
        try:
            with connect(real.url.replace("http", "ws") + path, additional_headers=headers, proxy=None):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code
    body = {"json": {}} if method == "POST" else {}
    with CLIENT.stream(method, real.url + path, headers=headers, timeout=20, **body) as answer:
        return answer.status_code


def test_the_table_has_every_route_that_is_served(real: Any) -> None:
    """The routes of the served application and the lines of the table are the same."""
    assert {operation for operation, *_ in routes_of(real)} == set(RULES)


@pytest.mark.parametrize("kind", [*STRANGERS, "two", "revoked"])
def test_strangers_are_let_in_nowhere(kind: str, real: Any) -> None:
    """Every route but the open ones answers 401 to whatever is no valid key, or ends at the hello without one."""
    headers = dict(STRANGERS.get(kind, {}))
    if kind == "two":
        headers = {"X-API-Key": real.keys[Role.ADMIN], "Authorization": f"Bearer {real.keys[Role.ADMIN]}"}
    if kind == "revoked":
        with real.client() as client:
            made = client.post("/v1/keys", json={"name": "short", "role": "admin"}).json()
            assert client.delete(f"/v1/keys/{made['key_id']}").status_code == 204
        headers = {"X-API-Key": made["key"]}
    for operation, method, path in routes_of(real):
        if method == "WS" and kind == "none":  # where no header can bear a key, the hello has to
            with connect(real.url.replace("http", "ws") + path, proxy=None) as line:
                line.send("{}")
                assert json.loads(line.recv())["end"]["reason"] == "unauthorised"
            continue
        status = status_of(real, method, path, headers)
        assert status == (200 if RULES[operation].open else 401), operation


def test_roles_are_held_to_the_table_and_recorded(real: Any) -> None:
    """Each role is answered 403 by exactly the routes that its column leaves out; whatever is personal is recorded."""
    for role in Role:
        headers = {"X-API-Key": real.keys[role]}
        expected, found = {}, {}
        for operation, method, path in routes_of(real):
            rule = RULES[operation]
            found[operation] = status_of(real, method, path, headers)
            expected[operation] = role not in rule.roles and not rule.open
        assert {operation: status == 403 for operation, status in found.items()} == expected
        assert not [one for one, status in found.items() if status == 401 or status >= 500], found
    chain = real.parts.office.accesses.chain("api-tests", 0, 10_000)
    bodies = [json.loads(record.body) for record in chain]
    recorded = {(body["role"], body["route"]) for body in bodies}
    assert recorded >= {(str(role), name) for role in Role for name, rule in RULES.items() if rule.recorded}
