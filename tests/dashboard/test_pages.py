"""Every page as each role in a real browser, over a bank that lives: what is drawn, what can be done, what is kept."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.dashboard.conftest import SCREENSHOTS
from tests.dashboard.running import Demo, process_of
from tests.dashboard.screen import (
    LINKS,
    cells,
    drawn,
    figures,
    links,
    log_in,
    settle,
    stored,
    tab_to,
    title,
    turn_to,
    unnamed,
)

from forbear.apps.dashboard.registry import BY_NAME, ENTRIES, Entry
from forbear.testing.servers.browser import ChromiumBrowser, Screen, Visit, picture

PROJECT = Path(__file__).parents[2]
WIDE = Screen(width=1440, height=900)
MOST_SECONDS = 180.0
"""Until something that is bound to come."""
_SECONDS_DRAWN = 45
"""Of rates in the picture of the live page."""
ROLES = ("viewer", "agent", "analyst", "approver", "admin")
PAGES = [entry for entry in ENTRIES if entry.there]
WITH_CHARTS = {"executive", "heat_map", "acceleration", "credit_risk", "live", "drift", "roi", "cockpit"}
"""Pages that draw a chart of any book."""
PICTURED = {"live", "cockpit"}
"""Pages whose picture is taken where they show something that was done."""


@pytest.fixture
def visit(browser: ChromiumBrowser) -> Iterator[Visit]:
    """Somebody who was never here; whatever went wrong while they looked fails the test."""
    with browser.visit(WIDE) as one:
        yield one
        assert one.gathered.all == []


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures go."""
    return PROJECT / "docs" / "images" if SCREENSHOTS else tmp_path


def a_case(demo: Demo) -> str:
    """A case that nobody has, escalated or not: the days that flow may escalate it at any moment."""
    with demo.client("agent") as client:
        return next(one.case_id for one in client.list_cases(state="open") if not one.assigned)


def a_customer(demo: Demo) -> str:
    """Whoever is most at risk."""
    with demo.client("analyst") as client:
        return str(next(iter(client.high_risk(page_size=1))).customer_id)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_its_pages(demo: Demo, visit: Visit, pictures: Path, role: str) -> None:
    """The navigation has what is theirs and no more; each page has its title, its moment, its charts, and no error."""
    page = log_in(visit, demo, role)

    assert links(page) == [entry.title for entry in PAGES if role in entry.roles]
    for entry in PAGES:
        if role in entry.roles:
            turn_to(page, entry)
            _is_whole(page, entry)
            assert visit.gathered.all == [], entry.title
            if role == "admin" and entry.name not in PICTURED:
                picture(page, pictures / f"dashboard-{entry.path}.png")
    assert demo.keys[role] not in stored(page)


@pytest.mark.parametrize("role", ["viewer", "agent", "analyst"])
def test_what_is_not_theirs_says_so(demo: Demo, visit: Visit, role: str) -> None:
    """A link to a page of other roles leads through the login to words that say so, and shows nothing of it."""
    first, *others = [entry for entry in PAGES if role not in entry.roles]
    page = log_in(visit, demo, role, f"/{first.path}")

    for entry in (first, *others):
        if entry is not first:
            page.evaluate(f"history.pushState(null, '', '/{entry.path}'); dispatchEvent(new PopStateEvent('popstate'))")
        title(page, entry.title)
        expect(page.get_by_text(f"This page is not for the role {role}.")).to_be_visible()
        assert page.get_by_test_id("stVegaLiteChart").count() == 0
        assert page.get_by_test_id("stDataFrame").count() == 0


