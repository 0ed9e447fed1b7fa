"""Interventions in SQLite and in PostgreSQL keep the laws of all, and read back as what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Engine

from forbear.adapters.sql.contact_ledger import facts_of
from forbear.adapters.sql.engine import engine_of
from forbear.adapters.sql.intervention_paths import SqlPaths, SqlSwitch
from forbear.adapters.sql.interventions import SqlInterventions
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.store import open_store
from forbear.domain.contacts import Fact
from forbear.engine.audit import chain
from forbear.engine.interventions import Interventions, Step
from forbear.engine.lifecycle import Receipt, ReceiptKind, Reply, State
from forbear.engine.outputs import Outputs, Position
from forbear.testing.interventions_contract import (
    NOON_US,
    InterventionsContract,
    allow,
    offers,
    preparation,
)
from forbear.testing.outputs import CUSTOMERS

Databases = Any
"""What the fixture of this name gives; see conftest."""


class _Opened(InterventionsContract):
    """Stores that are closed when the test is over."""

    @pytest.fixture(autouse=True)
    def _closed(self, new_store: Callable[[], str]) -> Iterator[None]:
        self._new = new_store
        self.opened: list[Engine] = []
        self.urls: dict[int, str] = {}
        yield
        for engine in self.opened:
            engine.dispose()

    def make(self, count: int = 1) -> Interventions:
        return self._open(self._new(), offers(count))

    def again(self, store: Interventions) -> Interventions:
        return self._open(self.urls[id(store)], None)

    def path(self, store: Interventions, intervention_id: str) -> Sequence[Step]:
        return SqlPaths(self._rooms(store)).path(intervention_id)

    def facts(self, store: Interventions, customer: int) -> Sequence[Fact]:
        with self._rooms(store).reading() as connection:
            return facts_of(connection, customer)

    def _rooms(self, store: Interventions) -> Rooms:
        assert isinstance(store, SqlInterventions)
        return store._rooms

    def _open(self, url: str, first: Outputs | None) -> Interventions:
        if first is not None and len(self.opened) > 20:  # a law that is tried often looks at the last ones only
            for engine in self.opened:
                engine.dispose()
            self.opened.clear()
        if first is not None:
            with closing(open_store(url)) as empty:
                empty.commit(first)
        engine = engine_of(url)
        self.opened.append(engine)
        store = SqlInterventions(Rooms(engine))
        self.urls[id(store)] = url
        self.kept = [*getattr(self, "kept", []), store]  # an id is not given to another while it lives
        return store


class TestSqlite(_Opened):
    """The laws of all, in a file."""

    where = "sqlite"


class TestPostgres(_Opened):
    """The laws of all, on a server."""

    where = "postgresql"


@pytest.fixture
def rooms(any_url: str) -> Iterator[Rooms]:
    """A store with three offers, on each database."""
    with closing(open_store(any_url)) as store:
        store.commit(offers(3))
    engine = engine_of(any_url)
    yield Rooms(engine)
    engine.dispose()


def test_what_is_counted_and_listed_is_what_happened(rooms: Rooms) -> None:
    """Counts by state and channel, lists of a state, and the path of one, with why."""
    store, paths = SqlInterventions(rooms), SqlPaths(rooms)
    store.take_in(NOON_US, 9, lambda _band, _action: "")
    first = store.get(f"{0:032x}")
    assert first is not None
    store.prepare(first, preparation(first, NOON_US), allow)

    assert [tuple(one) for one in paths.counts()] == [("approved", "sms", 2), ("sending", "sms", 1)]
    assert [one.intervention_id for one in paths.listed(State.SENDING, 9)] == [first.intervention_id]
    assert len(paths.listed(None, 2)) == 2
    assert [step.after for step in paths.path(first.intervention_id)] == ["proposed", "approved", "sending"]
    assert [one.tries for one in paths.sendings(first.intervention_id)] == [1]


def test_a_reply_is_told_of_once(rooms: Rooms) -> None:
    """Whoever acts on replies gets each in the order of arrival, behind what it has told of."""
    store, paths = SqlInterventions(rooms), SqlPaths(rooms)
    store.take_in(NOON_US, 9, lambda _band, _action: "")
    for number in range(2):
        one = store.get(f"{number:032x}")
        assert one is not None
        store.prepare(one, preparation(one, NOON_US), allow)
        receipt = Receipt(
            provider="p",
            receipt_id=str(number),
            send_key=one.send_key,
            kind=ReceiptKind.REPLIED,
            at_us=NOON_US,
            reply=Reply.ACCEPTED,
        )
        store.receive(receipt, NOON_US + 1, NOON_US)
    first, second = paths.replies("answers", 9)
    paths.told("answers", first.entry)

    assert (first.body["reply"], first.intervention_id) == ("accepted", f"{0:032x}")
    assert paths.replies("answers", 9) == [second]
    assert paths.replies("others", 1) == [first]


def test_an_erased_customer_is_not_sent_to(any_url: str, rooms: Rooms) -> None:
    """An erasure leaves the intervention, its path and its sendings, and nobody in them."""
    store = SqlInterventions(rooms)
    store.take_in(NOON_US, 9, lambda _band, _action: "")
    one = store.get(f"{0:032x}")
    assert one is not None
    store.prepare(one, preparation(one, NOON_US), allow)
    with closing(open_store(any_url)) as opened:
        opened.forget(CUSTOMERS[0], chain(opened.head(), "erasure", 9, {}))
    found = store.get(one.intervention_id)

    assert found is not None
    assert (found.customer, found.customer_id, found.state) == (0, None, State.SENDING)


def test_the_last_switch_counts(any_url: str, rooms: Rooms) -> None:
    """Outreach is stopped from the record of a stop on, until one of a start; other instructions change nothing."""
    switch = SqlSwitch(rooms)
    told = [("start_outreach", False), ("stop_outreach", True), ("release_volume", True), ("start_outreach", False)]
    with closing(open_store(any_url)) as store:
        for number, (instruction, stopped) in enumerate(told, 10):
            record = chain(store.head(), "instruction", number, {"instruction": instruction, "value": "", "by": "t"})
            store.commit(Outputs(after=Position(number, 0), until=Position(number + 1, 0), audit=(record,)))
            assert switch.stopped() is stopped
            assert SqlSwitch(rooms).stopped() is stopped
