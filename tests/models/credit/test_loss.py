"""Expected loss and ECL: laws, and three loans worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forbear.domain.credit import DefaultPd, Stage
from forbear.models.credit.exposure import Amortising, Drawn, Exposures
from forbear.models.credit.loss import (
    CreditLoss,
    Discounting,
    Scenario,
    credit_loss,
    expected_loss,
    impaired_loss,
    in_minor_units,
    scenario_loss,
)
from forbear.models.credit.term import TermStructure

CHANCES = arrays(np.float64, (2, 6), elements=st.floats(0.0, 1.0))
FLAT = Discounting(np.zeros(2), 0.5)


def scenario(conditional: np.ndarray, weight: float = 1.0, lgd: float = 0.4) -> Scenario:
    """A scenario over six quarters with a constant LGD and a falling exposure."""
    owed = np.repeat(np.linspace(60_000.0, 10_000.0, 6)[None, :], 2, axis=0)
    structure = TermStructure(conditional, np.full_like(conditional, 0.02), 4)
    return Scenario(weight, structure, np.full((2, 6), lgd), owed)


@given(CHANCES, st.floats(0.0, 0.3))
def test_losses_are_ordered(conditional: np.ndarray, rate: float) -> None:
    """Twelve months are part of the lifetime, discounting only lowers, and nothing exceeds LGD x largest exposure."""
    plain = scenario_loss(scenario(conditional), FLAT)
    discounted = scenario_loss(scenario(conditional), Discounting(np.full(2, rate), 0.5))

    assert (plain.year <= plain.lifetime + 1e-9).all()
    assert (discounted.lifetime <= plain.lifetime + 1e-9).all()
    assert (plain.lifetime <= 0.4 * 60_000.0 + 1e-6).all()


@given(CHANCES, CHANCES, st.floats(0.01, 0.99))
def test_scenarios_are_averaged(calm: np.ndarray, rough: np.ndarray, weight: float) -> None:
    """The weighted loss lies between the scenarios', in proportion to their weights."""
    parts = [scenario(calm, weight), scenario(rough, 1.0 - weight)]
    alone = [scenario_loss(part, FLAT).lifetime for part in parts]
    both = credit_loss(parts, FLAT).lifetime
    np.testing.assert_allclose(both, weight * alone[0] + (1.0 - weight) * alone[1], rtol=1e-9)


def test_a_year_without_discount_is_the_plain_formula() -> None:
    """One period of a year, no discount: PD x LGD x EAD."""
    pd, lgd, ead = np.array([0.02, 0.5]), np.array([0.4, 0.1]), np.array([100_000.0, 5_000.0])
    structure = TermStructure(pd[:, None], np.zeros((2, 1)), 1)
    found = scenario_loss(Scenario(1.0, structure, lgd[:, None], ead[:, None]), FLAT)
    np.testing.assert_allclose(found.year, expected_loss(DefaultPd(pd), lgd, ead))
    np.testing.assert_array_equal(in_minor_units(found.year), [800, 250])


@pytest.mark.parametrize("weights", [(0.5, 0.4), (1.0, 0.0), (), (1.2, -0.2)])
def test_weights_are_probabilities(weights: tuple[float, ...]) -> None:
    """Weights that do not sum to 1, or are not positive, are refused."""
    with pytest.raises(ValueError, match="weights"):
        credit_loss([scenario(np.zeros((2, 6)), weight) for weight in weights], FLAT)


def test_a_stage_asks_for_its_own_loss() -> None:
    """Stage 1 takes twelve months, stage 2 the lifetime; a defaulted loan has no term structure."""
    loss = CreditLoss(np.array([1.0, 1.0]), np.array([5.0, 5.0]))
    np.testing.assert_array_equal(loss.allowance(np.array([Stage.PERFORMING, Stage.INCREASED])), [1.0, 5.0])
    with pytest.raises(ValueError, match="in default"):
        loss.allowance(np.array([Stage.IMPAIRED, Stage.PERFORMING]))


