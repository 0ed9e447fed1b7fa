"""What the interface says of itself: complete, and safe to look at."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

from forbear.apps.api.access import RULES
from forbear.apps.api.documents import page_of

STATUSES = {"400", "401", "403", "405", "414", "429", "500", "503"}


def document_of(house: Callable[..., Any], visitor: Any) -> Any:
    """The OpenAPI document of the interface itself."""
    return visitor(house(own=False)).get("/openapi.json").json()


def operations(document: Any) -> list[tuple[str, str, Any]]:
    """Path, method and operation of each."""
    return [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def test_every_operation_is_described(house: Callable[..., Any], visitor: Any) -> None:
    """Each has a sentence, its roles, its credentials, and every status that it may answer with as a problem."""
    document = document_of(house, visitor)
    assert document["openapi"].startswith("3.1")
    for path, method, one in operations(document):
        rule = RULES[one["operationId"]]
        assert one["summary"], path
        assert one["x-roles"] == [role for role in one["x-roles"] if role in rule.roles]
        assert one["security"]
        assert one["responses"].keys() >= STATUSES | ({"422"} if "{" in path or method == "post" else set())
        assert one["responses"]["401"]["$ref"] == "#/components/responses/Problem401"


def test_every_reference_leads_somewhere(house: Callable[..., Any], visitor: Any) -> None:
    """Whatever the document refers to is in it, and the framework's own error shapes are not."""
    document = document_of(house, visitor)

    def references(value: Any) -> list[str]:
        match value:
            case dict():
                own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
                return own + [found for inner in value.values() for found in references(inner)]
            case list():
                return [found for inner in value for found in references(inner)]
        return []

    assert references(document)
    for reference in references(document):
        place = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    assert "HTTPValidationError" not in document["components"]["schemas"]


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """One more."""
        self.seen.add(tag)


def test_the_page_is_text_alone(house: Callable[..., Any], visitor: Any) -> None:
    """Nothing in the document becomes markup; the page runs no script and loads nothing."""
    document = document_of(house, visitor)
    document["info"]["description"] = evil = "<script>alert(1)</script>"
    for _, _, one in operations(document):
        one["description"] = one["summary"] = evil
    tags = Tags()
    tags.feed(page_of(document))
    assert not tags.seen & {"script", "link", "img", "iframe", "form"}

    page = visitor(house(own=False)).get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert all(operation in page.text for operation, rule in RULES.items() if operation.endswith("key") or not rule)
