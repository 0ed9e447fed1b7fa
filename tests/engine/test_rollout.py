"""A roll-out is part of the fold: who is scored by whom, and where it ends, follows from the log alone."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.adapters.snapshots import FileSnapshots
from forbear.domain.errors import ConfigError
from forbear.domain.events import Instructed
from forbear.domain.terms import Instruction
from forbear.engine.arms import CONSTANT
from forbear.engine.decider import Decider, Deciding
from forbear.engine.draft import behind
from forbear.engine.findings import Ordered
from forbear.engine.follower import Follower, Following
from forbear.engine.keeping import become, become_follower, kept_of, kept_of_follower
from forbear.engine.outputs import Outputs, Predictions
from forbear.engine.receipts import Recorded, Remaker, Remaking, State
from forbear.features.columns import EventKind, columns_of, instant, joined
from forbear.models.expert import ExpertScorecard
from forbear.policy.rollout import Guard, Rollout

SmallBank = Any
"""What the fixture of that name gives; see conftest."""
CHAMPION, CHALLENGER, FLAT = "a" * 64, "d" * 64, "e" * 64
LISTS = [f.name for f in fields(Outputs) if f.name not in ("after", "until", "predictions")]
CUTS = st.lists(st.integers(0, 32_000), max_size=6)
LIVE_DAYS = 24
UNWATCHED = Guard(least_customers=10**9)


@pytest.fixture(scope="module")
def bank(small_bank: SmallBank) -> SmallBank:
    """The small bank's first live days, with a bolder scorecard, and one that says the same of everybody."""
    expert = small_bank.parts.expert
    references = {name: replace(one, points=1.25 * one.points) for name, one in expert.references.items()}
    flat = {name: replace(one, points=1e-300) for name, one in expert.references.items()}
    others = {CHALLENGER: replace(expert, references=references), FLAT: replace(expert, references=flat)}
    first = int(np.flatnonzero(small_bank.log.kind == EventKind.INSTRUCTED)[0])
    closes = np.flatnonzero(small_bank.log.kind == EventKind.DAY_CLOSED)
    log = small_bank.log.take(slice(0, int(closes[closes > first][LIVE_DAYS]) + 1))
    return replace(small_bank, log=log, parts=replace(small_bank.parts, others=others))


def told(bank: SmallBank, instruction: Instruction, rollout: Rollout | str | None = None, close: int = 5) -> SmallBank:
    """The bank with an instruction right behind one of the closes that come after the first instructions."""
    first = int(np.flatnonzero(bank.log.kind == EventKind.INSTRUCTED)[0])
    closes = np.flatnonzero(bank.log.kind == EventKind.DAY_CLOSED)
    at = int(closes[closes > first][close]) + 1
    when = instant(int(bank.log.received_us[at - 1]))
    value = rollout.digest if isinstance(rollout, Rollout) else rollout
    event = Instructed(
        instruction_id=f"R-{instruction}-{at}", instruction=instruction, by="two people",
        booked_at=when, received_at=when, value=value,
    )  # fmt: skip
    log = joined([bank.log.take(slice(0, at)), columns_of([event]), bank.log.take(slice(at, None))])
    rollouts = {rollout.digest: rollout} if isinstance(rollout, Rollout) else {}
    parts = replace(bank.parts, rollouts={**bank.parts.rollouts, **rollouts})
    return replace(bank, log=log, parts=parts)


def rolled(bank: SmallBank, percent: float, guard: Guard = UNWATCHED, model: str = CHALLENGER) -> SmallBank:
    """The bank with a roll-out."""
    return told(bank, Instruction.ROLLOUT, Rollout(challenger=model, percent=percent, salt="P1", guard=guard))


def worked(
    bank: SmallBank, cuts: list[int] | None = None, worker: Any = None, bounds: tuple[int, int] | None = None
) -> list[Outputs]:
    """What a worker gives for the log, or a part of it, in stretches."""
    first, end = bounds or (0, len(bank.log))
    places = sorted({first, end, *(cut for cut in cuts or [] if first < cut < end)})
    worker = worker or bank.worker()
    return [one for start, stop in pairwise(places) for one in worker.process(bank.scanned(start, stop))]


def predicted(outputs: list[Outputs]) -> Predictions:
    """All predictions."""
    parts = [one.predictions for one in outputs if one.predictions is not None]
    return Predictions(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Predictions)}
    )


