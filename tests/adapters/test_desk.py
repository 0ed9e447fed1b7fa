"""What is asked at each request goes by an index, on every database; rows that are counted are seen in their order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import event, make_url

from forbear.adapters.sql.desk import SqlDesk, open_desk
from forbear.adapters.sql.office import open_office
from forbear.adapters.sql.schema import DECISIONS
from forbear.adapters.sql.store import SqlStore, open_store, open_stores
from forbear.engine.commits import START
from forbear.engine.desk import Picked
from forbear.engine.outputs import Outputs, Position
from forbear.testing.outputs import CUSTOMERS, FIRST_DAY, day, days

HOT: dict[str, Callable[[SqlDesk], Any]] = {
    "known": lambda desk: desk.known(CUSTOMERS[:1]),
    "known, many": lambda desk: desk.known(CUSTOMERS),
    "listed": lambda desk: desk.listed("customer", 2),
    "scores_at": lambda desk: desk.scores_at([(0, Position(9, 1))]),
    "scores_behind": lambda desk: desk.scores_behind(0, Position(9, 2), 2),
    "standings": lambda desk: desk.standings(),
    "made": lambda desk: desk.made("0" * 32),
    "made_behind": lambda desk: desk.made_behind(1, 2),
    "picked": lambda desk: desk.picked(Picked(customer=CUSTOMERS[0]), 2),
    "picked, outcome": lambda desk: desk.picked(Picked(outcome="offer"), 2),
    "picked, days": lambda desk: desk.picked(Picked(days=(FIRST_DAY, FIRST_DAY)), 2),
    "contacts": lambda desk: desk.contacts(CUSTOMERS[0], 2),
    "links": lambda desk: desk.links(CUSTOMERS[0], 2),
}
"""What is asked often, by what."""


@pytest.fixture
def store(any_url: str) -> Iterator[SqlStore]:
    """A store with three days on each database."""
    with closing(open_store(any_url)) as opened:
        for outputs in days(3):
            opened.commit(outputs)
        yield opened


@contextmanager
def explained(desk: SqlDesk, tell: Callable[[Any], None]) -> Iterator[None]:
    """While the block runs, each plan of a statement is told as the database gives it, before the statement is run."""
    sqlite = desk.engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN (FORMAT JSON)"

    def ask(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        cursor.execute(f"{explain} {statement}", parameters)
        tell([row[3] for row in cursor.fetchall()] if sqlite else cursor.fetchone()[0][0]["Plan"])

    event.listen(desk.engine, "before_cursor_execute", ask)
    try:
        yield
    finally:
        event.remove(desk.engine, "before_cursor_execute", ask)


def told(url: str, options: str) -> str:
    """The URL with settings of a session."""
    return make_url(url).update_query_dict({"options": options}).render_as_string(hide_password=False)


@pytest.mark.parametrize("asked", HOT)
def test_no_table_is_read_as_a_whole(store: SqlStore, any_url: str, asked: str) -> None:
    """Each step of each plan is a search, or the next rows in the order of an index up to a limit."""
    url = any_url
    if store.engine.dialect.name == "postgresql":  # so few rows it would rather read than look for
        url = told(url, "-c enable_seqscan=off")
    plans: list[Any] = []
    with closing(open_desk(url)) as desk, explained(desk, plans.append):
        HOT[asked](desk)

    assert plans
    if store.engine.dialect.name == "sqlite":
        steps = [step for plan in plans for step in plan]
        assert [step for step in steps if "SCAN" in step and "CONSTANT ROW" not in step] == []
    else:
        assert "Seq Scan" not in json.dumps(plans)


def test_pages_come_in_the_order_of_an_index(store: SqlStore, any_url: str) -> None:
    """Pages of customers, scores and decisions are not sorted: their cost does not grow with what lies behind them."""
    plans: list[Any] = []
    url = any_url
    if store.engine.dialect.name == "postgresql":
        url = told(url, "-c enable_seqscan=off -c enable_bitmapscan=off")
    with closing(open_desk(url)) as desk, explained(desk, lambda plan: plans.append(json.dumps(plan))):
        for asked in ("listed", "scores_behind", "made_behind"):
            plans.clear()
            HOT[asked](desk)
            if store.engine.dialect.name == "sqlite":
                assert not [plan for plan in plans if "TEMP B-TREE" in plan and "SEARCH answers" not in plan]
            else:
                (page,) = [plan for plan in plans if '"customers"' in plan and '"Limit"' in plan]
                assert '"Sort"' not in page


def test_decisions_are_seen_in_the_order_of_their_entries(any_url: str) -> None:
    """While one partition commits, another that was counted later is not seen before it: a follower passes none by."""
    early, (first, second) = zip(*(days(2, first_decision=count) for count in (0, 1_000)), strict=True)
    with closing(open_stores(any_url)) as stores, closing(open_desk(any_url)) as desk:
        stores.commit(dict(enumerate(early)))
        last = desk.made_behind(0, 100).value[-1].entry
        held, go_on, told = Event(), Event(), list[str]()

        def hold(connection: Any) -> None:
            if not held.is_set():
                held.set()
                go_on.wait(10.0)

        def follow(outputs: Outputs, partition: int) -> None:
            stores.commit({partition: outputs})
            told.append(str(partition))

        event.listen(stores.engine, "commit", hold)
        slow = Thread(target=follow, args=(first, 0))
        slow.start()
        assert held.wait(10.0)
        quick = Thread(target=follow, args=(second, 1))
        quick.start()
        quick.join(0.3)
        seen = desk.made_behind(last, 100).value
        last = seen[-1].entry if seen else last
        go_on.set()
        slow.join(10.0)
        quick.join(10.0)
        event.remove(stores.engine, "commit", hold)
        found = {one.decision.decision_id for one in (*seen, *desk.made_behind(last, 100).value)}

    assert found == {one.decision_id for one in (*first.decisions, *second.decisions)}
    assert sorted(told) == ["0", "1"]


def test_a_desk_sees_one_instant_and_writes_nothing(store: SqlStore, any_url: str) -> None:
    """What is committed while it reads is in the next answer; it cannot change a row."""
    with closing(open_desk(any_url)) as desk:
        before = desk.standings()
        store.commit(day(3, store.head()))
        after = desk.standings()
        assert (before.marks[0], after.marks[0]) == (Position(30), Position(40))
        assert set(after.value.offset.tolist()) == {39}
        with pytest.raises(Exception, match=r"readonly|read-only"), desk.engine.connect() as connection:
            connection.execute(DECISIONS.delete())


def test_the_home_of_an_office_can_be_looked_at(any_url: str) -> None:
    """The desk over a database in which only an office ever wrote tells of nothing, and finds no fault."""
    with closing(open_office(any_url, writer="one")), closing(open_desk(any_url)) as desk:
        assert (dict(desk.marks()), desk.scores_behind(0, START, 9).value) == ({}, ())
