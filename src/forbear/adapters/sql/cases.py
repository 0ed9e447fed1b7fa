"""Cases in a database: one row each as it stands, and all steps behind one another."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, insert, or_, select, tuple_, update

from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema_help import CASE_STEPS, CASES, TAKEN
from forbear.domain.errors import ConflictError
from forbear.engine.case_terms import CaseKind, CaseTerms
from forbear.engine.cases import (
    ESCALATED,
    HOUR_US,
    SYSTEM,
    Act,
    Case,
    CaseFigures,
    CaseState,
    Joined,
    Move,
    Opening,
    Step,
    Wanted,
    awake,
    case_id_of,
    joined,
    moved,
    opened,
    told,
    unchanged,
)

_C, _S = CASES.c, CASE_STEPS.c
_STEPS_OF = select(func.count()).where(_S.case_id == _C.case_id)
_CASE = select(
    *CASES.columns,
    _STEPS_OF.where(~_S.kind.like("told/%")).scalar_subquery().label("steps"),
    _STEPS_OF.where(_S.kind == Act.REFUSE.value).scalar_subquery().label("refusals"),
)
_MOST_GENERATIONS = 1_000
_CLOSED_LOOKED_AT = 50_000
"""The newest closed cases, of which it is told how long they took."""
_OPENED = ("opened", "again")


class SqlCases:
    """Cases over the rooms of a store. Safe to use from many threads."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def open(self, opening: Opening, terms: CaseTerms) -> tuple[Case, bool]:
        """Open a case, or add a step to the open one; whether it is a new one."""
        try:
            return self._open(opening, terms)
        except ConflictError:  # another process opened the same one between our look and our row
            return self._open(opening, terms)

    def get(self, case_id: str) -> Case | None:
        """One case."""
        with self._rooms.reading() as connection:
            return _found(connection, case_id)

    def named(self, digits: str) -> Sequence[str]:
        """Up to two ids that begin with some hexadecimal digits."""
        query = select(_C.case_id).where(_C.case_id >= digits, _C.case_id < digits + "g").order_by(_C.case_id).limit(2)
        with self._rooms.reading() as connection:
            return connection.scalars(query).all()

    def steps(self, case_id: str) -> Sequence[Step]:
        """All steps of a case, oldest first."""
        query = select(*CASE_STEPS.columns).where(_S.case_id == case_id).order_by(_S.entry)
        with self._rooms.reading() as connection:
            return [Step(**row) for row in connection.execute(query).mappings()]

    def move(self, case_id: str, move: Move, terms: CaseTerms) -> Case:
        """Do something with a case by the rules. Raises KeyError for an unknown case, and what `moved` does."""
        with self._rooms.writing() as connection:
            before = _locked(connection, case_id)
            if before is None:
                raise KeyError(case_id)
            after = moved(before, move, terms)
            if unchanged(before, after, move):
                return before
            row = {name: getattr(after, name) for name in _CHANGES} | {"state": after.state.value}
            connection.execute(update(CASES).where(_C.case_id == case_id).values(row))
            step = {"kind": move.act.value, "body": told(before, after, move), "sealed": move.sealed}
            _add_step(connection, case_id, move.by, move.at_us, step)
            return _there(_found(connection, case_id))

    def worklist(self, wanted: Wanted, limit: int, now_us: int) -> Sequence[Case]:
        """Cases in the order that they are to be worked on, as they stand now."""
        query = _CASE.where(*_wanted(wanted, now_us)).order_by(*_PLACE).limit(limit)
        with self._rooms.reading() as connection:
            return [awake(_case_of(row), now_us) for row in connection.execute(query).mappings()]

    def figures(self, now_us: int) -> CaseFigures:
        """All cases in numbers."""
        counts = select(_C.kind, _C.state == CaseState.CLOSED.value, func.count()).group_by(_C.kind, _C.state)
        open_ = _C.state != CaseState.CLOSED.value
        late = select(
            func.count().filter(_C.due_us < now_us),
            func.count().filter(_C.priority >= ESCALATED),
            func.count().filter(_C.state == CaseState.SNOOZED.value, _C.snoozed_us > now_us),
        ).where(open_)
        ended = select(_C.kind, _C.why, _C.closed_us - _C.opened_us).where(~open_).order_by(_C.closed_us.desc())
        by_state: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
        results, took = defaultdict[str, Counter[str]](Counter), defaultdict[str, list[int]](list)
        with self._rooms.reading() as connection:
            for kind, closed, count in connection.execute(counts):
                by_state[bool(closed)][kind] += count
            overdue, escalated, snoozed = connection.execute(late).one()
            for kind, result, us in connection.execute(ended.limit(_CLOSED_LOOKED_AT)):
                results[kind][result] += 1
                took[kind].append(us)
        return CaseFigures(
            open_by_kind=dict(sorted(by_state[False].items())),
            closed_by_kind=dict(sorted(by_state[True].items())),
            results={kind: dict(sorted(counted.items())) for kind, counted in sorted(results.items())},
            hours_to_close={kind: median(some) / HOUR_US for kind, some in sorted(took.items())},
            overdue=overdue,
            escalated=escalated,
            snoozed=snoozed,
        )

    def untold(self, kind: str, limit: int, *, critical: bool) -> Sequence[Case]:
        """Cases that are not closed and have no step of a kind: critical ones, or those that are escalated."""
        heard = select(_S.entry).where(_S.case_id == _C.case_id, _S.kind == kind).exists()
        which = _C.kind == CaseKind.CRITICAL.value if critical else _C.priority >= ESCALATED
        query = _CASE.where(which, _C.state != CaseState.CLOSED.value, ~heard).order_by(*_PLACE).limit(limit)
        with self._rooms.reading() as connection:
            return [_case_of(row) for row in connection.execute(query).mappings()]

    def tell(self, cases: Sequence[str], kind: str, message: str, at_us: int) -> None:
        """Note that some cases were told of, in one message."""
        step = {"kind": kind, "body": {"message": message}, "sealed": None}
        with self._rooms.writing() as connection:
            for one in cases:
                _add_step(connection, one, SYSTEM, at_us, step)

    def told_since(self, at_us: int, kinds: Sequence[str]) -> int:
        """How many messages were told from an instant on, by the kinds of their steps."""
        query = select(func.count(_S.body.distinct())).where(_S.kind.in_(kinds), _S.at_us >= at_us)
        with self._rooms.reading() as connection:
            return connection.scalar(query) or 0

    def taken(self, name: str) -> int:
        """Up to which entry of another table a reader has come; 0 for nothing."""
        with self._rooms.reading() as connection:
            return connection.scalar(select(TAKEN.c.entry).where(TAKEN.c.name == name)) or 0

    def advance(self, name: str, entry: int) -> None:
        """Note that a reader has come so far; it never goes back."""
        with self._rooms.writing() as connection:
            mine = TAKEN.c.name == name
            if connection.scalar(select(TAKEN.c.entry).where(mine)) is None:
                connection.execute(insert(TAKEN).values(name=name, entry=entry))
            else:
                connection.execute(update(TAKEN).where(mine, TAKEN.c.entry < entry).values(entry=entry))

    # ---- inside

    def _open(self, opening: Opening, terms: CaseTerms) -> tuple[Case, bool]:
        with self._rooms.writing() as connection:
            generation, newest = _newest(connection, opening)
            if newest is not None:
                becomes = joined(newest, opening, _causes(connection, opening, generation), terms)
                if becomes is Joined.AGAIN:
                    _add_step(connection, newest.case_id, opening.by, opening.at_us, _opening_step("again", opening))
                    return _there(_found(connection, newest.case_id)), False
                if becomes is Joined.NOTHING:
                    return newest, False
                generation += 1
            made = opened(opening, generation, terms)
            row = {name: getattr(made, name) for name in _ROW} | {"state": made.state.value, "kind": made.kind.value}
            connection.execute(insert(CASES).values(row))
            _add_step(connection, made.case_id, opening.by, opening.at_us, _opening_step("opened", opening))
            return _there(_found(connection, made.case_id)), True


