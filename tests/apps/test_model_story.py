"""The story of the models: its bank's days come one after another, and its page tells what happened."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.model_story import Chapter, StoryRequest, mislabelled
from forbear.apps.jobs.model_story_bank import TO_COME, Days, bank_with_days_to_come
from forbear.apps.model_story_page import story_page
from forbear.domain.errors import ConfigError
from forbear.features.columns import EventColumns, EventKind, day_number
from forbear.models.dataset import Dataset, FeatureSpec
from forbear.simulation.spec import BankSpec

LIVE = date(2023, 2, 15)
SPEC = BankSpec(customers=40, start=date(2023, 1, 1), days=60)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Days:
    """A bank whose last days have not come yet."""
    return bank_with_days_to_come(Home(tmp_path_factory.mktemp("story") / "home"), SPEC, LIVE, Console(quiet=True))


def logged(home: Home) -> EventColumns:
    """What the log of a home holds."""
    source = home.source()
    try:
        return source.read(home.archive.next_offset, source.end)
    finally:
        source.close()


def test_days_come_whole_and_nothing_before_its_time(days: Days) -> None:
    """Up to a day the log holds everything received by that day's close, which ends it; in the end it is the whole."""
    home = days.home
    assert home.archive.next_offset > 0
    assert (home.folder / TO_COME).is_dir()
    assert len(logged(home)) == 0
    before = days.now
    for last in (LIVE + timedelta(days=3), LIVE + timedelta(days=4)):
        days.send(last)
        seen = logged(home)
        assert seen.kind[-1] == EventKind.DAY_CLOSED
        assert seen.day[-1] == day_number(last)
        assert days.now > before
        before = days.now
    days.send(days.last + timedelta(days=400))
    whole = logged(home)
    assert len(whole) == len(days.columns) == days.sent
    np.testing.assert_array_equal(whole.received_us, days.columns.received_us)


def test_a_home_with_data_is_left_alone(days: Days) -> None:
    """The story makes a bank of its own."""
    with pytest.raises(ConfigError, match="holds data"):
        bank_with_days_to_come(days.home, SPEC, LIVE, Console(quiet=True))


def test_spoiled_rows_have_the_labels_of_others() -> None:
    """As many misses as before, each with its days ahead, and few of them where they were."""
    draw, count = np.random.default_rng(1), 400
    labels = np.arange(count) < 40
    rows = Dataset(
        features=draw.random((count, 1)),
        specs=(FeatureSpec(name="one", group="income", direction=1, low=0.0, high=1.0, unit="share"),),
        labels=labels,
        customers=np.arange(count),
        as_of=np.full(count, np.datetime64("2024-01-01"), dtype="datetime64[D]"),
        days_ahead=np.where(labels, 3.0, np.nan),
    )
    spoiled = mislabelled(rows)
    assert spoiled.positives == rows.positives
    np.testing.assert_array_equal(np.isnan(spoiled.days_ahead), ~spoiled.labels)
    assert np.count_nonzero(spoiled.labels & rows.labels) < 0.5 * rows.positives


def test_the_page_tells_each_chapter_and_links_to_its_pages(tmp_path: Path) -> None:
    """Days, titles and words in their order; a page that a chapter names is reached from where the story's stands."""
    chapters = [
        Chapter(
            date(2024, 3, 24), "The monitor pages", "Somebody <looks>.", {"monitor": tmp_path / "story" / "m.html"}
        ),
        Chapter(date(2024, 4, 7), "A candidate passes", "All checks."),
    ]
    page = story_page(chapters, StoryRequest(created="now"), tmp_path / "story.html")
    assert re.search("The monitor pages.*Somebody &lt;looks&gt;.*story/m.html.*A candidate passes", page, re.DOTALL)
    assert "Synthetic data." in page