def test_a_wrong_key_lets_nobody_in(demo: Demo, visit: Visit) -> None:
    """A key that does not hold is refused in words; nothing is shown, and the way is not lost."""
    page = visit.page
    page.goto(f"{demo.url}/heat-map")
    title(page, "Log in")
    key = demo.keys["viewer"]
    page.get_by_label("Your key", exact=True).fill(key[:-2] + ("AA" if key[-2:] != "AA" else "BB"))
    page.get_by_role("button", name="Log in", exact=True).click()

    expect(page.get_by_text("This key does not hold.")).to_be_visible()
    assert page.locator(LINKS).count() == 0
    page.get_by_label("Your key", exact=True).fill(demo.keys["viewer"])
    page.get_by_role("button", name="Log in", exact=True).click()
    title(page, BY_NAME["heat_map"].title)
    assert page.url.startswith(f"{demo.url}/heat-map")


def test_a_link_survives_the_login(demo: Demo, visit: Visit, pictures: Path) -> None:
    """Page and filters of a link are there after the login; of the key nothing is in any address, cookie or storage."""
    customer = a_customer(demo)
    page = log_in(visit, demo, "agent", f"/customer?id={customer}")

    title(page, f"{BY_NAME['customer'].title} {customer}")
    expect(page.get_by_text(customer).first).to_be_visible()
    assert f"id={customer}" in page.url
    assert sum(drawn(page)) > 0
    picture(page, pictures / "dashboard-customer-one.png")
    page.get_by_role("radio", name="Money").click()
    settle(page)
    assert sum(drawn(page)) > 0
    picture(page, pictures / "dashboard-customer-money.png")
    page.get_by_role("radio", name="What if").click()
    page.get_by_text("Income comes", exact=True).click()
    expect(page.get_by_text("PD as it would be", exact=True)).to_be_visible()
    settle(page)
    picture(page, pictures / "dashboard-customer-what-if.png")
    secret = demo.keys["agent"].rpartition("_")[2]
    assert secret not in stored(page)
    assert not [url for url in visit.gathered.asked if secret in url]
    assert not [cookie for cookie in visit.context.cookies() if secret in str(cookie)]


def test_a_click_on_the_worklist_reaches_the_database(demo: Demo, visit: Visit) -> None:
    """A case that is taken by a click is theirs in the store, and who did it about whom is in the chain of accesses."""
    case = a_case(demo)
    page = log_in(visit, demo, "approver", f"/worklist?case={case}")
    title(page, BY_NAME["worklist"].title)
    page.get_by_label("Why do you look?", exact=True).fill("it was asked of me")
    page.keyboard.press("Enter")
    settle(page)

    page.get_by_role("button", name="Take it", exact=True).last.click()
    expect(page.get_by_text("Done: the case is assigned")).to_be_visible()

    with closing(sqlite3.connect(demo.home / "forbear.db")) as store:
        [state, assigned] = store.execute("SELECT state, assigned FROM cases WHERE case_id = ?", [case]).fetchone()
    assert state == "assigned"
    assert assigned == "demo approver"
    key_id = demo.keys["approver"].split("_")[1]
    with closing(sqlite3.connect(demo.home / "api.db")) as office:
        bodies = [json.loads(body) for [body] in office.execute("SELECT body FROM accesses ORDER BY at_us")]
    *_, recorded = [one for one in bodies if one["route"] == "add_case_step" and key_id in one["who"]]
    assert recorded["why"] == "it was asked of me"
    assert 200 <= recorded["status"] < 300


def test_the_live_page_moves(demo: Demo, visit: Visit, pictures: Path) -> None:
    """While events flow the counter rises and the newest rows change, without a touch."""
    page = log_in(visit, demo, "agent", "/live")
    title(page, BY_NAME["live"].title)
    scores = page.locator(".st-key-live-prediction")
    scores.wait_for()  # what was recorded before somebody looked is there at once

    before, rows = _heard(page), cells(scores)
    until = time.monotonic() + MOST_SECONDS
    while _heard(page) <= before or cells(scores) == rows:
        assert time.monotonic() < until, "nothing moved"
        page.wait_for_timeout(500)
    page.wait_for_timeout(_SECONDS_DRAWN * 1_000 if SCREENSHOTS else 0)
    assert sum(drawn(page)) > 0
    picture(page, pictures / "dashboard-live.png")