def gathered(outputs: list[Outputs]) -> dict[str, Any]:
    """All that some outputs hold, without where one ends and the next begins."""
    rows: dict[str, Any] = {name: [row for one in outputs for row in getattr(one, name)] for name in LISTS}
    return rows | {f.name: getattr(predicted(outputs), f.name).tobytes() for f in fields(Predictions)}


def said(outputs: list[Outputs]) -> dict[str, Any]:
    """The same without what tells of the instruction itself: parts, and its own record in the chain."""
    rows = gathered(outputs)
    records = [(one.kind, one.offset, one.body) for one in rows.pop("audit") if one.kind != "instruction"]
    del rows["parts"]
    return rows | {"records": records}


@pytest.fixture(scope="module")
def nothing(bank: SmallBank) -> list[Outputs]:
    """What comes of an instruction that changes nothing, where the others have a roll-out."""
    return worked(told(bank, Instruction.FORCE_CLOSE))


@pytest.fixture(scope="module")
def nobody(bank: SmallBank) -> list[Outputs]:
    """What comes of a roll-out to nobody."""
    return worked(rolled(bank, 0.0))


@pytest.fixture(scope="module")
def everybody(bank: SmallBank) -> list[Outputs]:
    """What comes of a roll-out to everybody."""
    return worked(rolled(bank, 100.0))


@pytest.fixture(scope="module")
def third(bank: SmallBank) -> list[Outputs]:
    """What comes of a third of the customers under the challenger."""
    return worked(rolled(bank, 33.0))


def test_nobody_under_the_challenger_is_no_roll_out(nothing: list[Outputs], nobody: list[Outputs]) -> None:
    """At 0 % every prediction, decision and record is that of an instruction that changes nothing."""
    assert said(nothing) == said(nobody)


def test_everybody_under_the_challenger_is_a_promotion(bank: SmallBank, everybody: list[Outputs]) -> None:
    """At 100 % everything from the next event on is that of a promotion, the number of the model included."""
    assert said(worked(told(bank, Instruction.PROMOTE_MODEL, CHALLENGER))) == said(everybody)
    assert set(predicted(everybody).model.tolist()) == {1, 2}


def test_each_arm_is_scored_as_though_it_were_the_whole_book(
    bank: SmallBank, third: list[Outputs], nobody: list[Outputs], everybody: list[Outputs]
) -> None:
    """A customer's scores are, to the bit, what their model says where it scores everybody."""
    rollout = Rollout(challenger=CHALLENGER, percent=33.0, salt="P1")
    whole = {False: predicted(nobody), True: predicted(everybody)}
    ours = predicted(third)
    mine = rollout.takes(ours.customer) & (ours.offset > third_begins(bank))
    for arm, theirs in whole.items():
        rows = np.flatnonzero(mine == arm)
        assert len(rows) > 500
        for name in ("offset", "ordinal", "log_odds", "pd", "attributions", "model"):
            np.testing.assert_array_equal(getattr(ours, name)[rows], getattr(theirs, name)[rows], err_msg=name)


def third_begins(bank: SmallBank) -> int:
    """Where the instruction of the roll-out stands."""
    log = rolled(bank, 33.0).log
    return int(np.flatnonzero(log.kind == EventKind.INSTRUCTED)[-1])


def test_records_name_the_model_that_scored(bank: SmallBank, third: list[Outputs]) -> None:
    """Each decision has the number of its customer's model, its record that model's digest, and its sums add up."""
    parts = {part.number: part for one in third for part in one.parts if part.kind == "model"}
    assert [(part.digest, part.in_roll_out) for part in parts.values()] == [(CHAMPION, False), (CHALLENGER, True)]
    assert parts[2].document["percent"] == 33.0
    records = {json.loads(one.body).get("decision_id"): json.loads(one.body) for out in third for one in out.audit}
    scored = predicted(third)
    at = {(int(o), int(n)): int(m) for o, n, m in zip(scored.offset, scored.ordinal, scored.model, strict=True)}
    decisions = [one for out in third for one in out.decisions]
    for one in decisions:
        assert one.model == at[tuple(one.prediction)]
        assert records[one.decision_id]["model_sha"] == parts[one.model].digest
        inside = json.loads(one.sealed[8 + len(one.decision_id) :])
        assert inside["expected"] == parts[one.model].document["expected"]
        assert inside["expected"] + sum(inside["attributions"].values()) == pytest.approx(inside["log_odds"])
        assert inside["told"]
    assert {one.model for one in decisions} == {1, 2}


