"""Serving the HTTP interface until somebody asks for an end."""

from __future__ import annotations

import socket
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from forbear.apps.api.app import create_app
from forbear.apps.api.keys import state_of
from forbear.apps.api.oidc import is_loopback
from forbear.apps.api.opening import Opened, open_parts
from forbear.apps.api.parts import ApiParts
from forbear.apps.api.serving import server_of
from forbear.apps.console import Console
from forbear.apps.telemetry import Journal
from forbear.domain.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where to listen, and whether each request is noted as a line of JSON on stdout."""

    host: str = "127.0.0.1"
    port: int = 8470
    json_log: bool = False


def serve(home: Path, environment: dict[str, str], listening: Listening, console: Console) -> None:
    """Answer until a signal comes. Raises ConfigError where the address cannot be listened at.

    Raises ConfigError too where others could reach it, and nobody has a key.
    """
    journal = Journal(sys.stdout) if listening.json_log else None
    asked = Opened(home=home, environment=environment, loopback=is_loopback(listening.host), journal=journal)
    with open_parts(asked) as parts:
        require_keys(parts)
        with closing(_bound(listening)) as bound:
            port = bound.getsockname()[1]
            server = server_of(create_app(parts), parts.readiness, parts.settings, host=listening.host, port=port)
            console.say(f"Listening at http://{listening.host}:{port} - /docs says what can be asked.")
            server.run(sockets=[bound])


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
