"""Hostile requests against a real server: refused cleanly, and the service keeps answering."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from typing import Any

import httpx
import pytest

from forbear.apps.api.limits import LONGEST_PATH
from forbear.apps.api.serving import LARGEST_HEAD
from forbear.apps.services import ApiSettings

SLOW = ApiSettings(rate=1e5, body_bytes=100_000, head_seconds=0.4, body_seconds=0.4, most_feeds=3)


class Target:
    """A server that is running, and how to speak to it byte by byte."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self.key = port, key

    def connect(self) -> socket.socket:
        """A connection that waits ten seconds at most."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def say(self, *pieces: bytes, pause: float = 0.0) -> bytes:
        """Send some bytes, piece by piece, and read until the server closes or falls silent."""
        with self.connect() as line:
            for piece in pieces:
                with suppress(OSError):
                    line.sendall(piece)
                time.sleep(pause)
            return read_all(line)

    def head(self, rest: bytes = b"", method: bytes = b"GET", path: bytes = b"/v1/whoami") -> bytes:
        """A head with a key; rest: further lines, each with its end."""
        return method + b" " + path + b" HTTP/1.1\r\nHost: x\r\nX-API-Key: " + self.key.encode() + b"\r\n" + rest

    def well(self) -> bool:
        """Whether somebody with a key is answered."""
        answer = httpx.get(f"http://127.0.0.1:{self.port}/v1/whoami", headers={"X-API-Key": self.key}, timeout=10)
        return answer.status_code == 200


def read_all(line: socket.socket) -> bytes:
    """All that comes until the other side closes; a reset is a close."""
    found = b""
    with suppress(OSError):
        while piece := line.recv(65_536):
            found += piece
    return found


@pytest.fixture
def target(house: Callable[..., Any]) -> Iterator[Target]:
    """A server that waits for nobody long."""
    made = house(settings=SLOW)
    with made.served() as port:
        yield Target(port, made.key())


CLOSE = b"Connection: close\r\n"
JSON_HEAD = b"Content-Type: application/json\r\n"
MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
    "no version": b"GET /\r\n\r\n",
    "unknown method": b"HACK /v1/whoami HTTP/1.1\r\nHost: x\r\n\r\n",
    "path that is no ASCII": b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "blank in the path": b"GET /v1/who ami HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n",
    "header without a colon": b"GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
    "blank before the colon": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello",
    "negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "length with a sign": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
    "endless length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks in disguise": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "bare line feeds": b"POST / HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_what_is_no_http_is_refused(kind: str, target: Target) -> None:
    """Whatever could be read in two ways is 400 and the end of the connection; nothing behind it is answered."""
    answer = target.say(MALFORMED[kind] + target.head(CLOSE) + b"\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"urn:forbear:problem:malformed" in answer
    assert b"200 OK" not in answer
    assert target.well()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (b"/v1/..%2f..%2fapi.db", b"404"),
        (b"/v1/../../etc/passwd", b"404"),
        (b"//v1/keys", b"404"),
        (b"/v1/%2e%2e/%2e%2e/", b"404"),
        (b"/v1/whoami%00.json", b"400"),
        (b"/v1/whoami%0d%0aX-Evil:%201", b"400"),
        (b"/v1/keys/%27%20OR%201=1%20--", b"405"),
        (b"/v1/keys?limit=%27;DROP%20TABLE%20api_keys;--", b"422"),
        (b"/v1/keys?cursor={{7*7}}${7*7}<%25=7*7%25>", b"404"),
        (b"http://evil.example/v1/whoami", b"200"),
        (b"/" + b"a" * (LONGEST_PATH + 1), b"414"),
        (b"/v1/whoami?" + b"a=b&" * 5_000, b"200"),
    ],
)
def test_tricks_with_paths_lead_nowhere(path: bytes, status: bytes, target: Target) -> None:
    """A path leads to its route or to none; what it holds comes back in no header."""
    answer = target.say(target.head(CLOSE, path=path) + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"X-Evil" not in answer
    assert b"49" not in answer.partition(b"\r\n\r\n")[2].replace(b"49.", b"") or status == b"200"


def test_heads_are_bounded(target: Target) -> None:
    """A head that goes on and on is cut off, before and behind its first line."""
    for endless in (target.head(b"X-A: " + b"a" * 2 * LARGEST_HEAD), target.head(b"X-A: b\r\n" * LARGEST_HEAD)):
        answer = target.say(endless)
        assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))
    assert target.well()


def test_slow_heads_are_cut_off(target: Target) -> None:
    """Who sends nothing, or a head byte by byte, or only blank lines after an answer, is let go of in time."""
    began = time.monotonic()
    with target.connect() as line:
        assert read_all(line) == b""
    assert target.say(*(bytes([byte]) for byte in target.head()[:20]), pause=0.03).startswith(b"HTTP/1.1 408")
    with target.connect() as line:
        line.sendall(target.head() + b"\r\n")
        assert line.recv(65_536).startswith(b"HTTP/1.1 200")
        with pytest.raises(OSError):  # noqa: PT012  # it is the loop that ends so
            for _ in range(60):
                line.sendall(b"\r\n")
                time.sleep(0.05)
    assert time.monotonic() - began < 8
    assert target.well()


def test_slow_bodies_are_cut_off(target: Target) -> None:
    """A body that comes byte by byte is 408 in time, whether its length was said or not."""
    for framing, piece in ((b"Content-Length: 50\r\n", b"{"), (b"Transfer-Encoding: chunked\r\n", b"1\r\n{\r\n")):
        head = target.head(JSON_HEAD + framing, b"POST", b"/v1/test/notes")
        answer = target.say(head + b"\r\n", *[piece] * 10, pause=0.08)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"urn:forbear:problem:too_slow" in answer
    assert target.well()


def test_large_bodies_are_cut_off(target: Target) -> None:
    """A body beyond the bound is 413: at once where its length was said, else when it is reached."""
    declared = target.head(JSON_HEAD + b"Content-Length: 99999999\r\n", b"POST", b"/v1/test/notes") + b"\r\n"
    streamed = target.head(JSON_HEAD + b"Transfer-Encoding: chunked\r\n", b"POST", b"/v1/test/notes") + b"\r\n"
    for pieces in ([declared], [declared, b"x" * 300_000], [streamed, *[b"8000\r\n" + b"x" * 0x8000 + b"\r\n"] * 8]):
        answer = target.say(*pieces)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"urn:forbear:problem:too_large" in answer
    assert target.well()


def test_who_is_not_let_in_need_not_be_listened_to(target: Target) -> None:
    """Without a key the answer comes before the body, and the connection ends soon after."""
    began = time.monotonic()
    answer = target.say(b"POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\nabc")
    assert answer.startswith(b"HTTP/1.1 401")
    assert time.monotonic() - began < 6


def test_requests_in_a_row_are_answered_in_order(target: Target) -> None:
    """Requests that are sent at once on one connection are each answered, in their order."""
    answer = target.say(
        target.head(path=b"/healthz") + b"\r\n" + target.head(path=b"/none") + b"\r\n" + target.head(CLOSE) + b"\r\n"
    )
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200"]


def test_a_websocket_is_let_in_by_nobody_else(target: Target) -> None:
    """An upgrade to a path that is no feed is an ordinary problem document, and leaves no place taken."""
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    upgrade += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    for _ in range(SLOW.most_feeds + 2):
        with target.connect() as line:
            line.sendall(target.head(upgrade, path=b"/v1/whoami"))
            assert line.recv(65_536).startswith(b"HTTP/1.1 404")
        time.sleep(0.05)
    assert target.well()


def test_connections_beyond_the_bound_are_told_so(house: Callable[..., Any]) -> None:
    """Past the bound a connection hears 503 and is closed; once others have gone there is room again."""
    made = house(settings=ApiSettings(rate=1e5, most_connections=20))
    with made.served() as port, ExitStack() as held:
        target = Target(port, made.key())
        for _ in range(20):
            held.enter_context(closing(target.connect()))
        time.sleep(0.2)
        refused = target.say(target.head() + b"\r\n")
        assert refused.startswith(b"HTTP/1.1 503") or refused == b""
        held.close()
        time.sleep(0.2)
        assert target.well()


HOLD = """
import socket, sys
port, many = int(sys.argv[1]), int(sys.argv[2])
held = []
for number in range(many):
    line = socket.create_connection(("127.0.0.1", port), timeout=30)
    if number % 2:
        line.sendall(b"GET / HTTP/1.1\\r\\nHost:")
    held.append(line)
print("held", flush=True)
sys.stdin.readline()
closed = 0
for line in held:
    try:
        while line.recv(4096):
            pass
        closed += 1
    except ConnectionResetError:
        closed += 1
print(closed, flush=True)
"""


def test_thousands_of_open_sockets_do_not_stop_it(house: Callable[..., Any]) -> None:
    """While thousands of connections hold on and say nothing others are answered, and all of them are let go of."""
    many = 10_000 if os.environ.get("FORBEAR_LONG") else 2_000
    made = house(settings=ApiSettings(rate=1e5, head_seconds=4.0 if many < 5_000 else 20.0, most_connections=12_000))
    with made.served() as port:
        target = Target(port, made.key())
        holder = [sys.executable, "-c", HOLD, str(port), str(many)]
        with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin
            assert process.stdout
            assert process.stdout.readline() == "held\n"
            assert all(target.well() for _ in range(5))
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == f"{many}\n"
        assert target.well()
