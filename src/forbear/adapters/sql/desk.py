"""The desk: the read side of all partitions of a store together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, Engine, false, func, select

from forbear.adapters.sql import reports
from forbear.adapters.sql.desk_standings import close_in, standings_in
from forbear.adapters.sql.desk_statements import KNOWN, desk_statements, link_of, made_of, made_query, score_of
from forbear.adapters.sql.dialects.base import SHARED_CACHE_MIB, Access
from forbear.adapters.sql.engine import dialect_of, engine_of, guarded
from forbear.adapters.sql.migrate import require_current
from forbear.adapters.sql.queries import IN_FORCE, SqlQueries, in_force
from forbear.adapters.sql.rows import selected, value_of
from forbear.adapters.sql.schema import ANSWERS, CUSTOMERS, DAYS, DECISIONS, PARTS, ROWS
from forbear.engine.audit import Link
from forbear.engine.desk import CloseScores, Known, Made, MadePage, Picked, Seen, Standings, Tallied, Totals
from forbear.engine.outputs import AnswerRow, Contact, DayRow, Part, Position
from forbear.engine.queries import MOST_ROWS, Scored, Tally


def open_desk(url: str, *, consumer: str = "worker", access: Access | None = None) -> SqlDesk:
    """The desk over the store at a URL, which is never written through it. On PostgreSQL a replica's will do.

    Its partitions are those that the consumer has recorded. Raises what `open_queries` does.
    """
    engine = engine_of(url, replace(access or Access(cache_mib=SHARED_CACHE_MIB), read_only=True))
    try:
        require_current(engine)
        return SqlDesk(engine, consumer=consumer)
    except BaseException:
        engine.dispose()
        raise


class SqlDesk:
    """A desk over an engine. Every answer is read in one transaction. Safe to use from many threads."""

    def __init__(self, engine: Engine, *, consumer: str) -> None:
        self.engine = engine
        self.consumer = consumer
        self._ask = desk_statements(engine)

    def marks(self) -> Mapping[int, Position]:
        """Up to where each partition is recorded."""
        with self._reading() as (_, marks):
            return marks

    def of(self, partition: int) -> SqlQueries:
        """The queries about one partition, over the same connections."""
        return SqlQueries(self.engine, consumer=self.consumer, partition=partition)

    def known(self, customers: Sequence[int]) -> Seen[Mapping[int, Known]]:
        """Those of some keys that the store knows. Raises ValueError for more than MOST_ROWS."""
        with self._reading(max(len(customers), 1)) as (connection, marks):
            if len(customers) == 1:
                rows = self._ask["known"].rows(connection, customer=customers[0])
            else:
                query = select(*KNOWN).where(CUSTOMERS.c.customer.in_(customers))
                rows = [list(row) for row in connection.execute(query)] if customers else []
        return Seen(marks, {row[0]: Known(*row) for row in rows})

    def listed(self, beyond: str, limit: int) -> Seen[tuple[Known, ...]]:
        """Customers by id in the order of their bytes, from behind an id on; "" begins at the first."""
        # No id has a NUL, and PostgreSQL takes none: behind "a" and a NUL comes what comes behind "a".
        beyond = beyond.partition("\0")[0]
        with self._reading(limit) as (connection, marks):
            rows = self._ask["listed"].rows(connection, beyond=beyond, limit=limit)
        return Seen(marks, tuple(Known(*row) for row in rows))

    def standings(self) -> Seen[Standings]:
        """The newest score of everybody who was scored at the last close or since."""
        with self._reading() as (connection, marks):
            return Seen(marks, standings_in(connection, self._ask, marks))

    def close_scores(self, partition: int, close: DayRow) -> Seen[CloseScores]:
        """Everybody's score at a close of a partition."""
        place = {"partition": partition, "offset": close.offset, "day": close.day}
        with self._reading() as (connection, marks):
            return Seen(marks, close_in(connection, self._ask["at_close"], **place))

    def scores_behind(self, partition: int, position: Position, limit: int) -> Seen[tuple[Scored, ...]]:
        """Predictions at or behind a position, in log order."""
        asked = {"partition": partition, "offset": position.offset, "ordinal": position.ordinal, "limit": limit}
        with self._reading(limit) as (connection, marks):
            rows = self._ask["scores_behind"].rows(connection, **asked)
        return Seen(marks, tuple(map(score_of, rows)))

    def scores_at(self, places: Sequence[tuple[int, Position]]) -> Seen[tuple[Scored | None, ...]]:
        """Predictions by where they stand. Raises ValueError for more than MOST_ROWS."""
        ask = self._ask["score_at"].rows
        with self._reading(max(len(places), 1)) as (connection, marks):
            found = [ask(connection, partition=partition, **place._asdict()) for partition, place in places]
        return Seen(marks, tuple(score_of(rows[0]) if rows else None for rows in found))

    def picked(self, which: Picked, limit: int, beyond: int | None = None) -> Seen[MadePage]:
        """Decisions by `entry`, newest first unless asked otherwise, a page at a time, with their answers."""
        entry = DECISIONS.c.entry
        query = made_query().where(*_conditions(which))
        if beyond is not None:
            query = query.where(entry > beyond if which.oldest_first else entry < beyond)
        query = query.order_by(entry if which.oldest_first else entry.desc()).limit(limit + 1)
        with self._reading(limit) as (connection, marks):
            rows = connection.execute(query).all()
            found = _answered(connection, list(map(made_of, rows[:limit])))
        return Seen(marks, MadePage(found, found[-1].entry if len(rows) > limit else None))

    def made_behind(self, entry: int, limit: int) -> Seen[tuple[Made, ...]]:
        """Decisions recorded after an entry, in the order of recording."""
        with self._reading(limit) as (connection, marks):
            rows = self._ask["made_behind"].rows(connection, entry=entry, limit=limit)
            return Seen(marks, _answered(connection, list(map(made_of, rows))))

    def made(self, decision_id: str) -> Seen[Made | None]:
        """One decision."""
        with self._reading() as (connection, marks):
            # PostgreSQL takes no NUL, and no id has one.
            rows = [] if "\0" in decision_id else self._ask["made"].rows(connection, decision_id=decision_id)
            return Seen(marks, next(iter(_answered(connection, list(map(made_of, rows)))), None))

    def contacts(self, customer: int, limit: int) -> Seen[tuple[Contact, ...]]:
        """The newest contacts of a customer, newest first."""
        with self._reading(limit) as (connection, marks):
            rows = self._ask["contacts"].rows(connection, customer=customer, limit=limit)
        return Seen(marks, tuple(value_of(Contact, row) for row in rows))

    def links(self, customer: int, limit: int) -> Seen[tuple[tuple[int, Link], ...]]:
        """The newest audit records on a customer's decisions with their partitions, newest first."""
        with self._reading(limit) as (connection, marks):
            rows = self._ask["links"].rows(connection, customer=customer, limit=limit)
        return Seen(marks, tuple(map(link_of, rows)))

    def parts(self, kind: str) -> Seen[tuple[Part, ...]]:
        """What was put in force of a kind, oldest first, as the lowest partition knows it."""
        with self._reading() as (connection, marks):
            mine = (PARTS.c.partition == min(marks, default=0)) & (PARTS.c.kind == kind)
            rows = connection.execute(select(*selected(Part)).where(mine).order_by(PARTS.c.number)).all()
        return Seen(marks, tuple(value_of(Part, row) for row in rows))

    def tallies(self, first: int, last: int) -> Seen[tuple[Tally, ...]]:
        """Decisions of all partitions by day, outcome, action and channel, in that order; both ends included."""
        with self._reading() as (connection, marks):
            return Seen(marks, reports.tallies(connection, DECISIONS.c.day.between(first, last)))

    def tallies_behind(self, entry: int) -> Seen[Tallied]:
        """The same of those recorded after an entry, whatever their day."""
        with self._reading() as (connection, marks):
            last = connection.scalar(select(func.max(DECISIONS.c.entry))) or 0
            new = DECISIONS.c.entry.between(entry + 1, last)
            return Seen(marks, Tallied(max(entry, last), reports.tallies(connection, new) if last > entry else ()))

    def totals(self) -> Seen[Totals]:
        """The store in numbers. In SQLite the predictions are those of day closes, since those between are not told."""
        with self._reading() as (connection, marks):
            parts = {kind: in_force(connection, min(marks, default=0), kind) for kind in IN_FORCE}
            own = dialect_of(self.engine)
            totals = Totals(
                customers=reports.count(connection, CUSTOMERS),
                rows={table.name: own.about(connection, table) for table in ROWS},
                last_day=_last_day(connection, marks),
                in_force={kind: part for kind, part in parts.items() if part is not None},
            )
        return Seen(marks, totals)

    def close(self) -> None:
        """Let go of files and connections."""
        self.engine.dispose()

    # ---- inside

    @contextmanager
    def _reading(self, limit: int = 1) -> Iterator[tuple[Connection, Mapping[int, Position]]]:
        """One transaction, and the positions that it sees. Raises ValueError for a limit out of bounds."""
        if not 1 <= limit <= MOST_ROWS:
            raise ValueError(f"limit = {limit}: must be in 1..{MOST_ROWS}")
        with guarded(self.engine), self.engine.connect() as connection, connection.begin():
            rows = self._ask["marks"].rows(connection, consumer=self.consumer)
            yield connection, {partition: Position(*place) for partition, *place in rows}


