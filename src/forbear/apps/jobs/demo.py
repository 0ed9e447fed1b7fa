"""The synthetic bank in a home, and the main job from end to end on it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.backtesting import Request
from forbear.apps.jobs.known_truth import BANK, spec_as_json
from forbear.apps.jobs.loading import Loaded, Supply, load_supply
from forbear.apps.jobs.modelling import TrainingRequest
from forbear.apps.jobs.scoring import ScoreRequest
from forbear.apps.jobs.showing import show_backtest, show_scores, show_training
from forbear.domain.errors import ConfigError
from forbear.simulation.bank import deployment, simulate
from forbear.simulation.spec import BankSpec

TRAINED_DAYS, ALL_DAYS = 480, 720


def simulate_bank(home: Home, spec: BankSpec, console: Console, *, replace: bool) -> Loaded:
    """Simulate a bank into a home and say what it holds."""
    truth = {BANK: spec_as_json(spec)}
    supply = Supply(deployment(spec), lambda progress: simulate(spec, progress), spec.days, truth)
    loaded = load_supply(home, supply, console, replace=replace)
    console.result({"home": str(home.folder), **asdict(loaded)})
    console.say(
        f"Synthetic bank: {loaded.customers:,} customers, {loaded.events:,} events, closed until {loaded.closed_until}"
    )
    fates = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in loaded.fold_counts.items() if count)
    console.say(f"Ledger: {fates}")
    return loaded


def run_demo(home: Home, *, customers: int, seed: int, json: bool) -> None:
    """Simulate, train on the first two thirds, test on the last, score the book. Under --json: the backtest's line."""
    steps, last = Console(quiet=json), Console(json=json)
    spec = BankSpec(customers=customers, days=ALL_DAYS, seed=seed)
    if home.holds_data and home.deployment.source != deployment(spec).source:
        raise ConfigError(
            f"{home.folder} holds data from {home.deployment.source}, which a demo would replace",
            mend="choose another --home",
        )
    simulate_bank(home, spec, steps, replace=True)
    until = (spec.start + timedelta(days=TRAINED_DAYS)).replace(day=1)
    show_training(home, steps, TrainingRequest(until=until, seed=seed))
    found = show_backtest(home, Request(first=until, last=spec.start + timedelta(days=spec.days), seed=seed), last)
    show_scores(home, steps, ScoreRequest())
    steps.say(f"\nEvery figure above is of a synthetic bank. Open the page: {found.page.resolve()}")
