"""Patience with outside systems: calls again, more slowly each time, and a circuit breaker that leaves a system alone.

Only BackendUnavailable is met with patience: every other error is an answer. `PatientStores` gives stores the same, and
finds out whether a commit whose answer was lost went through.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from pybreaker import (
    STATE_CLOSED,
    CircuitBreaker,
    CircuitBreakerError,
    CircuitBreakerListener,
    CircuitBreakerState,
    CircuitMemoryStorage,
)
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from forbear.domain.errors import BackendUnavailable, ConflictError
from forbear.engine.outputs import AuditRecord, Outputs, Position
from forbear.engine.ports import Store, Stores

R = TypeVar("R")

_SLICE_SECONDS = 0.1
"""How soon a wait hears that it is to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """How long to wait between tries: exponential, with full jitter, so that many do not come back at once."""

    first_seconds: float = 0.1
    most_seconds: float = 10.0

    def ceiling(self, failures: int) -> float:
        """The longest wait after so many failures in a row, at least one [seconds]."""
        return min(self.most_seconds, self.first_seconds * 2.0 ** min(failures - 1, 60))

    def seconds(self, failures: int, chance: float) -> float:
        """The wait after so many failures in a row. chance: [0, 1), drawn evenly."""
        return chance * self.ceiling(failures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How patient. failures: that many in a row open the breaker.  open_seconds: how long nothing is asked then.

    total_seconds: of one call, waits included; None: until it is told to stop.
    """

    back_off: BackOff = field(default_factory=BackOff)
    failures: int = 5
    open_seconds: float = 5.0
    total_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """What patience asks of the world. seconds: a clock that never goes back.  chance: evenly in [0, 1)."""

    seconds: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random  # jitter only: nothing that is recorded hangs on it


class Listener(Protocol):
    """Who is told how it stands with a system."""

    def breaker(self, system: str, state: str) -> None:
        """Its breaker is now "closed", "open" or "half-open"."""
        ...

    def waits(self, system: str, seconds: float) -> None:
        """It does not answer, and is asked again in so many seconds."""
        ...

    def answers(self, system: str) -> None:
        """It answers again."""
        ...


class Patience:
    """Calls one outside system, for one thread at a time. stop: whether to wait no longer."""

    def __init__(
        self,
        system: str,
        listener: Listener,
        stop: Callable[[], bool],
        manner: Manner | None = None,
        world: Time | None = None,
    ) -> None:
        self._system = system
        self._listener = listener
        self._stop = stop
        self._manner = manner or Manner()
        self._world = world or Time()
        self._last = BackendUnavailable(f"{system} was not asked yet")
        self._waited = False
        self._opened = _Opened(self._world.seconds)
        self._breaker = CircuitBreaker(
            fail_max=self._manner.failures,
            reset_timeout=self._manner.open_seconds,
            exclude=[_is_answer],
            listeners=[_Telling(system, listener)],
            state_storage=self._opened,
            name=system,
            throw_new_error_on_trip=False,
        )
        listener.breaker(system, STATE_CLOSED)

    def call(self, asked: Callable[..., R], *arguments: Any) -> R:
        """What the function answers, asked until it does.

        Raises the last BackendUnavailable when the patience is at its end or somebody says stop, and at once whatever
        else the function raises.
        """
        begun = self._world.seconds()
        tries = Retrying(
            retry=retry_if_exception_type(BackendUnavailable),
            wait=self._wait,
            stop=lambda state: self._at_an_end(state, begun),
            sleep=self._rest,
            before_sleep=self._told,
            reraise=True,
        )
        answer: R = tries(self._ask, asked, *arguments)
        if self._waited:
            self._waited = False
            self._listener.answers(self._system)
        return answer

    # ---- inside

    def _ask(self, asked: Callable[..., R], *arguments: Any) -> R:
        try:
            return self._breaker.call(asked, *arguments)
        except CircuitBreakerError as error:
            raise BackendUnavailable(f"{self._system} is left alone for a while: {self._last}") from error
        except BackendUnavailable as error:
            self._last = error
            raise

    def _wait(self, state: RetryCallState) -> float:
        """Until the breaker lets somebody through, and then some: a trial has its jitter too."""
        some = self._manner.back_off.seconds(state.attempt_number, self._world.chance())
        return self._opened.left(self._manner.open_seconds) + some

    def _at_an_end(self, state: RetryCallState, begun: float) -> bool:
        if self._stop():
            return True
        total = self._manner.total_seconds
        return total is not None and self._world.seconds() - begun + state.upcoming_sleep > total

    def _told(self, state: RetryCallState) -> None:
        self._waited = True
        self._listener.waits(self._system, state.upcoming_sleep)

    def _rest(self, seconds: float) -> None:
        until = self._world.seconds() + seconds
        while (left := until - self._world.seconds()) > 0 and not self._stop():
            self._world.sleep(min(_SLICE_SECONDS, left))
        if self._stop():  # not asked once more: whoever wants to end has no time for an answer
            raise self._last


class Breaker:
    """A breaker alone, for calls that go on side by side and are never made again by whoever makes them.

    While it is open nobody is admitted; after that one call at a time is, until one of them goes well.
    """

    def __init__(
        self, system: str, listener: Listener | None = None, manner: Manner | None = None, world: Time | None = None
    ) -> None:
        self._manner = manner or Manner()
        self._opened = _Opened((world or Time()).seconds)
        self._lock = threading.Lock()
        self._tried = False
        self._breaker = CircuitBreaker(
            fail_max=self._manner.failures,
            reset_timeout=self._manner.open_seconds,
            listeners=[_Telling(system, listener)] if listener is not None else [],
            state_storage=self._opened,
            name=system,
            throw_new_error_on_trip=False,
        )

    @property
    def left_alone(self) -> float:
        """1.0 while nobody is admitted, 0.5 while a call shows whether it goes well again, 0.0 otherwise."""
        with self._lock:
            if self._opened.state == STATE_CLOSED:
                return 0.0
            return 1.0 if self._opened.left(self._manner.open_seconds) > 0.0 else 0.5

    def admits(self) -> bool:
        """Whether a call may be made now. Whoever is admitted says with `heard` how it went."""
        with self._lock:
            if self._opened.state == STATE_CLOSED:
                return True
            if self._tried or self._opened.left(self._manner.open_seconds) > 0.0:
                return False
            self._tried = True
            return True

    def heard(self, *, well: bool) -> None:
        """How a call went that was admitted."""
        with self._lock:
            self._tried = False
            with suppress(_Failed, CircuitBreakerError):  # of a call that was under way when the breaker opened
                self._breaker.call(_answer, well)


class _Failed(Exception):  # it stands for a call that did not go well
    pass


def _answer(well: bool) -> None:
    if not well:
        raise _Failed


def _is_answer(error: BaseException) -> bool:
    return not isinstance(error, BackendUnavailable)


class _Telling(CircuitBreakerListener):
    def __init__(self, system: str, listener: Listener) -> None:
        self._system = system
        self._listener = listener

    def state_change(
        self, _cb: CircuitBreaker, _old_state: CircuitBreakerState | None, new_state: CircuitBreakerState
    ) -> None:
        self._listener.breaker(self._system, new_state.name)


class _Opened(CircuitMemoryStorage):
    """Remembers by a clock that never goes back when the breaker opened.

    pybreaker compares what it is given with the clock on the wall, which people set: a breaker must not stay open for
    the hour that a clock was put back.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        super().__init__(STATE_CLOSED)
        self._seconds = seconds
        self._since: float | None = None

    @property
    def opened_at(self) -> datetime | None:
        """What the clock on the wall would have shown, had nobody set it since."""
        if self._since is None:
            return None
        return datetime.now(UTC) - timedelta(seconds=self._seconds() - self._since)

    @opened_at.setter
    def opened_at(self, _at: datetime) -> None:
        self._since = self._seconds()

    def left(self, open_seconds: float) -> float:
        """For how long nobody is let through yet [seconds]."""
        if self.state != "open" or self._since is None:
            return 0.0
        return max(0.0, open_seconds - (self._seconds() - self._since))


# ---- stores


class PatientStores:
    """Stores of all partitions that outlive their database's absence."""

    def __init__(self, stores: Stores, patience: Patience) -> None:
        self._stores = stores
        self._patience = patience

    def of(self, partition: int) -> PatientStore:
        """The store of one."""
        return PatientStore(self, self._stores.of(partition), partition, self._patience)

    def commit(self, outputs: Mapping[int, Outputs]) -> None:
        """Record outputs of some partitions at once or not at all; however often the answer is lost, they are there
        once.

        Raises what `Store.commit` raises, BackendUnavailable only at the end of the patience. Whether they were
        recorded is then not known: `position` says it.
        """
        lost = False

        def once() -> None:
            nonlocal lost
            if lost and self._went_through(outputs):
                return
            try:
                self._stores.commit(outputs)
            except BackendUnavailable:
                lost = True
                raise
            except ConflictError:
                # The first try may still have been under way when its position was asked for, and have won since.
                if not (lost and self._went_through(outputs)):
                    raise

        self._patience.call(once)

    # ---- inside

    def _went_through(self, outputs: Mapping[int, Outputs]) -> bool:
        """Whether a commit is there; it is whole or not at all. Raises ConflictError where neither can be."""
        found = {partition: self._stores.of(partition).position() for partition in outputs}
        if all(found[partition] == one.until for partition, one in outputs.items()):
            return True
        if all(found[partition] == one.after for partition, one in outputs.items()):
            return False
        partition = next(number for number, one in outputs.items() if found[number] != one.after)
        raise ConflictError(
            f"partition {partition} of the store stands at {tuple(found[partition])}, where no commit of ours leads",
            mend="another worker was first: stop, or go on from where the store is",
        )


class PatientStore:
    """The store of one partition, with the patience of `PatientStores`."""

    def __init__(self, stores: PatientStores, store: Store, partition: int, patience: Patience) -> None:
        self._stores = stores
        self._store = store
        self._partition = partition
        self._patience = patience

    def position(self) -> Position:
        """Up to where the log is recorded; (-1, 0) where nothing ever was."""
        return self._patience.call(self._store.position)

    def head(self) -> AuditRecord | None:
        """The last record of the audit chain."""
        return self._patience.call(self._store.head)

    def records(self, first: int, limit: int) -> Sequence[AuditRecord]:
        """At most so many records of the audit chain, from a sequence on."""
        return self._patience.call(self._store.records, first, limit)

    def commit(self, outputs: Outputs) -> None:
        """Record outputs whose `after` is the position now; see `PatientStores.commit`."""
        self._stores.commit({self._partition: outputs})

    def settle(self) -> None:
        """Every commit so far survives a power cut when it returns."""
        self._patience.call(self._store.settle)
