"""Who is helped: models of each customer's own benefit, learnt from an experiment."""

from __future__ import annotations

from forbear.models.effects.crossfit import Crossing, cross_fitted, fit_arms
from forbear.models.effects.estimators import effect_scores
from forbear.models.effects.learners import Learner, Predictor
from forbear.models.effects.observations import Contrast
from forbear.models.results import Floats


def t_learner(contrast: Contrast, learner: Learner, good: int) -> Predictor:
    """Benefit as the difference of two models, one of each arm (Kuenzel, Sekhon, Bickel and Yu 2019).

    good: +1 where more of the outcome is good, -1 where it is bad: a benefit above 0 is harm avoided, or good gained.
    Raises NotEnoughData for an empty arm.
    """
    held, given = fit_arms(contrast, learner)

    def benefit(features: Floats) -> Floats:
        found: Floats = good * (given(features) - held(features))
        return found

    return benefit


def doubly_robust_learner(contrast: Contrast, learner: Learner, good: int, crossing: Crossing) -> Predictor:
    """Benefit as one model of the rows' doubly robust scores (Kennedy 2023, "the DR-learner").

    learner: of the scores.  crossing: of the outcomes that they need.  good: as in `t_learner`.
    Raises NotEnoughData for an empty arm.
    """
    scores = effect_scores(contrast, cross_fitted(contrast, crossing))
    return learner.fit(contrast.covariates, good * scores)
