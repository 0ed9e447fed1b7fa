"""The office in SQLite and in PostgreSQL keeps the laws of every office, and meets what happens to databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from forbear.adapters.sql.office import SqlOffice, open_office
from forbear.adapters.sql.retention import RetentionRule, retain
from forbear.adapters.sql.store import open_store
from forbear.domain.errors import BackendUnavailable
from forbear.engine.audit import first_break
from forbear.engine.office import Office
from forbear.testing.office_contract import ACCESS, ASKED, OfficeContract

Databases = Any
"""What the fixture of this name gives; see conftest."""
_OPEN, _DAY_US = 10, 86_400 * 10**6


class _Opened:
    """Offices that are closed when the test is over, and where each is kept."""

    @pytest.fixture(autouse=True)
    def _closed(self, new_store: Callable[[], str]) -> Iterator[None]:
        self._new = new_store
        self.urls: dict[int, str] = {}
        self.opened: list[SqlOffice] = []
        yield
        self._close()

    def make(self, writer: str = "one") -> Office:
        return self._open(self._new(), writer)

    def again(self, office: Office, writer: str) -> Office:
        return self._open(self.urls[id(office)], writer)

    def _open(self, url: str, writer: str) -> SqlOffice:
        if len(self.opened) >= _OPEN:  # a law that is tried often makes many, and looks at the last ones only
            self._close()
        one = open_office(url, writer=writer)
        self.urls[id(one)] = url
        self.opened.append(one)
        return one

    def _close(self) -> None:
        for one in self.opened:
            one.close()


class TestSqlite(_Opened, OfficeContract):
    """The laws of every office, in a file."""

    where = "sqlite"


class TestPostgres(_Opened, OfficeContract):
    """The laws of every office, on a server."""

    where = "postgresql"


@pytest.fixture
def office(any_url: str) -> Iterator[SqlOffice]:
    """An empty office on each database."""
    with closing(open_office(any_url, writer="one")) as opened:
        yield opened


def test_an_erased_customer_is_in_no_row_and_the_chain_stays(office: SqlOffice, any_url: str) -> None:
    """Accesses name them no more and scores of theirs are gone; others stay, and the chain is whole."""
    other = replace(ACCESS, customer=7)
    office.accesses.record([ACCESS, other, ACCESS])
    office.asked.record([replace(ASKED, customer=ACCESS.customer), replace(ASKED, score_id="1" * 32, customer=7)])
    assert ACCESS.customer is not None
    office.forget(ACCESS.customer)

    assert list(office.accesses.of_customer(ACCESS.customer, 9)) == []
    assert list(office.accesses.of_customer(7, 9)) == [other]
    assert (office.asked.get(ASKED.score_id), office.asked.get("1" * 32) is None) == (None, False)
    assert first_break(office.accesses.chain("one", 0, 9)) is None
    with closing(open_store(any_url)) as store:
        held = store.held(7)
        assert (held.accesses, held.asked_scores, store.held(ACCESS.customer).anything) == (1, 1, False)


def test_old_asked_scores_go_with_old_predictions(office: SqlOffice) -> None:
    """Those as of a day before the rule's are deleted and counted; a score of its first day stays."""
    for nth, as_of_us in enumerate((99 * _DAY_US - 1, 99 * _DAY_US)):
        office.asked.record([replace(ASKED, score_id=f"{nth:032x}", as_of_us=as_of_us)])
    gone = retain(office.engine, RetentionRule(predictions_days=1), today=100)

    assert (gone.asked_scores, gone.predictions) == (1, 0)
    assert [office.asked.get(f"{nth:032x}") is None for nth in (0, 1)] == [True, False]


@pytest.mark.parametrize("arrives", ["and is there", "and is not"])
def test_a_commit_without_an_answer_is_looked_up(office: SqlOffice, arrives: str) -> None:
    """Whether the connection was lost before the database committed or behind, the chain goes on from what is there."""
    office.accesses.record([ACCESS])

    def lost(connection: Any) -> None:
        if arrives == "and is there":
            connection.connection.driver_connection.commit()
        raise BackendUnavailable("the connection is gone")

    event.listen(office.engine, "commit", lost)
    with pytest.raises(BackendUnavailable):
        office.accesses.record([ACCESS])
    event.remove(office.engine, "commit", lost)
    office.accesses.record([ACCESS])

    records = office.accesses.chain("one", 0, 9)
    assert (len(records), first_break(records)) == (3 if arrives == "and is there" else 2, None)
