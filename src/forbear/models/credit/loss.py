"""Expected loss and expected credit loss, from default PDs only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forbear.domain.credit import DefaultPd, Stage
from forbear.models.credit.quantities import default_pd, not_negative
from forbear.models.credit.term import TermStructure
from forbear.models.dataset import Ints
from forbear.models.results import Floats

WEIGHT_TOLERANCE = 1e-9


def expected_loss(pd: DefaultPd[Floats], lgd: Floats, ead_minor: Floats) -> Floats:
    """Expected loss over the PD's horizon [minor units], (n,), not discounted: EL = PD x LGD x EAD.

    lgd: >= 0.  ead_minor: >= 0.  Raises TypeError for a PD that is not of default, ValueError for a value out of range.
    Source: Basel Committee, An Explanatory Note on the Basel II IRB Risk Weight Functions (2005).
    """
    loss: Floats = default_pd(pd) * not_negative(lgd, "LGD") * not_negative(ead_minor, "EAD")
    return loss


@dataclass(frozen=True, slots=True)
class Discounting:
    """How a later loss is worth less today.

    annual_rate: (n,) effective interest rate, e.g. 0.045 (IFRS 9 B5.5.44); > -1.
    default_at: when within its period a default is taken to happen, 0 its beginning, 1 its end.
    Raises ValueError outside.
    """

    annual_rate: Floats
    default_at: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.annual_rate) & (self.annual_rate > -1.0)).all() or not 0.0 <= self.default_at <= 1.0:
            raise ValueError(f"effective interest rate not above -1, or default_at {self.default_at} outside [0, 1]")

    def factors(self, periods: int, periods_per_year: int) -> Floats:
        """(n, periods) today's worth of 1 lost in each period."""
        years = (np.arange(periods) + self.default_at) / periods_per_year
        factors: Floats = (1.0 + self.annual_rate[:, None]) ** -years
        return factors


@dataclass(frozen=True, slots=True)
class Scenario:
    """One course of the economy and what it does to n loans over h periods.

    weight: its probability, (0, 1].  structure: default and payoff under it.
    lgd, ead_minor: (n, h) at a default in each period, >= 0.
    """

    weight: float
    structure: TermStructure
    lgd: Floats
    ead_minor: Floats


@dataclass(frozen=True, slots=True)
class CreditLoss:
    """Expected credit loss of n loans [minor units], (n,) each, weighted over scenarios.

    year: of defaults possible within 12 months.  lifetime: of defaults possible before the loan ends, >= year.
    """

    year: Floats
    lifetime: Floats

    def allowance(self, stages: Ints) -> Floats:
        """(n,) what each loan's stage asks for: 12 months in stage 1, lifetime in stage 2.

        Raises ValueError for a loan in stage 3: it has defaulted, see `impaired_loss`.
        """
        if (stages == Stage.IMPAIRED).any():
            raise ValueError("a loan in default has no term structure: its loss is LGD x EAD")
        return np.where(stages == Stage.PERFORMING, self.year, self.lifetime)


def scenario_loss(scenario: Scenario, discounting: Discounting) -> CreditLoss:
    """ECL under one scenario: the sum over periods of marginal PD x LGD x EAD x discount factor, (n,).

    The 12-month loss is the part of the lifetime loss that defaults within 12 months cause (IFRS 9 appendix A).
    Raises ValueError for a value out of range or another shape.
    """
    structure = scenario.structure
    lgd, ead = not_negative(scenario.lgd, "LGD"), not_negative(scenario.ead_minor, "EAD")
    worth = discounting.factors(structure.conditional.shape[1], structure.periods_per_year)
    by_period = structure.marginal * lgd * ead * worth
    return CreditLoss(by_period[:, : structure.periods_per_year].sum(axis=1), by_period.sum(axis=1))


def credit_loss(scenarios: Sequence[Scenario], discounting: Discounting) -> CreditLoss:
    """Probability-weighted ECL over scenarios (IFRS 9 5.5.17(a), B5.5.41 to B5.5.43), discounted (5.5.17(b)).

    Raises ValueError unless the weights are positive and sum to 1.
    """
    weights = [scenario.weight for scenario in scenarios]
    if min(weights, default=0.0) <= 0.0 or abs(sum(weights) - 1.0) > WEIGHT_TOLERANCE:
        raise ValueError(f"weights {weights} of the scenarios: each above 0, and 1 in all")
    losses = [scenario_loss(scenario, discounting) for scenario in scenarios]
    pairs = list(zip(weights, losses, strict=True))
    return CreditLoss(
        np.sum([weight * loss.year for weight, loss in pairs], axis=0),
        np.sum([weight * loss.lifetime for weight, loss in pairs], axis=0),
    )


def impaired_loss(lgd: Floats, ead_minor: Floats) -> Floats:
    """Lifetime ECL of loans in default [minor units], (n,): LGD x EAD, for the default is certain (stage 3)."""
    return expected_loss(DefaultPd(np.ones(np.shape(ead_minor))), lgd, ead_minor)


def in_minor_units(loss: Floats) -> Ints:
    """Whole minor units of each loss, rounded half to even."""
    return np.rint(loss).astype(np.int64)
