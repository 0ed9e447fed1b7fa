"""The true probability: lives are lived again exactly, and what happened is one more future."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from forbear.domain.errors import ConfigError
from forbear.domain.terms import OutcomeStatus
from forbear.features.columns import EventColumns, EventKind, codes_of, day_number
from forbear.features.hashing import keys_of
from forbear.models.intervals import Bootstrap
from forbear.models.results import Figure
from forbear.simulation.lives import Lives, missed_duties, scratch
from forbear.simulation.reachable import Reachable, against_truth, reachable
from forbear.simulation.spec import BankSpec
from forbear.simulation.truth import Moments, Sampling, Truth, moments_of, true_probabilities

if TYPE_CHECKING:
    from conftest import Bank

BANK = BankSpec(customers=1_500, days=720)
AS_OF = (250, 330, 410, 490)
BOOTSTRAP = Bootstrap(seed=1, resamples=100)


def clear(spec: BankSpec, days: tuple[int, ...]) -> Iterator[Moments]:
    """Who is not in arrears on each of these days and missed nothing that was due in the month before."""
    lives = Lives.of(spec, spec.days)
    for t in days:
        lives.live_until(t - 30)
        month, missed = lives.ahead(30), np.zeros((spec.customers, 1, 6), dtype=np.bool_)
        missed_duties(lives.houses, month, scratch(), missed)
        lives.t = t
        customers = np.flatnonzero(~missed.any(axis=(1, 2)) & (lives.houses["life"]["open"] == 0))
        yield Moments(customers, np.full(len(customers), t))


@pytest.fixture(scope="module")
def asked() -> Moments:
    """Clear customers of a bank on four days."""
    parts = list(clear(BANK, AS_OF))
    return Moments(np.concatenate([p.customer for p in parts]), np.concatenate([p.t for p in parts]))


@pytest.fixture(scope="module")
def truth(asked: Moments) -> Truth:
    """Their truth."""
    return true_probabilities(BANK, asked, Sampling(futures=100))


@pytest.fixture(scope="module")
def found(asked: Moments, truth: Truth) -> Reachable:
    """What can be reached on these rows."""
    return reachable(truth, asked.customer, BOOTSTRAP)


def holds(figure: Figure, value: float) -> bool:
    """Whether the interval holds a value."""
    return figure.low <= value <= figure.high


def first_misses(log: EventColumns, spec: BankSpec, moments: Moments) -> np.typing.NDArray[np.float64]:
    """Days to each one's first miss due within 30 days, as the log tells it in the end, NaN if there is none."""
    codes = codes_of(OutcomeStatus)
    outcomes = log.take(log.kind == EventKind.OUTCOME)
    mended = (outcomes.outcome_status == codes[OutcomeStatus.CURED]) & (outcomes.paid_on <= outcomes.day)
    wrong = set(zip(outcomes.account_id[mended].tolist(), outcomes.day[mended].tolist(), strict=True))
    missed = outcomes.outcome_status == codes[OutcomeStatus.MISSED]
    matters = zip(outcomes.account_id.tolist(), outcomes.day.tolist(), strict=True)
    rows = outcomes.take(missed & np.array([matter not in wrong for matter in matters]))
    due = rows.day - day_number(spec.start)
    customer = np.array([int(name[1:]) for name in rows.customer_id])
    found = np.full(len(moments), np.nan)
    for place, (c, t) in enumerate(zip(moments.customer, moments.t, strict=True)):
        ahead = due[(customer == c) & (due >= t) & (due < t + 30)] - t
        found[place] = ahead.min() if len(ahead) else np.nan
    return found


def test_the_life_that_was_lived_is_lived_again(noisy: Bank, clean: Bank) -> None:
    """Under the customer's own key the first miss is that of the log, to the day, for everybody on any day."""
    for bank in (noisy, clean):
        moments = Moments(
            *(a.ravel() for a in np.meshgrid(np.arange(bank.spec.customers), np.arange(0, bank.spec.days - 35, 33)))
        )
        lived = true_probabilities(bank.spec, moments, Sampling(futures=4))
        expected = first_misses(bank.log, bank.spec, moments)
        np.testing.assert_array_equal(lived.days_ahead, expected)
        assert np.count_nonzero(~np.isnan(expected)) > 10


