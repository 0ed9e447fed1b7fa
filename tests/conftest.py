"""Real data and real servers: without them a test skips with a message, or fails where skipping is forbidden."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from forbear.domain.errors import ForbearError
from forbear.testing.servers.kafka import KafkaServer

PROJECT = Path(__file__).parents[1]


def _real_data(folder: str) -> Path:
    path = Path(os.environ.get("FORBEAR_DATA", PROJECT.parent / "shared" / "data")) / folder
    if not path.is_dir():
        message = f"{path} is not there: set FORBEAR_DATA to the folder of the real data"
        _is_missing(message)
    return path


def _is_missing(message: str) -> NoReturn:
    if os.environ.get("FORBEAR_FORBID_SKIP"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def real_berka_folder() -> Path:
    """The published Berka files."""
    return _real_data("berka")


@pytest.fixture(scope="session")
def real_uci_file() -> Path:
    """The published UCI table."""
    return _real_data("uci_credit") / "UCI_Credit_Card.csv"


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """A Kafka broker that the tests of one process share: whoever stops it starts it again."""
    try:
        server = KafkaServer()
    except ForbearError as error:
        _is_missing(str(error))
    with server:
        yield server
