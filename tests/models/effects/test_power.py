"""Sample sizes: published values, laws, and what simulation says of the power that they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.errors import ConfigError
from forbear.models.effects.power import (
    Wanted,
    least_change,
    power_for_shares,
    size_for_group,
    size_for_means,
    size_for_shares,
)

RUNS = 4_000
shares = st.floats(0.02, 0.5)


def rejected(first: tuple[float, int], second: tuple[float, int], seed: int) -> float:
    """Share of simulated trials whose pooled score test says that two shares differ, at 5 %."""
    chance = np.random.default_rng(seed)
    (p, n), (q, m) = first, second
    one, other = chance.binomial(n, p, RUNS), chance.binomial(m, q, RUNS)
    pooled = (one + other) / (n + m)
    error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m))
    return float((np.abs(one / n - other / m) > 1.959964 * error).mean())


@pytest.mark.parametrize(("held_out", "base", "change"), [(0.5, 0.1, -0.03), (0.1, 0.08, -0.02), (0.2, 0.05, 0.02)])
def test_simulated_power_is_what_was_asked_for(held_out: float, base: float, change: float) -> None:
    """Trials of the size asked for find the effect as often as promised, a little oftener by the correction."""
    size = size_for_shares(base, change, Wanted(power=0.8, held_out=held_out))
    found = rejected((base, size.held_out), (base + change, size.given), seed=1)
    assert 0.785 < found < 0.85


def test_simulated_power_of_means() -> None:
    """The same for means: normal outcomes of deviation 10 and an effect of 2, a quarter held out."""
    size = size_for_means(10.0, 2.0, Wanted(power=0.9, held_out=0.25))
    chance = np.random.default_rng(2)
    gaps = chance.normal(2.0, 10.0 / np.sqrt(size.given), RUNS) - chance.normal(
        0.0, 10.0 / np.sqrt(size.held_out), RUNS
    )
    error = 10.0 * np.sqrt(1.0 / size.given + 1.0 / size.held_out)
    assert abs(float((np.abs(gaps / error) > 1.959964).mean()) - 0.9) < 0.02


def test_worked_by_hand() -> None:
    """0.25 to 0.40 at 1 % with power 0.95, half held out: (2.5758 sqrt(2 x 0.325 x 0.675) + 1.6449 sqrt(0.4275))^2 /
    0.0225 = 343.9 in each arm, and 357.1 with the correction.
    """
    size = size_for_shares(0.25, 0.15, Wanted(power=0.95, level=0.01))
    assert (size.customers, size.held_out, size.given) == (715, 358, 357)


@given(shares, st.floats(0.01, 0.2), st.floats(0.05, 0.95))
def test_what_is_harder_to_see_needs_more(base: float, change: float, held_out: float) -> None:
    """Less change, more power, more tests and a more uneven split never need fewer customers."""
    wanted = Wanted(power=0.8, held_out=held_out)
    size = size_for_shares(base, change, wanted).customers
    assert size_for_shares(base, change * 0.7, wanted).customers >= size
    assert size_for_shares(base, change, Wanted(power=0.9, held_out=held_out)).customers >= size
    assert size_for_shares(base, change, Wanted(power=0.8, held_out=held_out, tests=20)).customers > size
    assert size_for_group(base, change, 0.25, wanted).customers > 4 * size


@given(shares, st.floats(0.01, 0.2))
def test_size_and_what_is_seen_are_inverse(base: float, change: float) -> None:
    """With the customers that a change needs, that change is the least one seen, at the power asked for."""
    wanted = Wanted(power=0.8, held_out=0.3)
    customers = size_for_shares(base, change, wanted).customers
    assert least_change(base, customers, wanted) == pytest.approx(change, rel=0.02)
    assert power_for_shares(base, change, customers, wanted) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(("base", "change"), [(0.0, 0.1), (0.9, 0.2), (0.1, 0.0), (0.1, -0.1)])
def test_what_is_no_change_of_a_share_is_refused(base: float, change: float) -> None:
    """A share outside (0, 1), before or after, and no change at all, have no size."""
    with pytest.raises(ConfigError):
        size_for_shares(base, change, Wanted())


def test_too_few_see_nothing() -> None:
    """Four customers show no change of a share, and the answer says so."""
    assert np.isnan(least_change(0.1, 4, Wanted()))
