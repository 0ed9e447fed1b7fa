"""The outermost layer: gives each request its id, bounds what it may send, notes how it went, and lets no error out."""

from __future__ import annotations

import hmac
import re
import secrets
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
from forbear.apps.metrics import catalogue

_UNREADABLE = re.compile("[\x00-\x1f\x7f\ufffd]")
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_SWITCHING = 101


class Frame:
    """Around the whole application. feeds: operations of WebSockets by their path."""

    def __init__(self, app: ASGIApp, parts: ApiParts, reception: Reception, feeds: Mapping[str, str]) -> None:
        self._app, self._parts, self._reception, self._feeds = app, parts, reception, feeds
        self._log_key = secrets.token_bytes(16)

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
        if scope["type"] == "websocket":
            await self._feed(scope, receive, sending)
        else:
            visit.intake = Intake(
                receive,
                headers,
                most_bytes=self._parts.settings.body_bytes,
                seconds=self._parts.settings.body_seconds,
            )
            await self._serve(scope, visit.intake, sending)
        seconds = time.perf_counter() - began
        self._count(scope, sending, seconds)
        self._note(scope, sending, seconds)

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
        if journal is None:
            return
        facts: dict[str, object] = {}
        if visit.caller is not None:
            who = visit.caller.who
            facts["who"] = self._alias(who) if who.startswith("oidc:") else who
        if visit.customers:
            facts["about"] = self._alias(str(next(iter(visit.customers))))
            facts["persons"] = len(visit.customers)
        if visit.trouble:
            facts["trouble"] = visit.trouble
        journal.note(
            "request",
            request_id=visit.request_id,
            method=scope.get("method", "WEBSOCKET"),
            route=visit.route or "-",
            status=sending.status,
            ms=round(seconds * 1000, 2),
            bytes_in=visit.intake.bytes if visit.intake else 0,
            bytes_out=sending.bytes,
            **facts,
        )

    def _alias(self, personal: str) -> str:
        """A person in the log: the same letters for the same person, until this process ends.

        The key is chance and kept nowhere: from the log alone nobody gets back to a person by trying all there are.
        Whoever may know finds the person in the chain of accesses, by the request id.
        """
        return hmac.digest(self._log_key, personal.encode(), "sha256").hex()[:12].translate(_LETTERS)


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
