"""Retrain: candidates on the last months, judged on newer rows beside the champion; what is in force stays as it is."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from forbear.adapters.disk import storage_errors, write_whole
from forbear.apps.console import Console
from forbear.apps.gate_page import render_gate
from forbear.apps.home import Home
from forbear.apps.jobs.champions import in_force
from forbear.apps.jobs.modelling import (
    CUTS,
    KINDS,
    dataset_of,
    last_as_of,
    lineage_of,
    replay_rows,
    target_of,
)
from forbear.apps.jobs.parts import HomeParts
from forbear.apps.jobs.relearning import recorded_draws
from forbear.apps.package_data import shipped, toml_of
from forbear.domain.deployment import HORIZON_DAYS
from forbear.domain.errors import ConfigError, CorruptState, NotEnoughData
from forbear.domain.stated import canonical_json
from forbear.engine.backfill import newest_close
from forbear.engine.versions import LEAST_DIGITS, Origin, gate_record
from forbear.features.columns import day_of
from forbear.features.compute import FeatureSet
from forbear.models.artefact import Artefact, make_artefact
from forbear.models.dataset import Dataset
from forbear.models.gate import Champion, Fairness, GateReport, Question, judge
from forbear.models.gate_terms import LEAST_MONTHS, MOST_MONTHS, GateTerms, parse_terms
from forbear.models.training import TrainedKind, TrainingSpec, train
from forbear.models.untreated import LeftOut, Untreated, untreated

MONITOR = "monitor.json"
"""The report whose alarms may ask for another model."""
Examiner = Callable[[Artefact, Dataset], Fairness | None]
"""What says whether a candidate is fair on the rows of the hold-out; None where it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainRequest:
    """What to retrain. months: of observation dates to learn from; None: as the terms say.

    until: nothing known from that day on is used.  every: "month" or "week".  if_due, on_alarm: only if the champion
    is old, or if the monitor advises it.  examine: of fairness; None: it is not examined.  created: for the page.
    prepared: what is done to the rows before they are learnt from; None: nothing.
    """

    terms: GateTerms
    created: str
    months: int | None = None
    until: date | None = None
    every: str = "month"
    kinds: tuple[TrainedKind, ...] = KINDS
    seed: int = 0
    if_due: bool = False
    on_alarm: bool = False
    examine: Examiner | None = None
    prepared: Callable[[Dataset], Dataset] | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A retrained model and what the gate says of it. document: the report's path, page: for people."""

    kind: str
    digest: str
    report: GateReport
    document: Path
    page: Path


@dataclass(frozen=True, slots=True)
class Retrained:
    """What came of it. why: it was retrained, or was not.  candidates: empty where it was not."""

    why: str
    champion: str
    candidates: tuple[Candidate, ...] = ()


def gate_terms(path: Path | None) -> GateTerms:
    """The terms of a file, or those of the package. Raises ConfigError for what is no terms."""
    return parse_terms(shipped("gate.toml") if path is None else toml_of(path, "terms like gate.toml of the package"))


def retrain(home: Home, console: Console, request: RetrainRequest) -> Retrained:
    """Train a candidate of each kind, keep it with its gate's report, and put nothing in force.

    Raises NotEnoughData where the window has too few dates or positives, ConfigError for an impossible window or where
    the monitor was asked for and never ran; else what training and the home raise.
    """
    champion = champion_in_force(home, console)
    wanted, why = _wanted(home, request, champion)
    if not wanted:
        return Retrained(why, champion.digest if champion else "")
    training, hold_out, left_out = _rows(home, console, request)
    training = request.prepared(training) if request.prepared else training
    features, candidates = FeatureSet.standard(home.deployment.unsupported), []
    with console.progress("Training and judging", len(request.kinds)) as progress:
        for done, kind in enumerate(request.kinds):
            trained = train(training, TrainingSpec(kind, request.seed))
            artefact = make_artefact(trained, training, target_of(home.deployment), features.hash, left_out)
            question = Question(
                candidate=artefact,
                champion=champion,
                training=training,
                hold_out=hold_out,
                fairness=request.examine(artefact, hold_out) if request.examine else None,
                seed=request.seed,
            )
            candidates.append(keep_judged(home, judge(question, request.terms), "retrain", request.created))
            progress(done + 1)
    return Retrained(why, champion.digest if champion else "", tuple(candidates))


# ---- whether


def champion_in_force(home: Home, console: Console) -> Champion | None:
    """The model in force; None where there is none, or one of another feature set, which cannot score these rows."""
    digest = in_force(home).get("model")
    if digest is None:
        return None
    scorer, _ = HomeParts(home).scorer(digest)
    if isinstance(scorer, Artefact):
        if scorer.provenance.feature_set_hash != FeatureSet.standard(home.deployment.unsupported).hash:
            console.say(f"The champion {digest[:LEAST_DIGITS]} is of another feature set: nobody to compare with")
            return None
        return Champion(digest, scorer, scorer.provenance.window.labels_end)
    return Champion(digest, scorer, "")


def _wanted(home: Home, request: RetrainRequest, champion: Champion | None) -> tuple[bool, str]:
    """Whether to retrain, and why or why not."""
    if not request.if_due and not request.on_alarm:
        return True, "it was asked for"
    reasons = []
    if request.if_due:
        due, why = _due(home, request, champion)
        if due:
            return True, why
        reasons.append(why)
    if request.on_alarm:
        alarmed, why = _alarmed(home)
        if alarmed:
            return True, why
        reasons.append(why)
    return False, "; ".join(reasons)


