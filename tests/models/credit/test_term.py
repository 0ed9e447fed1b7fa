"""Term structures: chances add up to one, and shorter periods say the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forbear.domain.credit import DefaultPd
from forbear.models.credit.term import TermStructure, constant_hazard, finer

CHANCES = arrays(np.float64, (3, 8), elements=st.floats(0.0, 1.0))


@given(CHANCES, CHANCES)
def test_every_end_is_counted_once(conditional: np.ndarray, payoff: np.ndarray) -> None:
    """Default, payoff and still running sum to 1 at every period; cumulative default never falls."""
    one = TermStructure(conditional, payoff, 4)
    before = np.concatenate([np.ones((3, 1)), one.survival[:, :-1]], axis=1)
    paid = np.cumsum(before * np.minimum(payoff, 1.0 - conditional), axis=1)

    np.testing.assert_allclose(one.survival + one.cumulative + paid, 1.0, atol=1e-12)
    assert (np.diff(one.cumulative, axis=1) >= -1e-15).all()
    assert (one.within_a_year().value <= one.lifetime().value + 1e-15).all()


@given(CHANCES, CHANCES, st.integers(1, 6))
def test_shorter_periods_say_the_same(conditional: np.ndarray, payoff: np.ndarray, times: int) -> None:
    """Survival and cumulative default agree at the end of each longer period."""
    whole = TermStructure(conditional, payoff, 4)
    parts = finer(whole, times)

    assert parts.periods_per_year == 4 * times
    np.testing.assert_allclose(parts.survival[:, times - 1 :: times], whole.survival, atol=1e-9)
    np.testing.assert_allclose(parts.cumulative[:, times - 1 :: times], whole.cumulative, atol=1e-9)


@given(st.floats(0.0, 1.0), st.sampled_from([1, 4, 12]))
def test_a_constant_hazard_gives_back_its_year(pd: float, periods: int) -> None:
    """Twelve months of a constant hazard are the 12-month PD that it was made of."""
    one = constant_hazard(DefaultPd(np.array([pd])), periods=3 * periods, periods_per_year=periods)
    np.testing.assert_allclose(one.within_a_year().value, pd, atol=1e-12)
    np.testing.assert_allclose(one.lifetime().value, 1.0 - (1.0 - pd) ** 3, atol=1e-12)


def test_prepayment_lowers_lifetime_default() -> None:
    """Who has paid off cannot default any more."""
    hazard = np.full((1, 8), 0.02)
    stays, leaves = (TermStructure(hazard, np.full((1, 8), payoff), 4) for payoff in (0.0, 0.1))
    assert leaves.lifetime().value < stays.lifetime().value
    assert leaves.first(1).lifetime().value == stays.first(1).lifetime().value


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan])
def test_chances_are_checked(bad: float) -> None:
    """A chance outside [0, 1] is refused, and so is another shape."""
    with pytest.raises(ValueError, match="outside"):
        TermStructure(np.array([[bad]]), np.zeros((1, 1)), 4)
    with pytest.raises(ValueError, match="shape"):
        TermStructure(np.zeros((1, 2)), np.zeros((1, 1)), 4)
