"""What servers of one's own have in common: ports that stay theirs, and waiting until they are there."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Callable

from forbear.domain.errors import BackendUnavailable

_PORTS = range(20_000, 32_000)
"""Below those that the system gives to clients. One of those could be taken before the server starts, or starts again;
and a client that asks a stopped server again and again would get its own port for a source one day, and be connected
to itself."""
_POLL_SECONDS = 0.02
_MOST_SAID = 2_000


def free_ports(count: int) -> list[int]:
    """So many ports of this machine that nobody listens at, drawn by chance: whoever else looks finds others."""
    found: list[int] = []
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            break
    return found


def await_start(
    name: str, process: subprocess.Popen[bytes], ready: Callable[[], bool], said: Callable[[], str], seconds: float
) -> None:
    """Wait until a server that was started is ready.

    said: all that it has printed. Raises BackendUnavailable with the end of that where it ends, or is not ready within
    so many seconds.
    """
    until = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            raise BackendUnavailable(f"{name} does not start: {said()[-_MOST_SAID:]}")
        time.sleep(_POLL_SECONDS)
