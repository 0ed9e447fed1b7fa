"""Experiments of a home: written down, and observed in what its worker has recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forbear.adapters.disk import storage_errors, write_whole
from forbear.adapters.sql.queries import open_queries
from forbear.apps.home import Home
from forbear.apps.jobs.rehearsing import WORKER
from forbear.apps.records import require_worked
from forbear.apps.report.foreseen import due_days, first_unripe, missed_after
from forbear.apps.report.gather import drawn_decisions
from forbear.apps.report.holdout import first_decisions
from forbear.apps.report.wording import OFFER, Wording, plain
from forbear.domain.deployment import HORIZON_DAYS
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.engine.outputs import DayRow, Decision
from forbear.engine.queries import Lead, Queries
from forbear.models.effects.definition import ANOTHER_BILL, Definition, parse_definition, size_of, written
from forbear.models.effects.estimators import effect_scores
from forbear.models.effects.observations import Contrast, Experiment
from forbear.models.effects.policies import return_on_offers
from forbear.models.effects.read_out import Reader, Reading, read_out
from forbear.models.effects.sequential import LEAST_OF_ARM, Watched, watched
from forbear.models.results import Figure, Floats
from forbear.policy.document import Policy
from forbear.policy.proposals import HoldReason

FOLDER = "experiments"
"""In a home: a TOML file for each experiment that was defined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a store knows of an experiment: customers whose 30 days are over, in the order in which they began.

    spent_minor: (n,) price of what each was offered, 0 where nothing was.  waiting: customers whose 30 days are not
    over.  exempt: who cannot be held out, and takes no part.  currency: of the policy.
    """

    definition: Definition
    experiment: Experiment
    spent_minor: Floats
    waiting: int
    exempt: int
    currency: str
    synthetic: bool

    @property
    def contrast(self) -> Contrast:
        """Those who might have been offered help beside the hold-out."""
        return self.experiment.contrast(1)

    def watched(self) -> Watched | None:
        """The effect as it became known; None before 30 customers of each arm."""
        contrast = self.contrast
        if min(int(contrast.given.sum()), int(contrast.held.sum())) < LEAST_OF_ARM:
            return None
        return watched(contrast, tuned_at=size_of(self.definition).customers)

    def readings(self) -> tuple[Reading, ...]:
        """Effects on misses and on another bill, for all, by action and by band, in one family."""
        return read_out(self.experiment, Reader(level=self.definition.level, measure=self.definition.outcome))

    def roi(self) -> Figure:
        """Net money over the price of the offers; NaN where nobody knows what a miss costs, or nothing was spent."""
        contrast, cost = self.contrast, self.definition.miss_costs_minor
        if not cost:
            return Figure(np.nan, np.nan, np.nan)
        means = np.array([contrast.outcome[members].mean() for members in (contrast.held, contrast.given)])
        saved = -cost * effect_scores(contrast, np.tile(means, (len(contrast), 1)))
        spent = self.spent_minor * contrast.given / contrast.given_chance
        return return_on_offers(saved, spent, contrast.customers)


def define(home: Home, definition: Definition) -> Path:
    """Keep a definition in the home. Raises ConfigError where another one of that name is kept: it has begun."""
    path = home.folder / FOLDER / f"{definition.name}.toml"
    if path.exists() and definition_of(home, definition.name) != definition:
        raise ConfigError(
            f"{path} says something else: what an experiment must show is settled before it begins",
            mend="choose another name",
        )
    with storage_errors(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, written(definition).encode())
    return path


def definition_of(home: Home, which: str) -> Definition:
    """The definition that a home keeps under a name, or that a TOML file holds. Raises ConfigError for neither."""
    path = Path(which) if which.endswith(".toml") else home.folder / FOLDER / f"{which}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such experiment", mend="run `forbear experiment define`") from error
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})", mend="check its kind and permissions") from error
    return parse_definition(text)


def observe(home: Home, definition: Definition) -> Observed:
    """What the home's worker has recorded of an experiment under the policy in force.

    Raises ConfigError where nothing was recorded, or the policy holds out another share than the definition says;
    NotEnoughData where nobody's 30 days are over.
    """
    require_worked(home)
    if home.deployment.miss.kind != "missed_payment":
        raise ConfigError(
            "the store does not know what became of a score", mend="the feed must tell of missed payments"
        )
    with closing(open_queries(f"sqlite:///{home.database}", consumer=WORKER)) as queries:
        return _observed(home, definition, queries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Who came to the draw of the hold-out under the policy in force, each by their first decision of either arm.

    days: rows of the closed days.  every: by day and customer.  unripe: the first day whose 30 days are not over.
    leads: misses due on these days.  exempt: customers who cannot be held out, and are not among every.
    """

    policy: Policy
    number: int
    days: tuple[DayRow, ...]
    every: tuple[Decision, ...]
    unripe: int
    leads: tuple[Lead, ...]
    exempt: int

    @property
    def ripe(self) -> list[Decision]:
        """Those whose 30 days are over."""
        return [one for one in self.every if one.day < self.unripe]

    def missed(self, decisions: Sequence[Decision]) -> Floats:
        """(n,) 1 where a payment was missed in the 30 days behind each decision, else 0."""
        due = due_days(self.leads)
        return np.array([missed_after(due.get(one.customer, ()), one.day) for one in decisions], dtype=np.float64)

    def missed_another(self, decisions: Sequence[Decision]) -> Floats:
        """(n,) 1 where payments of two obligations or more were, else 0."""
        return _more_than_one(decisions, self.leads)


