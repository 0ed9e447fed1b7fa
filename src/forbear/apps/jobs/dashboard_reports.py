"""The reports that the dashboard shows of a synthetic bank, each a step that is made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from forbear.adapters.disk import storage_errors, write_whole
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.backtesting import Request as BacktestRequest
from forbear.apps.jobs.credit import CreditRequest
from forbear.apps.jobs.experimenting import define
from forbear.apps.jobs.fairness import FairnessRequest
from forbear.apps.jobs.fairness_people import PeopleRequest
from forbear.apps.jobs.modelling import kinds_kept, load_model_of
from forbear.apps.jobs.monitoring import MonitorRequest
from forbear.apps.jobs.portfolio import PortfolioRequest
from forbear.apps.jobs.rehearsing import policy_of
from forbear.apps.jobs.showing import show_backtest
from forbear.apps.jobs.showing_credit import show_credit
from forbear.apps.jobs.showing_experiments import show_reading
from forbear.apps.jobs.showing_fairness import Wanted as FairnessWanted
from forbear.apps.jobs.showing_fairness import show_fairness
from forbear.apps.jobs.showing_monitor import Showing, show_monitor
from forbear.apps.jobs.showing_portfolio import Written, show_portfolio
from forbear.apps.jobs.showing_stress import show_stress
from forbear.apps.jobs.showing_thresholds import Wanted as ThresholdsWanted
from forbear.apps.jobs.showing_thresholds import show_thresholds
from forbear.apps.jobs.stressing import StressRequest
from forbear.apps.jobs.thresholds import ThresholdsRequest
from forbear.engine.backfill import newest_close
from forbear.features.columns import day_of
from forbear.importers.dcr import FILES
from forbear.models.credit.rolling import RollingPlan
from forbear.models.effects.definition import checked
from forbear.testing.loans import as_dcr, loan_panel

EXPERIMENT = "help"
"""What the demo's experiment is called."""
LOANS, QUARTERS, FIRST_FIT = 3_000, 40, 20
"""Of the made-up mortgages, and from which quarter on models are fitted to them."""
_EXPECTED = {"expected_share": 0.2, "least_effect": 0.05, "power": 0.8, "tests": 1, "miss_costs_minor": 4_000}
"""Of those above a line that nobody helps so many miss a payment, and so much of a change is worth knowing."""
_LAW_OF_FAIRNESS = "EU"
_SEED = 7
_QUIET = Console(quiet=True)

Made = Iterator[tuple[str, str, Callable[[], object]]]


def written_reports(home: Home, created: str) -> Made:
    """Of each report its name, what it is, and what writes it into the home. created: in words."""
    yield "monitor", "drift: is today like the days that it should be like", lambda: _monitor(home, created)
    yield "fairness", "fairness: are groups of people treated alike", lambda: _fairness(home, created)
    yield "portfolio", "the book by segment", lambda: _portfolio(home, created)
    yield "thresholds", "where to draw the line", lambda: _thresholds(home, created)
    yield "stress", "the book in harder times", lambda: _stress(home, created)
    yield "experiment", "what help has changed", lambda: _experiment(home, created)
    yield "credit", "credit risk of made-up mortgages through a boom and a bust", lambda: _credit(home, created)
    yield "backtest", "the models on days that they have not seen", lambda: _backtest(home, created)


def _monitor(home: Home, created: str) -> None:
    showing = Showing(out=None, created=created, fail_on="never", send=False, environment={})
    show_monitor(home, MonitorRequest(), showing, _QUIET)


def _fairness(home: Home, created: str) -> None:
    people = PeopleRequest(file=None, attributes=(), against=(), now=datetime.now(UTC))
    request = FairnessRequest(people=people, jurisdiction=_LAW_OF_FAIRNESS, every="week")
    show_fairness(home, _QUIET, request, FairnessWanted(None, created, "nothing"))


def _portfolio(home: Home, created: str) -> None:
    show_portfolio(home, PortfolioRequest(), Written(None, created), _QUIET)


def _thresholds(home: Home, created: str) -> None:
    show_thresholds(home, _QUIET, ThresholdsRequest(), ThresholdsWanted(None, None, created))


def _stress(home: Home, created: str) -> None:
    show_stress(home, StressRequest(), None, created, _QUIET)


def _experiment(home: Home, created: str) -> None:
    definition = {
        "format": 1,
        "name": EXPERIMENT,
        "hold_out_share": policy_of(home, "").hold_out.share,
        **_EXPECTED,
    }
    define(home, checked(definition))
    show_reading(home, EXPERIMENT, _QUIET, created=created)


def _credit(home: Home, created: str) -> None:
    folder = home.truth / "mortgages"
    with storage_errors(f"cannot write {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / FILES[-1], as_dcr(loan_panel(loans=LOANS, quarters=QUARTERS, seed=_SEED)).encode())
    show_credit(CreditRequest(folder, RollingPlan(first=FIRST_FIT), created, synthetic=True), home.reports, _QUIET)


def _backtest(home: Home, created: str) -> None:
    seen = max(load_model_of(home, kind).provenance.window.labels_end for kind in kinds_kept(home))
    request = BacktestRequest(first=_month_from(date.fromisoformat(seen)), last=day_of(newest_close(home.archive)))
    show_backtest(home, replace(request, created=created), _QUIET)


def _month_from(day: date) -> date:
    """The first day of a month that is no earlier than a day."""
    return day if day.day == 1 else (day.replace(day=1) + timedelta(days=31)).replace(day=1)
