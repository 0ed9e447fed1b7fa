"""The outermost layer: gives each request its id, bounds what it may send, notes how it went, and lets no error out."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forbear.apps.api.limits import LONGEST_PATH, Intake
from forbear.apps.api.parts import ApiParts
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reception import Reception, refused
from forbear.apps.api.visit import Visit, request_id_of
from forbear.apps.masking import looks_like_chance
from forbear.apps.metrics import catalogue
from forbear.apps.telemetry import Level
from forbear.apps.tracing.port import Asked, Kind, caller_of

_UNREADABLE = re.compile("[\x00-\x1f\x7f\ufffd]")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SWITCHING = 101
_FAILED = 500


class Frame:
    """Around the whole application. feeds: operations of WebSockets by their path."""

    def __init__(self, app: ASGIApp, parts: ApiParts, reception: Reception, feeds: Mapping[str, str]) -> None:
        self._app, self._parts, self._reception, self._feeds = app, parts, reception, feeds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        visit = Visit(request_id=request_id_of(headers))
        scope.setdefault("state", {})["visit"] = visit
        sending = _Sending(send, visit)
        began = time.perf_counter()
        if not self._parts.tracer.on:
            await self._met(scope, receive, headers, sending)
            self._told(scope, sending, time.perf_counter() - began)
            return
        method = _method(scope)
        asked = Asked(kind=Kind.SERVER, under=caller_of(headers.get("traceparent", "")))
        with self._parts.tracer.span(method, asked) as span:
            here = self._parts.tracer.here()
            visit.headers |= {} if here is None else {"X-Trace-ID": here.ids["trace_id"]}
            await self._met(scope, receive, headers, sending)
            span.rename(f"{method} {visit.route or '-'}")
            span.tell(**{"http.request.method": method, "http.route": visit.route or "-"})
            span.tell(**{"http.response.status_code": sending.status}, operation=visit.operation)
            span.tell(request_id=self._request(visit.request_id))
            if sending.status >= _FAILED:
                span.failed(visit.trouble or str(sending.status))
            self._told(scope, sending, time.perf_counter() - began)

    async def _met(self, scope: Scope, receive: Receive, headers: Headers, sending: _Sending) -> None:
        """Meet a request or a WebSocket."""
        if scope["type"] == "websocket":
            await self._feed(scope, receive, sending)
            return
        settings = self._parts.settings
        intake = Intake(receive, headers, most_bytes=settings.body_bytes, seconds=settings.body_seconds)
        sending.visit.intake = intake
        await self._serve(scope, intake, sending)

    async def _serve(self, scope: Scope, receive: Receive, sending: _Sending) -> None:
        try:
            if len(scope.get("raw_path") or b"") > LONGEST_PATH:
                raise Refusal("path_too_long")  # noqa: TRY301
            if _UNREADABLE.search(scope["path"]):
                raise Refusal("malformed", "the path holds what is no text")  # noqa: TRY301
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001  # there is nobody further out
            await self._refuse(error, scope, receive, sending)

    async def _feed(self, scope: Scope, receive: Receive, sending: _Sending) -> None:
        visit = sending.visit
        visit.operation = self._feeds.get(scope["path"], "")
        visit.route = scope["path"] if visit.operation else ""
        try:
            if not visit.operation:
                raise Refusal("unknown")  # noqa: TRY301
            await self._reception.greet(HTTPConnection(scope), visit, _SWITCHING)
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001  # there is nobody further out
            await self._refuse(error, scope, receive, sending)

    async def _refuse(self, error: Exception, scope: Scope, receive: Receive, sending: _Sending) -> None:
        response = refused(error, sending.visit)
        if sending.status:  # it has begun to answer: all that is left is to end
            return
        if scope["type"] == "http":
            await response(scope, receive, sending)
        elif "websocket.http.response" in scope.get("extensions", {}):
            await _deny(response, sending)
        else:
            await sending({"type": "websocket.close", "code": 1008})

    def _told(self, scope: Scope, sending: _Sending, seconds: float) -> None:
        self._count(scope, sending, seconds)
        self._note(scope, sending, seconds)

    def _count(self, scope: Scope, sending: _Sending, seconds: float) -> None:
        """Tell the meter. What named no operation of ours, by path or method, counts as one."""
        if (meter := self._parts.meter) is None:
            return
        operation = sending.visit.operation or "-"
        method = scope.get("method", "WEBSOCKET") if sending.visit.operation else "-"
        meter.count(catalogue.REQUESTS, 1, operation, method, str(sending.status))
        if scope["type"] == "http":
            meter.observe(catalogue.REQUEST, seconds, operation)

    def _note(self, scope: Scope, sending: _Sending, seconds: float) -> None:
        visit, journal = sending.visit, self._parts.journal
        level: Level = "error" if sending.status >= _FAILED else "info"
        if journal is None or not journal.writes(level):
            return
        facts: dict[str, object] = {}
        if visit.caller is not None:
            who = visit.caller.who
            facts["who"] = journal.style.references.text(who) if who.startswith("oidc:") else who
        if visit.customers:
            facts["customer_ref"] = journal.customer_ref(next(iter(visit.customers)))
            facts["persons"] = len(visit.customers)
        if visit.trouble:
            facts["trouble"] = visit.trouble
        journal.note(
            "request",
            level=level,
            request_id=self._request(visit.request_id),
            method=_method(scope),
            route=visit.route or "-",
            operation=visit.operation,
            status=sending.status,
            duration_ms=round(seconds * 1000, 2),
            bytes_in=visit.intake.bytes if visit.intake else 0,
            bytes_out=sending.bytes,
            **facts,
        )

    def _request(self, request_id: str) -> str:
        """The id of a request as it may be written: one that a caller made may name somebody, and becomes letters."""
        if self._parts.journal is None or looks_like_chance(request_id):
            return request_id
        return self._parts.journal.request_ref(request_id)


def _method(scope: Scope) -> str:
    """The method of a request; a word that is no method is a caller's own, and not passed on."""
    given: str = scope.get("method", "WEBSOCKET") if scope["type"] == "http" else "WEBSOCKET"
    return given if given in _METHODS or given == "WEBSOCKET" else "OTHER"


class _Sending:
    """Sends an answer with the headers that every answer has, and counts. status: 0 before it begins."""

    def __init__(self, send: Send, visit: Visit) -> None:
        self._send, self.visit = send, visit
        self.status = self.bytes = 0

    async def __call__(self, message: Message) -> None:
        match message["type"]:
            case "http.response.start" | "websocket.http.response.start":
                self.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = self.visit.request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers.update(self.visit.headers)
            case "http.response.body" | "websocket.http.response.body":
                self.bytes += len(message.get("body", b""))
            case "websocket.accept":
                self.status = _SWITCHING
            case "websocket.send":
                self.bytes += len(message.get("bytes") or message.get("text") or "")
        await self._send(message)


async def _deny(response: Response, sending: _Sending) -> None:
    """Answer a WebSocket's handshake as if it were a request."""
    start = {"type": "websocket.http.response.start", "status": response.status_code, "headers": response.raw_headers}
    await sending(start)
    await sending({"type": "websocket.http.response.body", "body": response.body, "more_body": False})
