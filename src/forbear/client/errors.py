"""Why a request was not met, named for who must act."""

from __future__ import annotations

from forbear.client import models
from forbear.domain.errors import BackendUnavailable, ConflictError, ForbearError

_URN = "urn:forbear:problem:"
NO_ANSWER = "no_answer"
UNREADABLE = "unreadable"
"""Codes of what no server says: it did not answer, or what it answered is not of this interface."""


class Problem(ForbearError):
    """A request that was not met. told: as the server says it, or as the client found it.

    status: of the answer, 0 where none came.  code: a word that stays; docs/api.md has those of the server.
    wait_seconds: for how long the server asks to be left alone, None for nothing said.
    """

    def __init__(self, told: models.Problem, *, wait_seconds: float | None = None) -> None:
        faults = ", ".join(f"{one.pointer} {one.said}" for one in told.faults)
        said = ": ".join(one for one in (told.title, told.detail, faults) if one)
        super().__init__(said, mend=told.mend)
        self.told, self.wait_seconds = told, wait_seconds
        self.status, self.detail, self.request_id, self.faults = told.status, told.detail, told.request_id, told.faults
        self.code = told.type.removeprefix(_URN)


class NotValid(Problem):
    """The caller must mend the request."""


class NotAllowed(Problem):
    """Whoever runs the server must give another key, or a key of another role."""


class NotThere(Problem):
    """Nobody: there is nothing of that id, or at that path."""


class Conflict(Problem, ConflictError):
    """The caller must read again, and decide anew."""


class TooMany(Problem):
    """The caller must come more slowly; it was tried more than once."""


class Unavailable(Problem, BackendUnavailable):
    """Nobody yet: the server, or what is behind it, does not answer. It was tried more than once."""


class Broken(Problem):
    """Whoever runs the server must look into its log, by the request id; or this is not a server of forbear."""


def problem_of(told: models.Problem, *, wait_seconds: float | None = None) -> Problem:
    """The error that an answer is, by its status."""
    kind = _KINDS.get(told.status, NotValid if 400 <= told.status < 500 else Broken)
    return kind(told, wait_seconds=wait_seconds)


def found(code: str, title: str, *, status: int = 0, mend: str = "") -> models.Problem:
    """A problem that the client found by itself. status: 0, which is none of the wire's, where nothing was answered."""
    return models.Problem.model_construct(type=_URN + code, title=title, status=status, mend=mend)


_KINDS: dict[int, type[Problem]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotThere,
    408: Unavailable,
    409: Conflict,
    429: TooMany,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
