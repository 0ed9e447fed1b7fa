"""What the pages about the book, a customer and the work say is what the interface says, and what they do is done."""

from __future__ import annotations

from typing import Any

import pytest
from tests.apps.dashboard.conftest import at_path, button, said, whole

from forbear.apps.dashboard import formats
from forbear.client import Client
from forbear.client.contacts import ContactStop
from forbear.client.scores import Happening
from forbear.engine.office import Role


@pytest.fixture
def client(real: Any) -> Any:
    """A client with the approver's key."""
    with Client(real.url, real.keys[Role.APPROVER]) as made:
        yield made


def metrics(app: Any) -> dict[str, str]:
    """Figures of a page by their label."""
    return {one.label: one.value for one in app.metric}


def figure(app: Any, label: str) -> str:
    """The figure whose label ends like this."""
    [found] = [value for name, value in metrics(app).items() if name.endswith(label)]
    return found


# ---- the book


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AGENT, Role.ADMIN])
def test_the_summary_says_what_the_interface_says(visit: Any, client: Any, role: Role) -> None:
    """Who is at risk, what is expected, what was decided, what came back: the same figures."""
    app = whole(visit("executive", role))
    book, cases = client.statistics().book, client.case_figures()
    urgent = sum(one.customers for one in book.bands if one.band)
    tallies = client.list_tallies().items

    assert figure(app, "Customers in a band") == formats.count(urgent)
    assert figure(app, "next 30 days") == formats.number(book.expected_misses)
    for band in book.bands[:2]:
        assert figure(app, band.band) == f"{band.customers} of {book.customers}"
    offers = sum(one.decisions for one in tallies if one.outcome == "offer")
    assert offers > 0
    assert figure(app, "Offers made") == formats.count(offers)
    assert figure(app, "Cases overdue") == formats.count(cases.overdue)
    assert "as of the close of" in said(app).lower()


# ---- one customer


def test_a_customer_is_told_as_recorded(visit: Any, client: Any, real: Any) -> None:
    """PD, band and reasons of the page are those of the interface; so are the chart's figures."""
    who = next(iter(client.high_risk(page_size=1))).customer_id
    risk = client.risk(who)
    app = whole(visit("customer", Role.AGENT, id=who))

    assert figure(app, "PD, 30 days") == formats.pd(risk.pd)
    assert risk.band in figure(app, "Band")
    assert risk.reasons
    for reason in risk.reasons:
        assert reason.say["en"].split(",")[0].split(".")[0] in said(app).replace("\\", "")


@pytest.mark.parametrize("view", ["risk", "money", "contacts", "what-if", "record"])
def test_every_view_of_a_customer(visit: Any, real: Any, view: str) -> None:
    """Each view draws, for whoever sees customers one at a time."""
    app = whole(visit("customer", Role.AGENT, id=real.known.customers[3], view=view))

    assert app.title[0].value == f"Customer {real.known.customers[3]}"
    assert not app.error, [one.value for one in app.error]


def test_what_law_forbids_is_said(visit: Any, client: Any, real: Any) -> None:
    """The page says of each channel whether it may be used now, by which clause not, and when next."""
    who = real.known.customers[4]
    client.record_contact_stop(who, ContactStop(stop="deceased"))
    app = whole(visit("customer", Role.AGENT, id=who, view="contacts"))

    assert "house.deceased" in said(app)
    assert "not allowed" in said(app)


def test_what_if_asks_the_interface(visit: Any, client: Any, real: Any) -> None:
    """A salary that is supposed changes the score on the page as the interface says it would."""
    who = real.known.customers[5]
    app = visit("customer", Role.AGENT, id=who, view="what-if")
    app.toggle(key="what-if-income").set_value(True).run()
    app.number_input(key="amount-income").set_value(3_000.0).run()
    whole(app)
    wish = Happening(what="income", amount_minor=300_000, in_days=1, category="salary")
    told = client.what_if(who, wish, days=1)
    assert figure(app, "PD as it stands") == formats.pd(told.before.pd)
    assert figure(app, "PD as it would be") == formats.pd(told.after.pd)


