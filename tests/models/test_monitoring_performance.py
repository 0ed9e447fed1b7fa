"""Performance by labels and before them: what a calibrated model promises comes true, and a worse one is told."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

import numpy as np
import pytest

from forbear.apps.package_data import text_of
from forbear.models.intervals import Bootstrap
from forbear.models.logistic import sigmoid
from forbear.models.monitoring_performance import AUC, Closes, degradation, estimated, observed
from forbear.models.monitoring_terms import parse_monitoring
from forbear.models.results import Figure

LIMITS = parse_monitoring(tomllib.loads(text_of("monitor.toml"))).performance
CHANCE = Bootstrap(1, 60)
CUSTOMERS, CLOSES = 1_500, 4


def closes(seed: int = 0, *, stretch: float = 1.0, noise: float = 0.0, customers: int = CUSTOMERS) -> Closes:
    """Closes of customers whose true PDs are known. stretch: of the model's log-odds.  noise: that it adds to them."""
    draw = np.random.default_rng(seed)
    own = draw.normal(-3.0, 1.3, customers)
    true = np.concatenate([own + draw.normal(0.0, 0.3, customers) for _ in range(CLOSES)])
    labels = draw.random(len(true)) < sigmoid(true)
    pd = sigmoid(stretch * (true + noise * draw.normal(size=len(true))))
    days = np.repeat(np.arange(CLOSES) * 7 + 20_000, customers)
    return Closes(pd, np.tile(np.arange(customers), CLOSES), days, labels, cut_off=0.2)


def told(found: Closes, validation: Mapping[str, Figure]) -> dict[str, str]:
    """Verdicts by name of figure, by labels."""
    return {one.name: one.verdict for one in degradation(observed(found, CHANCE), validation, LIMITS)}


def own_auc(value: float) -> dict[str, Figure]:
    """What a model's validation said."""
    return {AUC: Figure(value, value - 0.01, value + 0.01)}


@pytest.mark.parametrize("seed", range(3))
def test_calibrated_pds_keep_their_promise(seed: int) -> None:
    """Where PDs are calibrated, what is estimated without labels lies in the intervals of what labels say."""
    found = closes(seed)
    by_labels, promised = observed(found, CHANCE), estimated(found, CHANCE)
    for name, figure in promised.figures.items():
        wide = by_labels.figures[name].high - by_labels.figures[name].low
        assert by_labels.figures[name].low - wide / 2 <= figure.value <= by_labels.figures[name].high + wide / 2
    assert promised.positives == pytest.approx(by_labels.positives, rel=0.15)


def test_an_estimate_looks_at_no_label() -> None:
    """Other labels leave the estimate as it is, to the bit."""
    found = closes()
    other = Closes(found.pd, found.customer, found.day, ~found.labels, found.cut_off)
    assert estimated(found, CHANCE) == estimated(other, CHANCE)


def test_a_good_model_is_steady() -> None:
    """A calibrated model that ranks as in its validation has no alarm."""
    found = closes()
    value = observed(found, CHANCE).figures[AUC].value
    assert set(told(found, own_auc(value)).values()) == {"steady"}


def test_a_worse_ranking_is_told() -> None:
    """A model whose scores have become noisy is degraded beside the validation of the one that it was."""
    value = observed(closes(), CHANCE).figures[AUC].value
    assert told(closes(noise=3.0), own_auc(value))[AUC] == "drifting"


def test_wrong_probabilities_are_told() -> None:
    """A model twice as sure of itself ranks as before, and both figures of calibration are out of order."""
    sure = told(closes(stretch=2.0), own_auc(observed(closes(), CHANCE).figures[AUC].value))
    assert sure == {AUC: "steady", "calibration_slope": "drifting", "observed_over_expected": "drifting"}


def test_few_misses_say_nothing() -> None:
    """With fewer misses than are asked for, or no validation to compare with, it cannot be told."""
    few = closes(customers=60)
    assert set(told(few, own_auc(0.9)).values()) == {"cannot tell"}
    assert told(closes(), {})[AUC] == "cannot tell"


def test_intervals_keep_customers_whole() -> None:
    """The same rows four times over are no more customers: intervals do not shrink as if they were."""
    found = closes()
    first = found.day == found.day.min()
    once = Closes(*(getattr(found, name)[first] for name in ("pd", "customer", "day", "labels")), found.cut_off)
    four = Closes(
        *(np.tile(getattr(once, name), 4) for name in ("pd", "customer", "day", "labels")), cut_off=found.cut_off
    )
    single, repeated = (observed(one, Bootstrap(1, 200)).figures[AUC] for one in (once, four))
    assert repeated.high - repeated.low == pytest.approx(single.high - single.low, rel=1e-6)
