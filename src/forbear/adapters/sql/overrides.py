"""Overrides in a database, and what became of the decisions that they overrode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, insert, literal, select

from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema import DECISIONS, OUTCOMES
from forbear.adapters.sql.schema_help import OVERRIDES
from forbear.domain.errors import ConflictError
from forbear.domain.terms import OutcomeStatus
from forbear.engine.overrides import Fared, Fates, Override, OverrideKind, Stratum

_D, _V = DECISIONS.c, OVERRIDES.c
_OFFER = "offer"


class SqlOverrides:
    """Overrides over the rooms of a store. Safe to use from many threads."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def record(self, override: Override) -> bool:
        """Keep one; False, and nothing has changed, where it is known."""
        row = {column.name: getattr(override, column.name) for column in OVERRIDES.columns}
        try:
            with self._rooms.writing(for_good=True) as connection:
                connection.execute(insert(OVERRIDES).values(row | {"kind": override.kind.value}))
        except ConflictError:
            return False
        return True

    def listed(self, limit: int, *, before_us: int | None = None) -> Sequence[Override]:
        """The newest ones, newest first."""
        query = select(*OVERRIDES.columns).order_by(_V.at_us.desc(), _V.override_id).limit(limit)
        if before_us is not None:
            query = query.where(_V.at_us < before_us)
        with self._rooms.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [Override(**{**row, "kind": OverrideKind(row["kind"])}) for row in rows]

    def counted(self) -> Mapping[tuple[str, str], int]:
        """How many there are, by kind and reason."""
        query = select(_V.kind, _V.reason, func.count()).group_by(_V.kind, _V.reason)
        with self._rooms.reading() as connection:
            return {(kind, reason): count for kind, reason, count in connection.execute(query)}

    def fates(self, horizon_days: int, closed_day: int) -> Fates:
        """What became of decisions whose horizon had ended with `closed_day`; of each customer the first one counts."""
        over = and_(_D.customer.is_not(None), _D.day + horizon_days <= closed_day)
        own = _fared(over, horizon_days, _V.kind, joined=True)
        others = _fared(over, horizon_days, literal(""), joined=False)
        with self._rooms.reading() as connection:
            overridden = {
                (OverrideKind(kind), Stratum(band, bool(offered))): Fared(customers, int(missed or 0))
                for kind, band, offered, customers, missed in connection.execute(own)
            }
            beside = {
                Stratum(band, bool(offered)): Fared(customers, int(missed or 0))
                for _, band, offered, customers, missed in connection.execute(others)
            }
        wanted = {stratum for _, stratum in overridden}
        return Fates(overridden=overridden, others={one: fared for one, fared in beside.items() if one in wanted})


def _fared(over: ColumnElement[bool], horizon_days: int, kind: ColumnElement[str], *, joined: bool) -> Select[Any]:
    """kind, band, whether offered, customers and how many missed; the first decision of each customer counts.

    joined: the overridden ones, else those that nobody overrode.
    """
    offered = (_D.outcome == _OFFER).label("offered")
    told = select(_V.override_id).where(_V.decision_id == _D.decision_id).exists()
    first = select(func.min(_D.entry).label("entry"), kind.label("kind"))
    first = first.join(OVERRIDES, _V.decision_id == _D.decision_id) if joined else first.where(~told)
    chosen = first.where(over).group_by(_D.customer, _D.band, offered, kind).subquery()
    missed = (
        select(OUTCOMES.c.offset)
        .where(
            OUTCOMES.c.customer == _D.customer,
            OUTCOMES.c.due_day > _D.day,
            OUTCOMES.c.due_day <= _D.day + horizon_days,
            OUTCOMES.c.status == OutcomeStatus.MISSED.value,
        )
        .exists()
    )
    rows = (
        select(chosen.c.kind, _D.band, offered, missed.label("missed"))
        .join(chosen, chosen.c.entry == _D.entry)
        .subquery()
    )
    columns = (rows.c.kind, rows.c.band, rows.c.offered)
    return select(*columns, func.count(), func.count().filter(rows.c.missed)).group_by(*columns)
