"""Bounds of a request: how often, how much, how slowly and how deep."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from forbear.apps.api.problems import Refusal

MOST_DEPTH = 32
MOST_ITEMS = 1_000
"""Of a page, and of a batch."""
LONGEST_PATH = 2_048
_MOST_BUCKETS = 10_000
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_STRING = re.compile(rb'"[^"]*"')


class Bucket(NamedTuple):
    """What somebody has saved up [requests], and when that was [s]."""

    saved: float
    at: float


class Allowance:
    """How often each caller may ask: requests are saved up at a rate, for a while, and spent at their cost.

    rate: of whoever has none of their own [requests/s].  burst_seconds: how long they are saved up.
    """

    def __init__(self, rate: float, burst_seconds: float, monotonic: Callable[[], float]) -> None:
        self.rate, self._burst = rate, burst_seconds
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def spend(self, who: str, rate: float | None, cost: float) -> dict[str, str]:
        """Take one request's cost; the headers that say what is left. Raises Refusal where too little is there.

        A request that costs more than can be saved up is let through when all is there, and leaves a debt.
        """
        rate = rate or self.rate
        most = max(1.0, rate * self._burst)
        now = self._monotonic()
        saved, at = self._buckets.get(who, Bucket(most, now))
        saved = min(most, saved + (now - at) * rate)
        policy = f'"key";q={most:g};w={ceil(most / rate)}'
        if saved < min(cost, most):
            self._keep(who, Bucket(saved, now))
            wait = ceil((min(cost, most) - saved) / rate)
            told = {"RateLimit-Policy": policy, "RateLimit": f'"key";r=0;t={wait}', "Retry-After": str(wait)}
            raise Refusal("too_many", headers=told)
        self._keep(who, Bucket(saved - cost, now))
        left = max(0, int(saved - cost))
        return {"RateLimit-Policy": policy, "RateLimit": f'"key";r={left};t={ceil((most - saved + cost) / rate)}'}

    def _keep(self, who: str, bucket: Bucket) -> None:
        self._buckets[who] = bucket
        self._buckets.move_to_end(who)
        while len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)


class Intake:
    """Receives the body of a request, so much at most, by a deadline. complete: nothing of it is still to come."""

    def __init__(self, receive: Receive, headers: Headers, *, most_bytes: int, seconds: float) -> None:
        self._receive, self._most, self._seconds = receive, most_bytes, seconds
        self._declared = int(headers.get("content-length") or 0)
        self._until: float | None = None
        self._bytes = 0
        self.complete = not self._declared and "transfer-encoding" not in headers

    @property
    def bytes(self) -> int:
        """How much has come."""
        return self._bytes

    async def __call__(self) -> Message:
        """The next message. Raises Refusal beyond the bound and after the deadline, counted from the first call."""
        if self.complete:
            return await self._receive()
        if self._declared > self._most:
            raise Refusal("too_large", f"at most {self._most:,} bytes are read")
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + self._seconds
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise Refusal("too_slow", f"a body has {self._seconds:g} s to arrive") from None
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most:
            raise Refusal("too_large", f"at most {self._most:,} bytes are read")
        self.complete = not message.get("more_body", False)
        return message


def require_json(body: bytes, headers: Headers) -> None:
    """Raises Refusal for a body that is not announced as plain JSON, is not UTF-8, or is nested too deeply."""
    media, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise Refusal("media_type")
    charsets = {one.partition("=")[2].strip('"') for one in parameters if one.startswith("charset=")}
    if charsets - {"utf-8", "utf8"} or headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal("media_type")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise Refusal("malformed", f"byte {error.start} of the body is not UTF-8") from None
    require_shallow(body)


def require_shallow(body: bytes) -> None:
    """Raises Refusal for JSON whose objects and lists lie within each other more than MOST_DEPTH deep, or do not close.

    Nothing is parsed: strings are taken out, then the innermost pairs of brackets, level by level. Brackets of two
    kinds that do not match each other are left to the parser.
    """
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = body.translate(_ONE_KIND, _NOT_STRUCTURE).replace(b'""', b"")
    left = _STRING.sub(b"", left)
    for _ in range(MOST_DEPTH):
        if not left:
            return
        left = left.replace(b"[]", b"")
    if left:
        raise Refusal("malformed", f"brackets do not match, or lie more than {MOST_DEPTH} deep")
