"""Counts of help, all of them in one statement: a database answers it as of one instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Select, func, literal, select, union_all

from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema import ANSWERS, DECISIONS
from forbear.adapters.sql.schema_help import (
    CASES,
    CONTACT_LEDGER,
    INTERVENTIONS,
    OVERRIDES,
    PROMISES,
    RECEIVED,
    SENDINGS,
)
from forbear.engine.help_figures import SECTIONS, HelpCount, HelpFigures

Within: TypeAlias = tuple[int | None, int | None]


class _Counted(NamedTuple):
    """Columns of one table: when its rows were made, what they are named by, and their amount, None for none."""

    made_us: ColumnElement[Any]
    name: ColumnElement[Any]
    of: ColumnElement[Any] | None = None
    amount: ColumnElement[Any] | None = None


_COUNTED = {
    "decisions": _Counted(DECISIONS.c.made_at_us, DECISIONS.c.outcome, DECISIONS.c.channel, DECISIONS.c.cost_minor),
    "interventions": _Counted(
        INTERVENTIONS.c.made_us, INTERVENTIONS.c.state, INTERVENTIONS.c.channel, INTERVENTIONS.c.cost_minor
    ),
    "sendings": _Counted(SENDINGS.c.prepared_us, SENDINGS.c.state, SENDINGS.c.channel),
    "receipts": _Counted(RECEIVED.c.at_us, RECEIVED.c.kind, RECEIVED.c.provider),
    "answers": _Counted(ANSWERS.c.at_us, ANSWERS.c.answer),
    "promises": _Counted(PROMISES.c.made_us, PROMISES.c.state, PROMISES.c.currency, PROMISES.c.amount_minor),
    "cases": _Counted(CASES.c.opened_us, CASES.c.kind, CASES.c.state),
    "overrides": _Counted(OVERRIDES.c.at_us, OVERRIDES.c.kind, OVERRIDES.c.reason),
    "ledger": _Counted(CONTACT_LEDGER.c.at_us, CONTACT_LEDGER.c.kind),
}


@dataclass(frozen=True, slots=True)
class SqlHelpFigures:
    """`HelpCounted` over a database. Safe to use from many threads. Errors are those of the store."""

    rooms: Rooms

    def figures(self, from_us: int | None = None, until_us: int | None = None) -> HelpFigures:
        """All counts of [from_us, until_us), as of one instant."""
        query = union_all(*(_counts(section, (from_us, until_us)) for section in SECTIONS))
        with self.rooms.reading() as connection:
            counts = [
                # PostgreSQL sums to decimals, and sorts words by the rules of some language.
                HelpCount(section=section, name=name, of=of, count=count, amount_minor=int(amount))
                for section, name, of, count, amount in connection.execute(query)
            ]
        counts.sort(key=lambda one: (SECTIONS.index(one.section), one.name, one.of))
        return HelpFigures(from_us=from_us, until_us=until_us, counts=tuple(counts))


def _counts(section: str, within: Within) -> Select[Any]:
    """The counts of one section."""
    made_us, name, of, amount = _COUNTED[section]
    query = select(
        literal(section).label("section"),
        name.label("name"),
        (literal("") if of is None else of).label("of"),
        func.count().label("count"),
        (literal(0) if amount is None else func.coalesce(func.sum(amount), 0)).label("amount"),
    )
    since, until = within
    inside = [*([] if since is None else [made_us >= since]), *([] if until is None else [made_us < until])]
    return query.where(*inside).group_by(name, *([] if of is None else [of]))
