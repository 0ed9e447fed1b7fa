"""The shipped law book, and a customer who may be called."""

from __future__ import annotations

import pytest

from forbear.apps.jobs.contact_law import law_book
from forbear.policy.contact_law.book import LawBook


@pytest.fixture(scope="session")
def book() -> LawBook:
    """All shipped packs, with their holidays."""
    return law_book()
