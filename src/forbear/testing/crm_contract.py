"""Laws of every Crm and every Payments. Subclass in a test file and define `make`. Needs pytest, hypothesis."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from forbear.engine.crm import Crm, Note, Payments, Person, Plan
from forbear.engine.outreach import Absent, Sent, Unknown

_LAW = settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
_IDS = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=".,\"'"), min_size=1, max_size=64
)

ADA = Person(
    customer_id="C-17",
    addresses={"email": "ada.lovelace@example.org", "sms": "+447700900123"},
    language="en-GB",
    time_zone="Europe/London",
    preferred="email",
    address_as="Ms Lovelace",
)
NOBODY_KNOWS = Person(customer_id="C-18")
PEOPLE = (ADA, NOBODY_KNOWS)


@dataclass(frozen=True)
class CrmRig:
    """A CRM that knows PEOPLE. notes: how often a note is kept there, by its id."""

    crm: Crm
    notes: Callable[[str], int]


@dataclass(frozen=True)
class PaymentsRig:
    """A payment system. plans: how often a plan was set up there, by its key."""

    payments: Payments
    plans: Callable[[str], int]


def note(note_id: str = "n-1", says: str = "a message was sent") -> Note:
    """A note about a customer."""
    return Note(note_id=note_id, customer_id=ADA.customer_id, at_us=1, what="sent", channel="email", says=says)


def plan(key: str = "p-1", kind: str = "instalment_plan") -> Plan:
    """A plan of three payments."""
    return Plan(
        key=key,
        customer_id=ADA.customer_id,
        obligation_id="loan-1",
        kind=kind,  # type: ignore[arg-type]
        first_due_day=20_500,
        instalments=3,
        amount_minor=10_000,
        approved_by="anna",
    )


def personal(told: Sequence[str]) -> list[str]:
    """What of some texts names the person: an address, a name, or words about them."""
    secret = [*ADA.addresses.values(), "Lovelace", "private-words"]
    return [text for text in told if any(one in text for one in secret)]


class CrmContract:
    """What holds of a CRM, whatever it is made of."""

    def make(self) -> CrmRig:
        """A CRM that knows PEOPLE and has no notes."""
        raise NotImplementedError

    def test_people_are_found_as_they_are(self) -> None:
        """Everything that the bank knows, and nothing that it does not."""
        crm = self.make().crm
        known: Mapping[str, Person] = {one.customer_id: one for one in PEOPLE}

        assert known == {name: crm.find(name) for name in known}
        assert ADA.at("sms") == "+447700900123"
        assert ADA.at("app") is None

    @_LAW
    @given(customer_id=_IDS)
    @example(customer_id="C-1")
    @example(customer_id="c-17")
    @example(customer_id="C-17/")
    @example(customer_id="C-17?a=b#c")
    @example(customer_id="%43-17")
    def test_who_is_not_there_is_nobody(self, customer_id: str) -> None:
        """A name is taken whole and as it is written; what is like it is somebody else."""
        assert (self.make().crm.find(customer_id) is None) == (customer_id not in {one.customer_id for one in PEOPLE})

    def test_a_note_is_kept_once(self) -> None:
        """Told again it changes nothing; another one is another."""
        rig = self.make()
        answers = [rig.crm.tell(note()), rig.crm.tell(note()), rig.crm.tell(note("n-2"))]

        assert all(isinstance(answer, Sent) for answer in answers)
        assert (rig.notes("n-1"), rig.notes("n-2"), rig.notes("n-3")) == (1, 1, 0)

    def test_nothing_personal_is_told(self, caplog: pytest.LogCaptureFixture) -> None:
        """Neither logs nor what is printed of a person or a note name anybody."""
        with caplog.at_level(logging.DEBUG):
            crm = self.make().crm
            told = [repr(crm), repr(crm.find(ADA.customer_id)), repr(note(says="private-words"))]
            told.append(repr(crm.tell(note("n-9", says="private-words"))))

        assert not personal([*told, *(record.getMessage() for record in caplog.records)])


class PaymentsContract:
    """What holds of a payment system."""

    def make(self) -> PaymentsRig:
        """One without plans."""
        raise NotImplementedError

    def test_a_plan_is_set_up_once(self) -> None:
        """However often a key comes, its plan stands once; and it can be asked for."""
        rig = self.make()
        assert isinstance(rig.payments.look_up("p-1"), Absent)
        answers = [rig.payments.plan(plan()), rig.payments.plan(plan()), rig.payments.plan(plan("p-2"))]

        assert all(isinstance(answer, Sent) for answer in answers)
        assert (rig.plans("p-1"), rig.plans("p-2")) == (1, 1)
        assert isinstance(rig.payments.look_up("p-1"), Sent)

    @_LAW
    @given(key=_IDS)
    @example(key="a/b?c#d")
    @example(key="%2e")
    def test_any_key_is_kept(self, key: str) -> None:
        """Each key names its own plan, however it is written in a header or a path."""
        rig = self.make()

        assert not isinstance(rig.payments.look_up(key), Unknown)
        assert isinstance(rig.payments.plan(plan(key)), Sent)
        assert isinstance(rig.payments.look_up(key), Sent)
