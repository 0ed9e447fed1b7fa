"""Events in a table of somebody's database: every row an event in the order received, or named as what it is."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from forbear.adapters.event_rows import EventTable
from forbear.domain.errors import BackendUnavailable, ConfigError, InvalidEvent
from forbear.domain.events import Event
from forbear.testing.builders import outcome, transaction

EVENTS: list[Event] = [transaction(n, day=n // 2, counterparty="Bäckerei" if n % 2 else None) for n in range(9)]


def table_of(path: Path, rows: list[dict[str, Any]]) -> str:
    """A database with the table "bookings" that holds some rows; its URL."""
    names = sorted({name for row in rows for name in row})
    numbers = {name for row in rows for name, value in row.items() if isinstance(value, int)}
    columns = [sa.Column(name, sa.BigInteger if name in numbers else sa.Text) for name in names]
    table = sa.Table("bookings", sa.MetaData(), *columns)
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), [{**dict.fromkeys(names), **row} for row in rows])
    engine.dispose()
    return f"sqlite:///{path}"


def rows_of(events: list[Event]) -> list[dict[str, Any]]:
    """Events as rows: texts and numbers."""
    return [msgspec.json.decode(msgspec.json.encode(event)) for event in events]


def test_rows_come_as_events_in_the_order_received(tmp_path: Path) -> None:
    """Whatever order they stand in, rows are read by when they were received; NULL is what an event leaves out."""
    rows = [{**row, "branch": "of no concern"} for row in rows_of(EVENTS)]
    url = table_of(tmp_path / "bank.db", rows[::-1])
    with closing(EventTable(url, "bookings")) as table:
        assert list(table.read()) == EVENTS
        assert list(table.read(7)) == EVENTS[7:]
        assert table.bounds() == (EVENTS[0].received_at, EVENTS[-1].received_at)


def test_a_type_says_what_a_row_is(tmp_path: Path) -> None:
    """With a column `type` rows of other kinds stand beside transactions; without one each is a transaction."""
    mixed: list[Event] = [transaction(1), outcome(2)]
    with closing(EventTable(table_of(tmp_path / "mixed.db", rows_of(mixed)), "bookings")) as table:
        assert list(table.read()) == mixed
    bare = [{name: value for name, value in row.items() if name != "type"} for row in rows_of(EVENTS)]
    with closing(EventTable(table_of(tmp_path / "bare.db", bare), "bookings")) as table:
        assert list(table.read()) == EVENTS


def test_a_row_that_is_no_event_is_named(tmp_path: Path) -> None:
    """The door's refusal says which row of which table it is."""
    rows = rows_of(EVENTS)
    rows[3]["direction"] = "sideways"
    with closing(EventTable(table_of(tmp_path / "bank.db", rows), "bookings")) as table:
        with pytest.raises(InvalidEvent, match="table bookings, row 3") as refused:
            list(table.read())
        assert refused.value.field == "direction"


def test_an_empty_table_has_no_bounds(tmp_path: Path) -> None:
    """Nothing is read of it, and nobody says when it began."""
    url = table_of(tmp_path / "bank.db", rows_of(EVENTS))
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM bookings"))
    engine.dispose()
    with closing(EventTable(url, "bookings")) as table:
        assert (list(table.read()), table.bounds()) == ([], None)


@pytest.mark.parametrize(
    ("url", "table", "error"),
    [
        ("sqlite://", "nowhere", ConfigError),
        ("nonsense", "bookings", ConfigError),
        ("nosuch://x", "bookings", ConfigError),
        ("postgresql://nobody@127.0.0.1:9/none", "bookings", BackendUnavailable),
    ],
)
def test_what_cannot_be_read_says_who_must_act(url: str, table: str, error: type[Exception]) -> None:
    """A wrong name or URL is the operator's; a server that does not answer is nobody's yet."""
    with pytest.raises(error):
        EventTable(url, table)


def test_a_table_must_say_when_its_rows_were_received(tmp_path: Path) -> None:
    """Without received_at there is no order, and so no feed."""
    url = table_of(tmp_path / "bank.db", [{"transaction_id": "T1"}])
    with pytest.raises(ConfigError, match="received_at"):
        EventTable(url, "bookings")