def _conditions(which: Picked) -> Iterator[ColumnElement[bool]]:
    named = {"customer": which.customer, "outcome": which.outcome, "action": which.action, "band": which.band}
    for name, wanted in named.items():
        if wanted is not None:
            yield false() if "\0" in str(wanted) else DECISIONS.c[name] == wanted
    if which.days is not None:
        yield DECISIONS.c.day.between(*which.days)


def _answered(connection: Connection, made: Sequence[Made]) -> tuple[Made, ...]:
    """Decisions with what came back on them."""
    if not made:
        return ()
    ids = [one.decision.decision_id for one in made]
    query = select(*selected(AnswerRow)).where(ANSWERS.c.decision_id.in_(ids))
    by_id: dict[str, list[AnswerRow]] = {}
    for row in connection.execute(query.order_by(ANSWERS.c.partition, ANSWERS.c.offset)):
        answer = value_of(AnswerRow, row)
        by_id.setdefault(answer.decision_id, []).append(answer)
    return tuple(replace(one, answers=tuple(by_id.get(one.decision.decision_id, ()))) for one in made)


def _last_day(connection: Connection, marks: Mapping[int, Position]) -> int | None:
    """The last day that every partition has closed."""
    newest = select(func.max(DAYS.c.day)).group_by(DAYS.c.partition).where(DAYS.c.partition.in_(marks))
    closed = connection.scalars(newest).all()
    return min(closed) if marks and len(closed) == len(marks) else None