def test_a_receipt_is_of_the_model_that_scored(bank: SmallBank, third: list[Outputs]) -> None:
    """Every decision of either model is made again from its receipt alone, to the byte."""
    features, vault = bank.worker().follower.scorer.features, bank.vault()
    numbers = {(part.kind, part.number): part.digest for one in third for part in one.parts}
    known = (features.names, features.hash, bank.deployment.currency, rolled(bank, 33.0).parts, numbers)
    names = [f.name for f in fields(Remaking)]
    remaker = Remaker(Remaking(**dict(zip(names, known, strict=True))))
    decisions = {one.decision_id: one for out in third for one in out.decisions}
    records = [one for out in third for one in out.audit if one.kind == "decision"]
    made = [decisions[json.loads(record.body)["decision_id"]] for record in records]
    recorded = [
        Recorded(record, one, vault.open(one.customer, one.sealed, one.decision_id.encode()))
        for record, one in zip(records, made, strict=True)
    ]
    assert {one.state for one in remaker.remade(recorded)} == {State.SAME}


@settings(max_examples=3, deadline=None)
@given(cuts=CUTS)
def test_batches_cannot_be_seen(bank: SmallBank, third: list[Outputs], cuts: list[int]) -> None:
    """The log in stretches of any length gives the same bytes."""
    assert gathered(third) == gathered(worked(rolled(bank, 33.0), cuts))


@settings(max_examples=3, deadline=None)
@given(cuts=CUTS, place=st.floats(0, 1))
def test_a_restart_cannot_be_seen(
    bank: SmallBank, third: list[Outputs], tmp_path_factory: pytest.TempPathFactory, cuts: list[int], place: float
) -> None:
    """A worker made anew from a snapshot in mid roll-out goes on as the first would have."""
    mid = rolled(bank, 33.0)
    closes = np.flatnonzero(mid.log.kind == EventKind.DAY_CLOSED) + 1
    closes = closes[closes > third_begins(bank)]
    kept_at, end = int(closes[int(place * (len(closes) - 1))]), len(mid.log)
    first, second = mid.worker(), mid.worker()
    before = worked(mid, cuts, first, (0, kept_at))
    snapshots = FileSnapshots(tmp_path_factory.mktemp("kept"))
    snapshots.save(kept_of(first))
    kept = snapshots.latest()
    assert kept is not None
    become(second, kept)
    assert gathered(third) == gathered([*before, *worked(mid, cuts, second, (kept_at, end))])


@settings(max_examples=3, deadline=None)
@given(cuts=CUTS, place=st.floats(0.5, 1))
def test_what_is_recorded_is_not_recorded_again(
    bank: SmallBank, third: list[Outputs], cuts: list[int], place: float
) -> None:
    """Wherever a worker was killed, working through the log again gives just what was missing."""
    last = int(place * (len(third) - 1))
    again = [behind(one, third[last].until) for one in worked(rolled(bank, 33.0), cuts)]
    assert gathered(third) == gathered([*third[: last + 1], *(one for one in again if one is not None)])


def test_it_is_told_anew_stopped_and_superseded(bank: SmallBank) -> None:
    """A higher percentage is another number of the same model; a stop and a promotion leave the champion alone."""
    more = told(
        rolled(bank, 20.0), Instruction.ROLLOUT,
        Rollout(challenger=CHALLENGER, percent=60.0, salt="P1", guard=UNWATCHED), 9,
    )  # fmt: skip
    stopped = told(more, Instruction.STOP_ROLLOUT, None, 14)
    outputs = worked(told(stopped, Instruction.PROMOTE_MODEL, CHALLENGER, 18))
    scored = predicted(outputs)
    ends = [part.offset for one in outputs for part in one.parts if part.kind == "model"]
    stop = next(one.offset for out in outputs for one in out.audit if "stop_rollout" in one.body)
    spans = [(ends[1], ends[2]), (ends[2], stop), (stop, ends[3]), (ends[3], len(bank.log) + 9)]
    found = [set(scored.model[(scored.offset > a) & (scored.offset < b)].tolist()) for a, b in spans]
    assert found == [{1, 2}, {1, 3}, {1}, {4}]
    few, many = (set(scored.customer[scored.model == number].tolist()) for number in (2, 3))
    assert few < many


