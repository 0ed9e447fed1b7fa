"""Evaluations: every promised figure, small curves, bins with intervals."""

from __future__ import annotations

import numpy as np
import pytest

from forbear.models.dataset import Dataset
from forbear.models.evaluate import Scored, calibration_bins, evaluate, evaluate_scored, wilson, with_lead_time
from forbear.models.intervals import Bootstrap
from forbear.models.results import Evaluation, Floats

BOOTSTRAP = Bootstrap(seed=0, resamples=40)
NAMES = {"auc", "pr_auc", "ks", "brier", "brier_base", "log_loss", "calibration_slope", "calibration_intercept"}
NAMES |= {f"{what}_at_{percent}pct" for what in ("precision", "recall") for percent in (1, 2, 5, 10)}


@pytest.fixture(scope="module")
def of_truth(bank: Dataset, true_pd: Floats) -> Evaluation:
    """The evaluation of the PDs that the outcomes were drawn from."""
    return evaluate("truth", true_pd, bank, (), BOOTSTRAP)


def test_every_figure_is_there_and_inside_its_interval(of_truth: Evaluation, bank: Dataset) -> None:
    """The promised figures all come, each between its bounds."""
    assert of_truth.figures.keys() == NAMES
    assert len(bank) == of_truth.rows
    assert of_truth.customers == 500
    for name, figure in of_truth.figures.items():
        assert figure.low <= figure.value <= figure.high, name


def test_the_true_pd_is_calibrated_and_beats_the_base(of_truth: Evaluation) -> None:
    """Slope 1 and intercept 0 lie in their intervals, and the Brier score beats the prevalence's."""
    slope, intercept = of_truth.figures["calibration_slope"], of_truth.figures["calibration_intercept"]
    assert slope.low < 1.0 < slope.high
    assert intercept.low < 0.0 < intercept.high
    assert of_truth.figures["brier"].value < of_truth.figures["brier_base"].value


def test_curves_are_small_and_keep_their_ends(of_truth: Evaluation) -> None:
    """ROC runs from (0, 0) to (1, 1), recall ends at 1, and neither has more than 400 points."""
    roc, recall = of_truth.roc, of_truth.precision_recall.x
    assert len(roc.x) == len(roc.y) <= 400
    assert [roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]] == [0.0, 0.0, 1.0, 1.0]
    assert len(recall) <= 400
    assert recall[-1] == 1.0
    area = np.trapezoid(roc.y, roc.x)
    assert area == pytest.approx(of_truth.figures["auc"].value, abs=0.005)


def test_calibration_bins_hold_equal_counts_and_every_row(of_truth: Evaluation, bank: Dataset) -> None:
    """Ten bins of one size, rising in PD, most of whose intervals hold the prediction."""
    bins = of_truth.calibration
    assert [each.rows for each in bins] == [600] * 10
    predicted = [each.predicted for each in bins]
    assert sorted(predicted) == predicted
    covered = sum(each.observed.low <= each.predicted <= each.observed.high for each in bins)
    assert covered >= 8


def test_fewer_rows_than_bins_make_fewer_bins() -> None:
    """No bin is empty."""
    assert len(calibration_bins(np.array([0.1, 0.2, 0.3]), np.array([0.0, 1.0, 0.0]))) == 3


def test_wilson_interval_of_a_textbook_case() -> None:
    """1 of 10 has the score interval (0.0179, 0.4042); 0 of 10 starts at 0."""
    figure = wilson(1.0, 10)
    assert figure.low == pytest.approx(0.01787, abs=1e-4)
    assert figure.high == pytest.approx(0.40415, abs=1e-4)
    assert wilson(0.0, 10).low == 0.0


def test_equal_seeds_give_equal_evaluations(of_truth: Evaluation, bank: Dataset, true_pd: Floats) -> None:
    """An evaluation is a function of its arguments."""
    again = evaluate("truth", true_pd, bank, (), BOOTSTRAP)
    assert of_truth.figures == again.figures
    assert of_truth.lead_time == again.lead_time


def test_lead_time_can_come_from_other_rows(of_truth: Evaluation, bank: Dataset, true_pd: Floats) -> None:
    """Only the lead time changes when other rows are given for it."""
    half = np.arange(len(bank) // 2)
    changed = with_lead_time(of_truth, true_pd[half], bank.rows(half), BOOTSTRAP)
    assert changed.figures == of_truth.figures
    assert 0 < changed.lead_time[0].misses < of_truth.lead_time[0].misses


def test_rows_without_positives_are_evaluated_to_nan(bank: Dataset, true_pd: Floats) -> None:
    """No positives: no ranking, no curves, no lead time, and a Brier score all the same."""
    quiet = evaluate("m", true_pd[~bank.labels], bank.rows(~bank.labels), (), BOOTSTRAP)
    assert np.isnan(quiet.figures["auc"].value)
    assert np.isnan(quiet.figures["recall_at_5pct"].value)
    assert quiet.figures["brier"].value > 0.0
    assert len(quiet.roc.x) == len(quiet.precision_recall.x) == len(quiet.lead_time) == 0


@pytest.mark.parametrize("value", [np.nan, -0.1, 1.1])
def test_a_pd_that_is_none_is_refused(bank: Dataset, true_pd: Floats, value: float) -> None:
    """A model that answers NaN or leaves [0, 1] is not evaluated."""
    wrong = true_pd.copy()
    wrong[7] = value
    with pytest.raises(ValueError, match="m: "):
        evaluate("m", wrong, bank, (), BOOTSTRAP)


def test_a_score_that_is_no_probability_is_ranked_but_not_calibrated(bank: Dataset) -> None:
    """A rule of thumb has an AUC and no Brier score, and may rank whom it knows nothing of last."""
    cover = bank.features[:, 1]
    scores = np.where(np.isnan(cover), -np.inf, -cover)
    bare = evaluate_scored(Scored("low cover", scores, bank, (), None), BOOTSTRAP)
    assert bare.figures["auc"].low > 0.6
    assert np.isnan([bare.figures[name].value for name in ("brier", "log_loss", "calibration_slope")]).all()
    assert bare.calibration == ()
