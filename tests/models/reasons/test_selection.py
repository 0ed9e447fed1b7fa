"""Which reasons are told: laws that hold for every kind of model and any customer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.models.dataset import Dataset
from forbear.models.reasons.selection import Limits, Teller, find_reasons
from forbear.models.results import Floats

KINDS = ("boosting", "ensemble", "expert", "scorecard")
values = st.floats(-4.0, 4.0) | st.just(float("nan"))
customers = st.lists(values, min_size=5, max_size=5).map(np.array)
each_kind = pytest.mark.parametrize("kind", KINDS)


def attributions_of(teller: Teller, row: Floats) -> tuple[Floats, float]:
    """What each feature adds, and the PD."""
    return teller.scorer.explain(row[np.newaxis]).attributions[0], float(teller.scorer.predict(row[np.newaxis])[0])


@each_kind
@settings(max_examples=60, deadline=None)
@given(row=customers)
def test_every_reason_raises_the_score_and_lowers_it_when_put_right(
    tellers: dict[str, Teller], kind: str, row: Floats
) -> None:
    """Each has a positive attribution, a telling feature beyond its calm point, and a lower PD once put right."""
    teller = tellers[kind]
    attributions, pd = attributions_of(teller, row)
    for found in find_reasons(teller, row, attributions, pd):
        column = teller.columns[found.feature]
        righted = teller.scorer.predict(teller.put_right(row, found.reason)[np.newaxis])[0]
        assert found.attribution > 0.0
        assert attributions[column] > 0.0
        assert teller.calm[found.feature].direction * (row[column] - teller.calm[found.feature].calm) > 0.0
        assert found.pd_right == righted < pd


@each_kind
@settings(max_examples=60, deadline=None)
@given(row=customers)
def test_no_reason_is_told_twice_and_the_heaviest_comes_first(
    tellers: dict[str, Teller], kind: str, row: Floats
) -> None:
    """At most so many as allowed, each once, by falling attribution; asked again, the same."""
    teller = replace(tellers[kind], limits=Limits(most=2, share=0.0, drop=0.0))
    found = find_reasons(teller, row, *attributions_of(teller, row))
    codes = [one.reason.code for one in found]
    assert len(codes) == len(set(codes)) <= 2
    assert [one.attribution for one in found] == sorted((one.attribution for one in found), reverse=True)
    assert found == find_reasons(teller, row, *attributions_of(teller, row))


@settings(max_examples=100, deadline=None)
@given(row=customers)
def test_putting_right_goes_to_calm_and_no_further(tellers: dict[str, Teller], row: Floats) -> None:
    """Only alarming features of the reason move, each to its calm point; what is unknown stays unknown."""
    teller = tellers["expert"]
    for reason in teller.catalogue.reasons:
        righted = teller.put_right(row, reason)
        np.testing.assert_array_equal(np.isnan(row), np.isnan(righted))
        assert not teller.alarming(righted)[[teller.columns[name] for name in reason.features]].any()
        for name, column in teller.columns.items():
            if not (name in reason.features and teller.alarming(row)[column]):
                np.testing.assert_array_equal(righted[column], row[column])


@each_kind
def test_risky_customers_have_reasons(tellers: dict[str, Teller], rows: Dataset, kind: str) -> None:
    """Of the riskiest tenth of a bank whose risk is known, most are told something, and none of it twice."""
    teller = tellers[kind]
    known = rows.features[~np.isnan(rows.features[:, :2]).any(axis=1)][:400]
    riskiest = known[np.argsort(-teller.scorer.predict(known))[:40]]
    told = [find_reasons(teller, row, *attributions_of(teller, row)) for row in riskiest]
    assert sum(map(bool, told)) > 30
    assert {one.reason.code for found in told for one in found} >= {"owing", "saving"}


@each_kind
def test_what_is_unknown_or_never_told_gives_no_reason(tellers: dict[str, Teller], kind: str) -> None:
    """A customer of whom nothing is known but what nobody is told of hears nothing, whatever the score."""
    row = np.array([np.nan, np.nan, np.nan, 1.0, np.nan])
    assert find_reasons(tellers[kind], row, *attributions_of(tellers[kind], row)) == ()


def test_what_weighs_little_is_not_told(tellers: dict[str, Teller], rows: Dataset) -> None:
    """A higher share keeps only what makes up so much of the raise; a whole one keeps a lone reason."""
    row = np.array([1.9, 0.6, 0.0, np.nan, 0.0])
    for share, codes in ((0.0, ["owing", "saving"]), (0.5, ["owing"]), (0.99, [])):
        teller = replace(tellers["expert"], limits=Limits(share=share, drop=0.0))
        assert [one.reason.code for one in find_reasons(teller, row, *attributions_of(teller, row))] == codes


def test_a_reason_is_told_by_the_feature_that_raises_most(tellers: dict[str, Teller]) -> None:
    """Of two alarming features of one reason the heavier is the one that the sentence is about."""
    teller = tellers["expert"]
    (found,) = find_reasons(teller, row := np.array([0.1, 5.0, 0.0, np.nan, 1.0]), *attributions_of(teller, row))
    assert (found.reason.code, found.feature) == ("owing", "noise")
    (other,) = find_reasons(teller, row := np.array([1.0, 5.0, 0.0, np.nan, 1.0]), *attributions_of(teller, row))
    assert other.feature == "stress"


def test_attributions_alone_are_no_proof(tellers: dict[str, Teller]) -> None:
    """A feature that is said to raise the score, but whose mending leaves the PD as it is, is no reason."""
    teller = tellers["expert"]
    row = np.array([0.0, 5.0, 2.0, np.nan, 0.0])
    pretended = np.array([0.0, 0.0, 1.0, 0.0, 0.0])
    pd = float(teller.scorer.predict(row[np.newaxis])[0])
    assert [one.reason.code for one in find_reasons(teller, row, pretended, pd)] == ["idling"]
    assert find_reasons(teller, row, pretended, pd=1e-9) == ()
