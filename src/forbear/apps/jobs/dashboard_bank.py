"""The synthetic bank behind the dashboard's demo: everything that its pages show, made once.

A quarter of help up to some days before today, and those days kept back for `dashboard_flow`. What is done is written
down in the home, so that whoever is interrupted goes on, and whoever starts again does not wait again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from forbear.adapters.disk import storage_errors, write_document, write_whole
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.dashboard_reports import written_reports
from forbear.apps.jobs.day_by_day import AHEAD
from forbear.apps.jobs.demo import simulate_bank
from forbear.apps.jobs.help_report import DOCUMENT as HELP
from forbear.apps.jobs.help_report import show_help_report
from forbear.apps.jobs.instructing import SHIPPED, LogOfHome, Teller, policy_from
from forbear.apps.jobs.modelling import TrainingRequest, kinds_kept
from forbear.apps.jobs.quarter import QuarterRequest, play_quarter
from forbear.apps.jobs.showing import show_training
from forbear.apps.jobs.showing_run import show_promotion, show_switch
from forbear.apps.options import MADE
from forbear.apps.warming import warm_up
from forbear.domain.errors import ConfigError, CorruptState, ModelMismatch, NotEnoughData
from forbear.policy.document import to_toml
from forbear.simulation.spec import BankSpec

NAME = "demo"
"""Whose its keys are, and who told its deployment what is in force."""
DONE = "dashboard-demo.json"
"""In the home: which steps are done."""
BANK = "bank"
_ABNORMAL_SHARE = 0.5
"""In a bank of some hundred customers a tenth of it is a few people, and nobody is there who would let them pass."""

_APPROVED = ("due_date_change", "payment_plan_call")
"""Actions that change what was agreed: here a person approves each of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSpec:
    """What the bank is. before_days: of history before its quarter of help, the last unseen_days of which no model is
    trained on: whether it is fair, and still sees straight, needs outcomes that it has not learnt.

    quarter_days: of help.  ahead_days: that are kept back, of which the last is yesterday.  shares: of the book in each
    band.  hold_out: share of the customers who are never contacted, for comparison.  calls: that the team makes in a
    round.  left_days: at the end of the quarter, on which agents do what is due and leave the rest to whoever looks.
    """

    customers: int = 1_500
    before_days: int = 460
    unseen_days: int = 150
    quarter_days: int = 90
    ahead_days: int = 7
    left_days: int = 7
    shares: str = "1%,3%,6%"
    hold_out: float = 0.15
    calls: int = 10
    seed: int = 7

    def bank(self, today: date) -> BankSpec:
        """The bank to simulate, whose days end yesterday."""
        days = self.before_days + self.quarter_days + self.ahead_days
        return BankSpec(customers=self.customers, days=days, start=today - timedelta(days=days), seed=self.seed)


_LEFT_OUT = (NotEnoughData, ConfigError, ModelMismatch)
"""What a bank that others made may be lacking for a report."""


class Step(NamedTuple):
    """A step of the making. name: what it is written down as.  says: what it is, for whoever waits."""

    name: str
    says: str
    run: Callable[[], object]


def make_demo_bank(home: Home, spec: DemoSpec, console: Console, *, now: datetime) -> None:
    """Make what the pages show in a home that holds nothing yet, and what of it is missing in one that does.

    A synthetic bank that others made is taken as it is. What a small or short bank has too little of is said, and left
    out. Raises ConfigError where the home's data are not synthetic.
    """
    if home.holds_data and not home.synthetic:
        raise ConfigError(f"{home.folder} holds a bank's data", mend="show it without --demo, or choose another --home")
    done = _done(home)
    if home.holds_data and not _is_ours(home):
        require_worked(home)
        done = [BANK]
    made = Step(BANK, "a bank, its models, and a quarter of help", lambda: _make(home, spec, now))
    steps = [made, *(Step(*one) for one in written_reports(home, now.strftime(MADE)))]
    missing = [one for one in steps if one.name not in done]
    if missing:
        console.say(f"Making a demo in {home.folder}: {len(missing)} steps, some minutes in all; then it is there.")
    for number, step in enumerate(missing, start=1):
        console.say(f"[{number}/{len(missing)}] {step.says}")
        try:
            step.run()
        except _LEFT_OUT as error:
            if step is made:
                raise
            console.say(f"  left out: {error}")
        done.append(step.name)
        write_document(home.folder / DONE, {"done": done})


def require_worked(home: Home) -> None:
    """Raises ConfigError for a home whose bank no worker has worked in: there is nothing to show."""
    if not home.database.exists():
        raise ConfigError(
            f"no worker ever ran on {home.folder}", mend="choose another --home: the demo makes one that has everything"
        )


def _make(home: Home, spec: DemoSpec, now: datetime) -> None:
    quiet, bank = Console(quiet=True), spec.bank(now.date())
    _forget(home)
    warm_up()
    live_from = bank.start + timedelta(days=spec.before_days)
    simulate_bank(home, bank, quiet, replace=True, live_from=live_from)
    show_training(home, quiet, TrainingRequest(until=live_from - timedelta(days=spec.unseen_days), seed=spec.seed))
    teller = Teller(home, NAME, datetime.combine(live_from, time(), UTC), LogOfHome(home))
    show_promotion(teller, quiet, (kinds_kept(home)[0], str(_policy_in(home, spec)), spec.shares))
    show_switch(teller, quiet, "start")
    asked = QuarterRequest(
        created=now.strftime(MADE),
        calls=spec.calls,
        seed=spec.seed,
        days=spec.quarter_days,
        worked_days=spec.quarter_days - spec.left_days,
    )
    show_help_report(play_quarter(home, asked, quiet).report, home.reports / HELP, quiet)


def _forget(home: Home) -> None:
    """What an interrupted making left, and say whose the home is from now on."""
    with storage_errors(f"cannot write {home.folder}"):
        home.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(home.folder / AHEAD, ignore_errors=True)
    write_document(home.folder / DONE, {"done": []})


def _policy_in(home: Home, spec: DemoSpec) -> Path:
    policy = policy_from(home, SHIPPED)
    changed = msgspec.structs.replace(
        policy,
        version="demo",
        actions=tuple(
            msgspec.structs.replace(one, approval="person") if one.name in _APPROVED else one for one in policy.actions
        ),
        allocation=msgspec.structs.replace(policy.allocation, abnormal_share=_ABNORMAL_SHARE),
        hold_out=msgspec.structs.replace(policy.hold_out, share=spec.hold_out),
    )
    path = home.folder / "demo-policy.toml"
    write_whole(path, to_toml(changed).encode())
    return path


def _is_ours(home: Home) -> bool:
    return (home.folder / DONE).exists()


def _done(home: Home) -> list[str]:
    path = home.folder / DONE
    with storage_errors(f"cannot read {path}"):
        if not path.exists():
            return []
        content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=dict[str, list[str]])["done"]
    except (msgspec.MsgspecError, KeyError) as error:
        raise CorruptState(
            f"{path} is damaged: {error}", mend=f"delete {home.folder}, and make the demo anew"
        ) from error
