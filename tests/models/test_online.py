"""The scorecard that goes on learning: resumes to the bit, keeps directions, and follows what is planted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.domain.errors import CorruptState, ModelMismatch
from forbear.domain.stated import canonical_json
from forbear.models.base import load_model
from forbear.models.calibration import Corrected, Identity, Isotonic, Platt
from forbear.models.dataset import Dataset
from forbear.models.intervals import Bootstrap
from forbear.models.logistic import sigmoid
from forbear.models.online import Beginning, OnlineScorecard, begin_online, fold_day
from forbear.models.online_terms import ChallengerTerms
from forbear.models.prequential import by_day, paired_figures, predict_first
from forbear.models.scorecard import Scorecard, ScorecardSettings, fit_scorecard

TERMS = ChallengerTerms(trust=0.5, half_life_days=365.0)
MakeBank = Callable[..., Dataset]


@pytest.fixture(scope="module")
def card(bank: Dataset) -> Scorecard:
    """A scorecard of 2023."""
    return fit_scorecard(bank, ScorecardSettings())


@pytest.fixture(scope="module")
def began(card: Scorecard, bank: Dataset) -> OnlineScorecard:
    """What it begins as."""
    return begin_online(card, Identity(), Beginning("a" * 64, "2023-12-01", len(bank), bank.positives), TERMS)


@pytest.fixture(scope="module")
def year(make_bank: MakeBank) -> list[Dataset]:
    """The dates of 2024, of the same kind."""
    rows = make_bank(seed=5, customers=300)
    return list(by_day(replace(rows, as_of=rows.as_of + np.timedelta64(366, "D"))))


def learnt(model: OnlineScorecard, days: list[Dataset]) -> OnlineScorecard:
    """The model after some days."""
    for day in days:
        model = fold_day(model, day, TERMS)
    return model


@settings(max_examples=8, deadline=None)
@given(cut=st.integers(0, 12), seed=st.integers(0, 2**32 - 1))
def test_resuming_is_learning_in_one_go(began: OnlineScorecard, year: list[Dataset], cut: int, seed: int) -> None:
    """Broken off anywhere, kept as a file, and gone on with rows in another order: the same bytes."""
    whole = learnt(began, year)
    kept = canonical_json(learnt(began, year[:cut]).to_document())
    found = load_model(json.loads(kept))
    assert isinstance(found, OnlineScorecard)
    order = np.random.default_rng(seed)
    resumed = learnt(found, [day.rows(order.permutation(len(day))) for day in year[cut:]])

    assert canonical_json(resumed.to_document()) == canonical_json(whole.to_document())


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.01, 0.99))
def test_weights_stay_on_their_side(began: OnlineScorecard, year: list[Dataset], seed: int, share: float) -> None:
    """Outcomes that contradict everything turn no feature round, and attributions go on to sum to the score."""
    generator, model = np.random.default_rng(seed), began
    for day in year[:4]:
        labels = np.asarray(sigmoid(-began.log_odds(day.features)) * share > generator.random(len(day)))
        model = fold_day(model, replace(day, labels=labels, days_ahead=np.full(len(day), np.nan)), TERMS)

    assert all(line.coefficient >= 0.0 for line in model.lines)
    assert all(one > 0.0 for one in model.precision)
    assert model.explain(year[5].features).errors.max() <= 1e-12
    assert sum(weight.share for weight in model.weights()) == pytest.approx(1.0 if model.weights() else 0.0)


@pytest.mark.parametrize(
    "calibrator", [Identity(), Platt(-0.3, 0.8), Corrected(Platt(-0.3, 0.8), -3.0, 0.2, 1.1)], ids=lambda one: one.kind
)
def test_it_begins_with_the_calibrated_scorecard(
    card: Scorecard, bank: Dataset, calibrator: Identity | Platt | Corrected
) -> None:
    """Before anything is learnt its PDs are those of the artefact that it began as."""
    of = Beginning("a" * 64, "2023-12-01", len(bank), bank.positives)
    model = begin_online(card, calibrator, of, TERMS)
    np.testing.assert_allclose(
        model.predict(bank.features), calibrator.apply(card.log_odds(bank.features)), rtol=1e-9, atol=0.0
    )


def test_steps_are_left_out(card: Scorecard, bank: Dataset) -> None:
    """A calibrator that is no line leaves the scorecard's own log-odds to begin with."""
    of = Beginning("a" * 64, "2023-12-01", len(bank), bank.positives)
    model = begin_online(card, Isotonic((-4.0, 0.0), (0.01, 0.4)), of, TERMS)
    np.testing.assert_allclose(model.log_odds(bank.features), card.log_odds(bank.features))


