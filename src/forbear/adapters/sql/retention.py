"""Letting go of what is older than it has to be kept. The audit chain stays, and what it commits to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Delete, Engine, Table, Update, func, select, update

from forbear.adapters.sql.engine import dialect_of, guarded
from forbear.adapters.sql.schema import CONTACTS, DECISIONS
from forbear.domain.errors import ConfigError

LEAST_INTERVENTIONS_DAYS = 90
_SLICE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """For how many days what is kept; None: for good. Both count back from the day of the run.

    predictions_days: of scores, 24 months unless said otherwise; PostgreSQL lets go of whole months only.
    interventions_days: of decisions and contacts, 90 at least. Raises ConfigError for less, and for less than a day.
    """

    predictions_days: int | None = 730
    interventions_days: int | None = None

    def __post_init__(self) -> None:
        if self.predictions_days is not None and self.predictions_days < 1:
            raise ConfigError(f"predictions_days = {self.predictions_days}: must be 1 or more", mend="choose more days")
        if self.interventions_days is not None and self.interventions_days < LEAST_INTERVENTIONS_DAYS:
            raise ConfigError(
                f"interventions_days = {self.interventions_days}: must be {LEAST_INTERVENTIONS_DAYS} or more",
                mend="choose more days; one person is taken out with an erasure",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """How many rows were let go of: predictions and contacts deleted, decisions emptied of whom they were about."""

    predictions: int
    decisions: int
    contacts: int


def retain(engine: Engine, rule: RetentionRule, *, today: int) -> Retained:
    """Let go of what is older than a rule says, while workers may run. today: bank-local, since 1970.

    A decision loses customer and matter, as by an erasure: its row and ciphertext stay, for the chain commits to them.
    Cut short, it has done a part, and the same call does the rest. Raises what the store does.
    """
    own, predictions, decisions, contacts = dialect_of(engine), 0, 0, 0
    with guarded(engine):
        if rule.predictions_days is not None:
            predictions = own.drop_before(engine, today - rule.predictions_days)
        if rule.interventions_days is not None:
            before = today - rule.interventions_days
            with own.writing(engine) as connection:
                emptied = update(DECISIONS).where(DECISIONS.c.customer.is_not(None)).values(customer=None, matter=None)
                decisions = sum(_in_slices(connection, DECISIONS, emptied, before))
                contacts = sum(_in_slices(connection, CONTACTS, CONTACTS.delete(), before))
    return Retained(predictions=predictions, decisions=decisions, contacts=contacts)


def _in_slices(connection: Connection, table: Table, change: Update | Delete, before: int) -> Iterator[int]:
    """Change rows of days before one, some thousands with each commit; how many each time."""
    ends: Any = select(func.min(table.c.entry), func.max(table.c.entry)).where(table.c.day < before)
    with connection.begin():
        first, last = connection.execute(ends).one()
    for start in range(first or 0, (last or -1) + 1, _SLICE):
        some = table.c.entry.between(start, start + _SLICE - 1)
        with connection.begin():
            yield connection.execute(change.where(some, table.c.day < before)).rowcount
