"""Promises to pay in a database, and what was paid, as the store has it from the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, and_, func, insert, or_, select, update

from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema import OUTCOMES
from forbear.adapters.sql.schema_help import PROMISES
from forbear.domain.errors import ConflictError
from forbear.domain.terms import OutcomeStatus
from forbear.engine.promises import Counted, Paid, Promise, PromiseState

_P = PROMISES.c
_SETTLED = (OutcomeStatus.PAID.value, OutcomeStatus.CURED.value)


class SqlPromises:
    """Promises over the rooms of a store. Safe to use from many threads."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def make(self, promise: Promise) -> tuple[Promise, bool]:
        """Keep a promise; whether it is new. The same one again changes nothing."""
        row = {column.name: getattr(promise, column.name) for column in PROMISES.columns}
        try:
            with self._rooms.writing(for_good=True) as connection:
                connection.execute(insert(PROMISES).values(row | {"state": promise.state.value}))
        except ConflictError:
            return self.get(promise.promise_id) or promise, False
        return promise, True

    def get(self, promise_id: str) -> Promise | None:
        """One promise."""
        with self._rooms.reading() as connection:
            row = (
                connection.execute(select(*PROMISES.columns).where(_P.promise_id == promise_id))
                .mappings()
                .one_or_none()
            )
        return None if row is None else _promise_of(row)

    def listed(
        self, state: PromiseState | None, limit: int, *, customer: int | None = None, after: tuple[int, str] = (-1, "")
    ) -> Sequence[Promise]:
        """Promises by due day and id, from behind a place on."""
        day, beyond = after
        query = select(*PROMISES.columns).where(
            or_(_P.due_day > day, and_(_P.due_day == day, _P.promise_id > beyond)),
            *([_P.state == state.value] if state else []),
            *([_P.customer == customer] if customer is not None else []),
        )
        with self._rooms.reading() as connection:
            return list(
                map(_promise_of, connection.execute(query.order_by(_P.due_day, _P.promise_id).limit(limit)).mappings())
            )

    def settle(self, promise_id: str, before: PromiseState, after: PromiseState, at_us: int) -> bool:
        """Have a promise be kept, broken or cancelled; False, and nothing has changed, where it is not in `before`."""
        change = update(PROMISES).where(_P.promise_id == promise_id, _P.state == before.value)
        with self._rooms.writing(for_good=True) as connection:
            return bool(connection.execute(change.values(state=after.value, settled_us=at_us)).rowcount)

    def paid(self, customer: int, from_day: int) -> Sequence[Paid]:
        """What a customer has paid of what was due, from a day on, each payment once.

        A payment that was told of twice, as missed and then as cured, or in another partition, is one: what was told
        last counts.
        """
        o = OUTCOMES.c
        columns = (o.obligation, o.due_day, o.status, o.amount_due_minor, o.paid_day)
        query = select(*columns).where(o.customer == customer).order_by(o.partition, o.offset)
        with self._rooms.reading() as connection:
            newest = {(row.obligation, row.due_day): row for row in connection.execute(query)}
        return [
            Paid(row.paid_day, row.amount_due_minor)
            for row in newest.values()
            if row.status in _SETTLED and row.paid_day is not None and row.paid_day >= from_day
        ]

    def counted(self) -> Counted:
        """All promises in numbers."""
        with self._rooms.reading() as connection:
            rows = connection.execute(select(_P.state, func.count().label("rows")).group_by(_P.state)).all()
        found = {row.state: int(row.rows) for row in rows}
        return Counted(*(found.get(state.value, 0) for state in PromiseState))


def _promise_of(row: RowMapping) -> Promise:
    named: dict[str, Any] = dict(row)
    named |= {name: named[name] or "" for name in ("case_id", "intervention_id")}
    return Promise(**named | {"state": PromiseState(named["state"])})
