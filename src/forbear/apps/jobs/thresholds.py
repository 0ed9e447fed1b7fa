"""Where to draw the line in a home: the book at one close, the days before it, and what every cut-off would come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import require_currency
from forbear.apps.jobs.portfolio import NO_BAND, scored_by
from forbear.apps.jobs.rehearsing import policy_of
from forbear.apps.jobs.replaying_parts import capacity_of
from forbear.apps.jobs.scoring import chosen_model
from forbear.apps.jobs.thresholds_inputs import economics_of, minor_of, terms_of
from forbear.domain.credit import EarlyPd
from forbear.domain.errors import NotEnoughData
from forbear.engine.backfill import Rows, last_cut, newest_close, rows_on, training_rows
from forbear.features.columns import day_number, day_of
from forbear.features.ledger import Floats
from forbear.models.artefact import Artefact
from forbear.models.dataset import Bools, Ints
from forbear.models.economics import Economics
from forbear.models.evaluate import calibration_bins, wilson
from forbear.models.expert import ExpertScorecard
from forbear.models.intervals import Bootstrap
from forbear.models.results import CalibrationBin, Figure
from forbear.models.thresholds import (
    Limits,
    Load,
    Outcomes,
    ScoredBook,
    Totals,
    all_plans,
    best,
    crossings,
    feasible,
    frontier,
    loads_of,
    net_by_chance,
    outcomes_of,
)
from forbear.policy.bands import with_cut_offs
from forbear.policy.document import Policy
from forbear.policy.law import with_capacity

CLOSES = 14
"""Closes whose differences say how many customers cross a line on a day."""
DRAFT, _AGAIN = "-draft", ".2-draft"
RECOMMENDED, CAUTIOUS, IN_FORCE, NOBODY = "recommended", "cautious", "policy", "nobody"
_LONGEST_VERSION = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdsRequest:
    """What is asked. on: a closed day; None: the newest.  closes: up to that day, whose arrivals are counted.

    kind: of the model.  policy: a file, `shipped`, or "" for the one in force, else the shipped one.
    inputs: a file of economics; None: as shipped.  effect_from: an experiment whose read-out takes the place of the
    stated effects.  budget: in major units of the currency, "" for none.  capacity: as `capacity_of` takes it.
    """

    on: date | None = None
    closes: int = CLOSES
    kind: str | None = None
    policy: str = ""
    inputs: Path | None = None
    effect_from: str = ""
    budget: str = ""
    capacity: str = ""
    chance: Bootstrap = Bootstrap(0, 500)  # noqa: RUF009  # frozen


class Plan(NamedTuple):
    """One plan that is shown. row: of the outcomes of all plans.  net: with its interval, of chance and effects."""

    name: str
    row: int
    net: Figure


@dataclass(frozen=True, slots=True)
class Matured:
    """Expected and observed misses at the newest close whose outcomes are all known.

    bins: in tenths by PD.  bands: by the lines of the recommended plan, else of the policy; not those with nobody.
    above: everybody above these lines; None for nobody.
    seen: the model has learnt of these outcomes.
    """

    on: date
    bins: tuple[CalibrationBin, ...]
    bands: Mapping[str, CalibrationBin]
    above: CalibrationBin | None
    seen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What was found. policy: whose bands are drawn.  closes: days of arrivals.

    outcomes: of all plans.  fits: which of them are feasible.  loads: by channel.
    plans: recommended, cautious and the policy as it is, those that there are.  frontier: rows.
    """

    model: str
    policy: Policy
    economics: Economics
    limits: Limits
    on: date
    closes: tuple[date, ...]
    totals: Totals
    arrivals: Ints
    outcomes: Outcomes
    fits: Bools
    loads: Mapping[str, Load]
    plans: tuple[Plan, ...]
    frontier: Ints
    matured: Matured | None
    synthetic: bool

    @property
    def chosen(self) -> Plan | None:
        """The recommended plan; None for nobody."""
        return next((plan for plan in self.plans if plan.name == RECOMMENDED), None)

    @property
    def first_day_waits(self) -> bool:
        """Whether the recommended plan begins with more offers than the policy lets pass in a day without a person."""
        bound = self.policy.allocation.abnormal_share * float(self.totals.above[-1])
        return self.chosen is not None and float(self.outcomes.contacted[self.chosen.row]) > bound

    def lines(self, plan: Plan) -> dict[str, float]:
        """Where each band begins: as written for the policy as it is, else `cut_offs`."""
        if plan.name == IN_FORCE:
            return {band.name: band.enter for band in self.policy.bands}
        return self.cut_offs(plan.row)

    def cut_offs(self, row: int) -> dict[str, float]:
        """Least PD of each band that a plan uses, by name, most urgent first."""
        places, before = self.outcomes.places[row].tolist(), 0
        found = {}
        for one, place in zip(self.totals.terms.helps, places, strict=True):
            if place > before:
                found[one.band] = float(self.totals.levels[place - 1])
            before = place
        return found

    def draft(self) -> Policy | None:
        """The policy with the recommended cut-offs, under a version of its own; None where the advice is nobody."""
        if self.chosen is None:
            return None
        base = self.policy.version.removesuffix(DRAFT)
        version = base[: _LONGEST_VERSION - len(DRAFT)] + DRAFT
        if version == self.policy.version:  # a draft that was put in force
            version = base[: _LONGEST_VERSION - len(_AGAIN)] + _AGAIN
        return with_cut_offs(self.policy, self.cut_offs(self.chosen.row), version)


