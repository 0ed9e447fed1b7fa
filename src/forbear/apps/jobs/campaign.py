"""Read a published e-mail experiment out: effects, segments, and whether ranking by uplift beats chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forbear.apps.console import Console
from forbear.importers.hillstrom import Campaign, find_hillstrom, read_hillstrom
from forbear.models.dataset import Bools
from forbear.models.effects.crossfit import Crossing, cross_fitted, fit_arms, honest_split
from forbear.models.effects.effect import Effect
from forbear.models.effects.estimators import difference_in_means, doubly_robust, effect_scores, horvitz_thompson
from forbear.models.effects.gains import GainCurve, gain_curve
from forbear.models.effects.learners import Chances, Learner, Trees
from forbear.models.effects.observations import Contrast, Experiment
from forbear.models.effects.policies import Judged, PolicyValue, four_policies
from forbear.models.effects.read_out import Reader, Reading, read_together
from forbear.models.effects.uplift import doubly_robust_learner, t_learner
from forbear.models.results import Figure, Floats

VISITS, SPEND = "visits", "spend"
ROBUST, TWO_MODELS = "doubly robust", "two models"
LEARNERS = (ROBUST, TWO_MODELS)
"""How benefit is learnt; the first was chosen to lead before any of them was judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRequest:
    """A folder with the data. capacity: share of customers that ranked policies may send to.  seed: of every draw."""

    data: Path
    created: str
    capacity: float = 0.3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Average:
    """The average effect of one arm on one measure, by estimator."""

    arm: str
    measure: str
    by: Mapping[str, Effect]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """What ranking by one model of the benefit is worth, on the half of the customers that it has not seen.

    visits, spend: gains of a customer, in visits and in cents.  policies: the four side by side at the capacity;
    risk-ranked is here by the visits expected without an e-mail.
    """

    arm: str
    learner: str
    customers: int
    visits: GainCurve
    spend: GainCurve
    policies: tuple[PolicyValue, ...]


@dataclass(frozen=True, slots=True)
class CampaignFound:
    """Everything that was read out of the experiment."""

    request: CampaignRequest
    customers: int
    averages: tuple[Average, ...]
    readings: tuple[Reading, ...]
    ranked: tuple[Ranked, ...]

    def summary(self) -> dict[str, object]:
        """All figures as one object for a script."""
        return {
            "customers": self.customers,
            "seed": self.request.seed,
            "averages": [
                {"arm": one.arm, "measure": one.measure, **{name: _effect(found) for name, found in one.by.items()}}
                for one in self.averages
            ],
            "tests": len(self.readings),
            "segments": [
                {
                    "arm": one.arm,
                    "measure": one.measure,
                    "segment": one.segment or "everybody",
                    **_effect(one.effect),
                    "adjusted_p": one.adjusted_p,
                    "finding": one.finding,
                }
                for one in self.readings
            ],
            "ranked": [
                {
                    "arm": one.arm,
                    "learner": one.learner,
                    "judged_on": one.customers,
                    "over_random_visits": one.visits.area.as_dict(),
                    "over_random_spend_minor": one.spend.area.as_dict(),
                    "capacity": self.request.capacity,
                    "policies": {
                        value.policy: {
                            "offered": value.offered,
                            "visits": value.avoided.as_dict(),
                            "spend_minor": value.money_minor.as_dict(),
                            "visits_over_random": value.beyond_random.as_dict(),
                        }
                        for value in one.policies
                    },
                }
                for one in self.ranked
            ],
        }


def read_campaign(request: CampaignRequest, console: Console) -> CampaignFound:
    """Read the experiment of a folder out. Raises ConfigError where it is not there or not what it should be."""
    campaign = read_hillstrom(find_hillstrom(request.data))
    measures = {VISITS: campaign.visits, SPEND: campaign.spend}
    arms = range(1, len(campaign.visits.arms))
    ranked = []
    with console.progress("Ranking", len(arms) * len(LEARNERS)) as progress:
        for arm in arms:
            for learner in LEARNERS:
                ranked.append(_ranked(campaign, arm, learner, request))
                progress(len(ranked))
    return CampaignFound(
        request=request,
        customers=len(campaign.visits),
        averages=tuple(_average(name, one, arm, request.seed) for name, one in measures.items() for arm in arms),
        readings=read_together(measures, Reader()),
        ranked=tuple(ranked),
    )


def _average(measure: str, experiment: Experiment, arm: int, seed: int) -> Average:
    contrast = experiment.contrast(arm)
    learner: Learner = Chances(seed=seed) if measure == VISITS else Trees(seed=seed)
    return Average(
        experiment.arms[arm],
        measure,
        {
            "difference": difference_in_means(contrast),
            "horvitz_thompson": horvitz_thompson(contrast),
            "doubly_robust": doubly_robust(contrast, cross_fitted(contrast, Crossing(learner, seed=seed))),
        },
    )


def _ranked(campaign: Campaign, arm: int, learner: str, request: CampaignRequest) -> Ranked:
    """Learnt on one half of the customers, judged on the other."""
    visits, spend = campaign.visits.contrast(arm), campaign.spend.contrast(arm)
    train, judge = honest_split(visits.customers, request.seed)
    taught, unseen = visits.rows(train), visits.rows(judge)
    seed = request.seed
    if learner == ROBUST:
        benefit = doubly_robust_learner(taught, Trees(seed=seed), 1, Crossing(Chances(seed=seed), seed=seed))
    else:
        benefit = t_learner(taught, Chances(seed=seed), 1)
    expected = _expected(taught, unseen, Chances(seed=seed))
    of_visits = effect_scores(unseen, expected)
    of_spend = _scores(spend, (train, judge), Trees(seed=seed))
    uplift = benefit(unseen.covariates)
    judged = Judged(
        benefit=of_visits,
        money_minor=of_spend,
        cost_minor=0.0,
        risk=expected[:, 0],
        uplift=uplift,
        customers=unseen.customers,
    )
    return Ranked(
        arm=campaign.visits.arms[arm],
        learner=learner,
        customers=len(unseen),
        visits=gain_curve(uplift, of_visits, unseen.customers),
        spend=gain_curve(uplift, of_spend, unseen.customers),
        policies=four_policies(judged, request.capacity),
    )


def _scores(contrast: Contrast, halves: tuple[Bools, Bools], learner: Learner) -> Floats:
    train, judge = halves
    unseen = contrast.rows(judge)
    return effect_scores(unseen, _expected(contrast.rows(train), unseen, learner))


def _expected(taught: Contrast, unseen: Contrast, learner: Learner) -> Floats:
    """(n, 2) expected outcomes of the unseen half by models of the other."""
    return np.column_stack([model(unseen.covariates) for model in fit_arms(taught, learner)])


def _effect(effect: Effect) -> dict[str, object]:
    shown: Figure = effect.figure
    return {**shown.as_dict(), "p": effect.p_value, "rows": effect.rows}
