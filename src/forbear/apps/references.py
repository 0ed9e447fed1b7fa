"""What a person is called in logs and spans: letters that mean the same person everywhere, and nobody without a key.

The letters are a digest under a key that a deployment keeps to itself. Whoever has the key finds a customer's lines;
whoever has the lines alone gets to nobody, not even by trying all customers there are.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from forbear.adapters.disk import storage_errors
from forbear.domain.errors import ConfigError

KEY, KEY_FILE = "FORBEAR_LOG_KEY", "FORBEAR_LOG_KEY_FILE"
FILE = "logs/references.key"
"""Where in a home the key is that was made there; of mode 0600."""
_LEAST, _BYTES, _LENGTH = 16, 32, 12
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


class References:
    """Letters for persons under one key. key: None for one of chance that nobody keeps."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = secrets.token_bytes(_BYTES) if key is None else key

    def customer(self, key: int) -> str:
        """The letters for a customer, by the hashed key (`features.hashing.key_of`): 12 of a to p."""
        return self._of(f"customer\0{key}")

    def text(self, text: str) -> str:
        """The letters for anything else that may name somebody: a login, an id that a caller gave to a request."""
        return self._of(f"text\0{text}")

    def _of(self, what: str) -> str:
        return hmac.digest(self._key, what.encode(errors="surrogatepass"), "sha256").hex()[:_LENGTH].translate(_LETTERS)


def references_of(home: Path | None, environment: Mapping[str, str]) -> References:
    """The references of a deployment: under FORBEAR_LOG_KEY, the content of FORBEAR_LOG_KEY_FILE, or the home's key.

    Without all of them, home None, under a key that nobody keeps.

    Processes on several machines write the same letters only with the same key. Raises ConfigError for a key of under
    16 bytes, StorageError where a file cannot be read or made.
    """
    if given := environment.get(KEY, ""):
        return References(_long_enough(given.encode(), KEY))
    if named := environment.get(KEY_FILE, ""):
        with storage_errors(f"cannot read {named}"):
            return References(_long_enough(Path(named).read_bytes().strip(), KEY_FILE))
    if home is None:
        return References()
    path = home / FILE
    with storage_errors(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            _made(path)
        return References(_long_enough(path.read_bytes(), str(path)))


def _made(path: Path) -> None:
    """Make a key under a draft's name and give it its own at once: nobody reads half a key."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    if path.exists():
        return
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # which refuses where another process was first
    finally:
        draft.unlink()


def _long_enough(key: bytes, where: str) -> bytes:
    if len(key) < _LEAST:
        raise ConfigError(f"the key in {where} has under {_LEAST} bytes", mend="use 32 random ones")
    return key
