"""Lines of a file that may be anything: plain or gzip, any line end, of any length, in bounded memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from forbear.domain.errors import ConfigError
from forbear.importers.base import RAW_BYTES, Progress

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 20
"""Bytes. A longer line is one record that no bank has written; its head is shown and it is not read."""

_GZIP = b"\x1f\x8b"
_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


class Line(NamedTuple):
    """One line without its end. number: from 1.  too_long: only the first 2,048 bytes are here."""

    number: int
    data: bytes
    too_long: bool = False


class Meter:
    """Adds up how many bytes of several files have been read, for a progress bar."""

    def __init__(self, files: list[Path], progress: Progress | None) -> None:
        self._all = sum(path.stat().st_size for path in files if path.is_file())
        self._before = 0
        self._progress = progress

    def at(self, position: int) -> None:
        """So many bytes of the present file have been read."""
        if self._progress:
            self._progress(min(self._before + position, self._all), self._all)

    def done(self, path: Path) -> None:
        """The present file has been read to its end."""
        self._before += path.stat().st_size
        self.at(0)


def lines_of(path: Path, meter: Meter) -> Iterator[Line]:
    """Lines ended by LF, CR LF or CR; an empty line at the very end is none, and a UTF-8 mark falls away.

    Raises ConfigError for a file that is missing, unreadable, UTF-16, or a gzip that is cut short or broken.
    """
    with opened(path) as raw:
        number = 0
        for number, line in enumerate(_split(_unpacked(raw, path), raw, meter), start=1):
            yield Line(number, line[:RAW_BYTES], too_long=True) if len(line) > LONGEST_LINE else Line(number, line)
    meter.done(path)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file's own bytes. Raises ConfigError, also for what goes wrong while it is read."""
    try:
        with path.open("rb") as raw:
            yield raw
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file", mend="check the path") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ConfigError(f"{path}: the gzip data are broken ({error})", mend="fetch the file again") from error
    except EOFError as error:
        raise ConfigError(f"{path}: the gzip file is cut short", mend="fetch the file again") from error
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror})", mend="check its kind and permissions"
        ) from error


def starts_with(path: Path, magic: bytes) -> bool:
    """Whether a file's first bytes are these. Raises ConfigError where it cannot be read."""
    with opened(path) as raw:
        return raw.read(len(magic)) == magic


def _unpacked(raw: BinaryIO, path: Path) -> BinaryIO:
    magic = raw.read(2)
    raw.seek(0)
    if magic == _GZIP:
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw))
    if path.suffix == ".gz":
        raise ConfigError(f"{path}: is named .gz and is not gzip", mend="rename it, or fetch the file again")
    return raw


def _split(stream: BinaryIO, raw: BinaryIO, meter: Meter) -> Iterator[bytes]:
    """Lines, cut to LONGEST_LINE + 1 bytes where they are longer."""
    block = stream.read(BLOCK_BYTES)
    if block.startswith(_UTF16_BOMS):
        raise ConfigError(
            f"{raw.name}: the file is UTF-16", mend="convert it to UTF-8, for example: iconv -f UTF-16 -t UTF-8"
        )
    rest = block.removeprefix(_UTF8_BOM)
    while block:
        pieces = rest.splitlines(keepends=True)
        # A CR at the end of a block may be the first half of a CR LF.
        rest = pieces.pop() if pieces and not pieces[-1].endswith(b"\n") else b""
        for piece in pieces:
            yield piece.rstrip(b"\r\n")[: LONGEST_LINE + 1]
        meter.at(raw.tell())
        block = stream.read(BLOCK_BYTES)
        rest = _grown(rest, block)
    for piece in rest.splitlines():
        yield piece[: LONGEST_LINE + 1]


def _grown(rest: bytes, block: bytes) -> bytes:
    """The unfinished line and the next block. What makes a line longer than the longest is dropped here."""
    if len(rest) <= LONGEST_LINE or rest.endswith(b"\r"):
        return rest + block
    end = min((at for at in (block.find(b"\n"), block.find(b"\r")) if at >= 0), default=len(block))
    return rest[: LONGEST_LINE + 1] + block[end:]
