"""What the feed asks of the server that it is part of: who somebody is, and to note that they look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from forbear.apps.api.feed.hub import Hub
from forbear.apps.api.feed.messages import VIEWS, View
from forbear.apps.api.feed.refused import Refused
from forbear.client.feed_models import Reason, Wanted
from forbear.engine.office import Role

CLOSE_CODES = {
    Reason.SLOW: 1013,
    Reason.FULL: 1013,
    Reason.UNAVAILABLE: 1013,
    Reason.STOPPING: 1012,
    Reason.FAILED: 1011,
    Reason.UNAUTHORISED: 1008,
    Reason.FORBIDDEN: 1008,
    Reason.INVALID: 1008,
    Reason.CURSOR: 1008,
}
"""Of a WebSocket (RFC 6455 and its registry), behind a frame that names the reason: 1013 is "try again later"."""
STATUS = {
    Reason.FULL: 503,
    Reason.UNAVAILABLE: 503,
    Reason.STOPPING: 503,
    Reason.FAILED: 503,
    Reason.UNAUTHORISED: 401,
    Reason.FORBIDDEN: 403,
    Reason.INVALID: 422,
    Reason.CURSOR: 422,
}
"""Of HTTP, where nothing has been told yet."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, and what they may do. who: key id or subject of a token."""

    who: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Somebody begins to hear of persons. customers: whom they ask for, empty for everybody.

    why: the rest of what they ask for, as JSON.
    """

    identity: Identity
    route: str
    customers: Sequence[str]
    why: str


Identify: TypeAlias = Callable[[Mapping[str, str], str | None], Awaitable[Identity | None]]
"""Of the headers and of a key that was told otherwise; None for nobody."""
Note: TypeAlias = Callable[[Opened], Awaitable[None]]
"""What it is given is on record when it returns."""


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in. hello_seconds: in which a listener over a WebSocket must say what they want."""

    hub: Hub
    identify: Identify
    note: Note
    hello_seconds: float = 5.0

    async def admitted(self, headers: Mapping[str, str], key: str | None) -> Identity:
        """Who somebody is. Raises Refused for nobody."""
        identity = await self.identify(headers, key)
        if identity is None:
            raise Refused(Reason.UNAUTHORISED, "no key that holds: give one in a header or in the first message")
        return identity

    async def opened(self, identity: Identity, route: str, wanted: Wanted) -> None:
        """Have it on record that somebody hears of persons from now on."""
        if VIEWS[identity.role] is View.NOBODY:
            return
        why = wanted.model_dump_json(exclude={"customers"}, exclude_defaults=True)
        await self.note(Opened(identity=identity, route=route, customers=sorted(wanted.customers), why=why))
