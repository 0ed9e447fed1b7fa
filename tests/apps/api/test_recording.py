"""Accesses are recorded before anything is told, in groups, and nothing is told where they cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from forbear.apps.api.recording import Recorder
from forbear.domain.errors import BackendUnavailable, StorageError
from forbear.engine.office import Access, Role
from forbear.testing.office_doubles import MemoryAccesses, MemoryRooms, memory_office


class Gated(MemoryAccesses):
    """Accesses that wait before each commit until they may, fail while told to, and note how they were grouped."""

    def __init__(self) -> None:
        super().__init__(MemoryRooms(), "api")
        self.may, self.fails, self.groups = Event(), False, list[int]()
        self.may.set()

    def record(self, accesses: Sequence[Access]) -> None:
        """Add some."""
        self.may.wait(5)
        if self.fails:
            raise BackendUnavailable("the disk is full")
        self.groups.append(len(accesses))
        super().record(accesses)


@pytest.fixture
def gated() -> Gated:
    """Accesses that do as they are told."""
    return Gated()


def access(number: int) -> Access:
    """An access to one customer."""
    return Access(
        at_us=number, who="w", role="agent", route="r", customer=number, why="", status=200, request_id=str(number)
    )


def test_many_wait_for_one_commit(gated: Gated) -> None:
    """What comes while a commit is under way goes into the next one together, and each is there when it is told."""
    recorder = Recorder(gated.record, "accesses")

    async def visit() -> None:
        gated.may.clear()
        first = asyncio.create_task(recorder.record([access(0)]))
        await asyncio.sleep(0.05)
        others = [asyncio.create_task(recorder.record([access(number)])) for number in range(1, 101)]
        await asyncio.sleep(0.05)
        assert not first.done()
        gated.may.set()
        await asyncio.gather(first, *others)
        assert len(gated.chain("api", 0, 1_000)) == 101

    asyncio.run(visit())
    recorder.close()
    assert gated.groups == [1, 100]


def test_everybody_hears_of_a_failure(gated: Gated) -> None:
    """Where a commit fails each of its group hears so, and the next group is recorded again."""
    recorder = Recorder(gated.record, "accesses")

    async def visit() -> None:
        gated.fails = True
        told = await asyncio.gather(*(recorder.record([access(n)]) for n in range(5)), return_exceptions=True)
        assert [type(one) for one in told] == [BackendUnavailable] * 5
        gated.fails = False
        await recorder.record([access(9)])

    asyncio.run(visit())
    recorder.close()
    assert len(gated.chain("api", 0, 10)) == 1


def test_waiting_has_an_end(gated: Gated) -> None:
    """A commit that takes too long is a failure to whoever waits, and a closed recorder takes nothing."""
    recorder = Recorder(gated.record, "accesses", patience_seconds=0.05)
    gated.may.clear()
    with pytest.raises(BackendUnavailable):
        asyncio.run(recorder.record([access(1)]))
    gated.may.set()
    recorder.close()
    with pytest.raises(BackendUnavailable):
        asyncio.run(recorder.record([access(2)]))


def test_each_person_is_recorded_with_who_when_and_why(house: Callable[..., Any], visitor: Any) -> None:
    """One record for each customer of an answer; refused and failed requests are recorded too, as what they were."""
    made = house()
    client, key, viewer = visitor(made), made.key(Role.AGENT), made.key(Role.VIEWER)
    sent = {"X-API-Key": key, "X-Purpose": "called, Grüße".encode(), "X-Request-ID": "r-1"}
    client.get("/v1/test/persons/41", headers=sent)
    client.get("/v1/test/persons/41", headers={"X-API-Key": viewer})
    client.get("/v1/test/persons/xx", headers={"X-API-Key": key})
    client.get("/v1/whoami", headers={"X-API-Key": key})

    (newest,) = made.office.accesses.of_customer(42, 10)
    assert newest == Access(
        at_us=made.clock.now_us(),
        who=key[3:11],
        role="agent",
        route="person",
        customer=42,
        why="called, Grüße",
        status=200,
        request_id="r-1",
    )
    assert made.office.accesses.of_customer(41, 10) == [replace(newest, customer=41)]
    bodies = [record.body for record in made.office.accesses.chain("api", 0, 10)]
    assert len(bodies) == 4  # two persons, one refusal, one that was not valid; whoami is nobody's data
    assert made.heard == []


def test_nothing_is_told_that_cannot_be_recorded(gated: Gated, house: Callable[..., Any], visitor: Any) -> None:
    """Where accesses cannot be recorded the answer is 503 without any data; what is about nobody is answered."""
    made = house(office=replace(memory_office(), accesses=gated))
    client, key = visitor(made), {"X-API-Key": made.key()}
    gated.fails = True
    answer = client.get("/v1/test/persons/12345", headers=key)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "12345" not in answer.text
    assert client.get("/v1/whoami", headers=key).status_code == 200


@pytest.mark.parametrize(
    ("purpose", "status"),
    [(None, 400), ("", 400), (" ", 400), ("x" * 201, 400), ("a\tb", 400), (b"\xff", 400), ("reviews the case", 200)],
)
def test_a_purpose_is_asked_for(purpose: str | None, status: int, house: Callable[..., Any], visitor: Any) -> None:
    """Where the table wants a reason, one line of text is needed, and nothing is told without."""
    made = house()
    headers = {"X-API-Key": made.key(Role.AGENT)} | ({} if purpose is None else {"X-Purpose": purpose})
    answer = visitor(made).get("/v1/test/explained", headers=headers)
    assert answer.status_code == status
    assert status == 200 or answer.json()["type"].endswith("purpose_missing")


def test_what_is_near_is_written_together() -> None:
    """Records of a near store that come in one turn of the loop are one commit, and there when it is told."""
    office, commits = memory_office(), list[int]()

    def write(records: Sequence[Access]) -> None:
        commits.append(len(records))
        office.accesses.record(records)

    near = Recorder(write, "accesses", near=True)

    async def visit() -> None:
        await asyncio.gather(*(near.record([access(one)]) for one in range(5)))
        assert len(office.accesses.chain("api", 0, 9)) == 5
        await near.record([access(6)])

    asyncio.run(visit())
    near.close()
    assert commits == [5, 1]


def test_what_cannot_be_written_near_is_told_to_nobody() -> None:
    """Where a near store fails, nobody of those who came together is told that their record is there."""

    def fails(_: Sequence[Access]) -> None:
        raise StorageError("the disk is full", mend="make room")

    broken = Recorder(fails, "accesses", near=True)

    async def visit() -> None:
        both = await asyncio.gather(*(broken.record([access(one)]) for one in (1, 2)), return_exceptions=True)
        assert [type(one) for one in both] == [BackendUnavailable, BackendUnavailable]

    asyncio.run(visit())
    broken.close()
