"""The life of a model as a story: a bank runs into a downturn, and everything that is to notice and to act does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import msgspec
import numpy as np

from forbear.adapters.disk import storage_errors
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.champions import champions_of, in_force
from forbear.apps.jobs.instructing import SHIPPED, LogOfHome, Teller
from forbear.apps.jobs.model_story_bank import Days, bank_with_days_to_come
from forbear.apps.jobs.monitoring import PAGE, MonitorRequest, retrain_advice
from forbear.apps.jobs.promoting import Person, approve, found, make_key, propose, propose_rollout, roll_back
from forbear.apps.jobs.retraining import Candidate, RetrainRequest, gate_terms, retrain
from forbear.apps.jobs.rolling_out import RolloutRequest, prepared, watched
from forbear.apps.jobs.running import RunRequest
from forbear.apps.jobs.shadowing import ShadowRequest
from forbear.apps.jobs.showing_monitor import DOCUMENT, Showing, show_monitor
from forbear.apps.jobs.showing_run import show_promotion, show_run, show_switch
from forbear.apps.jobs.showing_shadow import show_shadow
from forbear.domain.errors import NotEnoughData
from forbear.models.dataset import Dataset
from forbear.models.gate_terms import GateTerms, Verdict
from forbear.policy.rollout import Guard
from forbear.simulation.spec import BankSpec

PROPOSER, SECOND = "anna", "ben"
_START, _LIVE_FROM, _ALL_DAYS = date(2022, 7, 1), date(2023, 7, 1), 915
_QUIET = date(2023, 12, 27), date(2024, 2, 25)
"""Days of the calm on which the monitor looks. It needs five months to know what is usual."""
_DOWNTURN = date(2024, 3, 1)
_WEEK = timedelta(days=7)
_SHORT = 12
_SHARES = "1%,2%,4%"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryRequest:
    """How large a bank, which draw, and how much harder times get. created: when, in words."""

    created: str
    customers: int = 3_000
    seed: int = 7
    hardship: float = 10.0


@dataclass(frozen=True, slots=True)
class Chapter:
    """One thing that happened. on: the day that had just closed.  pages: files that show it, by their names."""

    on: date
    title: str
    told: str
    pages: dict[str, Path] = field(default_factory=dict)


@dataclass(slots=True)
class Stage:
    """A home in which the story takes place, and what has happened in it so far."""

    home: Home
    days: Days
    request: StoryRequest
    console: Console
    on: date = _LIVE_FROM - timedelta(days=1)
    chapters: list[Chapter] = field(default_factory=list)

    @property
    def quiet(self) -> Console:
        """For steps that say by themselves more than the story needs."""
        return Console(quiet=True)

    @property
    def teller(self) -> Teller:
        """Whoever runs the bank, at the bank's own time."""
        return Teller(self.home, PROPOSER, self.days.now, LogOfHome(self.home))

    def person(self, name: str) -> Person:
        """One of the two, at the bank's own time."""
        return Person(name, self.home.folder / "people" / f"{name}.key", self.days.now)

    def tell(self, title: str, told: str, **pages: Path) -> None:
        """Something happened."""
        self.chapters.append(Chapter(self.on, title, told, pages))
        self.console.say(f"{self.on}  {title}. {told}")

    def live(self, days: timedelta) -> None:
        """Some days pass: their events come, and the worker works through them."""
        self.on = min(self.on + days, self.days.last)
        self.days.send(self.on)
        show_run(self.home, self.quiet, RunRequest())

    def steps(self, weeks: int) -> Iterator[date]:
        """So many weeks after one another until the year is over; the caller stops where something has happened."""
        while self.on < self.days.last:
            self.live(weeks * _WEEK)
            yield self.on

    def agreed(self, short: str) -> None:
        """The second person signs a proposal."""
        approve(self.home, self.quiet, short, self.person(SECOND), LogOfHome(self.home))

    def kept(self, name: str, page: Path) -> Path:
        """A copy of a page that a later step writes anew."""
        path = self.home.reports / "story" / f"{name}.html"
        with storage_errors(f"cannot write {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(page, path)
        return path


def tell_story(home: Home, request: StoryRequest, console: Console) -> Stage:
    """Play it in a home that holds nothing yet; the story's page is for the caller to write.

    Raises ConfigError for a home with data, NotEnoughData where the year ends before all has happened.
    """
    spec = BankSpec(
        customers=request.customers,
        start=_START,
        days=_ALL_DAYS,
        seed=request.seed,
        downturn_on=_DOWNTURN,
        hardship=request.hardship,
    )
    stage = Stage(home, bank_with_days_to_come(home, spec, _LIVE_FROM, console), request, console)
    _first_champion(stage)
    _quiet(stage)
    _alarm(stage)
    _spoiled(stage)
    candidate = _candidate(stage)
    _shadow(stage, candidate)
    _roll_out(stage, candidate)
    _promotion(stage, candidate, "promoted")
    _roll_back(stage)
    _promotion(stage, candidate, "promoted again")
    _history(stage)
    return stage


# ---- what happens, in order


def _first_champion(stage: Stage) -> None:
    home, now = stage.home, stage.days.now
    keys = {name: make_key(name, home.folder / "people")[0] for name in (PROPOSER, SECOND)}
    found(home, {name: path.with_name(f"{path.name}.pub") for name, path in keys.items()}, now)
    candidate = _retrained(stage)
    proposal = propose(home, stage.quiet, candidate.digest, stage.person(PROPOSER), "the first model of this bank")
    stage.agreed(proposal.short)
    show_promotion(stage.teller, stage.quiet, (None, SHIPPED, _SHARES))
    show_switch(stage.teller, stage.quiet, "start")
    stage.tell(
        "The first champion",
        f"{candidate.kind} {candidate.digest[:_SHORT]}, trained on the year before, proposed by {PROPOSER} and signed "
        f"by {SECOND}. Its gate had no champion to hold it against, so it left the matter to people.",
        gate=candidate.page,
    )


def _quiet(stage: Stage) -> None:
    for day in _QUIET:
        stage.live(day - stage.on)
        status, _, why, page = _monitored(stage)
        stage.tell("Nothing yet", f"The monitor says {status}: {why}.", monitor=stage.kept(f"monitor-{day}", page))


def _alarm(stage: Stage) -> None:
    for _ in stage.steps(weeks=2):
        status, advised, why, page = _monitored(stage)
        if advised:
            late = (stage.on - _DOWNTURN).days
            when = f"{late} days after the downturn began" if late >= 0 else "before any downturn"
            stage.tell("The monitor asks for another model", f"{when}: {why}.", monitor=stage.kept("monitor", page))
            return
        if status == PAGE:
            stage.tell("The monitor pages", "Somebody looks.", monitor=stage.kept(f"monitor-{stage.on}", page))
    raise NotEnoughData(
        "the monitor never asked for another model", mend="ask for more customers, or a harder downturn"
    )


def _monitored(stage: Stage) -> tuple[str, bool, str, Path]:
    """What the monitor says now: status, whether to retrain, why, and its page."""
    page = stage.home.reports / DOCUMENT
    showing = Showing(out=None, created=stage.request.created, fail_on="never", send=False, environment={})
    seen = show_monitor(stage.home, MonitorRequest(), showing, stage.quiet)
    return seen.status, *retrain_advice(seen.alarms), page.with_suffix(".html")


def _retrained(stage: Stage, spoiled: bool = False) -> Candidate:
    request = RetrainRequest(
        terms=_terms(),
        created=stage.request.created,
        kinds=("boosting",) if in_force(stage.home) else ("scorecard",),
        every="week",
        seed=stage.request.seed,
        on_alarm=bool(in_force(stage.home)),
        prepared=mislabelled if spoiled else None,
    )
    return retrain(stage.home, stage.quiet, request).candidates[0]


def _terms() -> GateTerms:
    """As shipped, but for a hold-out of one month: in a downturn three would keep the newest rows from being learnt."""
    shipped = gate_terms(None)
    return msgspec.structs.replace(shipped, window=msgspec.structs.replace(shipped.window, hold_out_months=1))


def mislabelled(rows: Dataset) -> Dataset:
    """Rows whose labels belong to others, as a wrong join leaves them."""
    others = np.random.default_rng(0).permutation(len(rows))
    return replace(rows, labels=rows.labels[others], days_ahead=rows.days_ahead[others])


def _spoiled(stage: Stage) -> None:
    candidate = _retrained(stage, spoiled=True)
    failed = [check.name.replace("_", " ") for check in candidate.report.checks if check.verdict is Verdict.FAILED]
    stage.tell(
        "The gate refuses a spoiled candidate",
        f"Trained on labels that a wrong join had put to other customers: {candidate.report.outcome} on "
        f"{', '.join(failed)}. It stays in the registry under that mark, and the champion is what it was.",
        gate=candidate.page,
    )


def _candidate(stage: Stage) -> Candidate:
    for _ in stage.steps(weeks=4):
        candidate = _retrained(stage)
        outcome = candidate.report.outcome
        if outcome is Verdict.PASSED or _only_fairness(candidate):
            stage.tell("A candidate passes", _said(candidate), gate=candidate.page)
            return candidate
        stage.tell("A candidate does not pass yet", _said(candidate), gate=candidate.page)
    raise NotEnoughData("no candidate passed before the year was over", mend="ask for more customers")


def _only_fairness(candidate: Candidate) -> bool:
    """Whether a person has to decide because nobody examined fairness, and for nothing else."""
    open_ = {check.name for check in candidate.report.checks if check.verdict is not Verdict.PASSED}
    return open_ <= {"fairness"}


def _said(candidate: Candidate) -> str:
    told = [
        f"{check.name.replace('_', ' ')}: {check.reason}"
        for check in candidate.report.checks
        if check.verdict is not Verdict.PASSED
    ]
    return f"{candidate.kind} {candidate.digest[:_SHORT]}: {candidate.report.outcome}. {' '.join(told)}".strip()


def _shadow(stage: Stage, candidate: Candidate) -> None:
    seen = show_shadow(stage.home, ShadowRequest(model=candidate.digest), None, stage.request.created, stage.quiet)
    name = f"shadow-{candidate.digest[:_SHORT]}.html"
    stage.tell(
        "In the shadow",
        f"The candidate scores what was sealed with {len(seen.shadow.recorded):,} decisions of the champion; nothing "
        "is recomputed from the archive, and nobody is contacted by it.",
        shadow=stage.home.reports / name,
    )


def _roll_out(stage: Stage, candidate: Candidate) -> None:
    wide = Guard(least_customers=50, in_band_points=0.25, mean_pd_share=4.0)
    for percent, guard in ((10.0, Guard(least_customers=50)), (10.0, wide), (50.0, wide)):
        rollout = prepared(stage.home, RolloutRequest(model=candidate.digest, percent=percent, guard=guard))
        person = stage.person(PROPOSER)
        proposal = propose_rollout(stage.home, stage.quiet, rollout, person, f"for {percent:g} % of the customers")
        stage.agreed(proposal.short)
        stage.live(_WEEK)
        seen = watched(stage.home)
        state = "nothing of it is recorded" if seen is None else f"{seen.state} {seen.why}".strip().replace("_", " ")
        stage.tell(
            f"Rolled out to {percent:g} %",
            f"Both signed that {guard.in_band_points:.0%} of the book may be in another band. A week went by, each "
            f"close judged both arms: {state}.",
        )


def _promotion(stage: Stage, candidate: Candidate, title: str) -> None:
    proposal = propose(stage.home, stage.quiet, candidate.digest, stage.person(PROPOSER), "it held in the roll-out")
    stage.agreed(proposal.short)
    stage.live(_WEEK)
    stage.tell(
        f"The candidate is {title}",
        f"Proposal {proposal.short}, by {PROPOSER}, signed by {SECOND}; a week later the champion is "
        f"{in_force(stage.home)['model'][:_SHORT]}.",
    )


def _roll_back(stage: Stage) -> None:
    proposal = roll_back(stage.home, stage.quiet, stage.person(SECOND), "to show that there is a way back")
    approve(stage.home, stage.quiet, proposal.short, stage.person(PROPOSER), LogOfHome(stage.home))
    stage.live(_WEEK)
    stage.tell(
        "Rolled back",
        f"Proposal {proposal.short}, by {SECOND}, signed by {PROPOSER}: the champion is again "
        f"{in_force(stage.home)['model'][:_SHORT]}, and scores everybody from the next event on.",
    )


def _history(stage: Stage) -> None:
    told = [f"{one.valid_from.date()} {one.digest[:_SHORT]}" for one in champions_of(stage.home, stage.quiet)]
    stage.tell("Who was champion when", "; ".join(told) + ".")
