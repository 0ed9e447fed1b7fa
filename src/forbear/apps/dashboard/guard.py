"""What the dashboard's server says to browsers: load nothing from elsewhere, be framed by nobody, and where it is."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from hashlib import sha256
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_WHERE = 'window.__streamlit={BACKEND_BASE_URL:location.origin+"/"}'
"""Told nothing, Streamlit's page looks for its server below the path of a deep link first, and finds an error there."""
_SCRIPT = f"<script>{_WHERE}</script>".encode()
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),  # a path may name a customer
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_CSP = b"content-security-policy"
_OURS = {_CSP, *(name for name, _ in _HEADERS)}
_PAGE = re.compile(r"/[a-z-]*")
_AS_WHOLE = {b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"}
"""Of a request for a page: its answer has to be whole and bare, for something is put into it."""


def policy_of(page: bytes) -> bytes:
    """The content security policy of a page: of scripts in it, only those that it had when it left the server."""
    inline = "".join(f" 'sha256-{b64encode(sha256(one).digest()).decode()}'" for one in _INLINE.findall(page))
    return (
        "default-src 'self'; "
        # Vega compiles the expressions of charts.
        f"script-src 'self'{inline} 'unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
        "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ).encode()


class Guarded:
    """An ASGI application whose answers bear these headers, in place of its own of the same name."""

    def __init__(self, inner: Any) -> None:
        self._inner: Application = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        if _PAGE.fullmatch(scope["path"]):
            headers = [(name, value) for name, value in scope["headers"] if name.lower() not in _AS_WHOLE]
            scope = {**scope, "headers": headers}
        await self._inner(scope, receive, _Answer(send, page=bool(_PAGE.fullmatch(scope["path"]))))


class _Answer:
    """Sends an answer on with our headers, and a page once it is there whole with what it has to know."""

    def __init__(self, send: Send, *, page: bool) -> None:
        self._send, self._page = send, page
        self._begun: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            theirs = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in _OURS]
            self._begun = {**message, "headers": [*theirs, *_HEADERS]}
            kinds = [value for name, value in theirs if name.lower() == b"content-type"]
            self._page = self._page and any(kind.startswith(b"text/html") for kind in kinds)
            if not self._page:
                await self._send({**self._begun, "headers": [*self._begun["headers"], (_CSP, policy_of(b""))]})
        elif not self._page or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._whole()

    async def _whole(self) -> None:
        body = self._body.replace(b"<head>", b"<head>" + _SCRIPT, 1)
        headers = [(name, value) for name, value in self._begun["headers"] if name.lower() != b"content-length"]
        told = [(b"content-length", str(len(body)).encode()), (_CSP, policy_of(body))]
        await self._send({**self._begun, "headers": [*headers, *told]})
        await self._send({"type": "http.response.body", "body": body})
