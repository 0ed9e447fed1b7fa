"""What the dashboard's process tells of itself: metrics, lines and spans of looks at pages and of what they ask.

None of it names anybody: pages and operations are words of the code, ids are of chance. Each question bears an id that
the interface notes too, and the place in the trace where there is one, so that a look is followed into the interface.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Literal, TypeAlias
from uuid import uuid4

from forbear.apps.masking import place_of
from forbear.apps.metrics import catalogue
from forbear.apps.metrics.meter import Meter, Sample
from forbear.apps.telemetry import Journal, Level
from forbear.apps.tracing.port import NULL, Asked, Kind, Span, Tracer, traceparent_of
from forbear.client import Client, Live, Problem
from forbear.client.conversation import Letter, Reply
from forbear.client.feed_models import Wanted

Outcome: TypeAlias = Literal["shown", "login", "refused", "cut_short", "problem", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("shown", "login", "refused", "cut_short", "problem", "failed")
NO_PAGE = "-"
"""Before it is known which page is wanted."""
_LEVELS: dict[Outcome, Level] = {"problem": "warning", "failed": "error"}
_TOO_MANY, _BAD = 429, 500
_LOOK: ContextVar[str] = ContextVar("look", default="")


@dataclass(slots=True)
class Look:
    """One run of a page, by the page as it goes on. page: its name.  trouble: kind and place of what went wrong."""

    page: str = NO_PAGE
    outcome: Outcome = "shown"
    trouble: str = ""

    def has(self, problem: Exception) -> None:
        """The page says a problem in place of itself."""
        said = f" {problem.code}" if isinstance(problem, Problem) else ""
        self.outcome, self.trouble = "problem", f"{type(problem).__name__}{said}"


class Instruments:
    """Where it is told. meter, journal: None for nowhere. Safe for many threads."""

    def __init__(self, journal: Journal | None = None, meter: Meter | None = None, tracer: Tracer = NULL) -> None:
        self._journal, self._meter, self._tracer = journal, meter, tracer
        self._lock, self._open = Lock(), 0
        self._feeds: weakref.WeakSet[Live] = weakref.WeakSet()
        if meter is not None:
            meter.tells("dashboard", self._asked)

    def begin_at_zero(self, pages: tuple[str, ...]) -> None:
        """Tell of every page and outcome from the beginning: an increase is seen only of what was told before."""
        if self._meter is not None:
            for page in (*pages, NO_PAGE):
                for outcome in OUTCOMES:
                    self._meter.count(catalogue.LOOKS, 0, page, outcome)

    # ---- pages

    @contextmanager
    def look(self) -> Iterator[Look]:
        """A run of a page for as long as the block runs; what leaves the block goes on, and is noted by kind and place.

        Streamlit cuts a run short by what is no Exception.
        """
        look, began, look_id = Look(), time.perf_counter(), str(uuid4())
        raised: BaseException | None = None
        token = _LOOK.set(look_id)
        try:
            with self._tracer.span("look", Asked(kind=Kind.SERVER), look_id=look_id) as span:
                try:
                    yield look
                except Exception as error:  # noqa: BLE001  # raised below
                    look.outcome, look.trouble, raised = "failed", place_of(error), error
                except BaseException as error:  # noqa: BLE001  # raised below
                    look.outcome, raised = "cut_short", error
                self._looked(look, span, look_id, time.perf_counter() - began)
        finally:
            _LOOK.reset(token)
        if raised is not None:
            raise raised

    # ---- what they ask

    def ask(self, letter: Letter, attempt: Callable[[Letter], Reply]) -> Reply:
        """What comes of one attempt to ask the interface."""
        began, request_id = time.perf_counter(), str(uuid4())
        with self._tracer.span(letter.operation, Asked(kind=Kind.CLIENT), request_id=request_id) as span:
            headers = {**letter.headers, "X-Request-ID": request_id.encode()}
            if (here := self._tracer.here()) is not None:
                headers["traceparent"] = traceparent_of(here).encode()
            reply = attempt(replace(letter, headers=headers))
            self._answered(letter, reply, span, request_id, time.perf_counter() - began)
        return reply

    def listens(self, feed: Live) -> Live:
        """Tell of a feed whether it hears, for as long as anybody has it."""
        with self._lock:
            self._feeds.add(feed)
        return feed

    # ---- browsers

    @contextmanager
    def connected(self) -> Iterator[None]:
        """A tab of a browser, for as long as the block runs."""
        with self._lock:
            self._open += 1
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1

    # ---- inside

    def _looked(self, look: Look, span: Span, look_id: str, seconds: float) -> None:
        if self._meter is not None:
            self._meter.count(catalogue.LOOKS, 1, look.page, look.outcome)
            if look.outcome == "shown":
                self._meter.observe(catalogue.LOOK, seconds, look.page)
        span.rename(f"look at {look.page}")
        span.tell(page=look.page, outcome=look.outcome)
        if look.outcome in _LEVELS:
            span.failed(look.trouble or look.outcome)
        facts = {"trouble": look.trouble} if look.trouble else {}
        self._note(
            "look",
            _LEVELS.get(look.outcome, "info"),
            seconds,
            look_id=look_id,
            page=look.page,
            outcome=look.outcome,
            **facts,
        )

    def _answered(self, letter: Letter, reply: Reply, span: Span, request_id: str, seconds: float) -> None:
        status = getattr(reply, "status_code", 0)
        trouble = "" if status else type(reply).__name__
        bad = status in {0, _TOO_MANY} or status >= _BAD
        if self._meter is not None:
            self._meter.count(catalogue.CALLS, 1, letter.operation, str(status))
            if status:
                self._meter.observe(catalogue.CALL, seconds, letter.operation)
        span.tell(**{"http.request.method": letter.method, "http.response.status_code": status})
        if bad:
            span.failed(trouble or str(status))
        facts = {"trouble": trouble} if trouble else {}
        if look_id := _LOOK.get():
            facts["look_id"] = look_id
        self._note(
            "asked",
            "warning" if bad else "info",
            seconds,
            request_id=request_id,
            operation=letter.operation,
            status=status,
            **facts,
        )

    def _note(self, what: str, level: Level, seconds: float, **facts: object) -> None:
        if self._journal is not None and self._journal.writes(level):
            self._journal.note(what, level=level, duration_ms=round(seconds * 1000, 2), **facts)

    def _asked(self) -> Iterator[Sample]:
        with self._lock:
            tabs, feeds = self._open, [one.connected for one in self._feeds]
        yield Sample(catalogue.SESSIONS, tabs)
        yield Sample(catalogue.FEEDS, feeds.count(True), ("up",))
        yield Sample(catalogue.FEEDS, feeds.count(False), ("down",))


class ToldClient(Client):
    """A client that has each attempt, and each feed, told by the instruments of this process."""

    def attempt(self, letter: Letter) -> Reply:
        """What comes of one attempt."""
        return instruments().ask(letter, super().attempt)

    def live(self, wanted: Wanted | None = None, **more: Any) -> Live:
        """The live feed."""
        return instruments().listens(super().live(wanted, **more))


_OF_THIS_PROCESS = [Instruments()]


def instruments() -> Instruments:
    """Those of this process: Streamlit runs the script, and hands it nothing."""
    return _OF_THIS_PROCESS[0]


def install(own: Instruments) -> None:
    """Have this process tell by these from now on."""
    _OF_THIS_PROCESS[0] = own
