"""The bench of effects, short: intervals hold, a planted harm is found, nothing is found in nothing."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

bench = run_path(str(Path(__file__).parents[3] / "bench" / "effects.py"))


def test_intervals_hold_the_truth() -> None:
    """Of 150 runs each interval holds the truth in 90 to 100 %: further off has a chance of 1 in 200 for one of ten."""
    covered = bench["coverage"](150, 3_000)
    assert len(covered) == 10
    for name, share in covered.items():
        assert share >= 0.895, name


def test_the_asked_for_customers_show_the_harm() -> None:
    """At the calculator's own size the planted harm is found in most of ten runs."""
    size = bench["needed"]()
    assert 90_000 < size.customers < 110_000
    assert bench["found_harm"](10, size.customers) >= 0.6


def test_nothing_is_found_in_nothing() -> None:
    """Of 30 experiments without any effect at most five seem to have one, of 55 tests each."""
    assert bench["false_findings"](30, 6_000) <= 5 / 30
