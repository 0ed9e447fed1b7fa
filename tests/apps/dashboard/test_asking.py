"""Asking several things at once, and once what many look at; hearing a feed, and ending when nobody listens."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest

from forbear.apps.dashboard import listening
from forbear.apps.dashboard.asking import Shelf, together
from forbear.apps.dashboard.listening import KEPT, Listener
from forbear.apps.dashboard.returning import Way, Ways, browser_of
from forbear.client import NotThere, Problem
from forbear.client.errors import found
from forbear.client.feed import FeedRefused
from forbear.client.feed_models import Prediction, Reason

# ---- questions


def test_a_page_waits_for_its_slowest_question() -> None:
    """Questions of a page are asked at once, not one after another."""
    gate = threading.Barrier(3, timeout=10)
    answers = together({str(place): gate.wait for place in range(3)})

    assert sorted(answers.values()) == [0, 1, 2]


def test_one_question_that_is_not_met_spoils_no_other() -> None:
    """Its Problem is raised where its answer is taken, and nowhere else."""

    def fails() -> None:
        raise NotThere(found("unknown", "Nothing is there", status=404))

    answers = together({"good": lambda: 7, "bad": fails})

    assert answers["good"] == 7
    assert answers.met("bad") is None
    assert isinstance(answers.problem("bad"), NotThere)
    with pytest.raises(Problem):
        answers["bad"]


def test_twenty_people_ask_once() -> None:
    """Whoever asks while it is being asked waits for that answer."""
    asked = []
    shelf = Shelf(60.0)

    def question() -> int:
        asked.append(1)
        time.sleep(0.2)
        return 5

    with ThreadPoolExecutor(20) as people:
        answers = list(people.map(lambda _: shelf.get(("a",), question), range(20)))

    assert answers == [5] * 20
    assert len(asked) == 1


def test_an_answer_is_kept_for_its_time_and_for_its_role() -> None:
    """Older than that it is asked anew; another role has answers of its own."""
    now = [0.0]
    shelf = Shelf(5.0, lambda: now[0])
    answers = iter(range(10))

    def one(role: str) -> int:
        return shelf.get((role, "statistics"), lambda: next(answers))

    assert (one("viewer"), one("viewer"), one("admin")) == (0, 0, 1)
    now[0] = 5.0
    assert one("viewer") == 2


def test_what_fails_is_not_kept() -> None:
    """The next who asks is not told of a failure that has passed; who waited for it is."""
    shelf = Shelf(60.0)

    def fails() -> int:
        raise NotThere(found("unknown", "Nothing is there", status=404))

    with pytest.raises(NotThere):
        shelf.get(("a",), fails)
    assert shelf.get(("a",), lambda: 3) == 3


def test_a_shelf_is_bounded() -> None:
    """However many things are asked for, memory stays."""
    shelf = Shelf(60.0)
    for place in range(2_000):
        shelf.get((place,), lambda: None)

    assert len(shelf._kept) <= 256


# ---- the way back from a provider


def test_a_way_is_told_once_and_not_for_long() -> None:
    """A browser that comes back finds its way once, within ten minutes; another browser never."""
    ways = Ways()
    ways.keep("a", Way("customer", (("id", "C1"),), 0.0))

    assert ways.take("b", 1.0) is None
    assert ways.take("a", 599.0) == Way("customer", (("id", "C1"),), 0.0)
    assert ways.take("a", 599.0) is None
    ways.keep("a", Way("live", (), 0.0))
    assert ways.take("a", 601.0) is None


def test_a_browser_is_known_by_the_word_below_the_mask() -> None:
    """The cookie changes with every page; the browser it is of does not. What is no such cookie is of none."""
    first, second = (f"2|{mask.hex()}|{masked(mask, b'0123456789abcdef')}|1795370857" for mask in (b"abcd", b"wxyz"))

    assert first != second
    assert browser_of(first) == browser_of(second) != ""
    assert browser_of(f"2|{b'abcd'.hex()}|{masked(b'abcd', b'another word 123')}|1795370857") != browser_of(first)
    assert [browser_of(one) for one in ("", "2", "2|x|y|z", "2|||")] == [""] * 4


def masked(mask: bytes, word: bytes) -> str:
    """A word under a mask, in hexadecimal."""
    return bytes(one ^ mask[place % len(mask)] for place, one in enumerate(word)).hex()


# ---- the feed


def prediction(place: int) -> Prediction:
    """One score."""
    return Prediction(
        cursor=str(place),
        partition=0,
        offset=place,
        ordinal=0,
        as_of=datetime(2026, 1, 1, tzinfo=UTC),
        day=date(2026, 1, 1),
        pd=0.1,
        band="high",
        verdict="proposed",
        triggers=("day_close",),
        reason=None,
        model="m",
        policy="p",
    )


class Feed:
    """A feed of so many messages, which then waits as a real one does, or is refused."""

    def __init__(self, messages: int, refused: Reason | None = None, *, before: int = 0) -> None:
        self.messages, self.refused, self.before, self.past = messages, refused, before, False
        self.closed = threading.Event()

    async def __aiter__(self) -> AsyncGenerator[Any]:
        """The messages."""
        try:
            for place in range(self.messages):
                self.past = place < self.before
                yield prediction(place)
            if self.refused:
                raise FeedRefused(self.refused, "no")
            await asyncio.Event().wait()
        finally:
            self.closed.set()


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, at most ten seconds."""
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_memory_is_bounded() -> None:
    """However long somebody looks, only the newest messages are kept; all are counted."""
    listener = Listener(lambda: Feed(3 * KEPT))  # type: ignore[arg-type,return-value]  # as iterable as a feed
    until(lambda: listener.heard().total == 3 * KEPT)
    heard = listener.heard()
    listener.stop(10)

    assert len(heard.predictions) == KEPT
    assert heard.predictions[0].offset == 3 * KEPT - 1
    assert sum(heard.by_second) == 3 * KEPT
    assert not listener.alive


def test_what_was_before_is_shown_and_not_counted() -> None:
    """Messages that were recorded before somebody looked are there, and no rate or count is of them."""
    listener = Listener(lambda: Feed(7, before=4))  # type: ignore[arg-type,return-value]
    until(lambda: len(listener.heard().predictions) == 7)
    heard = listener.heard()
    listener.stop(10)

    assert [one.offset for one in heard.predictions] == list(range(6, -1, -1))
    assert heard.total == sum(heard.by_second) == 3


def test_a_session_that_is_gone_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks any more: the listener ends by itself, and closes its connection."""
    monkeypatch.setattr(listening, "FORGOTTEN_SECONDS", 0.2)
    feed = Feed(1)
    listener = Listener(lambda: feed)  # type: ignore[arg-type,return-value]
    until(lambda: not listener.alive)

    assert feed.closed.is_set()
    assert "dashboard-live" not in {one.name for one in threading.enumerate()}


def test_a_feed_that_is_refused_is_said() -> None:
    """The listener ends, and says why."""
    listener = Listener(lambda: Feed(0, Reason.UNAUTHORISED))  # type: ignore[arg-type,return-value]
    until(lambda: bool(listener.heard().trouble))

    assert "unauthorised" in listener.heard().trouble
    until(lambda: not listener.alive)
