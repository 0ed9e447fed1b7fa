"""What every store asks of outputs before it records them."""

from __future__ import annotations

from itertools import chain

import numpy as np

from forbear.engine.outputs import Outputs, Position, Predictions

START = Position(-1, 0)
"""Where a store stands in which nothing was ever recorded."""
VALUES = ("decisions", "contacts", "audit", "outcomes", "parts", "days", "dead_letters", "customers")
"""Fields of `Outputs` that hold values at an offset; predictions are columns."""


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
