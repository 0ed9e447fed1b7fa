"""Metrics: equal to scikit-learn's with ties, and a weight is a copy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from forbear.models import metrics
from forbear.models.contacts import contact_queue
from forbear.models.dataset import Dataset
from forbear.models.evaluate import Scored, row_figures
from forbear.models.logistic import logit, recalibrate

# Few distinct PDs, so that ties within and between the classes are the rule.
ROWS = st.lists(st.tuples(st.sampled_from([0.02, 0.1, 0.3, 0.5, 0.9]), st.booleans()), min_size=4, max_size=60)


@given(ROWS)
@settings(deadline=None, max_examples=60)
def test_ranking_metrics_equal_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    """AUC, average precision and KS agree with scikit-learn and scipy on tied scores."""
    scores, labels = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], dtype=np.float64)
    counts = metrics.rank(scores, labels).counts(np.ones(len(rows)))
    if not counts.both:
        assert np.isnan(metrics.auc(counts))
        assert np.isnan(metrics.ks(counts))
        return
    assert roc_auc_score(labels, scores) == pytest.approx(metrics.auc(counts))
    assert average_precision_score(labels, scores) == pytest.approx(metrics.pr_auc(counts))
    # "exact" would warn where its p-value, which nobody asks for here, cannot be had.
    distance = ks_2samp(scores[labels > 0], scores[labels == 0], method="asymp").statistic
    assert distance == pytest.approx(metrics.ks(counts))


@given(ROWS)
@settings(deadline=None, max_examples=30)
def test_probability_metrics_equal_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    """Brier score and log-loss agree with scikit-learn; the base is the Brier score of the prevalence."""
    pds, labels = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], dtype=np.float64)
    ones = np.ones(len(rows))
    assert brier_score_loss(labels, pds) == pytest.approx(metrics.brier(pds, labels, ones))
    assert log_loss(labels, pds, labels=[0, 1]) == pytest.approx(metrics.log_loss(pds, labels, ones))
    constant = np.full(len(rows), labels.mean())
    assert metrics.brier(constant, labels, ones) == pytest.approx(metrics.brier_base(labels, ones))


@pytest.mark.parametrize("seed", range(3))
def test_a_weight_is_a_copy(bank: Dataset, seed: int) -> None:
    """Every figure of reweighted rows equals that of rows physically repeated, zero times included."""
    generator = np.random.default_rng(seed)
    part = bank.rows(np.arange(900))
    pds = np.round(generator.random(len(part)), 1) * 0.9 + 0.05
    copies = generator.integers(0, 4, len(part))
    repeated = np.repeat(np.arange(len(part)), copies)
    weighted = row_figures(Scored("m", pds, part, (), pds))(copies.astype(np.float64))
    copied = part.rows(repeated)
    physical = row_figures(Scored("m", pds[repeated], copied, (), pds[repeated]))(np.ones(len(copied)))
    assert physical.keys() == weighted.keys()
    for name, value in physical.items():
        assert value == pytest.approx(weighted[name], rel=1e-6, abs=1e-9), name


def test_without_positives_every_ranking_figure_is_nan() -> None:
    """A set of rows without a positive has no AUC, average precision, KS, precision or recall."""
    scores, labels = np.array([0.1, 0.2, 0.2]), np.zeros(3)
    counts = metrics.rank(scores, labels).counts(np.ones(3))
    queue = contact_queue(scores, np.full(3, "2024-01-01", "datetime64[D]"), np.arange(3))
    figures = [metrics.auc(counts), metrics.pr_auc(counts), metrics.ks(counts)]
    figures += metrics.precision_recall_at(0.5, queue, labels, np.ones(3))
    line = recalibrate(logit(scores), labels, np.ones(3))
    assert np.isnan([*figures, line.slope, line.intercept]).all()


def test_without_rows_nothing_is_defined() -> None:
    """An empty set of rows gives NaN, not an error."""
    empty = np.empty(0)
    counts = metrics.rank(empty, empty).counts(empty)
    assert np.isnan([metrics.auc(counts), metrics.pr_auc(counts), metrics.ks(counts)]).all()
    assert np.isnan([metrics.brier(empty, empty, empty), metrics.brier_base(empty, empty)]).all()


def test_recalibration_recovers_a_planted_line() -> None:
    """Outcomes drawn from 0.5 + 2 x log-odds are found to have intercept 0.5 and slope 2."""
    generator = np.random.default_rng(1)
    log_odds = generator.normal(size=200_000)
    labels = (generator.random(len(log_odds)) < 1 / (1 + np.exp(-0.5 - 2.0 * log_odds))).astype(np.float64)
    line = recalibrate(log_odds, labels, np.ones(len(labels)))
    assert line.intercept == pytest.approx(0.5, abs=0.03)
    assert line.slope == pytest.approx(2.0, abs=0.03)


def test_recalibration_of_separable_rows_is_undefined() -> None:
    """Where every positive outranks every negative no finite slope is best."""
    line = recalibrate(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4))
    assert np.isnan(line.slope)
