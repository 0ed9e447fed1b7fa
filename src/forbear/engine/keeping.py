"""What a follower and a decider remember, as a snapshot holds it, and back.

A follower may be kept anywhere. A decider is kept right behind the close of a day, where nothing is pending: no
proposal waits, and everything that was found is recorded. A worker, which is both, as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import msgspec
import numpy as np

from forbear.domain.errors import CorruptState, ModelMismatch
from forbear.domain.terms import Instruction
from forbear.engine.decider import Decider
from forbear.engine.follower import Follower
from forbear.engine.intervenor import Day
from forbear.engine.lane import Lane, NewModel
from forbear.engine.misses import Told
from forbear.engine.outputs import AuditRecord, Position
from forbear.engine.ports import Kept
from forbear.engine.record import Second
from forbear.engine.scorer import Challenger
from forbear.engine.standing import FRESH
from forbear.engine.worker import Worker
from forbear.policy.proposals import Circumstances

_Part = tuple[int, str]


class _Following(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a follower is no array; see there."""

    clock_us: int
    digests: dict[str, str]
    followed: list[str]
    counts: list[int]
    noted: list[str] = []


class _LaneFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a lane is no array. after: up to where it is recorded.  head: of its audit chain."""

    after: tuple[int, int]
    words: list[str]
    head: dict[str, Any] | None


class _Deciding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a decider is no array. model, policy, reasons: number and digest, 0 and "" before the first.

    rollout: number of the challenger and digest of its roll-out, 0 and "" for none.  models: the highest number of a
    model so far, 0 in a snapshot from before roll-outs, where it is that of the model in force.
    """

    model: _Part
    policy: _Part
    reasons: _Part
    kill_switch: bool
    replay: bool
    day: int
    offers: list[int]
    released: bool
    lanes: dict[int, _LaneFacts]
    rollout: _Part = (0, "")
    models: int = 0


