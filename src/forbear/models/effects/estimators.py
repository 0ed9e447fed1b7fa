"""The average effect of an action against the hold-out, four ways; each with a 95 % interval that knows customers.

What a customer would have come to without help (self-cure) is in the hold-out's outcome, so it is in no effect.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from forbear.models.dataset import Bools
from forbear.models.effects.effect import Effect, effect_of
from forbear.models.effects.observations import Contrast
from forbear.models.effects.shares import difference
from forbear.models.results import Floats


def difference_in_means(contrast: Contrast) -> Effect:
    """Mean outcome of those given the action less that of those held out.

    Shares of customers who count once have Newcombe's (1998) interval and the pooled score test; all else is
    cluster-robust. Raises ValueError where the chances differ between rows, which this estimator does not weigh;
    NotEnoughData for an empty arm.
    """
    contrast.require_both()
    if not contrast.even:
        raise ValueError("chances differ between rows: weigh by them")
    either = contrast.given | contrast.held
    compared = contrast if either.all() else contrast.rows(either)
    value, influence = _of_means(compared, np.ones(len(compared)), np.ones(len(compared)))
    found = effect_of(value, influence, compared.customers)
    shares = found.customers == found.rows and bool(((compared.outcome == 0.0) | (compared.outcome == 1.0)).all())
    return _of_shares(compared, found) if shares else found


def horvitz_thompson(contrast: Contrast) -> Effect:
    """Outcomes over their chances (Horvitz and Thompson 1952); unbiased, and wide where chances are small.

    Raises NotEnoughData for an empty arm.
    """
    contrast.require_both()
    scores = contrast.outcome * (contrast.given / contrast.given_chance - contrast.held / contrast.held_chance)
    value = float(scores.mean())
    return effect_of(value, scores - value, contrast.customers)


def hajek(contrast: Contrast) -> Effect:
    """Weighted means with the chances' reciprocals as weights (Hajek 1971). Raises NotEnoughData for an empty arm."""
    contrast.require_both()
    value, influence = _of_means(contrast, 1.0 / contrast.given_chance, 1.0 / contrast.held_chance)
    return effect_of(value, influence, contrast.customers)


def doubly_robust(contrast: Contrast, predicted: Floats) -> Effect:
    """Augmented inverse-probability weighting (Robins, Rotnitzky and Zhao 1994).

    predicted: (n, 2) expected outcome of each row held out and given the action, by models that have not seen it
    (`crossfit.cross_fitted`; Chernozhukov et al. 2018). As the chances are known the estimate is consistent
    whatever the models are worth; good ones make it narrower. Raises NotEnoughData for an empty arm.
    """
    contrast.require_both()
    scores = effect_scores(contrast, predicted)
    value = float(scores.mean())
    return effect_of(value, scores - value, contrast.customers)


def effect_scores(contrast: Contrast, predicted: Floats) -> Floats:
    """(n,) a score of each row, unbiased for its own effect. predicted: (n, 2), as in `doubly_robust`."""
    outcome, held, given = contrast.outcome, predicted[:, 0], predicted[:, 1]
    scores: Floats = (
        given
        - held
        + contrast.given * (outcome - given) / contrast.given_chance
        - contrast.held * (outcome - held) / contrast.held_chance
    )
    return scores


def plain(contrast: Contrast) -> Effect:
    """The difference in means where chance was even, else Hajek's. Raises NotEnoughData for an empty arm."""
    return difference_in_means(contrast) if contrast.even else hajek(contrast)


def _of_means(contrast: Contrast, given_weight: Floats, held_weight: Floats) -> tuple[float, Floats]:
    """Difference of weighted means, and what each row adds to its error."""
    one, one_influence = _weighted(contrast.outcome, contrast.given, given_weight)
    other, other_influence = _weighted(contrast.outcome, contrast.held, held_weight)
    return one - other, one_influence - other_influence


def _weighted(outcome: Floats, members: Bools, weight: Floats) -> tuple[float, Floats]:
    weighed = members * weight
    mean = float(weighed @ outcome / weighed.sum())
    return mean, weighed * (outcome - mean) / weighed.mean()


def _of_shares(contrast: Contrast, found: Effect) -> Effect:
    hits, given = int(contrast.outcome[contrast.given].sum()), int(contrast.given.sum())
    others, held = int(contrast.outcome[contrast.held].sum()), int(contrast.held.sum())
    figure = difference((hits, given), (others, held))
    pooled = (hits + others) / (given + held)
    error = float(np.sqrt(pooled * (1.0 - pooled) * (1.0 / given + 1.0 / held)))
    p_value = float(2.0 * ndtr(-abs(figure.value) / error)) if error > 0.0 else 1.0
    return Effect(figure, found.standard_error, p_value, found.rows, found.customers)