def _due(home: Home, request: RetrainRequest, champion: Champion | None) -> tuple[bool, str]:
    """By the age of what the champion learnt from, counted from the last day that was closed."""
    if champion is None:
        return True, "there is no champion to compare with"
    if not isinstance(champion.scorer, Artefact):
        return True, "the champion learnt from no rows"
    last = date.fromisoformat(champion.scorer.provenance.window.last_as_of)
    most = request.terms.window.due_after_days
    age = (day_of(newest_close(home.archive)) - last).days
    told = f"the champion's newest rows are of {last}, {age} days before the last close; due after {most}"
    return age >= most, told


def _alarmed(home: Home) -> tuple[bool, str]:
    """By what the monitor last said."""
    path = home.reports / MONITOR
    with storage_errors(f"cannot read {path}"):
        if not path.is_file():
            raise ConfigError(f"{path} is not there", mend="run `forbear monitor` with this --home first")
        content = path.read_bytes()
    try:
        said = msgspec.json.decode(content, type=dict[str, Any])
        advised = said["retrain_advised"] is True
    except (msgspec.MsgspecError, UnicodeError, KeyError, RecursionError) as error:
        raise CorruptState(f"{path} is damaged: {error}", mend="run `forbear monitor` again") from error
    told = f"the monitor {'advises' if advised else 'does not advise'} it as of {said.get('as_of', 'an unknown day')}"
    return advised, f"{told}: {said['retrain_reason']}" if said.get("retrain_reason") else told


# ---- on what


def _rows(home: Home, console: Console, request: RetrainRequest) -> tuple[Dataset, Dataset, LeftOut | None]:
    """Rows to learn from, rows to judge on, and what became of those who were helped.

    Nothing that was received from the first day of the hold-out on is known to the rows to learn from.
    """
    learn, held = windows(home, request)
    learnt, judged = rows_between(home, console, (learn, held), request.until)
    return learnt.dataset, judged.dataset, learnt.left_out if learnt.left_out.helped else None


def rows_between(
    home: Home, console: Console, cuts: tuple[list[int], list[int]], until: date | None
) -> tuple[Untreated, Untreated]:
    """Rows at closed days to learn from, with what was known before those of the hold-out began, and of the hold-out.

    Raises NotEnoughData where either has no rows.
    """
    learn, held = cuts
    features = FeatureSet.standard(home.deployment.unsupported)
    draws = recorded_draws(home)
    first = day_of(held[0] + 1)
    console.say(
        f"Learning from {len(learn)} dates, {day_of(learn[0] + 1)} to {day_of(learn[-1] + 1)}; "
        f"judging on {len(held)}, {first} to {day_of(held[-1] + 1)}"
    )
    found = []
    for days, known in ((learn, first), (held, until)):
        rows = replay_rows(home, days, console, until=known).rows
        if not len(rows.customer):
            raise NotEnoughData(f"nobody is eligible from {day_of(days[0] + 1)} on", mend="bring a longer history")
        found.append(untreated(dataset_of(rows, features), draws))
    learnt, judged = found
    if not len(judged.dataset):
        raise NotEnoughData("every row of the hold-out is of customers who were helped", mend="hold some out by policy")
    return learnt, judged


def windows(home: Home, request: RetrainRequest) -> tuple[list[int], list[int]]:
    """Closed days whose next day is observed: to learn from, and of the hold-out, which begins a label's horizon later.

    Raises ConfigError for a window of fewer than 6 or more than 12 months, NotEnoughData where either is empty.
    """
    months = request.terms.window.months if request.months is None else request.months
    if not LEAST_MONTHS <= months <= MOST_MONTHS:
        raise ConfigError(f"--months {months}", mend=f"learn from {LEAST_MONTHS} to {MOST_MONTHS} months")
    deployment = home.deployment
    opens = deployment.first_asked
    last = last_as_of(home, request.until)
    held = CUTS[request.every](max(opens, months_before(last, request.terms.window.hold_out_months)), last)
    if held:
        end = day_of(held[0] + 1) - timedelta(days=HORIZON_DAYS + deployment.miss.reporting_days)
        learn = CUTS[request.every](max(opens, months_before(end, months)), end)
        if learn:
            return learn, held
    raise NotEnoughData(
        f"between {opens} and {last} there are not both dates to learn from and newer ones to judge on",
        mend="bring a longer history, or a later --until",
    )


def months_before(day: date, months: int) -> date:
    """The day behind the same day so many months earlier; of a month that is too short, behind its last day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    same = min(day.day, monthrange(year, month + 1)[1])
    return date(year, month + 1, same) + timedelta(days=1)


# ---- what becomes of it


def keep_judged(home: Home, report: GateReport, origin: Origin, created: str) -> Candidate:
    """Keep a candidate, failed or not, with what the gate says; the newest of its kind stays what it was."""
    digest = home.registry.put(report.question.candidate, lineage_of(home, origin))
    document = report.document()
    home.registry.judge(digest, document)
    name = f"gate-{digest[:LEAST_DIGITS]}"
    path, page = home.reports / f"{name}.json", home.reports / f"{name}.html"
    write_whole(path, canonical_json(document) + b"\n")
    synthetic = home.synthetic
    write_whole(page, render_gate(report, gate_record(document).digest, created, synthetic=synthetic).encode())
    return Candidate(report.question.candidate.model.kind, digest, report, path, page)
