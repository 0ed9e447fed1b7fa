"""A small HTTP server in a thread, which answers so many at once: whoever comes beyond that is turned away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6, socket
from threading import BoundedSemaphore, Thread
from typing import Any

AT_ONCE = 8
REQUEST_SECONDS = 2.0
"""So long a handler waits for a request."""


class BoundedServer(ThreadingHTTPServer):
    """Answers AT_ONCE requests at once. Raises OSError where the address cannot be listened at."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 4 * AT_ONCE  # those who are turned away must get as far as to hear it

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._places = BoundedSemaphore(AT_ONCE)
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        super().__init__(address, handler)

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


class Answering(BaseHTTPRequestHandler):
    """Answers by what is known now, which nobody on the way may keep, and says of itself only whose it is."""

    server_version = "forbear"
    sys_version = ""
    timeout = REQUEST_SECONDS

    def answer(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        """Answer with content of a media type."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # named by the library
        """Who asks is not noted."""


@contextmanager
def serving(server: BoundedServer, name: str) -> Iterator[None]:
    """Answer for as long as the block runs, by a thread of that name."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name=name, daemon=True)
    with server:
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
