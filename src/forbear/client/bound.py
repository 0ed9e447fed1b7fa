"""Methods that two clients share: each says once what is asked, and each client sends it in its own way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from forbear.client.calls import Call, I, Listed, M, Plan
from forbear.client.transport import Async, Sync

P = ParamSpec("P")
T = TypeVar("T")
B = TypeVar("B")


class _Bound(Generic[P, B]):
    """What stands in a class for a method. build: makes what is to be sent of the method's arguments."""

    def __init__(self, build: Callable[Concatenate[Any, P], B]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    def _of(self, client: Any, send: Callable[[Any, B], Any]) -> Callable[P, Any]:
        method = self.build.__get__(client)

        @wraps(method)
        def bound(*arguments: P.args, **named: P.kwargs) -> Any:
            return send(client, method(*arguments, **named))

        return bound


class operation(_Bound[P, Call[T]]):  # noqa: N801  # it is written as a decorator
    """A method that sends one request and gives its answer."""

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Sync, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: Async, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Sync | Async | None, owner: type) -> Any:
        return self if client is None else self._of(client, type(client).send)


class listing(_Bound[P, Listed[M, I]]):  # noqa: N801
    """A method that gives the rows of all pages, each page asked for when it is needed."""

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Sync, owner: type) -> Callable[P, Rows[M, I]]: ...
    @overload
    def __get__(self, client: Async, owner: type) -> Callable[P, AsyncRows[M, I]]: ...
    def __get__(self, client: Sync | Async | None, owner: type) -> Any:
        if client is None:
            return self
        return self._of(client, Rows if isinstance(client, Sync) else AsyncRows)


class streaming(_Bound[P, Plan[T]]):  # noqa: N801
    """A method that gives what came of something long, line by line."""

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Sync, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, client: Async, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, client: Sync | Async | None, owner: type) -> Any:
        return self if client is None else self._of(client, type(client).lines)


@dataclass(frozen=True, slots=True)
class Rows(Generic[M, I]):
    """The rows of a list, page after page. Each iteration begins anew. Raises Problem while it goes."""

    _client: Sync
    _listed: Listed[M, I]

    def __iter__(self) -> Iterator[I]:
        for page in self.pages():
            yield from self._listed.items(page)

    def pages(self) -> Iterator[M]:
        """The pages themselves, with all that they say."""
        call: Call[M] | None = self._listed.first
        while call is not None:
            page = self._client.send(call)
            yield page
            call = self._listed.behind(page)


@dataclass(frozen=True, slots=True)
class AsyncRows(Generic[M, I]):
    """The rows of a list, page after page, by `async for`. Each iteration begins anew. Raises Problem while it goes."""

    _client: Async
    _listed: Listed[M, I]

    async def __aiter__(self) -> AsyncIterator[I]:
        async for page in self.pages():
            for item in self._listed.items(page):
                yield item

    async def pages(self) -> AsyncIterator[M]:
        """The pages themselves, with all that they say."""
        call: Call[M] | None = self._listed.first
        while call is not None:
            page = await self._client.send(call)
            yield page
            call = self._listed.behind(page)
