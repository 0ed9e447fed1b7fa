"""Whatever happens to listeners, each hears what it wants exactly once and in order."""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import aclosing
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.apps.api.feed.cursor import DECISIONS, Cursor
from forbear.apps.api.feed.hub import Hub
from forbear.apps.api.feed.listening import Limits
from forbear.apps.api.feed.matching import Group, Matching, meets
from forbear.apps.api.feed.messages import Message, Sort, View
from forbear.apps.api.feed.reader import cursors_of
from forbear.apps.api.feed.refused import Refused
from forbear.client.feed_models import Kind, Reason, Wanted
from forbear.domain.errors import BackendUnavailable
from forbear.engine.office import Role

TINY = Limits(tick_seconds=0.001, page=3, ring_characters=4_000, queue_characters=3_000, quiet_seconds=0.01)
MOST_SECONDS = 20.0

places = st.tuples(st.integers(0, 50), st.integers(0, 3), st.integers(0, 1))
cursors = st.dictionaries(st.integers(DECISIONS, 4), places, max_size=5).map(Cursor)


def grow(desk: Any, random: Random) -> None:
    """Record something, as chance has it."""
    for _ in range(random.randrange(8)):
        partition, customer = random.randrange(len(desk.scored)), random.randrange(6)
        if random.random() < 0.7:
            desk.score(partition, customer * 10 + partition, random.choice([-1, 0, 0, 1]))
        else:
            desk.decide(partition, customer * 10 + partition)


class Listener:
    """Hears over many connections, each of which chance cuts off somewhere."""

    def __init__(self, bench: Any, hub: Hub, random: Random, wanted: Wanted) -> None:
        self.bench, self.hub, self.random, self.wanted = bench, hub, random, wanted
        self.cursor: str | None = hub.ring.end.text()
        self.heard: list[tuple[str, int, int]] = []

    async def connection(self) -> None:
        """One connection: some frames, of the last of which only a part is taken up; or none in time."""
        try:
            async with (
                self.hub.subscribe(self.wanted, self.cursor, Role.AGENT) as listening,
                aclosing(listening.frames()) as frames,
                asyncio.timeout(0.01),
            ):
                for _ in range(self.random.randrange(1, 8)):
                    frame = await anext(frames)
                    if not self.took(json.loads(frame.text), cut=self.random.random() < 0.2) or frame.end is not None:
                        return
                    if self.random.random() < 0.2:
                        await asyncio.sleep(0.005)  # and falls behind by that
        except TimeoutError:
            """Nothing more came."""
        except Refused as refused:
            if refused.reason is not Reason.UNAVAILABLE:
                raise

    def took(self, frame: dict[str, Any], *, cut: bool) -> bool:
        """Take up a frame, or part of it; whether it was all of it."""
        messages = frame["messages"]
        for message in messages[: self.random.randrange(len(messages) + 1)] if cut else messages:
            self.heard.append(self.bench.told(message))
            self.cursor = message["cursor"]
        if not cut:
            self.cursor = frame["cursor"]
        return not cut

    async def until(self, count: int) -> None:
        """Come back until so many messages were heard, and then once more."""
        while len(self.heard) < count:
            await self.connection()
        await self.connection()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), partitions=st.integers(1, 3))
