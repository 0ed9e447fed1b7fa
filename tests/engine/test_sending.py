"""The sender over a real database: what it asks, what it writes down and when, and what it never does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.engine.sending_desk import MINUTE_US, Setup, made

from forbear.adapters.sql.interventions import SqlInterventions
from forbear.adapters.sql.store import open_store
from forbear.domain.contacts import Verdict
from forbear.domain.errors import ConfigError
from forbear.engine.interventions import Move
from forbear.engine.lifecycle import State
from forbear.engine.outputs import OutcomeRow, Outputs, Position
from forbear.engine.outreach import Sent, Unknown
from forbear.engine.sending import Ports, Sender, Unwritten, World
from forbear.testing.interventions_contract import (
    DAY_US,
    FIRST_DAY,
    NOON_US,
)
from forbear.testing.outputs import CUSTOMERS


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    """One offer by SMS, made on the first day and valid for a week."""
    yield from made(tmp_path / "forbear.db")


def test_an_offer_is_sent_once(setup: Setup) -> None:
    """However often the sender steps and starts anew: one call, under the decision's id, and the path says so."""
    for _ in range(3):
        setup.step(MINUTE_US)

    [message] = setup.carrier.calls
    assert (message.key, message.text) == (f"{0:032x}", "plan")
    assert setup.path == ["proposed", "approved", "sending", "sent"]


def test_what_needs_approval_waits_for_a_person(setup: Setup) -> None:
    """Nothing is sent before somebody approved, and it expires unsent if nobody does."""
    setup.approval = "approver"
    setup.step()
    setup.step(DAY_US)
    assert (setup.one.state, setup.carrier.calls) == (State.PROPOSED, [])

    move = Move(after=State.APPROVED, at_us=setup.now_us, by="M. Muster", due_us=setup.now_us)
    SqlInterventions(setup.rooms).move(setup.one, move)
    setup.step()
    assert (setup.one.state, len(setup.carrier.calls)) == (State.SENT, 1)


def test_after_its_days_it_expires(setup: Setup) -> None:
    """On the day after the last valid one it is not sent any more, approved or not."""
    setup.approval = "approver"
    setup.step()
    setup.now_us = (setup.one.expires_day + 1) * DAY_US
    setup.step()
    assert (setup.one.state, setup.carrier.calls) == (State.EXPIRED, [])


def test_the_law_is_asked_at_sending(setup: Setup) -> None:
    """Forbidden now it waits until the first lawful instant; forbidden for good it is cancelled."""
    setup.verdict = Verdict(allowed=False, clause="c", says="too late in the day", next_us=NOON_US + 5)
    setup.step()
    assert (setup.one.state, setup.one.due_us, setup.one.why) == (State.WAITING, NOON_US + 5, "too late in the day")
    setup.step(4)
    assert setup.path == ["proposed", "approved", "waiting"]
    setup.verdict = Verdict(allowed=False, clause="deceased", says="the customer has died")
    setup.step(1)
    assert (setup.one.state, setup.carrier.calls) == (State.CANCELLED, [])


def test_the_law_may_want_a_person_to_approve(setup: Setup) -> None:
    """What policy lets through goes back to a person where the law says so; approved, it is sent."""
    setup.verdict = Verdict(allowed=True, needs_approval="uk-7")
    setup.step()
    assert (setup.one.state, setup.one.approval, setup.carrier.calls) == (State.PROPOSED, "uk-7", [])
    move = Move(after=State.APPROVED, at_us=setup.now_us, by="M. Muster", due_us=setup.now_us)
    SqlInterventions(setup.rooms).move(setup.one, move)
    setup.step()
    assert setup.one.state is State.SENT


def test_want_of_knowledge_has_it_wait(setup: Setup) -> None:
    """A clause that forbids because nobody knows where somebody is does not end it: somebody may find out."""
    setup.verdict = Verdict(allowed=False, clause="no-place", says="nobody knows")
    setup.step(mendable=frozenset({"no-place"}))
    assert setup.one.state is State.WAITING


def test_the_kill_switch_holds_everything_unsent(setup: Setup) -> None:
    """Stopped, nothing is sent, and what was sent is followed on; started again it goes on."""
    setup.stopped = True
    setup.step()
    assert (setup.one.state, setup.carrier.calls) == (State.APPROVED, [])
    setup.stopped = False
    setup.carrier.answers = [Unknown(why="time-out")]
    setup.step()
    setup.stopped = True
    setup.carrier.looks = [Sent(reference="r")]
    setup.step(10 * MINUTE_US)
    assert setup.one.state is State.SENT


@pytest.mark.parametrize(
    ("says", "state"),
    [
        (Unwritten(why="no number", lasting=True), State.CANCELLED),
        (Unwritten(why="the CRM is away", lasting=False), State.WAITING),
        (ConfigError("no template", mend="write one"), State.WAITING),
    ],
    ids=["no address", "no directory", "no wording"],
)
def test_without_a_letter_nothing_is_sent(setup: Setup, says: Unwritten | ConfigError, state: State) -> None:
    """Nobody to write to ends it; what somebody can mend has it wait."""
    setup.desk.says = says
    setup.step()
    assert (setup.one.state, setup.carrier.calls) == (state, [])


def test_a_channel_without_a_provider_waits(setup: Setup) -> None:
    """What nothing carries waits for a person, until it expires."""
    store = SqlInterventions(setup.rooms)
    ports = Ports(store=store, carriers={}, secretary=setup.desk, law=setup.law)
    Sender(ports, World(clock=lambda: NOON_US, day_of=lambda at_us: at_us // DAY_US)).step()
    assert setup.one.state is State.WAITING


@pytest.mark.parametrize(
    ("rows", "why", "path"),
    [
        ([("missed", 5)], "missed", ["outcome", "closed"]),
        ([("paid", 29)], "paid", ["outcome", "closed"]),
        ([("missed", 30)], "no payment fell due in 30 days", ["closed"]),
        ([], "no payment fell due in 30 days", ["closed"]),
    ],
    ids=["missed", "paid", "due too late", "nothing due"],
)
def test_payments_close_it(setup: Setup, rows: list[tuple[str, int]], why: str, path: list[str]) -> None:
    """When all payments of 30 days are known it is closed with what became of them, and not before."""
    setup.step()
    outcomes = tuple(
        OutcomeRow(
            offset=10 + nth,
            customer=CUSTOMERS[0],
            obligation=nth,
            due_day=FIRST_DAY + ahead,
            status=status,
            amount_due_minor=1,
            paid_day=FIRST_DAY + ahead if status == "paid" else None,
        )
        for nth, (status, ahead) in enumerate(rows)
    )
    with closing(open_store(str(setup.rooms.engine.url))) as store:
        store.commit(Outputs(after=Position(10, 0), until=Position(20, 0), outcomes=outcomes))
    setup.step(39 * DAY_US)
    assert setup.one.state is State.SENT
    setup.step(3 * DAY_US)
    assert (setup.one.why, setup.path[4:]) == (why, path)
