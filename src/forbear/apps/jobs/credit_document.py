"""credit_risk_report.json: one document, of which each command writes its own keys and leaves the others alone."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec

from forbear.adapters.disk import storage_errors, write_document
from forbear.domain.errors import CorruptState

DOCUMENT = "credit_risk_report.json"
REPORT_FORMAT = 1


def write_sections(path: Path, sections: Mapping[str, Any]) -> dict[str, Any]:
    """Put some keys into the document at a path, whole or not at all, and answer them as they were written.

    Keys of other commands stay as they are. NaN and infinities become null.
    Raises CorruptState where the file holds something else than such a document.
    """
    written: dict[str, Any] = plain_values(dict(sections))
    document = {"format": REPORT_FORMAT, **_kept(path), **written}
    write_document(path, document)
    return written


def _kept(path: Path) -> dict[str, Any]:
    with storage_errors(f"cannot read {path}"):
        if not path.exists():
            return {}
        content = path.read_bytes()
    try:
        found = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise CorruptState(f"{path} is no credit risk report: {error}", mend="move it away") from error
    if found.get("format") != REPORT_FORMAT:
        raise CorruptState(f"{path} has format {found.get('format')!r}", mend="move it away")
    return found


def plain_values(value: Any) -> Any:
    """A value as JSON can hold it: tuples become lists, NaN and infinities null."""
    match value:
        case Mapping():
            return {key: plain_values(one) for key, one in value.items()}
        case list() | tuple():
            return [plain_values(one) for one in value]
        case float():
            return value if isfinite(value) else None
        case _:
            return value
