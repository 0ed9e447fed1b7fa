"""What people may ask about one customer or the whole book: the read side of all partitions together.

It reads what the engine has recorded, and never has a second opinion. Each answer names how far every partition was
recorded when it was read. Customers are keys; their ids stand beside them until they are erased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from forbear.engine.audit import Link
from forbear.engine.outputs import AnswerRow, Contact, DayRow, Decision, Part, Position
from forbear.engine.queries import Queries, Scored, Tally
from forbear.features.hashing import Keys
from forbear.features.ledger import Floats

T = TypeVar("T")


class Seen(NamedTuple, Generic[T]):
    """What was asked for, and up to where each partition was recorded: both of one instant."""

    marks: Mapping[int, Position]
    value: T


class Known(NamedTuple):
    """A customer of the store. slot: the place in the book of its partition, from 0, -1 once erased."""

    customer: int
    customer_id: str
    partition: int
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """The newest score of each of n customers, in the order of their keys.

    customer: (n,) keys, rising.  partition: (n,) int32.  offset, ordinal: (n,) int64, where it stands.
    as_of_us: (n,) int64 [us UTC].  day: (n,) int32.  pd: (n,) in [0, 1].  band: (n,) int8, -1 outside.
    policy: (n,) int32, number of the one that the band is of.
    """

    customer: Keys
    partition: NDArray[np.int32]
    offset: NDArray[np.int64]
    ordinal: NDArray[np.int64]
    as_of_us: NDArray[np.int64]
    day: NDArray[np.int32]
    pd: Floats
    band: NDArray[np.int8]
    policy: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.customer)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseScores:
    """Scores of n customers at the close of a day, in the order of their keys; erased ones are not among them.

    day: that the scores count for, the next after the closed one; None for nobody.  customer: (n,) keys, rising.
    log_odds: (n,) before calibration.  pd: (n,) in [0, 1]. Both as float32.
    """

    day: int | None
    customer: Keys
    log_odds: NDArray[np.float32]
    pd: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.customer)


@dataclass(frozen=True, slots=True)
class Made:
    """One decision with where it was recorded. entry: rises in the order of recording.  customer_id: None once erased.

    answers: what came back on it, oldest first.
    """

    entry: int
    partition: int
    customer_id: str | None
    decision: Decision
    answers: tuple[AnswerRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """Which decisions: those that meet all that is given. customer: a key.  days: both ends included.

    oldest_first: the order of the page.
    """

    customer: int | None = None
    days: tuple[int, int] | None = None
    outcome: str | None = None
    action: str | None = None
    band: str | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class MadePage:
    """Decisions in the order that was asked for. further: ask with this as `beyond` for the next page, or None."""

    made: tuple[Made, ...]
    further: int | None


class Tallied(NamedTuple):
    """Decisions behind one entry, counted. entry: the last that is counted, else the one that was asked from."""

    entry: int
    tallies: tuple[Tally, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """The store in numbers. customers: known.  rows: by name of table, as good as the database knows without counting
    what is large (predictions).  last_day: the last day that every partition has closed, None before the first.

    in_force: by kind ("model", "policy", "reasons"), of the lowest partition; absent before the first promotion.
    """

    customers: int
    rows: Mapping[str, int]
    last_day: int | None
    in_force: Mapping[str, Part]


class Desk(Protocol):
    """Over all partitions. A `limit` outside 1..MOST_ROWS is a ValueError. Errors are those of `Queries`."""

    def marks(self) -> Mapping[int, Position]:
        """Up to where each partition is recorded."""
        ...

    def of(self, partition: int) -> Queries:
        """The queries about one partition: timelines, days, the audit chain."""
        ...

    def known(self, customers: Sequence[int]) -> Seen[Mapping[int, Known]]:
        """Those of some keys that the store knows, up to MOST_ROWS of them; an erased customer is not known."""
        ...

    def listed(self, beyond: str, limit: int) -> Seen[tuple[Known, ...]]:
        """Customers by id in the order of their bytes, from behind an id on; "" begins at the first."""
        ...

    def standings(self) -> Seen[Standings]:
        """The newest score of everybody. Reads the last close and what came after it: not for every request.

        Whoever was not eligible at the last close, and not scored since, has none. Of a close that is recorded in part
        what is there counts, beside the close before.
        """
        ...

    def close_scores(self, partition: int, close: DayRow) -> Seen[CloseScores]:
        """Everybody's score at a close of a partition that `Queries.days` tells of. Not for every request.

        Empty where its predictions are not kept any more.
        """
        ...

    def scores_behind(self, partition: int, position: Position, limit: int) -> Seen[tuple[Scored, ...]]:
        """Predictions at or behind a position, in log order."""
        ...

    def scores_at(self, places: Sequence[tuple[int, Position]]) -> Seen[tuple[Scored | None, ...]]:
        """Predictions by where they stand: partition and place. Raises ValueError for more than MOST_ROWS."""
        ...

    def picked(self, which: Picked, limit: int, beyond: int | None = None) -> Seen[MadePage]:
        """Decisions by `entry`, newest first unless asked otherwise, a page at a time, with their answers."""
        ...

    def made_behind(self, entry: int, limit: int) -> Seen[tuple[Made, ...]]:
        """Decisions recorded after an entry, in the order of recording."""
        ...

    def made(self, decision_id: str) -> Seen[Made | None]:
        """One decision."""
        ...

    def contacts(self, customer: int, limit: int) -> Seen[tuple[Contact, ...]]:
        """The newest contacts of a customer, newest first."""
        ...

    def links(self, customer: int, limit: int) -> Seen[tuple[tuple[int, Link], ...]]:
        """The newest audit records on a customer's decisions with their partitions, newest first."""
        ...

    def parts(self, kind: str) -> Seen[tuple[Part, ...]]:
        """What was put in force of a kind, oldest first, as the lowest partition knows it."""
        ...

    def tallies(self, first: int, last: int) -> Seen[tuple[Tally, ...]]:
        """Decisions of all partitions by day, outcome, action and channel, in that order; both ends included."""
        ...

    def tallies_behind(self, entry: int) -> Seen[Tallied]:
        """The same of those recorded after an entry, whatever their day: what a count goes on with. 0: of all."""
        ...

    def totals(self) -> Seen[Totals]:
        """The store in numbers."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
