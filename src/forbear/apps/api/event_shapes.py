"""The events of the log as JSON Schema, so that the interface's own description says what a stranger's events are."""

from __future__ import annotations

from typing import Any

import msgspec

from forbear.domain.events import CustomerUpdated, PaymentOutcome, Transaction

KINDS = (Transaction, CustomerUpdated, PaymentOutcome)
"""What somebody may be scored by whom nobody has seen."""
_PREFIX = "Log"
"""Before every name: the interface has shapes of its own that are called alike."""
_PLACE = f"#/components/schemas/{_PREFIX}{{name}}"
_PATTERNS = {r"^[^\x00\ud800-\udfff]*\Z": r"^[^\x00]*$"}
"""JSON has no text with half a surrogate pair, and schemas no word for one."""


def event_shapes() -> dict[str, Any]:
    """Schemas by name, to be among the components of an OpenAPI document; "LogEvent" is any event."""
    kinds, shapes = msgspec.json.schema_components(KINDS, ref_template=_PLACE)
    shapes["Transaction"]["required"].remove("type")  # what says nothing of its type is a transaction
    return {_PREFIX + name: _portable(shape) for name, shape in shapes.items()} | {"LogEvent": {"anyOf": list(kinds)}}


def _portable(value: Any) -> Any:
    """The same in the dialect of regular expressions that JSON Schema has."""
    match value:
        case {"pattern": str(pattern)}:
            rest = {key: _portable(inner) for key, inner in value.items() if key != "pattern"}
            return rest | {"pattern": _PATTERNS.get(pattern, pattern.replace(r"\Z", "$"))}
        case dict():
            return {key: _portable(inner) for key, inner in value.items()}
        case list():
            return [_portable(inner) for inner in value]
    return value
