"""The predictions of one customer: those between closes by an index, those of closes by the customer's slot."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, select

from forbear.adapters.sql.schema import BETWEEN_CLOSES, CUSTOMERS, DAYS, POSITIONS, PREDICTIONS


def their_predictions(
    connection: Connection, partition: int, customer: int, *, erased: bool = False
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Two conditions: between them they hold for every prediction of a customer, and for each only one.

    Whoever was erased and went on has predictions and no slot any more. Those of closes are then left out, or, if
    erased is set, found by looking through all.
    """
    theirs = and_(PREDICTIONS.c.partition == partition, PREDICTIONS.c.customer == customer)
    named = and_(CUSTOMERS.c.partition == partition, CUSTOMERS.c.customer == customer)
    slot = connection.scalar(select(CUSTOMERS.c.slot).where(named))
    at_closes: ColumnElement[bool] = false()
    if slot is not None:
        # Listed, not asked for inside: PostgreSQL may else read the whole key for the ordinal.
        closes = connection.scalars(_closes(partition)).all()
        at_closes = and_(theirs, PREDICTIONS.c.ordinal == slot, PREDICTIONS.c.offset.in_(closes))
    elif erased:
        at_closes = theirs
    return and_(theirs, BETWEEN_CLOSES), and_(at_closes, ~BETWEEN_CLOSES)


def _closes(partition: int) -> Any:
    """Offsets of day closes: of those recorded as a whole, and of one that is recorded in part."""
    whole = select(DAYS.c.offset).where(DAYS.c.partition == partition)
    under_way = select(POSITIONS.c.offset).where(POSITIONS.c.partition == partition, POSITIONS.c.ordinal > 0)
    return whole.union(under_way)
