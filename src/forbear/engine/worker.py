"""The worker of a log with one partition: its follower and the decider in one, from the log to what is recorded.

It is a fold. Its state after an offset depends on the events before it and on the artefacts that instructions name;
never on how the log was cut into batches, on time, or on chance. So a worker that died is one that starts again from
a snapshot, runs silently up to what is recorded, and goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from forbear.domain.calendar import BankCalendar
from forbear.domain.deployment import Deployment
from forbear.domain.events import Instructed
from forbear.engine.decider import Decider, Deciding
from forbear.engine.follower import Follower, Following
from forbear.engine.outputs import Outputs, Position
from forbear.engine.ports import Parts, Scanned, Vault
from forbear.engine.scorer import Mapped

PARTITION = 0
"""The only one of a log that one worker follows."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker is made of: see `Following` and `Deciding`."""

    deployment: Deployment
    calendar: BankCalendar
    parts: Parts
    vault: Vault
    letters: Callable[[int], str]
    mapped: Mapped = map
    obeys: bool = True


class Worker:
    """The fold of one partition, from events to outputs."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.follower = Follower(
            Following(setup.deployment, setup.calendar, setup.parts, setup.letters, setup.mapped, setup.obeys)
        )
        features = self.follower.scorer.features
        deciding = Deciding(
            features.names, features.hash, setup.deployment.currency, setup.parts, setup.vault, setup.obeys
        )
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