def test_it_follows_a_moved_base_rate(began: OnlineScorecard, year: list[Dataset], bank: Dataset) -> None:
    """Where misses become 2.7 times as frequent its mean PD follows, a no-change year leaves it near."""
    generator, model = np.random.default_rng(2), began
    for day in year:
        true = sigmoid(began.log_odds(day.features) + 1.0)
        labels = np.asarray(generator.random(len(day)) < true)
        model = fold_day(model, replace(day, labels=labels, days_ahead=np.full(len(day), np.nan)), TERMS)
    before, after = began.predict(bank.features).mean(), model.predict(bank.features).mean()
    true_mean = sigmoid(began.log_odds(bank.features) + 1.0).mean()

    assert after - before > 0.6 * (true_mean - before)
    assert after < 1.15 * true_mean
    assert learnt(began, year).predict(bank.features).mean() == pytest.approx(before, rel=0.25)


def test_what_was_learnt_is_counted(began: OnlineScorecard, year: list[Dataset]) -> None:
    """Rows, misses and the newest date are in the state; a day without rows changes nothing."""
    model = learnt(began, year[:2])

    assert (model.rows, model.positives) == (sum(map(len, year[:2])), sum(day.positives for day in year[:2]))
    assert model.last_as_of == str(year[1].as_of[0])
    assert fold_day(model, year[2].rows(np.zeros(len(year[2]), dtype=bool)), TERMS) == model
    assert model.learnt != learnt(began, [year[0], year[2]]).learnt


def test_time_goes_one_way_and_columns_stay(began: OnlineScorecard, year: list[Dataset]) -> None:
    """A date that was learnt from, and rows of other columns, are refused."""
    model = learnt(began, year[:3])
    with pytest.raises(ValueError, match="after those of"):
        fold_day(model, year[2], TERMS)
    with pytest.raises(ModelMismatch):
        fold_day(model, replace(year[3], specs=year[3].specs[::-1]), TERMS)


def test_a_mutilated_state_is_refused(began: OnlineScorecard) -> None:
    """A lost precision, and a weight below 0, are corruption."""
    document = json.loads(canonical_json(began.to_document()))
    negative = [{**line, "coefficient": -0.1} for line in document["lines"]]
    for broken in ({**document, "precision": document["precision"][:-1]}, {**document, "lines": negative}):
        with pytest.raises(CorruptState):
            load_model(broken)


def test_nothing_is_predicted_by_what_had_not_matured(year: list[Dataset], bank: Dataset) -> None:
    """Each date is answered by the dates whose labels counted by then, and by no other."""
    rows = replace(bank, as_of=bank.as_of)
    months = sorted({str(day) for day in bank.as_of})

    def learn(state: tuple[str, ...], day: Dataset) -> tuple[str, ...]:
        return (*state, str(day.as_of[0]))

    def predict(state: tuple[str, ...], features: np.ndarray) -> np.ndarray:
        return np.full(len(features), len(state) / 100.0)

    stated, state = predict_first(rows, (), learn, predict, matures_after_days=32)
    by_month = [round(100 * float(stated[rows.as_of == np.datetime64(month)][0])) for month in months]

    # From 1 February to 1 March are 28 days: January's labels alone count by then, as by 1 February none do.
    assert by_month == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert list(state) == months


def test_figures_are_paired(bank: Dataset) -> None:
    """The same PDs differ by nothing, with an interval of nothing; the first model has no differences."""
    pd = sigmoid(-4.0 + np.nan_to_num(bank.features[:, 0]))
    found = paired_figures({"champion": pd, "other": pd}, bank, Bootstrap(0, 20))
    gap = found["other"]["log_loss_difference"]

    assert (gap.value, gap.low, gap.high) == (0.0, 0.0, 0.0)
    assert "auc_difference" not in found["champion"]
    assert found["champion"]["auc"].low < found["champion"]["auc"].value < found["champion"]["auc"].high
