"""The worker is a fold of the log: how it is cut, stopped and started again cannot be seen in what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.adapters.archive import FileArchive
from forbear.adapters.snapshots import FileSnapshots
from forbear.engine.backfill import Feed, rows_at
from forbear.engine.draft import behind
from forbear.engine.keeping import become, kept_of
from forbear.engine.outputs import Outputs, Position, Predictions
from forbear.engine.running import begin
from forbear.engine.worker import Worker
from forbear.features.columns import EventKind
from forbear.models.explanation import ADDITIVITY_TOLERANCE
from forbear.policy.proposals import NEVER
from forbear.policy.triggers import Trigger

SmallBank = Any
"""What the fixture of that name gives; see conftest."""
_LISTS = [f.name for f in fields(Outputs) if f.name not in ("after", "until", "predictions")]
CUTS = st.lists(st.integers(0, 32_000), max_size=6)


def gathered(outputs: list[Outputs]) -> dict[str, Any]:
    """All that some outputs hold, without where one ends and the next begins."""
    told: dict[str, Any] = {name: [row for one in outputs for row in getattr(one, name)] for name in _LISTS}
    for f in fields(Predictions):
        parts = [getattr(one.predictions, f.name) for one in outputs if one.predictions is not None]
        told[f.name] = np.concatenate(parts).tobytes() if parts else b""
    return told


def worked(small_bank: SmallBank, worker: Worker, bounds: list[int]) -> Iterator[Outputs]:
    """What a worker gives for stretches of the log, from the first bound to the last."""
    for start, stop in pairwise(bounds):
        yield from worker.process(small_bank.scanned(start, stop))


def bounds_of(small_bank: SmallBank, cuts: list[int], start: int = 0) -> list[int]:
    """Bounds of stretches from a place to the end of the log."""
    end = len(small_bank.log)
    return sorted({start, end, *(cut for cut in cuts if start < cut < end)})


@pytest.fixture(scope="module")
def straight(small_bank: SmallBank) -> list[Outputs]:
    """What comes of the log taken in at once."""
    return list(worked(small_bank, small_bank.worker(), bounds_of(small_bank, [])))


def test_it_decides_something(straight: list[Outputs]) -> None:
    """The small bank gives offers, holds by the allocator and a hold-out, else the laws below would say little."""
    outcomes = {decision.outcome for one in straight for decision in one.decisions}
    assert {"offer", "hold_out", "abnormal_volume"} <= outcomes
    assert sum(len(one.contacts) for one in straight) > 50


@settings(max_examples=6, deadline=None)
@given(cuts=CUTS)
def test_batches_cannot_be_seen(straight: list[Outputs], small_bank: SmallBank, cuts: list[int]) -> None:
    """The log in stretches of any length gives the same predictions, decisions, contacts and audit chain."""
    assert gathered(straight) == gathered(list(worked(small_bank, small_bank.worker(), bounds_of(small_bank, cuts))))


def test_single_events_are_batches_too(straight: list[Outputs], small_bank: SmallBank) -> None:
    """Around the start of outreach the log may come event by event."""
    start = int(np.flatnonzero(small_bank.log.kind == EventKind.INSTRUCTED)[0])
    bounds = bounds_of(small_bank, list(range(start - 20, start + 400)))
    assert gathered(straight) == gathered(list(worked(small_bank, small_bank.worker(), bounds)))


@settings(max_examples=4, deadline=None)
@given(cuts=CUTS, place=st.floats(0, 1))
def test_a_restart_cannot_be_seen(
    straight: list[Outputs],
    small_bank: SmallBank,
    tmp_path_factory: pytest.TempPathFactory,
    cuts: list[int],
    place: float,
) -> None:
    """A worker that died is made anew from a snapshot of a day close, and goes on as the first would have."""
    closes = np.flatnonzero(small_bank.log.kind == EventKind.DAY_CLOSED) + 1
    kept_at = int(closes[int(place * (len(closes) - 1))])
    first, second = small_bank.worker(), small_bank.worker()
    before = list(
        worked(small_bank, first, [bound for bound in bounds_of(small_bank, [*cuts, kept_at]) if bound <= kept_at])
    )
    snapshots = FileSnapshots(tmp_path_factory.mktemp("kept"))
    snapshots.save(kept_of(first))
    kept = snapshots.latest()
    assert kept is not None
    become(second, kept)
    after = list(worked(small_bank, second, bounds_of(small_bank, cuts, kept_at)))

    assert gathered(straight) == gathered([*before, *after])


@settings(max_examples=8, deadline=None)
@given(cuts=CUTS, place=st.floats(0, 1))
def test_what_is_recorded_is_not_recorded_again(
    straight: list[Outputs], small_bank: SmallBank, cuts: list[int], place: float
) -> None:
    """Wherever a commit was the last, working through the log again in other stretches gives just what was missing."""
    last = int(place * (len(straight) - 1))
    position = straight[last].until
    again = [behind(one, position) for one in worked(small_bank, small_bank.worker(), bounds_of(small_bank, cuts))]
    missing = [one for one in again if one is not None]

    assert gathered(straight) == gathered([*straight[: last + 1], *missing])
    assert [one.after for one in missing[:1]] == [position][: len(missing)]


def test_a_close_that_was_half_recorded_goes_on(small_bank: SmallBank, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day close is recorded in pieces; after any of them the rest follows, and nothing twice."""
    monkeypatch.setattr("forbear.engine.scorer.SWEEP_ROWS", 32)
    monkeypatch.setattr("forbear.engine.follower.SWEEP_ROWS", 32)
    monkeypatch.setattr("forbear.engine.follower.CHUNK_ROWS", 64)
    pieces = list(worked(small_bank, small_bank.worker(), bounds_of(small_bank, [])))
    halves = [number for number, one in enumerate(pieces) if one.until.ordinal]
    assert halves
    for number in halves[:: len(halves) // 3]:
        again = [
            behind(one, pieces[number].until)
            for one in worked(small_bank, small_bank.worker(), bounds_of(small_bank, [9_000, 25_000]))
        ]
        missing = [one for one in again if one is not None]
        assert gathered(pieces) == gathered([*pieces[: number + 1], *missing])


def test_scores_of_a_close_are_those_of_the_batch(
    straight: list[Outputs], small_bank: SmallBank, tmp_path: Path
) -> None:
    """At a close the scores are those that a replay of the archive gives, to the bit, and of the same people."""
    archive = FileArchive(tmp_path / "archive")
    archive.append(small_bank.log)
    feed = Feed(archive, *small_bank.feed_parts)
    model = small_bank.worker().setup.parts.model("a" * 64, "b" * 64)[0]
    swept = [one.predictions for one in straight if one.predictions is not None]
    compared = 0
    for row in [day for one in straight for day in one.days][-40::13]:
        rows, _ = rows_at(feed, row.day)
        explained = model.explain(np.ascontiguousarray(rows.values))
        expected = dict(zip(rows.customer.tolist(), explained.log_odds.tolist(), strict=True))
        ours = {}
        for part in swept:
            at = np.flatnonzero((part.offset == row.offset) & (part.day == row.day + 1))
            ours |= dict(zip(part.customer[at].tolist(), part.log_odds[at].tolist(), strict=True))
        assert expected == ours
        compared += len(ours)
    assert compared > 100


def test_attributions_sum_to_scores(straight: list[Outputs], small_bank: SmallBank) -> None:
    """Every prediction's attributions and the expected value sum to its log-odds."""
    expected = next(part for one in straight for part in one.parts if part.kind == "model").document["expected"]
    assert isinstance(expected, float)
    for one in straight:
        if one.predictions is not None:
            distance = np.abs(expected + one.predictions.attributions.sum(axis=1) - one.predictions.log_odds)
            assert distance.max() <= ADDITIVITY_TOLERANCE * 10


def test_a_customer_is_decided_once_a_day(straight: list[Outputs]) -> None:
    """No two decisions share an identifier, or a customer and a day; cool-downs hold but where a person wants it."""
    decisions = [decision for one in straight for decision in one.decisions]
    assert len({one.decision_id for one in decisions}) == len(decisions)
    assert len({(one.customer, one.day) for one in decisions}) == len(decisions)
    scored = [one.predictions for one in straight if one.predictions is not None]
    overrides = {offset for one in scored for offset in one.offset[(one.trigger & Trigger.OVERRIDE) != 0].tolist()}
    wanted = {one.decision_id for one in decisions if one.prediction.offset in overrides}
    last: dict[int, int] = {}
    for contact in (contact for one in straight for contact in one.contacts):
        assert contact.day - last.get(contact.customer, NEVER) >= 7 or contact.decision_id in wanted
        last[contact.customer] = contact.day


def test_history_is_silent(small_bank: SmallBank, tmp_path: Path) -> None:
    """A worker that begins behind an archive knows its ledgers and customers, and has said nothing of it."""
    log, archive = small_bank.log, FileArchive(tmp_path / "archive")
    start = int(np.flatnonzero(log.kind == EventKind.INSTRUCTED)[0])
    archive.append(log.take(slice(0, start)))
    through, begun = small_bank.worker(), small_bank.worker()
    told = list(worked(small_bank, through, [0, start]))
    begin(
        begun,
        Feed(archive, *small_bank.feed_parts),
        FileSnapshots(tmp_path / "none"),
    )

    assert not any(one.decisions or one.predictions is not None or one.audit for one in told)
    assert through.position == begun.position
    rest = bounds_of(small_bank, [], start)
    mine, theirs = gathered(list(worked(small_bank, through, rest))), gathered(list(worked(small_bank, begun, rest)))
    assert {name: told for name, told in mine.items() if name != "days"} == {
        name: told for name, told in theirs.items() if name != "days"
    }


def test_events_out_of_place_are_refused(small_bank: SmallBank) -> None:
    """What does not follow the last event is the caller's error."""
    with pytest.raises(ValueError, match="does not follow"):
        next(small_bank.worker().process(small_bank.scanned(5, 9)))
    assert Position(3) < Position(3, 1) < Position(4)
