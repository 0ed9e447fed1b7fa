"""Serving the HTTP interface until somebody asks for an end."""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace

from forbear.apps.api.app import create_app
from forbear.apps.api.keys import state_of
from forbear.apps.api.opening import Opening, open_parts
from forbear.apps.api.parts import ApiParts
from forbear.apps.api.serving import server_of
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.metrics.bank import bank_of
from forbear.apps.metrics.exporter import Asked, telling
from forbear.apps.metrics.meter import Meter
from forbear.domain.errors import ConfigError

_SWITCH_SECONDS = 0.0005
"""So long a thread keeps the interpreter from the others; by default it is half the time that an answer may take."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen. port: 0 for any that is free.  metrics: where metrics are told, "" for what the settings say."""

    host: str = "127.0.0.1"
    port: int = 8470
    metrics: str = ""

    @property
    def writer(self) -> str:
        """What accesses are recorded under: there is one server at a machine's port."""
        return f"api-{socket.gethostname()[:40]}-{self.port or os.getpid()}"


def serve(asked: Opening, listening: Listening, console: Console) -> None:
    """Answer until a signal comes. Raises ConfigError where the address cannot be listened at.

    Raises ConfigError too where others could reach it, and nobody has a key.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    with open_parts(asked) as opened:
        parts = replace(opened, warm=lambda: _warmed(opened.warm))
        require_keys(parts)
        with closing(_bound(listening)) as bound, ExitStack() as stack:
            port = bound.getsockname()[1]
            parts = replace(parts, meter=stack.enter_context(_metered(asked, listening, port)))
            server = server_of(create_app(parts), parts.readiness, parts.settings, host=listening.host, port=port)
            console.say(f"Listening at http://{listening.host}:{port} - /docs says what can be asked.")
            server.run(sockets=[bound])


@contextmanager
def _metered(asked: Opening, listening: Listening, port: int) -> Iterator[Meter | None]:
    """The meter of a server at a port, which tells of the whole deployment too; None where nobody asked for one."""
    home = Home(asked.home)
    with telling(Asked(home, f"api-{port}", listening.metrics, asked.environment)) as meter:
        if meter is None:
            yield None
            return
        with bank_of(meter, home, asked.environment):
            yield meter


def _warmed(warm: Callable[[], None] | None) -> None:
    """Warm up, and have the collector of garbage look no more at what is there for good: that halts every answer."""
    if warm is not None:
        warm()
    gc.collect()
    gc.freeze()


def require_keys(parts: ApiParts) -> None:
    """Raises ConfigError where others than this machine can ask and there is neither a key that holds nor OIDC."""
    if parts.loopback or parts.tokens is not None:
        return
    now_us = parts.now_us()
    kept = parts.office.keyring.keys()
    if not any(state_of(key, now_us) == "holds" for key in kept):
        raise ConfigError(
            "nobody has a key, and the address can be reached by others",
            mend="make one with `forbear keys create`, or listen at 127.0.0.1",
        )


def _bound(listening: Listening) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
        return socket.create_server((listening.host, listening.port), family=family, backlog=4_096)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"cannot listen at {listening.host}:{listening.port}: {error}", mend="choose another --host or --port"
        ) from error
