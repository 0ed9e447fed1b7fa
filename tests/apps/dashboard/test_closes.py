"""Closes and the days that their scores count for: told in one way by every page, and as the store has them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.apps.dashboard.conftest import said, whole
from tests.apps.dashboard.test_book_and_report_pages import specs

from forbear.apps.dashboard import formats
from forbear.apps.home import Home
from forbear.engine.office import Role
from forbear.features.columns import day_of
from forbear.features.hashing import key_of


@given(st.dates(min_value=date(1970, 1, 2)))
def test_a_close_lies_a_day_before_what_it_counts_for(day: date) -> None:
    """The scores of the close of D count for D + 1."""
    assert formats.close_of(day) + timedelta(days=1) == day


def asked(real: Any, query: str, *values: Any) -> list[Any]:
    """Rows of the store."""
    with closing(sqlite3.connect(Home(real.home).database)) as store:
        return store.execute(query, values).fetchall()


@pytest.mark.parametrize("page", ["executive", "heat-map", "acceleration", "cockpit", "worklist", "roi"])
def test_every_head_names_the_last_close(visit: Any, real: Any, page: str) -> None:
    """The head of a page says the newest row of `days`: the closed day, not the one that its scores count for."""
    [(last,)] = asked(real, "SELECT max(day) FROM days")
    app = whole(visit(page, Role.ANALYST if page != "worklist" else Role.AGENT))

    assert f"As of the close of {day_of(last)}" in said(app)
    assert f"close of {day_of(last + 1)}" not in said(app)


def test_paths_of_the_page_of_movers_are_by_close(visit: Any, real: Any) -> None:
    """Head and caption name one close, and each point of a path stands at the close whose row of the store it is."""
    app = whole(visit("acceleration", Role.ANALYST))
    [(last,)] = asked(real, "SELECT max(day) FROM days")
    assert f"Paths up to the close of {day_of(last)};" in said(app)

    rows = [row for spec in specs(app) for row in spec["rows"] if "customer" in row and "pd" in row]
    assert max(row["day"] for row in rows) == day_of(last).isoformat()
    for row in rows[:: max(len(rows) // 20, 1)]:
        assert row["pd"] == pytest.approx(at_close(real, row["customer"], date.fromisoformat(row["day"])), rel=1e-6)


def test_the_path_of_a_customer_is_by_close(visit: Any, real: Any) -> None:
    """Its last point is the score that the store has of that close, and the page says for which day it counts."""
    who = real.known.customers[3]
    app = whole(visit("customer", Role.AGENT, id=who))
    [spec] = [one for one in specs(app) if any({"day", "pd", "band"} <= row.keys() for row in one["rows"])]
    last = max((row for row in spec["rows"] if {"day", "pd"} <= row.keys()), key=lambda row: row["day"])
    close = date.fromisoformat(str(last["day"])[:10])

    assert last["pd"] == pytest.approx(at_close(real, who, close))
    counts_for = next(one.value for one in app.metric if one.label.endswith("Score counts for"))
    assert date.fromisoformat(counts_for) >= close + timedelta(days=1)


def at_close(real: Any, customer: str, close: date) -> float:
    """The PD of a customer at the close of a day, by the store's own rows of that close."""
    key = key_of(customer)
    query = """SELECT p.pd, p.day - d.day FROM days d JOIN predictions p ON p.partition = d.partition
        AND p.offset = d.offset WHERE d.day = ? AND p.customer = ?"""
    day = (close - date(1970, 1, 1)).days
    [(pd, ahead)] = asked(real, query, day, key - 2**64 if key >= 2**63 else key)
    assert ahead == 1
    return float(pd)
