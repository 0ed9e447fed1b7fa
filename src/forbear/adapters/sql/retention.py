"""Letting go of what is older than it has to be kept. The audit chain stays, and what it commits to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Delete, Engine, Table, Update, func, select, update

from forbear.adapters.sql.engine import dialect_of, guarded
from forbear.adapters.sql.schema import ANSWERS, CONTACTS, DECISIONS
from forbear.adapters.sql.schema_office import ASKED_SCORES
from forbear.domain.errors import ConfigError

LEAST_INTERVENTIONS_DAYS = 90
_SLICE = 10_000
_DAY_US = 86_400 * 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """For how many days what is kept; None: for good. Both count back from the day of the run.

    predictions_days: of scores, 24 months unless said otherwise; PostgreSQL lets go of whole months only. Of those that
    somebody asked for days are UTC's.  interventions_days: of decisions, contacts and answers, 90 at least. Raises
    ConfigError for less, and for less than a day.
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
    """How many rows were let go of: predictions, asked scores and contacts deleted, decisions and what came back on
    them emptied of whom they were about.
    """

    predictions: int
    decisions: int
    contacts: int
    answers: int
    asked_scores: int


def retain(engine: Engine, rule: RetentionRule, *, today: int) -> Retained:
    """Let go of what is older than a rule says, while workers may run. today: bank-local, since 1970.

    A decision loses customer and matter, as by an erasure: its row and ciphertext stay, for the chain commits to them.
    Cut short, it has done a part, and the same call does the rest. Raises what the store does.
    """
    own = dialect_of(engine)
    gone = dict.fromkeys((field.name for field in fields(Retained)), 0)
    with guarded(engine):
        if rule.predictions_days is not None:
            gone["predictions"] = own.drop_before(engine, today - rule.predictions_days)
            with own.writing(engine) as connection:
                gone["asked_scores"] = sum(_asked_before(connection, (today - rule.predictions_days) * _DAY_US))
        if rule.interventions_days is not None:
            before = today - rule.interventions_days
            with own.writing(engine) as connection:
                # Answers go by the days of their decisions, and before these: cut short, both are found again.
                gone["answers"] = sum(_in_slices(connection, DECISIONS, _ANSWERS_EMPTIED, before))
                gone["decisions"] = sum(_in_slices(connection, DECISIONS, _DECISIONS_EMPTIED, before))
                gone["contacts"] = sum(_in_slices(connection, CONTACTS, CONTACTS.delete(), before))
    return Retained(**gone)


_DECISIONS_EMPTIED = update(DECISIONS).where(DECISIONS.c.customer.is_not(None)).values(customer=None, matter=None)
_ANSWERS_EMPTIED = (
    update(ANSWERS)
    .where(ANSWERS.c.customer.is_not(None), ANSWERS.c.decision_id == DECISIONS.c.decision_id)
    .values(customer=None)
)


def _asked_before(connection: Connection, before_us: int) -> Iterator[int]:
    """Delete scores that were asked for as of before an instant, some thousands with each commit; how many each."""
    old = select(ASKED_SCORES.c.score_id).where(ASKED_SCORES.c.as_of_us < before_us).limit(_SLICE)
    gone = _SLICE
    while gone == _SLICE:
        with connection.begin():
            gone = connection.execute(ASKED_SCORES.delete().where(ASKED_SCORES.c.score_id.in_(old))).rowcount
        yield gone


def _in_slices(connection: Connection, table: Table, change: Update | Delete, before: int) -> Iterator[int]:
    """Change rows of days before one, some thousands with each commit; how many each time."""
    ends: Any = select(func.min(table.c.entry), func.max(table.c.entry)).where(table.c.day < before)
    with connection.begin():
        first, last = connection.execute(ends).one()
    for start in range(first or 0, (last or -1) + 1, _SLICE):
        some = table.c.entry.between(start, start + _SLICE - 1)
        with connection.begin():
            yield connection.execute(change.where(some, table.c.day < before)).rowcount