@pytest.mark.parametrize(("lgd", "ead"), [(-0.1, 1.0), (np.nan, 1.0), (0.4, -1.0), (0.4, np.inf)])
def test_factors_are_checked(lgd: float, ead: float) -> None:
    """A negative or unknown LGD or exposure is refused."""
    with pytest.raises(ValueError, match="below 0"):
        expected_loss(DefaultPd(np.array([0.1])), np.array([lgd]), np.array([ead]))
    with pytest.raises(ValueError, match="effective interest rate"):
        Discounting(np.array([-1.0]), 0.5)


def test_three_loans_agree_with_a_calculation_by_hand() -> None:
    """An annuity in stage 1, one with prepayment in stage 2, and a card line: to the cent, in exact fractions."""
    base, down = Fraction(6, 10), Fraction(4, 10)
    # A: 10,000.00 at 6 % over three years; only the first year counts in stage 1.
    first = [pd * Fraction(40, 100) * 1_000_000 / Fraction(106, 100) for pd in (Fraction(1, 100), Fraction(3, 100))]
    by_hand = [base * first[0] + down * first[1]]
    # B: 20,000.00 at 5 % over two years; 5 % pay off in the first.
    second_balance = 2_000_000 * (Fraction("1.1025") - Fraction("1.05")) / (Fraction("1.1025") - 1)
    both = []
    for one, two, lgd in (("0.10", "0.08", "0.25"), ("0.20", "0.16", "0.35")):
        survives = 1 - Fraction(one) - Fraction("0.05")
        year_one = Fraction(one) * Fraction(lgd) * 2_000_000 / Fraction("1.05")
        year_two = survives * Fraction(two) * Fraction(lgd) * second_balance / Fraction("1.1025")
        both.append(year_one + year_two)
    by_hand.append(base * both[0] + down * both[1])
    # C: 3,000.00 drawn of 5,000.00, half of the rest is drawn at default.
    card = [Fraction(pd) * Fraction("0.45") * 400_000 / Fraction("1.18") for pd in ("0.04", "0.06")]
    by_hand.append(base * card[0] + down * card[1])

    stages = np.array([Stage.PERFORMING, Stage.INCREASED, Stage.PERFORMING])
    found = in_minor_units(three_loans().allowance(stages))

    assert [round(cents) for cents in by_hand] == found.tolist() == [6_792, 106_992, 7_322]
    assert in_minor_units(impaired_loss(np.array([0.45]), np.array([400_000.0]))).tolist() == [180_000]


def three_loans() -> CreditLoss:
    """The same three loans through the library, in yearly periods with defaults at the end of each."""
    loans = Exposures(
        np.array([1_000_000.0, 2_000_000.0]),
        np.array([1_000_000.0, 2_000_000.0]),
        np.array([0.06, 0.05]),
        np.array([3, 2]),
    )
    card = Exposures(np.array([300_000.0]), np.array([500_000.0]), np.array([0.18]), np.array([1]))
    ead = np.concatenate([Amortising().path(loans, 3, 1), Drawn(0.5).path(card, 3, 1)])
    payoff = np.array([[0.0, 0.0, 0.0], [0.05, 0.0, 0.0], [0.0, 0.0, 0.0]])
    courses = []
    for weight, pds, lgds in (
        (0.6, [[0.01, 0.01, 0.01], [0.10, 0.08, 0.0], [0.04, 0.0, 0.0]], (0.40, 0.25, 0.45)),
        (0.4, [[0.03, 0.03, 0.03], [0.20, 0.16, 0.0], [0.06, 0.0, 0.0]], (0.40, 0.35, 0.45)),
    ):
        lgd = np.repeat(np.array(lgds)[:, None], 3, axis=1)
        courses.append(Scenario(weight, TermStructure(np.array(pds), payoff, 1), lgd, ead))
    return credit_loss(courses, Discounting(np.array([0.06, 0.05, 0.18]), default_at=1.0))
