"""Models as plain JSON documents: checked types in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

import msgspec

from forbear.domain.errors import CorruptState

Document: TypeAlias = dict[str, Any]
T = TypeVar("T")


def read_document(document: Mapping[str, Any], kind: str, shape: type[T]) -> T:
    """The value of a document that names its kind.

    Raises CorruptState when the kind differs, or a field is missing or mistyped.
    """
    if document.get("kind") != kind:
        raise CorruptState(f"a document of kind {document.get('kind')!r} where {kind!r} was expected")
    fields = {name: value for name, value in document.items() if name != "kind"}
    try:
        return msgspec.convert(fields, shape)
    except msgspec.ValidationError as error:
        raise CorruptState(f"{kind} document: {error}", mend="train the model again") from error


class Documented:
    """Gives a frozen dataclass of plain types its way to a JSON-able document and back."""

    __slots__ = ()

    kind: ClassVar[str]

    def to_document(self) -> Document:
        """The value as JSON-able values, among them its kind."""
        return {"kind": self.kind, **msgspec.to_builtins(self)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The value that to_document wrote, bit for bit; raises CorruptState for anything else."""
        return read_document(document, cls.kind, cls)
