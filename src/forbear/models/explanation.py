"""What each feature adds to a score: attributions that sum to it, checked before anyone reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.domain.errors import ModelMismatch
from forbear.models.results import Floats

ADDITIVITY_TOLERANCE = 1e-9
"""How far a score of floats may lie from the sum of its attributions, as a share of the larger of 1 and the score."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Scores and where they come from, in natural log-odds before calibration. Build it with `checked`.

    log_odds: (n,).  expected: the log-odds that every row starts from.  attributions: (n, k), what each feature
    adds to it, positive where it raises the PD; never NaN, also where the feature is unknown.
    """

    log_odds: Floats
    expected: float
    attributions: Floats

    @property
    def errors(self) -> Floats:
        """(n,) distance between each score and expected + its attributions."""
        distance: Floats = np.abs(self.expected + self.attributions.sum(axis=1) - self.log_odds)
        return distance


def checked(explanation: Explanation) -> Explanation:
    """The explanation itself.

    Raises ModelMismatch if some row's expected + attributions do not sum to its score.
    """
    size = np.maximum(1.0, np.abs(explanation.log_odds))
    wrong = np.flatnonzero(~(explanation.errors <= ADDITIVITY_TOLERANCE * size))
    if len(wrong):
        raise refuse(int(wrong[0]))
    return explanation


def refuse(row: int) -> ModelMismatch:
    """The error of a row whose attributions do not sum to its score: nobody may be told reasons that are not its."""
    return ModelMismatch(
        f"the attributions of row {row} do not sum to its score",
        mend="tell nobody a reason from this model; train it again, and report this",
    )
