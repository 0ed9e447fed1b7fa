"""The laws of the program: it is what its formulas are, to the bit, for any number of customers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.features.compute import FeatureSet
from forbear.features.definition import plain
from forbear.features.figures import with_figures
from forbear.features.ledger import Floats, Ledger, Question
from forbear.features.measures import Measure
from forbear.features.program import LANES, Op, Trace, run

EVERYTHING = with_figures(FeatureSet.standard())
ODD = st.sampled_from([0.0, -0.0, 1.0, -1.0, 14.0, 90.0, 1e300, -1e300, 5e-324, np.inf, -np.inf, np.nan])
NUMBERS = st.one_of(ODD, st.floats(-1e7, 1e7), st.integers(-500, 500).map(float))


class Numbers:
    """Answers that are there: column q of (n, k) answers the q-th question."""

    def __init__(self, questions: tuple[Question, ...], answers: Floats) -> None:
        self._places = {question: place for place, question in enumerate(questions)}
        self._answers = answers

    def __getitem__(self, question: Question, /) -> Floats:
        column: Floats = self._answers[:, self._places[question]]
        return column


def by_numpy(columns: FeatureSet, answers: Floats) -> Floats:
    """The values as numpy gives them, one formula after the other."""
    ledger = Ledger(Numbers(columns.questions, answers))
    with np.errstate(all="ignore"):
        return np.column_stack([one.formula(ledger) for one in columns.features])


@given(st.data(), st.integers(1, 3), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_program_gives_what_numpy_gives(data: st.DataObject, rows: int, seed: int) -> None:
    """Every feature and every figure, on ordinary answers with odd ones among them."""
    answers = np.random.default_rng(seed).normal(0.0, 5e4, (rows, len(EVERYTHING.questions))).round()
    for _ in range(20):
        row, column = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, answers.shape[1] - 1))
        answers[row, column] = data.draw(NUMBERS)
    np.testing.assert_array_equal(EVERYTHING.evaluate(answers), by_numpy(EVERYTHING, answers))


def test_the_number_of_customers_changes_nothing() -> None:
    """One by one, in blocks that the lanes do not divide, all at once: the same bits."""
    answers = np.random.default_rng(3).normal(0.0, 5e4, (3 * LANES + 7, len(EVERYTHING.questions)))
    answers[np.random.default_rng(4).random(answers.shape) < 0.1] = np.nan
    whole = EVERYTHING.evaluate(answers)
    for size in (1, 5, LANES, LANES + 1):
        parts = [EVERYTHING.evaluate(answers[start : start + size]) for start in range(0, len(answers), size)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert EVERYTHING.evaluate(answers[:0]).shape == (0, len(EVERYTHING.features))


def test_what_formulas_share_is_worked_out_once() -> None:
    """A question that many formulas ask is read once, and a formula that nobody can answer costs nothing."""
    steps = EVERYTHING._plan[0].steps  # the plan is nobody else's business
    assert (steps[:, 0] == Op.ANSWER).sum() == len(EVERYTHING.questions)
    blind = FeatureSet.standard(["balance"])
    read = blind._plan[0].steps[:, 0] == Op.ANSWER
    assert read.sum() < len(blind.questions) == len(FeatureSet.standard().questions)
    values = blind.evaluate(np.ones((2, len(blind.questions))))
    assert set(np.flatnonzero(np.isnan(values[0]))) >= {blind.names.index(name) for name in blind.missing}


def _branching(ledger: Ledger) -> Floats:
    """Asks as if there were one customer."""
    spent = ledger.total(Measure.SPENDING, 30)
    return spent if spent > 0.0 else -spent


def _sorting(ledger: Ledger) -> Floats:
    """Looks at customers beside each other."""
    return np.sort(ledger.total(Measure.SPENDING, 30))


def _summing(ledger: Ledger) -> Floats:
    """Adds customers up."""
    return np.add.reduce(ledger.total(Measure.SPENDING, 30))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("formula", "says"),
    [(_branching, "use numpy.where"), (_sorting, "cannot use numpy's sort"), (_summing, "cannot use numpy's reduce")],
)
def test_a_formula_that_no_program_can_hold_is_refused(formula: Callable[[Ledger], Floats], says: str) -> None:
    """A branch, or an operation across customers, is told when the set is made, with what to do."""
    with pytest.raises(TypeError, match=says):
        FeatureSet((plain(formula),)).evaluate(np.ones((1, 1)))


def test_a_formula_may_stand_in_a_set_twice() -> None:
    """Features, figures and eligibility overlap: each has its column."""
    one = EVERYTHING.features[0]
    values = FeatureSet((one, one)).evaluate(np.ones((1, 1)))
    assert values.shape == (1, 2)
    assert values[0, 0] == values[0, 1]


def test_a_constant_is_a_result_too() -> None:
    """A program of no steps but results."""
    trace = Trace()
    program = trace.program([trace.place(np.nan), trace.place(2.5), trace.place(np.nan)])
    np.testing.assert_array_equal(run(program, np.empty((2, 0))), [[np.nan, 2.5, np.nan]] * 2)
