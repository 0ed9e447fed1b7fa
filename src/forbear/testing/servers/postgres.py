"""A PostgreSQL server of one's own: started in a temporary folder on a free port, stopped, killed and started again."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from forbear.domain.errors import BackendUnavailable, ConfigError
from forbear.testing.servers.starting import await_start, free_ports

_USER = "forbear"
_READY_SECONDS = 180.0
_POLL_SECONDS = 0.02
_STATUS_LINE = 7
"""Of postmaster.pid, where the server writes "ready" once it takes connections."""
_OWN = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "log_min_messages": "warning",
}


def binaries() -> Path:
    """The folder of initdb and postgres: of PATH, else the newest of a Debian package.

    Raises ConfigError, which says what to install, where there is none.
    """
    if found := shutil.which("initdb"):
        beside = Path(found).resolve().parent
        return beside if (beside / "postgres").exists() else Path(found).parent
    packaged = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not packaged:
        raise ConfigError(
            "no PostgreSQL server is installed: neither PATH nor /usr/lib/postgresql has initdb",
            mend="install one (apt-get install postgresql, brew install postgresql), or put its bin folder on PATH",
        )
    return max(packaged, key=lambda path: float(path.parent.name))


class PostgresServer:
    """A server and its folder, there while the block runs. url: of its one database, password included.

    fsync is on, so what is measured here is what a commit costs. settings: further ones, by name. Raises ConfigError
    where PostgreSQL is not installed, BackendUnavailable with the end of the server's log where it does not start.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._binaries = binaries()
        self._settings = _OWN | dict(settings or {})
        self._password = secrets.token_urlsafe(12)
        [self._port] = free_ports(1)
        self._owner = _owner()
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self.folder = Path()

    @property
    def url(self) -> str:
        """Of the server's first database; it stays the same when the server is started again."""
        return f"postgresql://{_USER}:{self._password}@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="forbear-postgres-"))
        try:
            if self._owner is not None:
                shutil.chown(self.folder, self._owner)
            self._make()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it on what the folder holds; it takes connections when this returns."""
        chosen = [f"--{name}={value}" for name, value in {**self._settings, "port": str(self._port)}.items()]
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = self._run(["postgres", "-D", str(self._data), *chosen], log)
        self._guard = _guarding(self._process.pid, self.folder)
        await_start("PostgreSQL", self._process, self._ready, self._said, _READY_SECONDS)

    def stop(self) -> None:
        """Have it end as an operator does: connections are cut, what was committed is on the disk."""
        if self._process is not None:
            self._unguarded()
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_READY_SECONDS)
            self._process = None

    def kill(self) -> None:
        """SIGKILL to the server and all of its processes at once."""
        if self._process is None:
            return
        self._unguarded()
        children = _children_of(self._process.pid)
        self._process.kill()
        for one in children:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self._process.wait()
        self._process = None
        # While one of them lives its memory is in use, and a new server would refuse to start.
        until = time.monotonic() + _READY_SECONDS
        while any(map(_lives, children)) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)

    # ---- inside

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _said(self) -> str:
        return self._log.read_text(errors="replace")

    def _unguarded(self) -> None:
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None

    def _make(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self._password)
        if self._owner is not None:
            shutil.chown(secret, self._owner)
        how = ["-U", _USER, f"--pwfile={secret}", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]
        with self._log.open("ab") as log:
            if self._run(["initdb", "-D", str(self._data), *how], log).wait():
                raise BackendUnavailable(f"initdb failed: {self._said()[-2_000:]}")
        secret.unlink()

    def _run(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        program = str(self._binaries / command[0])
        return subprocess.Popen(  # noqa: S603  # our own words
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            user=self._owner,
            start_new_session=True,  # an interrupt at the terminal is for whoever started this, and not for the server
        )

    def _ready(self) -> bool:
        with suppress(FileNotFoundError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"
        return False


def _guarding(server: int, folder: Path) -> subprocess.Popen[bytes]:
    """A process that ends the server should this one be killed, for then its own input ends; and takes the folder."""
    ending = f"read _; kill -QUIT {server}; sleep 3; rm -rf '{folder}'"
    return subprocess.Popen(["sh", "-c", ending], stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603, S607


def _owner() -> str | None:
    """Whom it runs as: PostgreSQL refuses to run as root. None: whoever runs this."""
    if os.geteuid():
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _children_of(parent: int) -> list[int]:
    # PostgreSQL gives each of its processes a group of its own.
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    pairs = [line.split() for line in listed.stdout.splitlines()]
    return [int(pid) for pid, of in pairs if int(of) == parent]


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # One that has ended and that nobody has asked after is no user of anything any more.
    state = subprocess.run(["ps", "-o", "state=", "-p", str(process)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return state.stdout.strip()[:1] not in {"Z", ""}
