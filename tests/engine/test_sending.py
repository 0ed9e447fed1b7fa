"""The sender over a real database: what it asks, what it writes down and when, and what it never does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.adapters.sql.engine import engine_of
from forbear.adapters.sql.intervention_paths import SqlPaths
from forbear.adapters.sql.interventions import SqlInterventions
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.store import open_store
from forbear.domain.contacts import Fact, Question, Verdict
from forbear.domain.errors import ConfigError
from forbear.engine.interventions import Intervention, Move
from forbear.engine.lifecycle import Receipt, ReceiptKind, Reply, State
from forbear.engine.outputs import OutcomeRow, Outputs, Position
from forbear.engine.outreach import Absent, Delivery, Message, Refused, Sent, Unknown
from forbear.engine.sending import Did, Letter, Ports, Rules, Sender, Unwritten, World
from forbear.testing.interventions_contract import (
    ALLOWED,
    DAY_US,
    FIRST_DAY,
    NOON_US,
    ScriptedCarrier,
    offers,
    once_only,
    question,
)
from forbear.testing.outputs import CUSTOMERS

_MINUTE_US = 60 * 10**6


@dataclass
class Desk:
    """Who addresses everybody, unless told otherwise."""

    says: Unwritten | ConfigError | None = None

    def letter(self, of: Intervention) -> Letter | Unwritten:
        """A letter to a number."""
        if isinstance(self.says, ConfigError):
            raise self.says
        return self.says or Letter(to="+1", subject="", text=of.wording, language="en", template="t@1")

    def question(self, of: Intervention, at_us: int) -> Question:
        """What the law is asked."""
        return question(of, at_us)


@dataclass
class Setup:
    """A sender and what it works over."""

    rooms: Rooms
    carrier: ScriptedCarrier = field(default_factory=ScriptedCarrier)
    desk: Desk = field(default_factory=Desk)
    now_us: int = NOON_US
    stopped: bool = False
    approval: str = ""
    verdict: Verdict | None = ALLOWED

    def sender(self, **rules: Any) -> Sender:
        """A sender, as a process that has just started has it."""
        store = SqlInterventions(self.rooms)
        ports = Ports(store=store, carriers={"sms": self.carrier}, secretary=self.desk, law=self.law)
        world = World(
            clock=lambda: self.now_us,
            day_of=lambda at_us: at_us // DAY_US,
            stopped=lambda: self.stopped,
            approval=lambda _band, _action: self.approval,
        )
        return Sender(ports, world, Rules(**rules))

    def law(self, _question: Question, facts: Sequence[Fact]) -> Verdict:
        """The stated verdict, or one contact of a customer."""
        return self.verdict or once_only(facts)

    def step(self, later_us: int = 0, **rules: Any) -> Did:
        """A step of a fresh sender, some time later."""
        self.now_us += later_us
        return self.sender(**rules).step()

    @property
    def one(self) -> Intervention:
        """The first intervention."""
        found = SqlInterventions(self.rooms).get(f"{0:032x}")
        assert found is not None
        return found

    @property
    def path(self) -> list[str]:
        """The states of the first intervention, in order."""
        return [step.after for step in SqlPaths(self.rooms).path(f"{0:032x}")]


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    """One offer by SMS, made on the first day and valid for a week."""
    yield from _made(tmp_path / "forbear.db", 1)


def _made(path: Path, count: int) -> Iterator[Setup]:
    url = f"sqlite:///{path}"
    with closing(open_store(url)) as store:
        store.commit(offers(count))
    engine = engine_of(url)
    yield Setup(Rooms(engine))
    engine.dispose()


def test_an_offer_is_sent_once(setup: Setup) -> None:
    """However often the sender steps and starts anew: one call, under the decision's id, and the path says so."""
    for _ in range(3):
        setup.step(_MINUTE_US)

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
    setup.step(10 * _MINUTE_US)
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


