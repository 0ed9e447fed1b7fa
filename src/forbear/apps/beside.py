"""A document and the page beside it: one place tells them apart."""

from __future__ import annotations

from pathlib import Path

from forbear.domain.errors import ConfigError

PAGE = ".html"


def page_beside(document: Path) -> Path:
    """Where the page of a document stands. Raises ConfigError for a document that bears the name of its page."""
    if document.suffix == PAGE:
        raise ConfigError(
            f"--out {document} is the name of the page", mend="name the document; its page stands beside it"
        )
    return document.with_suffix(PAGE)
