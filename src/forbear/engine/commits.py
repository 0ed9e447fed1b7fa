"""What every store asks of outputs before it records them, and what a replay asks of a store that holds some."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from forbear.domain.errors import CorruptState
from forbear.engine.outputs import AuditRecord, Outputs, Position, Predictions
from forbear.engine.ports import Store

START = Position(-1, 0)
"""Where a store stands in which nothing was ever recorded."""
VALUES = ("decisions", "contacts", "audit", "outcomes", "parts", "days", "dead_letters", "customers", "answers")
"""Fields of `Outputs` that hold values at an offset; predictions are columns."""

_RECORDS = 1_000


def require_inside(outputs: Outputs) -> None:
    """Raises ValueError for what a commit of this stretch would record twice, or before its time, and for NaN."""
    after, until = outputs.after, outputs.until
    if until <= after:
        raise ValueError(f"a stretch from {tuple(after)} to {tuple(until)} is none")
    for value in chain.from_iterable(getattr(outputs, name) for name in VALUES):
        if value.offset < after.offset:
            raise ValueError(f"{type(value).__name__}: a value lies before {tuple(after)}")
    if outputs.predictions is not None and len(outputs.predictions):
        _require_predictions_inside(outputs.predictions, after, until)


def records_behind(store: Store, head: AuditRecord | None) -> Iterator[AuditRecord]:
    """The records of the audit chain behind a head, as far as a store has them."""
    following = head.sequence + 1 if head else 0
    while records := store.records(following, _RECORDS):
        yield from records
        following = records[-1].sequence + 1


def require_link(store: Store, first: AuditRecord, what: str) -> None:
    """Raises CorruptState where a record does not follow on the last one of a store. what: e.g. "the log"."""
    head = store.head()
    if first.previous != (head.digest if head else ""):
        raise CorruptState(
            f"{what} does not lead to what is recorded up to offset {store.position().offset}",
            mend="this is another log, another version, or tampering: compare with a backup",
        )


def _require_predictions_inside(predictions: Predictions, after: Position, until: Position) -> None:
    offset, ordinal = predictions.offset, predictions.ordinal
    step = np.diff(offset)
    if not ((step > 0) | ((step == 0) & (np.diff(ordinal) > 0))).all():
        raise ValueError("predictions are not in log order")
    if (offset[0], ordinal[0]) < after or (offset[-1], ordinal[-1]) >= until:
        raise ValueError(f"predictions lie outside {tuple(after)} to {tuple(until)}")
    # A database would take NaN for NULL.
    if np.isnan(predictions.log_odds).any() or np.isnan(predictions.pd).any():
        raise ValueError("a prediction is NaN")
