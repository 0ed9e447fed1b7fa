"""Cases, promises and overrides in SQLite and in PostgreSQL keep the laws of all, and forget whom they must."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from forbear.adapters.sql.cases import SqlCases
from forbear.adapters.sql.engine import engine_of
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.overrides import SqlOverrides
from forbear.adapters.sql.promises import SqlPromises
from forbear.adapters.sql.schema import DECISIONS, OUTCOMES
from forbear.adapters.sql.store import open_store
from forbear.apps.package_data import shipped
from forbear.engine.audit import chain
from forbear.engine.case_terms import parse_case_terms
from forbear.engine.overrides import Fared, Override, OverrideKind, Stratum
from forbear.engine.promises import Paid
from forbear.testing.cases_contract import OPENING, PROMISE, Books, CasesContract

TERMS = parse_case_terms(shipped("cases.toml"))


class _Opened(CasesContract):
    """Books whose engines are let go when the test is over."""

    terms = TERMS

    @pytest.fixture(autouse=True)
    def _closed(self, new_store: Callable[[], str]) -> Iterator[None]:
        self._new = new_store
        self.urls: dict[int, str] = {}
        self.engines: list[Engine] = []
        yield
        for engine in self.engines:
            engine.dispose()

    def make(self) -> Books:
        return self._open(self._new())

    def again(self, books: Books) -> Books:
        return self._open(self.urls[id(books)])

    def _open(self, url: str) -> Books:
        rooms = Rooms(engine_of(url))
        self.engines.append(rooms.engine)
        books = Books(SqlCases(rooms), SqlPromises(rooms))
        self.urls[id(books)] = url
        return books


class TestSqlite(_Opened):
    """The laws, in a file."""

    where = "sqlite"


class TestPostgres(_Opened):
    """The laws, on a server."""

    where = "postgresql"


@pytest.fixture
def rooms(any_url: str) -> Iterator[Rooms]:
    """An empty store on each database."""
    open_store(any_url).close()
    found = Rooms(engine_of(any_url))
    yield found
    found.engine.dispose()


def outcome(offset: int, **said: Any) -> dict[str, Any]:
    """A row of payments: of customer 7, 100.00 due on day 50 and missed."""
    row = {"partition": 0, "offset": offset, "customer": 7, "obligation": 1, "due_day": 50, "status": "missed"}
    return row | {"amount_due_minor": 10_000, "paid_day": None} | said


def test_a_payment_counts_once(rooms: Rooms) -> None:
    """What was told of last counts: missed and then cured is one payment; waived and missed ones are none."""
    rows = [
        outcome(1),
        outcome(2, status="cured", paid_day=53),
        outcome(3, due_day=80, status="paid", paid_day=80, amount_due_minor=5),
        outcome(4, obligation=2, status="waived"),
        outcome(5, obligation=3, status="paid", paid_day=40),
        outcome(6, customer=8, status="paid", paid_day=60),
    ]
    with rooms.writing() as connection:
        connection.execute(insert(OUTCOMES), rows)

    assert sorted(SqlPromises(rooms).paid(7, 45)) == [Paid(53, 10_000), Paid(80, 5)]


def decision(entry: int, customer: int, *, outcome: str = "offer", day: int = 100) -> dict[str, Any]:
    """A row of decisions, in the band critical."""
    return {
        "entry": entry,
        "partition": 0,
        "decision_id": f"{entry:032x}",
        "offset": entry,
        "customer": customer,
        "matter": 1,
        "day": day,
        "made_at_us": 1,
        "outcome": outcome,
        "band": "critical",
        "action": "a",
        "channel": "phone",
        "wording": "w",
        "cost_minor": 1,
        "propensity": 1.0,
        "explored": False,
        "held_out": False,
        "expires_day": 200,
        "prediction_offset": 0,
        "prediction_ordinal": 0,
        "model": 1,
        "policy": 1,
        "sealed": b"",
    }


def override(entry: int, customer: int, kind: OverrideKind = OverrideKind.REFUSED_OFFER) -> Override:
    """An override of a decision by its entry."""
    return Override(
        override_id=f"{entry:032x}",
        customer=customer,
        decision_id=f"{entry:032x}",
        at_us=entry,
        by="anna",
        kind=kind,
        reason="unsuitable",
    )


def test_fates_count_each_customer_once(rooms: Rooms) -> None:
    """Overridden ones by kind, others of the same bands beside them; what is not over yet counts nowhere."""
    overrides = SqlOverrides(rooms)
    with rooms.writing() as connection:
        decisions = [decision(n, customer=n) for n in range(1, 7)]
        decisions += [decision(7, customer=1), decision(8, customer=8, day=190), decision(9, customer=9, outcome="law")]
        connection.execute(insert(DECISIONS), decisions)
        missed = {1: 110, 2: 131, 4: 130, 9: 110}
        connection.execute(insert(OUTCOMES), [outcome(n, customer=n, due_day=day) for n, day in missed.items()])
    for entry, customer in ((1, 1), (2, 2), (7, 1), (8, 8)):
        assert overrides.record(override(entry, customer))
    assert not overrides.record(override(1, 1))

    fates = overrides.fates(30, closed_day=200)
    stratum = Stratum("critical", offered=True)
    assert fates.overridden == {(OverrideKind.REFUSED_OFFER, stratum): Fared(2, 1)}
    assert fates.others == {stratum: Fared(4, 1)}
    assert overrides.counted() == {("refused_offer", "unsuitable"): 4}
    assert [one.at_us for one in overrides.listed(2)] == [8, 7]


def test_an_erased_customer_is_in_no_row(rooms: Rooms, any_url: str) -> None:
    """Cases, promises and overrides name them no more; what is left says what was done, and to nobody."""
    cases, promises, overrides = SqlCases(rooms), SqlPromises(rooms), SqlOverrides(rooms)
    case, _ = cases.open(OPENING, TERMS)
    assert promises.make(PROMISE)[1]
    assert overrides.record(override(1, OPENING.customer))
    with closing(open_store(any_url)) as store:
        held = store.held(OPENING.customer)
        assert (held.cases, held.overrides, store.held(PROMISE.customer).promises) == (1, 1, 1)
        for customer in (OPENING.customer, PROMISE.customer):
            store.forget(customer, chain(store.head(), "erasure", 0, {"by": "an officer"}))

    found = cases.get(case.case_id)
    assert found
    assert (found.customer, found.kind) == (0, case.kind)
    assert [one.customer for one in promises.listed(None, 9)] == [0]
    assert [(one.customer, one.sealed) for one in overrides.listed(9)] == [(0, None)]
