"""Spans on their own: what they may hold, how they stand among others, and that nothing waits for them."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.masking import MASK
from forbear.apps.telemetry import Journal, Style
from forbear.apps.tracing.opening import tracer_of
from forbear.apps.tracing.port import NULL, Asked, Kind, Mark, caller_of, mark_of_decision, mark_of_event
from forbear.domain.errors import ConfigError


def opened(note: Callable[..., None] = lambda *_, **__: None) -> Any:
    """The tracer that the environment asks for."""
    return tracer_of(os.environ, "tests", note)


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_trace_id_is_a_digest(one: str, another: str) -> None:
    """The same id has the same place in every process, other ids have others, and an event is no decision."""
    assert mark_of_event(one) == mark_of_event(one)
    assert (mark_of_event(one) == mark_of_event(another)) == (one == another)
    assert mark_of_event(one).trace_id != mark_of_decision(one).trace_id
    assert 0 < mark_of_event(one).trace_id < 1 << 128
    assert 0 < mark_of_event(one).span_id < 1 << 64


@pytest.mark.parametrize(
    "given",
    [
        *["", "00", "00-0-0-01", "zz-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
        *["ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-" + "0" * 32 + "-b7ad6b7169203331-01"],
        *[
            "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        ],
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    ],
)
def test_what_is_no_traceparent_is_nothing(given: str) -> None:
    """A caller's header counts if it is one of W3C's, and nothing of it otherwise."""
    assert caller_of(given) is None


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans())
def test_a_traceparent_is_read(trace_id: int, span_id: int, sampled: bool) -> None:
    """Its ids, and whether its caller keeps it; of a later version what this one knows."""
    for version, more in (("00", ""), ("01", "-more")):
        text = f"{version}-{trace_id:032x}-{span_id:016x}-{int(sampled):02x}{more}"
        assert caller_of(text) == Mark(trace_id, span_id, sampled)


def test_spans_arrive_as_they_stand(collector: Any, traced: Callable[..., None]) -> None:
    """Below the open one, below a place, at a place with links: as it was asked for, and as kinds say."""
    traced()
    event, decision = mark_of_event("e"), mark_of_decision("d")
    with opened() as tracer:
        with tracer.span("outer") as outer, tracer.span("inner", events=3):
            here = tracer.here()
            outer.link(event)
        with tracer.span("decided", Asked(at=decision, links=[event, here], kind=Kind.PRODUCER)):
            assert tracer.here() == Mark(decision.trace_id, decision.span_id, True)
        with tracer.span("sent", Asked(under=decision)):
            pass
        assert tracer.here() is None
    (inner,), (out,) = collector.named("inner"), collector.named("outer")
    (decided,), (sent,) = collector.named("decided"), collector.named("sent")
    assert (inner.trace_id, inner.parent) == out.at
    assert inner.facts == {"forbear.events": 3}
    assert out.links == [tuple(event.ids.values())]
    assert (decided.at, decided.parent, decided.kind) == (tuple(decision.ids.values()), "", 4)
    assert decided.links == [tuple(event.ids.values()), inner.at]
    assert (sent.trace_id, sent.parent) == decided.at
    assert (out.process, out.failed) == ("tests", False)


def test_an_error_is_told_by_its_kind_and_place_alone(collector: Any, traced: Callable[..., None]) -> None:
    """What it says may name somebody: neither its message nor its stack leaves the process, and it goes on."""
    traced()
    with opened() as tracer, pytest.raises(RuntimeError), tracer.span("work"):
        raise RuntimeError("Zoë Wacławska, DE89370400440532013000")
    (work,) = collector.named("work")
    assert work.failed
    assert work.facts["error.type"] == "RuntimeError"
    assert work.facts["forbear.trouble"].startswith("RuntimeError at test_tracer.py:")
    assert not [body for body in collector.bodies if b"Wac" in body or b"DE89" in body or b"Traceback" in body]


def test_facts_are_masked_as_lines_are(collector: Any, traced: Callable[..., None]) -> None:
    """A span holds nothing that a log line may not."""
    traced()
    with opened() as tracer, tracer.span("work", customer_id="CX-88213", why="Zoë", state="sent", events=1_234_567):
        pass
    (work,) = collector.named("work")
    assert set(work.facts.values()) == {MASK, "sent", 1_234_567}


def test_a_collector_that_is_gone_costs_spans_and_one_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: the work goes on, nothing is raised, one warning is written, and the end does not wait long."""
    for name, value in {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "20",
        "OTEL_BSP_MAX_QUEUE_SIZE": "16",
    }.items():
        monkeypatch.setenv(name, value)
    told, stream = [], io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    try:
        with opened(lambda what, **facts: told.append((what, facts["level"]))) as tracer:
            began = time.monotonic()
            for _ in range(2_000):
                with tracer.span("work"):
                    pass
            worked = time.monotonic() - began
            time.sleep(0.3)
            ending = time.monotonic()
    finally:
        logging.getLogger().removeHandler(handler)
    assert worked < 2.0
    assert time.monotonic() - ending < 6.0
    assert told == [("spans are lost", "warning")]
    assert stream.getvalue() == ""


