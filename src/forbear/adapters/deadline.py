"""A bound on a whole conversation over a socket, however slowly the other side goes on answering."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def ended_after(seconds: float, asked: Callable[[], socket.socket | None]) -> Iterator[None]:
    """The block may talk for so long; then its socket is shut, and what it waits for fails with an OSError.

    A time limit of a socket is for one read: who sends a byte now and then could hold a caller for ever. asked: for
    the socket, which may not be there yet.
    """

    def shut() -> None:
        with suppress(OSError):
            if (found := asked()) is not None:
                found.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
