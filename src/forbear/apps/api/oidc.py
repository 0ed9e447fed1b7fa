"""Tokens of an identity provider (OpenID Connect): whom they stand for, if signature, time and audience are right."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import msgspec

from forbear.adapters.hosts import is_loopback
from forbear.apps.api.identity import Caller
from forbear.apps.api.problems import Refusal
from forbear.apps.services import OidcSettings
from forbear.domain.errors import BackendUnavailable, ConfigError
from forbear.engine.office import Role

ALGORITHMS = {"RS256": "RSA", "ES256": "EC"}
"""What may sign, with the kind of key that does: no shared secrets, and never nothing."""
SKEW_SECONDS = 60
KEPT_SECONDS = 600.0
"""How long the provider's keys are believed without asking again."""
ASK_SECONDS = 10.0
"""A key that is not known has the provider asked again, but not more often than this."""
_PATIENCE_SECONDS = 5.0
_LARGEST_KEY_SET = 256 * 1024
_LONGEST_SUBJECT = 120


class Tokens:
    """Reads tokens of one issuer. May be used by several threads.

    Raises ConfigError where the settings leave something open, or would fetch keys without encryption over a network.
    """

    def __init__(self, settings: OidcSettings, monotonic: Callable[[], float] = time.monotonic) -> None:
        url = urlsplit(settings.jwks_url)
        if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname or "")):
            raise ConfigError(f"jwks_url = {settings.jwks_url!r} is not https", mend="keys are fetched by https only")
        if not (settings.audience and settings.roles):
            raise ConfigError("[api.oidc] needs an audience and roles", mend="see docs/api.md")
        self._settings = settings
        self._keys = _KeySet(settings.jwks_url, monotonic)

    def caller(self, token: str, now_us: int) -> Caller:
        """Whom a token stands for at an instant. Raises Refusal where it is not valid or brings no role.

        Raises BackendUnavailable where the provider's keys are not known and cannot be had.
        """
        try:
            claims = self._claims(token)
        except (jwt.PyJWTError, ValueError, TypeError) as error:  # a header may hold anything
            raise Refusal("unauthenticated", f"the token is not valid: {type(error).__name__}") from error
        _require_time(claims, now_us / 1e6)
        subject = claims["sub"]
        if not (isinstance(subject, str) and subject.isprintable() and 0 < len(subject) <= _LONGEST_SUBJECT):
            raise Refusal("unauthenticated", "the token names no usable subject")
        return Caller(f"oidc:{subject}", subject, self._role_of(claims), int(claims["exp"] * 1e6))

    def _claims(self, token: str) -> Mapping[str, Any]:
        header = jwt.get_unverified_header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError
        key = self._keys.get(key_id if isinstance(key_id, str) else "")
        if key is None or key.key_type != ALGORITHMS[algorithm]:
            raise jwt.InvalidKeyError
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            audience=self._settings.audience,
            issuer=self._settings.issuer,
            # Times are held against the caller's clock, the one that keys are held against too.
            options={
                "require": ["exp", "iat", "sub", "aud", "iss"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        return claims

    def _role_of(self, claims: Mapping[str, Any]) -> Role:
        told = claims.get(self._settings.role_claim)
        words = [told] if isinstance(told, str) else told if isinstance(told, list) else []
        for word, role in self._settings.roles.items():
            if word in words:
                return role
        raise Refusal("unauthenticated", "the token brings no role that is known here")


def _require_time(claims: Mapping[str, Any], now: float) -> None:
    """Raises Refusal unless a token has begun and has not expired, give or take what clocks differ by."""
    for name in ("exp", "nbf", "iat"):
        at = claims.get(name, now)
        if isinstance(at, bool) or not isinstance(at, int | float) or not abs(at) < 1e11:
            raise Refusal("unauthenticated", f"the token's {name} is no time")
    if claims["exp"] + SKEW_SECONDS <= now:
        raise Refusal("unauthenticated", "the token has expired")
    if max(claims.get("nbf", now), claims["iat"]) - SKEW_SECONDS > now:
        raise Refusal("unauthenticated", "the token is not valid yet")


class _KeySet:
    """The provider's public keys by id, fetched when they are asked for and too old, or one is not among them."""

    def __init__(self, url: str, monotonic: Callable[[], float]) -> None:
        self._url, self._monotonic = url, monotonic
        self._lock = Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")

    def get(self, key_id: str) -> jwt.PyJWK | None:
        """A key, None where there is none of that id. Raises BackendUnavailable where no keys could be had at all."""
        with self._lock:
            now = self._monotonic()
            stale = key_id not in self._keys or now - self._fetched > KEPT_SECONDS
            if stale and now - self._tried > ASK_SECONDS:
                self._tried = now
                self._fetch(now)
            if self._fetched == float("-inf"):
                raise BackendUnavailable("the identity provider's keys are not known yet")
            return self._keys.get(key_id)

    def _fetch(self, now: float) -> None:
        """Ask the provider; where it does not answer what is known stays."""
        try:
            with (
                httpx.Client(timeout=_PATIENCE_SECONDS, follow_redirects=False, trust_env=False) as client,
                client.stream("GET", self._url) as answer,
            ):
                answer.raise_for_status()
                content = b""
                for piece in answer.iter_bytes():
                    content += piece
                    if len(content) > _LARGEST_KEY_SET:
                        return
            self._keys = _keys_of(content)
            self._fetched = now
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError, jwt.PyJWTError, TypeError, AttributeError):
            return


def _keys_of(content: bytes) -> dict[str, jwt.PyJWK]:
    """Keys that sign, by id; one that cannot be used is passed over."""
    found = {}
    for told in msgspec.json.decode(content, type=dict[str, Any])["keys"]:
        try:
            key = jwt.PyJWK.from_dict(told)
        except jwt.PyJWTError:
            continue
        if key.key_id and key.key_type in ALGORITHMS.values() and key.public_key_use in {None, "sig"}:
            found[key.key_id] = key
    return found
