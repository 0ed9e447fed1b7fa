"""The risk without help: who is left out, who stands for them, and what is learnt from that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.stated import canonical_json
from forbear.models.base import Model
from forbear.models.boosting import default_settings, fit_boosting
from forbear.models.calibration import Platt, fit_calibrator
from forbear.models.dataset import Dataset
from forbear.models.logistic import sigmoid
from forbear.models.scorecard import ScorecardSettings, fit_scorecard
from forbear.models.training import TrainingSpec, train
from forbear.models.untreated import Draws, LeftOut, Reach, beside_naive, untreated

MakeBank = Callable[..., Dataset]
FIRST = np.datetime64("2023-06-01", "D")
FATES = ("offered", "held", "kept back", "exempt")
SPEC = TrainingSpec("scorecard", seed=3, resamples=20)


def fit(kind: str, dataset: Dataset) -> Model:
    """A quick model of either kind that is trained."""
    if kind == "scorecard":
        return fit_scorecard(dataset, ScorecardSettings())
    settings = replace(default_settings(200), row_share=1.0, column_share=1.0)
    return fit_boosting(dataset, settings, rounds=30, seed=1)


def draws(*told: tuple[int, int, str], chance: float = 0.1) -> Draws:
    """Decisions as (customer, days from the first of June on, what became of it)."""
    what = np.array([one[2] for one in told], dtype="U16")
    return Draws(
        customer=np.array([one[0] for one in told], dtype=np.int64),
        day=FIRST + np.array([one[1] for one in told], dtype="timedelta64[D]"),
        offered=(what == "offered") | (what == "exempt"),
        held_out=what == "held",
        chance=np.full(len(told), chance),
        exempt=what == "exempt",
    )


def june(bank: Dataset) -> Dataset:
    """The rows as of the first of June, a row each customer."""
    return bank.rows(bank.as_of == FIRST)


def helped(bank: Dataset, hold_out: float, seed: int = 5) -> tuple[Dataset, Draws]:
    """The bank where the 30 % with the most stress are helped, but for a hold-out, and then never miss."""
    stress = np.nan_to_num(bank.features[:, 0])
    proposed = stress > np.quantile(stress, 0.7)
    held = np.random.default_rng(seed).random(int(bank.customers.max()) + 1)[bank.customers] < hold_out
    offered = proposed & ~held
    made = Draws(
        customer=bank.customers[proposed],
        day=bank.as_of[proposed],
        offered=offered[proposed],
        held_out=held[proposed],
        chance=np.full(int(proposed.sum()), hold_out),
        exempt=np.zeros(int(proposed.sum()), dtype=np.bool_),
    )
    labels = bank.labels & ~offered
    return replace(bank, labels=labels, days_ahead=np.where(labels, bank.days_ahead, np.nan)), made


# ---- where nobody was helped


@pytest.mark.parametrize("told", [(), ((0, 0, "held"), (1, 5, "kept back")), ((0, -40, "offered"), (1, 30, "offered"))])
def test_without_offers_nothing_changes(bank: Dataset, told: tuple[tuple[int, int, str], ...]) -> None:
    """No decision, none that helped, or none near any row: the very dataset comes back, and so the same model."""
    rows = june(bank)
    found = untreated(rows, draws(*told))
    assert found.dataset is rows
    assert found.left_out.helped == 0
    np.testing.assert_array_equal(found.kept, np.arange(len(rows)))


def test_weights_of_one_change_nothing(bank: Dataset) -> None:
    """A bank whose rows each stand for one gives the same trees and the same calibrator, to the bit."""
    even = replace(bank, weights=np.ones(len(bank)))
    plain, weighted = fit("boosting", bank).to_document(), fit("boosting", even).to_document()
    assert canonical_json(plain) == canonical_json(weighted)
    log_odds = bank.features[:, 4]
    log_odds = np.where(np.isnan(log_odds), 0.0, log_odds)
    assert fit_calibrator(log_odds, bank.labels) == fit_calibrator(log_odds, bank.labels, weights=even.weights)


@pytest.mark.parametrize("kind", ["scorecard", "boosting"])
def test_a_weight_of_two_is_the_row_twice(bank: Dataset, kind: str) -> None:
    """Rows that weigh two teach what the same rows, each there twice, teach: figures and model agree."""
    twice = bank.rows(np.repeat(np.arange(len(bank)), 2))
    double = replace(bank, weights=np.full(len(bank), 2.0))
    one, other = fit(kind, twice).log_odds(bank.features), fit(kind, double).log_odds(bank.features)
    assert np.abs(one - other).mean() < 0.05
    calibrated = [
        fit_calibrator(np.nan_to_num(rows.features[:, 0]), rows.labels, weights=rows.weights)
        for rows in (twice, double)
    ]
    assert all(isinstance(one, Platt) for one in calibrated)
    assert calibrated[0].apply(log_odds=np.zeros(1)) == pytest.approx(calibrated[1].apply(log_odds=np.zeros(1)))


def test_content_with_weights_is_other_content(bank: Dataset) -> None:
    """Weights take part in the fingerprint; one that is 0, negative or infinite is refused."""
    weighted = replace(bank, weights=np.full(len(bank), 2.0))
    assert weighted.fingerprint() != bank.fingerprint()
    assert weighted.rows(np.array([3, 1])).row_weights.tolist() == [2.0, 2.0]
    for wrong in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="weights"):
            replace(bank, weights=np.full(len(bank), wrong))


# ---- who is left out, and who stands for them


def test_each_row_by_hand(bank: Dataset) -> None:
    """Help from 29 days before to 29 days after leaves a row out; who is held out stands for 1/chance rows."""
    rows = june(bank)
    told = (
        (0, -29, "offered"),
        (1, 29, "offered"),
        (2, -30, "offered"),
        (3, 30, "offered"),
        (4, 3, "held"),
        (4, 20, "held"),
        (5, 3, "kept back"),
        (6, 0, "exempt"),
        (7, 0, "held"),
        (7, 1, "offered"),
    )
    found = untreated(rows, draws(*told, chance=0.25))
    left_out = np.setdiff1d(np.arange(len(rows)), found.kept)
    assert rows.customers[left_out].tolist() == [0, 1, 5, 6, 7]
    of_held, *others = found.dataset.row_weights[[4 - 2, 0, 1]]
    # Five rows of those who can be held out are drawn, and the only one held out stands for all of them.
    assert of_held / others[0] == pytest.approx(5.0)
    assert others[0] == others[1]
    assert (found.left_out.helped, found.left_out.kept_back, found.left_out.exempt) == (4, 1, 1)
    assert (found.left_out.held_out, found.left_out.stood_for, found.left_out.bounded) == (1, 4.0, 0)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40), st.integers(-60, 60), st.sampled_from(["offered", "held", "kept back", "exempt"])
        ),
        max_size=60,
    ),
    st.floats(0.01, 0.9),
)
def test_no_row_that_help_may_have_changed_is_kept(told: list[tuple[int, int, str]], chance: float) -> None:
    """Whatever was decided: what is kept met no help, its weights sum to what it tells, and every row is counted."""
    rows = _plain_rows(40)
    found = untreated(rows, draws(*told, chance=chance))
    near = {(one, what) for one, day, what in told if -29 <= day < 30}
    helped_ones = {one for one, what in near if what in ("offered", "exempt")} & set(range(40))
    counts: LeftOut = found.left_out
    assert counts.helped == len(helped_ones)
    if not helped_ones:
        return
    assert not helped_ones & set(found.dataset.customers.tolist())
    assert counts.rows == len(found.kept) + counts.helped + counts.kept_back
    assert counts.effective <= len(found.kept) + 1e-9
    assert found.dataset.row_weights.sum() == pytest.approx(counts.effective)
    held = np.isin(found.dataset.customers, [one for one, what in near if what == "held"])
    assert counts.held_out == held.sum()
    if held.any():
        untouched = found.dataset.row_weights[~held]
        drawn = len({one for one, _ in near} & set(range(40)) - {one for one, what in near if what == "exempt"})
        assert len(untouched) == 0 or found.dataset.row_weights[held].sum() / untouched[0] == pytest.approx(drawn)


def test_the_smaller_chance_counts_and_weights_are_bounded() -> None:
    """Two hold-outs of one salt have the chance of the smaller share; a tiny chance weighs no more than the bound."""
    told = draws((0, 0, "held"), (0, 5, "held"), (1, 0, "held"), (2, 0, "offered"))
    told = replace(told, chance=np.array([0.5, 0.2, 0.001, np.nan]))
    found = untreated(_plain_rows(9), told, Reach(most_weight=10.0))
    assert found.left_out.stood_for == 5.0 + 10.0
    assert found.left_out.bounded == 1


def test_wrong_draws_are_refused() -> None:
    """Held out and helped at once, or by no chance at all, is no decision."""
    good = draws((0, 0, "held"))
    for wrong in ({"offered": np.array([True])}, {"chance": np.array([0.0])}, {"exempt": np.array([True, False])}):
        with pytest.raises(ValueError, match=r"held out|chance|lengths"):
            replace(good, **wrong)


def _plain_rows(customers: int) -> Dataset:
    return Dataset(
        features=np.zeros((customers, 0)),
        specs=(),
        labels=np.zeros(customers, dtype=np.bool_),
        customers=np.arange(customers, dtype=np.int64),
        as_of=np.full(customers, FIRST),
        days_ahead=np.full(customers, np.nan),
    )


# ---- what is learnt


def test_the_weighted_share_is_that_without_help(make_bank: MakeBank) -> None:
    """The share that would have missed comes back from the kept rows; that of all rows is far less."""
    bank = make_bank(seed=2, customers=4_000, months=4)
    changed, made = helped(bank, 0.3)
    kept = untreated(changed, made).dataset
    share = float(kept.row_weights @ kept.labels / kept.row_weights.sum())
    assert share == pytest.approx(bank.labels.mean(), rel=0.1)
    assert changed.labels.mean() < 0.6 * bank.labels.mean()


def test_the_risk_of_the_helped_is_learnt(make_bank: MakeBank) -> None:
    """The naive way takes the stressed for safe; ours gives them the PD that they have without help."""
    bank = make_bank(seed=3, customers=3_000, months=6)
    changed, made = helped(bank, 0.2)
    found = untreated(changed, made)
    naive, ours = train(changed, SPEC), train(found.dataset, SPEC)
    unseen = make_bank(seed=9, customers=3_000, months=1)
    stressed = np.nan_to_num(unseen.features[:, 0]) > 1.0
    truth = sigmoid(-4.2 + 1.2 * np.nan_to_num(unseen.features[:, 0]) - 1.0 * np.nan_to_num(unseen.features[:, 1]))
    ratio = {
        name: model.predict(unseen.features)[stressed].mean() / truth[stressed].mean()
        for name, model in (("naive", naive), ("ours", ours))
    }
    assert ratio["naive"] < 0.5
    assert 0.75 < ratio["ours"] < 1.3
    told = beside_naive(found, ours, naive)
    assert told["ours"].value > told["naive"].value
    assert told["gain"].low <= told["gain"].value <= told["gain"].high
