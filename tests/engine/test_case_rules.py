"""The rules of cases: only legal moves, one holder, nothing lost by a snooze, deadlines that fall on bank days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.adapters.holidays import bank_calendar
from forbear.apps.package_data import shipped
from forbear.domain.calendar import BankCalendar
from forbear.domain.errors import ConfigError, ConflictError, InvalidEvent
from forbear.engine.case_terms import CaseKind, deadline, parse_case_terms
from forbear.engine.cases import (
    ESCALATED,
    HOUR_US,
    Act,
    Case,
    CaseState,
    Move,
    Opening,
    awake,
    case_id_of,
    moved,
    opened,
    place_of,
    unchanged,
)
from forbear.features.columns import instant, micros

TERMS = parse_case_terms(shipped("cases.toml"))
DUE_US = 1_000 * HOUR_US
OPENING = Opening(customer=7, kind=CaseKind.CALL, subject="d", cause="c", by="forbear", at_us=HOUR_US, due_us=DUE_US)
CASE = opened(OPENING, 0, TERMS)
PEOPLE = ["anna", "bert", "cara"]
LEGAL = {
    CaseState.OPEN: set(CaseState) - {CaseState.WAITING},
    CaseState.ASSIGNED: set(CaseState),
    CaseState.SNOOZED: set(CaseState),
    CaseState.WAITING: set(CaseState),
    CaseState.CLOSED: {CaseState.CLOSED},
}
"""Where a case may stand after one move by a person who is no approver."""
MOVES = st.builds(
    Move,
    act=st.sampled_from(Act),
    by=st.sampled_from(PEOPLE),
    at_us=st.just(0),
    approver=st.booleans(),
    to=st.sampled_from(PEOPLE),
    until_us=st.none() | st.integers(1, 1_200).map(lambda hours: hours * HOUR_US),
    result=st.sampled_from(["declined", "accepted", "perhaps"]),
)


def walked(moves: list[Move]) -> list[tuple[Case, Move, Case]]:
    """The moves of a list that the rules let through, an hour apart: before, move, after."""
    case, done = CASE, []
    for hour, move in enumerate(moves, 2):
        at = replace(move, at_us=hour * HOUR_US)
        try:
            after = moved(case, at, TERMS)
        except (ConflictError, InvalidEvent):
            continue
        done.append((awake(case, at.at_us), at, after))
        case = after
    return done


@given(st.lists(MOVES, max_size=30))
def test_whatever_people_do_only_legal_steps_happen(moves: list[Move]) -> None:
    """A closed case stays closed, an escalated one is an approver's for good, and what it is about never changes."""
    for before, move, after in walked(moves):
        assert after.state in LEGAL[before.state] or (move.approver and before.state is not CaseState.CLOSED)
        assert before.state is not CaseState.CLOSED
        assert not before.escalated or (after.escalated and (move.approver or move.act is Act.NOTE))
        assert (after.case_id, after.customer, after.kind, after.due_us) == (
            *(CASE.case_id, CASE.customer, CASE.kind),
            CASE.due_us,
        )
        assert (after.state is CaseState.CLOSED) == (after.closed_us is not None)
        assert (after.state is CaseState.SNOOZED) == (after.snoozed_us is not None)
        assert bool(after.assigned) or after.state is not CaseState.ASSIGNED


@given(st.lists(MOVES, max_size=30))
def test_nobody_works_on_the_case_of_another(moves: list[Move]) -> None:
    """Who is no approver changes a case that another has by nothing but a note, or by having it escalated."""
    for before, move, after in walked(moves):
        if before.assigned not in {"", move.by} and not move.approver and move.act is not Act.ESCALATE:
            assert after == before


@given(st.lists(MOVES, max_size=20), st.integers(0, 2_000))
def test_a_case_wakes_once_and_is_then_awake(moves: list[Move], hours: int) -> None:
    """Looked at twice a case stands alike, and looking later never puts it back to sleep."""
    for _, _, case in walked(moves):
        now_us = hours * HOUR_US
        assert awake(awake(case, now_us), now_us) == awake(case, now_us)
        assert awake(awake(case, now_us), now_us + HOUR_US) == awake(case, now_us + HOUR_US)
        assert place_of(awake(case, now_us)) == place_of(case)


def test_taken_twice_by_one_is_taken_once() -> None:
    """The second taking changes nothing; another person hears who has it."""
    taken = moved(CASE, Move(act=Act.TAKE, by="anna", at_us=5), TERMS)
    again = Move(act=Act.TAKE, by="anna", at_us=6)

    assert unchanged(taken, moved(taken, again, TERMS), again)
    with pytest.raises(ConflictError, match="anna has the case"):
        moved(taken, replace(again, by="bert"), TERMS)
    assert moved(taken, replace(again, by="bert", approver=True), TERMS).assigned == "bert"


def test_refused_by_three_it_is_an_approvers() -> None:
    """Each puts it back; the third time it is escalated, first in the list, and no agent can take it."""
    case = CASE
    for nth, who in enumerate(PEOPLE, 1):
        case = moved(
            moved(case, Move(act=Act.TAKE, by=who, at_us=nth), TERMS), Move(act=Act.REFUSE, by=who, at_us=nth), TERMS
        )
        assert (case.state, case.assigned, case.refusals) == (CaseState.OPEN, "", nth)
        assert case.escalated == (nth == 3)

    assert case.priority == CASE.priority + ESCALATED
    assert place_of(case) < place_of(replace(CASE, due_us=0))
    with pytest.raises(ConflictError, match="an approver works on it"):
        moved(case, Move(act=Act.TAKE, by="anna", at_us=9), TERMS)