_ROW = tuple(column.name for column in CASES.columns)
_CHANGES = ("state", "priority", "assigned", "snoozed_us", "closed_us", "why")
_RANK: ColumnElement[int] = case((_C.priority >= ESCALATED, 0), else_=1)
_HOUR: ColumnElement[int] = _C.due_us // HOUR_US
_PLACE: tuple[ColumnElement[Any], ...] = (_RANK, _HOUR, -_C.priority, _C.case_id)
"""As `place_of` has it."""


def _wanted(wanted: Wanted, now_us: int) -> list[ColumnElement[bool]]:
    back = or_(_C.state != CaseState.SNOOZED.value, _C.snoozed_us <= now_us)
    returned = and_(_C.state == CaseState.SNOOZED.value, _C.snoozed_us <= now_us)
    match wanted.state:
        case None:
            found = [_C.state != CaseState.CLOSED.value, back]
        case CaseState.SNOOZED:
            found = [~back]
        case CaseState.ASSIGNED:
            found = [or_(_C.state == CaseState.ASSIGNED.value, and_(returned, _C.assigned != ""))]
        case CaseState.OPEN:
            found = [or_(_C.state == CaseState.OPEN.value, and_(returned, _C.assigned == ""))]
        case _:
            found = [_C.state == wanted.state.value]
    if wanted.kind is not None:
        found.append(_C.kind == wanted.kind.value)
    if wanted.mine:
        found.append(_C.assigned == wanted.mine)
    if wanted.customer is not None:
        found.append(_C.customer == wanted.customer)
    if wanted.overdue:
        found.append(_C.due_us < now_us)
    if wanted.after is not None:
        found.append(tuple_(*_PLACE) > tuple_(*wanted.after))
    return found