def thresholds(home: Home, request: ThresholdsRequest, console: Console) -> Thresholds:
    """Score a home's book at one close and the closes before it, and weigh every cut-off. The home stays as it is.

    Raises ConfigError for inputs, a policy, a capacity or a budget that is none, NotEnoughData for a day that was never
    closed or on which nobody was eligible; else as the model does.
    """
    policy = policy_of(home, request.policy)
    require_currency(home, policy)
    economics = economics_of(home, request.inputs, request.effect_from)
    places = {one.name: one.capacity_per_day for one in with_capacity(policy, capacity_of(request.capacity)).channels}
    limits = Limits(minor_of(request.budget, policy.currency), places)
    terms = terms_of(policy, economics)
    model, kind = chosen_model(home, request.kind)
    days = _closes(home, request)
    with console.progress("Folding", home.archive.next_offset) as progress:
        rows = rows_on(home.feed, days, progress=progress)
    book, paths = _book(rows, model, days)
    totals = Totals.of(book, terms)
    arrivals = crossings(paths, totals.levels)
    held = in_place(totals, policy)
    outcomes = outcomes_of(totals, np.concatenate([held, all_plans(totals)]))
    loads = loads_of(outcomes, totals, arrivals)
    fits = feasible(outcomes, loads, limits)
    rows_shown = {
        RECOMMENDED: best(outcomes, fits, outcomes.net),
        CAUTIOUS: best(outcomes, fits, outcomes.low),
        IN_FORCE: 0,
    }
    found = Thresholds(
        model=kind,
        policy=policy,
        economics=economics,
        limits=limits,
        on=day_of(days[-1]),
        closes=tuple(day_of(day) for day in days),
        totals=totals,
        arrivals=arrivals,
        outcomes=outcomes,
        fits=fits,
        loads=loads,
        plans=tuple(
            Plan(name, row, by_chance(book, totals, outcomes.places[row], request.chance))
            for name, row in rows_shown.items()
            if row is not None
        ),
        frontier=frontier(outcomes, fits),
        matured=None,
        synthetic=home.synthetic,
    )
    return replace(found, matured=_matured(home, model, found, console))


def _closes(home: Home, request: ThresholdsRequest) -> list[int]:
    """The closed days that are asked for, as far back as anybody had the days of history."""
    last = newest_close(home.archive) if request.on is None else day_number(request.on)
    opened = day_number(home.deployment.first_asked)
    return [day for day in range(last - request.closes + 1, last + 1) if day >= opened or day == last]


def _book(rows: Rows, model: Artefact | ExpertScorecard, days: list[int]) -> tuple[ScoredBook, Floats]:
    """The book at the last of some days, and (days, n) PDs of whoever is in it on any, NaN on days on which not."""
    pd = scored_by(rows, model).pd
    now = rows.cut_day == days[-1]
    if not now.any():
        raise NotEnoughData(f"nobody was eligible on {day_of(days[-1])}", mend="choose another --on")
    customers, column = np.unique(rows.customer, return_inverse=True)
    paths = np.full((len(days), len(customers)), np.nan)
    paths[np.searchsorted(days, rows.cut_day), column] = pd
    return ScoredBook(EarlyPd(pd[now]), rows.customer[now].view(np.int64)), paths


def in_place(totals: Totals, policy: Policy) -> Ints:
    """(1, b) the plan that the policy is, each PD judged by itself."""
    return totals.places_of(np.array([band.enter for band in policy.bands]))[np.newaxis, :]


def by_chance(book: ScoredBook, totals: Totals, places: Ints, chance: Bootstrap) -> Figure:
    """The net of one plan, places (b,), with its interval of chance and effects."""
    known = (totals.cut_off(place) for place in places.tolist())
    cut_offs = np.array([np.inf if cut_off is None else cut_off for cut_off in known])
    return net_by_chance(book, totals.terms, cut_offs, chance)


def _matured(home: Home, model: Artefact | ExpertScorecard, found: Thresholds, console: Console) -> Matured | None:
    """The newest close whose outcomes were all known on the day that is asked about; None where there is none."""
    deployment = home.deployment
    day = last_cut(deployment, day_number(found.on) + 1)
    if day < day_number(deployment.first_asked):
        return None
    with console.progress("Outcomes", home.archive.next_offset) as progress:
        rows = training_rows(home.feed, {day}, progress=progress).rows
    if not len(rows.customer):
        return None
    pd = scored_by(rows, model).pd
    learnt = model.provenance.window.labels_end if isinstance(model, Artefact) else ""
    labels = rows.labels.astype(np.float64)
    lines = found.lines(found.chosen or found.plans[-1])
    band = np.searchsorted(-np.array([*lines.values()]), -pd, side="left")
    parts = {name: band == place for place, name in enumerate([*lines, NO_BAND])}
    return Matured(
        on=day_of(day),
        bins=calibration_bins(pd, labels),
        bands={name: _held_against(pd[part], labels[part]) for name, part in parts.items() if part.any()},
        above=_held_against(pd[~parts[NO_BAND]], labels[~parts[NO_BAND]]) if not parts[NO_BAND].all() else None,
        seen=learnt > day_of(day).isoformat(),
    )


def _held_against(pd: Floats, labels: Floats) -> CalibrationBin:
    return CalibrationBin(float(pd.mean()), wilson(float(labels.sum()), len(pd)), len(pd))
