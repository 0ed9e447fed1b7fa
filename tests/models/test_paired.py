"""Two scores of the same rows: what they share does not blur the difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.models import metrics
from forbear.models.intervals import Bootstrap
from forbear.models.paired import PairedAuc, paired_auc
from forbear.models.results import Floats

QUICK = Bootstrap(1, 40)


def rows(seed: int, count: int = 400) -> tuple[Floats, Floats, Floats, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Labels, a good score, a worse one, and two rows a customer."""
    generator = np.random.default_rng(seed)
    latent = generator.normal(size=count)
    labels = (latent + generator.normal(size=count) > 1.0).astype(np.float64)
    return labels, latent, latent + 2.0 * generator.normal(size=count), np.arange(count) // 2


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_either_way_round_it_says_the_same(seed: int) -> None:
    """Changed over, the AUCs change over and the difference turns its sign, interval and all."""
    labels, good, worse, customers = rows(seed)
    one = paired_auc(labels, (good, worse), customers, QUICK)
    other = paired_auc(labels, (worse, good), customers, QUICK)
    assert (one.first, one.second) == (other.second, other.first)
    assert (one.difference.value, one.difference.low) == (
        -other.difference.value,
        pytest.approx(-other.difference.high),
    )
    assert one.first.value == metrics.auc(metrics.rank(good, labels).counts(np.ones(len(labels))))


def test_one_score_twice_differs_by_nothing() -> None:
    """Whatever the resample: the interval is a point. So it is for two scores that rank alike."""
    labels, good, _, customers = rows(3)
    for same in (good, np.exp(good)):
        found = paired_auc(labels, (good, same), customers, QUICK)
        assert (found.difference.low, found.difference.value, found.difference.high) == (0.0, 0.0, 0.0)


def test_a_clear_difference_is_clear() -> None:
    """Of a good score and a worse one the interval of the difference leaves 0 out; it is narrower than two apart."""
    labels, good, worse, customers = rows(5, 2_000)
    found = paired_auc(labels, (worse, good), customers, Bootstrap(1, 200))
    assert found.difference.low > 0.0
    apart = sum(one.high - one.low for one in (found.first, found.second))
    assert found.difference.high - found.difference.low < apart


def test_one_class_has_no_auc() -> None:
    """NaN in the value, null in the document."""
    found: PairedAuc = paired_auc(np.zeros(4), (np.arange(4.0), np.arange(4.0)), np.arange(4), QUICK)
    assert np.isnan(found.difference.value)
    assert found.document()["difference"] == {"value": None, "low": None, "high": None}
    assert (found.document()["rows"], found.document()["positives"]) == (4, 0)
