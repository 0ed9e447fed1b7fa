"""A synthetic bank that runs: history folded, a model of 200 trees and a policy promoted, events waiting in the log.

Not a benchmark itself: `pipeline` and `sweep` stand on it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from forbear.adapters.holidays import bank_calendar
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.demo import COUNTRY, simulate_bank
from forbear.apps.jobs.instructing import (
    LogOfHome,
    Teller,
    instruct,
    policy_from,
    promote_model,
    promote_policy,
    with_shares,
)
from forbear.apps.jobs.loading import Supply, load_supply
from forbear.apps.jobs.modelling import dataset_of, keep, month_cuts, replay_rows, target_of
from forbear.domain.terms import Instruction
from forbear.features.columns import EventColumns, joined, micros
from forbear.features.compute import FeatureSet
from forbear.importers.days import LocalDays
from forbear.models.artefact import make_artefact
from forbear.models.boosting import BoostingSettings, fit_boosting
from forbear.models.training import TrainingSpec, train
from forbear.simulation.bank import deployment, simulate
from forbear.simulation.spec import BankSpec

TREES, DEPTH = 200, 4
HISTORY_DAYS = 70
"""Before anything is live: longer than a customer must be known to be scored."""
EVERY_NTH = 5
"""The shipped policy asks at every 10th transaction; at every 5th, some 30 % of all transactions ask."""
SHARES = (0.01, 0.02, 0.04)
"""Of the book, for the bands of the shipped policy."""
_TRAINED_ON = BankSpec(customers=1_500, days=330, seed=2)
_QUIET = Console(quiet=True)
_BY = "bench"


def live_bank(folder: Path, customers: int, live_days: int) -> tuple[Home, EventColumns]:
    """A home whose log holds all but the last of some live days, and the events of that last one, not published."""
    spec = BankSpec(customers=customers, days=HISTORY_DAYS + live_days, seed=1)
    spec = replace(spec, country=COUNTRY, holidays=bank_calendar(COUNTRY).holidays)
    home, held = Home(folder / "home"), list[EventColumns]()
    last = spec.start + timedelta(days=spec.days - 1)
    supply = Supply(
        deployment(spec),
        lambda _: before(simulate(spec), midnight(spec, last), held),
        spec.days,
        live_from=spec.start + timedelta(days=HISTORY_DAYS),
    )
    load_supply(home, supply, _QUIET, replace=False)
    put_in_force(home)
    return home, joined(held)


def put_in_force(home: Home) -> None:
    """Promote a boosting of TREES trees, approved reasons and the shipped policy with EVERY_NTH, and start outreach."""
    now = datetime(2000, 1, 1, tzinfo=UTC)  # before the first event: the log's own time counts
    keep_boosting(home)
    teller = Teller(home, _BY, now, LogOfHome(home))
    promote_model(teller, "boosting")
    policy = policy_from(home, "shipped")
    policy = msgspec.structs.replace(
        policy, triggers=msgspec.structs.replace(policy.triggers, every_nth_transaction=EVERY_NTH)
    )
    shared = with_shares(home, policy, SHARES, "boosting", _QUIET)
    promote_policy(teller, shared)
    instruct(teller, Instruction.START_OUTREACH)


def keep_boosting(home: Home) -> None:
    """Train on a small bank of its own, and keep a model with exactly TREES trees in a home."""
    with tempfile.TemporaryDirectory() as folder:
        small = Home(Path(folder) / "small")
        simulate_bank(small, _TRAINED_ON, _QUIET, replace=False)
        first, last = _TRAINED_ON.start + timedelta(days=70), _TRAINED_ON.start + timedelta(days=_TRAINED_ON.days - 45)
        rows = replay_rows(small, month_cuts(first, last), _QUIET, until=None).rows
    features = FeatureSet.standard(home.deployment.unsupported)
    dataset = dataset_of(rows, features)
    settings = BoostingSettings(depth=DEPTH, learning_rate=0.05, max_rounds=TREES, min_child_weight=5.0, ridge=5.0)
    trained = train(dataset, TrainingSpec("boosting", 0, boosting=settings))
    trees = fit_boosting(dataset, settings, rounds=TREES, seed=0)
    artefact = make_artefact(replace(trained, model=trees), dataset, target_of(home.deployment), features.hash)
    keep(home, "boosting", artefact)


def midnight(spec: BankSpec, day: date) -> int:
    """The first instant of a bank-local day [microseconds UTC]."""
    return micros(LocalDays(spec.time_zone).start(day))


def before(chunks: Iterator[EventColumns], until_us: int, rest: list[EventColumns]) -> Iterator[EventColumns]:
    """What was received before an instant; what comes after it is put aside."""
    for chunk in chunks:
        rows = int(chunk.received_us.searchsorted(until_us))
        if rows:
            yield chunk.take(slice(0, rows))
        if rows < len(chunk):
            rest.append(chunk.take(slice(rows, None)))
