"""The vault: random keys of customers in a file of their own, and what is sealed under them.

AES-SIV (RFC 5297) with keys of 512 bits: deterministic, so that a replay writes the same bytes, and safe where the
same text is sealed twice. Only whether two texts of one customer are equal can be seen.
"""

from __future__ import annotations

import secrets
import sqlite3
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from forbear.adapters.disk import storage_errors
from forbear.adapters.sqlite import make_private, reading, sqlite_errors
from forbear.domain.errors import CorruptState, StorageError

_FORMAT = 1
_KEY_BYTES = 64
CACHED = 65_536
"""Keys that are held in memory."""
_HALF, _WHOLE = 1 << 63, 1 << 64
_OTHERS = 0o077
_RESTORE = "restore it from a backup"
_READ = "SELECT secret FROM keys WHERE customer = ?"
_MAKE = "INSERT INTO keys (customer, secret) VALUES (?, ?)"
_BURY = "INSERT INTO keys (customer, secret) VALUES (?, NULL) ON CONFLICT (customer) DO UPDATE SET secret = NULL"


class SealingVault(ABC):
    """Vault over keys that are kept somewhere: what is done with them, whose they are in memory, and for how long."""

    def __init__(self, cached: int) -> None:
        self._ciphers: OrderedDict[int, AESSIV] = OrderedDict()
        self._most = cached
        self._seen = 0

    def seal(self, asked: Sequence[tuple[int, bytes, bytes]]) -> list[bytes | None]:
        """Encrypt texts under their customers' keys, made at the first use; None where a key was destroyed.

        asked: of each the customer, the plaintext, and what it is about, which is bound to the ciphertext and not
        encrypted. Equal input gives equal output. Keys are on the disk before anything sealed under them is answered.
        """
        ciphers = self._ciphers_of(list(dict.fromkeys(customer for customer, _, _ in asked)), make=True)
        return [
            None if (cipher := ciphers[customer]) is None else cipher.encrypt(plain, [about])
            for customer, plain, about in asked
        ]

    def open(self, customer: int, sealed: bytes, about: bytes) -> bytes | None:
        """The plaintext; None where the key was destroyed or never made. Raises CorruptState for what was changed."""
        cipher = self._ciphers_of([customer], make=False)[customer]
        if cipher is None:
            return None
        try:
            return cipher.decrypt(sealed, [about])
        except (InvalidTag, ValueError):
            raise CorruptState("what was sealed is not what was written", mend=_RESTORE) from None

    def erase(self, customer: int) -> None:
        """Destroy a customer's key for good. A tombstone stays, so that no new one is made."""
        with self._guarded():
            self._bury(customer)
        self._ciphers.pop(customer, None)

    def close(self) -> None:
        """Let go of the keys in memory."""
        self._ciphers.clear()

    # ---- where the keys are

    @abstractmethod
    def _guarded(self) -> AbstractContextManager[None]:
        """A context in which the driver's errors become ours."""

    @abstractmethod
    def _changes(self) -> int:
        """A number that moves at least whenever another has destroyed a key."""

    @abstractmethod
    def _secrets_of(self, customers: Sequence[int], *, make: bool) -> Mapping[int, bytes | None]:
        """Keys of some customers, None where one was destroyed; new ones are on the disk when they are answered."""

    @abstractmethod
    def _bury(self, customer: int) -> None:
        """Put a tombstone in the place of a key."""

    # ---- inside

    def _ciphers_of(self, customers: Sequence[int], *, make: bool) -> dict[int, AESSIV | None]:
        """Ciphers of customers' keys. make: keys that never were are made, all in one write; None for no key."""
        with self._guarded():
            if (changes := self._changes()) != self._seen:
                self._ciphers.clear()
                self._seen = changes
            found: dict[int, AESSIV | None] = {one: self._ciphers.get(one) for one in customers}
            unknown = [one for one, cipher in found.items() if cipher is None]
            held = self._secrets_of(unknown, make=make) if unknown else {}
        found |= {one: AESSIV(secret) for one, secret in held.items() if secret is not None}
        for one, cipher in found.items():
            if cipher is not None:
                self._ciphers[one] = cipher
                self._ciphers.move_to_end(one)
        while len(self._ciphers) > self._most:
            self._ciphers.popitem(last=False)
        return found


def fresh_secret() -> bytes:
    """A key by chance."""
    return secrets.token_bytes(_KEY_BYTES)


class FileVault(SealingVault):
    """Vault over one SQLite file. Several processes may use it; an erasure by one is seen by all at once.

    Raises StorageError where the file cannot be made, read or written, or where others than its owner may read it;
    CorruptState for a damaged file or one of a newer version; BackendUnavailable where another process holds it for
    longer than we wait.
    """

    def __init__(self, path: Path, *, wait_seconds: float = 5.0, cached: int = CACHED) -> None:
        super().__init__(cached)
        self.path = path
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

    def close(self) -> None:
        """Let go of the file and of the keys in memory."""
        super().close()
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

    def _bury(self, customer: int) -> None:
        self._file.execute(_BURY, (_signed(customer),))

    def _changes(self) -> int:
        (changes,) = self._file.execute("PRAGMA data_version").fetchone()
        return int(changes)

    def _secrets_of(self, customers: Sequence[int], *, make: bool) -> Mapping[int, bytes | None]:
        self._file.execute("BEGIN IMMEDIATE" if make else "BEGIN")
        try:
            rows = {one: self._file.execute(_READ, (_signed(one),)).fetchone() for one in customers}
            fresh = {one: fresh_secret() for one, row in rows.items() if row is None and make}
            self._file.executemany(_MAKE, [(_signed(one), secret) for one, secret in fresh.items()])
            self._file.execute("COMMIT")
        except BaseException:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise
        return {one: row[0] for one, row in rows.items() if row is not None} | fresh


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
