"""What each feature adds to a score: attributions that sum to it, checked before anyone reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.domain.errors import ModelMismatch
from forbear.models.results import Floats

ADDITIVITY_TOLERANCE = 1e-9
"""How far a score may lie from the sum of its attributions, as a share of the larger of 1 and the score."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Scores and where they come from, in natural log-odds before calibration.

    log_odds: (n,).  expected: the log-odds that every row starts from.  attributions: (n, k), what each feature
    adds to it, positive where it raises the PD; never NaN, also where the feature is unknown.
    Raises ModelMismatch if some row's expected + attributions do not sum to its score: such a score has no
    reasons, and nobody may be told any.
    """

    log_odds: Floats
    expected: float
    attributions: Floats

    def __post_init__(self) -> None:
        errors = self.errors
        wrong = np.flatnonzero(~(errors <= ADDITIVITY_TOLERANCE * np.maximum(1.0, np.abs(self.log_odds))))
        if len(wrong):
            raise ModelMismatch(
                f"the attributions of {len(wrong)} of {len(errors)} rows do not sum to the score "
                f"(row {wrong[0]} is off by {errors[wrong[0]]:.3g})",
                mend="tell nobody a reason from this model; train it again, and report this",
            )

    @property
    def errors(self) -> Floats:
        """(n,) distance between each score and expected + its attributions."""
        distance: Floats = np.abs(self.expected + self.attributions.sum(axis=1) - self.log_odds)
        return distance
