"""Credit risk of a real panel: models fitted through time, the book at every quarter, and how it all came true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import numpy as np

from forbear.apps.console import Console
from forbear.apps.package_data import shipped
from forbear.domain.credit import Cause, Stage
from forbear.domain.errors import ConfigError
from forbear.importers.dcr import DcrPanel, read_dcr
from forbear.models.credit.book import Book, keep_book
from forbear.models.credit.judgement import (
    LgdCheck,
    OriginCheck,
    PdJudgement,
    QuarterCheck,
    check_ead,
    check_lgd,
    check_origins,
    check_quarters,
    judge_pd,
)
from forbear.models.credit.movements import Transitions, Vintage, transitions, vintage
from forbear.models.credit.outlook import YEAR
from forbear.models.credit.panel import End, LoanPanel
from forbear.models.credit.parameters import CreditParameters, parse_parameters
from forbear.models.credit.parts import EAD_MAKERS, LGD_MAKERS, Parts
from forbear.models.credit.rolling import Fitted, RollingPlan, fit_all
from forbear.models.credit.severity import LgdTable
from forbear.models.intervals import Bootstrap
from forbear.models.results import Figure

STATES = ("stage 1", "stage 2", "default", "paid off")
_LEAST_COHORT = 20
"""Loans of a vintage, below which its curve is mostly chance."""


@dataclass(frozen=True, slots=True)
class CreditRequest:
    """What is asked.

    data: folder of the panel.  lgd, ead: names of the parts, built in or by entry point.  plan: when models are fitted.
    resamples: of the bootstrap.  created: for the page, in words.  synthetic: whether the loans are made up.
    """

    data: Path
    plan: RollingPlan
    created: str
    lgd: str = "mortgage"
    ead: str = "annuity"
    resamples: int = 200
    synthetic: bool = False

    @property
    def source(self) -> str:
        """What the panel is, in words."""
        return "Synthetic mortgages" if self.synthetic else "Deep Credit Risk panel"


@dataclass(frozen=True)
class CreditReport:
    """All that the page and the document say."""

    request: CreditRequest
    parameters: CreditParameters
    read: DcrPanel
    models: tuple[Fitted, ...]
    book: Book
    judged: tuple[PdJudgement, ...]
    next_quarter: tuple[QuarterCheck, ...]
    next_year: tuple[QuarterCheck, ...]
    origins: tuple[OriginCheck, ...]
    lgd: tuple[LgdCheck, ...]
    ead_ratio: Figure
    moves: Transitions
    vintages: tuple[Vintage, ...]

    def document(self) -> dict[str, Any]:
        """The keys of credit_risk_report.json that are of a panel; docs/credit-risk.md has their schema."""
        panel, parameters = self.read.panel, self.parameters
        return {
            "created": self.request.created,
            "source": self.request.source,
            "synthetic": self.request.synthetic,
            "currency": "USD",
            "parameters": {"version": parameters.version, "digest": parameters.digest},
            "parts": {"lgd": self.request.lgd, "ead": self.request.ead},
            "plan": asdict(self.request.plan),
            "panel": {
                "rows": len(panel),
                "loans": len(np.unique(panel.loan)),
                "quarters": int(panel.quarter.max()),
                "defaults": int(np.count_nonzero(panel.end == End.DEFAULT)),
                "payoffs": int(np.count_nonzero(panel.end == End.PAYOFF)),
                "unresolved_defaults": self.read.unresolved,
                "repeated_rows": self.read.repeated,
            },
            "pd": [asdict(one) for one in self.judged],
            "pd_by_quarter": {
                "next_quarter": [asdict(one) for one in self.next_quarter],
                "next_year": [asdict(one) for one in self.next_year],
            },
            "origins": [asdict(one) for one in self.origins],
            "lgd_segments": self._segments(),
            "lgd_by_year": [asdict(one) for one in self.lgd],
            "ead_realised_to_expected": asdict(self.ead_ratio),
            "causes": [str(cause.name).lower() for cause in Cause],
            "quarters": [asdict(one) for one in self.book.quarters],
            "transitions": {"states": list(self.moves.states), "counts": self.moves.counts.tolist()},
            "vintages": [
                {"cohort": one.cohort, "loans": one.loans, "defaulted": one.defaulted.tolist()} for one in self.vintages
            ],
        }

    def _segments(self) -> list[dict[str, Any]]:
        table = self.models[-1].lgd
        return [asdict(segment) for segment in table.segments] if isinstance(table, LgdTable) else []


def assess_credit(request: CreditRequest, console: Console) -> CreditReport:
    """Read the panel, fit models at every origin, keep the book through time, and judge all of it.

    Raises ConfigError for data, parameters or parts that are not there, NotEnoughData where a model cannot be fitted.
    """
    parameters = parse_parameters(shipped("credit.toml"))
    parts = parts_of(request.lgd, request.ead)
    read = read_dcr(request.data)
    panel, plan = read.panel, request.plan
    last = int(panel.quarter.max())
    with console.progress("Fitting through time", len(plan.origins(last))) as progress:
        models = tuple(fit_all(panel, plan, parameters, parts, progress))
    with console.progress("Keeping the book", last - plan.first + 1) as progress:
        book = keep_book(panel, models, parameters, parts, progress)
    chance = Bootstrap(plan.seed, request.resamples)
    with console.progress("Judging", 2) as progress:
        judged = []
        for done, quarters in enumerate((1, YEAR), 1):
            judged.append(judge_pd(panel, book, quarters, chance))
            progress(done)
    return CreditReport(
        request=request,
        parameters=parameters,
        read=read,
        models=models,
        book=book,
        judged=tuple(judged),
        next_quarter=check_quarters(panel, book, 1),
        next_year=check_quarters(panel, book, YEAR),
        origins=check_origins(panel, book, models, chance),
        lgd=check_lgd(panel, models, parameters, chance),
        ead_ratio=check_ead(panel, book, chance),
        moves=stage_moves(panel, book),
        vintages=vintages_of(panel),
    )


def parts_of(lgd: str, ead: str) -> Parts:
    """The parts of these names: built in, or registered under `forbear.lgd` and `forbear.ead` by another package.

    Raises ConfigError for a name that nobody has.
    """
    return Parts(_part("forbear.lgd", lgd, LGD_MAKERS), _part("forbear.ead", ead, EAD_MAKERS))


def _part(group: str, name: str, built_in: Mapping[str, Any]) -> Any:
    if name in built_in:
        return built_in[name]
    registered: dict[str, EntryPoint] = {entry.name: entry for entry in entry_points(group=group)}
    if name in registered:
        return registered[name].load()
    known = ", ".join(sorted({*built_in, *registered}))
    raise ConfigError(f"nothing is registered as {name!r} under {group}", mend=f"choose one of: {known}")


def stage_moves(panel: LoanPanel, book: Book) -> Transitions:
    """Moves from one quarter's stage to what the loan is in the next, all quarters of the book together."""
    following = np.arange(len(panel) - 1)
    next_to = (panel.loan[1:] == panel.loan[:-1]) & (panel.quarter[1:] == panel.quarter[:-1] + 1)
    before = following[next_to & (panel.end[:-1] == End.RUNNING) & (book.stage[:-1] > 0)]
    # A stage 3 of a running loan would be one in probation; the panel has none.
    stage = np.minimum(book.stage, Stage.IMPAIRED) - 1
    state = np.where(panel.end == End.DEFAULT, 2, np.where(panel.end == End.PAYOFF, 3, stage))
    return transitions(state[before], state[before + 1], STATES)


def vintages_of(panel: LoanPanel) -> tuple[Vintage, ...]:
    """Curves of the cohorts of loans first seen in the same four quarters, small cohorts left out."""
    first, last = np.unique(panel.first_row), np.unique(panel.last_row)
    cohort = (panel.quarter[first] - 1) // YEAR
    made = []
    for one in np.unique(cohort):
        of_cohort = cohort == one
        if of_cohort.sum() < _LEAST_COHORT:
            continue
        ends = panel.end[last[of_cohort]]
        ages = panel.quarter[last[of_cohort]] - panel.quarter[first[of_cohort]]
        name = f"{YEAR * one + 1}-{YEAR * (one + 1)}"
        made.append(vintage(name, ages, ends == End.DEFAULT, ends == End.RUNNING))
    return tuple(made)
