"""A header that proves who sent a body and when: `t=SECONDS,v1=HEX`, HMAC-SHA256 of `t.body` under a shared secret.

Two secrets may be in use while one takes the other's place: the sender signs with the first, the receiver takes any.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

HEADER = "X-Forbear-Signature"
TOLERANCE_SECONDS = 300.0
LEAST_SECRET_BYTES = 16

_SHAPE = re.compile(r"t=(0|[1-9]\d{0,14})((?:,v1=[0-9a-f]{64}){1,4})\Z")


def signature(secret: bytes, body: bytes, at_seconds: float) -> str:
    """The header's value. at_seconds: since 1970, UTC."""
    when = int(at_seconds)
    return f"t={when},v1={_mac(secret, when, body)}"


def is_signed(header: str, body: bytes, secrets: Sequence[bytes], now_seconds: float) -> bool:
    """Whether a header was made of this body under one of the secrets, not more than five minutes ago or ahead.

    Compares in constant time. A header of another form, a stale one and a wrong one are alike: not signed.
    """
    found = _SHAPE.match(header)
    if found is None:
        return False
    when = int(found[1])
    given = [part.removeprefix("v1=") for part in found[2].lstrip(",").split(",")]
    right = False
    for secret in secrets:
        expected = _mac(secret, when, body)
        for one in given:  # all are compared: how long it takes tells nothing
            right |= hmac.compare_digest(expected, one)
    return right and abs(now_seconds - when) <= TOLERANCE_SECONDS


def _mac(secret: bytes, when: int, body: bytes) -> str:
    return hmac.new(secret, b"%d." % when + body, hashlib.sha256).hexdigest()
