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

from forbear.models.documents import canonical_json
from forbear.policy.triggers import Trigger

REVISION = "0005"
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


def _column(name: str, kind: Any, *, key: bool = False, erasable: bool = False) -> Column[Any]:
    return Column(name, kind, primary_key=key, nullable=erasable, autoincrement=False)


def _entry() -> Column[int]:
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
    _column("consumer", Text, key=True),
    _column("partition", Integer, key=True),
    _column("offset", BigInteger),
    _column("ordinal", BigInteger),
)
"""The fence: up to where each consumer has recorded each partition."""

PREDICTIONS = Table(
    "predictions",
    META,
    _column("partition", Integer, key=True),
    _column("offset", BigInteger, key=True),
    _column("ordinal", BigInteger, key=True),
    _column("customer", Key, erasable=True),
    _column("as_of_us", BigInteger),
    _column("day", Integer),
    _column("trigger", SmallInteger, erasable=True),
    _column("log_odds", Double),
    _column("pd", Double),
    _column("attributions", LargeBinary, erasable=True),
    _column("reason", SmallInteger, erasable=True),
    _column("band", SmallInteger),
    _column("verdict", SmallInteger),
    _column("model", Integer),
    _column("policy", Integer),
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
    _entry(),
    _column("partition", Integer),
    _column("decision_id", Text),
    _column("offset", BigInteger),
    _column("customer", Key, erasable=True),
    _column("matter", Key, erasable=True),
    _column("day", Integer),
    _column("made_at_us", BigInteger),
    _column("outcome", Text),
    _column("band", Text),
    _column("action", Text),
    _column("channel", Text),
    _column("wording", Text),
    _column("cost_minor", BigInteger),
    _column("propensity", Double),
    _column("explored", Boolean),
    _column("held_out", Boolean),
    _column("expires_day", Integer),
    _column("prediction_offset", BigInteger),
    _column("prediction_ordinal", BigInteger),
    _column("model", Integer),
    _column("policy", Integer),
    _column("sealed", LargeBinary),
    Index("decisions_decision_id", "decision_id", unique=True),
    Index("decisions_customer", "customer", "offset"),
    Index("decisions_day", "day"),
)

CONTACTS = Table(
    "contacts",
    META,
    _entry(),
    _column("partition", Integer),
    _column("decision_id", Text),
    _column("offset", BigInteger),
    _column("customer", Key, erasable=True),
    _column("channel", Text),
    _column("day", Integer),
    _column("kind", Text),
    Index("contacts_customer", "customer", "offset"),
)

AUDIT = Table(
    "audit",
    META,
    _column("partition", Integer, key=True),
    _column("sequence", BigInteger, key=True),
    _column("offset", BigInteger),
    _column("kind", Text),
    _column("body", Text),
    _column("sealed_sha", Text),
    _column("previous", Text),
    _column("digest", Text),
)

OUTCOMES = Table(
    "outcomes",
    META,
    _column("partition", Integer, key=True),
    _column("offset", BigInteger, key=True),
    _column("customer", Key),
    _column("obligation", Key),
    _column("due_day", Integer),
    _column("status", Text),
    _column("amount_due_minor", BigInteger),
    _column("paid_day", Integer, erasable=True),
    Index("outcomes_customer", "customer", "offset"),
)

ANSWERS = Table(
    "answers",
    META,
    _column("partition", Integer, key=True),
    _column("offset", BigInteger, key=True),
    _column("customer", Key, erasable=True),
    _column("decision_id", Text),
    _column("answer", Text),
    _column("at_us", BigInteger),
    _column("by", Text),
    Index("answers_decision_id", "decision_id"),
    Index("answers_customer", "customer", "offset"),
)

PARTS = Table(
    "parts",
    META,
    _column("partition", Integer, key=True),
    _column("kind", Text, key=True),
    _column("number", Integer, key=True),
    _column("digest", Text),
    _column("offset", BigInteger),
    _column("by", Text),
    _column("document", Document),
)

DAYS = Table(
    "days",
    META,
    _column("partition", Integer, key=True),
    _column("offset", BigInteger, key=True),
    _column("day", Integer),
    _column("customers", Integer),
    _column("scored", Integer),
    _column("expected_misses", Double),
    _column("hurdles", Document),
    _column("bands", Document),
    _column("verdicts", Document),
    _column("events", Document),
    Index("days_day", "day"),
)

DEAD_LETTERS = Table(
    "dead_letters",
    META,
    _column("partition", Integer, key=True),
    _column("offset", BigInteger, key=True),
    _column("customer", Key),
    _column("reason", Text),
    _column("event", Text),
    Index("dead_letters_customer", "customer"),
)

CUSTOMERS = Table(
    "customers",
    META,
    _column("customer", Key, key=True),
    _column("partition", Integer, key=True),
    _column("customer_id", Text),
    _column("slot", Integer),
    _column("offset", BigInteger),
    Index("customers_customer_id", "customer_id"),
)
"""slot: the place in the book of its partition, and the ordinal of the customer's prediction at each day close. A close
makes one for nearly everybody: an index of them by customer would cost more than all else of it, and grow.
"""

ROWS = (PREDICTIONS, DECISIONS, CONTACTS, AUDIT, OUTCOMES, PARTS, DAYS, DEAD_LETTERS, CUSTOMERS, ANSWERS)
"""What the worker records: all but the fence, and but for what `office` keeps."""
