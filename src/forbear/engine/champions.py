"""Who was champion when, and since when that is known: every promotion of a model on two clocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np

from forbear.domain.events import Instructed
from forbear.domain.terms import Instruction
from forbear.engine.ports import History
from forbear.features.columns import EventKind
from forbear.features.local_time import LocalTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """One promotion of a model.

    digest: of the model.  valid_from: from which instant on it is champion.  known_since: when the log received that.
    by: who told it.  offset: where it stands in the log, -1 for what was told before a worker's first start.
    """

    digest: str
    valid_from: datetime
    known_since: datetime
    by: str
    offset: int


def champion_of(told: Instructed, offset: int) -> Champion | None:
    """The promotion that an instruction tells of; None for any other instruction."""
    if told.instruction is not Instruction.PROMOTE_MODEL or told.value is None:
        return None
    return Champion(
        digest=told.value, valid_from=told.booked_at, known_since=told.received_at, by=told.by, offset=offset
    )


def promotions_in(
    history: History, zone: LocalTime, progress: Callable[[int], None] | None = None
) -> Iterator[Champion]:
    """Every promotion of a model in a history, in log order. progress: takes how many events were read."""
    for scanned in history.scan(zone):
        for row in np.flatnonzero(scanned.batch.kind == EventKind.INSTRUCTED).tolist():
            found = champion_of(_INSTRUCTIONS.decode(scanned.columns.payload[row]), scanned.offset + row)
            if found is not None:
                yield found
        if progress is not None:
            progress(scanned.offset + len(scanned.batch))


def timeline(champions: Iterable[Champion], known_at: datetime | None = None) -> list[Champion]:
    """Those known at an instant, by the instant from which they hold; of two at one instant the later told counts last.

    known_at: None for all that is known.
    """
    known = [one for one in champions if known_at is None or one.known_since <= known_at]
    return sorted(known, key=lambda one: (one.valid_from, one.known_since, one.offset))


def champion_at(champions: Iterable[Champion], at: datetime, known_at: datetime | None = None) -> Champion | None:
    """Who was champion at an instant, by what was known at another; None where nobody was."""
    before = [one for one in timeline(champions, known_at) if one.valid_from <= at]
    return before[-1] if before else None


_INSTRUCTIONS = msgspec.json.Decoder(Instructed)
