"""Why a request is not met: every error as application/problem+json (RFC 9457), with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from forbear.domain.errors import (
    BackendUnavailable,
    ConfigError,
    ConflictError,
    CorruptState,
    ErasedCustomer,
    ForbearError,
    InvalidEvent,
    ModelMismatch,
    NotEnoughData,
    StorageError,
)

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:forbear:problem:"
RETRY_SECONDS = 5
_MOST_FAULTS, _LONGEST = 20, 300


class Kind(NamedTuple):
    """A kind of problem. mend: what to do where nobody knows better."""

    status: int
    title: str
    mend: str


KINDS: dict[str, Kind] = {
    "malformed": Kind(400, "The request cannot be read", "mend it as the detail says"),
    "purpose_missing": Kind(400, "A reason is needed", "say why in the header X-Purpose, in up to 200 characters"),
    "unauthenticated": Kind(401, "No valid key", "send one key, as Authorization: Bearer or as X-API-Key"),
    "forbidden": Kind(403, "Not for this role", "ask whoever runs the server for a key of another role"),
    "unknown": Kind(404, "Nothing is there", "check the path and the id"),
    "method": Kind(405, "Not by this method", "use a method that the header Allow names"),
    "too_slow": Kind(408, "The request did not arrive in time", "send it again, in one go"),
    "conflict": Kind(409, "Somebody was first", "read again, and decide anew"),
    "in_flight": Kind(409, "The same request is being answered", "wait, and ask again with the same idempotency key"),
    "shown_once": Kind(409, "It was done, and its answer is shown once", "make another with another idempotency key"),
    "not_readable": Kind(409, "What was written cannot be read", "have it written anew, as the detail says"),
    "not_here": Kind(409, "Not possible in this deployment", "do as the detail says, or ask whoever runs the server"),
    "model_mismatch": Kind(409, "The model and this request disagree", "see which feature set is in force"),
    "too_large": Kind(413, "The request is too large", "send less, in several requests"),
    "path_too_long": Kind(414, "The path is too long", "shorten it"),
    "media_type": Kind(415, "Only JSON in UTF-8 is read", "send Content-Type: application/json"),
    "invalid": Kind(422, "The request is not valid", "mend what the faults name"),
    "not_enough": Kind(422, "Too little is known for an honest answer", "ask again when more is known"),
    "key_reused": Kind(409, "The idempotency key belongs to another request", "use a new key for a new request"),
    "too_many": Kind(429, "Too many requests", "wait as long as the header Retry-After says"),
    "internal": Kind(500, "Something went wrong here", "report it with the request id"),
    "unavailable": Kind(503, "Not possible at the moment", "try again, more slowly each time"),
    "misconfigured": Kind(503, "The server is not set up for this", "whoever runs the server must act; see its log"),
}
"""By the code in the type's URN."""

CODES: dict[type[ForbearError], str] = {
    InvalidEvent: "invalid",
    NotEnoughData: "not_enough",
    ModelMismatch: "model_mismatch",
    ConflictError: "conflict",
    ErasedCustomer: "unknown",  # that somebody was erased is nobody's to know
    BackendUnavailable: "unavailable",
    StorageError: "unavailable",
    CorruptState: "misconfigured",
    ConfigError: "misconfigured",
}
"""What the errors of the other layers are to a caller."""

_BY_STATUS = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "unknown",
    405: "method",
    413: "too_large",
    415: "media_type",
    422: "invalid",
    429: "too_many",
    503: "unavailable",
}


class Refusal(Exception):  # it is an answer
    """A request that is not met. code: one of KINDS.  detail: what of this request."""

    def __init__(self, code: str, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail
        self.headers = dict(headers or {})


class Wrong(NamedTuple):
    """One thing that is wrong with a request: where, and what."""

    pointer: str
    said: str


def problem(refusal: Refusal, request_id: str, faults: Sequence[Wrong] = (), mend: str = "") -> Response:
    """The answer that says so."""
    kind = KINDS[refusal.code]
    document: dict[str, Any] = {
        "type": TYPE + refusal.code,
        "title": kind.title,
        "status": kind.status,
        "detail": refusal.detail,
        "mend": mend or kind.mend,
        "request_id": request_id,
        "faults": [{"pointer": one.pointer, "said": one.said} for one in faults],
    }
    headers = {"Cache-Control": "no-store", **refusal.headers}
    if kind.status == 503:
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
    if kind.status == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="forbear"')
    return Response(msgspec.json.encode(document), kind.status, headers, MEDIA_TYPE)


def answer_to(error: Exception, request_id: str) -> Response:
    """The answer to an error of any layer. What nobody foresaw is "internal", and tells nothing of itself."""
    match error:
        case Refusal():
            return problem(error, request_id)
        case RequestValidationError():
            return problem(Refusal("invalid"), request_id, faults_of(error.errors()))
        case HTTPException():
            code = _BY_STATUS.get(error.status_code, "internal")
            return problem(Refusal(code, headers=_passed_on(error.headers)), request_id)
        case ForbearError():
            code = next((code for kind, code in CODES.items() if isinstance(error, kind)), "internal")
            if KINDS[code].status >= 500:  # it may name hosts and paths: they stand in the log
                return problem(Refusal(code), request_id)
            return problem(Refusal(code, readable(error.args[0])), request_id, mend=readable(error.mend))
    return problem(Refusal("internal"), request_id)


def faults_of(errors: Sequence[Any]) -> list[Wrong]:
    """What a validation found, without what was sent: at most so many faults, each with its place."""
    found = [Wrong(_pointer(one["loc"]), readable(_said(one))) for one in errors[:_MOST_FAULTS]]
    more = len(errors) - len(found)
    return [*found, Wrong("", f"and {more} more")] if more else found


def readable(text: object) -> str:
    """A text that any JSON reader takes, of bounded length."""
    return str(text).encode("utf-8", "backslashreplace").decode()[:_LONGEST]


def _said(error: Mapping[str, Any]) -> str:
    """The message of a fault; one of our own validators may quote a value, and is taken as it is."""
    return "not JSON" if error["type"] == "json_invalid" else str(error["msg"])


def _pointer(place: Sequence[object]) -> str:
    parts = (readable(part).replace("~", "~0").replace("/", "~1") for part in place)
    return "".join(f"/{part}" for part in parts)[:_LONGEST]


def _passed_on(headers: Mapping[str, str] | None) -> dict[str, str]:
    """What a caller needs of the headers of an error raised by the framework."""
    return {name: value for name, value in (headers or {}).items() if name.lower() in {"allow", "retry-after"}}
