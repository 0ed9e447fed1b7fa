"""The live feed as part of the interface: the same door, the same table, the same record of accesses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fastapi import APIRouter
from starlette.datastructures import Headers

from forbear.apps.api.access import Rule
from forbear.apps.api.feed.door import Identity, Opened
from forbear.apps.api.feed.hub import Hub
from forbear.apps.api.feed.listening import Limits
from forbear.apps.api.feed.refused import Refused
from forbear.apps.api.feed.routes import feed_router
from forbear.apps.api.health import FEED
from forbear.apps.api.parts import ApiParts
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reception import Gate, Reception
from forbear.client.feed_models import Reason
from forbear.domain.errors import BackendUnavailable, ForbearError
from forbear.engine.office import Access
from forbear.features.hashing import key_of

LIVE = "live"
"""The operation of the WebSocket."""
_AGAIN_SECONDS, _LOOK_SECONDS = 1.0, 0.2
_LONGEST_WHY = 200
_SWITCHING = 101


class Live:
    """A hub over the desk of some parts, with its routes. reception: set before the first request."""

    reception: Reception

    def __init__(self, parts: ApiParts, rules: Mapping[str, Rule]) -> None:
        self._parts, self._rules = parts, rules
        self.hub = Hub(parts.desk, Limits(seats=parts.settings.most_feeds))
        self.router: APIRouter = feed_router(self.hub, self._identify, self._note, Gate)

    async def run(self) -> None:
        """Follow the desk until the server is about to end; then tell everybody who listens."""
        started = False
        try:
            while not started and not self._parts.readiness.ends:
                try:
                    await self.hub.start()
                    started = True
                    self._parts.readiness.there(FEED)
                except ForbearError:
                    await asyncio.sleep(_AGAIN_SECONDS)
            while not self._parts.readiness.ends:  # noqa: ASYNC110  # a signal says so, in its own thread
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            if started:
                await self.hub.stop()

    async def _identify(self, headers: Mapping[str, str], key: str | None) -> Identity | None:
        """Who sent these headers, or said this key. Raises Refused for whom the table does not let in."""
        reception, rule = self.reception, self._rules[LIVE]
        given = headers if isinstance(headers, Headers) else Headers(dict(headers))
        try:
            caller = await reception.doorkeeper.caller(given if key is None else Headers({"x-api-key": key}))
            if key is not None:
                reception.allowance.spend(caller.who, caller.rate, rule.cost)
        except Refusal:
            return None
        if caller.role not in rule.roles:
            raise Refused(Reason.FORBIDDEN, f"the feed is not for the role {caller.role}")
        return Identity(caller.who, caller.role)

    async def _note(self, opened: Opened) -> None:
        keys: list[int | None] = [key_of(one) for one in opened.customers] or [None]
        at_us, identity = self._parts.now_us(), opened.identity
        accesses = [
            Access(
                at_us=at_us,
                who=identity.who,
                role=str(identity.role),
                route=opened.route,
                customer=key,
                why=opened.why[:_LONGEST_WHY],
                status=_SWITCHING,
                request_id="",
            )
            for key in keys
        ]
        try:
            await self.reception.note(accesses)
        except BackendUnavailable as error:
            raise Refused(Reason.UNAVAILABLE, "accesses cannot be recorded just now") from error
