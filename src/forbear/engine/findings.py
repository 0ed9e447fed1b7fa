"""What follows from a partition of the log before the policy's memory has spoken: from a follower to the decider.

A finding stands at a place of the log and depends on the log alone. Barriers are places that every partition comes to,
or passes: what was proposed before one is decided there, over all partitions together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from forbear.domain.events import CustomerUpdated, Instructed
from forbear.engine.arms import Arms
from forbear.engine.outputs import AnswerRow, DeadLetter, Named, OutcomeRow, Position
from forbear.engine.scorer import Scores
from forbear.features.ledger import Floats

Figures: TypeAlias = Callable[[Scores], Floats]
"""(n, figures) that sentences quote, of those of some scores which a decision may rest on, as each score knew them."""


class Update(NamedTuple):
    """A customer update that the ledger took. slot: of the customer, in the follower's book."""

    offset: int
    slot: int
    told: CustomerUpdated


class Answered(NamedTuple):
    """What came back on an offer. slot: of the customer, in the follower's book."""

    offset: int
    slot: int
    row: AnswerRow


class Requested(NamedTuple):
    """That a person asked for help for a customer. why_sha: SHA-256 [hexadecimal] of the reason that was given.

    hurdle: why there is no score, a word; "" where there is one.
    """

    offset: int
    customer: int
    request_id: str
    by: str
    override: bool
    why_sha: str
    hurdle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What some events between two barriers gave. until: where the stretch ends.  scores: None before a model.

    An update or an answer counts for the scores behind it, and not for those before it.
    """

    until: Position
    met: tuple[Named, ...] = ()
    updates: tuple[Update, ...] = ()
    outcomes: tuple[OutcomeRow, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    answers: tuple[Answered, ...] = ()
    requests: tuple[Requested, ...] = ()
    scores: Scores | None = None
    figures: Figures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """Scores of the close of a day, in pieces by rising slot, between `CloseBegun` and `CloseEnded`."""

    offset: int
    scores: Scores
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class _Barrier:
    """offset: of the event that made it.  at_us: the instant it is of [us UTC].  day: bank-local, that is open.

    customers: in the book.
    """

    offset: int
    at_us: int
    day: int
    customers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked(_Barrier):
    """A tick of the policy has passed, as the first event behind it tells: that event's findings follow.

    at_us: the tick, a multiple of so many minutes of received time. Partitions where nothing came have none.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered(_Barrier):
    """An instruction; every partition has it, in one order."""

    told: Instructed


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseBegun(_Barrier):
    """A day is being closed; every partition has it. Before the sweep, what the day has proposed is decided."""


class WatchedArms(NamedTuple):
    """The scores of both arms at a close. stopped: why the roll-out ends there, "" where it goes on."""

    arms: Arms
    stopped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseEnded(_Barrier):
    """The book was swept. scored: eligible.  expected_misses: sum of their PDs.  hurdles, events: see `DayRow`.

    swept: whether anybody was asked about; not before a model and a policy, nor where the policy does without.
    watched: what came of a roll-out at this close, None where there is none.
    """

    swept: bool
    scored: int
    expected_misses: float
    hurdles: Mapping[str, int]
    events: Mapping[str, int]
    watched: WatchedArms | None = None


Barrier: TypeAlias = Ticked | Ordered | CloseBegun | CloseEnded
Finding: TypeAlias = Stretch | Swept | Barrier


def matches(one: Barrier, other: Barrier) -> bool:
    """Whether barriers of two partitions are the same one."""
    if type(one) is not type(other):
        return False
    match one, other:
        case Ticked(), Ticked():
            return one.at_us == other.at_us
        case Ordered(), Ordered():
            return one.told.instruction_id == other.told.instruction_id
        case _:
            return one.day == other.day
