"""A challenger in the shadow: what a home's worker has recorded of its decisions, scored by another model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from forbear.adapters.sql.desk import open_desk
from forbear.adapters.sql.queries import SqlQueries
from forbear.adapters.vault import FileVault
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.parts import HomeParts
from forbear.apps.jobs.replaying_parts import NamedModel, named_model
from forbear.apps.records import require_worked
from forbear.apps.report.foreseen import due_days, first_unripe, missed_after
from forbear.apps.report.gather import every_decision, unsealed
from forbear.apps.report.wording import OFFER
from forbear.domain.deployment import HORIZON_DAYS
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.engine.outputs import Decision
from forbear.engine.queries import Which
from forbear.engine.shadow import Recorded, Shadow, shadow
from forbear.features.columns import day_number, day_of
from forbear.features.compute import FeatureSet
from forbear.features.ledger import Floats
from forbear.models.intervals import Bootstrap
from forbear.policy.reading import parse_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRequest:
    """What to ask. model: a digest, 12 or more digits of one, a kind, or an artefact's file.

    first, last: days that the decisions count for, both included; None: from the first, up to the newest.
    """

    model: str
    first: date | None = None
    last: date | None = None
    seed: int = 0
    resamples: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadowed:
    """A challenger beside the champions of some days. champions: their digests.

    erased: decisions on customers whose keys were destroyed.  own: of the challenger itself, where it scored part of
    the customers in a roll-out; neither are among those compared.
    labels_end: the day up to which the challenger knows what became of anybody, "" for none.
    """

    challenger: NamedModel
    champions: tuple[str, ...]
    first: date
    last: date
    erased: int
    own: int
    shadow: Shadow

    @property
    def has_seen(self) -> bool:
        """Whether the challenger was trained on what became of any of these decisions."""
        return self.challenger.labels_end > self.first.isoformat()

    def document(self) -> Mapping[str, object]:
        """For JSON."""
        return {
            "challenger": self.challenger.digest,
            "kind": self.challenger.kind,
            "champions": list(self.champions),
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "erased": self.erased,
            "scored_by_the_challenger": self.own,
            "labels_end": self.challenger.labels_end or None,
            "has_seen_outcomes": self.has_seen,
            **self.shadow.document(),
        }


def shadow_of(home: Home, request: ShadowRequest, console: Console) -> Shadowed:
    """Have a challenger score the recorded inputs of the champion's decisions.

    Raises ConfigError where no worker ever ran, or the model is not known; NotEnoughData where there are no decisions.
    """
    require_worked(home)
    features = FeatureSet.standard(home.deployment.unsupported)
    challenger = named_model(home, request.model)
    with closing(open_desk(f"sqlite:///{home.database}")) as desk, closing(FileVault(home.keys)) as vault:
        models = {part.number: part.digest for part in desk.parts("model").value}
        policies = {part.number: parse_policy(str(part.document["text"])) for part in desk.parts("policy").value}
        queries = desk.of(0)
        every = list(every_decision(queries, _which(request)))[::-1]
        theirs = [one for one in every if models.get(one.model) != challenger.digest]
        console.say(f"Opening {len(theirs):,} decisions")
        opened = list(_opened(vault, theirs))
        if not opened:
            raise NotEnoughData(
                f"of {len(every):,} decisions none can be held beside this model",
                mend="let the worker decide first, or choose other days or another model",
            )
        recorded = _recorded(opened, features.names, _missed(home, queries, [one for one, _ in opened]))
    used = sorted({one.model for one, _ in opened})
    parts = HomeParts(home)
    found = shadow(
        recorded,
        {number: parts.model(models[number], features.hash)[0] for number in used},
        challenger.scoring,
        {number: policies[number] for number in sorted({one.policy for one, _ in opened})},
        Bootstrap(request.seed, request.resamples),
    )
    return Shadowed(
        challenger=challenger,
        champions=tuple(dict.fromkeys(models[number] for number in used)),
        first=day_of(int(recorded.day.min())),
        last=day_of(int(recorded.day.max())),
        erased=len(theirs) - len(opened),
        own=len(every) - len(theirs),
        shadow=found,
    )


def _which(request: ShadowRequest) -> Which:
    if request.first is None and request.last is None:
        return Which()
    first = 0 if request.first is None else day_number(request.first)
    last = _FOREVER if request.last is None else day_number(request.last)
    if last < first:
        raise ConfigError(f"--to {request.last} lies before --from {request.first}", mend="swap them")
    return Which(days=(first, last))


class Opened(NamedTuple):
    """A decision with what was sealed in it."""

    decision: Decision
    inside: Mapping[str, Any]


def _opened(vault: FileVault, decisions: Sequence[Decision]) -> Iterator[Opened]:
    """Those whose customer has a key left."""
    for decision in decisions:
        inside = unsealed(vault, decision) if decision.customer else None
        if inside is not None:
            yield Opened(decision, inside)


def _recorded(opened: Sequence[Opened], names: Sequence[str], missed: Floats) -> Recorded:
    """Decisions as columns. Raises ConfigError for inputs of other features."""
    if any(set(inside["features"]) != set(names) for _, inside in opened):
        raise ConfigError(
            "some decisions rest on other features than this version computes", mend="choose later days with --from"
        )
    values = [[inside["features"][name] for name in names] for _, inside in opened]
    every = [one for one, _ in opened]
    return Recorded(
        customer=np.array([one.customer for one in every], dtype=np.uint64),
        day=np.array([one.day for one in every], dtype=np.int64),
        model=np.array([one.model for one in every], dtype=np.int64),
        policy=np.array([one.policy for one in every], dtype=np.int64),
        offered=np.array([one.outcome == OFFER for one in every]),
        values=np.array(values, dtype=np.float64),  # what was unknown is null there, and NaN here
        log_odds=np.array([inside["log_odds"] for _, inside in opened], dtype=np.float64),
        pd=np.array([inside["pd"] for _, inside in opened], dtype=np.float64),
        missed=missed,
    )


def _missed(home: Home, queries: SqlQueries, decisions: Sequence[Decision]) -> Floats:
    """(n,) 1 where a payment was missed in the 30 days behind a decision, 0 where none was, NaN before one can know."""
    last_day = queries.status().value.last_day
    found = np.full(len(decisions), np.nan)
    if home.deployment.miss.kind != "missed_payment" or last_day is None:
        return found  # the store does not know what became of a score
    days = [one.day for one in decisions]
    due = due_days(queries.leads(min(days), max(days) + HORIZON_DAYS, HORIZON_DAYS).value)
    unripe = first_unripe(home.deployment, last_day)
    for row, one in enumerate(decisions):
        if one.day < unripe:
            found[row] = missed_after(due.get(one.customer, ()), one.day)
    return found


_FOREVER = 2**31 - 1
