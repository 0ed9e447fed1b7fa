"""What the interface says of itself: the OpenAPI document, and a page of it that needs no network and no script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from forbear import __version__
from forbear.apps.api.access import Rule
from forbear.apps.api.event_shapes import event_shapes
from forbear.apps.api.problems import KINDS, MEDIA_TYPE
from forbear.apps.page.markup import Html, column, element, joined, table
from forbear.client.models import Problem
from forbear.engine.office import Role

_DESCRIPTION = """\
What a pre-delinquency engine has recorded of its customers, and what it makes of them now. Every request needs a key.
Every error is a problem document (RFC 9457) that says what to do. What is read of a person, and what is written, is
recorded with who, when and why."""
_ALWAYS = (400, 401, 403, 405, 414, 429, 500, 503)
_OF_PARAMETERS, _OF_BODIES, _OF_WRITES = (404, 422), (408, 413, 415, 422), (409,)
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")
_HEADERS = {
    "X-Purpose": ("Why this is asked: one line, kept in the chain of accesses.", 200),
    "Idempotency-Key": ("Any word of the caller's own: the same request with it is answered once.", 128),
}
_PATTERNS = {"X-Purpose": "^[ -~]*[!-~][ -~]*$", "Idempotency-Key": "^[!-~]+$"}
_STYLE = """\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
section{border-top:1px solid;padding:1rem 0}code,pre{font-size:.9em}pre{overflow:auto}
table{border-collapse:collapse}th,td{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}"""


@dataclass(frozen=True, slots=True)
class Documents:
    """Both, as bytes."""

    openapi: bytes
    page: bytes
    page_headers: Mapping[str, str]


def documents_of(routes: Sequence[BaseRoute], rules: Mapping[str, Rule]) -> Documents:
    """What is to be said of some routes."""
    document = openapi_of(routes, rules)
    allowed = b64encode(sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; frame-ancestors 'none'; base-uri 'none'"
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    return Documents(msgspec.json.encode(document), page_of(document).encode(), headers)


def openapi_of(routes: Sequence[BaseRoute], rules: Mapping[str, Rule]) -> dict[str, Any]:
    """The OpenAPI document of some routes, with what the access table and the bounds add to each operation."""
    document = get_openapi(title="forbear", version=__version__, description=_DESCRIPTION, routes=routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _FRAMEWORKS_OWN:
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {}) | {"Problem": problem} | event_shapes()
    components["responses"] = {f"Problem{status}": _problem_response(status) for status in _statuses()}
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A key, or a token of the identity provider."},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path in document["paths"].values():
        for method, operation in path.items():
            _complete(operation, rules[operation["operationId"]], method)
    return document


def _complete(operation: dict[str, Any], rule: Rule, method: str) -> None:
    """Add what every operation of its kind has: who may, headers, and the problems it may answer with."""
    roles = ", ".join(str(role) for role in Role if role in rule.roles)
    operation["description"] = f"{operation.get('description', rule.says)}\n\nRoles: {roles}."
    operation["security"] = [{"bearer": []}, {"key": []}]
    operation["x-roles"] = [str(role) for role in Role if role in rule.roles]
    wanted = {"X-Purpose": rule.recorded, "Idempotency-Key": rule.writes}
    operation.setdefault("parameters", []).extend(
        _header(name, needed=name == "X-Purpose" and rule.purpose) for name, told in wanted.items() if told
    )
    statuses = set(_ALWAYS)
    if any(parameter["in"] != "header" for parameter in operation["parameters"]):
        statuses |= {*_OF_PARAMETERS}
    if "requestBody" in operation:
        statuses |= {*_OF_BODIES}
    if rule.personal:  # whoever is asked about may be unknown, wherever they are named
        statuses.add(404)
    if rule.writes:
        statuses |= {*_OF_WRITES}
    responses = operation.setdefault("responses", {})
    responses |= {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in sorted(statuses)}
    if method == "get":
        responses["304"] = {"description": "As the ETag in If-None-Match says"}


def _header(name: str, *, needed: bool) -> dict[str, Any]:
    says, longest = _HEADERS[name]
    schema = {"type": "string", "minLength": 1, "maxLength": longest, "pattern": _PATTERNS[name]}
    return {"name": name, "in": "header", "required": needed, "description": says, "schema": schema}


def _statuses() -> set[int]:
    return {*_ALWAYS, *_OF_PARAMETERS, *_OF_BODIES, *_OF_WRITES}


def _problem_response(status: int) -> dict[str, Any]:
    titles = [kind.title for kind in KINDS.values() if kind.status == status]
    return {
        "description": "; or: ".join(titles),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def page_of(document: Mapping[str, Any]) -> str:
    """The page of an OpenAPI document. Whatever the document holds is text in it, never markup."""
    sections = [
        _section(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = [
        element("section", element("h3", name, id=f"schema-{name}"), _shape(schema))
        for name, schema in sorted(document["components"]["schemas"].items())
    ]
    info = document["info"]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{info['title']} {info['version']}"),
        element("style", Html(_STYLE)),
    )
    body = element(
        "body",
        element("h1", f"{info['title']} {info['version']}"),
        element("p", info["description"]),
        element("p", "The same for programs: ", element("a", "openapi.json", href="openapi.json")),
        *sections,
        element("h2", "Shapes"),
        *schemas,
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _section(path: str, method: str, operation: Mapping[str, Any]) -> Html:
    parameters = [
        (
            element("code", one["name"]),
            f"{one['in']}{', needed' if one.get('required') else ''}",
            one.get("description", ""),
        )
        for one in operation.get("parameters", ())
    ]
    answers = [(status, _says(answer)) for status, answer in sorted(operation["responses"].items())]
    return element(
        "section",
        element("h2", element("code", f"{method.upper()} {path}"), id=operation["operationId"]),
        *(element("p", text) for text in operation["description"].split("\n\n")),
        _listed("Parameters", ("name", "where", "what"), parameters),
        joined([element("h4", "Body"), _shape(operation["requestBody"])]) if "requestBody" in operation else "",
        _listed("Answers", ("status", "what"), answers),
    )


def _listed(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    if not rows:
        return Html()
    body = element("tbody", *(element("tr", *(element("td", cell) for cell in row)) for row in rows))
    return table(title, [column(one) for one in head], body, name=title)


def _says(answer: Mapping[str, Any]) -> str:
    reference = answer.get("$ref", "")
    return f"see {reference.rpartition('/')[2]}" if reference else str(answer["description"])


def _shape(schema: Mapping[str, Any]) -> Html:
    return element("pre", msgspec.json.format(msgspec.json.encode(schema), indent=2).decode())