def test_by_keyboard_alone(demo: Demo, visit: Visit) -> None:
    """Somebody without a mouse logs in, turns to another page, works on a case, and logs out."""
    page, case = visit.page, a_case(demo)
    page.goto(f"{demo.url}/worklist?case={case}")
    title(page, "Log in")
    tab_to(page, page.get_by_label("Your key", exact=True))
    page.keyboard.type(demo.keys["approver"])
    page.keyboard.press("Enter")
    title(page, BY_NAME["worklist"].title)

    tab_to(page, page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Take it", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Done: the case is assigned")).to_be_visible()
    tab_to(page, page.locator(LINKS).filter(has_text=BY_NAME["executive"].title))
    page.keyboard.press("Enter")
    title(page, BY_NAME["executive"].title)
    tab_to(page, page.get_by_role("button", name="Log out", exact=True))
    page.keyboard.press("Enter")
    title(page, "Log in")


def test_a_table_is_handed_over_as_it_stands(demo: Demo, visit: Visit) -> None:
    """The CSV file of the worklist has the columns and the rows that the page shows, and names everybody it shows."""
    page = log_in(visit, demo, "agent", "/worklist")
    title(page, BY_NAME["worklist"].title)
    grid = page.get_by_test_id("stDataFrame").first
    shown = cells(grid)

    with page.expect_download() as downloading:
        page.get_by_test_id("stDownloadButton").first.get_by_role("button").click()
    rows = list(csv.reader(io.StringIO(Path(downloading.value.path()).read_text(encoding="utf-8-sig"))))

    assert downloading.value.suggested_filename == "cases.csv"
    columns = [cell for cell in shown[0] if cell]  # those further to the right are out of sight
    assert len(columns) > 3
    assert columns == rows[0][: len(columns)]
    told = {row[rows[0].index("Case")][:8] for row in rows[1:]}  # the file has ids whole
    in_sight = {row[shown[0].index("Case")] for row in shown[1:]}
    assert in_sight
    assert in_sight <= told


def test_a_moved_line_becomes_a_draft_and_another_person_agrees(
    demo: Demo, browser: ChromiumBrowser, pictures: Path
) -> None:
    """A moved line shows what it would change; saved as a draft, it waits for an approver, whose word is recorded."""
    cockpit = BY_NAME["cockpit"].title
    with browser.visit(WIDE) as visit:
        page = log_in(visit, demo, "analyst", "/cockpit?agents=3")
        title(page, cockpit)
        line = page.get_by_label(re.compile("help from a PD of")).last
        line.fill(f"{float(line.input_value()) * 0.8:.2f}")
        line.press("Enter")
        expect(page.get_by_text("Now, and then")).to_be_visible(timeout=MOST_SECONDS * 1_000)
        settle(page)
        assert sum(drawn(page)) > 0
        picture(page, pictures / "dashboard-cockpit.png")
        page.get_by_label("Title", exact=True).fill("Help from a lower line on")
        page.get_by_label("Why", exact=True).fill("Three more agents are there, and have time for those just below.")
        page.get_by_role("button", name="Save as a draft").click()
        expect(page.get_by_text(re.compile("^Saved: Help from a lower line on"))).to_be_visible()
        assert visit.gathered.all == []
    with demo.client("approver") as client:
        draft = next(one for one in client.list_policy_drafts() if one.title == "Help from a lower line on")

    with browser.visit(WIDE) as visit:
        page = log_in(visit, demo, "approver", f"/cockpit?draft={draft.draft_id}")
        title(page, cockpit)
        why = page.get_by_label("Why", exact=True).last
        why.fill("The figures hold, and nobody is treated worse.")
        page.get_by_role("button", name="Approve", exact=True).scroll_into_view_if_needed()
        picture(page, pictures / "dashboard-cockpit-approval.png")
        page.get_by_role("button", name="Approve", exact=True).click()
        expect(page.get_by_text("To put it in force, a person runs:")).to_be_visible()
        assert visit.gathered.all == []
    with demo.client("analyst") as client:
        told = client.policy_draft(draft.draft_id)
    assert told.state == "approved"
    assert told.verdict is not None
    assert told.verdict.why == "The figures hold, and nobody is treated worse."


