"""What a worker tells of its work: how long each stage takes, what became of events, what was recorded."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice, product
from threading import local
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forbear.apps.metrics import catalogue
from forbear.apps.metrics.meter import MOST_SERIES, Meter
from forbear.domain.errors import BackendUnavailable, ConflictError, CorruptState, StorageError
from forbear.engine.intervenor import word_of
from forbear.engine.outputs import Outputs, Position
from forbear.engine.ports import Parts, Scanned, Source, Store, Stores
from forbear.engine.store_around import StoreAround
from forbear.engine.timing import Stage
from forbear.features.columns import EventColumns
from forbear.features.kernels import REFUSED, Fold
from forbear.policy.document import Policy
from forbear.policy.proposals import HOLD_REASONS, OFFERED
from forbear.policy.triggers import Trigger

MOST_SECONDS = 86_400.0
"""What was received longer ago is history that is put in: it was never to be decided at once."""
_MOST_OPEN = 200_000
"""Scores whose decision is waited for; beyond that the oldest are forgotten, and their decisions not timed."""
_LETTERS = (*sorted(REFUSED), Fold.PARKED)
_ASKED_BY = ("day_close", "request", "event")
_FATES = tuple(fold.name.lower() for fold in Fold)


class MeasuredStages:
    """Stages on a clock. A stage within another is taken off the outer one, thread by thread."""

    def __init__(self, meter: Meter, seconds: Callable[[], float] = time.perf_counter) -> None:
        self.meter = meter
        self.seconds = seconds
        self._inner = local()

    def timed(self, stage: Stage) -> AbstractContextManager[object]:
        """A block in which one stage is worked on."""
        return _Timed(self, stage)

    def folded(self, fates: NDArray[np.int64]) -> None:
        """How many events became what."""
        for code in np.flatnonzero(fates).tolist():
            self.meter.count(catalogue.EVENTS, int(fates[code]), _FATES[code])

    def within(self) -> float:
        """Seconds of stages that have ended within the block that this thread is in; from here on of a new block."""
        before: float = getattr(self._inner, "seconds", 0.0)
        self._inner.seconds = 0.0
        return before

    def ended(self, stage: Stage, took: float, before: float) -> None:
        """A block of this thread has ended. before: what `within` answered at its beginning."""
        own = took - self._inner.seconds
        self._inner.seconds = before + took
        self.meter.observe(catalogue.STAGE, max(0.0, own), stage.value)


class _Timed:
    """One block."""

    __slots__ = ("_before", "_began", "_stage", "_stages")

    def __init__(self, stages: MeasuredStages, stage: Stage) -> None:
        self._stages, self._stage = stages, stage

    def __enter__(self) -> Self:
        self._before = self._stages.within()
        self._began = self._stages.seconds()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stages.ended(self._stage, self._stages.seconds() - self._began, self._before)


class TimedSource:
    """A source whose reading is the stage `decode`; a look that finds nothing is none."""

    def __init__(self, source: Source, stages: MeasuredStages, read: Reads) -> None:
        self._source, self._stages, self._read = source, stages, read

    @property
    def end(self) -> int:
        """Of the source."""
        return self._source.end

    def poll(self, limit: int) -> Scanned | None:
        """As the source does."""
        began = self._stages.seconds()
        found = self._source.poll(limit)
        if found is not None:
            now = self._stages.seconds()
            self._stages.meter.observe(catalogue.STAGE, now - began, Stage.DECODE.value)
            self._read.taken(found.offset + len(found.batch), now)
        return found

    def seek(self, offset: int) -> None:
        """As the source does."""
        self._source.seek(offset)

    def read(self, first: int, past: int) -> EventColumns:
        """As the source does."""
        return self._source.read(first, past)

    def close(self) -> None:
        """As the source does."""
        self._source.close()


class Reads:
    """When each stretch of one log was read, until it is recorded. [s of the stages' clock]"""

    def __init__(self) -> None:
        self._read: dict[int, float] = {}

    def taken(self, until: int, at: float) -> None:
        """The log up to an offset has been read."""
        self._read[until] = at

    def recorded(self, until: int, at: float) -> list[float]:
        """How long ago those stretches were read that are recorded now."""
        done = [offset for offset in self._read if offset <= until]
        return [at - self._read.pop(offset) for offset in done]


class Recorded:
    """Tells of what is recorded. now_us: the clock on the wall [us UTC]."""

    def __init__(self, stages: MeasuredStages, now_us: Callable[[], int] = lambda: time.time_ns() // 1_000) -> None:
        self._stages, self._now_us = stages, now_us
        # An increase is seen only of what was told before: what alerts and rates ask for begins at 0.
        for word in _ASKED_BY:
            stages.meter.count(catalogue.PREDICTIONS, 0, word)
        for fold in _LETTERS:
            stages.meter.count(catalogue.DEAD_LETTERS, 0, fold.name.lower())
        for error in (BackendUnavailable, ConflictError, CorruptState, StorageError):
            stages.meter.count(catalogue.COMMITS_FAILED, 0, error.__name__)
        self._open: dict[tuple[int, Position], int] = {}

    def begin_at_zero(self, policy: Policy) -> None:
        """Tell of what may be decided under a policy before anything is; offers first, where not all find room."""
        words = [word_of(code) for code in (OFFERED, *range(len(HOLD_REASONS)))]
        pairs = product(words, [action.name for action in policy.actions])
        for outcome, action in islice(pairs, MOST_SERIES // 2):
            self._stages.meter.count(catalogue.DECISIONS, 0, outcome, action)

    @contextmanager
    def committing(self) -> Iterator[None]:
        """The stage `commit`; what fails is counted by its kind."""
        try:
            with self._stages.timed(Stage.COMMIT):
                yield
        except Exception as error:
            self._stages.meter.count(catalogue.COMMITS_FAILED, 1, type(error).__name__)
            raise
        self._stages.meter.count(catalogue.COMMITS)

    def tell(self, partition: int, outputs: Outputs) -> None:
        """What a commit of one partition has recorded."""
        meter, now_us = self._stages.meter, self._now_us()
        predictions = outputs.predictions
        if predictions is not None and len(predictions):
            counts = np.bincount(predictions.trigger)
            for bits in np.flatnonzero(counts).tolist():
                meter.count(catalogue.PREDICTIONS, int(counts[bits]), _asked_by(bits))
            self._observe((now_us - predictions.as_of_us) / 1e6, "score")
            for row in np.flatnonzero(predictions.verdict == -1).tolist():
                place = Position(int(predictions.offset[row]), int(predictions.ordinal[row]))
                self._open[partition, place] = int(predictions.as_of_us[row])
        if outputs.decisions:
            waited = [self._open.pop((partition, one.prediction), None) for one in outputs.decisions]
            known = np.array([us for us in waited if us is not None], dtype=np.float64)
            self._observe((now_us - known) / 1e6, "decision")
        for (outcome, action), many in Counter((one.outcome, one.action) for one in outputs.decisions).items():
            meter.count(catalogue.DECISIONS, many, outcome, action)
        for reason, many in Counter(one.reason for one in outputs.dead_letters).items():
            meter.count(catalogue.DEAD_LETTERS, many, reason)
        while len(self._open) > _MOST_OPEN:
            self._open.pop(next(iter(self._open)))

    def _observe(self, seconds: NDArray[np.float64], what: str) -> None:
        young = seconds[seconds <= MOST_SECONDS]
        self._stages.meter.observe_all(catalogue.END_TO_END, np.maximum(young, 0.0), what)


def _asked_by(bits: int) -> str:
    """What had somebody scored, by the bits of `Trigger`; one of _ASKED_BY."""
    at_close, on_request, on_event = _ASKED_BY
    if bits & Trigger.DAY_CLOSE:
        return at_close
    return on_request if bits & Trigger.REQUEST else on_event


class ToldParts:
    """Parts of a deployment, from which it is learnt what may be decided, so that it is told of from 0 on."""

    def __init__(self, parts: Parts, recorded: Recorded) -> None:
        self._parts, self._recorded = parts, recorded
        # As they are, called as they are.
        self.model, self.rollout, self.reasons = parts.model, parts.rollout, parts.reasons

    def policy(self, digest: str) -> Policy:
        """A policy. Raises what the parts raise."""
        found = self._parts.policy(digest)
        self._recorded.begin_at_zero(found)
        return found


@dataclass(frozen=True, slots=True)
class TimedStore(StoreAround):
    """A store of one partition whose commits are the stage `commit`. read: when what it records was read."""

    store: Store
    stages: MeasuredStages
    recorded: Recorded
    read: Reads
    partition: int = 0

    def commit(self, outputs: Outputs) -> None:
        """Commit, and tell of it. Raises what the store does."""
        with self.recorded.committing():
            self.store.commit(outputs)
        self.recorded.tell(self.partition, outputs)
        for took in self.read.recorded(outputs.until.offset, self.stages.seconds()):
            self.stages.meter.observe(catalogue.BATCH, took)


@dataclass(frozen=True, slots=True)
class TimedStores:
    """Stores of all partitions, in the same manner."""

    stores: Stores
    recorded: Recorded

    def of(self, partition: int) -> Store:
        """The store of one."""
        return self.stores.of(partition)

    def commit(self, outputs: Mapping[int, Outputs]) -> None:
        """Commit, and tell of it. Raises what the stores do."""
        with self.recorded.committing():
            self.stores.commit(outputs)
        for partition, one in outputs.items():
            self.recorded.tell(partition, one)