class _Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a worker, both."""

    following: _Following | None = None
    deciding: _Deciding | None = None


def kept_of(worker: Worker) -> Kept:
    """The worker as it is, right behind the close of a day."""
    facts = _Facts(following=_following(worker.follower), deciding=_deciding(worker.decider))
    return _kept(worker.follower, facts, _arrays(worker.decider))


def kept_of_follower(follower: Follower) -> Kept:
    """The follower as it is."""
    return _kept(follower, _Facts(following=_following(follower)), {})


def kept_of_decider(decider: Decider) -> tuple[str, Mapping[str, Any]]:
    """The decider as it is, right behind the close of a day: facts and arrays, as `Kept` has them."""
    return msgspec.json.encode(_Facts(deciding=_deciding(decider))).decode(), _arrays(decider)


def become(worker: Worker, kept: Kept) -> None:
    """Make a new worker the one that was kept.

    Raises ModelMismatch for a snapshot of another ledger layout, CorruptState for one that is not of a worker.
    """
    facts = _facts(kept)
    if facts.deciding is None:
        raise _not_of(kept, "worker")
    become_follower(worker.follower, kept)
    _become_decider(worker.decider, facts.deciding, kept.arrays)


def become_follower(follower: Follower, kept: Kept) -> None:
    """Make a new follower the one that was kept. Raises what `become` raises."""
    book = follower.scorer.book
    if kept.layout_hash != book.layout_hash():
        raise ModelMismatch(
            f"the snapshot has ledger layout {kept.layout_hash[:12]}, this version {book.layout_hash()[:12]}",
            mend="delete the folder of snapshots: the ledgers are folded again from the beginning of the log",
        )
    facts = _facts(kept).following
    if facts is None:
        raise _not_of(kept, "follower")
    book.restore(kept.state)
    follower.position, follower.clock_us = kept.offset, facts.clock_us
    follower.followed, follower.noted = facts.followed, dict.fromkeys(facts.noted)
    follower.counts[: len(facts.counts)] = facts.counts
    parts, follower.digests = follower.setup.parts, facts.digests
    if model := facts.digests.get(Instruction.PROMOTE_MODEL):
        follower.scorer.model, _, _ = parts.model(model, follower.scorer.features.hash)
    if policy := facts.digests.get(Instruction.PROMOTE_POLICY):
        follower.policy = parts.policy(policy)
    if rollout := facts.digests.get(Instruction.ROLLOUT):
        follower.roll_out(rollout)
    follower.scorer.misses.add(Told(*(np.array(kept.arrays[f"misses.{f.name}"]) for f in fields(Told))))


def become_decider(decider: Decider, facts: str, arrays: Mapping[str, Any]) -> None:
    """Make a new decider the one that was kept. Raises CorruptState for what is not of one of these partitions."""
    try:
        found = msgspec.json.decode(facts, type=_Facts).deciding
    except msgspec.MsgspecError as error:
        raise CorruptState("the snapshot is not of a decider", mend="delete it") from error
    if found is None or found.lanes.keys() != decider.lanes.keys():
        raise CorruptState("the snapshot is not of a decider of these partitions", mend="delete it")
    _become_decider(decider, found, arrays)


# ---- inside


def _kept(follower: Follower, facts: _Facts, arrays: Mapping[str, Any]) -> Kept:
    book, told = follower.scorer.book, follower.scorer.misses.told
    return Kept(
        state=book.state(),
        offset=follower.position,
        layout_hash=book.layout_hash(),
        feature_hash=follower.scorer.features.hash,
        arrays={**arrays, **{f"misses.{f.name}": getattr(told, f.name) for f in fields(Told)}},
        facts=msgspec.json.encode(facts).decode(),
    )


def _following(follower: Follower) -> _Following:
    return _Following(
        clock_us=follower.clock_us,
        digests=follower.digests,
        followed=follower.followed,
        counts=follower.counts.tolist(),
        noted=list(follower.noted),
    )


def _deciding(decider: Decider) -> _Deciding:
    force, recorder = decider.force, next(iter(decider.lanes.values())).recorder
    return _Deciding(
        model=(recorder.model, recorder.digests["model"]),
        policy=(recorder.policy, recorder.digests["policy"]),
        reasons=(recorder.reasons, recorder.digests.get("reasons", "")),
        kill_switch=force.circumstances.kill_switch,
        replay=force.circumstances.replay,
        day=force.spent.day,
        offers=force.spent.offers,
        released=force.spent.released,
        lanes={partition: _lane(lane) for partition, lane in decider.lanes.items()},
        rollout=(recorder.second.number, recorder.second.rollout.digest) if recorder.second else (0, ""),
        models=recorder.models,
    )


def _lane(lane: Lane) -> _LaneFacts:
    head = lane.recorder.head
    return _LaneFacts(
        after=lane.after, words=lane.intervenor.standing.words, head=None if head is None else asdict(head)
    )


def _arrays(decider: Decider) -> Mapping[str, Any]:
    return {
        f"{partition}.standing.{name}": getattr(lane.intervenor.standing, name)[: lane.slots]
        for partition, lane in decider.lanes.items()
        for name in FRESH
    }


def _facts(kept: Kept) -> _Facts:
    try:
        return msgspec.json.decode(kept.facts, type=_Facts)
    except msgspec.MsgspecError as error:
        raise CorruptState(f"the snapshot at offset {kept.offset} is of no worker", mend="delete it") from error


def _not_of(kept: Kept, what: str) -> CorruptState:
    return CorruptState(f"the snapshot at offset {kept.offset} is of no {what}", mend="delete it")


def _become_decider(decider: Decider, facts: _Deciding, arrays: Mapping[str, Any]) -> None:
    parts, force = decider.setup.parts, decider.force
    model = NewModel(*parts.model(facts.model[1], decider.setup.feature_hash)) if facts.model[1] else None
    approved = parts.reasons(facts.reasons[1]) if facts.reasons[1] else None
    second, challenger = _second(decider, facts)
    if facts.policy[1]:
        force.put(parts.policy(facts.policy[1]))
    force.circumstances = Circumstances(kill_switch=facts.kill_switch, replay=facts.replay)
    force.spent = Day(facts.day, facts.offers, facts.released)
    for partition, lane in decider.lanes.items():
        recorder, standing, known = lane.recorder, lane.intervenor.standing, facts.lanes[partition]
        if model is not None:
            recorder.put_model(*facts.model, model.expected)
            lane.words.model = model.scoring
        recorder.models = max(recorder.models, facts.models)
        if second is not None:
            recorder.put_second(second)
            lane.words.challenger = challenger
        if facts.policy[1]:
            recorder.put_policy(*facts.policy)
        if approved is not None:
            recorder.put_reasons(*facts.reasons)
            lane.words.approved = approved
        for name in FRESH:
            setattr(standing, name, np.array(arrays[f"{partition}.standing.{name}"]))
        standing.words, lane.slots = known.words, len(standing.band)
        recorder.head = None if known.head is None else AuditRecord(**known.head)
        lane.draft.after = lane.reached = Position(*known.after)


def _second(decider: Decider, facts: _Deciding) -> tuple[Second, Challenger] | tuple[None, None]:
    """The challenger of a roll-out, as it is recorded and as it scores."""
    number, digest = facts.rollout
    if not number:
        return None, None
    rollout = decider.setup.parts.rollout(digest)
    model = NewModel(*decider.setup.parts.model(rollout.challenger, decider.setup.feature_hash))
    return Second(number, model.expected, rollout), Challenger(model.scoring, rollout)
