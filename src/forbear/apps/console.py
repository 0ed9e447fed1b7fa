"""What a person sees at the terminal: progress, plain sentences, one line of JSON, and errors with their mend."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isnan
from typing import TYPE_CHECKING, NoReturn

import msgspec

from forbear.domain.errors import (
    BackendUnavailable,
    ConfigError,
    ConflictError,
    CorruptState,
    ErasedCustomer,
    ForbearError,
    InvalidEvent,
    ModelMismatch,
    NotEnoughData,
    StorageError,
)

if TYPE_CHECKING:
    from forbear.models.results import Figure

EXIT_CODES: dict[type[ForbearError], int] = {
    ConfigError: 2,
    InvalidEvent: 3,
    NotEnoughData: 4,
    ModelMismatch: 5,
    StorageError: 6,
    CorruptState: 7,
    ConflictError: 8,
    BackendUnavailable: 9,
    ErasedCustomer: 10,
}
"""Exit status by who must act; 1 is left for what nobody foresaw, 130 for an interruption."""
FOUND = 20
"""Exit status of a command that was asked to fail on what it would find, and found it."""


PROGRESS = "FORBEAR_PROGRESS"
"""Set to "lines" in the environment: progress is told to whoever reads stderr, a line each, not drawn."""


class Console:
    """Where a command speaks: to a person, or under json one line to a script. quiet: to nobody.

    On a terminal it also says, on stderr, why the first command after an installation takes so long.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        self._to_script = json and not quiet
        self._to_person = not json and not quiet
        if sys.stderr.isatty() and not quiet:
            from forbear.compiled import before_compiling

            before_compiling(lambda: complain("compiling kernels, once per version: a minute or two"))

    @property
    def to_person(self) -> bool:
        """Whether a person reads what is said."""
        return self._to_person

    def say(self, sentence: str) -> None:
        """A sentence for a person; nothing under --json."""
        if self._to_person:
            print(sentence, flush=True)  # noqa: T201  # a pipe would hold it back

    def result(self, document: Mapping[str, object]) -> None:
        """The one line for a script; nothing without --json."""
        if self._to_script:
            print(_line_of(document))  # noqa: T201

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table for a person; the first column is text, the others are right-aligned."""
        if not self._to_person:
            return
        from rich.console import Console as Rich
        from rich.table import Table

        table = Table(header_style="bold")
        for number, name in enumerate(header):
            table.add_column(name, justify="right" if number else "left")
        for row in rows:
            table.add_row(*row)
        # Cells are what files and customers are called, never markup. A file or a pipe has no width of its own.
        width = None if sys.stdout.isatty() else _WIDTH
        screen = Rich(width=width, markup=False, emoji=False, highlight=False)
        with screen.capture() as shown:  # printed by itself it would end the process where a reader has left
            screen.print(title, style="bold", soft_wrap=True)
            screen.print(table)
        print(shown.get(), end="")  # noqa: T201

    @contextmanager
    def progress(self, label: str, total: int | None, *, rate: bool = False) -> Iterator[Callable[[int], None]]:
        """A bar on stderr for work of so many steps; yields what takes the steps done so far.

        total: None where nobody knows.  rate: show how many there are and how fast they go.
        Where PROGRESS asks for lines, each whole percent is one instead: `progress 3 12 Folding`, 0 of 0 for unknown.
        """
        if os.environ.get(PROGRESS) == "lines":
            yield _in_lines(label, total or 0)
            return
        from rich.console import Console as Rich
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            *((TextColumn("{task.completed:,} ({task.fields[rate]:,.0f}/s)"),) if rate else ()),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        shown = Rich(stderr=True)
        with Progress(*columns, console=shown, transient=not shown.is_terminal, disable=not shown.is_terminal) as bar:
            task = bar.add_task(label, total=total, rate=0.0)
            yield lambda done: bar.update(task, completed=done, rate=done / max(bar.tasks[task].elapsed or 0.0, 1e-3))


def _in_lines(label: str, total: int) -> Callable[[int], None]:
    told = -1

    def tell(done: int) -> None:
        nonlocal told
        percent = 100 * done // total if total else 0
        if percent > told:
            told = percent
            print(f"progress {done if total else 0} {total} {label}", file=sys.stderr, flush=True)  # noqa: T201

    tell(0)
    return tell


def figure(value: float | None, low: float | None, high: float | None, style: str = ".3g") -> str:
    """A figure with its interval: "0.901 [0.888, 0.914]"; "-" where it is undefined."""
    if value is None or isnan(value):
        return "-"
    bounded = low is not None and high is not None and not isnan(low) and not isnan(high)
    return f"{value:{style}} [{low:{style}}, {high:{style}}]" if bounded else f"{value:{style}}"


def interval(found: Figure, style: str = ".4f") -> str:
    """`figure` of an estimate."""
    return figure(found.value, found.low, found.high, style)


def complain(message: str) -> None:
    """One plain line on stderr, whatever the message holds."""
    line = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    print(line.encode(errors="backslashreplace").decode(), file=sys.stderr)  # noqa: T201


def fail(error: ForbearError) -> NoReturn:
    """Say an error in one line, and end with the status of who must act."""
    complain(f"error: {error}")
    raise SystemExit(next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1))


def _line_of(document: Mapping[str, object]) -> str:
    try:
        return msgspec.json.encode(document).decode()
    except UnicodeEncodeError:  # a path may hold bytes that are no text
        return msgspec.json.encode(_text_only(document)).decode()


def _text_only(value: object) -> object:
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case Mapping():
            return {_text_only(key): _text_only(one) for key, one in value.items()}
        case list() | tuple():
            return [_text_only(one) for one in value]
        case _:
            return value


_WIDTH = 120
