"""What a customer says about being contacted is recorded on their page: seen before it is kept, and then it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.apps.dashboard.conftest import at_path, button, said, whole

from forbear.apps.dashboard.person.stops import SAID
from forbear.client import Client
from forbear.client.contacts import ContactStop
from forbear.domain.contacts import Lifted, Restricted, Stop
from forbear.engine.office import Role
from forbear.features.hashing import key_of


def facts(real: Any, who: str) -> list[Any]:
    """The stops of a customer and their ends, as the ledger has them."""
    entered = real.parts.contacting.ledger.of_customer(key_of(who))
    return [fact for fact in entered if isinstance(fact, Restricted | Lifted)]


def chosen(app: Any, kind: str, **more: str) -> Any:
    """The form filled in and sent: what they say, and the line on it."""
    app.selectbox(key="stop-said").set_value(kind).run()
    for label, value in more.items():
        [found] = [one for one in app.text_input if one.label == label.replace("_", " ")]
        found.input(value)
    return whole(button(app, "Look at what it means").click().run())


def test_every_stop_has_words() -> None:
    """Whatever the ledger may hold can be told to people."""
    assert set(SAID) == {str(one) for one in Stop}


def test_write_do_not_call(visit: Any, real: Any) -> None:
    """It is shown what the law will say by channel before anything is kept; recorded, calls are forbidden at once."""
    who = real.known.customers[12]
    app = visit("customer", Role.AGENT, id=who, view="contacts")
    assert "No stop holds" in said(whole(app))

    chosen(app, "write_only", What_was_said="Write to me, do not call")
    assert "Nobody may offer help or ask for payment** by phone" in said(app)
    assert "It does not touch** whether we may" in said(app)
    assert not facts(real, who), "to look is to record nothing"

    button(app, "Record it").click().run()
    assert "Recorded" in said(whole(app))
    [stop] = facts(real, who)
    assert (stop.stop, stop.channel, stop.until_us) == (Stop.OPT_OUT, "phone", None)
    [table] = [one.value for one in app.dataframe if "Rule" in one.value]
    rows = {row["Channel"]: row for row in table.to_dict("records")}
    assert "house.stop" in rows["phone"]["Rule"] or "opt_out" in rows["phone"]["Rule"]
    assert not any("stop" in rows[name]["Rule"] or "opt_out" in rows[name]["Rule"] for name in rows if name != "phone")
    accesses = real.parts.office.accesses.of_customer(key_of(who), 99)
    [written] = [one for one in accesses if one.route == "record_contact_stop"]
    assert (written.why, written.role) == ("Write to me, do not call", str(Role.AGENT))


def test_an_end_is_a_day_of_the_bank(visit: Any, real: Any) -> None:
    """A stop until a day holds until that day begins where the bank is."""
    who = real.known.customers[13]
    app = visit("customer", Role.AGENT, id=who, view="contacts")
    app.selectbox(key="stop-said").set_value("dispute").run()
    [until] = [one for one in app.date_input if one.label.startswith("Until")]
    day = datetime.now(UTC).date() + timedelta(days=40)
    until.set_value(day)
    whole(button(app, "Look at what it means").click().run())
    whole(button(app, "Record it").click().run())

    [stop] = facts(real, who)
    end = datetime.fromtimestamp(stop.until_us / 1e6, ZoneInfo(real.parts.deployment.time_zone))
    assert (end.date(), end.hour, end.minute) == (day, 0, 0)


def test_whoever_thinks_again_records_nothing(visit: Any, real: Any) -> None:
    """Between looking and keeping there is a way back; and what was begun for one customer is not kept for another."""
    who, other = real.known.customers[14:16]
    app = visit("customer", Role.AGENT, id=who, view="contacts")
    chosen(app, "attorney")
    at_path(app, "customer", id=other, view="contacts")
    assert not [one for one in app.button if one.label == "Record it"]
    at_path(app, "customer", id=who, view="contacts")
    whole(button(app, "Do not").click().run())

    assert not [one for one in app.button if one.label == "Record it"]
    assert not facts(real, who)
    assert not facts(real, other)


def test_to_end_a_stop_is_an_approver_s(visit: Any, real: Any) -> None:
    """An agent sees what holds and cannot end it; an approver ends it with a reason, and it holds no more."""
    who = real.known.customers[16]
    with Client(real.url, real.keys[Role.AGENT]) as agent:
        agent.record_contact_stop(who, ContactStop(stop="attorney", matter="loan-1"))
    app = whole(visit("customer", Role.AGENT, id=who, view="contacts"))
    assert SAID["attorney"] in said(app)
    assert not [one for one in app.button if one.label == "End it"]

    app = visit("customer", Role.APPROVER, id=who, view="contacts")
    whole(button(app, "End it").click().run())
    assert "Say why" in said(app)
    [why] = [one for one in app.text_input if one.label == "Why it is over"]
    why.input("The mandate is over")
    whole(button(app, "End it").click().run())

    assert "Ended" in said(app)
    assert "No stop holds" in said(app)
    assert [type(one) for one in facts(real, who)] == [Restricted, Lifted]
    assert facts(real, who)[1].matter == "loan-1"


@pytest.mark.parametrize("role", [Role.ANALYST, Role.AGENT])
def test_only_helpers_record(visit: Any, real: Any, role: Role) -> None:
    """Whoever only looks sees what holds, and no way to record anything."""
    app = whole(visit("customer", role, id=real.known.customers[17], view="contacts"))

    assert "What stops us" in said(app)
    assert bool([one for one in app.button if one.label == "Look at what it means"]) is (role is Role.AGENT)
