"""Calls that people make: asked of the law and noted before they are made, each once, tried again but not for ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from forbear.adapters.sql.contact_ledger import SqlContactLedger
from forbear.adapters.sql.engine import engine_of
from forbear.adapters.sql.interventions import SqlInterventions
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.store import open_store
from forbear.apps.jobs.contact_law import law_book
from forbear.domain.contacts import Contacted, Fact, Means, Purpose, Question, Restricted, Stop, Verdict
from forbear.domain.errors import ConflictError
from forbear.engine.by_hand import CallResult, Hand, Patience
from forbear.engine.interventions import Intervention
from forbear.engine.lifecycle import State
from forbear.engine.outreach import Outreach
from forbear.engine.sending import Letter, Ports, Sender, Unwritten, World
from forbear.policy.contact_law.asking import may_contact
from forbear.testing.interventions_contract import DAY_US, NOON_US, offers

HOUR_US = DAY_US // 24


class Desk:
    """Who has the script of every call."""

    def letter(self, of: Intervention) -> Letter | Unwritten:
        """The script."""
        return Letter(to="", subject="", text=f"Offer {of.action}.", language="en", template="call@1")

    def question(self, of: Intervention, at_us: int) -> Question:
        """What the law is asked."""
        return Question(
            customer=of.customer,
            channel=of.channel,
            means=Means.CALL,
            matter=of.matter,
            purpose=Purpose.HELP,
            at_us=at_us,
        )


@dataclass
class Setup:
    """A person over a store with offers on the phone. law: yes, unless told otherwise."""

    rooms: Rooms
    verdict: Verdict = field(default_factory=lambda: Verdict(allowed=True))
    seen: list[Sequence[Fact]] = field(default_factory=list)

    def law(self, _question: Question, facts: Sequence[Fact]) -> Verdict:
        """What was told to answer."""
        self.seen.append(facts)
        return self.verdict

    @property
    def store(self) -> SqlInterventions:
        """The store."""
        return SqlInterventions(self.rooms)

    @property
    def ledger(self) -> SqlContactLedger:
        """The contact ledger."""
        return SqlContactLedger(self.rooms)

    @property
    def hand(self) -> Hand:
        """A person."""
        return Hand(
            store=self.store, ledger=self.ledger, secretary=Desk(), law=self.law, day_of=lambda at_us: at_us // DAY_US
        )

    def sender(self, now_us: int, carriers: dict[str, Outreach] | None = None) -> Sender:
        """A sender that carries nothing by phone."""
        ports = Ports(store=self.store, carriers=carriers or {}, secretary=Desk(), law=self.law)
        return Sender(ports, World(clock=lambda: now_us, day_of=lambda at_us: at_us // DAY_US))

    def one(self) -> Intervention:
        """The intervention, taken in."""
        self.store.take_in(NOON_US, 10, lambda _band, _action: "")
        return self.by_state()

    def by_state(self) -> Intervention:
        """As it stands."""
        found = self.store.get(offers(1).decisions[0].decision_id)
        assert found is not None
        return found

    def contacts(self) -> list[Contacted]:
        """Attempts and conversations in the ledger."""
        return [one for one in self.ledger.of_customer(self.by_state().customer) if isinstance(one, Contacted)]


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    """One offer on the phone."""
    url = f"sqlite:///{tmp_path}/forbear.db"
    with closing(open_store(url)) as store:
        store.commit(offers(1, channel="phone"))
    engine = engine_of(url)
    yield Setup(Rooms(engine))
    engine.dispose()


def test_an_attempt_is_in_the_ledger_before_it_is_made_and_a_conversation_after_it(setup: Setup) -> None:
    """The conversation counts as no further attempt of the bank's."""
    one = setup.one()
    began, letter = setup.hand.begin(one.intervention_id, "anna", NOON_US)

    assert (began.state, letter and letter.template) == (State.SENDING, "call@1")
    assert [(one.outbound, one.conversation, one.by) for one in setup.contacts()] == [(True, False, "anna")]

    ended = setup.hand.end(one.intervention_id, CallResult.ACCEPTED, "anna", NOON_US + HOUR_US)

    assert ended.state is State.ANSWERED
    assert [(one.outbound, one.conversation) for one in setup.contacts()] == [(True, False), (False, True)]
    assert {one.at_us for one in setup.contacts()} == {NOON_US}


def test_what_the_law_forbids_is_not_begun(setup: Setup) -> None:
    """Nothing is entered, and it is said which clause forbids it."""
    one = setup.one()
    setup.verdict = Verdict(allowed=False, clause="hours", says="it is night there", next_us=NOON_US + HOUR_US)

    with pytest.raises(ConflictError, match=r"it is night there \(hours\)"):
        setup.hand.begin(one.intervention_id, "anna", NOON_US)
    assert (setup.contacts(), setup.by_state().state) == ([], State.APPROVED)