@pytest.fixture(scope="module")
def stopping(bank: SmallBank) -> SmallBank:
    """A roll-out of the model that says the same of everybody."""
    return rolled(bank, 40.0, Guard(least_customers=10), FLAT)


def test_a_challenger_that_says_nothing_is_stopped(
    bank: SmallBank, stopping: SmallBank, nothing: list[Outputs]
) -> None:
    """The first close behind the roll-out ends it, says why in the chain, and the champion scores everybody again."""
    outputs = worked(stopping)
    [record] = [one for out in outputs for one in out.audit if one.kind == "rollout_stopped"]
    closes = np.flatnonzero(stopping.log.kind == EventKind.DAY_CLOSED)
    assert record.offset == closes[closes > third_begins(bank)][0]
    body = json.loads(record.body)
    assert (body["why"], body["challenger"]["customers"] >= 10) == (CONSTANT, True)
    scored, plain = predicted(outputs), predicted(nothing)
    after = scored.offset > record.offset
    assert set(scored.model[after].tolist()) == {1}
    np.testing.assert_array_equal(scored.log_odds[after], plain.log_odds[plain.offset > record.offset])


@settings(max_examples=3, deadline=None)
@given(cuts=CUTS, later=st.integers(0, 3))
def test_the_stop_is_part_of_the_fold(
    stopping: SmallBank, bank: SmallBank, tmp_path_factory: pytest.TempPathFactory, cuts: list[int], later: int
) -> None:
    """Stretches and a restart around the stop change no byte."""
    mid, straight = stopping, worked(stopping)
    closes = np.flatnonzero(mid.log.kind == EventKind.DAY_CLOSED) + 1
    kept_at = int(closes[closes > third_begins(bank)][later])
    first, second = mid.worker(), mid.worker()
    before = worked(mid, cuts, first, (0, kept_at))
    snapshots = FileSnapshots(tmp_path_factory.mktemp("kept"))
    snapshots.save(kept_of(first))
    kept = snapshots.latest()
    assert kept is not None
    become(second, kept)
    assert gathered(straight) == gathered([*before, *worked(mid, cuts, second, (kept_at, len(mid.log)))])


def test_who_only_answers_questions_finds_the_same_stop(stopping: SmallBank, bank: SmallBank) -> None:
    """A follower that scores nobody unasked has the challenger up to the same close, from a snapshot as well."""
    worker = stopping.worker()
    quiet = Follower(Following(stopping.deployment, worker.setup.calendar, stopping.parts, lambda _: "", scores=False))
    closes = np.flatnonzero(stopping.log.kind == EventKind.DAY_CLOSED)
    end = int(closes[closes > third_begins(bank)][0])
    for _ in quiet.process(stopping.scanned(0, end)):
        pass
    assert quiet.scorer.challenger is not None
    again = Follower(quiet.setup)
    become_follower(again, kept_of_follower(quiet))
    for follower in (quiet, again):
        for _ in follower.process(stopping.scanned(end, end + 1)):
            pass
        assert follower.scorer.challenger is None
        assert Instruction.ROLLOUT not in follower.digests


def test_a_log_with_several_partitions_is_refused(bank: SmallBank) -> None:
    """The decider over two partitions takes no roll-out."""
    mid, features = rolled(bank, 10.0), bank.worker().follower.scorer.features
    decider = Decider(Deciding(features.names, features.hash, "EUR", mid.parts, bank.vault()), [0, 1])
    payload = mid.log.payload[third_begins(bank)]
    one = Ordered(offset=0, at_us=0, day=0, customers=0, told=msgspec.json.decode(payload, type=Instructed))
    assert not list(decider.take(0, one))
    with pytest.raises(ConfigError, match="several partitions"):
        list(decider.take(1, one))


def test_the_challengers_here_differ(bank: SmallBank) -> None:
    """Else the laws above would say little."""
    models: list[ExpertScorecard] = [bank.parts.expert, *bank.parts.others.values()]
    rows = np.nan_to_num(np.random.default_rng(1).normal(size=(50, len(models[0].features))))
    scores = [model.log_odds(rows) for model in models]
    assert all(not np.array_equal(one, other) for one, other in pairwise(scores))
    assert len(np.unique(scores[2])) == 1
