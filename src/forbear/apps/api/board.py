"""The board: the newest score of everybody in memory, kept up beside the answers that are made from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.apps.api.periodic import Periodic
from forbear.apps.api.promoted import Promoted
from forbear.domain.errors import BackendUnavailable
from forbear.engine.desk import Desk, Standings
from forbear.engine.outputs import Position
from forbear.engine.queries import MOST_ROWS, Scored
from forbear.features.hashing import Keys
from forbear.features.ledger import Floats

MOST_BEHIND = 20_000
"""Offsets, and scores: further behind, everything is read anew."""
EVERY_SECONDS = 0.5
_CHUNK = 4_096
_FIRST_DAY, _LAST_DAY = -(2**31), 2**31 - 1


class Standing(NamedTuple):
    """The newest score of one customer. band: its name by the policy that it was made under, "" outside of all.

    place: where it stands in its partition.  as_of_us: [us UTC].  day: bank-local, since 1970.
    """

    customer: int
    partition: int
    place: Position
    as_of_us: int
    day: int
    pd: float
    band: str


class Beyond(NamedTuple):
    """Where a page by falling PD ended: its last row."""

    pd: float
    customer: int


class Which(NamedTuple):
    """Whom of a view: whoever has at least a PD, is in a band, and is among some, where that is asked for.

    among: (n,) of the rows of the view.
    """

    min_pd: float = 0.0
    band: str | None = None
    among: NDArray[np.bool_] | None = None


EVERYBODY = Which()


class Listing(NamedTuple):
    """A page of standings. further: ask with this as `beyond` for the next, None on the last."""

    rows: tuple[Standing, ...]
    further: Beyond | None


@dataclass(frozen=True)
class View:
    """The newest scores as of some marks; nothing of it ever changes.

    standings: n of them.  words: names of bands, the most urgent of the newest policy first, "" last.
    word: (n,) place of each one's band in words.
    """

    marks: Mapping[int, Position]
    standings: Standings
    words: tuple[str, ...]
    word: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.standings)

    @cached_property
    def falling(self) -> NDArray[np.intp]:
        """(n,) rows by falling PD, equals by rising key."""
        return np.argsort(-self.standings.pd, kind="stable")

    @cached_property
    def lowered(self) -> Floats:
        """(n,) -PD in that order, rising."""
        return -self.standings.pd[self.falling]

    def find(self, customer: int) -> Standing | None:
        """The standing of a key, None for somebody who has none."""
        return self.find_all([customer])[0]

    def find_all(self, customers: Sequence[int]) -> list[Standing | None]:
        """The same of many, in their order."""
        keys = np.array(customers, dtype=np.uint64)
        rows = np.searchsorted(self.standings.customer, keys)
        if not len(self):
            return [None] * len(keys)
        there = self.standings.customer[np.minimum(rows, len(self) - 1)] == keys
        found = iter(self.at(rows[there]))
        return [next(found) if is_there else None for is_there in there.tolist()]

    def at(self, rows: NDArray[np.intp]) -> list[Standing]:
        """Some rows as values."""
        s = self.standings
        columns = (s.customer, s.partition, s.offset, s.ordinal, s.as_of_us, s.day, s.pd, self.word)
        return [
            Standing(customer, partition, Position(offset, ordinal), as_of_us, day, pd, self.words[word])
            for customer, partition, offset, ordinal, as_of_us, day, pd, word in zip(
                *(column[rows].tolist() for column in columns), strict=True
            )
        ]

    def page(self, which: Which = EVERYBODY, *, beyond: Beyond | None = None, limit: int) -> Listing:
        """Those who are asked for by falling PD; equals by rising key.

        beyond: the last row of the page before, whether or not it stands there still.
        """
        end = int(np.searchsorted(self.lowered, -which.min_pd, side="right"))
        start = 0 if beyond is None else self._behind(beyond)
        there = self.those(which)
        rows = self.falling[start:end][: limit + 1] if there is None else self._of(there, start, end, limit + 1)
        found = self.at(rows[:limit])
        further = Beyond(found[-1].pd, found[-1].customer) if len(rows) > limit else None
        return Listing(tuple(found), further)

    def _behind(self, beyond: Beyond) -> int:
        """How many stand before whoever comes behind a row."""
        first, past = (int(np.searchsorted(self.lowered, -beyond.pd, side=side)) for side in ("left", "right"))
        equals: Keys = self.standings.customer[self.falling[first:past]]
        return first + int(np.searchsorted(equals, np.uint64(beyond.customer), side="right"))

    def those(self, which: Which) -> NDArray[np.bool_] | None:
        """(n,) who is of the band and the segment that are asked for, None for everybody."""
        if which.band is None:
            return which.among
        band: NDArray[np.bool_] = self.word == (self.words.index(which.band) if which.band in self.words else -1)
        return band if which.among is None else band & which.among

    def _of(self, there: NDArray[np.bool_], start: int, end: int, most: int) -> NDArray[np.intp]:
        pieces, count = [self.falling[:0]], 0
        while start < end and count < most:
            piece = self.falling[start : min(start + _CHUNK, end)]
            pieces.append(piece[there[piece]])
            start, count = start + _CHUNK, count + len(pieces[-1])
        return np.concatenate(pieces)[:most]


class Board:
    """Keeps a view up with a desk. Readers take `now` and stay with it: it is swapped as a whole, never changed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.promoted = Promoted(desk)
        self._turn = Lock()
        self._view: View | None = None
        self._closed: dict[int, int] = {}
        self._keeping: Periodic | None = None

    @property
    def now(self) -> View:
        """The newest view. Raises BackendUnavailable before the first."""
        if self._view is None:
            raise BackendUnavailable("the newest scores are not read yet")
        return self._view

    def find(self, customer: int) -> Standing | None:
        """The newest standing of a key. Raises BackendUnavailable before the first view."""
        return self.now.find(customer)

    def refresh(self) -> bool:
        """Take in what was recorded since; False where that is nothing. Raises what the desk raises."""
        with self._turn:
            marks, view = dict(self._desk.marks()), self._view
            if view is not None and marks == view.marks:
                return False
            rows = None if view is None else self._behind(view.marks, marks)
            if view is None or rows is None:
                seen = self._desk.standings()
                self._view = _view(dict(seen.marks), seen.value, self.promoted)
            else:
                self._view = _view(marks, _merged(view.standings, rows), self.promoted)
            return True

    def start(self, seconds: float = EVERY_SECONDS) -> None:
        """Read everything, and keep up in a thread: while the desk does not answer the last view stays, and says as of
        when. Raises what the desk raises while it reads for the first time.
        """
        self.refresh()
        self._keeping = Periodic("board", self.refresh, seconds)
        self._keeping.start()

    def stop(self) -> None:
        """End the thread."""
        if self._keeping is not None:
            self._keeping.stop()

    # ---- inside

    def _behind(self, old: Mapping[int, Position], new: Mapping[int, Position]) -> list[tuple[int, Scored]] | None:
        """What was scored between two marks, each with its partition; None where all has to be read anew."""
        if old.keys() != new.keys() or any(new[one] < old[one] for one in old):
            return None
        moved = [one for one in new if new[one] > old[one]]
        if any(new[one].offset - old[one].offset > MOST_BEHIND for one in moved):
            return None
        # Whoever is missing from a new close has no standing any more, and no row says so.
        if any(self._was_closed(one, old[one], new[one]) for one in moved):
            return None
        rows: list[tuple[int, Scored]] = []
        for one in moved:
            rows += [(one, scored) for scored in self._scores(one, old[one], new[one])]
            if len(rows) > MOST_BEHIND:
                return None
        return rows

    def _was_closed(self, partition: int, old: Position, new: Position) -> bool:
        """Whether a day was closed between two marks. Days are closed in their order, so few rows are looked at."""
        known = self._closed.get(partition, _FIRST_DAY)
        rows = self._desk.of(partition).days(known, _LAST_DAY).value
        self._closed[partition] = max([known, *(row.day for row in rows if row.offset < new.offset)])
        return any(old.offset <= row.offset < new.offset for row in rows)

    def _scores(self, partition: int, old: Position, new: Position) -> Iterator[Scored]:
        """Rows from one mark on up to another: what came meanwhile is of the next time."""
        position, taken = old, 0
        while taken <= MOST_BEHIND:
            page = self._desk.scores_behind(partition, position, MOST_ROWS).value
            yield from (scored for scored in page if scored.place < new)
            if len(page) < MOST_ROWS or page[-1].place >= new:
                return
            taken, position = taken + len(page), Position(page[-1].place.offset, page[-1].place.ordinal + 1)


