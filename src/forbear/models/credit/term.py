"""The term structure of default: when, not only whether. Default and prepayment are competing ends of a loan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.domain.credit import DEFAULT_IN_A_YEAR, DefaultPd, Target, Trouble
from forbear.models.credit.quantities import default_pd, unit
from forbear.models.results import Floats


@dataclass(frozen=True, slots=True)
class TermStructure:
    """Chances of default and of early payoff of n loans over h periods.

    conditional: (n, h) chance of default in a period, given that the loan is still running at its beginning; [0, 1].
    payoff: (n, h) the same of full payment; [0, 1], drawn down to what default leaves.
    periods_per_year: 4 for quarters, 12 for months.  target: what counts as default, and the year it is asked for.
    Periods after a loan's maturity carry 0 in both.  Raises ValueError for another shape, a value outside
    [0, 1], or a target that is not default.  Source: discrete-time competing risks, Singer and Willett (2003).
    """

    conditional: Floats
    payoff: Floats
    periods_per_year: int
    target: Target = DEFAULT_IN_A_YEAR

    def __post_init__(self) -> None:
        unit(self.conditional, "conditional default PD")
        unit(self.payoff, "payoff")
        if self.conditional.ndim != 2 or self.payoff.shape != self.conditional.shape:
            raise ValueError(f"conditional of shape {self.conditional.shape}, payoff of {self.payoff.shape}")
        if self.periods_per_year < 1 or self.target.event is not Trouble.DEFAULT:
            raise ValueError(f"{self.periods_per_year} periods a year, target {self.target.event}")

    @property
    def survival(self) -> Floats:
        """(n, h) chance that a loan is running at the end of each period, neither defaulted nor paid off."""
        left = (1.0 - self.conditional) - np.minimum(self.payoff, 1.0 - self.conditional)
        return np.asarray(np.cumprod(left, axis=1), dtype=np.float64)

    @property
    def marginal(self) -> Floats:
        """(n, h) chance, seen from today, of a default in each period: running at its beginning, then default."""
        running = self.survival
        before = np.concatenate([np.ones((len(running), 1)), running[:, :-1]], axis=1)
        marginal: Floats = before * self.conditional
        return marginal

    @property
    def cumulative(self) -> Floats:
        """(n, h) chance, seen from today, of a default up to the end of each period; never falling."""
        return np.asarray(np.minimum(np.cumsum(self.marginal, axis=1), 1.0))

    def within_a_year(self) -> DefaultPd[Floats]:
        """(n,) the 12-month default PD; of what is left, where the structure is shorter than a year."""
        last = min(self.periods_per_year, self.conditional.shape[1]) - 1
        return DefaultPd(self.cumulative[:, last], self.target)

    def lifetime(self) -> DefaultPd[Floats]:
        """(n,) the chance of a default before the loan ends."""
        return DefaultPd(self.cumulative[:, -1], Target(self.target.event, self.target.days_past_due_at_least, 36_525))

    def first(self, periods: int) -> TermStructure:
        """The structure cut after so many periods, 1 <= periods <= h."""
        cut = (self.conditional[:, :periods], self.payoff[:, :periods])
        return TermStructure(*cut, self.periods_per_year, self.target)


def constant_hazard(pd: DefaultPd[Floats], *, periods: int, periods_per_year: int) -> TermStructure:
    """The structure of (n,) 12-month default PDs whose chance is the same in every period, without payoff.

    conditional = 1 - (1 - PD)^(1 / periods_per_year), so that a year of periods gives back the PD.
    Raises as `default_pd` does.
    """
    per_period = 1.0 - (1.0 - default_pd(pd)) ** (1.0 / periods_per_year)
    conditional = np.repeat(per_period[:, None], periods, axis=1)
    return TermStructure(conditional, np.zeros_like(conditional), periods_per_year, pd.target)


def finer(structure: TermStructure, times: int) -> TermStructure:
    """The same chances in periods so many times shorter, e.g. months of quarters with times=3.

    What ends a loan in a period (default, payoff) is spread evenly in log-survival, and split in the same ratio, so
    survival, marginal and cumulative agree at the end of each of the longer periods.
    """
    payoff = np.minimum(structure.payoff, 1.0 - structure.conditional)
    ending = structure.conditional + payoff
    shorter = 1.0 - (1.0 - ending) ** (1.0 / times)
    share = np.divide(structure.conditional, ending, out=np.zeros_like(ending), where=ending > 0.0)
    conditional, leaving = shorter * share, shorter * (1.0 - share)
    longer = (np.repeat(conditional, times, axis=1), np.repeat(leaving, times, axis=1))
    return TermStructure(*longer, structure.periods_per_year * times, structure.target)
