"""What every request passes on its way to a route and back: the access table, the bounds, the record of accesses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from hashlib import sha256
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from forbear.apps.api.access import Rule
from forbear.apps.api.idempotency import Repeats
from forbear.apps.api.identity import Doorkeeper
from forbear.apps.api.limits import Allowance, require_json
from forbear.apps.api.parts import ApiParts
from forbear.apps.api.problems import Refusal, answer_to
from forbear.apps.api.recording import Recorder
from forbear.apps.api.visit import Visit, purpose_of, visit_of
from forbear.apps.masking import place_of
from forbear.domain.errors import ForbearError
from forbear.engine.office import Access, Asked

Handler = Callable[[Request], Awaitable[Response]]


class Gate(APIRoute):
    """A route that lets nobody past the reception; every route of the interface is one. Its operation id is its line in
    the access table.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request at this route."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            reception: Reception = request.app.state.reception
            visit = visit_of(request)
            visit.operation, visit.route = self.operation_id or "", self.path
            return await reception.attend(request, visit, handle)

        return guarded


class Reception:
    """Holds every request to its line of the table."""

    def __init__(self, parts: ApiParts, rules: dict[str, Rule]) -> None:
        self._rules, self._parts = rules, parts
        self.doorkeeper = Doorkeeper(
            parts.office.keyring, now_us=parts.now_us, monotonic=parts.monotonic, tokens=parts.tokens
        )
        self.allowance = Allowance(parts.settings.rate, parts.settings.burst_seconds, parts.monotonic)
        self._recorder = Recorder(parts.office.accesses.record, "accesses", near=parts.near)
        self._keeper = Recorder(parts.office.asked.record, "scores", near=parts.near)
        self._repeats = Repeats(parts.office.replies, parts.now_us)

    def close(self) -> None:
        """Record what waits. No request may be under way."""
        self._recorder.close()
        self._keeper.close()

    async def keep(self, asked: Asked) -> None:
        """Record a score that was asked for. Raises BackendUnavailable."""
        await self._keeper.record([asked])

    async def attend(self, request: Request, visit: Visit, handle: Handler) -> Response:
        """The answer to a request, whatever happens. What is to be recorded is, or nothing is told."""
        rule = self._rules[visit.operation]
        try:
            await self.admit(request, visit)
            response = await self._answer(request, visit, handle)
            if request.method == "GET":
                response = _conditional(request, response, personal=rule.personal)
        except Exception as error:  # noqa: BLE001  # a caller hears of it as a problem, the log where it was
            response = refused(error, visit)
        if rule.recorded and visit.caller is not None and response.status_code != 429:
            try:
                await self.record(visit, response.status_code)
            except ForbearError as error:
                return refused(error, visit)
        return response

    async def greet(self, connection: HTTPConnection, visit: Visit, status: int) -> None:
        """Let somebody in to a WebSocket, and record it; where a key may be said later, the feed does both.

        Raises Refusal, BackendUnavailable.
        """
        rule = self._rules[visit.operation]
        if not rule.says_key or {"authorization", "x-api-key"} & set(connection.headers):
            await self.admit(connection, visit)
        if not rule.says_key:
            await self.record(visit, status)

    async def admit(self, connection: HTTPConnection, visit: Visit) -> None:
        """Let somebody in to an operation, and note who it is. Raises Refusal."""
        rule = self._rules[visit.operation]
        if rule.open or (rule.open_here and self._parts.loopback):
            return
        caller = await self.doorkeeper.caller(connection.headers)
        visit.caller = caller
        visit.headers |= self.allowance.spend(caller.who, caller.rate, rule.cost)
        if caller.role not in rule.roles:
            raise Refusal("forbidden", f"{visit.operation} is not for the role {caller.role}")
        visit.purpose = purpose_of(connection.headers, needed=rule.purpose)

    async def note(self, accesses: Sequence[Access]) -> None:
        """Record accesses. Raises BackendUnavailable."""
        await self._recorder.record(accesses)

    async def record(self, visit: Visit, status: int) -> None:
        """Record an access to each customer that the answer is about. Raises BackendUnavailable."""
        caller, at_us = visit.known, self._parts.now_us()
        about: list[int | None] = [*visit.customers] or [None]
        await self.note(
            [
                Access(
                    at_us=at_us,
                    who=caller.who,
                    role=str(caller.role),
                    route=visit.operation,
                    customer=customer,
                    why=visit.purpose,
                    status=status,
                    request_id=visit.request_id,
                )
                for customer in about
            ]
        )

    async def _answer(self, request: Request, visit: Visit, handle: Handler) -> Response:
        if visit.intake is not None and not visit.intake.complete and (body := await request.body()):
            require_json(body, request.headers)
        rule = self._rules[visit.operation]
        if not rule.writes:
            return await handle(request)
        return await self._repeats.answer(request, visit.known.who, lambda: handle(request), secret=rule.secret)


def refused(error: Exception, visit: Visit) -> Response:
    """The answer to an error; what it was is noted for the log."""
    response = answer_to(error, visit.request_id)
    if response.status_code >= 500:
        visit.trouble = place_of(error)
    return response


def _conditional(request: Request, response: Response, *, personal: bool) -> Response:
    """The answer with its ETag, or 304 where the caller has it already. What is personal is kept by no cache."""
    if response.status_code != 200 or "content-length" not in response.headers or not hasattr(response, "body"):
        return response
    tag = response.headers.get("etag") or f'"{sha256(response.body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-store" if personal else "private, no-cache"}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if known & {tag, "*"}:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response
