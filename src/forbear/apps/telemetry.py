"""Structured logs: one line an event of the running system, with whatever is personal masked, and ids of open spans.

FORBEAR_LOG: `json` or `plain` has every process write its lines to a stream, as platforms want it; where it is not set,
they go to `logs/<process>.jsonl` of the home. FORBEAR_LOG_LEVEL: debug, info, warning or error; info by default.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO, TypeAlias

import msgspec
import structlog

from forbear import __version__
from forbear.adapters.disk import storage_errors
from forbear.apps.masking import MASK, learn_beside, masked, phrase, place_of
from forbear.apps.references import References, references_of
from forbear.apps.tracing.opening import tracer_of
from forbear.apps.tracing.port import NULL, Mark, Tracer, fields_of
from forbear.domain.errors import ConfigError

__all__ = ["MASK", "Journal", "Style", "Telemetry", "journal_of", "masked", "telemetry_of"]

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
LOG, LOG_LEVEL = "FORBEAR_LOG", "FORBEAR_LOG_LEVEL"
_LEVELS: dict[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_FIRST = ("ts", "level", "process", "event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a journal writes. process: what this one is called.  level: the least that is written.

    plain: for eyes, not for machines.  here: the span that is open where a line is written.
    """

    process: str = ""
    level: Level = "info"
    plain: bool = False
    references: References = field(default_factory=References)
    here: Callable[[], Mark | None] = lambda: None


class Journal:
    """What a running system notes. Nothing personal passes: see `apps.masking`. Any thread may write."""

    def __init__(self, stream: Any, style: Style | None = None) -> None:
        self.style = style or Style()
        self._least = _LEVELS[self.style.level]
        self._logger = structlog.wrap_logger(
            structlog.PrintLogger(stream),
            processors=[
                _said,
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
                self._placed,
                _plain if self.style.plain else structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.BoundLogger,
        )

    def note(self, what: str, **facts: object) -> None:
        """Write one line. level: one of `Level`, "info" where it is not among the facts.

        An error among the facts is told by its kind, its place, and our own words of it.
        """
        level = str(facts.pop("level", "info"))
        if _LEVELS[level] >= self._least:
            self._logger.msg(what, _level=level, **facts)

    def writes(self, level: Level) -> bool:
        """Whether lines of a level are written at all: whoever would work for one asks first."""
        return _LEVELS[level] >= self._least

    def customer_ref(self, key: int) -> str:
        """What a customer is called here, by the hashed key: 12 letters."""
        return self.style.references.customer(key)

    def request_ref(self, request_id: str) -> str:
        """What an id that a caller gave to a request is called here: it may name somebody."""
        return self.style.references.text(request_id)

    def _placed(self, _logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The line with what is ours to say of it: these ids are made here, and are not masked."""
        own = {"process": self.style.process, "version": __version__, **fields_of(self.style.here())}
        first = {name: line[name] for name in _FIRST if name in line}
        return {**first, **own, **{name: value for name, value in line.items() if name not in first}}


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What a process tells of itself: lines, and spans where they are wanted."""

    journal: Journal
    tracer: Tracer = NULL


@contextmanager
def telemetry_of(
    home: Path | None, process: str, *, service: bool = False, stream: TextIO | None = None, least: str = "info"
) -> Iterator[Telemetry]:
    """What one process of a home tells, for as long as the block runs. home: None for one that has none: its lines
    always go to a stream.

    Also what its libraries log, and what ends one of its threads.
    service: it has no result of its own on stdout, so that lines under FORBEAR_LOG go there; those of others go to
    stderr.  stream: where they go in any case, as JSON unless FORBEAR_LOG says plain.  least: the least `Level` that is
    written where FORBEAR_LOG_LEVEL is not set. Raises ConfigError for settings
    that cannot be, StorageError where nothing can be written.
    """
    told = _setting(LOG, ("json", "plain"), "")
    level = _setting(LOG_LEVEL, tuple(_LEVELS), least)
    to = stream or (sys.stdout if told and service else sys.stderr if told or home is None else None)
    with ExitStack() as stack:
        learn_beside()
        opened: list[Tracer] = [NULL]
        style = Style(
            process=process,
            level=level,  # type: ignore[arg-type]  # one of them
            plain=told == "plain",
            references=references_of(home, os.environ),
            here=lambda: opened[0].here(),  # noqa: PLW0108  # the tracer comes behind
        )
        if to is None and home is not None:
            journal = stack.enter_context(journal_of(home / "logs" / f"{process}.jsonl", style))
        else:
            journal = Journal(to, style)
        stack.enter_context(_of_others(journal))
        opened[0] = stack.enter_context(tracer_of(os.environ, process, journal.note))
        yield Telemetry(journal, opened[0])


@contextmanager
def journal_of(path: Path, style: Style | None = None) -> Iterator[Journal]:
    """A journal that is written behind what the file holds. Raises StorageError."""
    with storage_errors(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", buffering=1) as stream:
            yield Journal(stream, style or Style(process=path.stem))


def lines_to_stream(environment: Mapping[str, str]) -> bool:
    """Whether FORBEAR_LOG has every process write to a stream."""
    return bool(environment.get(LOG, "").strip())


# ---- inside


def _setting(name: str, allowed: tuple[str, ...], default: str) -> str:
    given = os.environ.get(name, "").strip().lower() or default
    if given and given not in allowed:
        raise ConfigError(f"{name}={given!r} is none of ours", mend=f"set it to one of {', '.join(allowed)}")
    return given


def _said(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The facts with what is personal masked; the event is a phrase of the program."""
    level, event = line.pop("_level", "info"), line.pop("event", "")
    return {"level": level, "event": phrase(str(event)), **masked(line)}


def _plain(_logger: object, _method: str, line: MutableMapping[str, Any]) -> str:
    """One line for eyes. Values are JSON, so that no value can end a line or begin another."""
    facts = " ".join(
        f"{name}={msgspec.json.encode(value).decode()}"
        for name, value in line.items()
        if name not in (*_FIRST, "version")
    )
    return f"{line['ts']} {line['level']:<7} {line.get('process', '')}: {line['event']} {facts}".rstrip()


@contextmanager
def _of_others(journal: Journal) -> Iterator[None]:
    """Have lines of libraries, warnings, and errors that end a thread go through the journal."""
    handler, root = _Through(journal), logging.getLogger()
    level, before = root.level, threading.excepthook
    least = _LEVELS[journal.style.level]
    root.addHandler(handler)
    root.setLevel(least if least != logging.INFO else logging.WARNING)  # what they call information is too much
    logging.captureWarnings(capture=True)

    def ended(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            journal.note("thread failed", level="error", trouble=place_of(args.exc_value), why=str(args.exc_value))

    threading.excepthook = ended
    try:
        yield
    finally:
        threading.excepthook = before
        logging.captureWarnings(capture=False)
        root.setLevel(level)
        root.removeHandler(handler)


class _Through(logging.Handler):
    """Takes lines of the standard library's logging into a journal."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        """One line. A library's words that are not ours are masked with the rest."""
        level = next((name for name in ("error", "warning", "info") if record.levelno >= _LEVELS[name]), "debug")
        facts: dict[str, object] = {"level": level, "logger": record.name, "why": _message(record)}
        if record.exc_info and record.exc_info[1] is not None:
            facts["trouble"] = place_of(record.exc_info[1])
        try:
            self._journal.note("library", **facts)
        except (OSError, ValueError):  # its stream is closed: what is logged as a process ends is lost
            return


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # arguments that do not fit their text
        return str(record.msg)
