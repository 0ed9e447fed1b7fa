"""Where in the feed somebody is: a place in each of its lines, the partitions and the decisions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self, TypeAlias

from forbear.apps.api.feed.refused import Refused
from forbear.client.feed_models import Reason

DECISIONS = -1
"""The line of decisions, which all partitions share; the other lines are numbered like their partitions."""
Place: TypeAlias = tuple[int, int, int]
"""The first of a line that has not been told: offset, ordinal, and 1 where of that prediction only the alert is left.

Of a decision: its entry, 0, 0.
"""
_BEGINNING: Place = (-1, 0, 0)
_MOST = 4_096
_VERSION = "1"
_PART = re.compile(r"(d|\d{1,9})\.(-1|\d{1,18})\.(\d{1,18})\.([01])", re.ASCII)


def next_of_line(line: int, place: Place) -> str:
    """A line's part of the text of a cursor."""
    return f"{'d' if line == DECISIONS else line}.{place[0]}.{place[1]}.{place[2]}"


def joined_text(parts: Iterable[str]) -> str:
    """The text of a cursor, of the parts of its lines in rising order."""
    return "~".join([_VERSION, *parts])


@dataclass(frozen=True, slots=True)
class Cursor:
    """Places by line. A line that is not among them is at its beginning: that of a partition which came later."""

    places: Mapping[int, Place]

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `text()` gave. Raises Refused for anything else."""
        version, *parts = text.split("~") if len(text) <= _MOST else ("",)
        places: dict[int, Place] = {}
        for part in parts:
            found = _PART.fullmatch(part)
            line, offset, ordinal, rank = found.groups() if found else ("", 0, 0, 0)
            number = DECISIONS if line == "d" else int(line or DECISIONS - 1)
            if found is None or number in places:
                version = ""
                break
            places[number] = (int(offset), int(ordinal), int(rank))
        if version != _VERSION:
            raise Refused(Reason.CURSOR, "this is no cursor of this feed: hand back one that it gave")
        return cls(places)

    def text(self) -> str:
        """For a listener to hand back."""
        return joined_text(next_of_line(line, self.places[line]) for line in sorted(self.places))

    def place(self, line: int) -> Place:
        """The first of a line that has not been told."""
        return self.places.get(line, _BEGINNING)

    def covers(self, other: Cursor) -> bool:
        """Whether everything told up to another is told up to this one."""
        return all(self.place(line) >= place for line, place in other.places.items())

    def moved(self, line: int, place: Place) -> Cursor:
        """The cursor with one line moved on; never back."""
        return Cursor({**self.places, line: max(self.place(line), place)})

    def joined(self, other: Cursor) -> Cursor:
        """The cursor up to which everything is told that is told up to either."""
        return Cursor({line: max(self.place(line), other.place(line)) for line in {*self.places, *other.places}})
