"""The vault on PostgreSQL keeps the laws of every vault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from typing import Any

import psycopg
import pytest

from forbear.adapters.sql.dialects.base import Access
from forbear.adapters.sql.vault import PostgresVault
from forbear.domain.errors import BackendUnavailable, ConfigError, CorruptState
from forbear.testing.vault_contract import VaultContract

Databases = Any
"""What the fixture of that name gives; see conftest."""
_NUMBERS = count()


def new_url(databases: Databases) -> str:
    """The URL of a database with nothing in it."""
    return str(databases.bare(f"vault_{next(_NUMBERS)}"))


class TestVault(VaultContract):
    """The laws of every vault."""

    @pytest.fixture(autouse=True)
    def _databases(self, databases: Databases) -> Iterator[None]:
        self.databases = databases
        self.opened: dict[PostgresVault, str] = {}
        yield
        for vault in self.opened:
            vault.close()

    def make(self) -> PostgresVault:
        """A vault in a database of its own."""
        return self._kept(new_url(self.databases))

    def again(self, vault: PostgresVault) -> PostgresVault:
        """The same database from another process's side."""
        return self._kept(self.opened[vault])

    def _kept(self, url: str) -> PostgresVault:
        for one in self.opened:
            one.engine.dispose()
        vault = PostgresVault(url)
        self.opened[vault] = url
        return vault


def _seal(url: str, customers: list[int], results: Any, start: Any) -> None:
    with closing(PostgresVault(url)) as vault:
        start.wait(30)
        results.put(dict(zip(customers, vault.seal([(one, b"plain", b"") for one in customers]), strict=True)))


def test_processes_agree_on_a_key(databases: Databases, processes: Any) -> None:
    """Processes that make a vault and meet customers for the first time at once seal under the same keys."""
    url = new_url(databases)
    results, start = processes.Queue(), processes.Event()
    orders = [list(range(40)), list(range(40))[::-1], list(range(20, 40)) + list(range(20))]
    sealers = [processes.Process(target=_seal, args=(url, order, results, start)) for order in orders]
    for sealer in sealers:
        sealer.start()
    start.set()
    sealed = [results.get(timeout=60) for _ in sealers]
    for sealer in sealers:
        sealer.join(30)

    assert sealed[0] == sealed[1] == sealed[2]


def test_a_newer_vault_and_another_database_are_refused(databases: Databases) -> None:
    """A vault of a later version is CorruptState, the URL of a file a ConfigError."""
    url = new_url(databases)
    PostgresVault(url).close()
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE vault_state SET format = 2")
    with pytest.raises(CorruptState, match="format 2"):
        PostgresVault(url)
    with pytest.raises(ConfigError, match="postgresql"):
        PostgresVault("sqlite:///keys.db")


def test_keys_that_are_held_are_unavailable(databases: Databases) -> None:
    """While another session holds the keys, making one waits as long as it may and then says so."""
    url = new_url(databases)
    with closing(PostgresVault(url, access=Access(wait_seconds=0.2))) as vault:
        with psycopg.connect(url) as holder:
            holder.execute("LOCK TABLE vault_keys IN EXCLUSIVE MODE")
            with pytest.raises(BackendUnavailable, match="holds"):
                vault.seal([(1, b"", b"")])
        assert vault.seal([(1, b"", b"")]) != [None]
