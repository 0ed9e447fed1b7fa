"""How one request is brought to its end: sent, and sent again where that may help. It sends nothing itself.

Whoever drives it sends the letters and waits the pauses that it yields, with whatever kind of I/O.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from forbear import __version__
from forbear.client import models
from forbear.client.calls import Call, Pause
from forbear.client.errors import NO_ANSWER, UNREADABLE, Problem, Unavailable, found, problem_of
from forbear.domain.errors import ConfigError

DEFAULT_URL = "http://127.0.0.1:8470"
_PASSING = {408, 429, 502, 503, 504}
_IN_FLIGHT = "in_flight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often to ask, and how long to wait in between. attempts: in all, at least 1.

    first_seconds: before the second; before each next twice as long, at most `longest_seconds`, and up to half less by
    chance. A server that says how long it wants to be left alone is left alone so long, unless that is longer.
    """

    attempts: int = 5
    first_seconds: float = 0.2
    longest_seconds: float = 20.0

    def pause(self, attempt: int, problem: Problem) -> Pause | None:
        """How long to wait after an attempt, counted from 1 [s]; None to give up."""
        wanted = problem.wait_seconds or 0.0
        if attempt >= self.attempts or wanted > self.longest_seconds:
            return None
        own = min(self.first_seconds * 2.0 ** min(attempt - 1, 32), self.longest_seconds)
        return max(wanted, own * random.uniform(0.5, 1.0))  # noqa: S311  # so that not all come back at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """With whom a client speaks, and how. key: "" for none.  purpose: of requests that bring none of their own."""

    url: str
    key: str = field(repr=False)
    purpose: str = ""
    timeout_seconds: float = 30.0
    retries: Retries = field(default_factory=Retries)


def manners_of(url: str | None, key: str | None, **more: Any) -> Manners:
    """Manners with what is not said from FORBEAR_URL and FORBEAR_KEY. Raises ConfigError for what is no such URL."""
    where = (url or os.environ.get("FORBEAR_URL") or DEFAULT_URL).rstrip("/")
    parts = urlsplit(where)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ConfigError(f"{where!r} is no URL of a server", mend="write https://host:port")
    held = (key if key is not None else os.environ.get("FORBEAR_KEY", "")).strip()
    if not held.isascii() or any(one.isspace() for one in held):
        raise ConfigError("the key is no key", mend="give it as it was shown, without anything around it")
    return Manners(url=where, key=held, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One attempt. operation: what is asked, by its name.  stream: a good answer is not read whole."""

    operation: str
    method: str
    url: str
    params: Mapping[str, str]
    headers: Mapping[str, bytes]
    content: bytes | None
    timeout: float
    stream: bool


Reply: TypeAlias = httpx.Response | httpx.TransportError | None
Conversation: TypeAlias = Generator[Letter | Pause, Reply, httpx.Response]
"""Takes an answer, or why none came, to each letter, and None to each pause; ends with the answer that is one."""


def conversation(call: Call[Any], manners: Manners, *, stream: bool = False) -> Conversation:
    """Ask until there is an answer. Raises Problem.

    Asked again where that may help: nobody answers, too many requests, not possible at the moment, the same write is
    still being answered. A write is the same one each time, by its idempotency key.
    """
    letter, attempt = _letter(call, manners, stream=stream), 0
    while True:
        attempt += 1
        reply = yield letter
        if isinstance(reply, httpx.Response) and reply.is_success:
            return reply
        problem = _problem(reply)
        pause = manners.retries.pause(attempt, problem) if _passes(problem) else None
        if pause is None:
            raise problem
        yield pause


def no_answer(error: object) -> Problem:
    """What it is to a caller that nothing came, or not all of it."""
    title = f"The server does not answer ({type(error).__name__})"
    return Unavailable(found(NO_ANSWER, title, mend="see that it runs, and that the URL is right"))


def _letter(call: Call[Any], manners: Manners, *, stream: bool) -> Letter:
    headers = {"User-Agent": f"forbear/{__version__}"}
    if manners.key:
        headers["Authorization"] = f"Bearer {manners.key}"
    if purpose := call.extra.get("purpose", manners.purpose):
        headers["X-Purpose"] = purpose
    if call.writes:
        headers["Idempotency-Key"] = call.extra.get("idempotency_key") or secrets.token_hex(16)
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    return Letter(
        operation=call.operation,
        method=call.method,
        url=manners.url + call.url,
        params=call.params,
        headers={name: value.encode() for name, value in headers.items()},
        content=call.content,
        timeout=call.extra.get("timeout_seconds", manners.timeout_seconds),
        stream=stream,
    )


def _problem(reply: Reply) -> Problem:
    if not isinstance(reply, httpx.Response):
        return no_answer(reply)
    try:
        told = models.Problem.model_validate_json(reply.content)
    except ValidationError:
        mend = "see that the URL is that of a forbear server"
        told = found(UNREADABLE, f"Answered with {reply.status_code} and no problem document", mend=mend)
    told = told.model_copy(update={"status": reply.status_code})
    return problem_of(told, wait_seconds=_seconds(reply.headers.get("Retry-After", "")))


def _passes(problem: Problem) -> bool:
    return problem.status in _PASSING or problem.code in {NO_ANSWER, _IN_FLIGHT}


def _seconds(said: str) -> float | None:
    return float(said) if said.isascii() and said.isdigit() else None
