"""A book that goes on from a snapshot is the book that saw everything."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.demo import simulate_bank
from forbear.domain.calendar import BankCalendar
from forbear.domain.errors import ModelMismatch
from forbear.engine.backfill import rows_at
from forbear.engine.recovery import resume
from forbear.features.book import Book
from forbear.features.columns import day_number
from forbear.features.compute import FeatureSet
from forbear.simulation.spec import BankSpec


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A small bank of two hundred days."""
    home = Home(tmp_path_factory.mktemp("bank") / "home")
    simulate_bank(home, BankSpec(customers=200, days=200, seed=2), Console(quiet=True), replace=False)
    return home


def test_rows_from_a_snapshot_equal_rows_of_the_whole_log(home: Home) -> None:
    """Scoring the last closed day from the snapshot and its tail gives what a full replay gives, bit for bit."""
    whole, closed = rows_at(home.feed, None)
    resumed, same_day = rows_at(home.feed, None, snapshots=home.snapshots)
    assert same_day == closed
    assert len(whole.customer) > 100
    for field in fields(whole):
        assert getattr(whole, field.name).tobytes() == getattr(resumed, field.name).tobytes(), field.name


def test_a_snapshot_saves_most_of_the_fold(home: Home) -> None:
    """The snapshot stands right before the close of the last day."""
    book = Book(FeatureSet.standard(), day_number(home.deployment.opens_on), home.feed.calendar)
    offset = resume(book, home.snapshots)
    assert home.archive.next_offset - 10 < offset < home.archive.next_offset
    assert book.open_day == home.archive.closed_day


def test_a_snapshot_of_another_layout_is_refused(home: Home) -> None:
    """Words that were written under another calendar mean something else: no guess is made."""
    other = BankCalendar.of([date(2023, 1, 3)])
    book = Book(FeatureSet.standard(), day_number(home.deployment.opens_on), other)
    with pytest.raises(ModelMismatch, match="layout"):
        resume(book, home.snapshots)


def test_without_a_snapshot_a_book_begins_at_the_beginning(home: Home, tmp_path: Path) -> None:
    """No snapshot, or none old enough, leaves the book as it was."""
    book = Book(FeatureSet.standard(), day_number(home.deployment.opens_on), home.feed.calendar)
    assert resume(book, Home(tmp_path).snapshots) == 0
    assert resume(book, home.snapshots, up_to=5) == 0
    assert book.customers == 0
