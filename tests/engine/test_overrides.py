"""Overrides beside decisions like them: nothing is said of few, and weights follow the overridden."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.engine.overrides import CANNOT_TELL, Fared, Fates, OverrideKind, Stratum, quality_of
from forbear.models.evaluate import wilson

REFUSED, HELD = OverrideKind.REFUSED_OFFER, OverrideKind.HELPED_HELD
HIGH, LOW = Stratum("high", offered=True), Stratum("low", offered=True)


def fates(own: dict[Stratum, Fared], others: dict[Stratum, Fared]) -> Fates:
    """Fates of offers that were refused."""
    return Fates(overridden={(REFUSED, stratum): fared for stratum, fared in own.items()}, others=others)


FARED = st.integers(0, 400).flatmap(lambda n: st.integers(0, n).map(lambda missed: Fared(n, missed)))


@given(FARED, FARED)
def test_nothing_is_said_of_few(own: Fared, others: Fared) -> None:
    """Below the least number on either side there is no figure; above, intervals hold theirs and lie in [-1, 1]."""
    [found] = quality_of(fates({HIGH: own}, {HIGH: others}), 20)
    if own.customers < 20 or others.customers < 20:
        assert (found.verdict, found.missed, found.difference) == (CANNOT_TELL, None, None)
        return
    assert found.missed
    assert found.others_missed
    assert found.difference
    assert -1.0 <= found.difference.low <= found.difference.value + 1e-12
    assert found.difference.value - 1e-12 <= found.difference.high <= 1.0
    assert found.missed == wilson(float(own.missed), own.customers)


@pytest.mark.parametrize(
    ("own", "verdict"),
    [(Fared(100, 60), "more missed"), (Fared(100, 5), "fewer missed"), (Fared(100, 32), "no difference shown")],
)
def test_verdicts(own: Fared, verdict: str) -> None:
    """Beside 300 of 1,000 that missed a payment."""
    [found] = quality_of(fates({HIGH: own}, {HIGH: Fared(1_000, 300)}), 20)
    assert found.verdict == verdict


def test_the_difference_is_newcombes() -> None:
    """56 of 70 against 48 of 80: 0.2, from 0.0524 to 0.3339 (Newcombe 1998, table II, method 10, case a)."""
    [found] = quality_of(fates({HIGH: Fared(70, 56)}, {HIGH: Fared(80, 48)}), 20)
    assert found.difference
    assert (found.difference.value, found.difference.low, found.difference.high) == pytest.approx(
        (0.2, 0.0524, 0.3339), abs=5e-5
    )


def test_others_are_weighted_as_the_overridden() -> None:
    """Overrides in the high band are not held beside a book that is mostly low; a band without others is left out."""
    own = {HIGH: Fared(90, 45), LOW: Fared(10, 1), Stratum("odd", offered=True): Fared(50, 50)}
    [found] = quality_of(fates(own, {HIGH: Fared(100, 50), LOW: Fared(10_000, 1_000)}), 20)

    assert found.customers == 100
    assert found.others_missed
    assert found.others_missed.value == pytest.approx(0.9 * 0.5 + 0.1 * 0.1, abs=0.01)
    assert found.verdict == "no difference shown"


def test_kinds_stand_apart() -> None:
    """Each kind is judged by itself, in one order; a kind without any is left out."""
    both = Fates(
        overridden={(REFUSED, HIGH): Fared(30, 3), (HELD, Stratum("high", offered=False)): Fared(5, 1)},
        others={HIGH: Fared(30, 3)},
    )
    assert [(one.kind, one.customers, one.verdict == CANNOT_TELL) for one in quality_of(both, 20)] == [
        (HELD, 5, True),
        (REFUSED, 30, False),
    ]
