"""Hears the live feed, and comes back by itself where it was cut off: nothing is missed, nothing comes twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus

from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from forbear.client.feed_models import Frame, Hello, Message, Reason, Wanted
from forbear.domain.errors import BackendUnavailable, ForbearError

_LARGEST_FRAME = 1 << 23
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_FOR_GOOD = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}


class FeedRefused(ForbearError):
    """Whoever asks must mend it: the key, the role, the filter or the cursor. reason: see `Reason`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How to come back. first_seconds: before the first attempt; before each next twice as long, at most
    `longest_seconds`, and up to half less by chance.  attempts: in a row without a frame, before BackendUnavailable is
    raised; None for no end.  quiet_seconds: without a sign of life, after which the connection is taken for dead.
    """

    first_seconds: float = 0.1
    longest_seconds: float = 10.0
    attempts: int | None = None
    quiet_seconds: float = 60.0


class Live:
    """Iterate over it: `async for message in Live(url, key)`. One iteration at a time; who leaves it early closes it
    with `contextlib.aclosing(aiter(live))`, and the connection with it.

    url: of the server, as "https://host:port".  cursor: behind the last message that was handed out; whoever keeps it
    with what they made of that message goes on from there in another process.  connected: whether it hears the server
    just now; None while nobody iterates.  past: whether the last message was one of those that `wanted.recent` asked
    for, and not told as it was recorded.

    Raises FeedRefused where coming back does not help, and BackendUnavailable as `Patience` says.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        wanted: Wanted | None = None,
        *,
        cursor: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        scheme, _, rest = url.partition("://")
        if scheme not in _SCHEMES or not rest:
            raise ValueError(f"{url!r} is no URL of a server: write https://host:port")
        self.cursor, self.past = cursor, False
        self.connected: bool | None = None
        self._url = f"{_SCHEMES[scheme]}://{rest.rstrip('/')}/v1/live"
        self._key = key
        self._wanted = wanted or Wanted()
        self._patience = patience or Patience()
        self._failures = 0

    async def __aiter__(self) -> AsyncGenerator[Message]:
        """Every message, one after another, whatever happens to the connection."""
        self.connected = False
        try:
            while True:
                async with aclosing(self._once()) as messages:
                    async for message in messages:
                        yield message
                self.connected = False
                await self._pause()
        finally:
            self.connected = None

    # ---- inside

    async def _once(self) -> AsyncGenerator[Message]:
        """The messages of one connection, until it ends in a way that passes."""
        try:
            async with connect(self._url, max_size=_LARGEST_FRAME, open_timeout=self._patience.quiet_seconds) as socket:
                hello = Hello(key=self._key, wanted=self._wanted, cursor=self.cursor)
                await socket.send(hello.model_dump_json(exclude_defaults=True))
                first = self.past = self._wanted.recent > 0 and self.cursor is None
                while (frame := await self._frame(socket)).end is None:
                    self._failures, self.connected = 0, True
                    # The first frame says where the past begins; the next one without messages, where it has ended.
                    self.past, first = self.past and (first or bool(frame.messages)), False
                    for message in frame.messages:
                        self.cursor = message.cursor
                        yield message
                    self.cursor = frame.cursor
                if not frame.end.reason.passes:
                    raise FeedRefused(frame.end.reason, frame.end.detail)
        except InvalidStatus as error:
            status = error.response.status_code
            if status in _FOR_GOOD:
                raise FeedRefused(Reason.UNAUTHORISED, f"the server answers {status}") from error
        except (OSError, ConnectionClosed, InvalidHandshake):
            """Cut off, or nobody there: to come back is all there is to do. A TimeoutError is an OSError."""

    async def _frame(self, socket: ClientConnection) -> Frame:
        async with asyncio.timeout(self._patience.quiet_seconds):
            text = await socket.recv()
        try:
            return Frame.model_validate_json(text)
        except ValidationError as error:
            raise FeedRefused(
                Reason.INVALID, "the server says what this client does not know: bring it up to date"
            ) from error

    async def _pause(self) -> None:
        self._failures += 1
        own = self._patience
        if own.attempts is not None and self._failures > own.attempts:
            raise BackendUnavailable(
                f"{self._url} has given nothing in {own.attempts} attempts", mend="try again later"
            )
        longest = min(own.first_seconds * 2.0 ** min(self._failures - 1, 32), own.longest_seconds)
        await asyncio.sleep(longest * random.uniform(0.5, 1.0))  # noqa: S311  # so that not all come back at once
