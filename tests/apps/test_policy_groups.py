"""Who stands above a line, by group: the words of `forbear fairness`, and nobody's own group told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.jobs.fairness import TERMS
from forbear.apps.jobs.policy_groups import MEASURE, Groups, Steps, read_people
from forbear.apps.jobs.thresholds_inputs import terms_of
from forbear.apps.package_data import shipped, text_of
from forbear.domain.credit import EarlyPd
from forbear.features.hashing import keys_of
from forbear.models.economics import parse_economics
from forbear.models.fairness import FairnessInputs, examine
from forbear.models.fairness_estimates import share_of, share_of_many
from forbear.models.fairness_terms import Terms, parse_fairness
from forbear.models.thresholds import ScoredBook, Totals
from forbear.policy.reading import parse_policy

EU: Terms = parse_fairness(shipped(TERMS)).terms("EU")


def groups(folder: Path, sexes: list[str]) -> Groups:
    """The groups of customers who are told in a file."""
    path = folder / "people.csv"
    rows = "".join(f"C{nth},{sex}\n" for nth, sex in enumerate(sexes))
    path.write_text("customer_id,sex\n" + rows, encoding="utf-8")
    return Groups(read_people(path), EU, keys_of(np.array([f"C{nth}".encode() for nth in range(len(sexes))])))


def totals(pd: np.ndarray) -> Totals:
    """Of a book under the shipped policy."""
    policy, economics = parse_policy(text_of("policy.toml")), parse_economics(shipped("economics.toml"))
    return Totals.of(ScoredBook(EarlyPd(pd), np.arange(len(pd), dtype=np.int64)), terms_of(policy, economics))


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_share_in_numbers_is_that_of_its_rows(hits: int, others: int) -> None:
    """Value, error and counts are those that rows of one customer each give."""
    size = hits + others
    counted, rows = share_of_many(hits, size), share_of(np.arange(size) < hits, np.arange(size))

    assert (counted.customers, counted.hits, counted.others) == (rows.customers, rows.hits, rows.others)
    assert (counted.value, counted.error) == pytest.approx((rows.value, rows.error), nan_ok=True, rel=1e-12)


def test_ratios_and_verdicts_are_those_of_fairness(tmp_path: Path) -> None:
    """Over one close, `examine` says the same of who is chosen: value, interval, verdict."""
    random = np.random.default_rng(5)
    sexes = random.choice(["f", "m", "x"], size=4_000, p=[0.5, 0.48, 0.02]).tolist()
    pd = np.where(np.array(sexes) == "f", 1.3, 1.0) * random.beta(1, 9, size=4_000) / 1.3
    people = groups(tmp_path, sexes)
    line = Steps.of(totals(pd), people.least).nearest(800)
    found = people.look(pd, line)
    inputs = FairnessInputs(
        pd=pd,
        label=np.full(4_000, -1),
        chosen=pd >= line,
        customers=np.arange(4_000),
        groupings=people.groupings,
    )
    asked = {one.pair.group: one for one in examine(inputs, EU).compared if one.measure is MEASURE}

    assert set(asked) == {"m", "x"}
    for group, one in asked.items():
        mine = found.compared("sex", group)
        assert mine is not None
        assert (mine.figure.value, mine.figure.low, mine.figure.high) == pytest.approx(
            (one.figure.value, one.figure.low, one.figure.high), nan_ok=True
        )
        assert mine.why == one.why
    assert found.own["sex", "x"] is None
    assert asked["x"].why == found.compared("sex", "x").why != ""  # type: ignore[union-attr]


def test_a_group_kept_below_the_lines_is_a_disparity(tmp_path: Path) -> None:
    """Where one group alone is chosen the verdict says so, whether or not the jurisdiction's own rests on it."""
    people = groups(tmp_path, ["f", "m"] * 1_000)
    pd = np.tile([0.1, 0.9], 1_000)
    found = people.look(pd, 0.5)

    assert (found.above, found.own["sex", "m"], found.own["sex", "f"]) == (1_000, 1.0, 0.0)
    assert str(found.report.verdict) == "disparity"
    assert MEASURE not in EU.binding


@given(
    st.lists(st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.2, 0.5]) | st.floats(0, 1), min_size=1, max_size=80),
    st.integers(1, 12),
)
def test_between_two_lines_stand_enough_to_hide_among(drawn: list[float], least: int) -> None:
    """Lines are so many customers apart, the last with all of them above it; asking about two tells of nobody alone."""
    pd = np.array(drawn)
    steps = Steps.of(totals(pd), least)
    gaps = np.diff(steps.customers)

    assert (gaps >= least).all()
    assert steps.customers.tolist() == [int((pd >= line).sum()) for line in steps.lines]
    assert steps.customers[0] == 0
    assert steps.customers[-1] == (len(pd) if len(pd) >= least else 0)
    for wanted in range(len(pd) + 1):
        above = int((pd >= steps.nearest(wanted)).sum())
        assert above in steps.customers.tolist()
        assert (above == 0) == (wanted == 0 or len(steps.lines) == 1)
