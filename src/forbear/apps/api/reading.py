"""What the routes that read share: whom and which days a request is about, and as of when an answer is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Path, Query
from pydantic import BeforeValidator

from forbear.apps.api.board import Board, Standing, View
from forbear.apps.api.parts import ApiParts, PartsHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.telling import at
from forbear.apps.api.visit import Visit
from forbear.client.records import Mark, Scored
from forbear.engine.desk import Known
from forbear.engine.outputs import Position
from forbear.features.columns import day_number, day_of
from forbear.features.hashing import key_of

DAYS_UNASKED = 90
"""Days that a question about days is about if it does not say."""
MOST_DAYS = 3_660
_PLAIN_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

CustomerId = Annotated[
    str,
    Path(
        min_length=1,
        max_length=64,
        pattern="^[!-~]+$",
        description="As the bank gives it, percent-encoded.",
        examples=["C0000017"],
    ),
]
BandName = Annotated[
    str | None, Query(pattern="^[a-z][a-z0-9_]{0,47}$", description="Only of this band.", examples=["high"])
]
LeastPd = Annotated[float, Query(ge=0, le=1, allow_inf_nan=False, description="Only from this PD on.")]


class Whom(NamedTuple):
    """The customer whom a request is about. marks: up to where the records were read."""

    key: int
    known: Known
    marks: Mapping[int, Position]


def whom(customer_id: str, parts: ApiParts, visit: Visit) -> Whom:
    """The customer of an id, noted as seen. Raises Refusal for one whom the store does not know."""
    key = key_of(customer_id)
    seen = parts.desk.known([key])
    if key not in seen.value:
        raise Refusal("unknown", "there is no customer of that id")
    visit.saw(key)
    return Whom(key, seen.value[key], seen.marks)


async def board_of(parts: PartsHere) -> Board:
    """The board. Raises Refusal where the newest scores are not kept."""
    if parts.board is None:
        raise Refusal("unavailable", "the newest scores are not kept here")
    return parts.board


async def view_of(board: Annotated[Board, Depends(board_of)]) -> View:
    """The newest scores, to stay with for one answer."""
    return board.now


BoardHere = Annotated[Board, Depends(board_of)]
ViewHere = Annotated[View, Depends(view_of)]


# ---- days


def _plain(value: Any) -> Any:
    if isinstance(value, str) and not _PLAIN_DATE.fullmatch(value):
        raise ValueError("a date is written as 2026-03-31")
    return value


Day = Annotated[date | None, BeforeValidator(_plain)]


class AskedDays(NamedTuple):
    """The days that a question is about, both included; None for what it does not say."""

    first: date | None
    last: date | None

    def until(self, newest: int | None) -> tuple[int, int] | None:
        """First and last day since 1970; unless asked otherwise so many up to the newest, None without any.

        Raises Refusal for days in the wrong order, and for too many.
        """
        last = newest if self.last is None else day_number(self.last)
        if last is None:
            return None
        first = last - DAYS_UNASKED + 1 if self.first is None else day_number(self.first)
        if not 0 <= last - first < MOST_DAYS:
            raise Refusal("invalid", f"`from` comes after `to`, or they are {MOST_DAYS} days apart")
        return first, last

    @property
    def between(self) -> tuple[int, int] | None:
        """The same without bounds on their number; None where nothing is asked for."""
        if self.first is None and self.last is None:
            return None
        first, last = day_number(self.first or date.min), day_number(self.last or date.max)
        if first > last:
            raise Refusal("invalid", "`from` comes after `to`")
        return first, last


async def days_asked(
    first: Annotated[Day, Query(alias="from", description="The first day, bank-local.")] = None,
    last: Annotated[Day, Query(alias="to", description="The last day, bank-local.")] = None,
) -> AskedDays:
    """The days of a question."""
    return AskedDays(first, last)


DaysHere = Annotated[AskedDays, Depends(days_asked)]


# ---- answers


def as_of(*marks: Mapping[int, Position]) -> tuple[Mark, ...]:
    """How far each partition was in everything that an answer is made from: the least of each."""
    partitions = sorted({partition for one in marks for partition in one})
    least = {partition: min(one[partition] for one in marks if partition in one) for partition in partitions}
    return tuple(Mark(partition=one, offset=place.offset, ordinal=place.ordinal) for one, place in least.items())


def scored(standing: Standing | None) -> Scored | None:
    """A standing as it is told."""
    if standing is None:
        return None
    return Scored(
        pd=standing.pd,
        band=standing.band,
        scored_at=at(standing.as_of_us),
        day=day_of(standing.day),
        partition=standing.partition,
        offset=standing.place.offset,
        ordinal=standing.place.ordinal,
    )
