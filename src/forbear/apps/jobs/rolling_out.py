"""Have a challenger score a share of a home's customers, stop that, and see what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from forbear.adapters.sql.desk import open_desk
from forbear.apps.home import Home
from forbear.apps.jobs.champions import in_force
from forbear.apps.jobs.instructing import Teller, approvals_of, instruct, require_let_through
from forbear.apps.jobs.modelling import target_of
from forbear.apps.jobs.orders import Told
from forbear.apps.jobs.parts import HomeParts, keep_rollout
from forbear.apps.jobs.replaying_parts import named_model
from forbear.domain.errors import ConfigError, ModelMismatch
from forbear.domain.terms import Instruction
from forbear.engine.arms import Arms, why_stopped
from forbear.engine.desk import Desk
from forbear.engine.outputs import AuditRecord, Part
from forbear.engine.queries import MOST_ROWS, Queries
from forbear.features.columns import day_of
from forbear.features.compute import FeatureSet
from forbear.models.artefact import Artefact
from forbear.policy.reading import parse_policy
from forbear.policy.rollout import Guard, Rollout

RUNNING = "in force"
SUPERSEDED = "superseded"
STOPPED_BY_RULE, STOPPED_BY_PERSON = "stopped by itself", "stopped by a person"
_SHOWN_CLOSES = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRequest:
    """What to roll out. model: 12 or more digits of its digest.  percent: [0, 100].

    salt: of the draw; "": the challenger's digest, so that one challenger has the same customers at any percentage.
    """

    model: str
    percent: float
    salt: str = ""
    guard: Guard = field(default_factory=Guard)


def roll_out(teller: Teller, request: RolloutRequest) -> tuple[Rollout, Told]:
    """Have a challenger score a share of the customers from the next event on.

    Raises what `prepared` does, ConfigError where two people must agree, and what the outlet raises: a home on Kafka
    takes no roll-out.
    """
    if approvals_of(teller.home).approvers() is not None:
        raise ConfigError(
            f"{teller.home.folder} has approvers: one person alone rolls nothing out",
            mend="sign it with --key and --why, and have somebody else approve it: `forbear models approve`",
        )
    rollout = prepared(teller.home, request)
    return rollout, instruct(teller, Instruction.ROLLOUT, rollout.digest)


def prepared(home: Home, request: RolloutRequest) -> Rollout:
    """A roll-out, kept in the home under its digest; nothing is in force by it.

    Raises ConfigError where nothing is in force that it could be held against, ModelMismatch for a model of another
    target or other features, and for one that a gate has failed.
    """
    challenger = named_model(home, request.model)
    scoring = challenger.scoring
    if isinstance(scoring, Artefact) and scoring.provenance.target != (target := target_of(home.deployment)):
        raise ModelMismatch(
            f"the model foresees {scoring.provenance.target.event}, this home asks for {target.event}",
            mend="train a model for this home",
        )
    # Once more by its digest: a model that only a file outside of the home holds could not be found again.
    HomeParts(home).model(challenger.digest, FeatureSet.standard(home.deployment.unsupported).hash)
    require_let_through(home, challenger.digest)
    _require_champion(home, challenger.digest)
    rollout = Rollout(
        challenger=challenger.digest,
        percent=request.percent,
        salt=request.salt or challenger.digest,
        guard=request.guard,
    )
    keep_rollout(home, rollout)
    return rollout


def stop_rollout(teller: Teller) -> Told:
    """Have the champion score everybody from the next event on; where nothing is rolled out this changes nothing.

    One person may do that alone, approvers or not: it leads back to what two have agreed to.
    """
    return instruct(teller, Instruction.STOP_ROLLOUT)


def _require_champion(home: Home, challenger: str) -> None:
    known = in_force(home)
    for kind in ("model", "policy"):
        if kind not in known:
            raise ConfigError(f"no {kind} is in force", mend="promote one first: `forbear promote`")
    if known["model"] == challenger:
        raise ConfigError(f"{challenger[:12]} is the champion: it scores everybody", mend="name another model")
    if not HomeParts(home).policy(known["policy"]).triggers.day_close:
        raise ConfigError(
            "the policy in force scores nobody at the close of a day, when a roll-out is watched",
            mend="set day_close = true in its triggers",
        )


# ---- what came of it


@dataclass(frozen=True, slots=True, kw_only=True)
class AtClose:
    """Both arms at one closed day, and what the rule says of them."""

    day: int
    arms: Arms
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The newest roll-out of a home as its worker has recorded it. since: offset of the instruction.  by: who gave it.

    state: whether it is in force, or how it ended.  why: of one that stopped itself.  ended_at: offset, None while it
    is in force.  closes: the newest under it, oldest first.
    """

    rollout: Rollout
    since: int
    by: str
    state: str
    why: str
    ended_at: int | None
    closes: tuple[AtClose, ...]

    def document(self) -> Mapping[str, object]:
        """For JSON."""
        rollout, guard = self.rollout, self.rollout.guard
        return {
            "rollout": rollout.digest,
            "challenger": rollout.challenger,
            "percent": rollout.percent,
            "salt": rollout.salt,
            "guard": {name: getattr(guard, name) for name in guard.__struct_fields__},
            "since_offset": self.since,
            "by": self.by,
            "state": self.state,
            "why": self.why or None,
            "ended_at_offset": self.ended_at,
            "closes": [
                {"day": day_of(one.day).isoformat(), "says": one.says or None, **one.arms.said(guard)}
                for one in self.closes
            ],
        }


