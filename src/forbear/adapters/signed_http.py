"""A system of one's own behind signed HTTP, that takes each key once and tells what became of it.

What it promises is in docs/integrations.md: it keeps the keys that it has taken, answers a repeated one as it did the
first time, and tells under `.../{key}` what became of one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from forbear.adapters.hmac_header import HEADER, LEAST_SECRET_BYTES, signature
from forbear.adapters.https import Answered, NoAnswer, Request, checked_url, exchange
from forbear.domain.errors import ConfigError
from forbear.engine.outreach import Absent, Delivery, Refused, Sent, Unknown

_LATER = {408, 425, 429, 503}
"""Statuses that say: not now, and nothing was done."""
_OURS = {401, 403, 404, 405, 407}
"""Statuses of a wrong secret or address, with every redirect: nothing was done, and the operator can mend it."""
_MOST_REFERENCE = 200


class Told(Struct, frozen=True):
    """What a system says of a key. key: that it speaks of.  reference: as it calls what it did."""

    key: str = ""
    state: Literal["sent", "pending", "refused", "absent", ""] = ""
    reference: str = ""
    lasting: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHttp:
    """Where it is. secret: shared, at least 16 bytes; every request is signed with it.

    seconds: that one read or write may take.  total_seconds: that one request may take.  now: seconds since 1970.
    Raises ConfigError for a URL that is neither https nor http on this machine, and for a secret that is too short.
    """

    name: str
    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    seconds: float = 10.0
    total_seconds: float = 30.0
    now: Callable[[], float] = field(default=time.time, repr=False)

    def __post_init__(self) -> None:
        found = checked_url(f"provider {self.name}", self.url, mend="it is signed for: name the secret by secret_env")
        if found.query or found.fragment:
            raise ConfigError(f"provider {self.name}: its url has a query", mend="keys are put behind its path")
        if len(self.secret) < LEAST_SECRET_BYTES:
            raise ConfigError(f"provider {self.name}: its secret is shorter than 16 bytes", mend="draw one at random")

    def post(self, tail: str, key: str, body: bytes) -> Delivery:
        """Post a JSON document once, under its key. tail: of the path, "" for none."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": quote(key, safe="")}
        try:
            answer = self._ask("POST", self._at(tail), body, headers)
        except NoAnswer as error:
            if error.written:
                return Unknown(f"{error} after the request had begun to leave")
            return Refused(f"{error} before the request left", lasting=False)
        return _became(answer, key)

    def ask(self, tail: str, key: str) -> Delivery | Absent:
        """What became of a key. Only who names the key and says "absent" has never had it: an answer of 404 may come
        from anybody on the way.
        """
        try:
            answer = self.get(tail, key)
        except NoAnswer as error:
            return Unknown(f"{error}")
        told = _told(answer)
        if told.key == key:
            if answer.taken and told.state == "sent":
                return Sent(_reference(told))
            if answer.taken and told.state == "refused":
                return Refused("it says that it has refused it", lasting=told.lasting)
            if answer.status == 404 and told.state == "absent":
                return Absent()
        return Unknown(f"it answered {answer.status} to the question")

    def get(self, tail: str, name: str) -> Answered:
        """What stands under a name. Raises NoAnswer."""
        return self._ask("GET", f"{self._at(tail)}/{quote(name, safe='')}", None, {})

    def _at(self, tail: str) -> str:
        return self.url.rstrip("/") + (f"/{tail}" if tail else "")

    def _ask(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answered:
        """What is signed is the body; of a question, the end of its path, which is the name as it stands there."""
        signed = url.rpartition("/")[2].encode() if body is None else body
        return exchange(
            Request(
                method=method,
                url=url,
                headers={**headers, HEADER: signature(self.secret, signed, self.now())},
                body=body,
                seconds=self.seconds,
                total_seconds=self.total_seconds,
            )
        )


def _became(answer: Answered, key: str) -> Delivery:
    told = _told(answer)
    if answer.taken:
        if told.key == key and told.state == "refused":
            return Refused("it says that it has refused it", lasting=told.lasting)
        return Sent(_reference(told))
    if answer.status == 409:
        # The key is taken already. Only who names it means this very message, and says that it went.
        return Sent(_reference(told)) if told.key == key and told.state == "sent" else Unknown("it answered 409")
    if answer.status in _LATER | _OURS or 300 <= answer.status < 400:
        return Refused(f"it answered {answer.status}", lasting=False)
    if 400 <= answer.status < 500:
        return Refused(f"it answered {answer.status}", lasting=True)
    return Unknown(f"it answered {answer.status}")


def _told(answer: Answered) -> Told:
    try:
        return msgspec.json.decode(answer.body, type=Told) if answer.whole else Told()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Told()


def _reference(told: Told) -> str:
    return told.reference if len(told.reference) <= _MOST_REFERENCE and told.reference.isprintable() else ""
