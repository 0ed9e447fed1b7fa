"""Findings: adjusted for how many were looked for, with the side on which they fall."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.models.effects.multiplicity import benjamini_hochberg, benjamini_yekutieli, holm
from forbear.models.effects.read_out import EVERYBODY, Reader, of_segment, read_out
from forbear.simulation.outcomes import HARMS, PLANTED_HARM, OutcomeSpec, population

p_values = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30).map(np.array)


@given(p_values)
def test_adjusting_only_raises_and_keeps_the_order(p: np.ndarray) -> None:
    """Plain <= Benjamini-Hochberg <= Holm <= Bonferroni, and whoever was smaller is not larger afterwards."""
    mild, strict = benjamini_hochberg(p), holm(p)
    assert (p <= mild + 1e-12).all()
    assert (mild <= strict + 1e-12).all()
    assert (strict <= np.minimum(1.0, p * len(p)) + 1e-12).all()
    dependent = benjamini_yekutieli(p)
    assert (mild <= dependent + 1e-12).all()
    for adjusted in (mild, strict, dependent):
        assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= -1e-12).all()


def test_worked_examples() -> None:
    """0.01, 0.02, 0.03, 0.04: Holm 0.04, 0.06, 0.06, 0.06; Benjamini-Hochberg 0.04 throughout.

    Benjamini-Yekutieli is that times 1 + 1/2 + 1/3 + 1/4.
    """
    p = np.array([0.04, 0.01, 0.03, 0.02])
    assert holm(p) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert benjamini_hochberg(p) == pytest.approx([0.04] * 4)
    assert benjamini_yekutieli(p) == pytest.approx([0.04 * 25 / 12] * 4)


def test_benefit_and_harm_are_told_apart() -> None:
    """Fewer misses are a benefit, more of them harm, and more of a harm is never good."""
    spec = OutcomeSpec(hold_out=0.5, impossible=1.0, relative=(-0.5, 0.0), planted=0.3)
    experiment = population(spec).draw(20_000, seed=1).experiment
    found = read_out(experiment, Reader(measure="missed"))
    (missed,) = (one for one in of_segment(found, EVERYBODY) if one.measure == "missed")
    assert (missed.finding, missed.arm) == ("benefit", "reminder")
    assert missed.effect.figure.value == pytest.approx(missed.given_mean - missed.held_mean)
    assert {one.finding for one in of_segment(found, "segment_9") if one.measure == "missed"} == {"harm"}
    assert {one.finding for one in of_segment(found, "segment_3") if one.measure == PLANTED_HARM} == {"harm"}
    assert {one.finding for one in of_segment(found, "segment_7")} == {""}


def test_all_of_it_is_one_family() -> None:
    """Two arms, the outcome and four harms, everybody and ten segments: 110 tests, each adjusted for all of them."""
    experiment = population(OutcomeSpec().null()).draw(8_000, seed=2).experiment
    found = read_out(experiment)
    assert len(found) == 2 * 11 * (1 + len(HARMS))
    assert [one.adjusted_p for one in found] == pytest.approx(holm(np.array([one.effect.p_value for one in found])))
    few = read_out(experiment, Reader(harms_by_segment=False, method="benjamini_hochberg"))
    assert len(few) == 2 * (11 + len(HARMS))


def test_small_segments_are_not_asked_about() -> None:
    """A segment with fewer than 30 customers in an arm is left out, and costs the others nothing."""
    experiment = population(OutcomeSpec()).draw(400, seed=2).experiment
    assert {one.segment for one in read_out(experiment)} == {EVERYBODY}
