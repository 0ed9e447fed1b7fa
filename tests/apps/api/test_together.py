"""What many ask at once is answered by one call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from threading import Event

import pytest

from forbear.apps.api.together import MOST_AT_ONCE, Together


@pytest.mark.parametrize("waits", [False, True])
def test_each_gets_its_own_answer(waits: bool) -> None:
    """Whatever goes together, everybody hears what they asked for; no call is larger than its bound."""
    calls = list[int]()

    def doubled(numbers: Sequence[int]) -> Sequence[int]:
        calls.append(len(numbers))
        return [2 * number for number in numbers]

    async def ask() -> None:
        together = Together(doubled, waits=lambda: waits)
        asked = range(3 * MOST_AT_ONCE + 5)
        assert await asyncio.gather(*map(together.ask, asked)) == [2 * number for number in asked]
        assert await together.ask(7) == 14

    asyncio.run(ask())
    assert calls == [MOST_AT_ONCE] * 3 + [5, 1]


def test_what_comes_meanwhile_goes_together() -> None:
    """While a thread waits for one call, the loop goes on and the next call gathers; there is never a second."""
    begun, may, calls = Event(), Event(), list[list[int]]()

    def slow(numbers: Sequence[int]) -> Sequence[int]:
        calls.append(list(numbers))
        begun.set()
        may.wait(10)
        return numbers

    async def ask() -> None:
        together = Together(slow, waits=lambda: True)
        first = asyncio.create_task(together.ask(1))
        await asyncio.to_thread(begun.wait, 10)
        others = [asyncio.create_task(together.ask(number)) for number in (2, 3)]
        await asyncio.sleep(0.01)
        assert calls == [[1]]
        may.set()
        assert await asyncio.gather(first, *others) == [1, 2, 3]

    asyncio.run(ask())
    assert calls == [[1], [2, 3]]


@pytest.mark.parametrize("waits", [False, True])
def test_a_failure_is_heard_by_all_and_ends_nothing(waits: bool) -> None:
    """Everybody of a call that fails hears of it; the next call is answered, and who has left is left alone."""

    def picky(numbers: Sequence[int]) -> Sequence[int]:
        if 0 in numbers:
            raise ZeroDivisionError
        return numbers

    async def ask() -> None:
        together = Together(picky, waits=lambda: waits)
        gone = asyncio.create_task(together.ask(5))
        both = asyncio.gather(together.ask(0), together.ask(1), return_exceptions=True)
        await asyncio.sleep(0)
        gone.cancel()
        assert [type(one) for one in await both] == [ZeroDivisionError] * 2
        assert await together.ask(3) == 3

    asyncio.run(ask())
