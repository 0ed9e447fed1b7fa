"""A decider over the topic of what followers tell: started from its snapshot, fed, recorded, kept.

The store's positions say what is recorded; what comes again is worked through in silence, and must arrive at the same
audit chains. Two deciders at once do no harm: the store takes what follows on its position, from whoever is first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np

from forbear.engine.commits import START, records_behind, require_link
from forbear.engine.decider import Decider, Deciding
from forbear.engine.draft import behind, joined
from forbear.engine.findings import CloseEnded
from forbear.engine.keeping import become_decider, kept_of_decider
from forbear.engine.outputs import Outputs, Position
from forbear.engine.ports import Kept, Snapshots, Stores
from forbear.engine.wire import Listener, close_ended_at
from forbear.engine.wire_shapes import Coordinates
from forbear.features.book import BookState
from forbear.features.pool import SLOT_WORDS

MOST_WAITING = 20_000
"""Findings of a partition that may wait behind a barrier; then no more are taken from it."""


class Decided(NamedTuple):
    """What some messages came to. predictions, decisions: recorded.  until: position by partition, where it moved."""

    predictions: int
    decisions: int
    until: Mapping[int, Position]


class _Lane(msgspec.Struct, frozen=True):
    """Where a partition of the topic stood at a close. next: offset in the topic."""

    mark: Coordinates
    next: int


class _Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a snapshot holds beside the decider. day: the one that was closed."""

    decider: str
    day: int
    lanes: dict[int, _Lane]


@dataclass(frozen=True, slots=True)
class Recording:
    """Where a decider records and is kept. save: has a snapshot written.  every: closed days between two.

    wait: returns when everything given to the stores is recorded; stores that record at once need none.
    """

    stores: Stores
    snapshots: Snapshots
    save: Callable[[Kept], None]
    every: int = 1
    wait: Callable[[], None] = lambda: None


class DecidingRun:
    """The decider of all partitions. `take` must be given the messages of each partition in their order."""

    def __init__(self, setup: Deciding, partitions: Collection[int], recording: Recording) -> None:
        self.decider = Decider(setup, partitions, self._closed)
        self._hash = setup.feature_hash
        self._recording = recording
        self._listeners = {partition: Listener() for partition in self.decider.lanes}
        self._recorded = dict.fromkeys(self.decider.lanes, START)
        self._linked: set[int] = set()
        self._closes: defaultdict[int, dict[int, int]] = defaultdict(dict)
        self._captured: Kept | None = None
        self._kept_day = -1

    def start(self) -> Mapping[int, int]:
        """Go on from the newest snapshot; the offset in the topic from which each partition is to be read.

        Raises CorruptState for a snapshot of other partitions.
        """
        kept, following = self._recording.snapshots.latest(), dict.fromkeys(self._listeners, 0)
        if kept is not None:
            facts = msgspec.json.decode(kept.facts, type=_Facts)
            become_decider(self.decider, facts.decider, kept.arrays)
            self._kept_day = facts.day
            for partition, kept_lane in facts.lanes.items():
                self._listeners[partition].mark = kept_lane.mark
                following[partition] = kept_lane.next
        for partition, lane in self.decider.lanes.items():
            store = self._recording.stores.of(partition)
            self._recorded[partition] = store.position()
            lane.recorder.follow(records_behind(store, lane.recorder.head))
        return following

    def take(self, messages: Mapping[int, Sequence[tuple[int, bytes]]]) -> Decided:
        """Take in what comes next of some partitions, each message with its offset in the topic, and record it."""
        given: defaultdict[int, list[Outputs]] = defaultdict(list)
        for partition, told in messages.items():
            for finding, past in self._listeners[partition].heard([value for _, value in told]):
                if isinstance(finding, CloseEnded):
                    self._closes[finding.day][partition] = told[past - 1][0] + 1
                for owner, outputs in self.decider.take(partition, finding):
                    given[owner].append(outputs)
            if (rest := self.decider.flush(partition)) is not None:
                given[partition].append(rest)
        return self._record(given)

    def crowded(self, partition: int) -> bool:
        """Whether so much waits behind a barrier of a partition that no more should be taken from it."""
        return len(self.decider.lanes[partition].queue) > MOST_WAITING

    @property
    def catching_up(self) -> bool:
        """Whether some of what comes next is recorded already."""
        return any(lane.after < self._recorded[partition] for partition, lane in self.decider.lanes.items())

    @property
    def positions(self) -> Mapping[int, Position]:
        """Up to where each partition of the log is recorded."""
        return dict(self._recorded)

    # ---- inside

    def _record(self, given: Mapping[int, list[Outputs]]) -> Decided:
        fresh: dict[int, Outputs] = {}
        for partition, parts in given.items():
            outputs = behind(joined(parts), self._recorded[partition])
            if outputs is not None:
                self._require_link(partition, outputs)
                fresh[partition] = outputs
        if fresh:
            self._recording.stores.commit(fresh)
            self._recorded |= {partition: outputs.until for partition, outputs in fresh.items()}
        if self._captured is not None:
            kept, self._captured = self._captured, None
            self._recording.wait()
            self._recording.save(kept)
        return Decided(
            sum(len(outputs.predictions or ()) for outputs in fresh.values()),
            sum(len(outputs.decisions) for outputs in fresh.values()),
            {partition: outputs.until for partition, outputs in fresh.items()},
        )

    def _require_link(self, partition: int, outputs: Outputs) -> None:
        if not outputs.audit or partition in self._linked:
            return
        require_link(self._recording.stores.of(partition), outputs.audit[0], f"partition {partition}")
        self._linked.add(partition)

    def _closed(self, day: int) -> None:
        """Note how the decider stands right behind a close, if a snapshot is due; it is saved once all is recorded."""
        following = self._closes.pop(day)
        if self.catching_up or day - self._kept_day < self._recording.every:
            return
        facts, arrays = kept_of_decider(self.decider)
        lanes = {
            partition: _Lane(close_ended_at(lane.after.offset - 1), following[partition])
            for partition, lane in self.decider.lanes.items()
        }
        self._kept_day = day
        self._captured = Kept(
            state=NO_BOOK,
            offset=day,
            layout_hash="",
            feature_hash=self._hash,
            arrays={name: np.array(array) for name, array in arrays.items()},
            facts=msgspec.json.encode(_Facts(facts, day, lanes)).decode(),
        )


NO_BOOK = BookState(pool=np.empty(0, np.int64), slots=np.empty((0, SLOT_WORDS), np.int64), open_day=0, skipped_days=0)
"""A decider has no ledgers."""
