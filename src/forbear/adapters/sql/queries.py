"""The read side of the store: what one customer, one day or the audit chain has. Aggregates are in `reports`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, func, select, union_all

from forbear.adapters.sql import reports
from forbear.adapters.sql.dialects.base import Access
from forbear.adapters.sql.engine import engine_of, guarded
from forbear.adapters.sql.migrate import require_current
from forbear.adapters.sql.of_customer import their_predictions
from forbear.adapters.sql.rows import TABLES, columns_of, scored_of, selected, value_of
from forbear.adapters.sql.schema import AUDIT, CUSTOMERS, DAYS, DECISIONS, PARTS, PREDICTED, PREDICTIONS, ROWS
from forbear.adapters.sql.store import head_in, position_in
from forbear.engine.audit import Link, named_decision
from forbear.engine.outputs import (
    AnswerRow,
    AuditRecord,
    Contact,
    DayRow,
    Decision,
    OutcomeRow,
    Outputs,
    Part,
    Position,
    Predictions,
)
from forbear.engine.queries import (
    MOST_ROWS,
    Additivity,
    Answer,
    DecisionPage,
    Entry,
    Lead,
    Scored,
    Status,
    Tally,
    Timeline,
    Which,
)

_PREDICTION_COLUMNS = [column for column in PREDICTED if column.name != "partition"]
_KINDS: tuple[type[Any], ...] = (Decision, Contact, AnswerRow, OutcomeRow)


def open_queries(url: str, *, consumer: str = "worker", partition: int = 0, access: Access | None = None) -> SqlQueries:
    """The read side of the store at a URL, which is never written through it. On PostgreSQL a replica's will do.

    Raises StorageError where there is none, CorruptState for one of another version or a damaged one, and what
    `engine_of` does.
    """
    engine = engine_of(url, replace(access or Access(), read_only=True))
    try:
        require_current(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlQueries(engine, consumer=consumer, partition=partition)


class SqlQueries:
    """Queries about one partition. Every answer is read in one transaction, together with its position."""

    def __init__(self, engine: Engine, *, consumer: str, partition: int) -> None:
        self.engine = engine
        self.consumer = consumer
        self.partition = partition

    def status(self) -> Answer[Status]:
        """How far the store is, and how much it holds. Counts every row."""
        with self._reading() as (connection, as_of):
            rows = {table.name: reports.count(connection, table) for table in ROWS}
            last_day = connection.scalar(select(func.max(DAYS.c.day)).where(DAYS.c.partition == self.partition))
            parts = {kind: in_force(connection, self.partition, kind) for kind in IN_FORCE}
            head = head_in(connection, self.partition)
        return Answer(as_of, Status(rows=rows, last_day=last_day, head=head, **parts))

    def riskiest(self, day: int, limit: int) -> Answer[tuple[Scored, ...]]:
        """The highest PDs at the close of a day, highest first; equals in log order. Empty without that close."""
        with self._reading(limit) as (connection, as_of):
            rows = self._scored().where(PREDICTIONS.c.offset == self._close_of(day))
            found = self._listed(connection, rows.order_by(PREDICTIONS.c.pd.desc(), PREDICTIONS.c.ordinal).limit(limit))
        return Answer(as_of, found)

    def timeline(self, customer: int, limit: int, before: int | None = None) -> Answer[Timeline]:
        """What was recorded of a customer at offsets below `before`, newest first."""
        with self._reading(limit) as (connection, as_of):
            least, older = self._page_end(connection, customer, limit, before)
            entries: list[tuple[int, Entry]] = []
            for kind in _KINDS:
                entries += [(value.offset, value) for value in self._of(connection, kind, customer, least, before)]
            for theirs in their_predictions(connection, self.partition, customer):
                rows = self._scored().where(theirs, *_between(PREDICTIONS, least, before))
                entries += [(one.place.offset, one) for one in self._listed(connection, rows)]
        # Stable: within an offset decisions stand before contacts, answers, outcomes and predictions.
        entries.sort(key=lambda entry: -entry[0])
        return Answer(as_of, Timeline(tuple(value for _, value in entries), older))

    def decisions(self, which: Which, limit: int, before: int | None = None) -> Answer[DecisionPage]:
        """Decisions, newest first, a page at a time."""
        query = select(*selected(Decision), DECISIONS.c.entry).where(DECISIONS.c.partition == self.partition)
        if which.days is not None:
            query = query.where(DECISIONS.c.day.between(*which.days))
        if which.outcome is not None:
            query = query.where(DECISIONS.c.outcome == which.outcome)
        if which.action is not None:
            query = query.where(DECISIONS.c.action == which.action)
        if before is not None:
            query = query.where(DECISIONS.c.entry < before)
        with self._reading(limit) as (connection, as_of):
            rows = connection.execute(query.order_by(DECISIONS.c.entry.desc()).limit(limit + 1)).all()
        found = tuple(value_of(Decision, row) for row in rows[:limit])
        return Answer(as_of, DecisionPage(found, rows[limit - 1].entry if len(rows) > limit else None))

    def days(self, first: int, last: int) -> Answer[tuple[DayRow, ...]]:
        """Closed days, both ends included, oldest first."""
        query = select(*selected(DayRow)).where(DAYS.c.partition == self.partition, DAYS.c.day.between(first, last))
        with self._reading() as (connection, as_of):
            rows = connection.execute(query.order_by(DAYS.c.offset)).all()
        return Answer(as_of, tuple(value_of(DayRow, row) for row in rows))

    def tallies(self, first: int, last: int) -> Answer[tuple[Tally, ...]]:
        """Decisions by day, outcome, action and channel, in that order; both ends included."""
        mine = (DECISIONS.c.partition == self.partition) & DECISIONS.c.day.between(first, last)
        with self._reading() as (connection, as_of):
            return Answer(as_of, reports.tallies(connection, mine))

    def contact_counts(self, first: int, last: int) -> Answer[Mapping[int, int]]:
        """How many customers were contacted so many times in some days; of those contacted at all."""
        with self._reading() as (connection, as_of):
            return Answer(as_of, reports.contact_counts(connection, self.partition, first, last))

    def leads(self, first: int, last: int, within_days: int) -> Answer[tuple[Lead, ...]]:
        """Payments due in some days and missed, with the first score and offer of so many days before the due day."""
        with self._reading() as (connection, as_of):
            return Answer(as_of, reports.leads(connection, (first, last), within_days))

    def additivity(self) -> Answer[Additivity]:
        """The largest distance of any score from its attributions. Reads every prediction."""
        with self._reading() as (connection, as_of):
            return Answer(as_of, reports.additivity(connection, self.partition))

    def day_close(self, day: int) -> Answer[Predictions | None]:
        """Every prediction of the close of a day, in log order; None without that close."""
        with self._reading() as (connection, as_of):
            query = self._predictions().where(PREDICTIONS.c.offset == self._close_of(day))
            rows = connection.execute(query.order_by(PREDICTIONS.c.ordinal)).all()
            closed = connection.scalar(select(self._close_of(day))) is not None
        return Answer(as_of, columns_of(rows) if closed else None)

    def links(self, first: int, limit: int) -> Answer[tuple[Link, ...]]:
        """Records of the audit chain from a sequence on, each with the decision that it names."""
        query = select(*selected(AuditRecord)).where(AUDIT.c.partition == self.partition, AUDIT.c.sequence >= first)
        with self._reading(limit) as (connection, as_of):
            return Answer(as_of, _linked(connection, query.order_by(AUDIT.c.sequence).limit(limit)))

    def link_of(self, decision_id: str) -> Answer[Link | None]:
        """The record of one decision, with the decision; None where none was recorded."""
        query = select(*selected(AuditRecord)).where(
            AUDIT.c.partition == self.partition, AUDIT.c.decision_id == decision_id.partition("\0")[0]
        )
        with self._reading() as (connection, as_of):
            return Answer(as_of, next(iter(_linked(connection, query.order_by(AUDIT.c.sequence).limit(1))), None))

    def recorded(self, most: int) -> Answer[Outputs]:
        """Everything as one, from (-1, 0): for comparing two stores. Raises ValueError for more rows in a table."""
        with self._reading() as (connection, as_of):
            for table in ROWS:
                if reports.count(connection, table) > most:
                    raise ValueError(f"{table.name} has more than {most} rows")
            scored = columns_of(connection.execute(self._predictions().order_by(*PREDICTIONS.primary_key)).all())
            kinds = {kind: self._all(connection, kind) for kind in TABLES}
        outputs = Outputs(
            after=Position(-1, 0),
            until=as_of,
            predictions=scored,
            **{_FIELDS[kind]: values for kind, values in kinds.items()},
        )
        return Answer(as_of, outputs)

    def close(self) -> None:
        """Let go of files and connections."""
        self.engine.dispose()

    # ---- inside

    @contextmanager
    def _reading(self, limit: int = 1) -> Iterator[tuple[Connection, Position]]:
        """One transaction, and the position that it sees. Raises ValueError for a limit out of bounds."""
        if not 1 <= limit <= MOST_ROWS:
            raise ValueError(f"limit = {limit}: must be in 1..{MOST_ROWS}")
        with guarded(self.engine), self.engine.connect() as connection, connection.begin():
            yield connection, position_in(connection, self.consumer, self.partition)

    def _predictions(self) -> Select[Any]:
        return select(*_PREDICTION_COLUMNS).where(PREDICTIONS.c.partition == self.partition)

    def _scored(self) -> Select[Any]:
        same = [CUSTOMERS.c[name] == PREDICTIONS.c[name] for name in ("customer", "partition")]
        named = PREDICTIONS.outerjoin(CUSTOMERS, and_(*same))
        query = select(*_PREDICTION_COLUMNS, CUSTOMERS.c.customer_id).select_from(named)
        return query.where(PREDICTIONS.c.partition == self.partition)

    def _close_of(self, day: int) -> Any:
        """The offset of the close of a day; of the last one, should it have been closed twice."""
        mine = (DAYS.c.partition == self.partition) & (DAYS.c.day == day)
        return select(func.max(DAYS.c.offset)).where(mine).scalar_subquery()

    def _listed(self, connection: Connection, query: Select[Any]) -> tuple[Scored, ...]:
        return tuple(scored_of(dict(row)) for row in connection.execute(query).mappings())

    def _page_end(
        self, connection: Connection, customer: int, limit: int, before: int | None
    ) -> tuple[int, int | None]:
        """The least offset of a page of so many entries, and the same again where older ones follow."""
        whose = [
            (table, and_(table.c.partition == self.partition, table.c.customer == customer))
            for table in map(TABLES.__getitem__, _KINDS)
        ]
        whose += [(PREDICTIONS, theirs) for theirs in their_predictions(connection, self.partition, customer)]
        parts = [select(table.c.offset).where(theirs, *_between(table, None, before)) for table, theirs in whose]
        entries = union_all(*parts).subquery()
        newest = select(entries.c.offset).order_by(entries.c.offset.desc()).limit(limit)
        offsets = connection.scalars(newest).all()
        if len(offsets) < limit:
            return -1, None
        older = connection.scalar(select(func.count()).select_from(entries).where(entries.c.offset < offsets[-1]))
        return offsets[-1], offsets[-1] if older else None

    def _of(self, connection: Connection, kind: type[Any], customer: int, least: int, before: int | None) -> list[Any]:
        table = TABLES[kind]
        theirs = (table.c.partition == self.partition, table.c.customer == customer)
        query = select(*selected(kind)).where(*theirs, *_between(table, least, before))
        return [value_of(kind, row) for row in connection.execute(query)]

    def _all(self, connection: Connection, kind: type[Any]) -> tuple[Any, ...]:
        table = TABLES[kind]
        query = select(*selected(kind)).where(table.c.partition == self.partition)
        rows = connection.execute(query.order_by(*table.primary_key))
        return tuple(value_of(kind, row) for row in rows)


IN_FORCE = ("model", "policy", "reasons")
"""Kinds of what is put in force."""


def in_force(connection: Connection, partition: int, kind: str) -> Part | None:
    """What a partition knows to be in force of a kind, None before the first promotion; never a roll-out's model."""
    query = select(*selected(Part)).where(PARTS.c.partition == partition, PARTS.c.kind == kind)
    newest_first = (value_of(Part, row) for row in connection.execute(query.order_by(PARTS.c.number.desc())))
    return next((part for part in newest_first if not part.in_roll_out), None)


_FIELDS = dict(
    zip(
        TABLES,
        ("decisions", "contacts", "audit", "outcomes", "parts", "days", "dead_letters", "customers", "answers"),
        strict=True,
    )
)


def _linked(connection: Connection, query: Select[Any]) -> tuple[Link, ...]:
    """Records of the audit chain, each with the decision that it names."""
    records = [value_of(AuditRecord, row) for row in connection.execute(query)]
    named = [named_decision(record) for record in records]
    wanted = select(*selected(Decision)).where(DECISIONS.c.decision_id.in_([one for one in named if one]))
    decisions = [value_of(Decision, row) for row in connection.execute(wanted)]
    by_id = {decision.decision_id: decision for decision in decisions}
    return tuple(Link(record, by_id.get(name or "")) for record, name in zip(records, named, strict=True))


def _between(table: Any, least: int | None, before: int | None) -> list[Any]:
    bounds = [table.c.offset >= least] if least is not None else []
    return bounds + ([table.c.offset < before] if before is not None else [])
