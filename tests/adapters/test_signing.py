"""Signing keys: made once, for their owner alone, and read back to the same signatures."""

from __future__ import annotations

from pathlib import Path

import pytest

from forbear.adapters.signing import FileSigner, checked_by, read_public
from forbear.domain.errors import ConfigError, CorruptState, StorageError

OF_X25519 = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VuBCIEIHBXkp1g0JQmZk9Yk1cKZ5SUY0d4wVqQ6dQ1tYyF3nZ1
-----END PRIVATE KEY-----
"""


def test_a_key_is_made_once(tmp_path: Path) -> None:
    """The file is made for its owner alone; whoever opens it again signs the same, and the public key checks it."""
    path = tmp_path / "audit" / "signing.key"
    first, second = FileSigner(path), FileSigner(path)
    public = read_public(path.with_name("signing.key.pub"))

    assert path.stat().st_mode & 0o777 == 0o600
    assert first.public == second.public == public
    assert first.sign(b"text") == second.sign(b"text")
    assert checked_by(public)(first.sign(b"text"), b"text")


def test_only_its_own_signature_fits(tmp_path: Path) -> None:
    """Another text, another signature, another key and bytes that are no key do not."""
    mine, other = FileSigner(tmp_path / "mine"), FileSigner(tmp_path / "other")
    signature = mine.sign(b"text")

    assert not checked_by(mine.public)(signature, b"texts")
    assert not checked_by(mine.public)(signature[:-1] + bytes([signature[-1] ^ 1]), b"text")
    assert not checked_by(mine.public)(b"", b"text")
    assert not checked_by(other.public)(signature, b"text")
    assert not checked_by(b"short")(signature, b"text")


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """The mend says what to do."""
    path = tmp_path / "key"
    FileSigner(path)
    path.chmod(0o640)

    with pytest.raises(StorageError, match="chmod 600"):
        FileSigner(path)


@pytest.mark.parametrize("content", [b"", b"no key", OF_X25519], ids=["empty", "text", "of another kind"])
def test_another_file_is_no_key(tmp_path: Path, content: bytes) -> None:
    """A damaged private key is damage; a public one that was given is a mistake of whoever gave it."""
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(CorruptState, match="key"):
        FileSigner(path)
    with pytest.raises(ConfigError, match="public key"):
        read_public(path)
