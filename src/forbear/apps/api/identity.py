"""Who asks: keys as they are made, shown once and looked up, and the door that every request passes."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from forbear.apps.api.keys import KEY, sha_of
from forbear.apps.api.problems import Refusal
from forbear.engine.office import KeyRecord, Keyring, Role

KEPT_SECONDS = 3.0
"""For so long a key that was looked up is not looked up again: a revocation holds everywhere after that."""
_KEPT_KEYS = 4_096
_LONGEST_CREDENTIAL = 8_192


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in. who: key id, or "oidc:" and the subject of a token.

    expires_us: [us UTC], None for never.  rate: requests a second, None for what the server grants everybody.
    """

    who: str
    name: str
    role: Role
    expires_us: int | None
    rate: float | None = None


class TokenReader(Protocol):
    """Whoever tells whom a token of an identity provider stands for."""

    def caller(self, token: str, now_us: int) -> Caller:
        """Whom; Refusal where it is not valid. May wait for a network."""
        ...


class Doorkeeper:
    """Finds out who asks. now_us: [us UTC].  monotonic: [s].  tokens: None where only keys are taken."""

    def __init__(
        self,
        keyring: Keyring,
        *,
        now_us: Callable[[], int],
        monotonic: Callable[[], float],
        tokens: TokenReader | None = None,
    ) -> None:
        self._keyring, self._tokens = keyring, tokens
        self._now_us, self._monotonic = now_us, monotonic
        self._kept: OrderedDict[str, tuple[KeyRecord | None, float]] = OrderedDict()

    async def caller(self, headers: Headers) -> Caller:
        """Who sent these headers. Raises Refusal for nobody, and what is expired, revoked, garbage or given twice."""
        credential = _credential_of(headers)
        if found := KEY.fullmatch(credential):
            return await self._of_key(*found.groups())
        if self._tokens is not None and credential.count(".") == 2:
            return await run_in_threadpool(self._tokens.caller, credential, self._now_us())
        raise Refusal("unauthenticated", "that is no key of this server")

    def forget(self, key_id: str) -> None:
        """Look a key up anew when it comes next."""
        self._kept.pop(key_id, None)

    async def _of_key(self, key_id: str, secret: str) -> Caller:
        record = await self._record_of(key_id)
        kept_sha = record.secret_sha if record else sha_of("")
        if not hmac.compare_digest(kept_sha, sha_of(secret)) or record is None:
            raise Refusal("unauthenticated", "that is no key of this server")
        if record.revoked_us is not None:
            raise Refusal("unauthenticated", "the key was revoked")
        if record.expires_us is not None and record.expires_us <= self._now_us():
            raise Refusal("unauthenticated", "the key has expired")
        return Caller(record.key_id, record.name, record.role, record.expires_us, record.rate)

    async def _record_of(self, key_id: str) -> KeyRecord | None:
        now = self._monotonic()
        kept = self._kept.get(key_id)
        if kept is not None and now - kept[1] < KEPT_SECONDS:
            return kept[0]
        record = await run_in_threadpool(self._keyring.get, key_id)
        self._kept[key_id] = (record, now)  # the time before the question: an answer may have been on its way
        self._kept.move_to_end(key_id)
        while len(self._kept) > _KEPT_KEYS:
            self._kept.popitem(last=False)
        return record


def _credential_of(headers: Headers) -> str:
    """The one key or token of a request. Raises Refusal for none and for more than one."""
    given = [*headers.getlist("authorization"), *headers.getlist("x-api-key")]
    if len(given) != 1:
        raise Refusal("unauthenticated", "two keys were sent" if given else "no key was sent")
    if "x-api-key" in headers:
        credential = given[0]
    else:
        scheme, _, credential = given[0].partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal("unauthenticated", "the header Authorization begins with Bearer")
    if len(credential) > _LONGEST_CREDENTIAL:
        raise Refusal("unauthenticated", "that is no key of this server")
    return credential.strip()
