"""What came true: PDs, LGDs and exposures of every date beside what its loans did afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from forbear.models import metrics
from forbear.models.credit.book import Book
from forbear.models.credit.mortgage import known_columns
from forbear.models.credit.outlook import YEAR
from forbear.models.credit.panel import NEVER, LoanPanel
from forbear.models.credit.parameters import CreditParameters
from forbear.models.credit.rolling import Fitted, default_rows
from forbear.models.dataset import Ints
from forbear.models.evaluate import wilson
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.logistic import logit, recalibrate
from forbear.models.results import Figure, Floats


@dataclass(frozen=True, slots=True)
class PdJudgement:
    """A horizon's PDs on rows later than anything their models had learned from, intervals over loans.

    quarters: ahead.  rows, defaults, loans: judged.  figures: by name: auc, observed_to_expected, slope, intercept,
    each also with _blind (without the economy); auc_gain is the difference of the two AUCs.
    """

    quarters: int
    rows: int
    defaults: int
    loans: int
    figures: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class QuarterCheck:
    """Mean PD of the loans of one quarter, with and without the economy, beside the share that defaulted (Wilson)."""

    quarter: int
    rows: int
    expected: float
    blind: float
    observed: Figure


@dataclass(frozen=True, slots=True)
class OriginCheck:
    """One origin's PDs for the next quarter, until the next origin: AUC over loans, and defaults."""

    origin: int
    rows: int
    defaults: int
    expected: float
    auc: Figure
    auc_blind: Figure


@dataclass(frozen=True, slots=True)
class LgdCheck:
    """Resolved defaults of one year: mean LGD that was expected when they defaulted, and the one that came, with its
    95 % interval over loans.  quarter: the first of the year.
    """

    quarter: int
    defaults: int
    expected: float
    observed: Figure


def judge_pd(panel: LoanPanel, book: Book, quarters: int, chance: Bootstrap) -> PdJudgement:
    """Judge the PDs of one horizon.  quarters: 1 or 4."""
    rows, labels, told, blind = _told(panel, book, quarters)
    figures = bootstrap_figures(_pd_figures(told, blind, labels), panel.loan[rows], chance)
    loans = len(np.unique(panel.loan[rows]))
    return PdJudgement(quarters, len(rows), int(labels.sum()), loans, figures)


def check_quarters(panel: LoanPanel, book: Book, quarters: int) -> tuple[QuarterCheck, ...]:
    """Expected beside observed, quarter by quarter of the date of the question."""
    rows, labels, told, blind = _told(panel, book, quarters)
    at = panel.quarter[rows]
    return tuple(
        QuarterCheck(int(quarter), int(here.sum()), float(told[here].mean()), float(blind[here].mean()), observed)
        for quarter in np.unique(at)
        for here in (at == quarter,)
        for observed in (wilson(float(labels[here].sum()), int(here.sum())),)
    )


def check_origins(panel: LoanPanel, book: Book, models: Sequence[Fitted], chance: Bootstrap) -> tuple[OriginCheck, ...]:
    """Each origin's PDs for the next quarter; an origin without a row to judge is left out."""
    rows, labels, told, blind = _told(panel, book, 1)
    origins = np.array([one.origin for one in models])
    of_row = origins[np.searchsorted(origins, panel.quarter[rows], side="right") - 1]
    checks = []
    for origin in np.unique(of_row):
        here = of_row == origin
        ranked = metrics.rank(told[here], labels[here]), metrics.rank(blind[here], labels[here])

        def aucs(weights: Floats, ranked: tuple[metrics.Ranking, ...] = ranked) -> dict[int, float]:
            return {place: metrics.auc(one.counts(weights)) for place, one in enumerate(ranked)}

        found = bootstrap_figures(aucs, panel.loan[rows][here], chance)
        counts = (int(here.sum()), int(labels[here].sum()), float(told[here].sum()))
        checks.append(OriginCheck(int(origin), *counts, found[0], found[1]))
    return tuple(checks)


def check_lgd(
    panel: LoanPanel, models: Sequence[Fitted], parameters: CreditParameters, chance: Bootstrap
) -> tuple[LgdCheck, ...]:
    """By year of default, for defaults whose workout is over in the panel: LGD of the models then in force, and what
    came. Workouts of the last years that are over are the quick ones: those years are not yet what they will be.
    """
    rows = default_rows(panel, parameters)
    rows = rows[(panel.resolved[rows] != NEVER) & (panel.quarter[rows] >= models[0].origin)]
    origins = np.array([one.origin for one in models])
    number = np.searchsorted(origins, panel.quarter[rows], side="right") - 1
    checks = []
    for place, of_year in _years(panel.quarter[rows], models[0].origin):
        expected = [
            models[one].lgd.lgd(known_columns(panel, rows[of_year & (number == one)], parameters.economy))
            for one in np.unique(number[of_year])
        ]
        observed = _mean(panel.lgd[rows[of_year]], chance)
        checks.append(LgdCheck(place, int(of_year.sum()), float(np.concatenate(expected).mean()), observed))
    return tuple(checks)


def check_ead(panel: LoanPanel, book: Book, chance: Bootstrap) -> Figure:
    """What was owed at default over what was expected a year before, both summed, with its interval over loans."""
    rows = np.flatnonzero((panel.default_quarter == panel.quarter + YEAR) & ~np.isnan(book.ead_in_a_year))
    expected, owed = book.ead_in_a_year[rows], panel.balance_minor[panel.last_row[rows]]
    if len(rows) == 0:
        return Figure(np.nan, np.nan, np.nan)

    def ratio(weights: Floats) -> dict[str, float]:
        return {"ratio": float(weights @ owed / (weights @ expected))}

    return bootstrap_figures(ratio, panel.loan[rows], chance)["ratio"]


def _told(panel: LoanPanel, book: Book, quarters: int) -> tuple[Ints, Floats, Floats, Floats]:
    """Rows that can be judged, whether their loan defaulted, and their PDs with and without the economy."""
    told, blind = (book.pd_next, book.blind_next) if quarters == 1 else (book.pd_year, book.blind_year)
    labels, known = panel.defaults_within(quarters)
    rows = np.flatnonzero(known & ~np.isnan(told))
    return rows, labels[rows].astype(np.float64), told[rows], blind[rows]


def _pd_figures(told: Floats, blind: Floats, labels: Floats) -> Callable[[Floats], dict[str, float]]:
    prepared = {"": (told, metrics.rank(told, labels)), "_blind": (blind, metrics.rank(blind, labels))}
    whole = {name: recalibrate(logit(pds), labels, np.ones(len(labels))) for name, (pds, _) in prepared.items()}

    def figures(weights: Floats) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, (pds, ranking) in prepared.items():
            line = recalibrate(logit(pds), labels, weights, whole[name])
            found[f"auc{name}"] = metrics.auc(ranking.counts(weights))
            found[f"observed_to_expected{name}"] = float(weights @ labels / (weights @ pds))
            found[f"slope{name}"], found[f"intercept{name}"] = line.slope, line.intercept
        return {**found, "auc_gain": found["auc"] - found["auc_blind"]}

    return figures


def _years(quarters: Ints, first: int) -> list[tuple[int, np.ndarray[tuple[int], np.dtype[np.bool_]]]]:
    year = (quarters - first) // YEAR
    return [(int(first + YEAR * one), year == one) for one in np.unique(year)]


def _mean(values: Floats, chance: Bootstrap) -> Figure:
    def mean(weights: Floats) -> dict[str, float]:
        return {"mean": float(weights @ values / weights.sum())}

    return bootstrap_figures(mean, np.arange(len(values)), chance)["mean"]
