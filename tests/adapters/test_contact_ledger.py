"""The contact ledger in SQLite and in PostgreSQL keeps the laws of every ledger, and takes part in a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import update

from forbear.adapters.sql.contact_ledger import SqlContactLedger, facts_of, hold_ledger, insert_facts
from forbear.adapters.sql.engine import engine_of
from forbear.adapters.sql.migrate import bring_forward
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema_help import CONTACT_LEDGER
from forbear.adapters.sql.store import open_store
from forbear.domain.errors import CorruptState
from forbear.engine.contact_ledger import ContactLedger
from forbear.testing.contact_ledger_contract import ContactLedgerContract, a_contact

Databases = Any
"""What the fixture of this name gives; see conftest."""


class _Opened:
    """Ledgers whose engines are closed when the test is over."""

    @pytest.fixture(autouse=True)
    def _closed(self, new_store: Callable[[], str]) -> Iterator[None]:
        self._new = new_store
        self.urls: list[str] = []
        self.opened: list[SqlContactLedger] = []
        yield
        for one in self.opened:
            one.engine.dispose()

    def make(self) -> ContactLedger:
        self.urls.append(self._new())
        return self._open()

    def again(self, ledger: ContactLedger) -> ContactLedger:
        assert ledger is self.opened[-1]
        return self._open()

    def _open(self) -> ContactLedger:
        one = SqlContactLedger(Rooms(engine_of(self.urls[-1])))
        self.opened.append(one)
        return one


class TestSqlite(_Opened, ContactLedgerContract):
    """The laws of every contact ledger, in a file."""

    where = "sqlite"


class TestPostgres(_Opened, ContactLedgerContract):
    """The laws of every contact ledger, on a server."""

    where = "postgresql"


@pytest.fixture
def rooms(any_url: str) -> Iterator[Rooms]:
    """The rooms of an empty store on each database."""
    engine = engine_of(any_url)
    bring_forward(engine)
    yield Rooms(engine)
    engine.dispose()


def test_facts_of_a_transaction_that_fails_were_never_told(rooms: Rooms) -> None:
    """What is entered within somebody else's transaction goes with it."""

    def cut_short() -> None:
        with rooms.writing() as connection:
            assert insert_facts(connection, [a_contact("one")]) == 1
            assert facts_of(connection, 7) == [a_contact("one")]
            raise OSError("cut short")

    with pytest.raises(OSError, match="cut short"):
        cut_short()

    assert list(SqlContactLedger(rooms).of_customer(7)) == []


def test_of_two_who_ask_and_enter_one_finds_what_the_other_entered(rooms: Rooms) -> None:
    """However many reserve the one contact that is left at the same time, one of them gets it."""

    def reserve(nth: int) -> bool:
        with rooms.writing() as connection:
            hold_ledger(connection)
            if facts_of(connection, 7):
                return False
            return insert_facts(connection, [a_contact(f"by-{nth}")]) == 1

    with ThreadPoolExecutor(4) as threads:
        got = list(threads.map(reserve, range(8)))

    assert sum(got) == 1
    assert len(SqlContactLedger(rooms).of_customer(7)) == 1


def test_an_erased_customer_is_nobody(rooms: Rooms, any_url: str) -> None:
    """After an erasure their facts are of nobody, with all else as it was: the ledger has no gap."""
    ledger = SqlContactLedger(rooms)
    ledger.add([a_contact("one"), a_contact("other", customer=8)])
    with closing(open_store(any_url)) as store:
        assert store.held(7).contact_ledger == 1
    with rooms.writing() as connection:
        connection.execute(update(CONTACT_LEDGER).where(CONTACT_LEDGER.c.customer == 7).values(customer=None))

    assert [one.fact for one in ledger.entries(0, 9)] == [a_contact("one", customer=0), a_contact("other", customer=8)]
    assert list(ledger.of_customer(7)) == []


def test_a_damaged_row_is_named(rooms: Rooms) -> None:
    """A fact that cannot be read is an error that names its entry, and nothing of what it holds."""
    ledger = SqlContactLedger(rooms)
    ledger.add([a_contact("one")])
    with rooms.writing() as connection:
        connection.execute(update(CONTACT_LEDGER).values(body=b"{secret"))

    with pytest.raises(CorruptState, match=r"entry 1 of the contact ledger") as caught:
        ledger.of_customer(7)
    assert "secret" not in str(caught.value)
