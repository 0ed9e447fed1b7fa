"""Documents that people state as TOML: checked as a whole when read, and known by the digest of what they say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from forbear.domain.errors import ConfigError

T = TypeVar("T", bound="StatedDocument")


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """One document, one byte string: sorted keys, no spaces, shortest exact floats, UTF-8.

    Raises ValueError for NaN or infinity, which JSON does not know.
    """
    return _CANONICAL.encode(document).encode()


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def digest_of(stated: Struct) -> str:
    """SHA-256 of the content, hexadecimal: the same for two texts that say the same."""
    return hashlib.sha256(canonical_json(msgspec.to_builtins(stated))).hexdigest()


class StatedDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every such document begins with."""

    format: int
    version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,39}\Z")]

    @property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal: the same for two texts that say the same."""
        return digest_of(self)


class Kind(Struct, frozen=True):
    """A kind of stated document. named: in errors.  format: that is read.  page: of the documents, that explains it."""

    named: str
    format: int
    page: str

    def read(self, document: Mapping[str, Any], shape: type[T], faults: Callable[[T], Iterable[tuple[str, str]]]) -> T:
        """The value of a parsed TOML document. faults: what is wrong beyond its types, each with its mend.

        Raises ConfigError that names the place, what is wrong there, and what would be right.
        """
        try:
            found = msgspec.convert(document, shape)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{self.named}: {error}", mend=f"{self.page} says what may stand there") from error
        if found.format != self.format:
            raise ConfigError(
                f"{self.named}: format {found.format}, this version reads {self.format}",
                mend="bring the document into that format",
            )
        for message, mend in faults(found):
            raise ConfigError(f"{self.named}: {message}", mend=mend)
        return found