def _merged(standings: Standings, rows: Sequence[tuple[int, Scored]]) -> Standings:
    """Standings after some newer scores, in the order of their partitions' logs; those of erased customers aside."""
    newest = {scored.customer: (partition, scored) for partition, scored in rows if scored.customer}
    keys = np.array(sorted(newest), dtype=np.uint64)
    found = [newest[key] for key in keys.tolist()]
    values: dict[str, list[Any]] = {
        "customer": keys.tolist(),
        "partition": [partition for partition, _ in found],
        "offset": [scored.place.offset for _, scored in found],
        "ordinal": [scored.place.ordinal for _, scored in found],
    }
    for name in ("as_of_us", "day", "pd", "band", "policy"):
        values[name] = [getattr(scored, name) for _, scored in found]
    at = np.searchsorted(standings.customer, keys)
    old = np.append(standings.customer, np.uint64(0))[at] == keys
    rows_now = np.searchsorted(np.insert(standings.customer, at[~old], keys[~old]), keys)
    columns = {}
    for field in fields(Standings):
        column = getattr(standings, field.name)
        new = np.array(values[field.name], dtype=column.dtype)
        columns[field.name] = np.insert(column, at[~old], new[~old])
        columns[field.name][rows_now] = new
    return Standings(**columns)


def _view(marks: Mapping[int, Position], standings: Standings, promoted: Promoted) -> View:
    policies = np.unique(standings.policy).tolist()
    named = [(policy, place, name) for policy in policies for place, name in enumerate(promoted.bands(policy))]
    newest_first = sorted(named, key=lambda one: (-one[0], one[1]))
    words = (*dict.fromkeys(name for *_, name in newest_first), "")
    word = np.full(len(standings), len(words) - 1, dtype=np.int8)
    for policy, place, name in named:
        word[(standings.policy == policy) & (standings.band == place)] = words.index(name)
    view = View(marks, standings, words, word)
    arrays = (*(getattr(standings, field.name) for field in fields(Standings)), word, view.falling, view.lowered)
    for array in arrays:
        array.flags.writeable = False
    return view
