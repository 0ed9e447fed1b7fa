"""A server that speaks S3, in memory, in a process of its own: moto's, on a free port of this machine."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from types import TracebackType
from typing import Self
from urllib.request import Request, urlopen

from forbear.domain.errors import BackendUnavailable, ConfigError

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.05


class S3Server:
    """A server that is there while the block runs. endpoint: its URL.

    Raises ConfigError where moto is not installed, BackendUnavailable where it does not start.
    """

    def __init__(self) -> None:
        if find_spec("moto") is None or find_spec("flask") is None:
            raise ConfigError("moto is not installed", mend="pip install 'moto[s3]' flask flask-cors")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
        end = time.monotonic() + _READY_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(_POLL_SECONDS)
        self.stop()
        raise BackendUnavailable(f"moto did not start on port {self.port}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def bucket(self) -> str:
        """A new bucket without objects."""
        name = f"forbear-{secrets.token_hex(8)}"
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20240101/us-east-1/s3/aws4_request"}
        asked = Request(f"{self.endpoint}/{name}", headers=signed, method="PUT")  # noqa: S310  # of this machine
        with urlopen(asked, timeout=_READY_SECONDS):  # noqa: S310
            return name

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
