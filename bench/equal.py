"""Whether two ways of making training rows made the same ones."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

TrainingRows: TypeAlias = tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.float64]]
"""customer_key (n,), cut_day (n,) and values (n, features), in any order of rows."""


def largest_difference(ours: TrainingRows, theirs: TrainingRows) -> float:
    """Largest |ours - theirs| / max(1, |ours|) over all values, rows put side by customer and cut day.

    Raises ValueError if the rows are not of the same customers and cuts, or a value is NaN in one of them only.
    """
    customers, days, values = _aligned(ours)
    other_customers, other_days, other_values = _aligned(theirs)
    if values.shape != other_values.shape:
        raise ValueError(f"{values.shape} rows and columns against {other_values.shape}")
    if not (np.array_equal(customers, other_customers) and np.array_equal(days, other_days)):
        raise ValueError("the rows are not those of the same customers and cuts")
    unlike = np.isnan(values) != np.isnan(other_values)
    if unlike.any():
        counts = {int(column): int(unlike[:, column].sum()) for column in np.flatnonzero(unlike.any(axis=0))}
        raise ValueError(f"NaN in one of the two only, rows by column: {counts}")
    known = ~np.isnan(values)
    differences = np.abs(values[known] - other_values[known]) / np.maximum(1.0, np.abs(values[known]))
    return float(differences.max(initial=0.0))


def _aligned(rows: TrainingRows) -> TrainingRows:
    customers, days, values = rows
    order = np.lexsort((days, customers))
    aligned = customers[order], days[order], values[order]
    repeated = (np.diff(aligned[0].view(np.int64)) == 0) & (np.diff(aligned[1]) == 0)
    if repeated.any():
        raise ValueError("a customer has two rows for one cut")
    return aligned
