"""Telling metrics over HTTP: `/metrics` from a thread of its own, and a file by which Prometheus finds it.

The file goes when the process ends in order, and stays when it is killed: Prometheus then sees that it does not answer.
"""

from __future__ import annotations

import hmac
import os
import platform
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

import msgspec

from forbear.adapters.disk import storage_errors, write_whole
from forbear.adapters.hosts import is_loopback
from forbear.apps.bounded_server import Answering, BoundedServer, serving
from forbear.apps.home import Home
from forbear.apps.metrics import catalogue
from forbear.apps.metrics.meter import CONTENT_TYPE, Meter, Sample
from forbear.apps.services import metrics_of
from forbear.domain.errors import ConfigError

OFF = "off"
FOLDER = "metrics"
"""In a home: a file for each process that tells metrics, in the form of Prometheus' `file_sd_configs`."""
_LISTEN = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_SHAPE = "write HOST:PORT, e.g. 127.0.0.1:9470; port 0 for any that is free"
_ANYWHERE = {"0.0.0.0", "::"}  # noqa: S104  # to know them, not to listen there
_SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a process. home: whose.  name: what the process is called, and its file after it.

    listen: as on the command line, "" for what the settings say.  environment: where else they may be.
    findable: whether the home is to have a file that leads there; a process may know of a home that is elsewhere.
    """

    home: Home
    name: str
    listen: str
    environment: Mapping[str, str] = field(repr=False)
    findable: bool = True


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. token: what has to be sent, "" for nothing."""

    host: str
    port: int
    token: str = field(default="", repr=False)


@contextmanager
def telling(asked: Asked) -> Iterator[Meter | None]:
    """The meter of a process, told at its address for as long as the block runs; None where nobody asked for one.

    Raises ConfigError for an address that is none or is taken, and for one beyond this machine without a token.
    """
    address = address_of(asked)
    if address is None:
        yield None
        return
    meter = Meter()
    meter.tells("build", _build)
    try:
        server = _Server(meter, address)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"cannot tell metrics at {address.host}:{address.port}: {error}", mend="choose another port, or 0"
        ) from error
    with serving(server, "metrics"), _findable(asked, address.host, server.server_port):
        yield meter


def address_of(asked: Asked) -> Address | None:
    """Where a process tells its metrics; None for nowhere. Raises ConfigError as `telling` does."""
    settings = metrics_of(asked.home.folder, asked.environment)
    listen = asked.listen or settings.listen
    if listen in ("", OFF):
        return None
    found = _LISTEN.fullmatch(listen)
    if found is None:
        raise ConfigError(f"metrics cannot be told at {listen!r}", mend=_SHAPE)
    host, port = found.group(1).strip("[]"), int(found.group(2))
    token = _token(settings.token_file)
    if not token and not is_loopback(host):
        raise ConfigError(
            f"metrics at {host} could be read by others, and no token is asked for",
            mend="listen at 127.0.0.1, or name a file that holds a token by FORBEAR_METRICS_TOKEN_FILE",
        )
    return Address(host, port, token)


def _token(path: str) -> str:
    if not path:
        return ""
    with storage_errors(f"cannot read {path}"):
        try:
            token = Path(path).read_text(encoding="utf-8").strip()
        except (FileNotFoundError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} holds no token: {error}", mend="put it there") from error
    if len(token) < _SHORTEST_TOKEN:
        raise ConfigError(f"the token in {path} is short", mend="make one with `openssl rand -hex 24`")
    return token


@contextmanager
def _findable(asked: Asked, host: str, port: int) -> Iterator[None]:
    """A file in the home that says where the process answers, until it ends in order or by an error."""
    if not asked.findable:
        yield
        return
    folder = asked.home.folder / FOLDER
    path = folder / f"{asked.name}.json"
    reached = socket.gethostname() if host in _ANYWHERE else host
    target = f"[{reached}]:{port}" if ":" in reached else f"{reached}:{port}"
    with storage_errors(f"cannot write {path}"):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode([{"targets": [target], "labels": {"process": asked.name}}]))
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _build() -> Iterator[Sample]:
    yield Sample(catalogue.BUILD, 1, (version("forbear"), platform.python_version()))


class _Server(BoundedServer):
    def __init__(self, meter: Meter, address: Address) -> None:
        self.meter, self.token = meter, address.token
        super().__init__((address.host, address.port), _Handler)


class _Handler(Answering):
    server: _Server

    def do_GET(self) -> None:  # noqa: N802  # named by the library
        """Answer."""
        if self.path != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        told = self.headers.get("Authorization", "")
        if self.server.token and not hmac.compare_digest(told.encode(), f"Bearer {self.server.token}".encode()):
            self.send_error(HTTPStatus.UNAUTHORIZED)
            return
        self.answer(HTTPStatus.OK, CONTENT_TYPE, self.server.meter.text())


def environment_of(listen: str, nth: int) -> dict[str, str]:
    """What the nth process that another starts gets to know of where to tell metrics, from 1 on; "" for nothing.

    A port that was named is the parent's: the others take those behind it.
    """
    found = _LISTEN.fullmatch(listen)
    if found is None:
        return {"FORBEAR_METRICS": listen} if listen == OFF else {}
    port = int(found.group(2))
    return {"FORBEAR_METRICS": f"{found.group(1)}:{port + nth if port else 0}"}


def here(home: Home, name: str, listen: str) -> Asked:
    """What is asked of this process, by the command line and the environment that it has."""
    return Asked(home, name, listen, os.environ)
