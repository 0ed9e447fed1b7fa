"""A worker's memory as a snapshot holds it, and back.

It is taken right behind the close of a day, where nothing is pending: no proposal waits, no prediction is uncommitted.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import msgspec
import numpy as np

from forbear.domain.errors import CorruptState, ModelMismatch
from forbear.engine.intervenor import Day
from forbear.engine.misses import Told
from forbear.engine.outputs import AuditRecord
from forbear.engine.ports import Kept
from forbear.engine.standing import FRESH
from forbear.engine.worker import Worker
from forbear.policy.proposals import Circumstances


class _Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is no array. model, policy, reasons: number and digest, 0 and "" before the first.

    head: of the audit chain.
    """

    clock_us: int
    model: tuple[int, str]
    policy: tuple[int, str]
    kill_switch: bool
    replay: bool
    day: int
    offers: list[int]
    released: bool
    words: list[str]
    head: dict[str, Any] | None
    reasons: tuple[int, str] = (0, "")


def kept_of(worker: Worker) -> Kept:
    """The worker as it is, right behind the close of a day."""
    intervenor, recorder, book = worker.intervenor, worker.recorder, worker.scorer.book
    standing = intervenor.standing
    arrays = {f"standing.{name}": getattr(standing, name)[: book.customers] for name in FRESH}
    told = worker.scorer.misses.told
    arrays |= {f"misses.{f.name}": getattr(told, f.name) for f in fields(Told)}
    facts = _Facts(
        clock_us=worker.clock_us,
        model=(recorder.model, recorder.digests["model"]),
        policy=(recorder.policy, recorder.digests["policy"]),
        reasons=(recorder.reasons, recorder.digests.get("reasons", "")),
        kill_switch=intervenor.circumstances.kill_switch,
        replay=intervenor.circumstances.replay,
        day=intervenor.spent.day,
        offers=intervenor.spent.offers,
        released=intervenor.spent.released,
        words=standing.words,
        head=None if recorder.head is None else asdict(recorder.head),
    )
    return Kept(
        state=book.state(),
        offset=worker.position,
        layout_hash=book.layout_hash(),
        feature_hash=worker.scorer.features.hash,
        arrays=arrays,
        facts=msgspec.json.encode(facts).decode(),
    )


def become(worker: Worker, kept: Kept) -> None:
    """Make a new worker the one that was kept.

    Raises ModelMismatch for a snapshot of another ledger layout, CorruptState for one that is not of a worker.
    """
    book = worker.scorer.book
    if kept.layout_hash != book.layout_hash():
        raise ModelMismatch(
            f"the worker's snapshot has ledger layout {kept.layout_hash[:12]}, this version {book.layout_hash()[:12]}",
            mend="delete the folder worker/ of the home: the worker starts again from the beginning of its log",
        )
    try:
        facts = msgspec.json.decode(kept.facts, type=_Facts)
    except msgspec.MsgspecError as error:
        raise CorruptState(f"the snapshot at offset {kept.offset} is not a worker's", mend="delete it") from error
    book.restore(kept.state)
    worker.position, worker.clock_us = kept.offset, facts.clock_us
    intervenor, recorder = worker.intervenor, worker.recorder
    if facts.model[1]:
        worker.scorer.model, _, expected = worker.load_model(facts.model[1])
        recorder.put_model(*facts.model, expected)
    if facts.policy[1]:
        intervenor.put_in_force(worker.setup.parts.policy(facts.policy[1]))
        recorder.put_policy(*facts.policy)
    if facts.reasons[1]:
        worker.words.approved = worker.setup.parts.reasons(facts.reasons[1])
        recorder.put_reasons(*facts.reasons)
    for name in FRESH:
        setattr(intervenor.standing, name, np.array(kept.arrays[f"standing.{name}"]))
    intervenor.standing.words = facts.words
    intervenor.circumstances = Circumstances(kill_switch=facts.kill_switch, replay=facts.replay)
    intervenor.spent = Day(facts.day, facts.offers, facts.released)
    worker.scorer.misses.add(Told(*(np.array(kept.arrays[f"misses.{f.name}"]) for f in fields(Told))))
    recorder.head = None if facts.head is None else AuditRecord(**facts.head)
