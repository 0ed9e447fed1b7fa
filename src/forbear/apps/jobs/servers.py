"""Servers that a show of the production path runs on: those that are named, or a broker and a database of its own."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlsplit

from forbear.adapters.disk import nobody_holds, storage_errors
from forbear.apps.home import SERVICES, Home
from forbear.apps.services import Services, services_of
from forbear.apps.stream.places import stream_of
from forbear.domain.errors import ConfigError, StorageError
from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.postgres import PostgresServer

_HEAP_MB = 768
_MARK = "of-own-servers"
_LOOPBACK = "127.0.0.1"
_ELSEWHERE = (
    *("FORBEAR_KAFKA", "FORBEAR_KAFKA_USER", "FORBEAR_KAFKA_PASSWORD", "FORBEAR_KAFKA_PASSWORD_FILE"),
    *("FORBEAR_STORE", "FORBEAR_STORE_REPLICA", "FORBEAR_STORE_PASSWORD", "FORBEAR_STORE_PASSWORD_FILE"),
)
"""Variables that would lead past the servers of one's own."""


class Servers(NamedTuple):
    """Kafka and a store. environment: by which other processes find them.  ports: those that close with them."""

    services: Services
    environment: Mapping[str, str]
    ports: tuple[int, ...]


@contextmanager
def servers_for(home: Home, *, own: bool | None) -> Iterator[Servers]:
    """Servers while the block runs. own: None for those that the settings name, and for own ones where they name none.

    Raises ConfigError where a program is missing that an own server needs, BackendUnavailable where one does not start.
    """
    named = services_of(home.folder, os.environ)
    if own or (own is None and named.kafka is None and named.store is None):
        with _own_servers() as servers:
            yield servers
    else:
        yield Servers(named, {}, ())


def begin_anew(home: Home, servers: Servers) -> None:
    """Remove what workers have kept of own servers that are no more: it stands for topics that are gone with them.

    Raises ConfigError where it may stand for topics that are still there, StorageError where workers run already.
    """
    folder = stream_of(home)
    with storage_errors(f"cannot write {folder}"):
        if (folder / _MARK).exists():
            with nobody_holds(folder / "up.lock") as free:
                if not free:
                    raise StorageError(f"the workers of {home.folder} are run already", mend="stop those first")
            shutil.rmtree(folder)
        if not servers.ports:
            return
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder} holds what workers keep of other servers", mend="choose another --home")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).touch()


def still_open(ports: tuple[int, ...]) -> list[int]:
    """Those of some ports of this machine that somebody answers at."""
    found = []
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex((_LOOPBACK, port)) == 0:
                found.append(port)
    return found


@contextmanager
def _own_servers() -> Iterator[Servers]:
    try:
        kafka, postgres = KafkaServer(heap_mb=_HEAP_MB), PostgresServer()
    except ConfigError as error:
        compose = "start both by `docker compose up --detach --wait` and name them as docs/streaming.md says"
        error.mend = f"{error.mend}; or {compose}"
        raise
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="forbear-services-")))
        for server in (kafka, postgres):
            stack.enter_context(server)
            stack.callback(server.stop)  # in order, before what the server's own end would cut off
        store = urlsplit(postgres.url)
        secret = folder / "store.password"
        secret.touch(mode=0o600)
        secret.write_text(store.password or "", encoding="utf-8")
        url = f"{store.scheme}://{store.username}@{store.hostname}:{store.port}{store.path}"
        settings = folder / SERVICES
        settings.write_text(
            f'[kafka]\nbootstrap = "{kafka.bootstrap}"\n\n[store]\nurl = "{url}"\npassword_file = "{secret.name}"\n',
            encoding="utf-8",
        )
        environment = {**dict.fromkeys(_ELSEWHERE, ""), "FORBEAR_SERVICES": str(settings)}
        yield Servers(services_of(folder, environment), environment, (kafka.port, store.port or 0))
