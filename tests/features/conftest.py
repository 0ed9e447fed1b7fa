"""One way to ask what a log amounts to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from forbear.domain.calendar import BankCalendar
from forbear.domain.events import Event
from forbear.features.batch import batch_of
from forbear.features.book import Book
from forbear.features.columns import columns_of
from forbear.features.compute import FeatureSet
from forbear.testing.histories import OPENS, ZONE

Asked = Callable[[Sequence[Event], int], dict[str, float]]


@pytest.fixture(scope="session")
def features_on() -> Asked:
    """Features of the log's first customer at the close of a day, by name."""
    names = FeatureSet.standard().names

    def ask(log: Sequence[Event], day: int) -> dict[str, float]:
        book = Book(FeatureSet.standard(), OPENS, BankCalendar())
        book.close_day(OPENS + day - 1)
        book.fold(batch_of(columns_of(log), ZONE))
        return dict(zip(names, book.compute()[0].tolist(), strict=True))

    return ask
