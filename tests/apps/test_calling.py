"""Calls from the worklist: the law, then the attempt in the ledger, then the script; a clear answer ends the case."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from forbear.adapters.holidays import bank_calendar
from forbear.adapters.sql.contact_ledger import SqlContactLedger
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.calling import show_call, show_called
from forbear.apps.jobs.casework import open_casework
from forbear.apps.jobs.outreach import Rounds, office_of
from forbear.apps.jobs.showing_cases import Agent
from forbear.domain.contacts import Contacted, Placed, PlaceSource
from forbear.domain.errors import ConfigError, ConflictError
from forbear.engine.by_hand import CallResult
from forbear.engine.case_terms import CaseKind
from forbear.engine.cases import CaseState, Wanted
from forbear.engine.casework import Wish
from forbear.engine.settling import settle
from forbear.features.columns import day_of, micros


@dataclass(frozen=True)
class Listed:
    """A home with calls on its worklist, and noon of a day on which they may be made."""

    home: Path
    noon: datetime


def placed(customer: int, at_us: int) -> Placed:
    """They said where they live."""
    told = {"fact_id": f"placed-{customer}", "customer": customer, "at_us": at_us, "known_us": at_us}
    return Placed(**told, source=PlaceSource.STATED, zones=("Europe/Berlin",))


@pytest.fixture(scope="module")
def listed(generous: Path, tmp_path_factory: pytest.TempPathFactory, cli: Callable[..., Any]) -> Listed:
    """A home whose offers were taken in on a working day, and whose customers are in Berlin. Copy it to change it."""
    home = Path(shutil.copytree(generous, tmp_path_factory.mktemp("calling") / "home"))
    assert cli("run", "--once", "--home", home).code == 0
    with closing(sqlite3.connect(home / "forbear.db")) as database:
        last = database.execute("SELECT max(day) FROM decisions WHERE outcome = 'offer' AND channel = 'phone'")
        day = last.fetchone()[0]
    closed = bank_calendar("DE").holidays
    days = [day_of(day) + timedelta(days=number) for number in (1, 2, 3)]
    noon = datetime.combine(next(one for one in days if one.weekday() < 6 and one not in closed), time(10), UTC)
    with office_of(Home(home), {}) as office, open_casework(home, {}) as work:
        Rounds(Home(home), office, lambda: noon, {}, dry=True).once()
        settle(work, "", day, micros(noon))
        listed = work.cases.worklist(Wanted(kind=CaseKind.CALL), 50, micros(noon))
        SqlContactLedger(office.rooms).add([placed(case.customer, micros(noon) - 1) for case in listed])
    return Listed(home, noon)


@pytest.fixture
def agent(listed: Listed, tmp_path: Path) -> Agent:
    """Anna, at noon."""
    return Agent(home=Home(Path(shutil.copytree(listed.home, tmp_path / "home"))), name="anna", now=listed.noon)


def calls(agent: Agent, state: CaseState | None = None) -> list[Any]:
    """Calls on the list."""
    with agent.work() as work:
        return list(work.cases.worklist(Wanted(kind=CaseKind.CALL, state=state), 50, agent.who.at_us))


def contacts(agent: Agent, customer: int) -> list[Contacted]:
    """What the ledger has of a customer."""
    with office_of(agent.home, {}) as office:
        facts = SqlContactLedger(office.rooms).of_customer(customer)
    return [one for one in facts if isinstance(one, Contacted)]


def test_a_call_is_noted_shown_and_closed_by_a_clear_answer(agent: Agent, capsys: pytest.CaptureFixture[str]) -> None:
    """The attempt is in the ledger before the script is shown."""
    case = calls(agent)[0]
    show_call(agent, Console(), case.case_id)
    said = capsys.readouterr().out

    assert "you may call now" in said
    assert len([one for one in contacts(agent, case.customer) if one.by == "anna"]) == 1
    show_called(agent, Console(), case.case_id, CallResult.ACCEPTED)
    assert "closed: accepted" in capsys.readouterr().out
    assert case.case_id not in [one.case_id for one in calls(agent)]


def test_at_night_nobody_calls(agent: Agent) -> None:
    """The clause is named, and nothing was noted."""
    case = calls(agent)[0]
    late = Agent(home=agent.home, name="anna", now=agent.now + timedelta(hours=12))

    with pytest.raises(ConflictError, match=r"\("):
        show_call(late, Console(quiet=True), case.case_id)
    assert not [one for one in contacts(agent, case.customer) if one.by == "anna"]


def test_after_no_answer_the_case_stays_and_nobody_calls_again_today(agent: Agent) -> None:
    """It is tomorrow's."""
    case = calls(agent)[0]
    show_call(agent, Console(quiet=True), case.case_id)
    show_called(agent, Console(quiet=True), case.case_id, CallResult.NO_ANSWER)

    assert case.case_id in [one.case_id for one in calls(agent)]
    with pytest.raises(ConflictError, match="nobody answered: not before"):
        show_call(agent, Console(quiet=True), case.case_id)


def test_other_cases_are_not_calls(agent: Agent) -> None:
    """A customer who wants a person has no offer that is to be made."""
    with agent.work() as work:
        name = work.names((calls(agent)[0].customer,)).popitem()[1]
        case, _ = work.open(name, Wish(kind=CaseKind.HUMAN), agent.who)

    with pytest.raises(ConfigError, match="is a human"):
        show_call(agent, Console(quiet=True), case.case_id)
