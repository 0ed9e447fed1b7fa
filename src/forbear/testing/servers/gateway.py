"""A gateway for messages over HTTP that keeps keys, or does not, and behaves as gateways do on a bad day.

What befalls a call is drawn for its key: "busy" (503), "limited" (429), "rejected" (422), "hung_up" (the request is
read, nothing is kept, and the line breaks); "silent" (kept, and the line breaks), "late" (kept, and answered late),
"failed" (kept, and answered 500), "twice" (kept, and answered twice over).
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from forbear.testing.servers.script import Script, Tries

_READY_SECONDS = 10.0
_STATUSES = {"busy": 503, "limited": 429, "rejected": 422}
_MOST_BYTES = 1 << 20


class GatewayTestServer:
    """Listens on a free port while the block runs. sent: how often what has each key was delivered to a person.

    keeps_keys: a key that it has taken is delivered once, however often it comes.
    bodies, headers: of every request that was read, in their order.  tries: what befell each question is not drawn.
    """

    def __init__(self, script: Script | None = None, *, keeps_keys: bool = True) -> None:
        self.script = script or Script()
        self.keeps_keys = keeps_keys
        self.sent: Counter[str] = Counter()
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.moved = ""
        self._rejected: set[str] = set()
        self._lock = threading.Lock()
        self._tries = Tries()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_READY_SECONDS)

    @property
    def url(self) -> str:
        """Where messages are posted to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/messages"

    def read(self, key: str, body: bytes, headers: dict[str, str]) -> str:
        """A message was read: keep it as the script has it, and say what befalls the call."""
        befallen = self.script.befalls(key, self._tries.again(key))
        with self._lock:
            self.bodies.append(body)
            self.headers.append(headers)
            if befallen == "rejected":
                self._rejected.add(key)
            elif befallen not in ("busy", "limited", "hung_up") and not (self.keeps_keys and self.sent[key]):
                self.sent[key] += 1
        return befallen

    def known(self, key: str) -> tuple[int, dict[str, Any]]:
        """What it answers when it is asked about a key."""
        with self._lock:
            if self.keeps_keys and self.sent[key]:
                return 200, {"key": key, "state": "sent", "reference": f"g-{key}"}
            if self.keeps_keys and key in self._rejected:
                return 200, {"key": key, "state": "refused", "lasting": True}
        return 404, {"key": key, "state": "absent"}


def _handler_of(gateway: GatewayTestServer) -> type[BaseHTTPRequestHandler]:
    class _Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length", "0")), _MOST_BYTES)
            body = self.rfile.read(length)
            if len(body) < length:
                return
            if gateway.moved:
                self._say(307, {}, {"Location": gateway.moved})
                return
            key = unquote(self.headers.get("Idempotency-Key", ""))
            befallen = gateway.read(key, body, dict(self.headers.items()))
            if befallen in ("hung_up", "silent"):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if befallen == "late":
                time.sleep(gateway.script.late_seconds)
            status = _STATUSES.get(befallen, 500 if befallen == "failed" else 200)
            self._say(status, {"key": key, "state": "sent" if status == 200 else "", "reference": f"g-{key}"})
            if befallen == "twice":
                self._say(status, {"key": key, "state": "sent", "reference": f"g-{key}"})

        def do_GET(self) -> None:
            self._say(*gateway.known(unquote(self.path.rpartition("/")[2])))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def _say(self, status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> None:
            content = json.dumps(document).encode()
            try:
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:  # who asked has left
                self.close_connection = True

    return _Handler
