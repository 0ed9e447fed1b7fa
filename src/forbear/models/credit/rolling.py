"""Models fitted again and again through time, each to what its origin knew, and asked about what came after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from forbear.domain.errors import NotEnoughData
from forbear.models.credit.hazard import HazardModel, fit_hazard
from forbear.models.credit.mortgage import BLIND_FACTORS, DEFAULT_FACTORS, PAYOFF_FACTORS, known_columns
from forbear.models.credit.outlook import first_quarter
from forbear.models.credit.panel import End, LoanPanel
from forbear.models.credit.parameters import CreditParameters
from forbear.models.credit.parts import Parts
from forbear.models.credit.severity import LgdModel, ResolvedDefaults
from forbear.models.dataset import Ints

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class RollingPlan:
    """When models are fitted.

    first: quarter of the first origin.  every: quarters from one to the next.
    embargo: quarters between the last outcome that a model learns from and its origin, for reporting; >= 0.
    seed: of the bootstrap behind the LGD.  Raises ValueError out of range.
    """

    first: int = 20
    every: int = 4
    embargo: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.first < 1 or self.every < 1 or self.embargo < 0:
            raise ValueError(f"first origin {self.first}, every {self.every}, embargo {self.embargo}")

    def origins(self, last: int) -> tuple[int, ...]:
        """Quarters at whose end models are fitted, up to `last`."""
        return tuple(range(self.first, last + 1, self.every))


@dataclass(frozen=True, slots=True)
class Fitted:
    """The models of one origin.

    rows, defaults: that the default hazard was fitted to.  blind: without the economy, for comparison.
    resolved: defaults whose LGD was known.
    """

    origin: int
    default: HazardModel
    blind: HazardModel
    payoff: HazardModel
    lgd: LgdModel
    rows: int
    defaults: int
    resolved: int


def fit_at(panel: LoanPanel, origin: int, plan: RollingPlan, parameters: CreditParameters, parts: Parts) -> Fitted:
    """Fit the models to what the end of a quarter knew: outcomes up to `embargo` before it, resolved workouts.

    Raises NotEnoughData for too few defaults or payoffs.
    """
    _, known = panel.defaults_within(1)
    told = panel.quarter + 1 + plan.embargo <= origin
    usable = known & told & (panel.quarter >= first_quarter(parameters.economy))
    rows = np.flatnonzero(usable)
    happened, _ = panel.defaults_within(1)
    if len(rows) == 0:
        raise NotEnoughData(f"no outcome is known at quarter {origin}", mend="begin later")
    columns = known_columns(panel, rows, parameters.economy)
    default = fit_hazard(columns, happened[rows], DEFAULT_FACTORS)
    resolved = resolved_by(panel, origin, parameters)
    return Fitted(
        origin=origin,
        default=default,
        blind=fit_hazard(columns, happened[rows], BLIND_FACTORS),
        payoff=fit_hazard(columns, panel.payoff_next()[rows], PAYOFF_FACTORS),
        lgd=parts.lgd(parameters, resolved, seed=plan.seed),
        rows=len(rows),
        defaults=default.events,
        resolved=len(resolved.lgd),
    )


def default_rows(panel: LoanPanel, parameters: CreditParameters) -> Ints:
    """Rows of default, of quarters for which the economy is known."""
    return np.flatnonzero((panel.end == End.DEFAULT) & (panel.quarter >= first_quarter(parameters.economy)))


def resolved_by(panel: LoanPanel, origin: int, parameters: CreditParameters) -> ResolvedDefaults:
    """Defaults whose workout was over at the end of a quarter, with what was known when they defaulted."""
    rows = default_rows(panel, parameters)
    rows = rows[panel.resolved[rows] <= origin]
    return ResolvedDefaults(known_columns(panel, rows, parameters.economy), panel.lgd[rows])


def fit_all(
    panel: LoanPanel, plan: RollingPlan, parameters: CreditParameters, parts: Parts, progress: Progress | None = None
) -> Iterator[Fitted]:
    """The models of every origin. progress: takes the number of origins done."""
    for done, origin in enumerate(plan.origins(int(panel.quarter.max())), 1):
        yield fit_at(panel, origin, plan, parameters, parts)
        if progress is not None:
            progress(done)