def test_nobody_of_that_id(visit: Any) -> None:
    """An id that nobody has is said kindly, and another can be typed."""
    app = whole(visit("customer", Role.AGENT, id="C9999999"))

    assert "Nobody here has this id" in said(app)
    assert button(app, "Look")


# ---- the work


def test_a_case_goes_through_the_page(visit: Any, client: Any, real: Any) -> None:
    """Opened, taken and closed on the page, it is so in the store; each step says what it did."""
    who = real.known.customers[6]
    app = visit("worklist", Role.APPROVER)
    [name] = [one for one in app.text_input if one.label == "Customer id"]
    name.input(who)
    [kind] = [one for one in app.selectbox if one.label == "What it is about"]
    kind.set_value("human")
    button(app, "Open the case").click().run()
    assert "is open" in said(whole(app))
    [case] = [one for one in client.list_cases() if one.customer_id == who]

    at_path(app, "worklist", case=case.case_id)
    button(app, "Take it").click().run()
    assert "has it" in said(whole(app))
    assert client.get_case(case.case_id).case.state == "assigned"

    app.segmented_control(key="step").set_value("close").run()
    [result] = [one for one in app.selectbox if one.label == "Result"]
    result.set_value("answered")
    button(app, "Close").click().run()
    assert "closed as answered" in said(whole(app))
    told = client.get_case(case.case_id).case
    assert (told.state, told.why) == ("closed", "answered")


def test_nothing_is_done_twice(visit: Any, client: Any, real: Any) -> None:
    """The same click that arrives again, as from a run that was cut off, is the same write: one note, not two."""
    made = client.open_case(real.known.customers[7], "human")
    app = visit("worklist", Role.APPROVER, case=made.case.case_id)
    desk = app.session_state["_desk"]
    what = "step as it was typed"
    first, again = (desk.token(what) for _ in range(2))
    assert first == again
    for token in (first, again):
        client.add_case_step(made.case.case_id, "note", words="once", idempotency_key=token)

    assert [one.note for one in client.get_case(made.case.case_id).steps if one.kind == "note"] == ["once"]
    desk.done(what)
    assert desk.token(what) == first, "a second click within a few seconds is the first"
    assert desk.token("something else") != first


def test_a_conflict_is_told_kindly(visit: Any, client: Any, real: Any) -> None:
    """Whoever was slower is told that somebody was faster, and nothing of theirs is written."""
    made = client.open_case(real.known.customers[8], "human")
    app = visit("worklist", Role.AGENT, case=made.case.case_id)
    client.add_case_step(made.case.case_id, "take")
    button(app, "Take it").click().run()

    assert "Somebody was faster" in said(whole(app))
    assert client.get_case(made.case.case_id).case.assigned == f"tests {Role.APPROVER}"


def test_an_answer_is_written_down(visit: Any, client: Any, real: Any) -> None:
    """What a customer said on an offer goes into the queue, once."""
    app = visit("worklist", Role.APPROVER, decision=real.known.offers[0])
    [answer] = [one for one in app.selectbox if one.label == "What the customer said"]
    answer.set_value("declined")
    [form] = [one for one in app.button if one.label == "Write it down" and one.form_id == "answer"]
    form.click().run()

    assert "worker has read it" in said(whole(app))


def test_a_promise_is_written_down(visit: Any, client: Any, real: Any) -> None:
    """Who promises what until when is in the store as it was typed."""
    who = real.known.customers[9]
    app = visit("worklist", Role.AGENT, tab="promises")
    [name] = [one for one in app.text_input if one.label == "Customer id"]
    name.input(who)
    [amount] = [one for one in app.number_input if one.label.startswith("Amount")]
    amount.set_value(123.45)
    button(app, "Write it down").click().run()
    assert "payments will judge it" in said(whole(app))

    [promise] = [one for one in client.list_promises() if one.customer_id == who]
    assert (promise.amount_minor, promise.currency, promise.state) == (12_345, "EUR", "made")
