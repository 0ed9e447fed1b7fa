"""The rows a model learns from and is judged on: features, labels, customers and dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from forbear.domain.errors import ModelMismatch
from forbear.models.results import Floats

Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.int64]
Days: TypeAlias = NDArray[np.datetime64]

LABEL_WINDOW_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """What a model must know about one column.

    direction: +1 a larger value raises the PD, -1 lowers it, 0 free.
    low, high: plausible range in `unit`, infinite where there is no bound.
    Raises ValueError for another direction or an empty range.
    """

    name: str
    group: str
    direction: int
    low: float
    high: float
    unit: str

    def __post_init__(self) -> None:
        if self.direction not in (-1, 0, 1):
            raise ValueError(f"{self.name}: direction {self.direction} is not -1, 0 or 1")
        if not self.low <= self.high:
            raise ValueError(f"{self.name}: plausible range [{self.low}, {self.high}] is empty")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows of one or many observation dates.

    features: (n, k) float64 in C order, NaN = unknown, never infinite.  specs: (k,).
    labels: (n,) bool, True = the payment was missed inside the label window.
    customers: (n,) int64, the unit that the bootstrap resamples.
    as_of: (n,) datetime64[D], the date the row was observed on.
    days_ahead: (n,) days from as_of to the miss, [0, 30); NaN for a negative row, and for a positive
    one whose date of miss is not known.
    weights: (n,) finite and above 0, how many rows each stands for; None: each for itself.
    Raises ValueError where a shape, a type or a range disagrees.
    """

    features: Floats
    specs: tuple[FeatureSpec, ...]
    labels: Bools
    customers: Ints
    as_of: Days
    days_ahead: Floats
    weights: Floats | None = None

    def __post_init__(self) -> None:
        _check_columns(self)
        _check_features(self.features, len(self.specs))
        _check_days_ahead(self.days_ahead, self.labels)
        if not (np.isfinite(self.row_weights) & (self.row_weights > 0.0)).all():
            raise ValueError("weights: one is not above 0, or not finite")
        if len(set(self.names)) != len(self.specs):
            raise ValueError("two features share a name")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names in column order, (k,)."""
        return tuple(spec.name for spec in self.specs)

    @property
    def directions(self) -> tuple[int, ...]:
        """Direction of risk of each column, (k,)."""
        return tuple(spec.direction for spec in self.specs)

    @property
    def positives(self) -> int:
        """Number of positive rows."""
        return int(np.count_nonzero(self.labels))

    @property
    def row_weights(self) -> Floats:
        """How many rows each stands for, (n,): 1 where none were given."""
        return np.ones(len(self)) if self.weights is None else self.weights

    def rows(self, which: Bools | Ints) -> Dataset:
        """The rows that a mask (n,) or an index selects, in that order."""
        return Dataset(
            features=np.ascontiguousarray(self.features[which]),
            specs=self.specs,
            labels=self.labels[which],
            customers=self.customers[which],
            as_of=self.as_of[which],
            days_ahead=self.days_ahead[which],
            weights=None if self.weights is None else self.weights[which],
        )

    def supported(self) -> Bools:
        """Which columns carry at least one known value, (k,)."""
        return np.asarray(~np.isnan(self.features).all(axis=0), dtype=np.bool_)

    def fingerprint(self) -> str:
        """SHA-256 over specs and content: equal for equal data, on any machine of either byte order."""
        digest = sha256(repr((len(self), self.specs)).encode())
        weighted = () if self.weights is None else (self.weights,)
        for floats in (self.features, self.days_ahead, *weighted):
            digest.update(_canonical_bytes(floats))
        for column in (self.labels, self.customers, self.as_of):
            digest.update(column.astype("<i8").tobytes())
        return digest.hexdigest()


def together(first: Dataset, second: Dataset) -> Dataset:
    """The rows of two datasets of the same columns, one after another. Raises ValueError where the columns differ."""
    if first.specs != second.specs:
        raise ValueError("the two have other columns")
    weighted = first.weights is not None or second.weights is not None
    return Dataset(
        features=np.concatenate([first.features, second.features]),
        specs=first.specs,
        labels=np.concatenate([first.labels, second.labels]),
        customers=np.concatenate([first.customers, second.customers]),
        as_of=np.concatenate([first.as_of, second.as_of]),
        days_ahead=np.concatenate([first.days_ahead, second.days_ahead]),
        weights=np.concatenate([first.row_weights, second.row_weights]) if weighted else None,
    )


def require_columns(features: Floats, names: Sequence[str]) -> None:
    """Refuse a matrix that does not hold the model's columns.

    features: (n, k).  Raises ModelMismatch unless k is the number of names.
    """
    if features.ndim != 2 or features.shape[1] != len(names):
        raise ModelMismatch(
            f"features of shape {features.shape}, the model was trained on {len(names)} columns",
            mend="compute the feature set that the artefact names",
        )


def _canonical_bytes(values: Floats) -> bytes:
    # NaN has many bit patterns and zero has two: equal data must give equal bytes.
    plain = np.where(np.isnan(values), np.nan, values + 0.0)
    return plain.astype("<f8").tobytes()


def _check_columns(dataset: Dataset) -> None:
    rows = len(dataset.labels)
    expected = {"labels": "bool", "customers": "int64", "as_of": "datetime64[D]", "days_ahead": "float64"}
    if dataset.weights is not None:
        expected["weights"] = "float64"
    for name, dtype in expected.items():
        column = getattr(dataset, name)
        if column.shape != (rows,) or column.dtype != np.dtype(dtype):
            raise ValueError(f"{name}: {column.dtype} of shape {column.shape}, expected {dtype} of ({rows},)")
    if len(dataset.features) != rows:
        raise ValueError(f"features have {len(dataset.features)} rows, labels {rows}")
    if np.isnat(dataset.as_of).any():
        raise ValueError("as_of: a row has no observation date")


def _check_features(features: Floats, columns: int) -> None:
    if features.ndim != 2 or features.shape[1] != columns:
        raise ValueError(f"features of shape {features.shape} for {columns} specs")
    if features.dtype != np.float64 or not features.flags.c_contiguous:
        raise ValueError("features: float64 in C order expected")
    if np.isinf(features).any():
        raise ValueError("features: an infinite value; unknown is NaN")


def _check_days_ahead(days_ahead: Floats, labels: Bools) -> None:
    known = ~np.isnan(days_ahead)
    if (known & ~labels).any():
        raise ValueError("days_ahead: a negative row has a miss")
    if ((days_ahead[known] < 0.0) | (days_ahead[known] >= LABEL_WINDOW_DAYS)).any():
        raise ValueError("days_ahead: outside [0, 30)")
