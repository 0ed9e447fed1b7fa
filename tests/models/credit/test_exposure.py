"""Exposure at default: annuities that run down, and lines that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.models.credit.exposure import Amortising, Drawn, Exposures, conversion_factor
from forbear.models.intervals import Bootstrap


def one(balance: float, rate: float, periods: int, limit: float | None = None) -> Exposures:
    """A single facility."""
    amount = np.array([balance])
    return Exposures(amount, amount if limit is None else np.array([limit]), np.array([rate]), np.array([periods]))


@given(st.floats(1.0, 1e9), st.floats(0.0, 0.4), st.integers(1, 120))
def test_an_annuity_has_equal_instalments_and_ends_at_nothing(balance: float, rate: float, periods: int) -> None:
    """Interest on the balance plus what it falls by is the same in every period, and nothing is left at the end."""
    path = Amortising().path(one(balance, rate, periods), periods + 2, 4)[0]
    instalments = path[:-1] * (1.0 + rate / 4.0) - path[1:]

    assert path[0] == pytest.approx(balance)
    np.testing.assert_allclose(instalments[:periods], instalments[0], rtol=1e-6, atol=1e-6 * balance)
    np.testing.assert_allclose(path[periods:], 0.0, atol=1e-9 * balance)


def test_rates_near_nothing_are_a_straight_line() -> None:
    """The formula does not lose its digits where the rate is tiny, and meets the line at rate 0."""
    tiny, none = (Amortising().path(one(100.0, rate, 10), 10, 4) for rate in (1e-13, 0.0))
    np.testing.assert_allclose(tiny, none, rtol=1e-9)
    assert none[0, 5] == 50.0


@given(st.floats(0.0, 1.0), st.floats(0.0, 2_000.0))
def test_a_line_lies_between_drawn_and_limit(factor: float, drawn: float) -> None:
    """Exposure is at least what is drawn, at most the limit or what is drawn beyond it, and 0 after maturity."""
    path = Drawn(factor).path(one(drawn, 0.2, 2, limit=1_000.0), 3, 4)[0]
    assert drawn <= path[0] <= max(drawn, 1_000.0) + 1e-9
    assert path[0] == path[1]
    assert path[2] == 0.0


def test_a_conversion_factor_is_what_was_drawn_of_what_could_be() -> None:
    """The mean over lines, each in [0, 1], with its interval; lines without room are left out."""
    drawn, limit = np.array([100.0, 0.0, 500.0, 50.0]), np.array([200.0, 100.0, 500.0, 100.0])
    found = conversion_factor(drawn, limit, np.array([150.0, 100.0, 500.0, 20.0]), Bootstrap(0))
    assert found.value == pytest.approx(0.5)
    assert found.low < 0.5 < found.high
    assert np.isnan(conversion_factor(limit, limit, limit, Bootstrap(0)).value)


@pytest.mark.parametrize("factor", [-0.1, 1.1])
def test_factors_and_facilities_are_checked(factor: float) -> None:
    """A factor outside [0, 1], a negative balance and a facility past its maturity are refused."""
    with pytest.raises(ValueError, match="conversion factor"):
        Drawn(factor)
    with pytest.raises(ValueError, match="balance"):
        one(-1.0, 0.1, 4)
    with pytest.raises(ValueError, match="maturity"):
        one(1.0, 0.1, 0)
