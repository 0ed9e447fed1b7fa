"""A book quarter by quarter: PD, stage and expected credit loss as each date knew them, beside what came later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from forbear.domain.credit import Cause, DefaultPd, Stage
from forbear.domain.errors import NotEnoughData
from forbear.models.credit.loss import CreditLoss, Discounting, Scenario, credit_loss, impaired_loss
from forbear.models.credit.mortgage import coming, known_columns, structure
from forbear.models.credit.outlook import YEAR, first_quarter, outlook
from forbear.models.credit.panel import NEVER, End, LoanPanel
from forbear.models.credit.parameters import CreditParameters
from forbear.models.credit.parts import Parts
from forbear.models.credit.rolling import Fitted
from forbear.models.credit.staging import Evidence, Standing, assess, triggers, unassessed
from forbear.models.dataset import Ints
from forbear.models.results import Floats

MONTHS = 3
"""Of a quarter."""
LONGEST_PERIODS = 160
"""Forty years: no mortgage is looked at further ahead."""


@dataclass(frozen=True, slots=True)
class QuarterEnd:
    """The book at the end of a quarter. Money in minor units.

    loans, exposure, allowance: by stage, (3,); stage 3 are defaults whose workout is not over.
    loss_year, loss_lifetime: expected of running loans, whatever their stage.
    realised_year: what those loans lost by defaults within a year, discounted; None where the year is not over.
    realised_so_far: by all defaults up to the end of the panel.
    unresolved: share of what was owed in the defaults within a year whose workout is not over in the panel, so that
    their LGD is as reported, not as it ended; NaN without.
    causes: loans by cause, in the order of Cause.
    """

    quarter: int
    origin: int
    loans: tuple[int, ...]
    exposure: tuple[float, ...]
    allowance: tuple[float, ...]
    loss_year: float
    loss_lifetime: float
    realised_year: float | None
    realised_so_far: float
    unresolved: float
    causes: tuple[int, ...]


@dataclass(frozen=True)
class Book:
    """All quarters, and what each row of the panel was given at its date; NaN or -1 where nothing was.

    pd_next, pd_year: default in the next quarter, in the next four.  blind_next, blind_year: without the economy.
    ead_in_a_year: exposure at a default in the fourth quarter ahead.  stage: (n,).
    """

    quarters: tuple[QuarterEnd, ...]
    pd_next: Floats
    pd_year: Floats
    blind_next: Floats
    blind_year: Floats
    ead_in_a_year: Floats
    stage: Ints


@dataclass(slots=True)
class _Desk:
    """What is filled in as the quarters go by.

    standing: of every row, as it is assessed.  at_origination: (n,) 12-month PD, in the first row of each loan.
    """

    panel: LoanPanel
    parameters: CreditParameters
    parts: Parts
    standing: Standing
    at_origination: Floats
    columns: dict[str, Floats]

    @classmethod
    def of(cls, panel: LoanPanel, parameters: CreditParameters, parts: Parts) -> _Desk:
        names = ("pd_next", "pd_year", "blind_next", "blind_year", "ead_in_a_year")
        unknown = {name: np.full(len(panel), np.nan) for name in names}
        return cls(panel, parameters, parts, unassessed(len(panel)), np.full(len(panel), np.nan), unknown)


@dataclass(frozen=True, slots=True)
class _Ask:
    """Rows of the panel, the quarter whose end they are seen from, and how many periods ahead."""

    rows: Ints
    quarter: int
    periods: int


def keep_book(
    panel: LoanPanel,
    models: Sequence[Fitted],
    parameters: CreditParameters,
    parts: Parts,
    progress: Callable[[int], None] | None = None,
) -> Book:
    """Go through every quarter from the first origin on, with the newest models of an origin not after it.

    The PD at origination is what the models in force make of all that was known when the loan was first seen: a new
    model by itself raises nobody's risk. progress: takes the number of quarters done.
    Raises NotEnoughData without models.
    """
    if not models:
        raise NotEnoughData("no origin lies within the panel", mend="begin earlier")
    desk = _Desk.of(panel, parameters, parts)
    staged = np.full(len(panel), -1, dtype=np.int64)
    ends, last = [], int(panel.quarter.max())
    for done, quarter in enumerate(range(models[0].origin, last + 1), 1):
        in_force = max((one for one in models if one.origin <= quarter), key=lambda one: one.origin)
        _price_at_origination(desk, in_force, quarter)
        ends.append(_close(desk, in_force, quarter, staged))
        if progress is not None:
            progress(done)
    return Book(tuple(ends), stage=staged, **desk.columns)


def _price_at_origination(desk: _Desk, models: Fitted, quarter: int) -> None:
    """The PD at origination of loans seen by now: of all of them under new models, else of those that are new."""
    panel = desk.panel
    first = np.unique(panel.first_row)
    earliest = first_quarter(desk.parameters.economy)
    since = 1 if models.origin == quarter else quarter
    for seen in range(since, quarter + 1):
        rows = first[panel.quarter[first] == seen]
        if len(rows):
            ahead = _scenarios(desk, models, _Ask(rows, max(seen, earliest), YEAR))
            desk.at_origination[rows] = _weighted_year(ahead)


def _close(desk: _Desk, models: Fitted, quarter: int, staged: Ints) -> QuarterEnd:
    panel, now = desk.panel, desk.panel.quarter == quarter
    running = np.flatnonzero(now & (panel.end == End.RUNNING))
    loss = _expect(desk, models, running, quarter)
    fallen = np.flatnonzero(now & (panel.end == End.DEFAULT))
    seen = np.concatenate([running, fallen])
    _assess(desk, seen)
    staged[seen] = desk.standing.stages[seen]
    in_workout = np.flatnonzero((panel.end == End.DEFAULT) & (panel.quarter <= quarter) & (panel.resolved > quarter))
    in_workout = in_workout[panel.quarter[in_workout] >= first_quarter(desk.parameters.economy)]
    at_default = known_columns(panel, in_workout, desk.parameters.economy)
    impaired = impaired_loss(models.lgd.lgd(at_default), panel.balance_minor[in_workout])
    stages, owed = staged[running], panel.balance_minor[running]
    parts = [stages == stage for stage in (Stage.PERFORMING, Stage.INCREASED)]
    allowance = loss.allowance(stages)
    causes = desk.standing.causes[seen]
    return QuarterEnd(
        quarter=quarter,
        origin=models.origin,
        loans=(*(int(part.sum()) for part in parts), len(in_workout)),
        exposure=(*(float(owed[part].sum()) for part in parts), float(panel.balance_minor[in_workout].sum())),
        allowance=(*(float(allowance[part].sum()) for part in parts), float(impaired.sum())),
        loss_year=float(loss.year.sum()),
        loss_lifetime=float(loss.lifetime.sum()),
        realised_year=_realised(desk, running, YEAR) if quarter + YEAR <= panel.quarter.max() else None,
        realised_so_far=_realised(desk, running, NEVER),
        unresolved=_unresolved(panel, running),
        causes=tuple(int(np.count_nonzero(causes & cause)) for cause in Cause),
    )


def _expect(desk: _Desk, models: Fitted, rows: Ints, quarter: int) -> CreditLoss:
    """ECL of running loans; fills in their PDs and exposures on the way."""
    panel = desk.panel
    longest = int(np.clip((panel.matures - panel.quarter)[rows].max(initial=YEAR), YEAR, LONGEST_PERIODS))
    scenarios = _scenarios(desk, models, _Ask(rows, quarter, longest))
    blind = _scenarios(desk, models, _Ask(rows, quarter, YEAR), blind=True)
    columns = desk.columns
    columns["pd_next"][rows] = scenarios[0].structure.conditional[:, 0]
    columns["pd_year"][rows] = _weighted_year(scenarios)
    columns["blind_next"][rows] = blind[0].structure.conditional[:, 0]
    columns["blind_year"][rows] = _weighted_year(blind)
    columns["ead_in_a_year"][rows] = scenarios[0].ead_minor[:, YEAR - 1]
    return credit_loss(scenarios, Discounting(panel.rate[rows], desk.parameters.discounting.default_at))


def _scenarios(desk: _Desk, models: Fitted, ask: _Ask, *, blind: bool = False) -> list[Scenario]:
    parameters, made = desk.parameters, []
    hazard = models.blind if blind else models.default
    for rule in parameters.scenarios:
        conditions = outlook(desk.panel.economy, ask.quarter, parameters.economy, rule, ask.periods)
        ahead = coming(desk.panel, ask.rows, conditions, desk.parts.ead(parameters))
        course = structure(hazard, models.payoff, ahead, parameters.default.target)
        made.append(Scenario(rule.weight, course, models.lgd.lgd(ahead.columns), ahead.ead_minor))
    return made


def _weighted_year(scenarios: Sequence[Scenario]) -> Floats:
    years = [scenario.weight * scenario.structure.within_a_year().value for scenario in scenarios]
    return np.asarray(np.sum(years, axis=0))


def _assess(desk: _Desk, rows: Ints) -> None:
    panel, rules = desk.panel, desk.parameters
    new = panel.first_row[rows] == rows
    before = np.where(new, -1, rows - 1)
    # A loan that defaulted is not priced any more.
    pd = np.where(panel.end[rows] == End.DEFAULT, 1.0, desk.columns["pd_year"][rows])
    origin = desk.at_origination[panel.first_row[rows]]
    evidence = Evidence(
        pd=DefaultPd(pd, rules.default.target),
        pd_at_origination=DefaultPd(origin, rules.default.target),
        days_past_due=np.full(len(rows), np.nan),
        in_default=panel.end[rows] == End.DEFAULT,
        watch_list=np.zeros(len(rows), dtype=np.bool_),
    )
    months = MONTHS * np.where(new, 1, panel.quarter[rows] - panel.quarter[before]).astype(np.float64)
    found = assess(
        triggers(evidence, rules.staging, rules.default), desk.standing.rows(before), rules.staging, months=months
    )
    for name in ("stages", "causes", "calm_months", "sound_months"):
        getattr(desk.standing, name)[rows] = getattr(found, name)


def _realised(desk: _Desk, rows: Ints, quarters: int) -> float:
    """What loans lost by defaults within so many quarters of their row, worth at its date."""
    panel = desk.panel
    ahead = panel.default_quarter[rows] - panel.quarter[rows]
    lost = rows[(ahead > 0) & (ahead <= quarters) & (panel.default_quarter[rows] < NEVER)]
    ends = panel.last_row[lost]
    years = (panel.quarter[ends] - panel.quarter[lost] - 1 + desk.parameters.discounting.default_at) / YEAR
    worth = (1.0 + panel.rate[lost]) ** -years
    return float((panel.balance_minor[ends] * panel.lgd[ends] * worth).sum())


def _unresolved(panel: LoanPanel, rows: Ints) -> float:
    ends = panel.last_row[rows[panel.default_quarter[rows] <= panel.quarter[rows] + YEAR]]
    owed = panel.balance_minor[ends]
    total = float(owed.sum())
    return float(owed[panel.resolved[ends] == NEVER].sum()) / total if total else np.nan
