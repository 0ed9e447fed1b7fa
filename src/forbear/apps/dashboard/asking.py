"""Asking several things at once, and asking once what many look at."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from threading import Lock
from typing import Any, TypeVar

from forbear.client import Problem

T = TypeVar("T")
_THREADS = 16
_MOST_SHARED = 256
SHARED_SECONDS = 5.0
"""For how long an answer about nobody serves everybody of a role."""


class Answers(Mapping[str, Any]):
    """What came of several questions. Taking the answer to one that was not met raises its Problem."""

    def __init__(self, came: Mapping[str, Any]) -> None:
        self._came = dict(came)

    def __getitem__(self, name: str) -> Any:
        came = self._came[name]
        if isinstance(came, Problem):
            raise came
        return came

    def __iter__(self) -> Iterator[str]:
        return iter(self._came)

    def __len__(self) -> int:
        return len(self._came)

    def problem(self, name: str) -> Problem | None:
        """Why a question was not met; None if it was, or was not asked."""
        came = self._came.get(name)
        return came if isinstance(came, Problem) else None

    def met(self, name: str) -> Any:
        """The answer, None where the question was not met or not asked."""
        came = self._came.get(name)
        return None if isinstance(came, Problem) else came


def together(questions: Mapping[str, Callable[[], Any]]) -> Answers:
    """Ask all at once: it takes as long as the slowest. A question that is not met does not spoil the others.

    A question may not touch Streamlit, for it is asked in a thread of its own. Raises what is no Problem.
    """
    if len(questions) == 1:
        return Answers({name: _asked(question) for name, question in questions.items()})
    # Each with a copy of what this thread is about: whoever notes a question knows of which look it is.
    running = {name: _threads().submit(copy_context().run, _asked, question) for name, question in questions.items()}
    return Answers({name: one.result() for name, one in running.items()})


class Shelf:
    """Answers that are the same for whoever has a role, kept for a few seconds.

    Whoever asks for what is being asked already waits for that answer, so that twenty people ask once. Only answers
    about nobody may lie here. At most 256 are kept.
    """

    def __init__(self, seconds: float = SHARED_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._lock = Lock()
        self._kept: OrderedDict[tuple[Any, ...], tuple[float, Future[Any]]] = OrderedDict()

    def get(self, key: tuple[Any, ...], question: Callable[[], T]) -> T:
        """The answer under a key, asked for if there is none that is fresh. What raises is not kept."""
        now = self._clock()
        with self._lock:
            made_at, kept = self._kept.get(key, (-float("inf"), None))
            mine = kept is None or now - made_at >= self._seconds
            if mine:
                kept = Future()
                self._kept[key] = (now, kept)
                self._kept.move_to_end(key)
                while len(self._kept) > _MOST_SHARED:
                    self._kept.popitem(last=False)
        assert kept is not None
        if mine:
            self._fill(key, kept, question)
        answer: T = kept.result()
        return answer

    def _fill(self, key: tuple[Any, ...], kept: Future[Any], question: Callable[[], Any]) -> None:
        try:
            kept.set_result(question())
        except BaseException as error:  # noqa: BLE001  # whoever waits has to hear it, whatever it is
            with self._lock:
                if self._kept.get(key, (0.0, None))[1] is kept:
                    del self._kept[key]
            kept.set_exception(error)


@cache
def shelf() -> Shelf:
    """The shelf of this process."""
    return Shelf()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="dashboard")


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Problem as problem:
        return problem
