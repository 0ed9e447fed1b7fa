"""The book at a day close, with figures: the same rows as for scoring, and everybody accounted for."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.demo import simulate_bank
from forbear.domain.errors import NotEnoughData
from forbear.engine.backfill import book_at, rows_at
from forbear.features.eligibility import Hurdle
from forbear.features.figures import FIGURES
from forbear.simulation.spec import BankSpec


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A small bank of two hundred days."""
    home = Home(tmp_path_factory.mktemp("bank") / "home")
    simulate_bank(home, BankSpec(customers=200, days=200, seed=3), Console(quiet=True), replace=False)
    return home


@pytest.mark.parametrize("back", [0, 40, 130])
def test_rows_are_those_that_are_scored(home: Home, back: int) -> None:
    """Asking for figures beside them changes no bit of the rows, on the last day or before."""
    cut_day = None if not back else (home.archive.closed_day or 0) - back
    scored, day = rows_at(home.feed, cut_day)
    book = book_at(home.feed, cut_day)
    assert book.day == day
    for field in fields(scored):
        assert getattr(scored, field.name).tobytes() == getattr(book.rows, field.name).tobytes(), field.name
    assert book.figures.shape == (len(scored.customer), len(FIGURES))


def test_figures_from_a_snapshot_are_the_same(home: Home) -> None:
    """Resuming before the last close gives the figures and hurdles of a full replay."""
    whole, resumed = book_at(home.feed, None), book_at(home.feed, None, snapshots=home.snapshots)
    order, again = np.argsort(whole.met), np.argsort(resumed.met)
    np.testing.assert_array_equal(whole.figures, resumed.figures)
    np.testing.assert_array_equal(whole.met[order], resumed.met[again])
    np.testing.assert_array_equal(whole.hurdles[order], resumed.hurdles[again])


def test_everybody_has_a_row_or_a_hurdle(home: Home) -> None:
    """Whoever was met is asked about, or something stated keeps them from it; young histories are too short."""
    closed = home.archive.closed_day or 0
    late, early = book_at(home.feed, closed - 5), book_at(home.feed, closed - 170)
    for book in (late, early):
        asked = book.met[book.hurdles == Hurdle.NONE]
        assert sorted(asked.tolist()) == sorted(book.rows.customer.tolist())
        assert len(set(book.met.tolist())) == len(book.met)
    assert {Hurdle.IN_ARREARS, Hurdle.RECENT_MISS} <= set(late.hurdles.tolist())
    assert set(early.hurdles.tolist()) == {Hurdle.KNOWN_TOO_SHORT}


def test_what_came_after_the_close_is_not_told(home: Home) -> None:
    """Rows of a past day bear no label, though the log holds what became of those customers."""
    rows, _ = rows_at(home.feed, (home.archive.closed_day or 0) - 100)
    assert len(rows.customer) > 100
    assert np.isnan(rows.days_ahead).all()


def test_a_day_that_was_never_closed_is_refused(home: Home) -> None:
    """Nothing is known yet of a day to come."""
    with pytest.raises(NotEnoughData, match="never closed"):
        book_at(home.feed, (home.archive.closed_day or 0) + 1)
