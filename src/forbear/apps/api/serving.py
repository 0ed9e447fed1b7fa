"""The server: uvicorn with bounds on connections and heads, and an end that is announced before it comes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from types import FrameType
from typing import Any

import msgspec
from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from forbear.apps.api.feed.routes import SOCKETS
from forbear.apps.api.health import Readiness
from forbear.apps.api.problems import KINDS, MEDIA_TYPE, RETRY_SECONDS, TYPE
from forbear.apps.services import ApiSettings

LARGEST_HEAD = 64 * 1024
KEEP_ALIVE_SECONDS = 15
GRACE_SECONDS = 10
"""For requests under way when the server ends."""
LINGER_SECONDS = 2.0
"""An answer may come before the request's body has: so long the rest is read, so that the answer arrives."""
_BACKLOG = 4_096
_VERSIONS = {"1.0", "1.1"}
_PHRASES = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large", 503: "Unavailable"}


@dataclass(slots=True)
class Census:
    """Who is connected to one server now, and the bounds that they are held to."""

    settings: ApiSettings
    requests: int = 0
    feeds: int = 0


class _Feed(WebSocketsSansIOProtocol):
    """A WebSocket that gives its place up at its end."""

    census: Census

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self.census.feeds -= 1
        super().connection_lost(exc)


class _Bounded(HttpToolsProtocol):
    """A connection that has so long, and so much room, for each head, and so long for each body."""

    census: Census

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._head = 0
        self._whole = True
        self._counted = self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection in, or turn it away where there are too many."""
        super().connection_made(transport)
        if self.census.requests >= self.census.settings.most_connections:
            self._turn_away(503, "unavailable")
            return
        self.census.requests += 1
        self._counted = True
        self._give(self.census.settings.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._take_back()
        self._uncount()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a head, or of a body."""
        if self.transport.is_closing():
            return
        if self._waits_for_head:
            self._head += len(data)
            if self._timer is None:
                self._give(self.census.settings.head_seconds)
        super().data_received(data)
        if self._waits_for_head and self._head > LARGEST_HEAD and not self.transport.is_closing():
            self._turn_away(431, "malformed")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._whole = self._in_body = False

    def on_headers_complete(self) -> None:
        """A head is there: now its body has its time, and somewhat more than the application gives it.

        Raises ValueError, which the parser answers as it does any request that is none, for another HTTP than 1.x.
        """
        if self.parser.get_http_version() not in _VERSIONS:
            raise ValueError
        self._in_body, self._head = True, 0
        self._give(self.census.settings.body_seconds + LINGER_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is there as a whole."""
        self._whole = True
        self._take_back()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer has gone out; what is left of its request's body is read for a moment."""
        super().on_response_complete()
        if not self._whole:
            self._give(LINGER_SECONDS)

    def handle_websocket_upgrade(self) -> None:
        """Go on as a WebSocket, if there is a place for one."""
        self._take_back()
        if self.census.feeds >= self.census.settings.most_feeds:
            self._turn_away(503, "unavailable")
            return
        self._uncount()
        self.census.feeds += 1
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # as the library calls it
        """What came is no HTTP; msg is the parser's, and not passed on."""
        self._turn_away(400, "malformed")

    @property
    def _waits_for_head(self) -> bool:
        return self._whole or not self._in_body

    def _give(self, seconds: float) -> None:
        self._take_back()
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _take_back(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self._head and self._waits_for_head and (self.cycle is None or self.cycle.response_complete):
            self._turn_away(408, "too_slow")
        else:
            self.transport.close()

    def _turn_away(self, status: int, code: str) -> None:
        """Say so, and close."""
        kind = KINDS[code]
        told = {"type": TYPE + code, "title": kind.title, "status": status, "mend": kind.mend}
        content = msgspec.json.encode(told)
        head = (
            f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(content)}\r\n"
            f"Retry-After: {RETRY_SECONDS}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.close()

    def _uncount(self) -> None:
        if self._counted:
            self._counted = False
            self.census.requests -= 1


class ApiServer(Server):
    """A server that stops being ready some time before it stops. A second signal ends it at once."""

    def __init__(self, config: Config, readiness: Readiness, drain_seconds: float) -> None:
        super().__init__(config)
        self._readiness, self._drain = readiness, drain_seconds
        self._ends_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Somebody asks for an end."""
        if self._ends_at is not None or not self.started:
            super().handle_exit(sig, frame)
            return
        self._readiness.closing()
        self._ends_at = time.monotonic() + self._drain

    async def on_tick(self, counter: int) -> bool:
        """Several times a second: whether it is time to end."""
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            self.should_exit = True
        return await super().on_tick(counter)

    def end(self) -> None:
        """End as if a signal had come and the time to drain were over. From any thread."""
        self._readiness.closing()
        self.should_exit = True


def server_of(app: Any, readiness: Readiness, settings: ApiSettings, *, host: str, port: int) -> ApiServer:
    """A server for an application at an address; port 0 lets the system choose. `run()` serves until a signal."""
    census = Census(settings)
    config = Config(
        app,
        host=host,
        port=port,
        http=type("Bounded", (_Bounded,), {"census": census}),
        ws=type("Feed", (_Feed,), {"census": census}),
        **SOCKETS,
        lifespan="on",
        log_config=None,
        log_level="critical",  # what goes wrong is answered, and noted in our own journal
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=_BACKLOG,
    )
    return ApiServer(config, readiness, settings.drain_seconds)


def port_of(server: Server) -> int:
    """The port that a server that has started listens at."""
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