def test_a_slow_collector_keeps_nobody_waiting(collector: Any, traced: Callable[..., None]) -> None:
    """What waits is bounded, the oldest spans are lost first, and it is told once, as is the end of it."""
    collector.slow_seconds = 0.4
    traced(OTEL_BSP_MAX_QUEUE_SIZE="32", OTEL_BSP_SCHEDULE_DELAY="10")
    told: list[str] = []
    with opened(lambda what, **_: told.append(what)) as tracer:
        began = time.monotonic()
        for number in range(500):
            with tracer.span("work", events=number):
                pass
        assert time.monotonic() - began < 0.4
        collector.slow_seconds = 0.0
        end = time.monotonic() + 20
        while len(told) < 2:
            assert time.monotonic() < end
            time.sleep(0.02)
    assert told == ["spans are lost", "spans are taken again"]
    assert 0 < len(collector.named("work")) < 500
    assert collector.named("work")[-1].facts["forbear.events"] == 499


def test_sampling_is_by_trace_and_alike_in_all_processes(collector: Any, traced: Callable[..., None]) -> None:
    """Of a share of decisions every span is kept, in whichever process it ends, and of the others none."""
    traced(OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG="0.5")
    marks = [mark_of_decision(f"decision {number}") for number in range(200)]
    for name in ("decided", "sent"):
        with opened() as tracer:
            for mark in marks:
                with tracer.span(name, Asked(at=mark) if name == "decided" else Asked(under=mark)):
                    pass
    kept = {one.trace_id for one in collector.named("decided")}
    assert 60 < len(kept) < 140
    assert {one.trace_id for one in collector.named("sent")} == kept


@pytest.mark.parametrize(
    "settings", [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}]
)
def test_by_default_nobody_keeps_spans(settings: dict[str, str]) -> None:
    """Nothing is on unless it is asked for by the standard variables; a collector's address alone asks for nothing."""
    with tracer_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", **settings}, "tests", lambda *_, **__: None) as tracer:
        assert tracer is NULL
        with tracer.span("work", events=1) as span:
            span.tell(state="x")
            span.rename("y")
            span.link(mark_of_event("e"))
            span.failed(ValueError())
        assert tracer.here() is None


def test_an_exporter_that_there_is_not_is_refused() -> None:
    """A word that is none of ours is a setting to mend."""
    with (
        pytest.raises(ConfigError, match="OTEL_TRACES_EXPORTER"),
        tracer_of({"OTEL_TRACES_EXPORTER": "zipkin"}, "tests", lambda *_, **__: None),
    ):
        pass
    for size in ("0", "many", "1000000"):
        with (
            pytest.raises(ConfigError, match="OTEL_BSP_MAX_QUEUE_SIZE"),
            tracer_of({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_BSP_MAX_QUEUE_SIZE": size}, "t", lambda *_, **__: None),
        ):
            pass


def test_without_the_extra_it_is_said_and_nobody_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces that are asked for where the SDK is not installed: a warning with the mend, and no spans."""
    monkeypatch.setitem(sys.modules, "forbear.apps.tracing.otel", None)
    told: list[tuple[str, dict[str, Any]]] = []
    with tracer_of({"OTEL_TRACES_EXPORTER": "otlp"}, "t", lambda what, **facts: told.append((what, facts))) as tracer:
        assert tracer is NULL
    assert [(what, facts["level"]) for what, facts in told] == [("no traces: the extra is not installed", "warning")]


def test_lines_have_the_ids_of_the_open_span(collector: Any, traced: Callable[..., None]) -> None:
    """A line that is written within a span says which, in this thread; outside of one it says nothing of it."""
    traced()
    stream = io.StringIO()
    with opened() as tracer:
        journal = Journal(stream, Style(here=tracer.here))
        with tracer.span("work"):
            journal.note("working")
            other = threading.Thread(target=journal.note, args=("working",))
            other.start()
            other.join()
        journal.note("working")
    inside, *outside = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (inside["trace_id"], inside["span_id"]) == collector.named("work")[0].at
    assert not [line for line in outside if "trace_id" in line]


def test_spans_to_the_terminal_are_lines(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> None:
    """`console` writes a line of JSON a span to stderr, and nothing to stdout."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    with opened() as tracer, tracer.span("work"):
        pass
    said = capsys.readouterr()
    assert [json.loads(line)["name"] for line in said.err.splitlines()] == ["work"]
    assert said.out == ""
