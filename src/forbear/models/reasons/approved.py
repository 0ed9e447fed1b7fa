"""What may be told of a score, as one document: the catalogue, the calm points and the limits, under one digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from forbear.domain.errors import ConfigError, CorruptState
from forbear.domain.stated import canonical_json
from forbear.models.dataset import FeatureSpec
from forbear.models.documents import Document
from forbear.models.expert import Reference
from forbear.models.reasons.catalogue import Catalogue
from forbear.models.reasons.reading import read_catalogue
from forbear.models.reasons.selection import Limits, Scorer, Teller

APPROVED_FORMAT = 1


@dataclass(frozen=True)
class Approved:
    """Everything beside a model that decides which reasons are told, and in which words.

    calm: by feature, the point beyond which it alarms.  digest: SHA-256 of the content of all of it.
    """

    catalogue: Catalogue
    calm: Mapping[str, Reference]
    limits: Limits
    digest: str

    def teller(self, scorer: Scorer, names: tuple[str, ...]) -> Teller:
        """What tells reasons of a scorer's columns by it."""
        return Teller(scorer, self.catalogue, names, self.calm, self.limits)


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    catalogue: dict[str, Any]
    calm: dict[str, Reference]
    limits: Limits


def approval_of(catalogue: Mapping[str, Any], calm: Mapping[str, Reference], limits: Limits) -> Document:
    """The document of a parsed catalogue, calm points and limits, to be kept under its digest."""
    return {
        "format": APPROVED_FORMAT,
        "catalogue": dict(catalogue),
        "calm": msgspec.to_builtins(dict(calm)),
        "limits": msgspec.to_builtins(limits),
    }


def digest_of_approval(document: Mapping[str, Any]) -> str:
    """SHA-256 of such a document's content."""
    return sha256(canonical_json(document)).hexdigest()


def read_approved(document: Mapping[str, Any], specs: Sequence[FeatureSpec], figures: Mapping[str, str]) -> Approved:
    """What a document approves, over these features and figures.

    figures: kind by name.  Raises CorruptState for a document that was not written by `approval_of`, ConfigError for
    one of another format; else as `read_catalogue` does.
    """
    try:
        parsed = msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        raise CorruptState(f"approved reasons: {error}", mend="promote the reasons again") from error
    if parsed.format != APPROVED_FORMAT:
        raise ConfigError(f"approved reasons: format {parsed.format}, this version reads {APPROVED_FORMAT}")
    catalogue = read_catalogue(parsed.catalogue, specs, figures)
    return Approved(catalogue, parsed.calm, parsed.limits, digest_of_approval(document))
