"""A document and the page beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from forbear.apps.beside import page_beside
from forbear.domain.errors import ConfigError


def test_a_page_stands_beside_its_document() -> None:
    """It bears the document's name and its own suffix."""
    assert page_beside(Path("reports/stress.json")) == Path("reports/stress.html")


def test_a_document_does_not_bear_the_name_of_its_page() -> None:
    """One would be written over the other."""
    with pytest.raises(ConfigError, match="is the name of the page"):
        page_beside(Path("stress.html"))
