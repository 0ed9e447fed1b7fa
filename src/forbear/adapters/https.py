"""One request over HTTPS and its bounded answer, telling apart what was never sent from what was never answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from socket import socket
from urllib.parse import SplitResult, urlsplit

from forbear.adapters.deadline import ended_after
from forbear.adapters.hosts import is_loopback
from forbear.domain.errors import BackendUnavailable, ConfigError

MOST_BYTES = 64 * 1024


class NoAnswer(BackendUnavailable):
    """Nobody answered. written: a byte of the request has left, so that nobody can tell whether it was acted upon."""

    def __init__(self, why: str, *, written: bool) -> None:
        super().__init__(why)
        self.written = written


@dataclass(frozen=True, slots=True)
class Answered:
    """status: of HTTP.  body: at most the bytes that were asked for; whole: that was all of it."""

    status: int
    body: bytes = field(repr=False)
    whole: bool = True

    @property
    def taken(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked. headers: values of one line.  body: None for none.

    seconds: that one read or write may take.  total_seconds: that all may take together.  most_bytes: of the answer.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    seconds: float = 10.0
    total_seconds: float = 30.0
    most_bytes: int = MOST_BYTES


def checked_url(what: str, url: str, mend: str) -> SplitResult:
    """The parts of a URL that is https, or http on this machine. what: holds it, in errors, which never show it.

    mend: where a password belongs.  Raises ConfigError for any other URL, and for one that holds a password.
    """
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError as error:
        raise ConfigError(f"{what}: its url is none", mend="write it like https://host/path") from error
    if found.username or found.password:
        raise ConfigError(f"{what} holds a password in its url", mend=mend)
    local = found.scheme == "http" and is_loopback(found.hostname or "")
    if not found.hostname or port == 0 or not (found.scheme == "https" or local):
        raise ConfigError(f"{what}: its url is neither https nor http on this machine", mend="use https")
    return found


def exchange(asked: Request) -> Answered:
    """Ask once, and hear the answer out as far as it may go. No redirect is followed and no proxy is asked.

    Raises NoAnswer, which says whether the request had begun to leave.
    """
    found = urlsplit(asked.url)
    path = f"{found.path or '/'}{f'?{found.query}' if found.query else ''}"
    kind = HTTPSConnection if found.scheme == "https" else HTTPConnection
    connection = kind(found.hostname or "", found.port, timeout=asked.seconds)
    spoken: list[socket] = []  # the connection lets go of its socket before the body is read
    written = False
    try:
        with ended_after(asked.total_seconds, lambda: spoken[0] if spoken else connection.sock):
            connection.connect()
            spoken.append(connection.sock)
            written = True
            headers = {"User-Agent": "forbear", "Connection": "close", **asked.headers}
            connection.request(asked.method, path, asked.body, headers)
            response = connection.getresponse()
            body = response.read(asked.most_bytes + 1)
            whole = len(body) <= asked.most_bytes and not response.length
            return Answered(response.status, body[: asked.most_bytes], whole)
    except (OSError, HTTPException) as error:
        raise NoAnswer(type(error).__name__, written=written) from error
    finally:
        connection.close()