def drawn_in(home: Home, queries: Queries) -> Drawn:
    """Who came to the draw in a home. Raises NotEnoughData where no day was closed under a policy."""
    _, status = queries.status()
    wording = Wording.of(status)
    policy = wording.policy
    if policy is None or status.last_day is None:
        raise NotEnoughData("no day was closed under a policy yet", mend="let the worker run")
    days = queries.days(0, status.last_day).value
    first, last = days[0].day, days[-1].day
    told = max(first, last - home.deployment.miss.reporting_days)
    arms, exempt = first_decisions(policy, drawn_decisions(queries, wording, (first, last)))
    every = sorted((one for arm in arms.values() for one in arm.values()), key=lambda one: (one.day, one.customer))
    return Drawn(
        policy=policy,
        number=wording.number,
        days=days,
        every=tuple(every),
        unripe=first_unripe(home.deployment, last),
        leads=queries.leads(first, told, HORIZON_DAYS).value,
        exempt=exempt,
    )


def _observed(home: Home, definition: Definition, queries: Queries) -> Observed:
    drawn = drawn_in(home, queries)
    policy, ripe = drawn.policy, drawn.ripe
    if abs(policy.hold_out.share - definition.hold_out_share) > 1e-9:
        raise ConfigError(
            f"the policy in force holds out {policy.hold_out.share}, the experiment {definition.hold_out_share}",
            mend="promote a policy with that share, or define the experiment as it is",
        )
    if not ripe:
        raise NotEnoughData(
            f"of {len(drawn.every)} customers who take part nobody's {HORIZON_DAYS} days are over",
            mend="wait, and look again",
        )
    return Observed(
        definition=definition,
        experiment=_experiment(definition, ripe, drawn),
        spent_minor=np.array([one.cost_minor if one.outcome == OFFER else 0 for one in ripe], dtype=np.float64),
        waiting=len(drawn.every) - len(ripe),
        exempt=drawn.exempt,
        currency=policy.currency,
        synthetic=home.synthetic,
    )


def _experiment(definition: Definition, ripe: Sequence[Decision], drawn: Drawn) -> Experiment:
    held_out = np.array([one.outcome == HoldReason.HOLD_OUT for one in ripe])
    share = definition.hold_out_share
    chances = np.array([share, 1.0 - share])
    # An action was chosen before the draw of the hold-out, so those held out have one to be compared by.
    segments = {
        f"action {plain(name)}": np.array([one.action == name for one in ripe]) for name in _names(ripe, "action")
    }
    segments |= {f"band {name}": np.array([one.band == name for one in ripe]) for name in _names(ripe, "band")}
    return Experiment(
        arms=definition.arms,
        arm=np.where(held_out, 0, 1).astype(np.int64),
        propensity=np.tile(chances, (len(ripe), 1)),
        outcome=drawn.missed(ripe),
        good=-1,
        customers=np.arange(len(ripe), dtype=np.int64),
        covariates=np.zeros((len(ripe), 1)),
        segments=segments,
        harms={ANOTHER_BILL: drawn.missed_another(ripe)},
    )


def _names(ripe: Sequence[Decision], field: str) -> list[str]:
    return sorted({str(getattr(one, field)) for one in ripe})


def _more_than_one(ripe: Sequence[Decision], leads: Sequence[Lead]) -> Floats:
    """(n,) whether payments of two obligations or more were missed in the 30 days behind each decision."""
    missed: dict[int, list[tuple[int, int]]] = {}
    for lead in leads:
        missed.setdefault(lead.customer, []).append((lead.due_day, lead.obligation))
    return np.array([_obligations(missed, one) > 1 for one in ripe], dtype=np.float64)


def _obligations(missed: Mapping[int, Sequence[tuple[int, int]]], decision: Decision) -> int:
    ends = decision.day + HORIZON_DAYS
    return len({bill for day, bill in missed.get(decision.customer, ()) if decision.day < day <= ends})
