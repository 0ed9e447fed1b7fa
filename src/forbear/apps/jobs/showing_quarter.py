"""The commands of help in numbers: a synthetic quarter from nothing, and the report of any home."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import msgspec

from forbear.adapters.disk import write_whole
from forbear.adapters.sql.help_figures import SqlHelpFigures
from forbear.apps.console import Console
from forbear.apps.help_rates import HelpRequest
from forbear.apps.home import Home
from forbear.apps.jobs.demo import simulate_bank
from forbear.apps.jobs.help_report import DOCUMENT, report_help, show_help_report
from forbear.apps.jobs.instructing import SHIPPED, LogOfHome, Teller, policy_from
from forbear.apps.jobs.modelling import TrainingRequest, kinds_kept
from forbear.apps.jobs.outreach import office_of
from forbear.apps.jobs.quarter import QuarterRequest, play_quarter
from forbear.apps.jobs.showing import show_training
from forbear.apps.jobs.showing_run import show_promotion, show_switch
from forbear.apps.warming import warm_up
from forbear.domain.errors import ConfigError
from forbear.policy.document import to_toml
from forbear.simulation.spec import BankSpec

ABNORMAL_SHARE = 0.5
BEFORE_DAYS, GAP_DAYS = 310, 31
"""Days of history before the quarter, and how long before it the training ends: outcomes need to be known."""
_BY = "forbear quarter"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarterAsked:
    """customers: of the synthetic bank.  days: of the quarter.  shares: of the book in each band."""

    customers: int
    days: int
    shares: str
    seed: int
    request: QuarterRequest


def show_quarter(home: Home, asked: QuarterAsked, console: Console, quiet: Console) -> None:
    """Simulate, train, promote, and play a quarter of help; then its report. quiet: for what leads up to it."""
    if home.holds_data:
        raise ConfigError(f"{home.folder} holds data already", mend="choose another --home: a quarter makes its own")
    warm_up()
    spec = BankSpec(customers=asked.customers, days=BEFORE_DAYS + asked.days, seed=asked.seed)
    live_from = spec.start + timedelta(days=BEFORE_DAYS)
    simulate_bank(home, spec, quiet, replace=False, live_from=live_from)
    until = live_from - timedelta(days=GAP_DAYS)
    show_training(home, quiet, TrainingRequest(until=until, seed=asked.seed))
    teller = Teller(home, _BY, datetime.combine(live_from, time(), UTC), LogOfHome(home))
    show_promotion(teller, quiet, (kinds_kept(home)[0], str(_policy_in(home)), asked.shares))
    show_switch(teller, quiet, "start")
    played = play_quarter(home, asked.request, console)
    console.say(f"{played.days} days of a synthetic bank. Nothing was sent: every channel was a dry run.")
    for word, count in sorted(played.did.items()):
        console.say(f"  {word}: {count:,}")
    show_help_report(played.report, home.reports / DOCUMENT, console)


def _policy_in(home: Home) -> Path:
    """The shipped policy, but that half of the book a day is nothing abnormal.

    In a bank of some hundred customers a tenth of it is a few people, and nobody is there who would let them pass.
    """
    policy = policy_from(home, SHIPPED)
    allocation = msgspec.structs.replace(policy.allocation, abnormal_share=ABNORMAL_SHARE)
    path = home.folder / "quarter-policy.toml"
    write_whole(path, to_toml(msgspec.structs.replace(policy, version="quarter", allocation=allocation)).encode())
    return path


def show_help(home: Home, request: HelpRequest, out: Path | None, console: Console) -> None:
    """Write the report of help of a home, and show its main figures."""
    with office_of(home, os.environ) as office:
        report = report_help(SqlHelpFigures(office.rooms), home.deployment, request)
    show_help_report(report, out or home.reports / DOCUMENT, console)
