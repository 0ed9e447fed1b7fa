"""Writing twice is writing once: the answer to a request with an idempotency key is kept, and given again."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from hashlib import sha256

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from forbear.apps.api.problems import KINDS, Refusal
from forbear.engine.office import Replies, Reply

KEPT_SECONDS = 86_400
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_FORGET_SECONDS = 3_600


class Repeats:
    """Answers requests that may be repeated. One that changed nothing, because it was refused, is not kept."""

    def __init__(self, replies: Replies, now_us: Callable[[], int]) -> None:
        self._replies, self._now_us = replies, now_us
        self._under_way: set[tuple[str, str]] = set()
        self._forgotten_us = 0

    async def answer(
        self, request: Request, who: str, act: Callable[[], Awaitable[Response]], *, secret: bool
    ) -> Response:
        """The answer that was given before, or that which `act` gives now. secret: it is shown once and not kept.

        Raises Refusal where the key is not one, belongs to another request, or its request is still being answered.
        """
        key = _key_of(request)
        if not key:
            return await act()
        place = (who, key)
        if place in self._under_way:
            raise Refusal("in_flight")
        self._under_way.add(place)
        try:
            asked = await _fingerprint(request)
            if kept := await run_in_threadpool(self._replies.get, who, key):
                return _again(kept, asked)
            response = await act()
            if response.status_code < 300:
                await run_in_threadpool(self._keep, place, _reply(response, asked, secret=secret))
            return response
        finally:
            self._under_way.discard(place)

    def _keep(self, place: tuple[str, str], reply: Reply) -> None:
        now_us = self._now_us()
        self._replies.put(*place, reply, now_us)
        if now_us - self._forgotten_us > _FORGET_SECONDS * 1_000_000:
            self._forgotten_us = now_us
            self._replies.forget_before(now_us - KEPT_SECONDS * 1_000_000)


def _key_of(request: Request) -> str:
    given = request.headers.getlist("idempotency-key")
    if not given:
        return ""
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise Refusal("malformed", "Idempotency-Key is one word of up to 128 visible ASCII characters")
    return given[0]


async def _fingerprint(request: Request) -> str:
    """SHA-256 of what is asked: method, path, query and body [hexadecimal]."""
    scope = request.scope
    head = (scope["method"].encode(), scope["path"].encode("utf-8", "surrogatepass"), scope["query_string"])
    digest = sha256()
    for part in (*head, await request.body()):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _reply(response: Response, asked: str, *, secret: bool) -> Reply:
    if secret:  # the store keeps no secrets: a repetition is told that it was done
        return Reply(asked, KINDS["shown_once"].status, b"")
    return Reply(asked, response.status_code, bytes(response.body))


def _again(kept: Reply, asked: str) -> Response:
    if kept.request_sha != asked:
        raise Refusal("key_reused")
    if kept.status == KINDS["shown_once"].status:
        raise Refusal("shown_once")
    media = "application/json" if kept.body else None
    return Response(kept.body, kept.status, {"Idempotency-Replayed": "true"}, media)
