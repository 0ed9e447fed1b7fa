"""The outcome-level simulator: what is drawn follows the truth that it states."""

from __future__ import annotations

import numpy as np
import pytest

from forbear.domain.errors import ConfigError
from forbear.simulation.outcomes import (
    ARMS,
    HARMS,
    PLANTED_HARM,
    PLANTED_SEGMENT,
    OutcomeSpec,
    population,
)


def test_draws_follow_the_stated_chances() -> None:
    """Arms, misses and harms occur as often as the kinds' chances say, within 5 errors of 200,000 draws."""
    known = population(OutcomeSpec(planted=0.1))
    drawn = known.draw(200_000, seed=1)
    seen, kind = drawn.experiment, drawn.kind
    for arm in range(len(ARMS)):
        assert abs((seen.arm == arm).mean() - known.propensity[kind, arm].mean()) < 5 * 0.5 / np.sqrt(200_000)
    assert abs(seen.outcome.mean() - known.risk[kind, seen.arm].mean()) < 5 * 0.5 / np.sqrt(200_000)
    for place, name in enumerate(HARMS):
        expected = known.harm[kind, seen.arm, place].mean()
        assert abs(seen.harms[name].mean() - expected) < 5 * 0.5 / np.sqrt(200_000)


def test_the_truth_is_what_it_was_made_of() -> None:
    """Effects by segment are the stated ones: some none, one the reverse; the planted harm is in its place alone."""
    known = population(OutcomeSpec(planted=0.03))
    by_segment = [known.average_effect(1, number) for number in range(10)]
    assert by_segment[6] == by_segment[7] == 0.0
    assert by_segment[9] > 0.0 > by_segment[0]
    assert known.average_effect(1) == pytest.approx(np.mean(by_segment))
    assert known.harm_effect(1, PLANTED_HARM, PLANTED_SEGMENT) == pytest.approx(0.03)
    assert known.harm_effect(1, PLANTED_HARM) == pytest.approx(0.003)
    assert known.harm_effect(1, "complaint") == 0.0
    assert known.money_effect_minor(1) > known.money_effect_minor(2) > 0.0


def test_a_policy_is_worth_its_arms() -> None:
    """Everybody in one arm has that arm's mean risk; holding all out and treating all differ by the effect."""
    known = population(OutcomeSpec())
    everybody = [np.tile(np.eye(len(ARMS))[arm], (2_000, 1)) for arm in range(len(ARMS))]
    values = [known.policy_value(one) for one in everybody]
    assert values == pytest.approx(known.risk.mean(axis=0).tolist())
    assert values[1] - values[0] == pytest.approx(known.average_effect(1))


def test_nothing_does_nothing() -> None:
    """A null population has no effect of any kind; equal seeds give equal draws, others do not."""
    nothing = population(OutcomeSpec(planted=0.1).null())
    assert all(nothing.average_effect(arm) == 0.0 for arm in (1, 2))
    assert nothing.harm_effect(1, PLANTED_HARM, PLANTED_SEGMENT) == 0.0
    one, same, other = (nothing.draw(1_000, seed).experiment.outcome for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    "wrong", [{"hold_out": 0.0}, {"kinds": 15}, {"base": 0.7}, {"relative": (-0.9, 0.0)}, {"planted": 0.6}]
)
def test_a_spec_out_of_range_is_refused(wrong: dict[str, object]) -> None:
    """Chances that would leave [0, 1], and a hold-out that is empty, are refused."""
    with pytest.raises(ConfigError):
        OutcomeSpec(**wrong)  # type: ignore[arg-type]
