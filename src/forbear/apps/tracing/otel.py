"""Spans kept by OpenTelemetry's SDK: bounded on the way out, and never in the way of the work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, Thread
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from forbear import __version__
from forbear.apps.masking import masked, place_of
from forbear.apps.tracing.port import Asked, Kind, Mark, Span

_KINDS = {kind: SpanKind[kind.name] for kind in Kind}
_KEPT = Decision.RECORD_AND_SAMPLE
_BATCH = 512
_AT_THE_END_SECONDS = 3.0
"""So long a process that ends waits for its last spans to be taken."""
_SERVICE = "forbear"
Note = Callable[[str, int], None]
"""Takes a word on how spans fare, and how many were lost."""


class _Ids(RandomIdGenerator):
    """Ids by chance, but for a span that is to begin a trace that others know already."""

    def __init__(self) -> None:
        self.wanted: ContextVar[Mark | None] = ContextVar("wanted", default=None)

    def generate_trace_id(self) -> int:
        """128 bits."""
        wanted = self.wanted.get()
        return super().generate_trace_id() if wanted is None else wanted.trace_id

    def generate_span_id(self) -> int:
        """64 bits."""
        wanted = self.wanted.get()
        return super().generate_span_id() if wanted is None else wanted.span_id


class _Open:
    """A span of the SDK, told only what may be told."""

    def __init__(self, span: trace.Span, context: Callable[[Mark], SpanContext]) -> None:
        self._span, self._context = span, context

    def tell(self, **facts: object) -> None:
        """More facts about it."""
        if self._span.is_recording():
            for name, value in masked(facts).items():
                if isinstance(value, str | bool | int | float):
                    self._span.set_attribute(f"forbear.{name}" if "." not in name else name, value)

    def rename(self, name: str) -> None:
        """Another name."""
        self._span.update_name(name)

    def link(self, mark: Mark) -> None:
        """That it has to do with something in another trace."""
        self._span.add_link(self._context(mark))

    def failed(self, error: BaseException | str) -> None:
        """That it did not come to its end."""
        self._span.set_status(Status(StatusCode.ERROR))
        self._span.set_attribute("error.type", error if isinstance(error, str) else type(error).__name__)
        if not isinstance(error, str):
            self.tell(trouble=place_of(error))


class OtelTracer:
    """A tracer over a provider of its own: nothing is put where another part of the process would find it."""

    on = True

    def __init__(self, provider: TracerProvider, ids: _Ids) -> None:
        self._provider, self._ids = provider, ids
        self._tracer = provider.get_tracer(_SERVICE, __version__)

    @contextmanager
    def span(self, name: str, asked: Asked = Asked(), /, **facts: object) -> Iterator[Span]:  # noqa: B008  # frozen
        """A span for as long as the block runs."""
        span = self._begun(name, asked)
        opened = _Open(span, self._context)
        opened.tell(**facts)
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield opened
            except BaseException as error:
                opened.failed(error)
                raise

    def here(self) -> Mark | None:
        """The span that is open in this thread or task."""
        context = trace.get_current_span().get_span_context()
        return Mark(context.trace_id, context.span_id, context.trace_flags.sampled) if context.is_valid else None

    def join(self, mark: Mark) -> None:
        """Have the span that is open linked to something in another trace."""
        trace.get_current_span().add_link(self._context(mark))

    # ---- inside

    def _begun(self, name: str, asked: Asked) -> trace.Span:
        context: Context | None = None
        if asked.at is not None:
            context = Context()
        elif asked.under is not None:
            context = trace.set_span_in_context(NonRecordingSpan(self._context(asked.under)), Context())
        wanted = self._ids.wanted.set(asked.at)
        try:
            links = [Link(self._context(mark)) for mark in asked.links]
            return self._tracer.start_span(name, context, _KINDS[asked.kind], links=links)
        finally:
            self._ids.wanted.reset(wanted)

    def _context(self, mark: Mark) -> SpanContext:
        """A place of another trace. Whether that one is kept follows from its id, by the sampler that all share."""
        sampled = mark.sampled
        if sampled is None:
            sampled = self._provider.sampler.should_sample(Context(), mark.trace_id, "").decision is _KEPT
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        return SpanContext(mark.trace_id, mark.span_id, is_remote=True, trace_flags=flags)


class _Fate:
    """How many spans ended here and how many left, and whether somebody was told that some are lost."""

    def __init__(self, note: Note, room: int) -> None:
        self._note, self._room, self._lock = note, room, Lock()
        self._waiting = self._lost = 0
        self._told = False

    def ended(self) -> None:
        """One more span. Where there is no room the oldest is dropped, as the queue does it."""
        with self._lock:
            full = self._waiting >= self._room
            self._waiting += not full
            self._lost += full
        if full:
            self._tell()

    def left(self, many: int, *, taken: bool) -> None:
        """So many were handed to the exporter."""
        with self._lock:
            self._waiting = max(0, self._waiting - many)
            self._lost += 0 if taken else many
            again, lost = taken and self._told, self._lost
            if again:
                self._told, self._lost = False, 0
        if again:
            self._note("spans are taken again", lost)
        elif not taken:
            self._tell()

    def _tell(self) -> None:
        with self._lock:
            told, self._told = self._told, True
            lost = self._lost
        if not told:
            self._note("spans are lost", lost)


class _Watched(SpanExporter):
    """An exporter whose failures are told once, not each."""

    def __init__(self, exporter: SpanExporter, fate: _Fate) -> None:
        self._exporter, self._fate = exporter, fate

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand spans on."""
        try:
            result = self._exporter.export(spans)
        except Exception:  # noqa: BLE001  # whatever a transport raises costs spans and nothing else
            result = SpanExportResult.FAILURE
        self._fate.left(len(spans), taken=result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """End."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Hand on what it holds."""
        return self._exporter.force_flush(timeout_millis)


class _Counted(SpanProcessor):
    """Counts what ends and is kept."""

    def __init__(self, fate: _Fate) -> None:
        self._fate = fate

    def on_end(self, span: ReadableSpan) -> None:
        """One more."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._fate.ended()


@contextmanager
def otel_tracer(exporter: SpanExporter, process: str, note: Note, *, room: int) -> Iterator[OtelTracer]:
    """A tracer for as long as the block runs; behind it spans that wait are handed on, for three seconds at most.

    process: what this one is called.  room: spans that may wait; what comes beyond drops the oldest.
    """
    library = logging.getLogger("opentelemetry")
    level = library.level
    library.setLevel(logging.CRITICAL + 1)  # it tells of each failure, with addresses: ours is told once
    try:
        ids = _Ids()
        resource = _resource(process)
        provider = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
        fate = _Fate(note, room)
        provider.add_span_processor(_Counted(fate))
        batch = min(room, _BATCH)
        handing_on = BatchSpanProcessor(_Watched(exporter, fate), room, max_export_batch_size=batch)
        provider.add_span_processor(handing_on)
        try:
            yield OtelTracer(provider, ids)
        finally:
            _ended(provider)
    finally:
        library.setLevel(level)


def _resource(process: str) -> Resource:
    """Who tells. What the operator says by OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES goes before it."""
    own: dict[str, Any] = {"service.version": __version__, "service.instance.id": process}
    named = Resource.create({}).attributes
    told = {} if str(named.get("service.name", "")).startswith("unknown_service") else dict(named)
    return Resource.create({"service.name": _SERVICE, **own, **told})


def _ended(provider: TracerProvider) -> None:
    """End it beside us: a collector that takes its time is waited for so long and no longer."""
    ending = Thread(target=provider.shutdown, name="last-spans", daemon=True)
    ending.start()
    ending.join(_AT_THE_END_SECONDS)
