"""A book through time on made-up mortgages: it knows nothing of the future, and its parts can be replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from forbear.apps.package_data import shipped
from forbear.domain.errors import NotEnoughData
from forbear.models.credit.book import Book, keep_book
from forbear.models.credit.judgement import check_ead, check_lgd, check_origins, check_quarters, judge_pd
from forbear.models.credit.panel import NEVER, Economy, End, LoanPanel
from forbear.models.credit.parameters import CreditParameters, parse_parameters
from forbear.models.credit.parts import STANDARD, Parts
from forbear.models.credit.rolling import Fitted, RollingPlan, fit_all
from forbear.models.credit.severity import ResolvedDefaults
from forbear.models.intervals import Bootstrap
from forbear.testing.loans import loan_panel

PARAMETERS = parse_parameters(shipped("credit.toml"))
PLAN = RollingPlan(first=12, every=5)
CUT = 22
CHANCE = Bootstrap(seed=1, resamples=40)


@cache
def whole() -> tuple[LoanPanel, tuple[Fitted, ...], Book]:
    """A panel of thirty quarters and its book."""
    return kept(loan_panel(loans=700, quarters=30, seed=3))


def kept(panel: LoanPanel, parts: Parts = STANDARD) -> tuple[LoanPanel, tuple[Fitted, ...], Book]:
    """A panel with its models and its book."""
    models = tuple(fit_all(panel, PLAN, PARAMETERS, parts))
    return panel, models, keep_book(panel, models, PARAMETERS, parts)


def up_to(panel: LoanPanel, quarter: int) -> LoanPanel:
    """What the end of a quarter had seen."""
    seen = panel.quarter <= quarter
    rows: dict[str, Any] = {field.name: getattr(panel, field.name)[seen] for field in fields(panel)[:-1]}
    rows["resolved"] = np.where(rows["resolved"] <= quarter, rows["resolved"], NEVER)
    rows["lgd"] = np.where(rows["resolved"] == NEVER, np.nan, rows["lgd"])
    economy = Economy(*(getattr(panel.economy, field.name)[:quarter] for field in fields(Economy)))
    return LoanPanel(**rows, economy=economy)


def test_no_date_knows_what_comes_after_it() -> None:
    """PDs, exposures, stages and expected losses of each date are the same, bit for bit, had nothing come after."""
    panel, _, book = whole()
    _, _, cut = kept(up_to(panel, CUT))
    seen = panel.quarter <= CUT
    for name in ("pd_next", "pd_year", "blind_next", "blind_year", "ead_in_a_year", "stage"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(book, name)[seen], err_msg=name)
    for then, now in zip(cut.quarters, book.quarters, strict=False):
        for name in ("loans", "exposure", "allowance", "loss_year", "loss_lifetime", "causes"):
            assert getattr(then, name) == getattr(now, name), (then.quarter, name)


def test_every_running_loan_is_priced_and_staged() -> None:
    """From the first origin on, and nobody before it; lifetime loss is at least that of a year, in every quarter."""
    panel, _, book = whole()
    priced = (panel.end == End.RUNNING) & (panel.quarter >= PLAN.first)
    np.testing.assert_array_equal(priced, ~np.isnan(book.pd_next))
    np.testing.assert_array_equal(priced | ((panel.end == End.DEFAULT) & (panel.quarter >= PLAN.first)), book.stage > 0)
    assert (book.stage[(panel.end == End.DEFAULT) & (panel.quarter >= PLAN.first)] == 3).all()
    assert (book.pd_next[priced] <= book.pd_year[priced]).all()
    assert all(0.0 < end.loss_year <= end.loss_lifetime for end in book.quarters)
    running = [np.count_nonzero(priced & (panel.quarter == end.quarter)) for end in book.quarters]
    assert [end.loans[0] + end.loans[1] for end in book.quarters] == running


def test_an_allowance_lies_between_a_year_and_a_lifetime() -> None:
    """What stages 1 and 2 hold together."""
    for end in whole()[2].quarters:
        assert end.loss_year - 1e-6 <= end.allowance[0] + end.allowance[1] <= end.loss_lifetime + 1e-6


def test_judgement_is_of_rows_that_can_be_known() -> None:
    """Counts agree with the panel, intervals hold their values, and no year is judged that is not over."""
    panel, models, book = whole()
    for quarters in (1, 4):
        judged = judge_pd(panel, book, quarters, CHANCE)
        checks = check_quarters(panel, book, quarters)
        assert judged.rows == sum(check.rows for check in checks)
        assert max(check.quarter for check in checks) == 30 - quarters
        for figure in judged.figures.values():
            assert figure.low <= figure.value <= figure.high
        assert judged.figures["auc"].value > 0.6
    assert sum(check.defaults for check in check_origins(panel, book, models, CHANCE)) == np.count_nonzero(
        (panel.end == End.DEFAULT) & (panel.quarter > PLAN.first) & (panel.first_row != np.arange(len(panel)))
    )
    assert 0.9 < check_ead(panel, book, CHANCE).value < 1.1
    assert all(
        check.observed.low <= check.observed.value <= check.observed.high
        for check in check_lgd(panel, models, PARAMETERS, CHANCE)
    )


@dataclass(frozen=True)
class Certain:
    """An LGD of a bank's own: everything is lost."""

    def lgd(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """1 everywhere."""
        return np.ones(np.shape(columns["ltv"]))


def all_lost(parameters: CreditParameters, resolved: ResolvedDefaults, *, seed: int) -> Certain:
    """Makes Certain."""
    return Certain()


def test_another_lgd_moves_losses_and_nothing_else() -> None:
    """A part of a bank's own is used at every origin; PDs do not hear of it."""
    panel, _, book = whole()
    _, models, other = kept(panel, replace(STANDARD, lgd=all_lost))
    assert all(isinstance(one.lgd, Certain) for one in models)
    np.testing.assert_array_equal(other.pd_year, book.pd_year)
    assert all(lost.loss_year > usual.loss_year for lost, usual in zip(other.quarters, book.quarters, strict=True))


def test_too_short_a_past_fits_nothing() -> None:
    """An origin without an outcome to learn from, and a book without models, are refused."""
    panel = whole()[0]
    with pytest.raises(NotEnoughData, match="begin later"):
        tuple(fit_all(panel, RollingPlan(first=6), PARAMETERS, STANDARD))
    with pytest.raises(NotEnoughData, match="no origin"):
        keep_book(panel, (), PARAMETERS, STANDARD)
    with pytest.raises(ValueError, match="embargo -1"):
        RollingPlan(embargo=-1)


def test_a_panel_is_in_order() -> None:
    """Rows out of order, repeated, or of another length are refused."""
    panel = whole()[0]
    with pytest.raises(ValueError, match="sorted"):
        replace(panel, quarter=panel.quarter[::-1].copy())
    with pytest.raises(ValueError, match="rate"):
        replace(panel, rate=panel.rate[1:])