def test_an_answer_depends_on_nothing_but_its_question(asked: Moments, truth: Truth) -> None:
    """Threads, the order of the questions and the other questions, customers and days of the bank change nothing."""
    some = np.random.default_rng(3).permutation(len(asked))[:150]
    alone = true_probabilities(BANK, asked.where(some), Sampling(futures=100, threads=3))
    np.testing.assert_array_equal(truth.quarters[some], alone.quarters)
    np.testing.assert_array_equal(truth.days_ahead[some], alone.days_ahead)
    small = BankSpec(customers=60, days=600)
    few = asked.where(asked.customer < small.customers)
    again = true_probabilities(small, few, Sampling(futures=100, threads=1))
    np.testing.assert_array_equal(truth.quarters[asked.customer < small.customers], again.quarters)


def test_progress_ends_with_the_last_question(asked: Moments) -> None:
    """Progress rises to the number of questions."""
    told: list[int] = []
    true_probabilities(BANK, asked.where(asked.customer < 100), Sampling(futures=4), told.append)
    assert told == sorted(set(told))
    assert told[-1] == np.count_nonzero(asked.customer < 100)


def test_nothing_asked_gives_nothing() -> None:
    """Without questions there are no answers, and no error."""
    empty = np.zeros(0, dtype=np.int64)
    assert len(true_probabilities(BankSpec(customers=2, days=90), Moments(empty, empty))) == 0


def test_what_happened_is_one_more_future(found: Reachable) -> None:
    """Misses are as many as the mean true probability says, and the slope on the true log-odds is 1."""
    assert found.positives > 100
    assert holds(found.excess, 0.0)
    assert holds(found.slope, 1.0)
    assert found.slope.high - found.slope.low < 0.5


def test_the_halves_are_of_one_law(truth: Truth, found: Reachable) -> None:
    """Both halves of the futures have one mean and agree on who is at risk, but not bit for bit."""
    first, second = truth.halves.T
    gap = first - second
    assert abs(gap.mean()) < 4 * gap.std() / np.sqrt(len(gap))
    assert found.agreement.value > 0.95
    assert not np.array_equal(first, second)
    np.testing.assert_allclose(truth.halves.mean(axis=1), truth.probabilities)


def test_futures_differ_where_chance_still_decides(truth: Truth, found: Reachable) -> None:
    """The probabilities are no labels: some lie between 0 and 1, and those at risk do not all miss."""
    uncertain = (truth.probabilities > 0.0) & (truth.probabilities < 1.0)
    assert uncertain.mean() > 0.2
    assert 0.5 < found.auc.value < 0.99


def test_who_knows_the_state_ranks_as_well_as_can_be(found: Reachable) -> None:
    """Against other futures the truth reaches about what it reaches against what happened."""
    assert holds(found.auc, found.auc_of_futures.value)


ROWS = 4_000


