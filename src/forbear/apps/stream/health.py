"""Health over HTTP, on this machine's own address only: whether a process lives, is ready, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from threading import BoundedSemaphore, Thread
from typing import Any

import msgspec

from forbear.apps.stream.pulse import Pulse
from forbear.domain.errors import ConfigError

LOOPBACK = "127.0.0.1"
ALIVE_SECONDS = 60.0
"""A loop that has not come round for so long, and does not know why, is taken for dead."""
_AT_ONCE = 8
_REQUEST_SECONDS = 2.0


@contextmanager
def health(pulse: Pulse, port: int, alive_seconds: float = ALIVE_SECONDS) -> Iterator[None]:
    """Answer at a port for as long as the block runs; at none for port 0.

    GET /live, /ready and /status, as said in docs/operations/failures.md; every other path is 404. Raises ConfigError
    for a port that is in use.
    """
    if not port:
        yield
        return
    try:
        server = _Server(pulse, port, alive_seconds)
    except OSError as error:
        raise ConfigError(
            f"cannot answer at port {port}: {error.strerror or error}", mend="choose another --health-port, or 0"
        ) from error
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="health", daemon=True)
    with server:
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    """Answers so many at once; whoever comes beyond that is turned away."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 4 * _AT_ONCE  # those who are turned away must get as far as to hear it

    def __init__(self, pulse: Pulse, port: int, alive_seconds: float) -> None:
        self.pulse = pulse
        self.alive_seconds = alive_seconds
        self._places = BoundedSemaphore(_AT_ONCE)
        super().__init__((LOOPBACK, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a request in if there is a place for it."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer a request, and give its place up."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Whoever asks may go before the answer: that is no trouble of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "forbear"
    sys_version = ""
    timeout = _REQUEST_SECONDS

    def do_GET(self) -> None:
        """Answer."""
        pulse = self.server.pulse
        match self.path:
            case "/live":
                alive = pulse.alive(self.server.alive_seconds)
                self._say(alive, {"live": alive})
            case "/ready":
                ready = pulse.ready
                self._say(ready, {"ready": ready})
            case "/status":
                self._say(True, pulse.snapshot())
            case _:
                self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # named by the library
        """Who asks for health is not noted."""

    def _say(self, well: bool, document: dict[str, Any]) -> None:
        content = msgspec.json.encode(document)
        self.send_response(HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)
