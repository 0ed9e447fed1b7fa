"""Spans as the rest of the program knows them. By default nobody keeps them, and they cost next to nothing.

An event that a person has written, and a decision, each have a trace of their own, whose id is a digest of theirs: so
every process, and every replay, finds the trace without a byte of the log carrying it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol


class Kind(Enum):
    """What a span does for whom: see OpenTelemetry's kinds."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Mark(NamedTuple):
    """A place in a trace. trace_id: 128 bits, not 0.  span_id: 64 bits, not 0.

    sampled: whether whoever made it keeps it; None: as the sampler of this process says of the trace id.
    """

    trace_id: int
    span_id: int
    sampled: bool | None = None

    @property
    def ids(self) -> dict[str, str]:
        """Its fields in a log line."""
        return {"trace_id": f"{self.trace_id:032x}", "span_id": f"{self.span_id:016x}"}


def mark_of_event(event_id: str) -> Mark:
    """Where the trace of an event begins: digests of its id, which replay and every process find alike."""
    return _mark("event", event_id)


def mark_of_decision(decision_id: str) -> Mark:
    """Where the trace of a decision, and of the sending of what it offers, begins."""
    return _mark("decision", decision_id)


def caller_of(traceparent: str) -> Mark | None:
    """The place that a W3C `traceparent` names, None for what is none. Nothing else of a caller's context is taken."""
    parts = traceparent.split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2]:
        return None
    if parts[0] == "ff" or (parts[0] == "00" and len(parts) != 4) or not _LOWER_HEX.issuperset("".join(parts[:4])):
        return None
    trace_id, span_id, flags = (int(part, 16) for part in parts[1:4])
    return Mark(trace_id, span_id, bool(flags & 1)) if trace_id and span_id else None


def traceparent_of(mark: Mark) -> str:
    """The header by which another process goes on with the trace of a place. It is kept there if it is here."""
    return f"00-{mark.trace_id:032x}-{mark.span_id:016x}-{0 if mark.sampled is False else 1:02x}"


class Span(Protocol):
    """What is being done. What it is told is masked as a log line is; nothing of an error but its kind and place."""

    def tell(self, **facts: object) -> None:
        """More facts about it."""
        ...

    def rename(self, name: str) -> None:
        """Another name, once it is known what it is about."""
        ...

    def link(self, mark: Mark) -> None:
        """That it has to do with something in another trace."""
        ...

    def failed(self, error: BaseException | str) -> None:
        """That it did not come to its end, or to a bad one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a span stands among others. under: below this place, else below the span that is open in this thread.

    at: it is this place itself, and begins its trace.  links: what else it has to do with.
    """

    kind: Kind = Kind.INTERNAL
    under: Mark | None = None
    at: Mark | None = None
    links: Sequence[Mark] = ()


class Tracer(Protocol):
    """Where spans are opened. on: whether anybody keeps them; whoever would work only to tell more asks first."""

    on: bool

    @contextmanager
    def span(self, name: str, asked: Asked = ..., /, **facts: object) -> Iterator[Span]:
        """A span for as long as the block runs; an error that leaves the block is noted, and goes on."""
        ...

    def here(self) -> Mark | None:
        """The span that is open in this thread or task, None for none."""
        ...

    def join(self, mark: Mark) -> None:
        """Have the span that is open linked to something in another trace."""
        ...


class _NoSpan:
    """A span that nobody keeps."""

    def tell(self, **facts: object) -> None:
        """Forget it."""

    def rename(self, name: str) -> None:
        """Forget it."""

    def link(self, mark: Mark) -> None:
        """Forget it."""

    def failed(self, error: BaseException | str) -> None:
        """Forget it."""


class _Nothing:
    """A block around nothing, made once: entering it costs two calls."""

    def __enter__(self) -> Span:
        return _NO_SPAN

    def __exit__(self, *_: object) -> None:
        return


class NullTracer:
    """Keeps nothing."""

    on = False

    def span(self, name: str, asked: Asked | None = None, /, **facts: object) -> _Nothing:
        """A block in which nothing is kept."""
        del name, asked, facts
        return _NOTHING

    def here(self) -> Mark | None:
        """No span is ever open."""
        return None

    def join(self, mark: Mark) -> None:
        """Forget it."""


_NO_SPAN = _NoSpan()
_NOTHING = _Nothing()
NULL: Tracer = NullTracer()  # type: ignore[assignment]  # its block is entered alike, and made once
_LOWER_HEX = frozenset("0123456789abcdef")


def _mark(what: str, name: str) -> Mark:
    digest = hashlib.sha256(f"forbear {what}\0{name}".encode()).digest()
    # 0 is no id; a digest begins so once in 2^64 times at most.
    return Mark(int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1)


def fields_of(mark: Mark | None) -> Mapping[str, str]:
    """The ids of a place in a log line, nothing for none."""
    return {} if mark is None else mark.ids
