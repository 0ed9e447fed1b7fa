"""The written reports of a home: found by their names in a table, read whole or refused, never by a path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from threading import Lock
from typing import Any, NamedTuple

import msgspec

from forbear.apps.api.report_table import FIXED, ReportKind, Setting, experiments_of, kind_of_file
from forbear.apps.options import MADE

MOST_BYTES = 8 * 1024 * 1024
"""Of a document: a larger one is no report of ours."""
MOST_OF_MANY = 100
"""Reports of those that a home may have many of, the newest."""
_CREATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} UTC")


class NotReadable(Exception):
    """A report that is there and cannot be told. args: why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One written report. size: of its file [bytes].  document: the report's own part of it."""

    kind: ReportKind
    made_at: datetime
    about: date | None
    synthetic: bool | None
    size: int
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a list says of a report. made_at: None where none is written.  trouble: why it cannot be read, or ""."""

    made_at: datetime | None = None
    about: date | None = None
    synthetic: bool | None = None
    size: int = 0
    trouble: str = ""


class _Seen(NamedTuple):
    """A file as it was looked at: when it was written [ns], and its size."""

    written_ns: int
    size: int


@dataclass(slots=True)
class Shelf:
    """Reads reports of one home. What a list says of a file is kept until the file changes."""

    setting: Setting
    _known: dict[str, tuple[_Seen, Facts]] = field(default_factory=dict)
    _turn: Lock = field(default_factory=Lock)

    def kinds(self) -> dict[str, ReportKind]:
        """Every report that there is or could be, by name: those of any home, experiments, and what else lies there."""
        found = {one.name: one for one in (*FIXED, *experiments_of(self.setting.home))}
        for one in self._written():
            found.setdefault(one.name, one)
        return found

    def facts(self, kind: ReportKind) -> Facts:
        """What a list says of a report."""
        path = self.setting.home.reports / kind.file
        try:
            told = path.stat()
        except OSError:
            return Facts()
        seen = _Seen(told.st_mtime_ns, told.st_size)
        with self._turn:
            known = self._known.get(kind.name)
        if known is not None and known[0] == seen:
            return known[1]
        try:
            report = self.read(kind)
        except NotReadable as error:
            facts = Facts(made_at=_instant(told.st_mtime), size=told.st_size, trouble=str(error))
        else:
            facts = Facts() if report is None else _facts_of(report)
        with self._turn:
            self._known[kind.name] = seen, facts
        return facts

    def read(self, kind: ReportKind) -> Report | None:
        """A report; None where none is written. Raises NotReadable for one that is too large, or none of ours."""
        path = self.setting.home.reports / kind.file
        try:
            with path.open("rb") as file:
                told = os.fstat(file.fileno())
                content = file.read(MOST_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise NotReadable("its file cannot be read") from error
        if len(content) > MOST_BYTES:
            raise NotReadable(f"its file is larger than {MOST_BYTES // 1024**2} MB")
        document = _own(kind, _decoded(content))
        if document is None:
            return None
        return Report(
            kind=kind,
            made_at=_made(document) or _instant(told.st_mtime),
            about=_day_at(document, kind.about),
            synthetic=document["synthetic"] if isinstance(document.get("synthetic"), bool) else None,
            size=len(content),
            document=document,
        )

    # ---- inside

    def _written(self) -> Iterator[ReportKind]:
        """What lies there of the reports that a home may have many of, the newest first."""
        try:
            with os.scandir(self.setting.home.reports) as entries:
                files = [(entry.stat().st_mtime, kind_of_file(entry.name)) for entry in entries if entry.is_file()]
        except OSError:  # there are none yet
            return
        known = sorted(((at, kind) for at, kind in files if kind is not None), key=lambda one: (-one[0], one[1].name))
        yield from (kind for _, kind in known[:MOST_OF_MANY])


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(content, type=dict[str, Any])
        msgspec.json.encode(document)  # a number that is too large can be read and not told
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError) as error:
        raise NotReadable("its file is damaged") from error
    return document


def _own(kind: ReportKind, document: dict[str, Any]) -> dict[str, Any] | None:
    """The report's own part of its file; None where the file holds others' parts alone."""
    if kind.section:
        found = document.get(kind.section)
        if found is not None and not isinstance(found, dict):
            raise NotReadable("its file is damaged")
        return found
    own = {key: value for key, value in document.items() if key not in kind.without}
    return own if not kind.without or own.keys() - {"format"} else None


def _facts_of(report: Report) -> Facts:
    return Facts(made_at=report.made_at, about=report.about, synthetic=report.synthetic, size=report.size)


def _made(document: Mapping[str, Any]) -> datetime | None:
    """When a document says that it was made, to the minute."""
    said = document.get("created")
    if not isinstance(said, str) or not _CREATED.fullmatch(said):
        return None
    try:
        return datetime.strptime(said, MADE).replace(tzinfo=UTC)
    except ValueError:
        return None


def _day_at(document: Mapping[str, Any], path: tuple[str, ...]) -> date | None:
    found: Any = document if path else None
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    try:
        return date.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        return None


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
