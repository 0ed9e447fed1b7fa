"""Misses: the facts that labels are made of, as they stand in the log, each with when it became known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forbear.domain.deployment import MissDefinition
from forbear.domain.terms import AccountKind, Category, OutcomeStatus, Status
from forbear.features.batch import EventBatch
from forbear.features.columns import NO_AMOUNT, EventColumns, EventKind
from forbear.features.hashing import Keys
from forbear.features.local_time import DAY_US, LocalTime

_MISSED = list(OutcomeStatus).index(OutcomeStatus.MISSED)
_CURRENT = list(AccountKind).index(AccountKind.CURRENT)
_BOOKED = list(Status).index(Status.BOOKED)


@dataclass(frozen=True, slots=True)
class Misses:
    """m misses: customer keys, the bank-local day on which each happened, and the log offset that told of it."""

    customer: Keys
    day: NDArray[np.int64]
    offset: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: list[Misses]) -> Self:
        """All parts as one, in order of customer and day."""
        customer = np.concatenate([p.customer for p in parts] or [np.empty(0, np.uint64)])
        day = np.concatenate([p.day for p in parts] or [np.empty(0, np.int64)])
        offset = np.concatenate([p.offset for p in parts] or [np.empty(0, np.int64)])
        order = np.lexsort((offset, day, customer))
        return cls(customer[order], day[order], offset[order])


def misses_in(
    definition: MissDefinition, columns: EventColumns, batch: EventBatch, zone: LocalTime, first_offset: int
) -> Misses:
    """The misses among a batch's events, as the deployment defines a miss."""
    rows = np.flatnonzero(_is_miss(definition, columns))
    if definition.kind == "missed_payment":
        day = batch.day[rows].astype(np.int64)
    else:
        day = zone.local_us(columns.booked_us[rows]) // DAY_US
    return Misses(batch.customer[rows], day, first_offset + rows)


def _is_miss(definition: MissDefinition, columns: EventColumns) -> NDArray[np.bool_]:
    outcome = columns.kind == EventKind.OUTCOME
    match definition.kind:
        case "missed_payment":
            return outcome & (columns.outcome_status == _MISSED)  # type: ignore[no-any-return]
        case "days_past_due":
            return outcome & (columns.days_past_due >= definition.days_past_due_at_least)  # type: ignore[no-any-return]
        case "balance":
            current = (columns.kind == EventKind.TRANSACTION) & (columns.account_kind == _CURRENT)
            balance = columns.balance_after_minor
            below = (balance != NO_AMOUNT) & (balance < definition.balance_below_minor)
            codes = [list(Category).index(category) for category in definition.penalty_categories]
            penalty = np.isin(columns.category, codes) & (columns.status == _BOOKED)
            return current & (below | penalty)  # type: ignore[no-any-return]
