"""The lines of one customer's past, from the table of its events: in which order, of which days, and their sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forbear.adapters.by_customer import Events
from forbear.client.past import DaySums, ObligationTold, OutcomeLine, PastLine, TransactionLine, UpdateLine
from forbear.domain.events import CustomerUpdated, decode
from forbear.domain.terms import AccountKind, Category, Direction, OutcomeStatus, Status
from forbear.features.columns import day_of, instant
from forbear.features.local_time import DAY_US, LocalTime

Place = tuple[int, int]
"""Where a line stands: when it was booked [us UTC], and its offset. The newest comes first."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The events of some days, newest first. rows: as `Events` has them.  day: of each, bank-local, since 1970.

    complete: whether there were no more than are told of.  reversed_keys: keys of transactions that are taken back.
    """

    rows: tuple[Mapping[str, Any], ...]
    day: tuple[int, ...]
    complete: bool
    reversed_keys: frozenset[int]

    @classmethod
    def of(cls, events: Events, zone: LocalTime, first: int, last: int) -> Self:
        """The lines of the days first..last, both included."""
        booked = np.array([row["booked_us"] for row in events.rows], dtype=np.int64)
        days: NDArray[np.int64] = zone.local_us(booked) // DAY_US
        told = [(row, day) for row, day in zip(events.rows, days.tolist(), strict=True) if first <= day <= last]
        rows = tuple(row for row, _ in told)
        back = frozenset(row["reverses_key"] for row in rows if row["reverses_key"] is not None)
        return cls(rows, tuple(day for _, day in told), events.complete, back)

    def __len__(self) -> int:
        return len(self.rows)

    def from_place(self, place: Place | None) -> int:
        """The number of the first line behind a place; 0 for None."""
        if place is None:
            return 0
        return next((row for row in range(len(self)) if self.place(row) < place), len(self))

    def place(self, row: int) -> Place:
        """Where a line stands."""
        return self.rows[row]["booked_us"], self.rows[row]["offset"]

    def lines(self, begin: int, past: int) -> tuple[PastLine, ...]:
        """Some of the lines as they are told."""
        return tuple(self._line(row) for row in range(begin, past))

    def by_day(self) -> tuple[DaySums, ...]:
        """The sums of each day with lines, oldest first."""
        days: dict[int, list[Mapping[str, Any]]] = {}
        for day, row in zip(self.day, self.rows, strict=True):
            days.setdefault(day, []).append(row)
        return tuple(_summed(day, days[day]) for day in sorted(days))

    # ---- inside

    def _line(self, place: int) -> PastLine:
        row = self.rows[place]
        common = {
            "offset": row["offset"],
            "received_at": instant(row["received_us"]),
            "booked_at": instant(row["booked_us"]),
            "day": day_of(self.day[place]),
        }
        match row["kind"]:
            case "transaction":
                names = ("direction", "amount_minor", "currency", "category", "channel", "status", "failure_reason")
                return TransactionLine(
                    **common,
                    **{name: row[name] for name in names},
                    account=row["account_end"] or "",
                    account_kind=row["account_kind"],
                    balance_after_minor=row["balance_after_minor"],
                    reverses=row["reverses_key"] is not None,
                    reversed=row["event_key"] in self.reversed_keys,
                )
            case "outcome":
                return OutcomeLine(
                    **common,
                    status=row["outcome_status"],
                    due_on=row["day"],
                    amount_due_minor=row["amount_minor"],
                    paid_on=row["paid_on"],
                    days_past_due=row["days_past_due"],
                )
            case _:
                return _update(common, row["payload"])


def _update(common: Mapping[str, Any], payload: str) -> UpdateLine:
    update = decode(payload)
    assert isinstance(update, CustomerUpdated)
    return UpdateLine(
        **common,
        segment=update.segment,
        region=update.region,
        consents=update.consents,
        circumstances=tuple(map(str, update.circumstances)),
        obligations=tuple(
            ObligationTold(
                kind=one.kind,
                amount_minor=one.amount_minor,
                due_on=one.due_on,
                frequency=one.frequency,
                ends_on=one.ends_on,
                exposure_minor=one.exposure_minor,
            )
            for one in update.obligations
        ),
    )


def _summed(day: int, rows: list[Mapping[str, Any]]) -> DaySums:
    moved = [one for one in rows if one["status"] == Status.BOOKED]
    own = [one for one in moved if one["category"] != Category.OWN_TRANSFER and one["account_kind"] != AccountKind.LOAN]
    balances = [
        one["balance_after_minor"]
        for one in moved
        if one["account_kind"] == AccountKind.CURRENT and one["balance_after_minor"] is not None
    ]
    return DaySums(
        day=day_of(day),
        in_minor=sum(
            one["amount_minor"]
            for one in own
            if one["direction"] == Direction.CREDIT and one["account_kind"] != AccountKind.CARD
        ),
        out_minor=sum(one["amount_minor"] for one in own if one["direction"] == Direction.DEBIT),
        lowest_minor=min(balances, default=None),
        failed=sum(one["status"] == Status.FAILED and one["direction"] == Direction.DEBIT for one in rows),
        missed=sum(one["outcome_status"] == OutcomeStatus.MISSED for one in rows),
        entries=len(rows),
    )
