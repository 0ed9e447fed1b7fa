"""A small bank whose risk is known, for the tests of the models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forbear.models.dataset import Dataset, FeatureSpec
from forbear.models.results import Floats

SPECS = (
    FeatureSpec("stress", "payments", 1, -np.inf, np.inf, "ratio"),
    FeatureSpec("cover", "savings", -1, -np.inf, np.inf, "days"),
    FeatureSpec("age_of_account", "patterns", 0, 0.0, np.inf, "days"),
    FeatureSpec("never_seen", "cash", 1, 0.0, 1.0, "share"),
    FeatureSpec("noise", "cash", 1, 0, 1, "share"),
)

MakeBank = Callable[..., Dataset]


def planted_log_odds(features: Floats) -> Floats:
    """The log-odds that the bank's outcomes are drawn from: stress raises, cover lowers, the rest is idle."""
    return -4.2 + 1.2 * np.nan_to_num(features[:, 0]) - 1.0 * np.nan_to_num(features[:, 1])


def build_bank(seed: int = 0, customers: int = 500, months: int = 12, days_apart: int = 0) -> Dataset:
    """Rows of every customer on every date: the first of each month, or dates so many days apart."""
    generator = np.random.default_rng(seed)
    first = np.datetime64("2023-01-01", "D")
    if days_apart:
        dates = first + days_apart * np.arange(months).astype("timedelta64[D]")
    else:
        dates = (np.datetime64("2023-01", "M") + np.arange(months)).astype("datetime64[D]")
    rows = customers * months
    features = generator.normal(size=(rows, len(SPECS)))
    features[generator.random(features.shape) < 0.05] = np.nan
    features[:, 3] = np.nan
    labels = generator.random(rows) < 1.0 / (1.0 + np.exp(-planted_log_odds(features)))
    days_ahead = np.where(labels, generator.integers(0, 30, rows), np.nan)
    return Dataset(
        features=features,
        specs=SPECS,
        labels=labels,
        customers=np.repeat(np.arange(customers), months),
        as_of=np.tile(dates, customers),
        days_ahead=days_ahead,
    )


@pytest.fixture(scope="session")
def make_bank() -> MakeBank:
    """build_bank, for tests that need a bank of their own."""
    return build_bank


@pytest.fixture(scope="session")
def bank() -> Dataset:
    """500 customers on twelve monthly dates, some 3 % positives, one column entirely unknown."""
    return build_bank()


@pytest.fixture(scope="session")
def true_pd(bank: Dataset) -> Floats:
    """The PDs that the bank's outcomes were drawn from."""
    return np.asarray(1.0 / (1.0 + np.exp(-planted_log_odds(bank.features))))
