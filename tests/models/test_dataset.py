"""Datasets refuse what does not fit and know themselves by content."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forbear.domain.errors import ModelMismatch
from forbear.models.dataset import Dataset, FeatureSpec, require_columns


def test_fingerprint_is_of_the_content(bank: Dataset) -> None:
    """Equal content gives an equal fingerprint, whatever the bits of NaN and zero; one changed value does not."""
    other_nan = bank.features.copy()
    other_nan[np.isnan(other_nan)] = -np.float64("nan")
    changed = bank.features.copy()
    changed[0, 0] = 17.0
    assert bank.fingerprint() == replace(bank, features=other_nan).fingerprint()
    assert bank.fingerprint() != replace(bank, features=changed).fingerprint()
    assert (
        bank.fingerprint() != replace(bank, labels=np.zeros_like(bank.labels), days_ahead=_no_miss(bank)).fingerprint()
    )


def test_rows_select_by_mask_and_by_index(bank: Dataset) -> None:
    """A mask and the row numbers it stands for select the same rows."""
    mask = bank.labels
    assert bank.rows(mask).fingerprint() == bank.rows(np.flatnonzero(mask)).fingerprint()
    assert bank.positives == len(bank.rows(mask)) == bank.rows(mask).positives


def test_supported_is_false_only_for_columns_without_any_value(bank: Dataset) -> None:
    """A column with some unknown values is supported, one with nothing else is not."""
    assert bank.supported().tolist() == [True, True, True, False, True]


def test_refuses_what_disagrees(bank: Dataset) -> None:
    """Wrong shapes, types, infinities, dates and days are refused with the column's name."""
    infinite = bank.features.copy()
    infinite[3, 1] = np.inf
    wrong = {
        "labels": {"labels": bank.labels.astype(np.int64)},
        "customers": {"customers": bank.customers[1:]},
        "as_of": {"as_of": np.full(len(bank), np.datetime64("NaT", "D"))},
        "features": {"features": infinite},
        "C order": {"features": np.asfortranarray(bank.features)},
        "specs": {"specs": bank.specs[1:]},
        "share a name": {"specs": (bank.specs[0],) * len(bank.specs)},
        "negative row": {"days_ahead": np.zeros(len(bank))},
        "outside": {"days_ahead": np.where(bank.labels, 30.0, np.nan)},
    }
    for message, change in wrong.items():
        with pytest.raises(ValueError, match=message):
            replace(bank, **change)


def test_spec_refuses_a_wrong_direction_or_an_empty_range() -> None:
    """A direction is -1, 0 or 1, and a plausible range holds at least one value."""
    with pytest.raises(ValueError, match="direction"):
        FeatureSpec("x", "g", 2, 0.0, 1.0, "days")
    with pytest.raises(ValueError, match="range"):
        FeatureSpec("x", "g", 1, 1.0, 0.0, "days")


def test_require_columns_refuses_another_width() -> None:
    """Features of another width than the model's are the model owner's problem."""
    require_columns(np.zeros((3, 2)), ("a", "b"))
    with pytest.raises(ModelMismatch, match="2 columns"):
        require_columns(np.zeros((3, 3)), ("a", "b"))


def _no_miss(bank: Dataset) -> np.ndarray:
    return np.full(len(bank), np.nan)
