"""A follower of one partition with its snapshots: what it tells, from where it was left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from forbear.domain.errors import CorruptState
from forbear.domain.events import CustomerUpdated
from forbear.domain.terms import Instruction
from forbear.engine.backfill import Feed, Progress
from forbear.engine.findings import Finding
from forbear.engine.follower import Follower, Following
from forbear.engine.keeping import become_follower, kept_of_follower
from forbear.engine.outputs import Named
from forbear.engine.ports import Kept, Scanned
from forbear.engine.running import begin_follower
from forbear.engine.wire import Message, Teller
from forbear.engine.wire_shapes import NOWHERE, Coordinates

KEEP_EVENTS = 50_000
"""A snapshot is taken at the first close of a day after so many events."""
_PATIENCE = 4
_IDS, _LAST = "teller.ids", "teller.last"


class NoSnapshots:
    """For a history of which none are kept."""

    def save(self, kept: Kept) -> None:
        """Never asked for."""
        raise NotImplementedError

    def latest(self, up_to: int | None = None) -> Kept | None:  # noqa: ARG002  # that of the port
        """There is none."""
        return None


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a run is kept. save: has a snapshot written.  every: events between two."""

    save: Callable[[Kept], None]
    every: int = KEEP_EVENTS


class ScoringRun:
    """The follower of one partition. mark: coordinates of the newest message that the topic holds already.

    What was told before is worked through in silence: until `mark` nothing is told again.
    """

    def __init__(self, setup: Following, keeping: Keeping, mark: Coordinates = NOWHERE) -> None:
        self.follower = Follower(setup)
        self.teller = Teller()
        self.mark = mark
        self._keeping = keeping
        self._kept_at = 0

    @property
    def position(self) -> int:
        """The offset of the next event."""
        return self.follower.position

    @property
    def catching_up(self) -> bool:
        """Whether what it finds was told already."""
        return self.teller.last < self.mark

    def start(self, kept: Kept | None, feed: Feed | None, progress: Progress | None = None) -> Iterator[Message]:
        """Go on from a snapshot, the newest, or begin behind a history; what the history gives is told first.

        It should be kept once that was sent: to begin takes longer than to go on.
        feed: the history of this partition's customers; None where the log is all there is.
        Raises CorruptState where the snapshot stands further than the topic that it told.
        """
        if kept is not None:
            self._become(kept)
        elif feed is not None:
            yield from self._fresh(self._begun(feed, progress))
        self._kept_at = self.follower.position if kept is not None else -1

    @property
    def unkept(self) -> bool:
        """Whether there is no snapshot to go on from yet."""
        return self._kept_at < 0

    def take(self, scanned: Scanned) -> Iterator[Message]:
        """Take in the next events; the messages to be sent, in their order, all of which must be taken."""
        for finding in self.follower.process(scanned):
            yield from self._fresh(self._messages(finding))

    def due(self, *, at_close: bool) -> bool:
        """Whether it is time for a snapshot: behind the close of a day, where nobody waits, or else much later."""
        since = self.position - max(self._kept_at, 0)
        return not self.catching_up and since >= (self._keeping.every if at_close else _PATIENCE * self._keeping.every)

    def keep(self) -> None:
        """Take a snapshot. What was told must have been sent."""
        kept = kept_of_follower(self.follower)
        own = {_IDS: np.array(self.teller.ids, dtype="S"), _LAST: np.array(self.teller.last, dtype=np.int64)}
        self._keeping.save(kept._replace(arrays={**kept.arrays, **own}))
        self._kept_at = self.follower.position

    # ---- inside

    def _messages(self, finding: Finding) -> Iterator[Message]:
        follower = self.follower
        self.teller.model = follower.digests.get(Instruction.PROMOTE_MODEL, "")
        told = follower.policy is not None and Instruction.PROMOTE_REASONS in follower.digests
        self.teller.lowest = min(band.exit for band in follower.policy.bands) if follower.policy and told else np.inf
        return self.teller.messages(finding)

    def _fresh(self, messages: Iterator[Message]) -> Iterator[Message]:
        return (one for one in messages if one.at > self.mark)

    def _begun(self, feed: Feed, progress: Progress | None) -> Iterator[Message]:
        follower, newest = self.follower, dict[int, CustomerUpdated]()
        for changes in begin_follower(follower, feed, NoSnapshots(), progress):
            for _, slot, told in changes:
                if isinstance(told, CustomerUpdated) and (
                    slot not in newest or newest[slot].booked_at <= told.booked_at
                ):
                    newest[slot] = told
        follower.put_behind()
        ids = feed.archive.customers()
        keys = follower.scorer.book.keys.tolist()
        yield from self.teller.known((Named(key, ids[key], slot, -1) for slot, key in enumerate(keys)), newest)

    def _become(self, kept: Kept) -> None:
        last: Coordinates = tuple(kept.arrays[_LAST].tolist())
        if last > self.mark:
            raise CorruptState(
                f"the snapshot at offset {kept.offset} has told {last}, and the topic ends at {self.mark}",
                mend="the topic has lost messages: delete the snapshots of the scorers, or restore the topic",
            )
        become_follower(self.follower, kept)
        self.teller.last = last
        self.teller.ids = [name.decode() for name in kept.arrays[_IDS].tolist()]
