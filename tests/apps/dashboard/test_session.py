"""Who looks, and what of it: logging in and out, what a role sees, links that survive the login, and why one looks."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest
from tests.apps.dashboard.conftest import at_path, button, log_in, said, whole

from forbear.apps.dashboard import session
from forbear.apps.dashboard.registry import ENTRIES
from forbear.apps.dashboard.serving import SCRIPT
from forbear.apps.dashboard.settings import IDLE_MINUTES, SOLE_KEY
from forbear.engine.office import Role
from forbear.features.hashing import key_of

ROLES = [role for role in Role if role is not Role.SERVICE]


def titles(app: AppTest) -> list[str]:
    """The h1 of a page."""
    return [one.value for one in app.title]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_page_asks_first_who_it_is(visit: Any, entry: Any) -> None:
    """Nobody sees anything without a login, and every page has one h1."""
    app = whole(visit(entry.path))

    assert titles(app) == ["Log in"]
    assert entry.title in said(app)
    assert not app.metric
    assert not app.dataframe


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_roles_hold(visit: Any, role: Role, entry: Any) -> None:
    """Whom a page is not for is told so at its address; whom it is for sees it, without a failure."""
    app = whole(visit(entry.path, role))

    assert len(titles(app)) == 1
    told = f"This page is not for the role {role}" in said(app)
    assert told == (role.value not in entry.roles)
    if told:
        assert titles(app) == [entry.title]
        assert not app.metric


def test_a_link_survives_the_login(visit: Any, real: Any) -> None:
    """Whoever follows a link logs in where they are, and comes to what the link says, filters included."""
    customer = real.known.customers[0]
    app = visit("customer", id=customer, view="record")
    assert "Customer" in said(app)
    log_in(app, real.keys[Role.AGENT])

    assert titles(whole(app)) == [f"Customer {customer}"]
    assert "Who looked, and why" in said(app)
    assert app.query_params == {"id": customer, "view": "record"}


def test_a_wrong_key_opens_nothing(visit: Any) -> None:
    """It is said that it does not hold; nothing of it stays in the page, the session or the address."""
    wrong = "fb_00000000_" + "x" * 43
    app = visit()
    log_in(app, wrong)

    assert titles(whole(app)) == ["Log in"]
    assert "does not hold" in said(app)
    assert "_desk" not in app.session_state
    assert wrong not in json.dumps(app.query_params)


def test_a_key_is_nowhere_but_in_the_desk(visit: Any, real: Any) -> None:
    """Once logged in the key is in the client alone: not in what the browser is sent, nor in another state."""
    key = real.keys[Role.ANALYST]
    app = whole(visit("executive", Role.ANALYST))

    assert key not in said(app)
    assert key not in repr(app)
    assert key not in repr(app.session_state["_desk"].client.manners)
    assert app.query_params == {}


def test_logging_out_forgets_everything(visit: Any) -> None:
    """Nothing of a session is left, and what was begun for it is ended."""
    app = visit("executive", Role.APPROVER)
    ended = []
    app.session_state["_desk"].at_end(lambda: ended.append(True))
    button(app.sidebar, "Log out").click().run()

    assert titles(whole(app)) == ["Log in"]
    assert "_desk" not in app.session_state
    assert ended == [True]


def test_idle_sessions_end(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does nothing for the time that is set is logged out at their next click, and told why."""
    app = visit("executive", Role.VIEWER)
    monkeypatch.setenv(IDLE_MINUTES, "0.5")
    app.session_state["_seen_at"] -= 29
    assert titles(app.run()) == ["Executive summary"]
    app.session_state["_seen_at"] -= 31
    app.run()

    assert titles(whole(app)) == ["Log in"]
    assert "nothing was done for a while" in said(app)


def test_a_revoked_key_ends_its_session(visit: Any, real: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked anew whether a key holds; figures that others have asked for do not keep its session alive."""
    monkeypatch.setattr(session, "CHECK_SECONDS", 0.0)
    with real.client() as admin:
        made = admin.post("/v1/keys", json={"name": "for a while", "role": "viewer"}).json()
        app = visit("executive")
        log_in(app, made["key"])
        assert titles(app) == ["Executive summary"]
        assert admin.delete(f"/v1/keys/{made['key_id']}").status_code == 204
    for _ in range(100):
        if titles(app.run()) == ["Log in"]:
            break

    assert titles(whole(app)) == ["Log in"]
    assert "does not hold any more" in said(app)


def test_why_somebody_looks_goes_on_record(visit: Any, real: Any) -> None:
    """What is typed as the reason goes with every personal request from then on."""
    customer = real.known.customers[1]
    app = visit("customer", Role.AGENT, id=customer)
    app.text_input(key="purpose").input("they called at noon").run()
    at_path(whole(app), "customer", id=customer, view="record")

    whys = {one.why for one in real.parts.office.accesses.of_customer(key_of(customer), 99)}
    assert "they called at noon" in whys
    assert "they called at noon" in said(app)


def test_a_single_user_is_not_asked(real: Any, visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key that the process was started with nobody logs in, and nobody can log out."""
    monkeypatch.setenv(SOLE_KEY, real.keys[Role.ANALYST])
    app = whole(visit("executive"))

    assert titles(app) == ["Executive summary"]
    assert "Log out" not in {one.label for one in app.button}


def test_a_server_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers: it is said in words, with what to do, and nothing breaks."""
    monkeypatch.setenv("FORBEAR_URL", "http://127.0.0.1:9")
    app = at_path(AppTest.from_file(SCRIPT, default_timeout=60), "executive")
    log_in(app, "fb_00000000_" + "x" * 43)

    assert titles(whole(app)) == ["Log in"]
    assert "does not answer" in said(app)


def test_the_synthetic_bank_says_so(visit: Any) -> None:
    """Every page of a bank that is made up says that it is."""
    for path in ("executive", "customer", "worklist", "live"):
        assert "Synthetic bank" in said(whole(visit(path, Role.ADMIN)))


def test_a_link_to_the_same_page_is_followed(visit: Any, real: Any) -> None:
    """Filters that were set by hand give way to those of a link that is followed later; else they stay."""
    customer = real.known.customers[2]
    app = visit("customer", Role.AGENT, id=customer)
    app.segmented_control(key="tabs-view").set_value("record").run()
    assert app.query_params == {"id": customer, "view": "record"}
    assert "Who looked, and why" in said(whole(app.run()))
    at_path(app, "customer", id=customer, view="money")

    assert app.query_params == {"id": customer, "view": "money"}
    assert "Money by day" in said(whole(app))


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_today_is_where_the_bank_is(visit: Any, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    """25 hours lie between the two, so that one of them always has another day than UTC."""
    told = session.Desk.statistics
    there = property(lambda desk: told.__get__(desk).model_copy(update={"time_zone": zone}))
    monkeypatch.setattr(session.Desk, "statistics", there)

    app = whole(visit("worklist", Role.AGENT, tab="promises"))

    [due] = [one for one in app.date_input if one.label == "Due on"]
    assert due.min == datetime.now(ZoneInfo(zone)).date()
