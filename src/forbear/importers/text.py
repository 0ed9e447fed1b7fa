"""Delimited text: a header and one record a line, whatever else the file turns out to hold."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from forbear.domain.errors import ConfigError, InvalidEvent
from forbear.importers.base import ImportReport, Place, Refusal, clipped
from forbear.importers.lines import LONGEST_LINE, Line, Meter, lines_of

_USUAL_DELIMITERS = (",", ";", "\t", "|")
_SHOWN_COLUMNS = 40


class Row(NamedTuple):
    """One record. line: counted from 1, the header included.  cells: text by place.  raw: the line."""

    line: int
    cells: list[str]
    raw: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text table is written. A record is a line: a line break inside quotes is refused."""

    delimiter: str = ","
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n\0':
            raise ConfigError(f"delimiter {self.delimiter!r} is not one plain character", mend='say delimiter = ";"')
        try:
            plain = codecs.lookup(self.encoding).name, "a;\n".encode(self.encoding) == b"a;\n"
        except (LookupError, UnicodeError, ValueError) as error:
            raise ConfigError(f"encoding {self.encoding!r} is unknown", mend='try "utf-8" or "cp1252"') from error
        if not plain[1]:
            raise ConfigError(f"encoding {plain[0]} does not extend ASCII", mend="convert the file to UTF-8")


class TextTable:
    """The rows of one delimited file, read once and in bounded memory.

    path: plain or gzip.  header: after iteration has begun, the column names.
    """

    def __init__(self, path: Path, dialect: Dialect, required: Collection[str]) -> None:
        self.path = path
        self.header: list[str] = []
        self._dialect = dialect
        self._required = required

    def rows(self, report: ImportReport, meter: Meter) -> Iterator[Row]:
        """Well-formed rows. Others go to `report`: too long, undecodable, badly quoted, of another width.

        Raises ConfigError for a file without a usable header or that cannot be read.
        """
        lines = lines_of(self.path, meter)
        self.header = self._header(next(lines, None))
        name = self.path.name
        report.rows[name] += 0
        for line in lines:
            if not line.data:
                continue
            report.rows[name] += 1
            try:
                yield self._row(line)
            except InvalidEvent as error:
                raw = line.data.decode(self._dialect.encoding, "replace")
                report.refuse(Refusal.of(error, Place(name, line.number, raw)))

    def places(self, names: Sequence[str]) -> list[int]:
        """Where these columns stand in a row. Only after iteration has begun."""
        return [self.header.index(name) for name in names]

    def _row(self, line: Line) -> Row:
        text = self._text(line)
        cells = _cells(text, self._dialect.delimiter)
        if len(cells) != len(self.header):
            raise InvalidEvent(f"{len(cells)} fields where the header has {len(self.header)}", code="field_count")
        return Row(line.number, cells, text)

    def _text(self, line: Line) -> str:
        if line.too_long:
            raise InvalidEvent(f"the line is longer than {LONGEST_LINE} bytes", code="line_too_long")
        if b"\0" in line.data:
            raise InvalidEvent("the line holds NUL bytes", code="nul_byte")
        try:
            return line.data.decode(self._dialect.encoding)
        except UnicodeError as error:
            raise InvalidEvent(f"the line is not {self._dialect.encoding}: {error}", code="bad_encoding") from error

    def _header(self, line: Line | None) -> list[str]:
        if line is None:
            raise ConfigError(f"{self.path}: the file is empty", mend="it needs at least a header line")
        try:
            header = [cell.strip() for cell in _cells(self._text(line), self._dialect.delimiter)]
        except InvalidEvent as error:
            raise ConfigError(
                f"{self.path}: the first line is no header ({error}): binary, or in another encoding",
                mend="give a delimited text file, or set its encoding",
            ) from error
        if len(set(header)) != len(header):
            twice = sorted({name for name in header if header.count(name) > 1})
            raise ConfigError(f"{self.path}: columns {twice[:_SHOWN_COLUMNS]} stand twice", mend="rename one of each")
        if missing := sorted(set(self._required) - set(header)):
            raise self._misses(missing, header)
        return header

    def _misses(self, missing: Sequence[str], header: Sequence[str]) -> ConfigError:
        if len(header) == 1:
            found = clipped(header[0])[:200]
            likely = max(_USUAL_DELIMITERS, key=found.count)
            if likely in found:
                return ConfigError(
                    f"{self.path}: found one column {found!r}: the delimiter looks like {likely!r}",
                    mend=f'set delimiter = "{likely}"' if likely != "\t" else r'set delimiter = "\t"',
                )
        shown = [clipped(name)[:64] for name in header[:_SHOWN_COLUMNS]]
        return ConfigError(
            f"{self.path}: there is no column {', '.join(map(repr, missing))}; the columns are {shown}",
            mend="correct the column name, or the delimiter",
        )


def _cells(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader((text,), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InvalidEvent(f"the quoting is broken ({error})", code="bad_quoting") from error
