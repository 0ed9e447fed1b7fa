"""Between values and rows: one place that knows which column holds what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from numpy.ma import MaskedArray
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Table

from forbear.adapters.sql.schema import (
    ANSWERS,
    AUDIT,
    CONTACTS,
    CUSTOMERS,
    DAYS,
    DEAD_LETTERS,
    DECISIONS,
    OUTCOMES,
    PARTS,
    PREDICTED,
    REASONS,
)
from forbear.domain.errors import CorruptState
from forbear.engine.audit import named_decision
from forbear.engine.outputs import (
    AnswerRow,
    AuditRecord,
    Contact,
    DayRow,
    DeadLetter,
    Decision,
    Named,
    OutcomeRow,
    Outputs,
    Part,
    Position,
    Predictions,
)
from forbear.engine.queries import Scored

V = TypeVar("V")
_WORD = 8

TABLES: dict[type[Any], Table] = {
    Decision: DECISIONS,
    Contact: CONTACTS,
    AuditRecord: AUDIT,
    OutcomeRow: OUTCOMES,
    Part: PARTS,
    DayRow: DAYS,
    DeadLetter: DEAD_LETTERS,
    Named: CUSTOMERS,
    AnswerRow: ANSWERS,
}
"""Where each kind of value is kept, but for predictions."""
_BESIDE = {AUDIT: {"partition", "decision_id"}}
_SELECTED: dict[type[Any], tuple[ColumnElement[Any], ...]] = {
    kind: tuple(column for column in table.columns if column.name not in _BESIDE.get(table, {"partition", "entry"}))
    for kind, table in TABLES.items()
}


def values_of(outputs: Outputs) -> dict[type[Any], Sequence[Any]]:
    """The values of some outputs by kind, in the order of TABLES."""
    return {
        Decision: outputs.decisions,
        Contact: outputs.contacts,
        AuditRecord: outputs.audit,
        OutcomeRow: outputs.outcomes,
        Part: outputs.parts,
        DayRow: outputs.days,
        DeadLetter: outputs.dead_letters,
        Named: outputs.customers,
        AnswerRow: outputs.answers,
    }


def rows_of(outputs: Outputs, partition: int) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """The rows of some outputs by table, but for predictions."""
    for kind, values in values_of(outputs).items():
        yield TABLES[kind], [row_of(value, partition) for value in values]


def row_of(value: Any, partition: int) -> dict[str, Any]:
    """The row of one value."""
    if isinstance(value, Named):
        return {"partition": partition, **value._asdict()}
    row = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Decision):
        row["prediction_offset"], row["prediction_ordinal"] = row.pop("prediction")
    elif isinstance(value, AuditRecord):
        row["decision_id"] = named_decision(value)
    return {"partition": partition, **row}


def selected(kind: type[Any]) -> tuple[ColumnElement[Any], ...]:
    """The columns that `value_of` needs of a kind of value."""
    return _SELECTED[kind]


def value_of(kind: type[V], row: Sequence[Any]) -> V:
    """The value of a row that has the `selected` columns first."""
    named = {column.name: value for column, value in zip(selected(kind), row, strict=False)}
    if kind is Decision:
        named["prediction"] = Position(named.pop("prediction_offset"), named.pop("prediction_ordinal"))
    return kind(**named)


def prediction_columns(predictions: Predictions, partition: int) -> dict[str, NDArray[Any]]:
    """Values of the table of predictions by column, in their order. attributions: one void item a row, its bytes."""
    p = predictions
    n, width = p.attributions.shape
    packed = np.ascontiguousarray(p.attributions, dtype="<f8")
    theirs: dict[str, NDArray[Any]] = {
        "partition": np.full(n, partition, dtype=np.int32),
        "customer": p.customer.astype(np.int64),
        "attributions": packed.view(f"V{width * _WORD}")[:, 0] if width else np.empty(n, dtype="V0"),
    }
    names = (column.name for column in PREDICTED)
    return {name: theirs[name] if name in theirs else getattr(p, name) for name in names}


def heaviest_columns(predictions: Predictions) -> dict[str, MaskedArray[Any, Any]]:
    """Values of the HEAVIEST columns: of each row the features that raise its score, the heaviest first."""
    left = predictions.attributions.copy()
    n, width = left.shape
    rows, found = np.arange(n), dict[str, MaskedArray[Any, Any]]()
    for nth in range(1, REASONS + 1):
        place = left.argmax(axis=1) if width else np.zeros(n, dtype=np.int64)
        impact = left[rows, place] if width else np.zeros(n)
        lowers = ~(impact > 0)
        found[f"feature_{nth}"] = np.ma.masked_array(place, lowers)
        found[f"impact_{nth}"] = np.ma.masked_array(impact, lowers)
        if width:
            left[rows, place] = -np.inf
    return found


def columns_of(rows: Sequence[Sequence[Any]]) -> Predictions:
    """Rows of all columns of the table of predictions but the partition, as arrays. Raises CorruptState."""
    columns = list(zip(*rows, strict=True)) or [()] * 14
    offset, ordinal, customer, as_of_us, day, trigger, log_odds, pd, blobs, *rest = columns
    reason, band, verdict, model, policy = rest
    return Predictions(
        offset=np.array(offset, dtype=np.int64),
        ordinal=np.array(ordinal, dtype=np.int64),
        customer=np.array(customer, dtype=np.uint64),
        as_of_us=np.array(as_of_us, dtype=np.int64),
        day=np.array(day, dtype=np.int32),
        trigger=np.array([bits or 0 for bits in trigger], dtype=np.uint8),
        log_odds=np.array(log_odds, dtype=np.float64),
        pd=np.array(pd, dtype=np.float64),
        attributions=attributions_of(blobs),
        reason=np.array([-1 if place is None else place for place in reason], dtype=np.int16),
        band=np.array(band, dtype=np.int8),
        verdict=np.array(verdict, dtype=np.int8),
        model=np.array(model, dtype=np.int32),
        policy=np.array(policy, dtype=np.int32),
    )


def attributions_of(blobs: Sequence[bytes | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(n, k) of some rows of one model; NaN where they were erased. Raises CorruptState for rows of unlike length."""
    widths = {len(blob) for blob in blobs if blob is not None}
    if len(widths) > 1 or any(width % _WORD for width in widths):
        raise CorruptState("predictions with unlike numbers of attributions stand together", mend="check the store")
    width = widths.pop() if widths else 0
    erased = np.full(width // _WORD, np.nan).astype("<f8").tobytes()
    packed = b"".join(erased if blob is None else blob for blob in blobs)
    return np.frombuffer(packed, dtype="<f8").reshape(len(blobs), width // _WORD).astype(np.float64)


def scored_of(row: Mapping[str, Any]) -> Scored:
    """One prediction of a row with all columns of its table but the partition, and customer_id."""
    named = dict(row)
    place = Position(named.pop("offset"), named.pop("ordinal"))
    blob = named.pop("attributions") or b""
    trigger, reason = named.pop("trigger"), named.pop("reason")
    return Scored(
        place=place,
        attributions=tuple(np.frombuffer(blob, dtype="<f8").tolist()),
        trigger=trigger or 0,
        reason=-1 if reason is None else reason,
        **named,
    )