def test_whoever_comes_back_misses_nothing_and_hears_nothing_twice(
    bench: SimpleNamespace, seed: int, partitions: int
) -> None:
    """Over any cuts, slow readings, outages of the store and restarts of the server: each message once, in order."""
    random = Random(seed)  # not Hypothesis's own: how often it is asked depends on what is quicker

    async def scene() -> None:
        desk = bench.GrowingDesk(partitions)
        grow(desk, random)
        hub = Hub(desk, TINY)
        await hub.start()
        before = set(desk.truth())
        wishes = [Wanted(), Wanted(kinds={Kind.ALERT, Kind.DECISION}), Wanted(customers={"customer-10", "customer-20"})]
        listeners = [Listener(bench, hub, random, wanted) for wanted in wishes]
        for _ in range(random.randrange(20)):
            grow(desk, random)
            desk.fails = random.random() < 0.1
            who = random.choice(listeners)
            await who.connection()
            if random.random() < 0.1:
                desk.fails = False
                await hub.stop()
                hub = Hub(desk, TINY)
                await hub.start()
                for listener in listeners:
                    listener.hub = hub
        desk.fails = False
        whole = [one for one in desk.truth() if one not in before]
        for listener in listeners:
            expected = [one for one in whole if wants(desk, listener.wanted, one)]
            async with asyncio.timeout(MOST_SECONDS):
                await listener.until(len(expected))
            assert bench.in_lines(listener.heard) == bench.in_lines(expected)
        await hub.stop()

    asyncio.run(scene())


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), partitions=st.integers(1, 3), recent=st.integers(1, 40))
def test_the_newest_are_told_first_and_then_all_that_comes(
    bench: SimpleNamespace, seed: int, partitions: int, recent: int
) -> None:
    """Whoever asks for so many messages hears the newest, a frame without any, and then what comes: each line's end."""
    random = Random(seed)

    async def scene() -> None:
        desk = bench.GrowingDesk(partitions)
        for _ in range(random.randrange(6)):
            grow(desk, random)
        hub = Hub(desk, replace(TINY, page=1_000, ring_characters=1 << 20, quiet_seconds=60.0))
        await hub.start()
        before = len(desk.truth())
        async with (
            hub.subscribe(Wanted(recent=recent), None, Role.AGENT) as listening,
            aclosing(listening.frames()) as frames,
            asyncio.timeout(MOST_SECONDS),
        ):
            assert json.loads((await anext(frames)).text)["messages"] == []
            heard = await heard_until_empty(bench, frames)
            assert len(heard) == min(recent, before)
            grow(desk, random)
            while len(heard) < min(recent, before) + len(desk.truth()) - before:
                heard += [bench.told(one) for one in json.loads((await anext(frames)).text)["messages"]]
        await hub.stop()

        for line in range(-1, partitions):
            told, whole = ([one for one in found if one[1] == line] for found in (heard, desk.truth()))
            assert told == whole[len(whole) - len(told) :]

    asyncio.run(scene())


async def heard_until_empty(bench: SimpleNamespace, frames: Any) -> list[tuple[str, int, int]]:
    """Everything up to the next frame without messages."""
    heard: list[tuple[str, int, int]] = []
    while messages := json.loads((await anext(frames)).text)["messages"]:
        heard += [bench.told(one) for one in messages]
    return heard


def wants(desk: Any, wanted: Wanted, one: tuple[str, int, int]) -> bool:
    """Whether a message that must come is asked for, as the desk knows whom it is about."""
    kind, partition, number = one
    if kind == "decision":
        (customer,) = (made.customer_id for made in desk.decided if made.entry == number)
    else:
        (customer,) = (each.customer_id for each in desk.scored[partition] if each.place.offset == number)
    return (not wanted.kinds or kind in wanted.kinds) and (not wanted.customers or customer in wanted.customers)


@given(cursor=cursors)
def test_a_cursor_survives_its_text(cursor: Cursor) -> None:
    """What is handed back is what was given."""
    assert Cursor.parse(cursor.text()) == cursor


@given(text=st.text(max_size=30) | st.text("1~d.0-", max_size=30))
def test_garbled_cursors_are_refused(text: str) -> None:
    """A text is the text of a cursor, or it is refused: nothing else is raised."""
    try:
        cursor = Cursor.parse(text)
    except Refused:
        return
    assert Cursor.parse(cursor.text()) == cursor


@given(one=cursors, other=cursors)
def test_joined_cursors_cover_both(one: Cursor, other: Cursor) -> None:
    """A joined cursor covers both and nothing more: joining what it covers already changes nothing."""
    joined = one.joined(other)
    assert joined.covers(one)
    assert joined.covers(other)
    assert joined == other.joined(one) == joined.joined(other)
    assert all(joined.place(line) in {one.place(line), other.place(line)} for line in joined.places)


