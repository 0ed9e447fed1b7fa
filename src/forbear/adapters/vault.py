"""The vault in a file of its own: random keys of customers, and what is sealed under them.

AES-SIV (RFC 5297) with keys of 512 bits: deterministic, so that a replay writes the same bytes, and safe where the
same text is sealed twice. Only whether two texts of one customer are equal can be seen.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import AbstractContextManager, closing
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from forbear.adapters.disk import storage_errors
from forbear.adapters.sqlite import make_private, reading, sqlite_errors
from forbear.domain.errors import CorruptState, ErasedCustomer, StorageError

_FORMAT = 1
_KEY_BYTES = 64
_CACHED = 65_536
_HALF, _WHOLE = 1 << 63, 1 << 64
_OTHERS = 0o077
_RESTORE = "restore it from a backup"
_MAKE = "INSERT INTO keys (customer, secret) VALUES (?, ?) ON CONFLICT (customer) DO NOTHING"
_BURY = "INSERT INTO keys (customer, secret) VALUES (?, NULL) ON CONFLICT (customer) DO UPDATE SET secret = NULL"


class FileVault:
    """Vault over one SQLite file. Several processes may use it; an erasure by one is seen by all at once.

    Raises StorageError where the file cannot be made, read or written, or where others than its owner may read it;
    CorruptState for a damaged file or one of a newer version; BackendUnavailable where another process holds it for
    longer than we wait.
    """

    def __init__(self, path: Path, *, wait_seconds: float = 5.0, cached: int = _CACHED) -> None:
        self.path = path
        self._ciphers: OrderedDict[int, AESSIV] = OrderedDict()
        self._most = cached
        make_private(path)
        _require_private(path)
        with self._guarded():
            self._file = sqlite3.connect(path, timeout=wait_seconds, isolation_level=None)
        try:
            with self._guarded():
                self._prepare()
                self._seen = self._changes()
        except BaseException:
            self._file.close()
            raise

    def seal(self, customer: int, plain: bytes, about: bytes) -> bytes:
        """Encrypt under the customer's key, made at the first use. Equal input gives equal output.

        about: bound to the ciphertext, not encrypted. Raises ErasedCustomer where the key was destroyed.
        """
        cipher = self._cipher(customer)
        if cipher is None:
            self.make_keys([customer])
            cipher = self._cipher(customer)
        if cipher is None:
            raise ErasedCustomer("the key of a customer was destroyed", mend="keep nothing of them")
        return cipher.encrypt(plain, [about])

    def open(self, customer: int, sealed: bytes, about: bytes) -> bytes | None:
        """The plaintext; None where the key was destroyed or never made. Raises CorruptState for what was changed."""
        cipher = self._cipher(customer)
        if cipher is None:
            return None
        try:
            return cipher.decrypt(sealed, [about])
        except (InvalidTag, ValueError):
            raise CorruptState("what was sealed is not what was written", mend=_RESTORE) from None

    def erase(self, customer: int) -> None:
        """Destroy a customer's key for good. A tombstone stays, so that no new one is made."""
        with self._guarded():
            self._file.execute(_BURY, (_signed(customer),))
        self._ciphers.pop(customer, None)

    def make_keys(self, customers: Iterable[int]) -> None:
        """Make the keys that are missing, all in one write: for many new customers at once."""
        fresh = [(_signed(customer), secrets.token_bytes(_KEY_BYTES)) for customer in customers]
        with self._guarded():
            self._file.execute("BEGIN IMMEDIATE")
            try:
                self._file.executemany(_MAKE, fresh)
                self._file.execute("COMMIT")
            except BaseException:
                if self._file.in_transaction:
                    self._file.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let go of the file and of the keys in memory."""
        self._ciphers.clear()
        self._file.close()

    # ---- inside

    def _guarded(self) -> AbstractContextManager[None]:
        return sqlite_errors(f"the keys in {self.path}")

    def _prepare(self) -> None:
        # A key must be on the disk before anything sealed under it is, and its ashes must be overwritten.
        for pragma in ("journal_mode=TRUNCATE", "synchronous=FULL", "secure_delete=ON"):
            self._file.execute(f"PRAGMA {pragma}").fetchall()
        (found,) = self._file.execute("PRAGMA user_version").fetchone()
        if found > _FORMAT:
            raise CorruptState(
                f"{self.path} is of format {found}, this version reads {_FORMAT}",
                mend="use the version of forbear that wrote it",
            )
        if found < _FORMAT:
            self._file.execute("CREATE TABLE IF NOT EXISTS keys (customer INTEGER PRIMARY KEY, secret BLOB)")
            self._file.execute(f"PRAGMA user_version = {_FORMAT}")

    def _changes(self) -> int:
        """A number that moves whenever another connection has changed the file."""
        (changes,) = self._file.execute("PRAGMA data_version").fetchone()
        return int(changes)

    def _cipher(self, customer: int) -> AESSIV | None:
        """The cipher of a customer's key; None where there is no key."""
        with self._guarded():
            if (changes := self._changes()) != self._seen:
                self._ciphers.clear()
                self._seen = changes
            if (known := self._ciphers.get(customer)) is not None:
                self._ciphers.move_to_end(customer)
                return known
            row = self._file.execute("SELECT secret FROM keys WHERE customer = ?", (_signed(customer),)).fetchone()
        if row is None or row[0] is None:
            return None
        cipher = self._ciphers[customer] = AESSIV(row[0])
        if len(self._ciphers) > self._most:
            self._ciphers.popitem(last=False)
        return cipher


def keys_in(path: Path) -> tuple[set[int], set[int]]:
    """Customers who have a key in a file, and those whose key was destroyed; the file is only read.

    Raises StorageError where others than its owner may read it or it is not there, CorruptState for a damaged one.
    """
    _require_private(path)
    with sqlite_errors(f"the keys in {path}"), closing(reading(path)) as file:
        rows = file.execute("SELECT customer, secret IS NULL FROM keys").fetchall()
    there, gone = ({customer % _WHOLE for customer, erased in rows if bool(erased) == told} for told in (False, True))
    return there, gone


def _signed(key: int) -> int:
    return (int(key) + _HALF) % _WHOLE - _HALF


def _require_private(path: Path) -> None:
    with storage_errors(f"cannot read {path}"):
        mode = path.stat().st_mode
    if mode & _OTHERS:
        raise StorageError(
            f"others than its owner may read the keys in {path}", mend=f"take that away: chmod 600 {path}"
        )
