"""What many ask at once is answered by one call: its own cost is most of what one answer takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")
MOST_AT_ONCE = 64


class Together(Generic[A, B]):
    """Questions of one loop. Those of one turn of it, and those that come while a call is under way, are one call.

    answer: to each question of a call, in their order; where it raises, all who asked hear of it.  waits: whether it
    would wait, for a network or a lock; then a thread waits for it, for one call after another.
    """

    def __init__(self, answer: Callable[[Sequence[A]], Sequence[B]], *, waits: Callable[[], bool]) -> None:
        self._answer, self._waits = answer, waits
        self._asked: list[tuple[A, asyncio.Future[B]]] = []
        self._under_way = False

    async def ask(self, question: A) -> B:
        """The answer to one question. Raises what the answering raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[B] = loop.create_future()
        self._asked.append((question, future))
        if not self._under_way:
            self._under_way = True
            loop.call_soon(self._begin, loop)
        return await future

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        group, self._asked = self._asked[:MOST_AT_ONCE], self._asked[MOST_AT_ONCE:]
        questions, futures = [question for question, _ in group], [future for _, future in group]
        try:
            if self._waits():
                threaded = loop.run_in_executor(None, self._answer, questions)
                threaded.add_done_callback(lambda done: self._end(loop, futures, done))
                return
            answers = self._answer(questions)
        except Exception as error:  # noqa: BLE001  # whoever asked hears of it
            self._settle(loop, futures, error)
        else:
            self._settle(loop, futures, answers)

    def _end(
        self, loop: asyncio.AbstractEventLoop, futures: list[asyncio.Future[B]], done: asyncio.Future[Sequence[B]]
    ) -> None:
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        self._settle(loop, futures, done.result() if error is None else error)

    def _settle(
        self,
        loop: asyncio.AbstractEventLoop,
        futures: list[asyncio.Future[B]],
        what: Sequence[B] | BaseException,
    ) -> None:
        for place, future in enumerate(futures):
            if future.done():  # whoever asked waits no longer
                continue
            if isinstance(what, BaseException):
                future.set_exception(what)
            else:
                future.set_result(what[place])
        if self._asked:
            loop.call_soon(self._begin, loop)
        else:
            self._under_way = False
