"""Pages: how many at once, and a cursor that says where the next begins."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import msgspec
from fastapi import Query

from forbear.apps.api.limits import MOST_ITEMS
from forbear.apps.api.problems import Refusal

LONGEST_CURSOR = 400
Place: TypeAlias = tuple[str | int, ...]
"""Where a page begins, in the terms of its route."""

Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many at most.")]
Cursor = Annotated[
    str | None, Query(max_length=LONGEST_CURSOR, description="`further` of the page before; none for the first.")
]


@dataclass(frozen=True, slots=True)
class Pages:
    """Cursors of one question: they say which, so that one of another question or other filters is refused."""

    question: str

    def cursor(self, place: Place) -> str:
        """A place as text for a URL."""
        return base64.urlsafe_b64encode(msgspec.json.encode([self.question, place])).rstrip(b"=").decode()

    def place(self, cursor: str, *shape: type[str | int]) -> Place:
        """The place that a cursor says, its parts of these types. Raises Refusal for one that was not given out."""
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            content = base64.b64decode(padded, altchars=b"-_", validate=True)
            question, place = msgspec.json.decode(content, type=tuple[str, tuple[str | int, ...]])
        except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError, UnicodeDecodeError):
            raise Refusal("unknown", "that is no cursor: ask for the first page") from None
        if question != self.question or [type(part) for part in place] != list(shape):
            raise Refusal("unknown", "the cursor is of another question: ask for the first page of this one")
        return place
