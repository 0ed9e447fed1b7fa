"""What a desk asks again and again, put into words once: each goes by an index to a bounded number of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Engine, Integer, Select, Table, Text, and_, bindparam, func, select, tuple_

from forbear.adapters.sql.desk_standings import AT_CLOSE, STANDING
from forbear.adapters.sql.engine import dialect_of
from forbear.adapters.sql.rows import scored_of, selected, value_of
from forbear.adapters.sql.schema import AUDIT, CONTACTS, CUSTOMERS, DAYS, DECISIONS, POSITIONS, PREDICTED, PREDICTIONS
from forbear.adapters.sql.statements import Statement
from forbear.engine.audit import Link
from forbear.engine.desk import Known, Made
from forbear.engine.outputs import AuditRecord, Contact, Decision
from forbear.engine.queries import Scored

KNOWN = [CUSTOMERS.c[name] for name in Known._fields]
_SCORED = [column for column in PREDICTED if column.name != "partition"]
_SCORED_NAMES = [*(column.name for column in _SCORED), "customer_id"]
_RECORD = len(selected(AuditRecord))
_LIMIT = bindparam("limit", type_=BigInteger)


def desk_statements(engine: Engine) -> Mapping[str, Statement]:
    """The statements by name, with parameters named as those of the methods of `Desk`."""
    own, p = dialect_of(engine), PREDICTIONS.c
    whose = bindparam("customer", type_=CUSTOMERS.c.customer.type)
    in_bytes = own.by_bytes(CUSTOMERS.c.customer_id)
    offset, ordinal = bindparam("offset", type_=BigInteger), bindparam("ordinal", type_=BigInteger)
    closed = bindparam("day", type_=Integer)
    scored = _named(PREDICTIONS, *_SCORED).where(p.partition == bindparam("partition"))
    behind = scored.where(tuple_(p.offset, p.ordinal) >= tuple_(offset, ordinal))
    links = select(AUDIT.c.partition, *selected(AuditRecord), *selected(Decision)).join_from(
        DECISIONS, AUDIT, _same(AUDIT, DECISIONS, "decision_id")
    )
    queries: Mapping[str, Select[Any]] = {
        "marks": select(POSITIONS.c.partition, POSITIONS.c.offset, POSITIONS.c.ordinal)
        .where(POSITIONS.c.consumer == bindparam("consumer"))
        .order_by(POSITIONS.c.partition),
        "known": select(*KNOWN).where(CUSTOMERS.c.customer == whose),
        "listed": select(*KNOWN)
        .where(own.behind_bytes(CUSTOMERS.c.customer_id, bindparam("beyond", type_=Text)))
        .order_by(in_bytes)
        .limit(_LIMIT),
        "score_at": scored.where(p.offset == offset, p.ordinal == ordinal),
        "scores_behind": behind.order_by(p.offset, p.ordinal).limit(_LIMIT),
        "closed": select(func.max(DAYS.c.offset)).where(DAYS.c.partition == bindparam("partition")),
        "since": select(*(p[name] for name in STANDING))
        .where(p.partition == bindparam("partition"), p.offset >= offset, p.customer.is_not(None))
        .order_by(p.offset, p.ordinal),
        # By the day that scores count for PostgreSQL knows the part of the table that holds a close.
        "at_close": select(*(p[name] for name in AT_CLOSE)).where(
            p.partition == bindparam("partition"),
            p.offset == offset,
            p.day.between(closed, closed + 1),
            p.customer.is_not(None),
        ),
        "made": made_query().where(DECISIONS.c.decision_id == bindparam("decision_id")),
        "made_behind": made_query()
        .where(DECISIONS.c.entry > bindparam("entry"))
        .order_by(DECISIONS.c.entry)
        .limit(_LIMIT),
        "contacts": select(*selected(Contact))
        .where(CONTACTS.c.customer == whose)
        .order_by(CONTACTS.c.offset.desc(), CONTACTS.c.entry.desc())
        .limit(_LIMIT),
        "links": links.where(DECISIONS.c.customer == whose)
        .order_by(AUDIT.c.offset.desc(), AUDIT.c.partition, AUDIT.c.sequence.desc())
        .limit(_LIMIT),
    }
    return {name: Statement(query, engine) for name, query in queries.items()}


def made_query() -> Select[Any]:
    """Decisions as `made_of` reads them."""
    return _named(DECISIONS, *selected(Decision), DECISIONS.c.entry, DECISIONS.c.partition)


def made_of(row: Sequence[Any]) -> Made:
    """One decision without its answers."""
    *decision, entry, partition, customer_id = row
    return Made(entry, partition, customer_id, value_of(Decision, decision))


def score_of(row: Sequence[Any]) -> Scored:
    """One prediction."""
    return scored_of(dict(zip(_SCORED_NAMES, row, strict=True)))


def link_of(row: Sequence[Any]) -> tuple[int, Link]:
    """An audit record with its partition, and the decision that it is on."""
    partition, *rest = row
    return partition, Link(value_of(AuditRecord, rest), value_of(Decision, rest[_RECORD:]))


def _named(table: Table, *columns: Any) -> Select[Any]:
    """Some columns of a table, and the id of whom each row is about; none once erased."""
    theirs = and_(_same(CUSTOMERS, table, "customer"), _same(CUSTOMERS, table, "partition"))
    return select(*columns, CUSTOMERS.c.customer_id).select_from(table.outerjoin(CUSTOMERS, theirs))


def _same(one: Table, other: Table, name: str) -> Any:
    return one.c[name] == other.c[name]
