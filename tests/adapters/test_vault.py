"""The vault in a file keeps the laws of every vault, and guards its file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forbear.adapters.vault import FileVault
from forbear.domain.errors import BackendUnavailable, CorruptState, StorageError
from forbear.testing.vault_contract import VaultContract


class TestVault(VaultContract):
    """The laws of every vault."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> Iterator[None]:
        self.folder = tmp_path
        self.opened: list[FileVault] = []
        yield
        for vault in self.opened:
            vault.close()

    def make(self) -> FileVault:
        """A vault in a file of its own."""
        return self._kept(FileVault(self.folder / f"{len(self.opened)}.db"))

    def again(self, vault: FileVault) -> FileVault:
        """The file opened a second time."""
        return self._kept(FileVault(vault.path))

    def _kept(self, vault: FileVault) -> FileVault:
        self.opened.append(vault)
        return vault


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A new file is its owner's alone; one that a group may read is not opened, and the mend says what to do."""
    path = tmp_path / "keys.db"
    FileVault(path).close()
    assert path.stat().st_mode & 0o777 == 0o600

    path.chmod(0o640)
    with pytest.raises(StorageError, match="chmod 600"):
        FileVault(path)


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    """More customers than the cache holds are sealed for alike, and it stays small."""
    vault = FileVault(tmp_path / "keys.db", cached=3)
    sealed = vault.seal([(customer, b"plain", b"") for customer in range(10)])

    assert sealed == vault.seal([(customer, b"plain", b"") for customer in range(10)])
    assert len(vault._ciphers) == 3
    vault.close()


def _seal(path: Path, results: Any, start: Any) -> None:
    vault = FileVault(path)
    start.wait(30)
    results.put(vault.seal([(customer, b"plain", b"") for customer in range(5)]))


def test_two_processes_agree_on_a_key(tmp_path: Path, processes: Any) -> None:
    """Processes that meet customers for the first time at once seal under the same keys."""
    results, start = processes.Queue(), processes.Event()
    sealers = [processes.Process(target=_seal, args=(tmp_path / "keys.db", results, start)) for _ in range(3)]
    for sealer in sealers:
        sealer.start()
    start.set()
    sealed = [results.get(timeout=60) for _ in sealers]
    for sealer in sealers:
        sealer.join(30)

    assert sealed[0] == sealed[1] == sealed[2]


def test_a_destroyed_key_is_overwritten(tmp_path: Path) -> None:
    """Its bytes are in no file of the folder any more."""
    path = tmp_path / "keys.db"
    vault = FileVault(path)
    vault.seal([(1, b"", b""), (2, b"", b"")])
    with sqlite3.connect(path) as reader:
        ((secret,),) = reader.execute("SELECT secret FROM keys WHERE customer = 1").fetchall()
    reader.close()
    assert secret in path.read_bytes()

    vault.erase(1)

    assert not [file for file in tmp_path.iterdir() if secret in file.read_bytes()]
    vault.close()


def test_damage_and_newer_formats_are_refused(tmp_path: Path) -> None:
    """What is no database is CorruptState, and so is a file of a later version."""
    path = tmp_path / "keys.db"
    path.write_bytes(b"not a database at all, whoever looks" * 50)
    path.chmod(0o600)
    with pytest.raises(CorruptState, match=r"keys\.db"):
        FileVault(path)

    path.unlink()
    FileVault(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 2")
    newer.close()
    with pytest.raises(CorruptState, match="format 2"):
        FileVault(path)


def test_a_held_file_is_unavailable(tmp_path: Path) -> None:
    """While another process writes, making a key waits as long as it may and then says so."""
    path = tmp_path / "keys.db"
    vault = FileVault(path, wait_seconds=0.05)
    vault.seal([(1, b"", b"")])
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(BackendUnavailable):
        vault.seal([(2, b"", b"")])
    assert vault.seal([(1, b"", b"")])
    holder.execute("ROLLBACK")
    holder.close()
    vault.close()
