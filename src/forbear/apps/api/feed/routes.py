"""The live feed over a WebSocket and as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from forbear.apps.api.feed.door import CLOSE_CODES, STATUS, Door, Identify, Identity, Note
from forbear.apps.api.feed.frames import Framed, last
from forbear.apps.api.feed.hub import Hub
from forbear.apps.api.feed.listening import Listening
from forbear.apps.api.feed.refused import Refused
from forbear.client.feed_models import CursorText, Hello, Reason, Wanted

HELLO_BYTES = 1 << 17
"""A thousand customers with the longest ids fit."""
SOCKETS: dict[str, Any] = {
    "ws_max_size": HELLO_BYTES,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
    "ws_per_message_deflate": False,
}
"""What the server should be given for its sockets: one that does not answer is closed, and none costs a compressor."""
_RETRY_SECONDS = 1
_SOCKET, _EVENTS = "live", "live_events"


class Listen(Wanted):
    """A filter in a query string, and where to go on from. cursor: as in `Last-Event-ID`, which goes first."""

    cursor: CursorText | None = None


def feed_router(
    hub: Hub, identify: Identify, note: Note, route: type[APIRoute] = APIRoute, *, hello_seconds: float = 5.0
) -> APIRouter:
    """`/v1/live` and `/v1/live/events` of a hub that somebody else starts and stops. route: the class of the latter."""
    router = APIRouter(prefix="/v1/live", tags=["live"], route_class=route)
    door = Door(hub, identify, note, hello_seconds)

    @router.websocket("", name=_SOCKET)
    async def live(socket: WebSocket) -> None:
        await _live(socket, door)

    @router.get("/events", operation_id=_EVENTS, name=_EVENTS, response_class=Response, responses=_ANSWERS)
    async def events(request: Request, listen: Annotated[Listen, Query()]) -> Response:
        """Predictions, decisions and alerts as server-sent events, for as long as somebody listens.

        Each event is a frame with some messages; its id is a cursor. The last is called "end" and says why.
        """
        try:
            identity = await door.admitted(request.headers, None)
        except Refused as refused:
            raise _http(refused) from refused
        return _Events(door, identity, listen, request.headers.get("last-event-id", listen.cursor))

    return router


# ---- over a WebSocket


async def _live(socket: WebSocket, door: Door) -> None:
    try:
        with door.hub.seat():
            await socket.accept()
            with suppress(WebSocketDisconnect, TimeoutError):
                try:
                    reason = await _served(socket, door)
                except Refused as refused:
                    await _say(socket, last(None, refused.reason, str(refused)))
                    reason = refused.reason
                if reason is not None:
                    await _say(socket, CLOSE_CODES[reason], reason)
    except Refused as refused:
        with suppress(WebSocketDisconnect):
            await socket.send_denial_response(Response(status_code=STATUS[refused.reason], headers=_again(refused)))


async def _served(socket: WebSocket, door: Door) -> Reason | None:
    """Let somebody listen; why that has ended, None where they have left."""
    hello = await _hello(socket, door.hello_seconds)
    identity = await door.admitted(socket.headers, hello.key)
    async with door.hub.subscribe(hello.wanted, hello.cursor, identity.role) as listening:
        await door.opened(identity, _SOCKET, hello.wanted)

        async def send(frame: Framed) -> None:
            await _say(socket, frame)

        async def heard() -> None:
            event = await socket.receive()
            if event["type"] == "websocket.disconnect":
                listening.leave()
            else:
                listening.end(Reason.INVALID)

        async with _beside(heard):
            await listening.deliver(send)
        return listening.ended


async def _say(socket: WebSocket, said: Framed | int, reason: str = "") -> None:
    """Send a frame, or close with a code. Raises WebSocketDisconnect where nobody is there any more."""
    try:
        if isinstance(said, int):
            await socket.close(said, reason)
        else:
            await socket.send({"type": "websocket.send", "text": said.text})
    except RuntimeError as error:  # the server's word for a socket that was closed while we were busy
        raise WebSocketDisconnect(1006) from error


async def _hello(socket: WebSocket, seconds: float) -> Hello:
    try:
        async with asyncio.timeout(seconds):
            event = await socket.receive()
    except TimeoutError:
        raise Refused(Reason.UNAUTHORISED, f"nothing was said for {seconds:g} s: begin with a hello") from None
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event.get("code", 1005))
    said = event.get("text") or event.get("bytes") or ""
    try:
        if len(said) > HELLO_BYTES:
            raise Refused(Reason.INVALID, f"a hello has at most {HELLO_BYTES} bytes")
        return Hello.model_validate_json(said)
    except ValidationError as error:
        raise Refused(Reason.INVALID, _what_is_wrong(error)) from error


def _what_is_wrong(error: ValidationError) -> str:
    """Where and why, without what was sent: it may hold a key."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'/'.join(map(str, first['loc'])) or 'hello'}: {first['msg']}"


# ---- as server-sent events


class _Events(Response):
    """An answer that lasts. It is refused before it begins, with a status; after that, with its last event."""

    media_type = "text/event-stream"

    def __init__(self, door: Door, identity: Identity, listen: Listen, cursor: str | None) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._door, self._identity, self._cursor = door, identity, cursor
        self._wanted = Wanted.model_construct(**{name: getattr(listen, name) for name in Wanted.model_fields})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send events until one side has had enough."""
        hub, role = self._door.hub, self._identity.role
        try:
            with hub.seat():
                async with hub.subscribe(self._wanted, self._cursor, role) as listening:
                    await self._door.opened(self._identity, _EVENTS, self._wanted)
                    await self._stream(listening, receive, send)
        except Refused as refused:
            raise _http(refused) from refused

    async def _stream(self, listening: Listening, receive: Receive, send: Send) -> None:
        async def body(text: str, *, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": more})

        async def event(frame: Framed) -> None:
            name = "event: end\n" if frame.end else ""
            await body(f"{name}id: {frame.cursor}\ndata: {frame.text}\n\n")

        async def heard() -> None:
            while (await receive())["type"] != "http.disconnect":
                """A body that came with the question says nothing."""
            listening.leave()

        with suppress(OSError, TimeoutError):  # somebody left, or took nothing for too long
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await body(f"retry: {_RETRY_SECONDS * 1_000}\n\n")
            async with _beside(heard):
                await listening.deliver(event)
            await body("", more=False)


@asynccontextmanager
async def _beside(work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Something that goes on for as long as the block runs."""
    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _http(refused: Refused) -> HTTPException:
    return HTTPException(STATUS[refused.reason], str(refused), headers=_again(refused))


def _again(refused: Refused) -> dict[str, str] | None:
    return {"retry-after": str(_RETRY_SECONDS)} if refused.reason.passes else None


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events, each with a frame as its data.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    401: {"description": "No key that holds."},
    403: {"description": "Not for this role."},
    422: {"description": "A filter or a cursor that is none."},
    503: {"description": "No seat is free, or the feed does not run just now."},
}
