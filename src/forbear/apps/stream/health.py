"""Health over HTTP, on this machine's own address only: whether a process lives, is ready, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import msgspec

from forbear.apps.bounded_server import Answering, BoundedServer, serving
from forbear.apps.stream.pulse import Pulse
from forbear.domain.errors import ConfigError

LOOPBACK = "127.0.0.1"
ALIVE_SECONDS = 60.0
"""A loop that has not come round for so long, and does not know why, is taken for dead."""


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
    with serving(server, "health"):
        yield


class _Server(BoundedServer):
    """Knows whose health it answers for."""

    def __init__(self, pulse: Pulse, port: int, alive_seconds: float) -> None:
        self.pulse = pulse
        self.alive_seconds = alive_seconds
        super().__init__((LOOPBACK, port), _Handler)


class _Handler(Answering):
    server: _Server

    def do_GET(self) -> None:  # noqa: N802  # named by the library
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

    def _say(self, well: bool, document: dict[str, Any]) -> None:
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        self.answer(status, "application/json", msgspec.json.encode(document))
