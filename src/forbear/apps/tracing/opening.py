"""Which tracer a process has: none, unless the standard variables of OpenTelemetry ask for one.

OTEL_TRACES_EXPORTER: `otlp` (over HTTP) or `console`; none where it is not set.  OTEL_SDK_DISABLED=true: none.  The SDK
reads all others: OTEL_EXPORTER_OTLP_*, OTEL_TRACES_SAMPLER, OTEL_BSP_*, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from forbear.apps.tracing.port import NULL, Tracer
from forbear.domain.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

EXPORTER, DISABLED, ROOM = "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED", "OTEL_BSP_MAX_QUEUE_SIZE"
_MOST_ROOM = 65_536
_OTLP, _CONSOLE = "otlp", "console"
Note = Callable[..., None]
"""Writes a line of the journal: what, and facts."""


@contextmanager
def tracer_of(environment: Mapping[str, str], process: str, note: Note) -> Iterator[Tracer]:
    """The tracer of a process for as long as the block runs.

    note: told once of spans that are lost, and once of the end of that; also where traces are asked for and the extra
    is not installed, which stops nobody. Raises ConfigError for an exporter that there is not.
    """
    asked = environment.get(EXPORTER, "").strip().lower()
    off = environment.get(DISABLED, "").strip().lower() == "true"
    if off or asked in ("", "none"):
        yield NULL
        return
    if asked not in (_OTLP, _CONSOLE):
        raise ConfigError(f"{EXPORTER}={asked!r} is none of ours", mend=f"set it to {_OTLP}, {_CONSOLE} or none")
    try:
        from forbear.apps.tracing.otel import otel_tracer

        exporter = _exporter(asked)
    except ModuleNotFoundError:
        note("no traces: the extra is not installed", level="warning", mend="pip install forbear[traces]")
        yield NULL
        return

    def fare(what: str, lost: int) -> None:
        note(what, level="warning", spans=lost)

    with otel_tracer(exporter, process, fare, room=_room(environment)) as tracer:
        yield tracer


def _room(environment: Mapping[str, str]) -> int:
    """Spans that may wait. Raises ConfigError for what is no number of them."""
    given = environment.get(ROOM, "").strip() or "2048"
    if not given.isdecimal() or not 1 <= int(given) <= _MOST_ROOM:
        raise ConfigError(f"{ROOM}={given!r} is no number of spans", mend=f"set it to 1 to {_MOST_ROOM}")
    return int(given)


def _exporter(asked: str) -> SpanExporter:
    if asked == _CONSOLE:
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        # One line a span, and not among the results of a command.
        return ConsoleSpanExporter(out=sys.stderr, formatter=lambda span: span.to_json(indent=None) + "\n")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()
