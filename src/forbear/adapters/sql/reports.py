"""Aggregates over the store, each in one pass of the database or of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Table, and_, exists, func, select

from forbear.adapters.sql.rows import attributions_of
from forbear.adapters.sql.schema import (
    BETWEEN_CLOSES,
    CONTACTS,
    CUSTOMERS,
    DAYS,
    DECISIONS,
    OUTCOMES,
    PARTS,
    PREDICTIONS,
)
from forbear.domain.errors import CorruptState
from forbear.domain.terms import OutcomeStatus
from forbear.engine.outputs import Position
from forbear.engine.queries import Additivity, Lead, Tally

_AT_ONCE = 10_000
_WHO = ("customer", "partition")
OFFER = "offer"


def count(connection: Connection, table: Table) -> int:
    """How many rows a table has."""
    return connection.scalar(select(func.count()).select_from(table)) or 0


def tallies(connection: Connection, which: ColumnElement[bool]) -> tuple[Tally, ...]:
    """Those decisions by day, outcome, action and channel, in that order."""
    by = (DECISIONS.c.day, DECISIONS.c.outcome, DECISIONS.c.action, DECISIONS.c.channel)
    query = (
        select(*by, func.count().label("decisions"), func.sum(DECISIONS.c.cost_minor).label("cost_minor"))
        .where(which)
        .group_by(*by)
    )
    # PostgreSQL sums to decimals, and sorts words by the rules of some language.
    found = [{**row, "cost_minor": int(row["cost_minor"])} for row in connection.execute(query).mappings()]
    return tuple(Tally(**row) for row in sorted(found, key=lambda row: tuple(row.values())))


def contact_counts(connection: Connection, partition: int, first: int, last: int) -> dict[int, int]:
    """How many customers were contacted so many times."""
    inside = (CONTACTS.c.partition == partition) & CONTACTS.c.day.between(first, last)
    known = CONTACTS.c.customer.is_not(None) & (CONTACTS.c.kind == OFFER)
    times = select(func.count().label("times")).where(inside & known).group_by(CONTACTS.c.customer).subquery()
    query = select(times.c.times, func.count()).group_by(times.c.times).order_by(times.c.times)
    return {row[0]: row[1] for row in connection.execute(query)}


def leads(connection: Connection, due: tuple[int, int], within_days: int) -> tuple[Lead, ...]:
    """Payments due in some days and missed, with the first score and offer of so many days before the due day."""
    missed, mended = OUTCOMES.alias("missed"), OUTCOMES.alias("mended")
    same = and_(*(mended.c[name] == missed.c[name] for name in ("customer", "obligation", "due_day")))
    taken_back = exists().where(same, mended.c.offset > missed.c.offset, mended.c.paid_day <= mended.c.due_day)
    told = (
        select(missed.c.customer, missed.c.obligation, missed.c.due_day, missed.c.partition, CUSTOMERS.c.slot)
        .select_from(missed.outerjoin(CUSTOMERS, and_(*(CUSTOMERS.c[name] == missed.c[name] for name in _WHO))))
        .where(missed.c.status == str(OutcomeStatus.MISSED), missed.c.due_day.between(*due), ~taken_back)
        .where(missed.c.customer.is_not(None))
        .distinct()
        .subquery()
    )

    def first(table: Table, *which: Any) -> Any:
        in_time = table.c.day.between(told.c.due_day - within_days, told.c.due_day - 1)
        theirs = table.c.customer == told.c.customer
        return select(func.min(table.c.day)).where(theirs, in_time, *which).scalar_subquery()

    # The day that a score counts for is the closed one or the one behind it.
    closes = select(DAYS.c.offset).where(DAYS.c.day.between(told.c.due_day - within_days - 1, told.c.due_day - 1))
    place = (PREDICTIONS.c.partition == told.c.partition, PREDICTIONS.c.ordinal == told.c.slot)
    at_closes = (~BETWEEN_CLOSES, PREDICTIONS.c.offset.in_(closes), *place)
    banded = PREDICTIONS.c.band >= 0
    query = select(
        *(told.c[name] for name in ("customer", "obligation", "due_day")),
        first(PREDICTIONS, BETWEEN_CLOSES),
        first(PREDICTIONS, *at_closes),
        first(PREDICTIONS, BETWEEN_CLOSES, banded),
        first(PREDICTIONS, *at_closes, banded),
        first(DECISIONS, DECISIONS.c.outcome == OFFER),
    ).order_by(told.c.due_day, told.c.customer, told.c.obligation)
    return tuple(
        Lead(
            customer=row[0],
            obligation=row[1],
            due_day=row[2],
            first_scored_day=_earlier(row[3], row[4]),
            first_in_band_day=_earlier(row[5], row[6]),
            first_offer_day=row[7],
        )
        for row in connection.execute(query)
    )


def _earlier(one: int | None, other: int | None) -> int | None:
    """The earlier of two days, either of which may not be there."""
    return min((day for day in (one, other) if day is not None), default=None)


def additivity(connection: Connection, partition: int) -> Additivity:
    """The largest distance of any score from its expected value and attributions."""
    expected = _expected_by_model(connection, partition)
    rows, largest, place = 0, 0.0, None
    for model, run in _runs(connection, partition):
        errors = _errors(expected, model, run)
        rows += len(run)
        worst = int(np.argmax(errors))
        if place is None or errors[worst] > largest:
            largest, place = float(errors[worst]), Position(run[worst].offset, run[worst].ordinal)
    return Additivity(rows=rows, largest_error=largest, place=place)


def _expected_by_model(connection: Connection, partition: int) -> Mapping[int, tuple[float, int]]:
    """Expected log-odds and number of features of each model."""
    query = select(PARTS.c.number, PARTS.c.document).where(PARTS.c.partition == partition, PARTS.c.kind == "model")
    return {
        row.number: (float(row.document["expected"]), len(row.document["features"]))
        for row in connection.execute(query)
    }


def _runs(connection: Connection, partition: int) -> Iterator[tuple[int, Sequence[Any]]]:
    """Predictions with attributions in log order, a bounded number at once, those of one model together."""
    p = PREDICTIONS.c
    query = select(p.offset, p.ordinal, p.model, p.log_odds, p.attributions)
    query = query.where(p.partition == partition, p.attributions.is_not(None)).order_by(*PREDICTIONS.primary_key)
    for rows in connection.execute(query.execution_options(yield_per=_AT_ONCE)).partitions():
        for model, run in groupby(rows, key=lambda row: int(row.model)):
            yield model, list(run)


def _errors(expected: Mapping[int, tuple[float, int]], model: int, run: Sequence[Any]) -> Any:
    attributions = attributions_of([row.attributions for row in run])
    if model not in expected or attributions.shape[1] != expected[model][1]:
        raise CorruptState(
            f"predictions bear {attributions.shape[1]} attributions that do not fit model {model}",
            mend="the store lacks the model, or rows of it were changed",
        )
    log_odds = np.array([row.log_odds for row in run])
    return np.abs(expected[model][0] + attributions.sum(axis=1) - log_odds)
