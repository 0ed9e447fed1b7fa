"""An explanation that does not add up is refused before anyone reads it."""

from __future__ import annotations

import numpy as np
import pytest

from forbear.domain.errors import ModelMismatch
from forbear.models.explanation import Explanation, checked


def test_sums_pass_as_they_are() -> None:
    """Attributions that sum to the scores come back unchanged."""
    explanation = Explanation(np.array([1.5, -0.5]), 0.5, np.array([[2.0, -1.0], [-1.0, 0.0]]))
    assert checked(explanation) is explanation
    assert (explanation.errors == 0.0).all()


@pytest.mark.parametrize("wrong", [1e-6, np.nan, np.inf])
def test_a_row_that_does_not_add_up_is_named(wrong: float) -> None:
    """A millionth is too much, and so is a value that nobody knows."""
    attributions = np.zeros((3, 2))
    attributions[1, 0] = wrong
    with pytest.raises(ModelMismatch, match="row 1 ") as refused:
        checked(Explanation(np.zeros(3), 0.0, attributions))
    assert "reason" in str(refused.value.mend)


def test_large_scores_may_round() -> None:
    """The tolerance is relative for scores above one."""
    assert checked(Explanation(np.array([1e6]), 0.0, np.array([[1e6 + 1e-5]])))
