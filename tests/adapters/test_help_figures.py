"""Counts of help are those of the rows, on both databases."""

from __future__ import annotations

from collections import Counter
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from forbear.adapters.sql.help_figures import SqlHelpFigures
from forbear.adapters.sql.office import open_office
from forbear.adapters.sql.schema_help import CASES, PROMISES
from forbear.engine.help_figures import SECTIONS, HelpCount, HelpFigures

NONE = {"customer": None, "case_id": None, "intervention_id": None, "settled_us": None}


def test_promises_are_counted_by_state_and_currency_and_their_amounts_add_up(any_url: str) -> None:
    """What is counted is what there is, of the stretch of time that is asked for: its end is not in it."""
    rows = [
        ("kept", "EUR", 12_000, 5),
        ("kept", "EUR", 3_000, 6),
        ("broken", "EUR", 500, 7),
        ("kept", "GBP", 100, 8),
    ]
    with closing(open_office(any_url, writer="test")) as office:
        with office.rooms.writing() as connection:
            for number, (state, currency, amount, made) in enumerate(rows):
                row = {"promise_id": str(number), "amount_minor": amount, "currency": currency, "made_us": made}
                connection.execute(insert(PROMISES).values(**row, **NONE, due_day=1, by="x", state=state))
        figures = SqlHelpFigures(office.rooms)

        assert figures.figures().counts == (
            HelpCount(section="promises", name="broken", of="EUR", count=1, amount_minor=500),
            HelpCount(section="promises", name="kept", of="EUR", count=2, amount_minor=15_000),
            HelpCount(section="promises", name="kept", of="GBP", count=1, amount_minor=100),
        )
        assert figures.figures(6, 8).total("promises") == 2
        assert figures.figures(until_us=7).amount_minor("promises", "kept") == 15_000


def test_sections_stand_in_their_order(any_url: str) -> None:
    """Whatever the database gives first."""
    with closing(open_office(any_url, writer="test")) as office:
        with office.rooms.writing() as connection:
            for kind, state in (("reply", "open"), ("call", "open"), ("call", "closed"), ("call", "open")):
                row = dict.fromkeys(("customer", "intervention_id", "assigned", "due_us", "snoozed_us", "closed_us"))
                number = connection.exec_driver_sql("SELECT count(*) FROM cases").scalar()
                told = {"priority": 1.0, "next_step": "", "opened_us": 1, "why": ""}
                connection.execute(insert(CASES).values(case_id=f"{number}", kind=kind, state=state, **row, **told))
            row = {"promise_id": "p", "amount_minor": 1, "currency": "EUR", "made_us": 1}
            connection.execute(insert(PROMISES).values(**row, **NONE, due_day=1, by="x", state="open"))

        found = SqlHelpFigures(office.rooms).figures().counts

    assert [(one.section, one.name, one.of, one.count) for one in found] == [
        ("promises", "open", "EUR", 1),
        ("cases", "call", "closed", 1),
        ("cases", "call", "open", 2),
        ("cases", "reply", "open", 1),
    ]


@given(st.lists(st.tuples(st.sampled_from(SECTIONS), st.sampled_from("ab"), st.integers(1, 9), st.integers(0, 99))))
def test_totals_are_the_sums_of_their_counts(rows: list[tuple[str, str, int, int]]) -> None:
    """Of a section, and of some names of it."""
    counts = tuple(HelpCount(section=s, name=n, of="", count=c, amount_minor=a) for s, n, c, a in rows)
    figures = HelpFigures(from_us=None, until_us=None, counts=counts)
    whole, of_a = Counter[str](), Counter[str]()
    for section, name, count, _ in rows:
        whole[section] += count
        of_a[section] += count * (name == "a")

    assert [figures.total(section) for section in SECTIONS] == [whole[section] for section in SECTIONS]
    assert [figures.total(section, "a") for section in SECTIONS] == [of_a[section] for section in SECTIONS]


def test_a_section_that_there_is_not_is_refused() -> None:
    """A figure of nothing would read as 0."""
    with pytest.raises(ValueError, match="is none of"):
        HelpFigures(from_us=None, until_us=None, counts=()).total("offers")
