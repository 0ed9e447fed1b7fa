"""One request on its way: what the layers know of it and tell each other."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from forbear.apps.api.chance import CHANCE
from forbear.apps.api.identity import Caller
from forbear.apps.api.limits import Intake
from forbear.apps.api.problems import Refusal

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PURPOSE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_LETTERS = bytes.maketrans(b"0123456789abcdef", b"abcdefghijklmnop")


@dataclass(slots=True, kw_only=True)
class Visit:
    """What is known of a request. operation, route: "" until a route is found.  caller: None until somebody is let in.

    purpose: why, as the caller says.  customers: keys of those whom the answer is about.  trouble: for the log.
    """

    request_id: str
    intake: Intake | None = None
    operation: str = ""
    route: str = ""
    caller: Caller | None = None
    purpose: str = ""
    customers: dict[int, None] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    trouble: str = ""

    @property
    def known(self) -> Caller:
        """The caller of an operation that is not open to everybody."""
        if self.caller is None:
            raise Refusal("unauthenticated", "no key was sent")
        return self.caller

    def saw(self, *customers: int) -> None:
        """Note whom the answer is about, by their keys: each is recorded before it goes out."""
        self.customers.update(dict.fromkeys(customers))


def visit_of(connection: HTTPConnection) -> Visit:
    """The visit that a request or WebSocket is."""
    visit: Visit = connection.scope["state"]["visit"]
    return visit


def request_id_of(headers: Headers) -> str:
    """The caller's own X-Request-ID where it is plain and not too long, else a new one.

    A new one is 16 letters: the logs mask long numbers.
    """
    given = headers.get("x-request-id", "")
    if _REQUEST_ID.fullmatch(given):
        return given
    return CHANCE.hex(8).encode().translate(_LETTERS).decode()


def purpose_of(headers: Headers, *, needed: bool) -> str:
    """Why somebody asks, in their words; "" for nothing. Raises Refusal where that is needed, or not readable."""
    given = headers.getlist("x-purpose")
    if not given:
        if needed:
            raise Refusal("purpose_missing")
        return ""
    try:
        said = given[0].encode("latin-1").decode().strip()
    except UnicodeDecodeError:
        said = ""
    if len(given) > 1 or not _PURPOSE.fullmatch(said):
        raise Refusal("purpose_missing", "X-Purpose is one line of 1 to 200 characters in UTF-8")
    return said