@pytest.mark.parametrize(
    ("move", "error", "says"),
    [
        (Move(act=Act.SNOOZE, by="anna", at_us=5, until_us=DUE_US + 1), InvalidEvent, "is due before that"),
        (Move(act=Act.SNOOZE, by="anna", at_us=5, until_us=4), InvalidEvent, "is to come"),
        (Move(act=Act.SNOOZE, by="anna", at_us=5, until_us=500 * HOUR_US), InvalidEvent, "14 days at most"),
        (Move(act=Act.SNOOZE, by="anna", at_us=5), InvalidEvent, "is to come"),
        (Move(act=Act.CLOSE, by="anna", at_us=5, result="done"), InvalidEvent, "accepted, declined"),
        (Move(act=Act.ASSIGN, by="anna", at_us=5), InvalidEvent, "nobody is named"),
        (Move(act=Act.WAIT, by="anna", at_us=5), ConflictError, "take it first"),
        (Move(act=Act.REFUSE, by="anna", at_us=5), ConflictError, "take it first"),
        (Move(act=Act.NOTE, by="anna", at_us=5, seen=1), ConflictError, "somebody was first"),
    ],
)
def test_what_is_no_move_is_refused(move: Move, error: type[Exception], says: str) -> None:
    """Each refusal says what would be right."""
    with pytest.raises(error, match=says):
        moved(CASE, move, TERMS)


def test_ids_tell_cases_apart() -> None:
    """Whatever a case is about, and the how many-th it is, gives another id."""
    changes = [{}, {"customer": 8}, {"kind": CaseKind.REPLY}, {"subject": "e"}]
    ids = {case_id_of(replace(OPENING, **change), nth) for change in changes for nth in range(3)}  # type: ignore[arg-type]
    assert len(ids) == 12


# ---- deadlines


@given(
    st.integers(1_577_836_800, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.sampled_from(CaseKind),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]),
)
def test_deadlines_are_to_come_and_end_a_bank_day(opened_at: datetime, kind: CaseKind, zone: str) -> None:
    """A deadline lies behind the opening, at the end of a day there; in bank days one on which the bank works."""
    calendar = bank_calendar("DE")
    terms = TERMS.kinds[kind]
    due = instant(deadline(terms, micros(opened_at), zone, calendar)).astimezone(ZoneInfo(zone))

    assert due > opened_at
    assert (due.hour, due.minute, due.second) == (23, 59, 59)
    assert terms.days is not None or calendar.works_on(due.date())


@pytest.mark.parametrize(
    ("opened_at", "kind", "due"),
    [
        ("2026-12-23T10:00", CaseKind.HUMAN, "2026-12-28"),  # two bank days: Christmas Eve is one in Germany
        ("2026-11-20T23:30", CaseKind.CALL, "2026-11-24"),  # a Friday, which is Saturday in Berlin by half an hour
        ("2028-01-31T12:00", CaseKind.CONTEST, "2028-02-28"),  # never more than one month
        ("2026-02-01T12:00", CaseKind.CONTEST, "2026-03-01"),
    ],
)
def test_deadlines_by_hand(opened_at: str, kind: CaseKind, due: str) -> None:
    """Worked by hand for a bank in Berlin."""
    found = deadline(
        TERMS.kinds[kind], micros(datetime.fromisoformat(opened_at + "Z")), "Europe/Berlin", bank_calendar("DE")
    )
    assert instant(found).astimezone(ZoneInfo("Europe/Berlin")).date() == date.fromisoformat(due)


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_a_contest_is_answered_within_a_month(day: date) -> None:
    """GDPR art. 12(3): whatever day it comes on, its deadline is not behind the same day of the next month."""
    opened_us = micros(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    due = instant(deadline(TERMS.kinds[CaseKind.CONTEST], opened_us, "UTC", BankCalendar())).date()
    month = (day.year + day.month // 12, day.month % 12 + 1)
    last = (date(month[0] + month[1] // 12, month[1] % 12 + 1, 1) - date(month[0], month[1], 1)).days
    assert due <= date(*month, min(day.day, last))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kinds": {**shipped("cases.toml")["kinds"], "call": {}}}, "required field"),
        ({"kinds": {"call": shipped("cases.toml")["kinds"]["call"]}}, "kind reply is missing"),
        ({"override_reasons": {}}, "override_reasons is empty"),
        ({"format": 2}, "format 2"),
        (
            {
                "kinds": {
                    **shipped("cases.toml")["kinds"],
                    "call": {**shipped("cases.toml")["kinds"]["call"], "days": 3},
                }
            },
            "either bank_days or days",
        ),
    ],
)
def test_terms_that_cannot_be_are_refused(change: dict[str, object], says: str) -> None:
    """A document is checked as a whole, and the error names the place."""
    with pytest.raises(ConfigError, match=says):
        parse_case_terms({**shipped("cases.toml"), **change})
