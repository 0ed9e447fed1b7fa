"""Cursors, and answers that a caller has already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.api.paging import LONGEST_CURSOR, Pages
from forbear.apps.api.problems import Refusal
from forbear.engine.office import Role


@given(
    st.text(max_size=20),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=20) | st.integers(-(2**63), 2**63 - 1), max_size=5),
)
def test_a_cursor_says_its_place(question: str, place: list[str | int]) -> None:
    """Whatever the place, its cursor is plain text that leads back to it."""
    pages = Pages(question.encode("utf-8", "replace").decode())
    cursor = pages.cursor(tuple(place))
    assert cursor.isascii()
    assert pages.place(cursor, *(type(part) for part in place)) == tuple(place)


@given(st.text(max_size=LONGEST_CURSOR))
def test_garbage_is_no_cursor(text: str) -> None:
    """Any other text is refused, and nothing else is raised."""
    with pytest.raises(Refusal):
        Pages("keys").place(text, int, str)


def test_a_cursor_is_of_its_question() -> None:
    """A cursor of another question, or with other parts than the question has, is refused."""
    cursor = Pages("keys").cursor((1, "a"))
    for pages, shape in ((Pages("others"), (int, str)), (Pages("keys"), (str, int)), (Pages("keys"), (int,))):
        with pytest.raises(Refusal):
            pages.place(cursor, *shape)


def test_what_a_caller_has_is_not_sent_again(house: Callable[..., Any], visitor: Any) -> None:
    """An ETag that still holds gives 304 without a body, and what has changed is sent."""
    made = house()
    client, key = visitor(made), {"X-API-Key": made.key()}
    first = client.get("/v1/keys", headers=key)
    tag = first.headers["ETag"]

    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get("/v1/keys", headers=key | {"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    made.key()
    assert client.get("/v1/keys", headers=key | {"If-None-Match": tag}).status_code == 200
    assert first.headers["Cache-Control"] == "private, no-cache"


def test_no_cache_keeps_a_person(house: Callable[..., Any], visitor: Any) -> None:
    """What is known of a person may be stored nowhere on the way."""
    made = house()
    answer = visitor(made).get("/v1/test/persons/3", headers={"X-API-Key": made.key(Role.AGENT)})
    assert answer.headers["Cache-Control"] == "private, no-store"