def test_two_people_do_not_call_about_one_offer(setup: Setup) -> None:
    """Whoever is second is told that it is under way; what came of a call is said once."""
    one = setup.one()
    setup.hand.begin(one.intervention_id, "anna", NOON_US)
    with pytest.raises(ConflictError, match="is sending"):
        setup.hand.begin(one.intervention_id, "ben", NOON_US + 1)

    setup.hand.end(one.intervention_id, CallResult.DECLINED, "anna", NOON_US + HOUR_US)
    with pytest.raises(ConflictError, match="no call of"):
        setup.hand.end(one.intervention_id, CallResult.ACCEPTED, "anna", NOON_US + 2 * HOUR_US)


def test_nobody_answering_is_tried_again_and_not_for_ever(setup: Setup) -> None:
    """Every attempt stays in the ledger: it was made."""
    one, at_us = setup.one(), NOON_US
    states = []
    for _ in range(Patience().most_calls):
        setup.hand.begin(one.intervention_id, "anna", at_us)
        states.append(setup.hand.end(one.intervention_id, CallResult.NO_ANSWER, "anna", at_us + HOUR_US).state)
        at_us += DAY_US

    assert states == [State.WAITING, State.WAITING, State.FAILED]
    assert len(setup.contacts()) == Patience().most_calls


def test_a_call_of_which_nothing_is_said_ends_as_unknown(setup: Setup) -> None:
    """Somebody begins a call and goes home: nobody can tell, and a person settles it."""
    one = setup.one()
    began, _ = setup.hand.begin(one.intervention_id, "anna", NOON_US)
    setup.sender(NOON_US + HOUR_US).step()
    assert setup.by_state().state is State.SENDING

    assert began.due_us is not None
    setup.sender(began.due_us + 1).step()

    assert setup.by_state().state is State.UNKNOWN
    assert len(setup.contacts()) == 1


def test_who_opts_out_in_a_call_is_stopped_in_the_ledger_at_once(setup: Setup) -> None:
    """The same as with any other reply."""
    one = setup.one()
    setup.hand.begin(one.intervention_id, "anna", NOON_US)
    setup.hand.end(one.intervention_id, CallResult.OPTED_OUT, "anna", NOON_US + 1)

    stops = [one for one in setup.ledger.of_customer(setup.by_state().customer) if isinstance(one, Restricted)]
    assert [one.stop for one in stops] == [Stop.OPT_OUT]


def test_a_message_is_not_sent_by_hand(tmp_path: Path) -> None:
    """What the sender carries is the sender's."""
    url = f"sqlite:///{tmp_path}/forbear.db"
    with closing(open_store(url)) as store:
        store.commit(offers(1))
    engine = engine_of(url)
    setup = Setup(Rooms(engine))

    with pytest.raises(ConflictError, match="goes by sms"):
        setup.hand.begin(setup.one().intervention_id, "anna", NOON_US)
    engine.dispose()


def test_after_a_conversation_the_law_keeps_quiet_for_seven_days(setup: Setup) -> None:
    """Reg F, 12 CFR 1006.14(b)(2)(i)(B), by the real packs: what a call by hand enters is what they judge by."""
    one = setup.one()
    at_us = NOON_US + 6 * HOUR_US  # 18:00 UTC: inside the hours of every zone of the United States but the islands'
    setup.hand.begin(one.intervention_id, "anna", at_us)
    setup.hand.end(one.intervention_id, CallResult.DECLINED, "anna", at_us + HOUR_US)
    facts = setup.ledger.of_customer(one.customer)
    asked = Question(
        customer=one.customer,
        channel="phone",
        means=setup.contacts()[0].means,
        matter=one.matter,
        purpose=Purpose.COLLECTION,
        at_us=at_us + DAY_US,
        jurisdiction="us",
    )

    assert not may_contact(asked, facts, law_book(None, ("us",))).allowed


def test_nobody_is_called_again_at_once(setup: Setup) -> None:
    """Somebody who did not answer at noon is left alone until the next day."""
    one = setup.one()
    setup.hand.begin(one.intervention_id, "anna", NOON_US)
    setup.hand.end(one.intervention_id, CallResult.NO_ANSWER, "anna", NOON_US + 1)

    with pytest.raises(ConflictError, match="nobody answered: not before 2024-10-"):
        setup.hand.begin(one.intervention_id, "ben", NOON_US + HOUR_US)


def test_an_offer_that_is_over_is_not_made(setup: Setup) -> None:
    """Its days of validity are those of the policy: nobody calls about it a year later."""
    one = setup.one()
    assert one.expires_day >= 0

    with pytest.raises(ConflictError, match="its days of validity have passed"):
        setup.hand.begin(one.intervention_id, "anna", (one.expires_day + 1) * DAY_US)
    assert setup.contacts() == []
