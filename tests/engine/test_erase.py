"""Erasing one person over the ports, on a real store and a real vault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from forbear.adapters.disk import alone
from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.store import SqlStore, open_store
from forbear.adapters.vault import FileVault
from forbear.domain.errors import ConflictError
from forbear.engine.audit import verify
from forbear.engine.erase import Request, erase
from forbear.engine.queries import whole_chain
from forbear.testing.outputs import CUSTOMERS, days
from forbear.testing.vault_contract import sealed_by

WHO = CUSTOMERS[0]
REQUEST = Request(by="an officer", at_us=1_700_000_000_000_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """A store with two days of the small bank."""
    store = open_store(f"sqlite:///{tmp_path}/forbear.db")
    for outputs in days(2):
        store.commit(outputs)
    yield store
    store.close()


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[FileVault]:
    """A vault with a key of the customer."""
    vault = FileVault(tmp_path / "keys.db")
    sealed_by(vault, WHO, b"", b"")
    yield vault
    vault.close()


def free() -> nullcontext[bool]:
    """Nobody else writes."""
    return nullcontext(enter_result=True)


def test_an_erasure_names_nobody(store: SqlStore, vault: FileVault) -> None:
    """Key and rows are gone, what was held is told, and the record has who did it, not to whom."""
    sealed = sealed_by(vault, WHO, b"plain", b"")
    held = erase(WHO, REQUEST, vault, store, alone=free())

    assert (
        held.predictions,
        held.decisions,
        held.contacts,
        held.outcomes,
        held.dead_letters,
        held.customers,
    ) == (2, 2, 2, 0, 0, 1)
    assert (vault.open(WHO, sealed, b""), store.held(WHO).anything) == (None, False)
    record = store.head()
    assert record is not None
    assert (record.kind, "an officer" in record.body) == ("erasure", True)
    assert not [word for word in (str(WHO), "customer-0") if word in record.body]


def test_the_chain_still_verifies(store: SqlStore, vault: FileVault) -> None:
    """With everybody erased the chain is whole, and every ciphertext is where it was."""
    for customer in CUSTOMERS:
        erase(customer, REQUEST, vault, store, alone=free())
    queries = open_queries(str(store.engine.url))

    assert verify(whole_chain(queries)) is None
    queries.close()


def test_a_second_erasure_adds_nothing(store: SqlStore, vault: FileVault) -> None:
    """Erased again, or never known: the key stays destroyed, and the chain does not grow."""
    erase(WHO, REQUEST, vault, store, alone=free())
    head = store.head()
    again = erase(WHO, REQUEST, vault, store, alone=free())
    stranger = erase(12_345, REQUEST, vault, store, alone=free())

    assert (False, False, head) == (again.anything, stranger.anything, store.head())


def test_an_erasure_cut_short_is_finished_by_the_same_call(store: SqlStore, vault: FileVault) -> None:
    """With the key destroyed and the rows still there, as after a crash, erasing again does the rest."""
    vault.erase(WHO)
    assert store.held(WHO).anything

    erase(WHO, REQUEST, vault, store, alone=free())

    assert not store.held(WHO).anything


def test_nothing_is_erased_while_a_worker_writes(store: SqlStore, vault: FileVault, tmp_path: Path) -> None:
    """With the lock held the erasure is refused: key and rows are as they were."""
    sealed = sealed_by(vault, WHO, b"plain", b"")
    lock = tmp_path / "worker.lock"
    with alone(lock), pytest.raises(ConflictError, match="stop it"):
        erase(WHO, REQUEST, vault, store, alone=alone(lock))

    assert (vault.open(WHO, sealed, b""), store.held(WHO).anything) == (b"plain", True)
