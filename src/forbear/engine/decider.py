"""The decider: takes what the followers of all partitions have found, judges it at once, and decides at barriers.

A barrier is passed when every partition has come to one: so what is decided depends on what each log holds, and not on
which of them came first. Between barriers partitions know nothing of one another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from forbear.domain.errors import ConfigError, CorruptState
from forbear.domain.events import Instructed
from forbear.domain.terms import Instruction
from forbear.engine.findings import Barrier, CloseBegun, CloseEnded, Finding, Ordered, Stretch, Swept, Ticked, matches
from forbear.engine.intervenor import InForce, cut
from forbear.engine.lane import Lane, NewModel
from forbear.engine.outputs import Outputs, Position
from forbear.engine.ports import Parts, Vault
from forbear.engine.record import Recorder, Recording
from forbear.engine.timing import UNTIMED, Stage, Stages
from forbear.policy.proposals import Circumstances


@dataclass(frozen=True, slots=True)
class Deciding:
    """What a decider is made of. features: names of the scores' columns, and the hash of their set.  currency: of the
    ledgers.  obeys: instructions that are followed.  recorder: what makes records of what a cut decides.
    stages: told how long each stage takes.
    """

    features: tuple[str, ...]
    feature_hash: str
    currency: str
    parts: Parts
    vault: Vault
    obeys: Collection[Instruction] = frozenset(Instruction)
    recorder: Recording = Recorder
    stages: Stages = UNTIMED


class Given(NamedTuple):
    """Outputs of one partition."""

    partition: int
    outputs: Outputs


class Decider:
    """The policy's memory of some partitions. lanes: by partition.

    at_close: called with each closed day, once its outputs are given and before anything behind it is taken in.
    """

    def __init__(
        self, setup: Deciding, partitions: Collection[int], at_close: Callable[[int], None] = lambda _: None
    ) -> None:
        self.setup = setup
        self._at_close = at_close
        self.force = InForce(setup.features)
        self.lanes = {one: Lane(self.force, setup.vault, setup.currency, setup.recorder) for one in sorted(partitions)}
        for lane in self.lanes.values():
            lane.timed_by(setup.stages)

    @property
    def running(self) -> bool:
        """Whether a model and a policy are in force."""
        return self.force.rules is not None and any(lane.recorder.model for lane in self.lanes.values())

    def take(self, partition: int, finding: Finding) -> Iterator[Given]:
        """Take in what a partition's follower has found next; what is to be recorded of it, piece by piece.

        What stands behind a barrier waits until all have come to one. The state has moved on when a piece is given:
        record it, or start again. Raises CorruptState where partitions have different barriers in one place.
        """
        lane = self.lanes[partition]
        if lane.barrier is not None:
            lane.queue.append(finding)
            return
        yield from self._taken(partition, lane, finding)
        while passed := self._passed():
            yield from self._pass(passed)

    def flush(self, partition: int) -> Outputs | None:
        """What is to be recorded of the stretches that were taken in; None for nothing."""
        lane = self.lanes[partition]
        return lane.ended() if lane.barrier is None else None

    def told(self, partition: int, instructions: Sequence[Instructed], first: int) -> Outputs:
        """Take in what was told before the first event of a log, at an offset: it is recorded right before that."""
        lane = self.lanes[partition]
        lane.draft.after = Position(first - 1)
        for one in instructions:
            self._follow(one, {partition: first - 1})
        return lane.draft.ended(Position(first))

    # ---- inside

    def _taken(self, partition: int, lane: Lane, finding: Finding) -> Iterator[Given]:
        """Take in one finding of a lane that runs."""
        match finding:
            case Stretch():
                lane.taken(finding)
            case Swept():
                yield from (Given(partition, piece) for piece in lane.swept(finding))
            case _:
                if outputs := lane.ended():
                    yield Given(partition, outputs)
                lane.barrier = finding

    def _passed(self) -> Collection[int]:
        """The partitions whose barrier is the next to be passed; none while one of them still runs."""
        barriers = {partition: lane.barrier for partition, lane in self.lanes.items() if lane.barrier is not None}
        if len(barriers) < len(self.lanes):
            return ()
        ticks = {partition: one.at_us for partition, one in barriers.items() if isinstance(one, Ticked)}
        if ticks:
            first = min(ticks.values())
            return [partition for partition, at_us in ticks.items() if at_us == first]
        one, *others = barriers.values()
        if not all(matches(one, other) for other in others):
            raise CorruptState(
                f"the partitions have come to different places: {sorted(map(_said, barriers.values()))}",
                mend="closes and instructions stand in one order in every partition: only the router may write them",
            )
        return list(barriers)

    def _pass(self, passed: Collection[int]) -> Iterator[Given]:
        """Decide at a barrier, go on behind it, and take in what waited there."""
        at = {partition: lane.barrier for partition, lane in self.lanes.items()}
        barriers = {partition: one for partition, one in at.items() if one is not None}
        one = barriers[next(iter(passed))]
        match one:
            case CloseEnded():
                for partition, barrier in barriers.items():
                    assert isinstance(barrier, CloseEnded)
                    self.lanes[partition].closed(barrier)
                if one.swept:
                    self._cut(barriers, one, one.day + 1)
                self._ended_rollouts(barriers)
                self.force.spent.released = False
            case _:
                self._cut(barriers, one, one.day)
        if isinstance(one, Ordered) and one.told.instruction in self.setup.obeys:
            self._follow(one.told, {partition: barrier.offset for partition, barrier in barriers.items()})
        for partition in passed:
            self.lanes[partition].barrier = None
            if isinstance(one, Ordered | CloseEnded):
                outputs = self.lanes[partition].ended(Position(barriers[partition].offset + 1))
                if outputs is not None:
                    yield Given(partition, outputs)
        if isinstance(one, CloseEnded):
            self._at_close(one.day)
        for partition in passed:
            yield from self._waited(partition)

    def _waited(self, partition: int) -> Iterator[Given]:
        """Take in what has waited behind a barrier, up to the next."""
        lane = self.lanes[partition]
        while lane.queue and lane.barrier is None:
            finding = lane.queue.popleft()
            yield from self._taken(partition, lane, finding)
        if lane.barrier is None and (outputs := lane.ended()):
            yield Given(partition, outputs)

    def _cut(self, barriers: dict[int, Barrier], at: Barrier, day: int) -> None:
        """Turn what was proposed into decisions, for a bank-local day."""
        if not self.running:
            return
        book_size = sum(barrier.customers for barrier in barriers.values())
        with self.setup.stages.timed(Stage.DECIDE):
            decided = cut([lane.intervenor for lane in self.lanes.values()], day, book_size)
            for (partition, lane), mine in zip(self.lanes.items(), decided, strict=True):
                barrier = barriers[partition]
                at_us = at.at_us if isinstance(at, Ticked) else barrier.at_us
                lane.cut(mine, barrier.offset, at_us)

    def _follow(self, told: Instructed, offsets: dict[int, int]) -> None:
        """Have in force what an instruction says; it stands at an offset of each partition."""
        parts, digest = self.setup.parts, told.value or ""
        lanes = [(self.lanes[partition], offset) for partition, offset in offsets.items()]
        match told.instruction:
            case Instruction.PROMOTE_MODEL:
                model = NewModel(*parts.model(digest, self.setup.feature_hash))
                for lane, offset in lanes:
                    lane.put_model(told, offset, model)
            case Instruction.ROLLOUT:
                self._roll_out(told, lanes)
            case Instruction.STOP_ROLLOUT:
                for lane, _ in lanes:
                    lane.end_rollout()
            case Instruction.PROMOTE_POLICY:
                policy, old = parts.policy(digest), self.force.rules.policy if self.force.rules else None
                self.force.put(policy)
                for lane, offset in lanes:
                    lane.put_policy(told, offset, old, policy)
            case Instruction.PROMOTE_REASONS:
                approved = parts.reasons(digest)
                for lane, offset in lanes:
                    lane.put_reasons(told, offset, approved)
            case Instruction.START_OUTREACH:
                self.force.circumstances = Circumstances()
            case Instruction.STOP_OUTREACH:
                self.force.circumstances = Circumstances(kill_switch=True)
            case Instruction.RELEASE_VOLUME:
                self.force.spent.released = True
            case Instruction.FORCE_CLOSE:
                pass  # it says of the close behind it who wanted that: its record is all there is to it
        for lane, offset in lanes:
            lane.recorder.instruction(lane.draft, offset, told)

    def _roll_out(self, told: Instructed, lanes: Sequence[tuple[Lane, int]]) -> None:
        """Have a challenger score some of the customers. Raises ConfigError for a log with several partitions."""
        if len(self.lanes) > 1:
            raise ConfigError(
                "a roll-out is watched over the whole book, and this log has several partitions",
                mend="roll out in a home with a log of its own, or promote the model",
            )
        rollout = self.setup.parts.rollout(told.value or "")
        model = NewModel(*self.setup.parts.model(rollout.challenger, self.setup.feature_hash))
        for lane, offset in lanes:
            lane.roll_out(told, offset, model, rollout)

    def _ended_rollouts(self, barriers: dict[int, Barrier]) -> None:
        """End a roll-out where its close says so, once what that close has proposed is decided."""
        for partition, lane in self.lanes.items():
            barrier, second = barriers[partition], lane.recorder.second
            assert isinstance(barrier, CloseEnded)
            if second is not None and barrier.watched is not None and barrier.watched.stopped:
                lane.recorder.stopped(lane.draft, barrier.offset, second.rollout, barrier.watched)
                lane.end_rollout()


def _said(barrier: Barrier) -> str:
    match barrier:
        case Ordered():
            return f"instruction {barrier.told.instruction_id} at {barrier.offset}"
        case CloseBegun() | CloseEnded():
            return f"close of day {barrier.day} at {barrier.offset}"
        case _:
            return f"tick at {barrier.offset}"
