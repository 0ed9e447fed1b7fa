"""What is asked of a server, as values: nothing here sends anything."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Generic, Literal, TypeAlias, TypedDict, TypeVar, cast
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from forbear.client import models
from forbear.client.errors import UNREADABLE, Broken, NotValid, found
from forbear.client.scores import JobShown

T = TypeVar("T")
S = TypeVar("S", bound=models.Asked)
M = TypeVar("M", bound=BaseModel)
I = TypeVar("I", bound=BaseModel)  # noqa: E741  # an item
Method = Literal["GET", "POST", "DELETE"]
_MOST_FAULTS = 20
PAGE = 500
"""Rows of a list that are asked for at once."""


class Extra(TypedDict, total=False):
    """What every request takes beside its own arguments.

    purpose: why, in one line of up to 200 characters, for the chain of accesses.  idempotency_key: of a write, in place
    of one that is made.  timeout_seconds: for each attempt.
    """

    purpose: str
    idempotency_key: str
    timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One request of an operation. template: its path with names in braces.  query: None for what is not said.

    answer: the shape of what comes; None where nothing does.  writes: it is given an idempotency key.
    """

    operation: str
    method: Method
    template: str
    answer: type[T]
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | int | float | date | None] = field(default_factory=dict)
    body: models.Asked | None = None
    writes: bool = False
    extra: Extra = field(default_factory=Extra)

    @property
    def url(self) -> str:
        """The path with its names filled in; whatever they hold stays within its place."""
        return self.template.format_map({name: quote(value, safe="") for name, value in self.path.items()})

    @property
    def params(self) -> dict[str, str]:
        """The query as it is sent."""
        return {name: str(value) for name, value in self.query.items() if value is not None}

    @property
    def content(self) -> bytes | None:
        """The body as it is sent."""
        return None if self.body is None else self.body.model_dump_json(exclude_defaults=True).encode()

    def read(self, content: bytes | str) -> T:
        """What came as its shape. Raises Broken where it is not of that shape."""
        if not issubclass(self.answer, BaseModel):
            return self.answer()
        try:
            return self.answer.model_validate_json(content)
        except ValidationError as error:
            mend = "see that the URL is that of a forbear server, and that this client is not older than it"
            raise Broken(found(UNREADABLE, f"{self.operation} was answered in another shape", mend=mend)) from error


@dataclass(frozen=True, slots=True)
class Posted:
    """What a POST brings. writes: something is different afterwards."""

    body: models.Asked | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    writes: bool = True


def get(
    operation: str,
    template: str,
    answer: type[T],
    extra: Mapping[str, Any],
    path: Mapping[str, str] | None = None,
    /,
    **query: str | float | date | None,
) -> Call[T]:
    """A call that reads. extra: may hold what else a method took by name."""
    known = {name: extra[name] for name in Extra.__annotations__ if name in extra}
    return Call(
        operation=operation,
        method="GET",
        template=template,
        answer=answer,
        path=path or {},
        query=query,
        extra=cast(Extra, known),
    )


def post(operation: str, template: str, answer: type[T], extra: Extra, posted: Posted) -> Call[T]:
    """A call that brings something."""
    return Call(
        operation=operation,
        method="POST",
        template=template,
        answer=answer,
        path=posted.path,
        body=posted.body,
        writes=posted.writes,
        extra=extra,
    )


def delete(operation: str, template: str, answer: type[T], extra: Extra, path: Mapping[str, str]) -> Call[T]:
    """A call that ends something."""
    return Call(
        operation=operation, method="DELETE", template=template, answer=answer, path=path, writes=True, extra=extra
    )


Pause: TypeAlias = float
"""To wait for [s]."""
Plan: TypeAlias = Generator[Call[JobShown] | Pause, JobShown, Call[T]]
"""What has to be asked and waited for before something can be fetched, and then that."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[M, I]):
    """A list in pages. first: asks for the first.  items, further: of a page, the latter a cursor."""

    first: Call[M]
    items: Callable[[M], tuple[I, ...]]
    further: Callable[[M], str | None]

    def behind(self, page: M) -> Call[M] | None:
        """Asks for the page behind one; None behind the last."""
        cursor = self.further(page)
        return None if cursor is None else replace(self.first, query={**self.first.query, "cursor": cursor})


def asked(shape: type[S], **values: Any) -> S:
    """A body of a shape. Raises NotValid, as the server would, before anything is sent."""
    try:
        return shape(**values)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False, include_context=False)[:_MOST_FAULTS]
        faults = [models.Fault(pointer="".join(f"/{one}" for one in ("body", *f["loc"])), said=f["msg"]) for f in told]
        problem = found("invalid", "The request is not valid", status=422, mend="mend what the faults name")
        raise NotValid(problem.model_copy(update={"faults": tuple(faults)})) from None
