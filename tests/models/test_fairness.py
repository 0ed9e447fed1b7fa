"""Fairness of scores: laws of the comparison, what is found and what is not, and who is too few to speak of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.apps.package_data import shipped
from forbear.domain.errors import ConfigError
from forbear.models import fairness_estimates as estimates
from forbear.models import metrics
from forbear.models.fairness import REST, FairnessInputs, Grouping, examine
from forbear.models.fairness_terms import RATIOS, Measure, Terms, parse_fairness
from forbear.models.fairness_verdicts import Compared, FairnessReport, Verdict
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.logistic import logit, recalibrate
from forbear.models.results import Floats
from forbear.simulation.groups import FEW, MANY, GroupSpec, scored

TERMS = parse_fairness(shipped("fairness.toml")).terms("US")
SPEC = GroupSpec(customers=3_000, dates=2)


@pytest.fixture(scope="module")
def book() -> FairnessInputs:
    """A book in which the scores of the few are too low."""
    return scored(replace(SPEC, understated=0.9), 3)


def by_measure(report: FairnessReport) -> dict[Measure, Compared]:
    """The comparisons of a report on two groups."""
    return {one.measure: one for one in report.compared}


def regrouped(book: FairnessInputs, **changes: Any) -> FairnessInputs:
    """The book with another grouping."""
    return replace(book, groupings=(replace(book.groupings[0], **changes),))


# ---- laws


def test_either_group_sees_the_same(book: FairnessInputs) -> None:
    """The few beside the many is the many beside the few turned round, with the same p-value and verdict."""
    ours, theirs = by_measure(examine(book, TERMS)), by_measure(examine(regrouped(book, against=1), TERMS))
    for measure, one in ours.items():
        other = theirs[measure]
        turned = 1.0 / other.figure.value if measure in RATIOS else -other.figure.value
        assert one.figure.value == pytest.approx(turned, rel=1e-9)
        assert (one.p_value, one.verdict) == (pytest.approx(other.p_value), other.verdict)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_and_names_says_nothing(seed: int) -> None:
    """Rows in another order, customers by other numbers and groups by other codes give the same report."""
    book, chance = scored(SPEC, 1), np.random.default_rng(seed)
    order, names = chance.permutation(len(book.pd)), chance.permutation(SPEC.customers)
    other = FairnessInputs(
        pd=book.pd[order],
        label=book.label[order],
        chosen=book.chosen[order],
        customers=names[book.customers[order]],
        groupings=(Grouping("group", 1 - book.groupings[0].codes[order], (FEW, MANY)),),
    )
    for one, beside in zip(examine(book, TERMS).compared, examine(other, TERMS).compared, strict=True):
        assert (one.pair, one.verdict) == (beside.pair, beside.verdict)
        assert one.figure.value == pytest.approx(beside.figure.value)
        assert one.p_value == pytest.approx(beside.p_value, abs=1e-12)


def test_a_customer_seen_twice_is_no_second_customer(book: FairnessInputs) -> None:
    """Every row once more says nothing new under the same customer, and halves the variance under another."""
    twice = {name: np.tile(getattr(book, name), 2) for name in ("pd", "label", "chosen")}
    grouping = replace(book.groupings[0], codes=np.tile(book.groupings[0].codes, 2))
    same = FairnessInputs(**twice, customers=np.tile(book.customers, 2), groupings=(grouping,))
    more = replace(same, customers=np.concatenate([book.customers, book.customers + SPEC.customers]))
    once, again, anew = (by_measure(examine(one, TERMS)) for one in (book, same, more))
    for measure, one in once.items():
        width = np.log(one.figure.high / one.figure.low) if measure in RATIOS else one.figure.high - one.figure.low
        for other, times in ((again[measure].figure, 1.0), (anew[measure].figure, np.sqrt(0.5))):
            beside = np.log(other.high / other.low) if measure in RATIOS else other.high - other.low
            assert beside == pytest.approx(times * width, rel=0.01)


def test_errors_are_those_of_the_cluster_bootstrap(book: FairnessInputs) -> None:
    """Every interval of one group is, within a tenth, what drawing its customers anew gives."""
    rows = book.groupings[0].codes == 1
    pd, label, customers = book.pd[rows], book.label[rows] == 1, book.customers[rows]
    outcome, log_odds, ranking = label.astype(np.float64), logit(pd), metrics.rank(pd, label.astype(np.float64))

    def figures(copies: Floats) -> dict[str, float]:
        return {
            "auc": metrics.auc(ranking.counts(copies)),
            "calibration": float(copies @ outcome / (copies @ pd)),
            "slope": recalibrate(log_odds, outcome, copies).slope,
            "share": float(copies @ book.chosen[rows] / copies.sum()),
        }

    drawn = bootstrap_figures(figures, customers, Bootstrap(1, 600))
    ours = {
        "auc": estimates.area_under(pd, label, customers),
        "calibration": estimates.observed_over_expected(label, pd, customers),
        "slope": estimates.slope_of(pd, label, customers),
        "share": estimates.share_of(book.chosen[rows], customers),
    }
    for name, figure in drawn.items():
        found = ours[name].figure
        assert found.value == pytest.approx(figure.value)
        assert found.high - found.low == pytest.approx(figure.high - figure.low, rel=0.12)


def test_a_finding_lies_beyond_its_limit_and_within_is_within(book: FairnessInputs) -> None:
    """No finding has an interval that touches what is tolerated; no comparison within leaves it."""
    for one in (*examine(book, TERMS).compared, *examine(scored(SPEC, 5), TERMS).compared):
        low, high = one.bounds
        if one.verdict == Verdict.DISPARITY:
            assert one.figure.high < low or one.figure.low > high
        if one.verdict == Verdict.WITHIN:
            assert low < one.figure.low <= one.figure.high < high
        assert one.adjusted_p >= one.p_value


def test_a_weight_is_so_many_rows_of_the_customer(book: FairnessInputs) -> None:
    """A row that stands for two gives every figure of outcomes as the row twice does; choices stay as they are."""
    weights = 1.0 + (np.arange(len(book.pd)) % 3 == 0)
    again = np.repeat(np.arange(len(book.pd)), weights.astype(int))
    grouping = replace(book.groupings[0], codes=book.groupings[0].codes[again])
    columns = {name: getattr(book, name)[again] for name in ("pd", "label", "chosen", "customers")}
    by_weight = by_measure(examine(replace(book, weights=weights), TERMS))
    by_rows = by_measure(examine(FairnessInputs(**columns, groupings=(grouping,)), TERMS))
    for measure in set(by_weight) - {Measure.DISPARATE_IMPACT, Measure.STATISTICAL_PARITY}:
        one, other = by_weight[measure].figure, by_rows[measure].figure
        assert [one.value, one.low, one.high] == pytest.approx([other.value, other.low, other.high], rel=1e-6)


# ---- what is found


def test_what_was_planted_is_found_and_nothing_else_is(book: FairnessInputs) -> None:
    """Scores that are too low for a group: calibration and who is chosen are disparities, ranking is not."""
    report = examine(book, TERMS)
    found = {one.measure for one in report.compared if one.verdict == Verdict.DISPARITY}

    assert report.verdict == Verdict.DISPARITY
    assert {Measure.CALIBRATION, Measure.DISPARATE_IMPACT, Measure.EQUAL_OPPORTUNITY} <= found
    assert not {Measure.AUC, Measure.SLOPE} & found


def test_nothing_is_found_where_there_is_nothing() -> None:
    """Ten books without a disparity: none is found in any; most are said to be fair."""
    verdicts = [examine(scored(GroupSpec(), seed), TERMS).verdict for seed in range(10)]

    assert Verdict.DISPARITY not in verdicts
    assert verdicts.count(Verdict.FAIR) >= 7


def test_two_riskier_groups_cannot_be_equal_in_everything() -> None:
    """Calibrated scores of a riskier group choose more of it: fair by calibration, not by parity (Chouldechova)."""
    found = by_measure(examine(scored(replace(SPEC, riskier=1.0), 2), TERMS))

    assert found[Measure.CALIBRATION].verdict == Verdict.WITHIN
    assert found[Measure.STATISTICAL_PARITY].verdict == Verdict.DISPARITY


def test_none_chosen_is_the_largest_disparity(book: FairnessInputs) -> None:
    """A group of which nobody is chosen is found, though a ratio of nothing has no logarithm."""
    fair = scored(SPEC, 4)
    found = by_measure(examine(replace(fair, chosen=fair.chosen & (fair.groupings[0].codes == 0)), TERMS))

    assert found[Measure.DISPARATE_IMPACT].verdict == Verdict.DISPARITY
    assert found[Measure.DISPARATE_IMPACT].own.value == 0.0


# ---- who is too few, and what is not known


def test_few_customers_are_not_spoken_of(book: FairnessInputs) -> None:
    """Below the least size there is no figure of the group, no comparison and no fairness either."""
    codes = np.where(book.customers < 60, 1, 0)
    report = examine(regrouped(book, codes=codes), TERMS)

    assert report.verdict == Verdict.CANNOT_TELL
    for one in report.compared:
        assert np.isnan([one.own.value, one.figure.value, one.p_value]).all()
        assert one.why


def test_outcomes_that_are_not_known_leave_who_is_chosen() -> None:
    """Without labels the shares chosen are compared as before, and nothing is said that needs an outcome."""
    fair = scored(SPEC, 6)
    found = by_measure(examine(replace(fair, label=np.full(len(fair.pd), -1)), TERMS))

    assert found[Measure.DISPARATE_IMPACT].verdict == Verdict.WITHIN
    assert all(found[measure].why for measure in (Measure.AUC, Measure.CALIBRATION, Measure.EQUAL_OPPORTUNITY))


def test_the_rest_of_two_groups_is_one_comparison(book: FairnessInputs) -> None:
    """Against the rest, two groups are compared once; three are compared three times."""
    third = np.where(book.customers % 3 == 0, 2, book.groupings[0].codes)
    names = (MANY, FEW, "third")

    assert len(examine(regrouped(book, against=REST), TERMS).compared) == len(by_measure(examine(book, TERMS)))
    pairs = {one.pair.group for one in examine(regrouped(book, codes=third, names=names, against=REST), TERMS).compared}
    assert pairs == set(names)


def test_worked_example() -> None:
    """Twelve rows by hand: areas, shares and misses over expected misses."""
    customers, pd = np.arange(6), np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    label = np.array([False, False, True, False, True, True])

    assert estimates.area_under(pd, label, customers).value == pytest.approx(8.0 / 9.0)
    assert estimates.observed_over_expected(label, pd, customers).value == pytest.approx(3.0 / 2.1)
    share = estimates.share_of(label, np.array([0, 0, 1, 1, 2, 2]))
    assert (share.value, share.customers, share.hits, share.others) == (0.5, 3, 2, 2)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"pd": np.array([0.5, 1.5])}, "PD"),
        ({"label": np.array([0, 2])}, "label"),
        ({"chosen": np.array([True])}, "lengths"),
        ({"customers": np.array([1, 1])}, "two groups"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], named: str) -> None:
    """Inputs out of range, of other lengths, or with a customer in two groups, by name."""
    columns = {"pd": np.array([0.1, 0.2]), "label": np.array([0, 1]), "chosen": np.array([True, False])}
    grouping = Grouping("group", np.array([0, 1]), (MANY, FEW))
    with pytest.raises(ValueError, match=named):
        FairnessInputs(**{**columns, "customers": np.array([1, 2]), **changes}, groupings=(grouping,))


# ---- the document


def _document() -> dict[str, Any]:
    return shipped("fairness.toml")


def test_every_jurisdiction_has_all_limits() -> None:
    """Each of the shipped ones resolves, and its own limits stand in the place of the common ones."""
    document = parse_fairness(_document())
    for code in document.jurisdictions:
        terms: Terms = document.terms(code)
        assert terms.limits.keys() == set(Measure)
        assert terms.law
    assert document.terms("US").limits[Measure.DISPARATE_IMPACT].limit == 0.8


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda found: found["limits"].pop("auc"), "limits.auc"),
        (lambda found: found["limits"]["auc"].update(limit=1.5), "limit"),
        (lambda found: found["jurisdictions"].clear(), "jurisdictions"),
        (lambda found: found["jurisdictions"]["EU"].update(binding=["calibration"] * 2), "stands twice"),
        (lambda found: found["jurisdictions"]["EU"].update(binding=["luck"]), "binding"),
        (lambda found: found["sizes"].update(least_customers=1), "least_customers"),
        (lambda found: found.update(format=2), "format 2"),
    ],
)
def test_a_document_that_is_wrong_is_refused_by_name(change: Any, named: str) -> None:
    """Whatever is absent, out of range or twice there is named."""
    document = _document()
    change(document)
    with pytest.raises(ConfigError, match=named):
        parse_fairness(document)


def test_a_jurisdiction_that_is_not_there_names_those_that_are() -> None:
    """The mend lists what may be chosen."""
    with pytest.raises(ConfigError, match="choose of US, EU, UK, IN, none"):
        parse_fairness(_document()).terms("XX")
