"""What somebody does at the dashboard, and what they see of it."""

from __future__ import annotations

from collections.abc import Mapping

from playwright.sync_api import Locator, Page, expect
from tests.dashboard.running import Demo

from forbear.apps.dashboard.registry import Entry
from forbear.testing.servers.browser import Visit

STILL = '[data-testid="stApp"][data-test-script-state="notRunning"]'
LINKS = '[data-testid="stSidebarNavLink"]'
CHART = '[data-testid="stVegaLiteChart"]'
_SETTLED_MS, _PATIENCE_MS = 150, 120_000

_DRAWN = """chart => {
  const marks = [...chart.querySelectorAll('svg g.role-mark > *')];
  return marks.filter(one => { const box = one.getBBox(); return box.width + box.height > 0; }).length;
}"""
_UNNAMED = """() => {
  const named = one => (one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.title
    || (one.labels && one.labels.length && one.labels[0].textContent.trim()) || one.textContent || '').trim();
  const shown = one => one.getClientRects().length && !one.closest('[aria-hidden="true"]');
  const asked = 'input:not([type="hidden"]), textarea, select, button, a[href], [role="slider"], [role="radio"]';
  return [...document.querySelectorAll(asked)].filter(one => shown(one) && !named(one)).map(one => one.outerHTML);
}"""
_CELLS = "rows => rows.map(row => [...row.querySelectorAll('th, td')].map(cell => cell.textContent.trim()))"
_STORED = (
    """() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state])"""
)


def settle(page: Page) -> None:
    """Wait until the page has been drawn whole."""
    page.wait_for_timeout(_SETTLED_MS)
    page.locator(STILL).wait_for()


def title(page: Page, text: str) -> None:
    """The page is this one: it has one heading of the first rank, and that says so."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)
    settle(page)


def log_in(visit: Visit, demo: Demo, role: str, path: str = "/") -> Page:
    """Come to a path as somebody of a role, through the login."""
    page = visit.page
    visit.context.set_default_timeout(_PATIENCE_MS)
    page.goto(f"{demo.url}{path}")
    page.get_by_label("Your key", exact=True).fill(demo.keys[role])
    page.get_by_role("button", name="Log in", exact=True).click()
    page.locator(LINKS).first.wait_for(state="attached")
    settle(page)
    return page


def links(page: Page) -> list[str]:
    """What the navigation names."""
    return [one.inner_text().split("\n")[-1].strip() for one in page.locator(LINKS).all()]


def turn_to(page: Page, entry: Entry) -> None:
    """Turn to a page by the navigation."""
    page.locator(LINKS).filter(has_text=entry.title).click()
    title(page, entry.title)


def drawn(page: Page) -> list[int]:
    """Of each chart, how many marks with an extent it has drawn. Waits for the first of a page that has any."""
    page.locator(f"{CHART} svg g.role-mark > *").first.wait_for(state="attached")
    return [chart.evaluate(_DRAWN) for chart in page.locator(CHART).all()]


def unnamed(page: Page) -> list[str]:
    """What can be reached by keyboard or reader, and has no name."""
    found: list[str] = page.evaluate(_UNNAMED)
    return found


def stored(page: Page) -> str:
    """Everything that the page keeps in the browser, and where it is."""
    kept: str = page.evaluate(_STORED)
    return kept


def figures(page: Page) -> Mapping[str, str]:
    """What the figures of a page say, by their label."""
    shown = page.get_by_test_id("stMetric")
    shown.last.wait_for()
    return {
        one.get_by_test_id("stMetricLabel").inner_text().split("\n")[0]: one.get_by_test_id(
            "stMetricValue"
        ).inner_text()
        for one in shown.all()
    }


def cells(grid: Locator) -> list[list[str]]:
    """What a table shows, its header first: the rows that are in sight. It says so to whoever reads with a reader."""
    grid.locator("table tr").nth(1).wait_for(state="attached")
    told: list[list[str]] = grid.locator("table tr").evaluate_all(_CELLS)
    return told


def tab_to(page: Page, target: Locator, *, most: int = 120) -> None:
    """Press Tab until something is reached."""
    for _ in range(most):
        if target.count() and target.first.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{most} times Tab did not lead to {target}")
