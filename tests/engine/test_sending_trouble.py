"""A provider that is busy, refuses or does not answer: nothing is sent twice, and what nobody knows is not claimed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engine.sending_desk import MINUTE_US, Setup, made

from forbear.engine.lifecycle import Receipt, ReceiptKind, Reply, State
from forbear.engine.outreach import Absent, Delivery, Message, Refused, Sent, Unknown
from forbear.testing.interventions_contract import (
    DAY_US,
)


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    """One offer by SMS, made on the first day and valid for a week."""
    yield from made(tmp_path / "forbear.db")


def test_what_is_not_taken_is_tried_again_and_fails_in_the_end(setup: Setup) -> None:
    """A provider that is busy is met with pauses that double, the same key, and the law anew: no try counts twice."""
    setup.verdict = None
    setup.carrier.answers = [Refused(why="busy", lasting=False)] * 3
    waited = []
    for _ in range(3):
        setup.step(most_tries=3)
        if setup.one.due_us is not None:
            waited.append((setup.one.due_us - setup.now_us) // MINUTE_US)
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
    for setup in made(tmp_path / "forbear.db", 5):
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
    setup.step(MINUTE_US)
    assert setup.one.state is State.SENDING
    setup.step(MINUTE_US)
    assert (setup.one.state, len(setup.carrier.calls)) == (state, calls)


def test_what_never_came_is_sent_with_the_same_key(setup: Setup) -> None:
    """Absent is proof: it is sent again, once, under its key, and the attempt that was not made counts for nothing."""
    setup.verdict = None
    setup.carrier.answers = [Unknown(why="time-out")]
    setup.carrier.looks = [Absent()]
    for _ in range(6):
        setup.step(2 * MINUTE_US)
    assert [message.key for message in setup.carrier.calls] == [f"{0:032x}"] * 2
    assert setup.one.state is State.SENT


def test_what_cannot_be_told_is_for_a_person(setup: Setup) -> None:
    """A provider that cannot reconcile, or does not get to it in time, leaves it unknown; it is never sent again."""
    setup.carrier.reconciles = False
    setup.carrier.answers = [Unknown(why="the line broke")]
    for _ in range(5):
        setup.step(10 * MINUTE_US)
    assert (setup.one.state, len(setup.carrier.calls)) == (State.UNKNOWN, 1)


def test_looking_has_an_end(setup: Setup) -> None:
    """A provider that never gets to know hands it to a person after so many looks."""
    setup.carrier.answers = [Unknown(why="time-out")]
    setup.carrier.looks = [Unknown(why="still not")] * 9
    for _ in range(9):
        setup.step(2 * MINUTE_US, most_looks=4)
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
    setup.step(4 * MINUTE_US)
    assert setup.one.state is State.SENDING
    setup.step(MINUTE_US)
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
    for setup in made(tmp_path_factory.mktemp("sent") / "forbear.db"):
        honest = Honest(data, data.draw(st.booleans()))
        setup.carrier = honest  # type: ignore[assignment]
        setup.verdict = None
        for _ in range(12):
            setup.step(30 * MINUTE_US, most_tries=3, most_looks=3)
        assert honest.taken <= 1
        true = {State.SENT: (1,), State.FAILED: (0,), State.UNKNOWN: (0, 1)}
        assert honest.taken in true[setup.one.state]
