"""Decisions as an outbox: those behind the last one that was published, in the order in which they were recorded."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Engine, and_, insert, select, update

from forbear.adapters.sql.engine import guarded
from forbear.adapters.sql.schema import CUSTOMERS, DECISIONS, POSITIONS

CONSUMER = "outbox"
_TOLD = (
    "decision_id",
    "outcome",
    "band",
    "action",
    "channel",
    "wording",
    "cost_minor",
    "day",
    "expires_day",
    "made_at_us",
)


class Waiting(NamedTuple):
    """One decision to be published. entry: its place.  customer_id: None for somebody who was erased.

    document: what is told of it, as JSON can hold it; nothing sealed.
    """

    entry: int
    customer_id: str | None
    document: dict[str, Any]


class Outbox:
    """Over an engine. One process at a time may publish; two would tell of some decisions twice."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting(self, limit: int) -> list[Waiting]:
        """The next decisions, at most so many."""
        named = DECISIONS.outerjoin(
            CUSTOMERS,
            and_(CUSTOMERS.c.customer == DECISIONS.c.customer, CUSTOMERS.c.partition == DECISIONS.c.partition),
        )
        told = [DECISIONS.c[name] for name in _TOLD]
        query = select(DECISIONS.c.entry, CUSTOMERS.c.customer_id, *told).select_from(named)
        query = query.order_by(DECISIONS.c.entry).limit(limit)
        with guarded(self._engine), self._engine.connect() as connection:
            last = connection.scalar(select(POSITIONS.c.offset).where(_MINE))
            rows = connection.execute(query.where(DECISIONS.c.entry > (last or 0))).all()
        return [
            Waiting(entry, customer_id, {"customer_id": customer_id, **dict(zip(_TOLD, rest, strict=True))})
            for entry, customer_id, *rest in rows
        ]

    def published(self, entry: int) -> None:
        """Note that everything up to an entry was published."""
        with guarded(self._engine), self._engine.connect() as connection, connection.begin():
            if not connection.execute(update(POSITIONS).where(_MINE).values(offset=entry)).rowcount:
                place = {"consumer": CONSUMER, "partition": 0, "offset": entry, "ordinal": 0}
                connection.execute(insert(POSITIONS).values(place))

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()


_MINE = (POSITIONS.c.consumer == CONSUMER) & (POSITIONS.c.partition == 0)
