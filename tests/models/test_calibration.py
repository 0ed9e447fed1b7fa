"""Calibration: recovers a planted distortion, never turns the ranking, knows when there is too little."""

from __future__ import annotations

import numpy as np
import pytest

from forbear.domain.errors import CorruptState
from forbear.models.calibration import Identity, Isotonic, Platt, fit_calibrator, load_calibrator
from forbear.models.dataset import Bools
from forbear.models.logistic import sigmoid
from forbear.models.results import Floats


def distorted(rows: int, seed: int = 0) -> tuple[Floats, Bools]:
    """Log-odds of an overconfident model: the outcomes follow -0.4 + 0.5 x log-odds."""
    generator = np.random.default_rng(seed)
    log_odds = generator.normal(-2.0, 2.0, rows)
    return log_odds, generator.random(rows) < sigmoid(-0.4 + 0.5 * log_odds)


def test_platt_recovers_a_planted_distortion() -> None:
    """Intercept and slope of the distortion come back, and the PDs are those the outcomes came from."""
    log_odds, labels = distorted(60_000)
    found = fit_calibrator(log_odds, labels)
    assert isinstance(found, Platt)
    assert found.intercept == pytest.approx(-0.4, abs=0.05)
    assert found.slope == pytest.approx(0.5, abs=0.03)


def test_isotonic_recovers_a_planted_distortion() -> None:
    """With thousands of positives the steps follow the true curve, and no PD is 0 or 1."""
    log_odds, labels = distorted(60_000)
    found = fit_calibrator(log_odds, labels, "isotonic")
    assert isinstance(found, Isotonic)
    grid = np.linspace(-5.0, 1.0, 20)
    np.testing.assert_allclose(found.apply(grid), sigmoid(-0.4 + 0.5 * grid), atol=0.05)
    extremes = found.apply(np.array([-1e3, 1e3]))
    assert extremes[0] > 0.0
    assert extremes[1] < 1.0


def test_fewer_than_a_thousand_positives_get_no_steps() -> None:
    """Isotonic asked for on thin data becomes Platt, and says so."""
    log_odds, labels = distorted(2_000)
    assert fit_calibrator(log_odds, labels, "isotonic").kind == "platt"


def test_fewer_than_twenty_positives_leave_the_model_alone() -> None:
    """With 19 positives the PD is the model's own; with 20 it is corrected."""
    log_odds, labels = distorted(5_000)
    for positives, kind in ((19, "identity"), (20, "platt")):
        few = np.concatenate([np.flatnonzero(labels)[:positives], np.flatnonzero(~labels)])
        assert fit_calibrator(log_odds[few], labels[few]).kind == kind


def test_scores_that_rank_backwards_get_the_prevalence() -> None:
    """A negative slope is not allowed to turn the model round: everybody gets the prevalence."""
    log_odds, labels = distorted(5_000)
    found = fit_calibrator(-log_odds, labels)
    np.testing.assert_allclose(found.apply(np.array([-3.0, 3.0])), labels.mean())


@pytest.mark.parametrize("calibrator", [Identity(), Platt(-0.4, 0.5), Isotonic((-3.0, 0.0, 2.0), (0.01, 0.2, 0.2))])
def test_every_calibrator_is_monotone_and_survives_its_document(calibrator: Identity | Platt | Isotonic) -> None:
    """PDs never fall as log-odds rise, and are the same bits after a round trip."""
    grid = np.linspace(-30.0, 30.0, 400)
    pds = calibrator.apply(grid)
    assert (np.diff(pds) >= 0.0).all()
    assert pds.min() >= 0.0
    assert pds.max() <= 1.0
    np.testing.assert_array_equal(pds, load_calibrator(calibrator.to_document()).apply(grid))


def test_an_unknown_document_is_refused() -> None:
    """A calibrator that this version does not know, or with a field missing, is corrupt."""
    for document in ({"kind": "spline"}, {"kind": "platt", "slope": 1.0}, {}):
        with pytest.raises(CorruptState):
            load_calibrator(document)
