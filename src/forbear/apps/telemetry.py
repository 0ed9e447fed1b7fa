"""Structured logs: one JSON line an event of the running system, with whatever is personal masked."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from forbear.adapters.disk import storage_errors

PERSONAL = re.compile(
    r"customer|account|counterparty|name|iban|email|phone|address|event$|payload|sealed|key", re.IGNORECASE
)
"""Fields that are never written as they are, whoever logs them."""
_LONG_NUMBER = re.compile(r"\d{6,}")
MASK = "***"


class Journal:
    """What a running system notes. Nothing personal passes: fields by their name, long numbers in any text."""

    def __init__(self, stream: Any) -> None:
        self._logger = structlog.wrap_logger(
            structlog.PrintLogger(stream),
            processors=[
                masked,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.BoundLogger,
        )

    def note(self, what: str, **facts: object) -> None:
        """Write one line."""
        self._logger.msg(what, **facts)


def masked(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The facts with what is personal masked; the name of the event itself stays."""
    return {name: value if name == "event" else _mask(name, value) for name, value in event.items()}


def _mask(name: str, value: object) -> object:
    if PERSONAL.search(name):
        return MASK
    match value:
        case str():
            return _LONG_NUMBER.sub(MASK, value)
        case dict():
            return {str(inner): _mask(str(inner), own) for inner, own in value.items()}
        case list() | tuple():
            return [_mask("", own) for own in value]
    return value


@contextmanager
def journal_of(path: Path) -> Iterator[Journal]:
    """A journal that is written behind what the file holds. Raises StorageError."""
    with storage_errors(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", buffering=1) as stream:
            yield Journal(stream)
