"""Who may ask for what: the matrix of all routes, roles and keys, made from the routes themselves."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from forbear.apps.api.access import RULES, Rule, main, page
from forbear.apps.api.app import ROUTERS, create_app
from forbear.apps.api.reception import Gate
from forbear.domain.errors import ConfigError
from forbear.engine.office import Role

PROJECT = Path(__file__).parents[3]
ROUTES = [
    (route.operation_id, next(iter(route.methods)), re.sub(r"\{\w+\}", "00000000", route.path))
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
]
OPEN = {name for name, rule in RULES.items() if rule.open}
CREDENTIALS = ["none", "expired", "revoked", "unknown", "other secret", "garbage", "basic", "two", "empty", "long"]


def headers_of(kind: str, house: Any) -> list[tuple[str, str]]:
    """A credential that lets nobody in."""
    key = house.key(days=1 if kind == "expired" else 90)
    if kind == "expired":
        house.clock.seconds += 86_400
    if kind == "revoked":
        house.office.keyring.revoke(key[3:11], 0)
    return {
        "none": [],
        "unknown": [("X-API-Key", "fb_00000000_" + "A" * 43)],
        "other secret": [("X-API-Key", key[:-1] + ("A" if key[-1] != "A" else "B"))],
        "garbage": [("Authorization", "Bearer fb_' OR 1=1 --_{{7*7}}")],
        "basic": [("Authorization", "Basic " + key)],
        "two": [("X-API-Key", key), ("Authorization", "Bearer " + key)],
        "empty": [("X-API-Key", "")],
        "long": [("X-API-Key", key + "A" * 9_000)],
    }.get(kind, [("X-API-Key", key)])


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_nobody_gets_in_without_a_valid_key(kind: str, house: Callable[..., Any], visitor: Any) -> None:
    """Every route but the open ones answers 401 to every credential that is not valid."""
    made = house(own=False, loopback=False)
    client, headers, told = visitor(made), headers_of(kind, made), dict[str, Any]()
    for operation, method, path in ROUTES:
        told[operation] = client.request(method, path, headers=headers)

    assert {name for name, answer in told.items() if answer.status_code in {200, 503}} == OPEN
    for answer in (answer for name, answer in told.items() if name not in OPEN):
        assert answer.status_code == 401, answer.request.url
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="forbear"'
        assert answer.json()["type"] == "urn:forbear:problem:unauthenticated"


@pytest.mark.parametrize("role", Role)
def test_roles_are_held_to_the_table(role: Role, house: Callable[..., Any], visitor: Any) -> None:
    """Every route answers 403 to the roles that its line does not name, and never to those that it does."""
    made = house(own=False, loopback=False)
    client, headers = visitor(made), {"Authorization": f"Bearer {made.key(role)}"}
    told = {name: client.request(method, path, headers=headers).status_code for name, method, path in ROUTES}

    refused = {name for name, rule in RULES.items() if role not in rule.roles and not rule.open}
    assert {name for name, status in told.items() if status == 403} == refused
    assert not {name for name, status in told.items() if status in {401, 429, 500}}


def test_documents_are_open_on_this_machine_alone(house: Callable[..., Any], visitor: Any) -> None:
    """/docs and /openapi.json need no key where only this machine can ask."""
    for loopback, status in ((True, 200), (False, 401)):
        client = visitor(house(own=False, loopback=loopback))
        assert [client.get(path).status_code for path in ("/docs", "/openapi.json")] == [status, status]


def test_a_route_without_a_line_is_refused(house: Callable[..., Any]) -> None:
    """Neither a route that the table does not know nor a line without a route makes an application."""
    parts = house().parts
    with pytest.raises(ConfigError, match="whoami"):
        create_app(parts, rules={name: rule for name, rule in RULES.items() if name != "whoami"})
    with pytest.raises(ConfigError, match="no route"):
        create_app(parts, rules=RULES | {"ghost": Rule(says="Nothing.")})


@pytest.mark.parametrize("guarded", [True, False])
def test_a_route_past_the_reception_is_refused(guarded: bool, house: Callable[..., Any]) -> None:
    """A router that is not of the class Gate, or a route without an operation id, makes no application."""
    router = APIRouter(route_class=Gate if guarded else APIRoute)
    router.add_api_route("/sly", lambda: None, operation_id=None if guarded else "sly")
    with pytest.raises(ConfigError, match="sly"):
        create_app(house().parts, (*ROUTERS, router), RULES | {"sly": Rule(says="Sly.")})


def test_the_page_is_current(tmp_path: Path) -> None:
    """docs/api-access.md is what the table gives; mend it with `make docs`."""
    main([str(tmp_path / "page.md")])
    assert (PROJECT / "docs" / "api-access.md").read_text(encoding="utf-8") == page(RULES)
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page(RULES)
