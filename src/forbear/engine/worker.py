"""The worker of a log with one partition: its follower and the decider in one, from the log to what is recorded.

It is a fold. Its state after an offset depends on the events before it and on the artefacts that instructions name;
never on how the log was cut into batches, on time, or on chance. So a worker that died is one that starts again from
a snapshot, runs silently up to what is recorded, and goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from forbear.domain.calendar import BankCalendar
from forbear.domain.deployment import Deployment
from forbear.domain.events import Instructed
from forbear.domain.terms import Instruction
from forbear.engine.decider import Decider, Deciding
from forbear.engine.findings import Ordered
from forbear.engine.follower import EVERY, Follower, Following
from forbear.engine.outputs import Outputs, Position
from forbear.engine.ports import Parts, Scanned, Vault
from forbear.engine.record import Recorder, Recording
from forbear.engine.scorer import Mapped
from forbear.engine.timing import UNTIMED, Stages

PARTITION = 0
"""The only one of a log that one worker follows."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a replay has otherwise from a place of the log on. told: at an instant [us UTC], and followed in any case.

    parts: where artefacts are found from here on.  obeys: instructions of the log that are still followed.
    """

    parts: Parts
    obeys: Collection[Instruction]
    told: Sequence[Instructed]
    at_us: int


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker is made of: see `Following` and `Deciding`."""

    deployment: Deployment
    calendar: BankCalendar
    parts: Parts
    vault: Vault
    letters: Callable[[int], str]
    mapped: Mapped = map
    obeys: Collection[Instruction] = EVERY
    recorder: Recording = Recorder
    stages: Stages = UNTIMED


class Worker:
    """The fold of one partition, from events to outputs."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.follower = Follower(
            Following(
                setup.deployment,
                setup.calendar,
                setup.parts,
                setup.letters,
                setup.mapped,
                setup.obeys,
                stages=setup.stages,
            )
        )
        features = self.follower.scorer.features
        known = (features.names, features.hash, setup.deployment.currency)
        deciding = Deciding(*known, setup.parts, setup.vault, setup.obeys, setup.recorder, setup.stages)
        self.decider = Decider(deciding, [PARTITION])
        self.lane = self.decider.lanes[PARTITION]

    @property
    def position(self) -> int:
        """The offset of the next event."""
        return self.follower.position

    def process(self, scanned: Scanned) -> Iterator[Outputs]:
        """Take in the next events of the log; what they give, piece by piece, to be recorded in this order.

        The state has moved on when a piece is given: record it, or start again. Raises ValueError for events that do
        not follow the last.
        """
        if scanned.offset != self.position:
            raise ValueError(f"offset {scanned.offset} does not follow, {self.position} does")
        self.lane.draft.after = max(self.lane.after, Position(scanned.offset))
        for finding in self.follower.process(scanned):
            for given in self.decider.take(PARTITION, finding):
                yield given.outputs
        if rest := self.lane.ended(Position(self.position)):
            yield rest

    def told(self, instructions: Sequence[Instructed]) -> Outputs:
        """Take in what was told before the first event of the log: it is recorded right before that."""
        for one in instructions:
            self.follower.follow(one)
        return self.decider.told(PARTITION, instructions, self.position)

    def turn(self, turn: Turn) -> Iterator[Outputs]:
        """Go on otherwise: what was proposed so far is decided first, as at any instruction of the log."""
        self._heed(turn.parts, EVERY)
        for one in turn.told:
            book = self.follower.scorer.book
            known = {"offset": self.position, "day": book.open_day, "customers": book.customers}
            for given in self.decider.take(PARTITION, Ordered(at_us=turn.at_us, told=one, **known)):
                yield given.outputs
            self.follower.follow(one)
        self._heed(turn.parts, turn.obeys)

    def _heed(self, parts: Parts, obeys: Collection[Instruction]) -> None:
        self.follower.setup = replace(self.follower.setup, parts=parts, obeys=obeys)
        self.decider.setup = replace(self.decider.setup, parts=parts, obeys=obeys)
