"""Sending, for code that waits and for code that awaits. What is sent, and how often, is the same for both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing, contextmanager
from typing import Any, Self, TypeVar

import httpx

from forbear.client.calls import Call, Pause, Plan
from forbear.client.conversation import Letter, Manners, Reply, conversation, no_answer

T = TypeVar("T")
Step = Letter | Call[Any] | Pause


class Sync:
    """Sends, and waits for the answer. Safe for many threads."""

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self._http = httpx.Client()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """The answer to a request. Raises Problem."""
        return call.read(self._walk(conversation(call, self.manners)).content)

    def lines(self, plan: Plan[T]) -> Iterator[T]:
        """What came of a plan, line by line. Raises Problem; what is cut off in between is not begun anew."""
        call = self._walk(plan)
        with _cut_off(), closing(self._walk(conversation(call, self.manners, stream=True))) as response:
            for line in response.iter_lines():
                yield call.read(line)

    def attempt(self, letter: Letter) -> Reply:
        """What comes of one attempt. Whoever wants to see or mark each of them has a class of their own around it."""
        try:
            response = self._http.send(_request(self._http, letter), stream=letter.stream)
            if letter.stream and not response.is_success:
                response.read()
        except httpx.TransportError as error:
            return error
        return response

    # ---- inside

    def _walk(self, steps: Generator[Step, Any, T]) -> T:
        """Do one step after another, and tell each what came of the one before."""
        said: Any = None
        while True:
            try:
                step = steps.send(said)
            except StopIteration as end:
                came: T = end.value
                return came
            match step:
                case Letter():
                    said = self.attempt(step)
                case Call():
                    said = self.send(step)
                case seconds:
                    time.sleep(seconds)
                    said = None


class Async:
    """Sends, and lets others go on until the answer is there. Of one event loop."""

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self._http = httpx.AsyncClient()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """The answer to a request. Raises Problem."""
        return call.read((await self._walk(conversation(call, self.manners))).content)

    async def lines(self, plan: Plan[T]) -> AsyncIterator[T]:
        """What came of a plan, line by line. Raises Problem; what is cut off in between is not begun anew."""
        call = await self._walk(plan)
        with _cut_off():
            async with aclosing(await self._walk(conversation(call, self.manners, stream=True))) as response:
                async for line in response.aiter_lines():
                    yield call.read(line)

    async def attempt(self, letter: Letter) -> Reply:
        """What comes of one attempt. Whoever wants to see or mark each of them has a class of their own around it."""
        try:
            response = await self._http.send(_request(self._http, letter), stream=letter.stream)
            if letter.stream and not response.is_success:
                await response.aread()
        except httpx.TransportError as error:
            return error
        return response

    # ---- inside

    async def _walk(self, steps: Generator[Step, Any, T]) -> T:
        """Do one step after another, and tell each what came of the one before."""
        said: Any = None
        while True:
            try:
                step = steps.send(said)
            except StopIteration as end:
                came: T = end.value
                return came
            match step:
                case Letter():
                    said = await self.attempt(step)
                case Call():
                    said = await self.send(step)
                case seconds:
                    await asyncio.sleep(seconds)
                    said = None


def _request(http: httpx.Client | httpx.AsyncClient, letter: Letter) -> httpx.Request:
    return http.build_request(
        letter.method,
        letter.url,
        params=letter.params or None,
        headers={name.encode(): value for name, value in letter.headers.items()},
        content=letter.content,
        timeout=letter.timeout,
    )


@contextmanager
def _cut_off() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise no_answer(error) from error
