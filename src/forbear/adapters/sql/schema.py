"""The tables of the store. What each holds is told by the value of the same name in `engine.outputs`.

Keys are unsigned 64-bit and stored as signed ones. A customer of NULL was erased; it is read as the key 0.
Hot tables are appended in log order. `partition` is that of the log: offsets count within it.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    literal_column,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import TypeDecorator

from forbear.domain.stated import canonical_json
from forbear.policy.triggers import Trigger

REVISION = "0007"
"""The version of the schema that this code reads and writes: the newest migration."""

NOBODY = 0
"""The key that an erased customer is read as. That a real one has it is as likely as any collision of keys."""

_HALF, _WHOLE = 1 << 63, 1 << 64
_POSTGRESQL = {"on": "postgresql"}
REASONS = 3
"""Features of a score that readers find beside it."""
META = MetaData()


class Key(TypeDecorator[int]):
    """An unsigned 64-bit key, stored as the signed number of the same bits."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """The signed number."""
        return value if value is None else (int(value) + _HALF) % _WHOLE - _HALF

    def process_result_value(self, value: int | None, dialect: Dialect) -> int:  # noqa: ARG002
        """The unsigned one; NOBODY for NULL."""
        return NOBODY if value is None else value % _WHOLE


class Document(TypeDecorator[dict[str, Any]]):
    """A mapping as canonical JSON: one content, one text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """The text."""
        return None if value is None else canonical_json(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """The mapping."""
        return None if value is None else json.loads(value)


def column(name: str, kind: Any, *, key: bool = False, erasable: bool = False) -> Column[Any]:
    """A column that is told a value at every insert. erasable: it may be NULL."""
    return Column(name, kind, primary_key=key, nullable=erasable, autoincrement=False)


def entry() -> Column[int]:
    """Counts the rows of a table in the order in which they were recorded."""
    return Column("entry", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)


def _heaviest() -> list[Column[Any]]:
    """feature: place in the features of the model.  impact: its attribution [log-odds]."""
    return [
        Column(f"{name}_{nth}", kind, nullable=True, info=_POSTGRESQL)
        for nth in range(1, REASONS + 1)
        for name, kind in (("feature", SmallInteger), ("impact", Double))
    ]


def _only_on_postgresql(column: Column[Any]) -> bool:
    return column.info is _POSTGRESQL


@compiles(CreateColumn, "sqlite")
def _left_out(element: CreateColumn, compiler: Any, **options: Any) -> str | None:
    """No definition on SQLite of what is on PostgreSQL alone."""
    return None if _only_on_postgresql(element.element) else compiler.visit_create_column(element, **options)


POSITIONS = Table(
    "positions",
    META,
    column("consumer", Text, key=True),
    column("partition", Integer, key=True),
    column("offset", BigInteger),
    column("ordinal", BigInteger),
)
"""The fence: up to where each consumer has recorded each partition."""

PREDICTIONS = Table(
    "predictions",
    META,
    column("partition", Integer, key=True),
    column("offset", BigInteger, key=True),
    column("ordinal", BigInteger, key=True),
    column("customer", Key, erasable=True),
    column("as_of_us", BigInteger),
    column("day", Integer),
    column("trigger", SmallInteger, erasable=True),
    column("log_odds", Double),
    column("pd", Double),
    column("attributions", LargeBinary, erasable=True),
    column("reason", SmallInteger, erasable=True),
    column("band", SmallInteger),
    column("verdict", SmallInteger),
    column("model", Integer),
    column("policy", Integer),
    *_heaviest(),
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (day)",
)
"""attributions: float64, little-endian.

On PostgreSQL the key has the day, too, at its end: what predictions are parted by must be in it.
"""

PREDICTED = [column for column in PREDICTIONS.columns if not _only_on_postgresql(column)]
"""What every database keeps of a prediction."""
HEAVIEST = [column for column in PREDICTIONS.columns if _only_on_postgresql(column)]
"""The features that raise a score most, and by how much, for readers of the view `risk_scores`: attributions are bytes
to them. In SQLite these columns made a row a third dearer, and whoever reads it has the whole of the attributions."""

BETWEEN_CLOSES = PREDICTIONS.c.trigger != literal_column(str(int(Trigger.DAY_CLOSE)))
"""Predictions that an event made, not a day close. In words that a database knows its partial index by."""

Index(
    "predictions_customer", PREDICTIONS.c.customer, sqlite_where=BETWEEN_CLOSES, postgresql_where=BETWEEN_CLOSES
)  # ends with the primary key, so it is in log order too

DECISIONS = Table(
    "decisions",
    META,
    entry(),
    column("partition", Integer),
    column("decision_id", Text),
    column("offset", BigInteger),
    column("customer", Key, erasable=True),
    column("matter", Key, erasable=True),
    column("day", Integer),
    column("made_at_us", BigInteger),
    column("outcome", Text),
    column("band", Text),
    column("action", Text),
    column("channel", Text),
    column("wording", Text),
    column("cost_minor", BigInteger),
    column("propensity", Double),
    column("explored", Boolean),
    column("held_out", Boolean),
    column("expires_day", Integer),
    column("prediction_offset", BigInteger),
    column("prediction_ordinal", BigInteger),
    column("model", Integer),
    column("policy", Integer),
    column("sealed", LargeBinary),
    Index("decisions_decision_id", "decision_id", unique=True),
    Index("decisions_customer", "customer", "offset"),
    Index("decisions_day", "day"),
    Index("decisions_outcome", "outcome", "entry"),
)

CONTACTS = Table(
    "contacts",
    META,
    entry(),
    column("partition", Integer),
    column("decision_id", Text),
    column("offset", BigInteger),
    column("customer", Key, erasable=True),
    column("channel", Text),
    column("day", Integer),
    column("kind", Text),
    Index("contacts_customer", "customer", "offset"),
)

AUDIT = Table(
    "audit",
    META,
    column("partition", Integer, key=True),
    column("sequence", BigInteger, key=True),
    column("offset", BigInteger),
    column("kind", Text),
    column("body", Text),
    column("sealed_sha", Text),
    column("previous", Text),
    column("digest", Text),
    column("decision_id", Text, erasable=True),
    Index("audit_decision_id", "decision_id"),
)
"""decision_id: the one that the body names, for finding the records on a decision; NULL where it names none."""

OUTCOMES = Table(
    "outcomes",
    META,
    column("partition", Integer, key=True),
    column("offset", BigInteger, key=True),
    column("customer", Key),
    column("obligation", Key),
    column("due_day", Integer),
    column("status", Text),
    column("amount_due_minor", BigInteger),
    column("paid_day", Integer, erasable=True),
    Index("outcomes_customer", "customer", "offset"),
)

ANSWERS = Table(
    "answers",
    META,
    column("partition", Integer, key=True),
    column("offset", BigInteger, key=True),
    column("customer", Key, erasable=True),
    column("decision_id", Text),
    column("answer", Text),
    column("at_us", BigInteger),
    column("by", Text),
    Index("answers_decision_id", "decision_id"),
    Index("answers_customer", "customer", "offset"),
)

PARTS = Table(
    "parts",
    META,
    column("partition", Integer, key=True),
    column("kind", Text, key=True),
    column("number", Integer, key=True),
    column("digest", Text),
    column("offset", BigInteger),
    column("by", Text),
    column("document", Document),
)

DAYS = Table(
    "days",
    META,
    column("partition", Integer, key=True),
    column("offset", BigInteger, key=True),
    column("day", Integer),
    column("customers", Integer),
    column("scored", Integer),
    column("expected_misses", Double),
    column("hurdles", Document),
    column("bands", Document),
    column("verdicts", Document),
    column("events", Document),
    Index("days_day", "day"),
)

DEAD_LETTERS = Table(
    "dead_letters",
    META,
    column("partition", Integer, key=True),
    column("offset", BigInteger, key=True),
    column("customer", Key),
    column("reason", Text),
    column("event", Text),
    Index("dead_letters_customer", "customer"),
)

CUSTOMERS = Table(
    "customers",
    META,
    column("customer", Key, key=True),
    column("partition", Integer, key=True),
    column("customer_id", Text),
    column("slot", Integer),
    column("offset", BigInteger),
    Index("customers_customer_id", "customer_id", postgresql_ops={"customer_id": "text_pattern_ops"}),
)
"""slot: the place in the book of its partition, and the ordinal of the customer's prediction at each day close. A close
makes one for nearly everybody: an index of them by customer would cost more than all else of it, and grow.

The index of ids is in the order of their bytes, whatever language a server sorts by.
"""

ROWS = (PREDICTIONS, DECISIONS, CONTACTS, AUDIT, OUTCOMES, PARTS, DAYS, DEAD_LETTERS, CUSTOMERS, ANSWERS)
"""What the worker records: all but the fence, and but for what an office keeps."""