def test_what_is_not_taken_is_tried_again_and_fails_in_the_end(setup: Setup) -> None:
    """A provider that is busy is met with pauses that double, the same key, and the law anew: no try counts twice."""
    setup.verdict = None
    setup.carrier.answers = [Refused(why="busy", lasting=False)] * 3
    waited = []
    for _ in range(3):
        setup.step(most_tries=3)
        if setup.one.due_us is not None:
            waited.append((setup.one.due_us - setup.now_us) // _MINUTE_US)
            setup.now_us = setup.one.due_us
    assert (waited, setup.one.state) == ([1, 2], State.FAILED)
    assert {message.key for message in setup.carrier.calls} == {f"{0:032x}"}


def test_a_refusal_for_good_fails_at_once(setup: Setup) -> None:
    """A number that is none is not tried again."""
    setup.carrier.answers = [Refused(why="no such number", lasting=True)]
    setup.step()
    setup.step(DAY_US)
    assert (setup.one.state, len(setup.carrier.calls)) == (State.FAILED, 1)


def test_a_busy_channel_is_left_alone_for_the_step(tmp_path: Path) -> None:
    """Where a provider does not take one, the others of its channel wait, and lose no try by it."""
    for setup in _made(tmp_path / "forbear.db", 5):
        setup.carrier.answers = [Refused(why="enough for now", lasting=False)]
        sender = setup.sender()
        sender.step()
        assert len(setup.carrier.calls) == 1
        setup.now_us += 10 * 10**6
        sender.step()
        assert len(setup.carrier.calls) == 5


@pytest.mark.parametrize(
    ("looks", "state", "calls"),
    [
        ([Sent(reference="r")], State.SENT, 1),
        ([Absent()], State.WAITING, 1),
        ([Unknown(why="not now"), Sent(reference="r")], State.SENDING, 1),
        ([Refused(why="none", lasting=True)], State.FAILED, 1),
    ],
    ids=["taken", "never came", "cannot tell yet", "refused"],
)
def test_an_unknown_sending_is_looked_up_before_anything(
    setup: Setup, looks: list[Any], state: State, calls: int
) -> None:
    """What a provider that can tell says decides; it is not asked before it had time to settle."""
    setup.carrier.answers = [Unknown(why="time-out")]
    setup.carrier.looks = looks
    setup.step()
    setup.step(_MINUTE_US)
    assert setup.one.state is State.SENDING
    setup.step(_MINUTE_US)
    assert (setup.one.state, len(setup.carrier.calls)) == (state, calls)


def test_what_never_came_is_sent_with_the_same_key(setup: Setup) -> None:
    """Absent is proof: it is sent again, once, under its key, and the attempt that was not made counts for nothing."""
    setup.verdict = None
    setup.carrier.answers = [Unknown(why="time-out")]
    setup.carrier.looks = [Absent()]
    for _ in range(6):
        setup.step(2 * _MINUTE_US)
    assert [message.key for message in setup.carrier.calls] == [f"{0:032x}"] * 2
    assert setup.one.state is State.SENT


def test_what_cannot_be_told_is_for_a_person(setup: Setup) -> None:
    """A provider that cannot reconcile, or does not get to it in time, leaves it unknown; it is never sent again."""
    setup.carrier.reconciles = False
    setup.carrier.answers = [Unknown(why="the line broke")]
    for _ in range(5):
        setup.step(10 * _MINUTE_US)
    assert (setup.one.state, len(setup.carrier.calls)) == (State.UNKNOWN, 1)


def test_looking_has_an_end(setup: Setup) -> None:
    """A provider that never gets to know hands it to a person after so many looks."""
    setup.carrier.answers = [Unknown(why="time-out")]
    setup.carrier.looks = [Unknown(why="still not")] * 9
    for _ in range(9):
        setup.step(2 * _MINUTE_US, most_looks=4)
    assert (setup.one.state, len(setup.carrier.calls), len(setup.carrier.looks)) == (State.UNKNOWN, 1, 5)


@pytest.mark.parametrize("reconciles", [True, False])
def test_a_sender_that_died_in_a_call_is_not_repeated(setup: Setup, reconciles: bool) -> None:
    """Found prepared after its time, a sending is looked up, or is for a person; before, nobody touches it."""
    setup.carrier.reconciles = reconciles

    class Died(BaseException):
        """As a kill would."""

    def dies(_message: object) -> None:
        raise Died

    setup.carrier.send = dies  # type: ignore[assignment,method-assign]
    with pytest.raises(Died):
        setup.step()
    del setup.carrier.send
    setup.carrier.looks = [Sent(reference="r")]
    setup.step(4 * _MINUTE_US)
    assert setup.one.state is State.SENDING
    setup.step(_MINUTE_US)
    assert (setup.one.state, setup.carrier.calls) == (State.SENT if reconciles else State.UNKNOWN, [])


def test_a_reply_before_the_answer_is_believed(setup: Setup) -> None:
    """Who replies has had it: what was unknown is settled by the receipt, told of once."""
    setup.carrier.answers = [Unknown(why="time-out")]
    setup.step()
    told = Receipt(
        provider="p",
        receipt_id="1",
        send_key=setup.one.send_key,
        kind=ReceiptKind.REPLIED,
        at_us=setup.now_us,
        reply=Reply.DECLINED,
    )
    assert setup.sender().receive(told) is not None
    assert setup.sender().receive(told) is None
    setup.step(DAY_US)
    assert (setup.one.state, len(setup.carrier.calls)) == (State.ANSWERED, 1)


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


@dataclass
class Honest:
    """A provider that drops, keeps and forgets to answer, and never lies. taken: how often it has delivered."""

    data: st.DataObject
    reconciles: bool
    name: str = "honest"
    taken: int = 0

    def send(self, _message: Message) -> Delivery:
        """Take it or not, and say so or not. A key that it has taken is taken once, if it knows keys at all."""
        if self.data.draw(st.booleans()):
            self.taken += not (self.reconciles and self.taken)
            return self.data.draw(st.sampled_from([Sent(reference="r"), Unknown(why="no answer")]))
        lasting = self.data.draw(st.booleans())
        return self.data.draw(st.sampled_from([Refused(why="no", lasting=lasting), Unknown(why="no answer")]))

    def look_up(self, _key: str) -> Delivery | Absent:
        """The truth, or nothing."""
        truth: Delivery | Absent = Sent(reference="r") if self.taken else Absent()
        return self.data.draw(st.sampled_from([truth, Unknown(why="not now")]))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_a_provider_does_nothing_is_sent_twice(tmp_path_factory: Any, data: st.DataObject) -> None:
    """Over any course of calls a message is delivered once at most, and what the state says of it is true."""
    for setup in _made(tmp_path_factory.mktemp("sent") / "forbear.db", 1):
        honest = Honest(data, data.draw(st.booleans()))
        setup.carrier = honest  # type: ignore[assignment]
        setup.verdict = None
        for _ in range(12):
            setup.step(30 * _MINUTE_US, most_tries=3, most_looks=3)
        assert honest.taken <= 1
        true = {State.SENT: (1,), State.FAILED: (0,), State.UNKNOWN: (0, 1)}
        assert honest.taken in true[setup.one.state]
