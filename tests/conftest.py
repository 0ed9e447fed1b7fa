"""One Hypothesis profile for all laws; real data and real servers, where they are.

Without them a test skips, or fails where skipping is forbidden. A law draws the same examples whenever it is run, so
that a build says the same of the same commit; `make laws` draws them anew.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from forbear.domain.errors import ConfigError
from forbear.testing.servers.browser import ChromiumBrowser
from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.postgres import PostgresServer
from forbear.testing.servers.s3 import S3Server

PROJECT = Path(__file__).parents[1]

settings.register_profile("anew", deadline=None, max_examples=25, print_blob=True)
settings.register_profile("forbear", settings.get_profile("anew"), derandomize=True)
settings.load_profile("forbear")


_SYSTEMS = frozenset(
    ("browser", "made_home", "servers", "servers_of_file", "kafka_server", "real_berka_folder", "real_dcr_folder")
)
"""Fixtures of the tests that take longest: they start brokers, databases, browsers, or read whole banks."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: a third of their time tests wait for servers, disks and one another."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start whole systems come first: with one of them begun last, all but one process would be idle."""
    long = {item.path for item in items if _SYSTEMS.intersection(getattr(item, "fixturenames", ()))}
    items.sort(key=lambda item: item.path not in long)


MadeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Have what takes long made once for all processes of a run: a folder of a name, not to be changed by anybody."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own

    def made(name: str, make: Callable[[Path], None]) -> Path:
        folder, done = shared / f"once-{name}", shared / f"once-{name}.done"
        with (shared / f"once-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # somebody failed while making it
                make(folder)
                done.touch()
        return folder

    return made


def _real_data(folder: str) -> Path:
    path = Path(os.environ.get("FORBEAR_DATA", PROJECT.parent / "shared" / "data")) / folder
    if not path.is_dir():
        _without(f"{path} is not there: set FORBEAR_DATA to the folder of the real data")
    return path


def _without(message: str) -> NoReturn:
    if os.environ.get("FORBEAR_FORBID_SKIP"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def without() -> Callable[[str], NoReturn]:
    """Skips what cannot run here, with a reason; fails where skipping is forbidden."""
    return _without


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests of a run. Whoever stops or kills it starts it again."""
    try:
        server = PostgresServer()
    except ConfigError as error:
        _without(str(error))
    with server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[ChromiumBrowser]:
    """A Chromium of this machine, which the tests of one file share; each visit to it begins with nothing.

    No longer than that: while it runs, the thread counts as one whose event loop runs, and has no other.
    """
    try:
        program = ChromiumBrowser()
    except ConfigError as error:
        _without(str(error))
    with program:
        yield program


@pytest.fixture(scope="session")
def real_berka_folder() -> Path:
    """The published Berka files."""
    return _real_data("berka")


@pytest.fixture(scope="session")
def real_uci_file() -> Path:
    """The published UCI table."""
    return _real_data("uci_credit") / "UCI_Credit_Card.csv"


@pytest.fixture(scope="session")
def real_dcr_folder() -> Path:
    """The Deep Credit Risk panel."""
    return _real_data("dcr")


@pytest.fixture(scope="session")
def real_hillstrom_folder() -> Path:
    """The published e-mail experiment."""
    return _real_data("hillstrom")


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """A Kafka broker that the tests of one process share: whoever stops it starts it again."""
    try:
        server = KafkaServer()
    except ConfigError as error:
        _without(str(error))
    with server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A server that speaks S3, which the tests of one process share."""
    with S3Server() as server:
        yield server


def _servers() -> tuple[KafkaServer, PostgresServer]:
    try:
        return KafkaServer(), PostgresServer()
    except ConfigError as error:
        _without(str(error))


@pytest.fixture
def servers() -> tuple[KafkaServer, PostgresServer]:
    """A broker and a database of a test's own, not started."""
    return _servers()


@pytest.fixture(scope="module")
def servers_of_file() -> tuple[KafkaServer, PostgresServer]:
    """The same of the tests of one file."""
    return _servers()
