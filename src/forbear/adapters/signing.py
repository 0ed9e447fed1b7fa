"""Ed25519 keys in files: a private one that nobody but its owner reads, and the public one beside it."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from forbear.adapters.disk import storage_errors, write_whole
from forbear.domain.errors import ConfigError, CorruptState, StorageError
from forbear.engine.checkpoint import Check

PUBLIC = ".pub"
"""What the name of the public key's file ends with."""
_OTHERS = 0o077
_RESTORE = "restore it from a backup: a new key could not speak for what the old one has signed"


class FileSigner:
    """A private key in a file, made with its public one if it is not there.

    Raises StorageError where it cannot be made or read, or where others than its owner may read it; CorruptState for a
    file that is no such key.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            _make(path)
        with storage_errors(f"cannot read {path}"):
            mode, content = path.stat().st_mode, path.read_bytes()
        if mode & _OTHERS:
            raise StorageError(f"others than its owner may read {path}", mend=f"take that away: chmod 600 {path}")
        try:
            key = load_pem_private_key(content, password=None)
        except (ValueError, TypeError) as error:
            raise CorruptState(f"{path} is no private key", mend=_RESTORE) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise CorruptState(f"{path} is no Ed25519 key", mend=_RESTORE)
        self._key = key

    @property
    def public(self) -> bytes:
        """Its public key, 32 bytes."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature of a message, 64 bytes."""
        return self._key.sign(message)


def read_public(path: Path) -> bytes:
    """A public key of a PEM file, 32 bytes. Raises StorageError where it cannot be read, ConfigError for none."""
    with storage_errors(f"cannot read {path}"):
        content = path.read_bytes()
    try:
        key = load_pem_public_key(content)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{path} is no Ed25519 public key", mend="give the file that ends with .pub")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def checked_by(public: bytes) -> Check:
    """Whether signatures fit, by a public key of 32 bytes; no other bytes fit any."""
    try:
        key = Ed25519PublicKey.from_public_bytes(public)
    except ValueError:
        return lambda _signature, _message: False

    def fits(signature: bytes, message: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return fits


def _make(path: Path) -> None:
    """Make a key by chance; the public one first, so that a private one is never without it."""
    key = Ed25519PrivateKey.generate()
    write_whole(
        path.with_name(path.name + PUBLIC),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )
    # A draft is made for its owner alone, and keeps that when it takes its name.
    write_whole(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