@pytest.mark.parametrize(
    "screen", [Screen(width=1440, dark=True), Screen(width=420, height=800)], ids=["dark", "narrow"]
)
def test_dark_and_narrow(demo: Demo, browser: ChromiumBrowser, pictures: Path, screen: Screen) -> None:
    """Who prefers the dark gets it, and on a narrow window nothing stands beyond the edge."""
    with browser.visit(screen) as visit:
        page = log_in(visit, demo, "analyst")
        title(page, BY_NAME["executive"].title)
        ground = page.get_by_test_id("stApp").evaluate("one => getComputedStyle(one).backgroundColor")
        red = int(re.findall(r"\d+", ground)[0])
        assert (red < 64) == screen.dark
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= screen.width
        assert sum(drawn(page)) > 0
        picture(page, pictures / f"dashboard-executive-{'dark' if screen.dark else 'narrow'}.png")
        assert visit.gathered.all == []


def test_figures_are_those_of_the_interface(demo: Demo, visit: Visit) -> None:
    """The cases that the page counts are those that the interface counts, and those in the store."""
    page = log_in(visit, demo, "agent", "/worklist")
    title(page, BY_NAME["worklist"].title)
    shown = figures(page)

    with demo.client("agent") as client:
        told = client.case_figures()
    # The flow opens cases of its own: what is shown lies between two looks at the store.
    assert abs(int(shown["Open cases"]) - sum(told.open_by_kind.values())) <= 5
    with closing(sqlite3.connect(demo.home / "forbear.db")) as store:
        [count] = store.execute("SELECT count(*) FROM cases WHERE state <> 'closed'").fetchone()
    assert abs(int(shown["Open cases"]) - count) <= 5


def test_the_interface_gone_and_back(demo: Demo, browser: ChromiumBrowser) -> None:
    """While the interface is gone a page says so and what to do; once it is back the page is whole again."""
    with browser.visit() as visit:
        page = log_in(visit, demo, "analyst")
        os.kill(process_of(demo, "serve"), signal.SIGKILL)  # whoever looks after it starts it again
        page.locator(LINKS).filter(has_text=BY_NAME["acceleration"].title).click()
        expect(page.get_by_text("does not answer").first).to_be_visible()
        expect(page.get_by_text(re.compile("See that it runs|forbear serve|Look again")).first).to_be_visible()
        assert page.get_by_test_id("stException").count() == 0

        until = time.monotonic() + 90
        while page.get_by_text("does not answer").count():
            assert time.monotonic() < until, "it did not recover"
            page.wait_for_timeout(1_000)
            again = page.get_by_role("button", name="Look again")
            (
                again if again.count() else page.locator(LINKS).filter(has_text=BY_NAME["acceleration"].title)
            ).first.click()
            settle(page)
        title(page, BY_NAME["acceleration"].title)
        assert sum(drawn(page)) > 0


# ---- how


def _is_whole(page: Page, entry: Entry) -> None:
    assert page.get_by_test_id("stException").count() == 0, entry.title
    assert page.get_by_text("internal error").count() == 0
    expect(page.get_by_text(re.compile("as of ", re.IGNORECASE)).first).to_be_visible()
    if entry.name in WITH_CHARTS:
        page.get_by_test_id("stVegaLiteChart").first.wait_for()
        assert min(drawn(page)) > 0, entry.title
    assert unnamed(page) == [], entry.title


def _heard(page: Page) -> int:
    return int(re.sub(r"\D", "", figures(page)["Since you look"]) or 0)