def _newest(connection: Connection, opening: Opening) -> tuple[int, Case | None]:
    """The newest case of an opening's customer, kind and subject, locked, and which one it is."""
    newest: Case | None = None
    for generation in range(_MOST_GENERATIONS):
        found = _locked(connection, case_id_of(opening, generation))
        if found is None:
            return max(0, generation - 1), newest
        newest = found
    return _MOST_GENERATIONS, newest


def _causes(connection: Connection, opening: Opening, newest: int) -> set[str]:
    ids = [case_id_of(opening, generation) for generation in range(newest + 1)]
    query = select(_S.body).where(_S.case_id.in_(ids), _S.kind.in_(_OPENED))
    return {body["cause"] for body in connection.scalars(query)}


def _opening_step(kind: str, opening: Opening) -> dict[str, Any]:
    body = {"cause": opening.cause, "subject": opening.subject, **opening.facts}
    return {"kind": kind, "body": body, "sealed": opening.sealed}


def _add_step(connection: Connection, case_id: str, by: str, at_us: int, step: dict[str, Any]) -> None:
    connection.execute(insert(CASE_STEPS).values(case_id=case_id, at_us=at_us, by=by, **step))


def _locked(connection: Connection, case_id: str) -> Case | None:
    """A case that nobody else changes before this transaction ends: what is read after the lock is the newest."""
    connection.execute(select(_C.case_id).where(_C.case_id == case_id).with_for_update())
    return _found(connection, case_id)


def _found(connection: Connection, case_id: str) -> Case | None:
    row = connection.execute(_CASE.where(_C.case_id == case_id)).mappings().one_or_none()
    return None if row is None else _case_of(row)


def _there(found: Case | None) -> Case:
    if found is None:
        raise ConflictError("the case is gone", mend="read again")
    return found


def _case_of(row: RowMapping) -> Case:
    named: dict[str, Any] = dict(row)
    named |= {"kind": CaseKind(named["kind"]), "state": CaseState(named["state"]), "priority": int(named["priority"])}
    named |= {name: named[name] or "" for name in ("intervention_id", "assigned")}
    return Case(**named)
