"""Ten questions of a head of collections, answered from the screen: how many clicks each takes is counted here.

docs/dashboard-pages.md has the same table; a test holds it to the counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.dashboard.running import Demo
from tests.dashboard.screen import LINKS, figures, log_in, settle

from forbear.testing.servers.browser import ChromiumBrowser

PAGE = Path(__file__).parents[2] / "docs" / "dashboard-pages.md"
_FIRST_ROW = {"x": 16, "y": 52}
"""Where the box of a table's first row is [px]."""


class Hand:
    """What somebody does with a page that they have just logged in to; `clicks` counts boxes typed into as well."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def turn_to(self, name: str) -> None:
        """Choose a page of the navigation."""
        self._click(self.page.locator(LINKS).filter(has_text=name))
        expect(self.page.get_by_role("heading", level=1)).to_have_text(name)

    def first_row(self) -> None:
        """Open the first row of the first table."""
        table = self.page.get_by_test_id("stDataFrame").first
        table.locator("table tr").nth(1).wait_for(state="attached")
        self.clicks += 1
        table.click(position=_FIRST_ROW)
        settle(self.page)

    def choose(self, name: str) -> None:
        """Choose one of the views of a page."""
        self._click(self.page.get_by_role("radio", name=name))

    def write(self, label: str, text: str) -> None:
        """Write into a box, and press Enter."""
        self.clicks += 1
        box = self.page.get_by_label(label, exact=True)
        box.fill(text)
        box.press("Enter")
        settle(self.page)

    def says(self, *words: str) -> None:
        """Each of these stands on the page, a regular expression each."""
        for word in words:
            expect(self.page.get_by_text(re.compile(word)).locator("visible=true").first).to_be_visible()

    def _click(self, target: Locator) -> None:
        self.clicks += 1
        target.click()
        settle(self.page)


def _how_many(hand: Hand) -> None:
    shown = figures(hand.page)
    assert int(shown["Customers in a band"]) > 0
    hand.says("in 51 days|in 90 days|in \\d+ days", "Customers by band, by day")


def _who_is_worst(hand: Hand) -> None:
    hand.turn_to("Customer")
    hand.says("The 25 with the highest PD")
    hand.page.get_by_test_id("stDataFrame").first.locator("table tr").nth(1).wait_for(state="attached")


def _why(hand: Hand) -> None:
    _who_is_worst(hand)
    hand.first_row()
    hand.says("^Customer C\\d+$", "In words|Why", "PD at the close of each day")


def _who_gets_worse(hand: Hand) -> None:
    hand.turn_to("Acceleration")
    hand.says("^Rising$", "doubles every|days")


def _did_help_pay(hand: Hand) -> None:
    hand.turn_to("ROI and experiments")
    hand.says("Effect so far", "Return on what was spent", "onclusive|Too few")


def _are_we_fair(hand: Hand) -> None:
    hand.turn_to("Fairness")
    hand.says("within|disparity|cannot tell")


def _twenty_agents(hand: Hand) -> None:
    hand.turn_to("Policy cockpit")
    hand.write("More agents on the phone", "20")
    hand.says("^Now, and then$", "Net of help")
    assert "agents=20" in hand.page.url


def _what_first(hand: Hand) -> None:
    hand.turn_to("Interventions and worklist")
    assert int(figures(hand.page)["Open cases"]) > 0
    hand.page.get_by_test_id("stDataFrame").first.locator("table tr").nth(1).wait_for(state="attached")


def _may_we_call(hand: Hand) -> None:
    _who_is_worst(hand)
    hand.first_row()
    hand.choose("Contacts and decisions")
    hand.says("May we reach them now", "by the law of")


def _does_it_still_see(hand: Hand) -> None:
    hand.turn_to("Drift")
    hand.says("Steady|Drifting|cannot be told|Cannot tell", "Ranking \\(AUC\\)|Does the model still do well")


@dataclass(frozen=True)
class Question:
    """asked: as in the table of the page.  answer: what is done, and what must then be seen."""

    asked: str
    answer: Callable[[Hand], None]


QUESTIONS = (
    Question("How many are at risk, and is it rising?", _how_many),
    Question("Who is worst?", _who_is_worst),
    Question("Why is this customer at risk?", _why),
    Question("Who is getting worse fastest?", _who_gets_worse),
    Question("Did help pay?", _did_help_pay),
    Question("Are we fair?", _are_we_fair),
    Question("What if we had 20 more agents?", _twenty_agents),
    Question("What must my team do first today?", _what_first),
    Question("May we call this customer now?", _may_we_call),
    Question("Does the model still see straight?", _does_it_still_see),
)


@pytest.fixture
def page(demo: Demo, browser: ChromiumBrowser) -> Iterator[Page]:
    """The page after the login of a head of collections: somebody who may approve."""
    with browser.visit() as visit:
        yield log_in(visit, demo, "approver")
        assert visit.gathered.all == []


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.asked)
def test_the_screen_answers(page: Page, question: Question) -> None:
    """From the login on, the answer stands on the screen after as many clicks as the document says."""
    hand = Hand(page)

    question.answer(hand)

    assert f"| {question.asked} | {hand.clicks} |" in PAGE.read_text(encoding="utf-8")
