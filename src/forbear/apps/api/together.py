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
        self._answering: asyncio.Task[None] | None = None

    async def ask(self, question: A) -> B:
        """The answer to one question. Raises what the answering raises."""
        future: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._asked.append((question, future))
        if self._answering is None or self._answering.done():
            self._answering = asyncio.create_task(self._answer_all())
        return await future

    async def _answer_all(self) -> None:
        while self._asked:
            group, self._asked = self._asked[:MOST_AT_ONCE], self._asked[MOST_AT_ONCE:]
            questions = [question for question, _ in group]
            waiting = [future for _, future in group]
            try:
                answers = await asyncio.to_thread(self._answer, questions) if self._waits() else self._answer(questions)
            except Exception as error:  # noqa: BLE001  # whoever asked hears of it
                for future in waiting:
                    if not future.done():  # else whoever asked waits no longer
                        future.set_exception(error)
            else:
                for future, answer in zip(waiting, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
            await asyncio.sleep(0)  # others have their turn between two calls