def message(line: int = 0, offset: int = 0, **said: Any) -> Message:
    """Some message."""
    sort = Sort(
        *(said.get(name, default) for name, default in zip(Sort._fields, (Kind.PREDICTION, 0, "", "", ""), strict=True))
    )
    return Message(
        line=line,
        place=(offset, 0, 0),
        after=(offset + 1, 0, 0),
        sort=sort,
        pd=said.get("pd", math.nan),
        customer_id=said.get("customer_id"),
        texts={View.WHOLE: "{", View.NOBODY: "{"},
    )


@given(cursor=cursors, steps=st.lists(st.tuples(st.integers(DECISIONS, 4), st.integers(0, 60)), max_size=12))
def test_cursors_of_messages_are_those_of_moving_on(cursor: Cursor, steps: list[tuple[int, int]]) -> None:
    """The quick way to put the cursors of many messages into words says what the plain way says."""
    messages = [message(line, offset) for line, offset in steps]
    plain = []
    at = cursor
    for one in messages:
        at = at.moved(one.line, one.after)
        plain.append(at.text())
    assert cursors_of(cursor, messages) == plain


words = st.sampled_from(["a", "b", "c"])
some_words = st.frozensets(words, max_size=2)
wishes = st.builds(
    Wanted,
    kinds=st.frozensets(st.sampled_from(Kind), max_size=2),
    customers=some_words,
    bands=some_words,
    min_pd=st.sampled_from([0.0, 0.3, 0.6]),
    outcomes=some_words,
    actions=some_words,
    partitions=st.frozensets(st.integers(0, 2), max_size=2),
)
messages = st.builds(
    message,
    kind=st.sampled_from(Kind),
    partition=st.integers(0, 2),
    band=words | st.just(""),
    outcome=words | st.just(""),
    action=words,
    pd=st.sampled_from([0.1, 0.3, 0.6, math.nan]),
    customer_id=words | st.none(),
)


@given(
    wanted=st.lists(wishes, max_size=6), rounds=st.lists(st.lists(messages, max_size=6), max_size=3), leave=st.data()
)
def test_many_filters_at_once_are_each_of_them(
    wanted: list[Wanted], rounds: list[list[Message]], leave: st.DataObject
) -> None:
    """Members of groups hear exactly what their own filter lets pass, as others come and go."""
    matching: Matching[int] = Matching()
    for member, one in enumerate(wanted):
        matching.add(Group(one, View.WHOLE), member)
    there = set(range(len(wanted)))
    for batch in rounds:
        heard = {member: found for _, members, found in matching.matched(batch) for member in members}
        plain = {member: [at for at, one in enumerate(batch) if meets(wanted[member], one)] for member in there}
        assert heard == {member: found for member, found in plain.items() if found}
        if there and leave.draw(st.booleans()):
            gone = leave.draw(st.sampled_from(sorted(there)))
            matching.remove(Group(wanted[gone], View.WHOLE), gone)
            there.remove(gone)


def test_the_store_may_be_away(bench: SimpleNamespace) -> None:
    """While the store does not answer the hub says so and waits; when it does, what came meanwhile is told."""

    async def scene() -> None:
        desk = bench.GrowingDesk(1)
        hub = Hub(desk, replace(TINY, quiet_seconds=MOST_SECONDS))
        await hub.start()
        async with (
            asyncio.timeout(MOST_SECONDS),
            hub.subscribe(Wanted(), None, Role.AGENT) as listening,
            aclosing(listening.frames()) as frames,
        ):
            await anext(frames)
            desk.fails = True
            desk.score(0, 1)
            await asyncio.sleep(0.05)
            assert hub.trouble == "the desk is away"
            desk.fails = False
            assert "customer-1" in (await anext(frames)).text
            assert hub.trouble == ""
        await hub.stop()

    asyncio.run(scene())


def test_a_hub_does_not_start_without_its_store(bench: SimpleNamespace) -> None:
    """A server is not ready before its feed has read where the store stands."""
    desk = bench.GrowingDesk(1)
    desk.fails = True
    with pytest.raises(BackendUnavailable):
        asyncio.run(Hub(desk, TINY).start())
