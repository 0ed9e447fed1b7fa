"""The synthetic bank in a home, and the main job from end to end on it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, time, timedelta

from forbear.adapters.holidays import bank_calendar
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.backtesting import Request
from forbear.apps.jobs.instructing import SHIPPED, LogOfHome, Teller
from forbear.apps.jobs.known_truth import BANK, spec_as_json
from forbear.apps.jobs.loading import Loaded, Supply, load_supply
from forbear.apps.jobs.modelling import TrainingRequest, kinds_kept
from forbear.apps.jobs.reporting import show_report
from forbear.apps.jobs.running import RunRequest
from forbear.apps.jobs.scoring import ScoreRequest
from forbear.apps.jobs.showing import show_backtest, show_scores, show_training
from forbear.apps.jobs.showing_run import show_promotion, show_run, show_status, show_switch
from forbear.apps.options import MADE
from forbear.apps.report.request import ReportRequest
from forbear.apps.warming import warm_up
from forbear.domain.errors import ConfigError
from forbear.simulation.bank import deployment, simulate
from forbear.simulation.people import people_of
from forbear.simulation.spec import BankSpec

TRAINED_DAYS, LIVE_DAYS, ALL_DAYS = 480, 90, 720
_BY = "forbear demo"
COUNTRY = "DE"
"""Whose bank holidays a synthetic bank keeps."""


def simulate_bank(
    home: Home, spec: BankSpec, console: Console, *, replace: bool, live_from: date | None = None
) -> Loaded:
    """Simulate a bank with the holidays of COUNTRY into a home, what only it knows beside, and say what it holds.

    live_from: what is received from that bank-local day on goes to the log.
    """
    spec = dataclasses.replace(spec, country=COUNTRY, holidays=bank_calendar(COUNTRY).holidays)
    supply = Supply(
        deployment(spec),
        lambda progress: simulate(spec, progress),
        spec.days,
        truth={BANK: lambda: spec_as_json(spec), "people.csv": people_of(spec).table},
        live_from=live_from,
    )
    loaded = load_supply(home, supply, console, replace=replace)
    console.result({"home": str(home.folder), **dataclasses.asdict(loaded)})
    console.say(
        f"Synthetic bank: {loaded.customers:,} customers, {loaded.events:,} events, closed until {loaded.closed_until}"
    )
    if loaded.live_events:
        console.say(f"In the log, for the worker: {loaded.live_events:,} events received from {live_from} on")
    fates = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in loaded.fold_counts.items() if count)
    console.say(f"Ledger: {fates}")
    return loaded


def live_bank(home: Home, spec: BankSpec, console: Console, *, by: str, made_at: datetime) -> None:
    """A synthetic bank, trained on its first two thirds, with its last three months worked through live.

    by, made_at: who told the deployment what is in force, and when. Raises ConfigError where it would replace data that
    are not synthetic.
    """
    if home.holds_data and home.deployment.source != deployment(spec).source:
        raise ConfigError(
            f"{home.folder} holds data from {home.deployment.source}, which a demo would replace",
            mend="choose another --home",
        )
    warm_up()
    live_from = spec.start + timedelta(days=spec.days - LIVE_DAYS)
    simulate_bank(home, spec, console, replace=True, live_from=live_from)
    show_training(home, console, TrainingRequest(until=_trained_until(spec), seed=spec.seed))
    teller = Teller(home, by, made_at, LogOfHome(home))
    show_promotion(teller, console, (kinds_kept(home)[0], SHIPPED, _shares(spec.customers)))
    show_switch(teller, console, "start")
    show_run(home, console, RunRequest())


def run_demo(home: Home, *, customers: int, seed: int, made_at: datetime, json: bool) -> None:
    """Simulate, train on the first two thirds, work through the last three months live, test on the last third.

    Under --json: the backtest's line. made_at: when, for the page and for what is told to the deployment.
    """
    steps, last = Console(quiet=json), Console(json=json)
    spec = BankSpec(customers=customers, days=ALL_DAYS, seed=seed)
    live_bank(home, spec, steps, by=_BY, made_at=made_at)
    last_day = spec.start + timedelta(days=spec.days)
    show_status(home, steps, datetime.combine(last_day, time(), UTC))
    first = _trained_until(spec)
    asked = Request(first=first, last=last_day, seed=seed, created=made_at.strftime(MADE), truth=True)
    found = show_backtest(home, asked, last)
    show_scores(home, steps, ScoreRequest())
    told = show_report(home, ReportRequest(created=made_at.strftime(MADE)), None, steps)
    steps.say("\nEvery figure above is of a synthetic bank. Pages to open:")
    for page in (told.page, found.page):
        steps.say(f"  {page.resolve()}")


def _trained_until(spec: BankSpec) -> date:
    return (spec.start + timedelta(days=TRAINED_DAYS)).replace(day=1)


def _shares(customers: int) -> str:
    """Of the book, for the demo's bands: 1, 2 and 4 %, more where that would be nobody.

    Calibrated PDs of a rare event seldom reach the cut-offs of the shipped policy.
    """
    least = max(1.0, 300.0 / max(customers, 1))
    return ",".join(f"{min(least * times, 30.0):.3g}%" for times in (1, 2, 4))