def watched(home: Home, closes: int = _SHOWN_CLOSES) -> Watched | None:
    """The newest roll-out that the worker has come to, with so many closes; None where there never was one."""
    if not home.database.exists():
        return None
    with closing(open_desk(f"sqlite:///{home.database}")) as desk:
        parts = desk.parts("model").value
        found = next((part for part in reversed(parts) if part.in_roll_out), None)
        if found is None:
            return None
        queries = desk.of(0)
        rollout = HomeParts(home).rollout(str(found.document["rollout"]))
        ended = next(filter(None, map(_end_of, _records_behind(queries, found.offset))), None)
        return Watched(
            rollout=rollout,
            since=found.offset,
            by=found.by,
            state=ended[0] if ended else RUNNING,
            why=ended[1] if ended else "",
            ended_at=ended[2] if ended else None,
            closes=tuple(_closes(desk, found, rollout, ended[2] if ended else None, closes)),
        )


def _records_behind(queries: Queries, offset: int) -> Iterator[AuditRecord]:
    """Records of what stands behind an offset, oldest first."""
    head = queries.status().value.head
    first = -1 if head is None else head.sequence
    while first > 0 and queries.links(first, 1).value[0].record.offset > offset:
        first = max(first - MOST_ROWS, 0)
    while page := queries.links(max(first, 0), MOST_ROWS).value:
        yield from (link.record for link in page if link.record.offset > offset)
        first = page[-1].record.sequence + 1


def _end_of(record: AuditRecord) -> tuple[str, str, int] | None:
    """How a roll-out ends with a record, why, and where; None where it goes on."""
    if record.kind == "rollout_stopped":
        return STOPPED_BY_RULE, str(json.loads(record.body)["why"]), record.offset
    if record.kind != "instruction":
        return None
    told = json.loads(record.body)["instruction"]
    if told == Instruction.STOP_ROLLOUT:
        return STOPPED_BY_PERSON, "", record.offset
    if told == Instruction.PROMOTE_MODEL:
        return SUPERSEDED, "", record.offset
    return None


def _closes(desk: Desk, part: Part, rollout: Rollout, ended: int | None, most: int) -> Iterator[AtClose]:
    """The newest closes at which both models scored, oldest first."""
    queries, policy = desk.of(0), desk.parts("policy").value[-1]
    cut_off = min(band.enter for band in parse_policy(str(policy.document["text"])).bands)
    last = queries.status().value.last_day
    days = queries.days(0, -1 if last is None else last).value
    under = [row for row in days if row.offset > part.offset and (ended is None or row.offset <= ended) and row.scored]
    for row in under[len(under) - min(most, len(under)) :]:
        scored = queries.day_close(row.day).value
        if scored is None:
            continue
        mine = np.equal(scored.model, part.number)
        arms = Arms().add(scored.log_odds, scored.pd, mine, cut_off)
        yield AtClose(day=row.day, arms=arms, says=why_stopped(arms, rollout.guard))
