"""The onlooker: follows the log as a worker does, and scores nobody unasked.

It holds the ledgers of all partitions as far as it has followed, and answers questions about them by the functions that
the worker scores with. What it answers depends on the log and on who asks what; it decides nothing and records nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from forbear.domain.errors import ConflictError, NotEnoughData
from forbear.domain.terms import Instruction
from forbear.engine.follower import Follower, Following
from forbear.engine.keeping import become_follower
from forbear.engine.looking import Looks, Rulings, Stand, looked, looked_at_features
from forbear.engine.misses import misses_in
from forbear.engine.ports import Kept, Scanned
from forbear.engine.scorer import SWEEP_ROWS, Scorer, Scoring
from forbear.engine.windows import ByDay, by_day
from forbear.features.batch import batch_of
from forbear.features.columns import EventColumns
from forbear.features.hashing import Keys
from forbear.features.kernels import Fold
from forbear.features.ledger import Floats
from forbear.features.local_time import local_time
from forbear.models.reasons.approved import Approved


class Turn(Protocol):
    """What one thread holds at a time: a lock."""

    def locked(self) -> bool:
        """Whether somebody holds it."""
        ...

    def __enter__(self) -> Any: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class NobodyElse:
    """The turn of the only thread there is."""

    def locked(self) -> bool:
        """Nobody waits."""
        return False

    def __enter__(self) -> None:
        """It is mine."""

    def __exit__(self, *what: object) -> None:
        """It is mine still."""


@dataclass(slots=True)
class Watched:
    """One partition. follower: it keeps the ledgers.  turn: held while they change, or are read."""

    follower: Follower
    turn: Turn


@dataclass(frozen=True, slots=True)
class Supposed:
    """What if: before, after: looks at one customer.  fates: events by name of `Fold`."""

    before: Looks
    after: Looks
    fates: dict[str, int]


class Onlooker:
    """The ledgers of some partitions. A question about what is not in force yet raises ConflictError.

    turn: makes what one thread holds at a time, a lock; where one thread asks and follows, none is needed.
    """

    def __init__(self, setup: Following, partitions: Sequence[int], turn: Callable[[], Turn] = NobodyElse) -> None:
        self.setup = setup
        self.watched = {one: Watched(Follower(setup), turn()) for one in partitions}
        self._zone = local_time(setup.deployment.time_zone)
        self._approved: tuple[str, Approved] | None = None
        self._rulings: tuple[Scoring, Mapping[str, str], Rulings] | None = None

    # ---- following

    def start(self, partition: int, kept: Kept) -> None:
        """Go on from a snapshot of a worker or a follower. Raises what `become_follower` does."""
        follower = Follower(self.setup)
        become_follower(follower, kept)
        self._put(partition, follower)

    def begin(self, partition: int, fill: Callable[[Follower], None]) -> None:
        """Begin with a new follower. fill: brings it to where the log begins."""
        follower = Follower(self.setup)
        fill(follower)
        self._put(partition, follower)

    def take(self, partition: int, scanned: Scanned) -> None:
        """Take in the next events of a partition."""
        watched = self.watched[partition]
        with watched.turn:
            for _ in watched.follower.process(scanned):
                pass

    def position(self, partition: int) -> int:
        """The offset of the next event of a partition."""
        return self.watched[partition].follower.position

    def stands(self) -> tuple[Stand, ...]:
        """Where each partition stands."""
        return tuple(_stand(partition, one.follower) for partition, one in self.watched.items())

    @property
    def busy(self) -> bool:
        """Whether ledgers change just now, or are read: whoever looks may have to wait."""
        return any(one.turn.locked() for one in self.watched.values())

    @property
    def running(self) -> bool:
        """Whether a model and a policy are in force: before that nobody can be scored."""
        follower = next(iter(self.watched.values())).follower
        return follower.scorer.model is not None and follower.policy is not None

    @property
    def rulings(self) -> Rulings:
        """What is in force. Raises ConflictError before a model and a policy are."""
        follower = next(iter(self.watched.values())).follower
        model, policy = follower.scorer.model, follower.policy
        if model is None or policy is None:
            raise ConflictError("no model and no policy are in force yet", mend="promote both: `forbear promote`")
        digests = follower.digests
        known = self._rulings
        if known is not None and known[0] is model and known[1] == digests:
            return known[2]
        rulings = Rulings(
            scoring=model,
            model=digests.get(Instruction.PROMOTE_MODEL, ""),
            policy=policy,
            policy_digest=digests.get(Instruction.PROMOTE_POLICY, ""),
            names=follower.scorer.features.names,
            feature_hash=follower.scorer.features.hash,
            approved=self._reasons(digests.get(Instruction.PROMOTE_REASONS, "")),
        )
        if challenger := follower.scorer.challenger:
            rollout = challenger.rollout
            second = replace(rulings, scoring=challenger.scoring, model=rollout.challenger)
            rulings = replace(rulings, second=second, rollout=rollout)
        self._rulings = model, dict(digests), rulings
        return rulings

    # ---- looking

    def whereabouts(self, customers: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(n,) partition and (n,) slot of each key; both -1 for somebody whom no partition has met."""
        partition = np.full(len(customers), -1, dtype=np.int64)
        slot = np.full(len(customers), -1, dtype=np.int64)
        for number, watched in self.watched.items():
            found = watched.follower.scorer.book.slots_of(customers)
            met = found >= 0
            partition[met], slot[met] = number, found[met]
        return partition, slot

    def look(self, customers: Keys, was: NDArray[np.int8] | None = None) -> list[Looks]:
        """Looks at some customers, by partition; those whom nobody has met are left out.

        was: (n,) the bands that they were in, for cut-offs that are crossed otherwise upwards than downwards.
        """
        rulings = self.rulings
        partition, slot = self.whereabouts(customers)
        found = []
        for number in np.unique(partition[partition >= 0]).tolist():
            rows = np.flatnonzero(partition == number)
            with self._held(number) as follower:
                bands = None if was is None else was[rows]
                found.append(looked(follower.scorer, rulings, slot[rows], _stand(number, follower), was=bands))
        return found

    def look_by_day(self, customer: int) -> tuple[Looks, ByDay] | None:
        """A look at a customer and the ledger's days, of one stand; None for one whom nobody has met."""
        rulings = self.rulings
        (number,), (slot,) = self.whereabouts(np.array([customer], dtype=np.uint64))
        if slot < 0:
            return None
        with self._held(int(number)) as follower:
            looks = looked(follower.scorer, rulings, np.array([slot]), _stand(int(number), follower))
            return looks, by_day(follower.scorer, int(slot))

    def look_at_features(self, values: Floats) -> Looks:
        """Looks at (n, k) features, in the order of `rulings.names`."""
        return looked_at_features(self.rulings, values, max(stand.clock_us for stand in self.stands()))

    def look_at_events(self, columns: EventColumns, open_day: int) -> tuple[Looks, dict[str, int]]:
        """A look at a customer of whom only these events are known, at a day, and the events by their fate.

        All of one customer. Each lands in its own day, whatever their order; what is older than the horizon is parked.
        """
        rulings = self.rulings
        with self._held(next(iter(self.watched))) as follower:
            scorer, clock_us = follower.scorer.alone(None), follower.clock_us
        scorer.book.open_day = open_day
        fates = self._folded(scorer, columns)
        if not scorer.book.customers:
            raise NotEnoughData("none of the events could be taken", mend=f"they were: {fates}")
        return looked(scorer, rulings, np.array([0]), Stand(-1, -1, clock_us, open_day)), fates

    def suppose(self, customer: int, columns: EventColumns, until_day: int) -> Supposed | None:
        """What would be said of a customer if some events came, on the last of some days; None for one never met.

        The ledger is a copy: the days up to `until_day` pass in it, and nothing else happens on them.
        """
        rulings = self.rulings
        (number,), (slot,) = self.whereabouts(np.array([customer], dtype=np.uint64))
        if slot < 0:
            return None
        with self._held(int(number)) as follower:
            stand = _stand(int(number), follower)
            before = looked(follower.scorer, rulings, np.array([slot]), stand)
            scorer = follower.scorer.alone(int(slot))
        fates = self._folded(scorer, columns)
        if until_day > stand.open_day:
            scorer.book.close_day(until_day - 1)
            scorer.misses.forget_before(until_day)
        after = looked(scorer, rulings, np.array([0]), stand._replace(open_day=scorer.book.open_day), was=before.band)
        return Supposed(before, after, fates)

    def sweep(self) -> Iterator[Looks]:
        """Looks at everybody, piece by piece; each piece stands where its partition did when it was made."""
        rulings = self.rulings
        for number, watched in self.watched.items():
            for start in range(0, watched.follower.scorer.book.customers, SWEEP_ROWS):
                with self._held(number) as follower:
                    past = min(start + SWEEP_ROWS, follower.scorer.book.customers)
                    yield looked(follower.scorer, rulings, np.arange(start, past), _stand(number, follower))

    @property
    def customers(self) -> int:
        """How many it knows."""
        return sum(one.follower.scorer.book.customers for one in self.watched.values())

    # ---- inside

    def _put(self, partition: int, follower: Follower) -> None:
        watched = self.watched[partition]
        with watched.turn:
            watched.follower = follower

    @contextmanager
    def _held(self, partition: int) -> Iterator[Follower]:
        watched = self.watched[partition]
        with watched.turn:
            yield watched.follower

    def _folded(self, scorer: Scorer, columns: EventColumns) -> dict[str, int]:
        """Fold events into a book of one customer; how many met which fate."""
        batch = batch_of(columns, self._zone)
        scorer.misses.add(misses_in(self.setup.deployment.miss, columns, batch, self._zone, 0))
        codes = scorer.book.fold(batch)
        return {Fold(code).name.lower(): int(np.count_nonzero(codes == code)) for code in np.unique(codes).tolist()}

    def _reasons(self, digest: str) -> Approved | None:
        if not digest:
            return None
        if self._approved is None or self._approved[0] != digest:
            self._approved = digest, self.setup.parts.reasons(digest)
        return self._approved[1]


def _stand(partition: int, follower: Follower) -> Stand:
    return Stand(partition, follower.position, follower.clock_us, follower.scorer.book.open_day)
