"""Training: forward in time, calibrated on unseen rows, honest about too little data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from forbear.domain.errors import NotEnoughData
from forbear.domain.stated import canonical_json
from forbear.models.boosting import default_settings
from forbear.models.dataset import Dataset
from forbear.models.evaluate import evaluate
from forbear.models.intervals import Bootstrap
from forbear.models.training import TrainedKind, TrainedModel, TrainingSpec, cross_validate_table, train

KINDS = get_args(TrainedKind)
MakeBank = Callable[..., Dataset]


def spec_of(kind: TrainedKind, dataset: Dataset) -> TrainingSpec:
    """A quick training."""
    quick = replace(default_settings(dataset.positives), max_rounds=80, learning_rate=0.1)
    return TrainingSpec(kind, seed=7, boosting=quick, resamples=20)


@pytest.fixture(scope="module")
def trained(bank: Dataset) -> dict[str, TrainedModel]:
    """Each trainable kind on the small bank."""
    return {kind: train(bank, spec_of(kind, bank)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_two_trainings_are_identical(trained: dict[str, TrainedModel], bank: Dataset, kind: TrainedKind) -> None:
    """Model, calibrator and figures are a function of rows and specification."""
    again = train(bank, spec_of(kind, bank))
    assert canonical_json(trained[kind].model.to_document()) == canonical_json(again.model.to_document())
    assert trained[kind].calibrator == again.calibrator
    assert trained[kind].validation.figures == again.validation.figures


@pytest.mark.parametrize("kind", KINDS)
def test_learns_the_planted_risk(
    trained: dict[str, TrainedModel], make_bank: MakeBank, bank: Dataset, kind: TrainedKind
) -> None:
    """On a bank it never saw, the PDs rank nearly as well as the truth and are calibrated."""
    unseen = make_bank(seed=1, customers=1_000)
    result = evaluate(kind, trained[kind].predict(unseen.features), unseen, (), Bootstrap(0, 40)).figures
    assert result["auc"].value > 0.80
    assert result["brier"].value < result["brier_base"].value
    assert 0.75 < result["calibration_slope"].value < 1.3


@pytest.mark.parametrize("kind", KINDS)
def test_validation_rows_are_later_than_the_first_block(trained: dict[str, TrainedModel], kind: TrainedKind) -> None:
    """Three of twelve dates only train; the other nine are each validated once, for every customer."""
    assert trained[kind].validation.rows == 9 * 500
    assert trained[kind].calibrator.kind == "platt"


@pytest.mark.parametrize("kind", KINDS)
def test_validation_does_not_know_open_label_windows(make_bank: MakeBank, kind: TrainedKind) -> None:
    """Outcomes of rows still open on the first date of validation change the final model and no figure of it."""
    weekly = make_bank(customers=200, months=24, days_apart=7)
    first_validated = np.unique(weekly.as_of)[12]
    closes = weekly.as_of + np.timedelta64(30, "D")
    still_open = (weekly.as_of < first_validated) & (closes > first_validated)
    turned = replace(weekly, labels=weekly.labels | still_open)
    spec = replace(spec_of(kind, weekly), folds=1)
    before, after = train(weekly, spec), train(turned, spec)
    assert before.validation.figures == after.validation.figures
    assert before.calibrator == after.calibrator
    assert (before.model.log_odds(weekly.features) != after.model.log_odds(weekly.features)).any()


@pytest.mark.parametrize("kind", KINDS)
def test_too_little_data_is_refused_with_a_mend(make_bank: MakeBank, kind: TrainedKind) -> None:
    """Few dates, few positives, one class or dates too close together: each says what to bring."""
    good = make_bank(customers=120)
    first_positives = np.cumsum(good.labels) <= 9
    cases = {
        "3 observation dates": make_bank(customers=120, months=3),
        "9 positive rows": good.rows(~good.labels | first_positives),
        "every row is positive": good.rows(good.labels),
        "left to validate": make_bank(customers=200, months=4, days_apart=7),
    }
    for message, dataset in cases.items():
        with pytest.raises(NotEnoughData, match=message) as caught:
            train(dataset, spec_of(kind, dataset))
        assert caught.value.mend


def test_too_few_unseen_positives_leave_the_pd_uncorrected(make_bank: MakeBank) -> None:
    """With fewer than twenty positives to calibrate on, the calibrator is the identity and says so."""
    small = make_bank(seed=4, customers=45)
    assert 10 <= small.positives < 30
    assert train(small, spec_of("scorecard", small)).calibrator.kind == "identity"


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_is_cross_validated_at_random(make_bank: MakeBank, kind: TrainedKind) -> None:
    """Every row of a one-date table gets a PD from a model that had not seen it."""
    table = make_bank(customers=3_000, months=1)
    result = cross_validate_table(table, folds=3, seed=0, kind=kind)
    assert np.bincount(result.fold).min() >= 999
    assert len(result.by_fold) == 3
    assert result.pooled.rows == 3000
    assert result.pooled.figures["auc"].value > 0.75
    np.testing.assert_array_equal(
        result.predictions, cross_validate_table(table, folds=3, seed=0, kind=kind).predictions
    )


def test_a_table_with_a_customer_twice_is_refused(bank: Dataset) -> None:
    """A random split over several rows of a customer would train on whom it validates."""
    with pytest.raises(ValueError, match="two rows"):
        cross_validate_table(bank, folds=3, seed=0, kind="scorecard")