def planted(futures: int, *, tilt: float = 1.0, seed: int = 11) -> tuple[np.typing.NDArray[np.float64], Truth]:
    """Probabilities that we choose, and the truth that sampling them would find.

    tilt: factor on the log-odds from which the futures are drawn, 1 for those from which the lived life is.
    """
    chance = np.random.default_rng(seed)
    probability = chance.beta(0.3, 6.0, ROWS)
    missed = chance.random(ROWS) < probability
    odds = (probability / (1.0 - probability)) ** tilt
    quarters = chance.binomial(futures // 4, odds / (1.0 + odds), (4, ROWS)).T / (futures // 4)
    return probability, Truth(quarters, np.where(missed, 3.0, np.nan), futures)


def test_a_model_that_knows_the_truth_is_found_to() -> None:
    """PDs that are the true probabilities: no error, correlation 1, slope 1, intercept 0."""
    probability, truth = planted(200)
    oracle = against_truth("oracle", probability, truth, np.arange(ROWS), BOOTSTRAP)
    assert oracle.rmse.value < 0.005
    assert oracle.correlation.value == pytest.approx(1.0, abs=0.005)
    assert holds(oracle.excess, 0.0)
    assert holds(oracle.slope, 1.0)
    assert holds(oracle.intercept, 0.0)


def test_more_futures_show_what_can_be_reached() -> None:
    """Nobody can do better than the true probabilities: what futures fall short of them goes with their number."""
    short = []
    for futures in (20, 200, 2_000):
        probability, truth = planted(futures)
        short.append(-against_truth("oracle", probability, truth, np.arange(ROWS), Bootstrap(1, 0)).shortfall.value)
    assert short[0] > short[1] > short[2]
    assert abs(short[2]) < 0.003


def test_a_worse_model_is_found_out() -> None:
    """Noise in the log-odds costs AUC, correlation and slope; PDs that are too high show as excess."""
    probability, truth = planted(2_000)
    odds = probability / (1.0 - probability) * np.exp(np.random.default_rng(5).normal(0.0, 1.0, ROWS))
    noisy = against_truth("noisy", odds / (1.0 + odds), truth, np.arange(ROWS), BOOTSTRAP)
    assert noisy.shortfall.low > 0.01
    assert noisy.slope.high < 0.95
    assert noisy.correlation.high < 0.97
    high = against_truth("high", np.minimum(1.0, 1.3 * probability), truth, np.arange(ROWS), BOOTSTRAP)
    assert high.excess.low > 0.0


def true_slope(truth: Truth) -> float:
    """The slope of what happened on the true log-odds, without its interval."""
    return reachable(truth, np.arange(len(truth)), Bootstrap(1, 0)).slope.value


def test_the_true_slope_is_freed_of_noise() -> None:
    """Over many samples the slope is 1 on average, however few the futures; from another law it is not."""
    honest = np.array([true_slope(planted(40, seed=seed)[1]) for seed in range(25)])
    assert abs(honest.mean() - 1.0) < 3 * honest.std() / 5
    assert honest.std() / 5 < 0.05
    extreme = np.array([true_slope(planted(40, tilt=1.5, seed=seed)[1]) for seed in range(10)])
    flat = np.array([true_slope(planted(40, tilt=0.6, seed=seed)[1]) for seed in range(10)])
    assert extreme.mean() < 0.9
    assert flat.mean() > 1.1


def test_futures_that_are_riskier_than_life_are_found_out() -> None:
    """If futures missed more often than life the excess would say so."""
    _, honest = planted(200)
    riskier = Truth(np.minimum(1.0, 1.5 * honest.quarters), honest.days_ahead, honest.futures)
    assert holds(reachable(honest, np.arange(ROWS), BOOTSTRAP).excess, 0.0)
    assert reachable(riskier, np.arange(ROWS), BOOTSTRAP).excess.high < 0.0


def test_rows_find_their_customers() -> None:
    """Keys of the archive lead to the number in the bank, days since 1970 to the day of the run."""
    spec = BankSpec(customers=30, days=90)
    keys = keys_of(np.array([b"C0000017", b"C0000003"]))
    moments = moments_of(spec, keys, np.array([5, 9]) + day_number(spec.start))
    assert (moments.customer.tolist(), moments.t.tolist()) == ([17, 3], [5, 9])
    with pytest.raises(ConfigError):
        moments_of(spec, keys_of(np.array([b"C0000030"])), np.array([day_number(spec.start)]))


@pytest.mark.parametrize("wrong", [{"futures": 6}, {"futures": 0}, {"threads": 0}], ids=str)
def test_wrong_sampling_is_refused(wrong: dict[str, int]) -> None:
    """Four quarters need as many futures each, and work needs a thread."""
    with pytest.raises(ConfigError):
        Sampling(**wrong)


def test_the_past_cannot_be_asked() -> None:
    """A day before the first has no hidden state."""
    with pytest.raises(ValueError, match="is over"):
        true_probabilities(BankSpec(customers=2, days=90), Moments(np.array([0]), np.array([-1])))


def test_a_model_of_other_rows_is_refused() -> None:
    """PDs and truth must be of the same rows."""
    _, truth = planted(4)
    with pytest.raises(ValueError, match="shape"):
        against_truth("short", np.zeros(ROWS - 1), truth, np.arange(ROWS), BOOTSTRAP)
