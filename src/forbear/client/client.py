"""The two clients: one for code that waits, one for code that awaits."""

from __future__ import annotations

from forbear.client.conversation import Manners, Retries, manners_of
from forbear.client.feed import Live, Patience
from forbear.client.feed_models import Wanted
from forbear.client.operations import Operations
from forbear.client.transport import Async, Sync


class _Speaks(Operations):
    """What both have beside their operations."""

    manners: Manners

    def live(
        self, wanted: Wanted | None = None, *, cursor: str | None = None, patience: Patience | None = None
    ) -> Live:
        """The live feed, for `async for`: every prediction, decision and alert that `wanted` lets through."""
        return Live(self.manners.url, self.manners.key or None, wanted, cursor=cursor, patience=patience)


class Client(_Speaks, Sync):
    """A client that waits for each answer. Safe for many threads; closed by `with`, or by `close`.

    url: of the server, else FORBEAR_URL, else http://127.0.0.1:8470.  key: else FORBEAR_KEY.  purpose: why all this is
    asked, for the chain of accesses.  timeout_seconds: for each attempt. Raises ConfigError for what is no URL.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        purpose: str = "",
        timeout_seconds: float = 30.0,
        retries: Retries = Retries(),  # noqa: B008  # it is frozen
    ) -> None:
        super().__init__(manners_of(url, key, purpose=purpose, timeout_seconds=timeout_seconds, retries=retries))


class AsyncClient(_Speaks, Async):
    """The same for asyncio, of one event loop; closed by `async with`, or by `aclose`. Lists go by `async for`."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        purpose: str = "",
        timeout_seconds: float = 30.0,
        retries: Retries = Retries(),  # noqa: B008  # it is frozen
    ) -> None:
        super().__init__(manners_of(url, key, purpose=purpose, timeout_seconds=timeout_seconds, retries=retries))
