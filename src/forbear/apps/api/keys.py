"""Keys as they are made and shown once; of what is kept the secret is no part."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256

from forbear.engine.office import KeyRecord, Role

KEY = re.compile(r"fb_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
"""A key: its id, and its secret."""
DAY_US = 86_400_000_000
_MASKED_IN_LOGS = re.compile(r"\d{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWish:
    """What a key is to be. days: for how long it holds.  rate: requests a second, None for what the server grants."""

    name: str
    role: Role
    days: int = 90
    rate: float | None = None


def fresh_key(wish: KeyWish, now_us: int) -> tuple[str, KeyRecord]:
    """A new key to hand over, and what is kept of it. now_us: [us UTC].

    It is fb_<8 hexadecimal digits>_<43 characters>, the latter 256 bits of chance in base64url. The id has no six
    digits in a row, which the logs would take for a number of a person.
    """
    while _MASKED_IN_LOGS.search(key_id := secrets.token_hex(4)):
        pass
    secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
    record = KeyRecord(
        key_id=key_id,
        name=wish.name,
        role=wish.role,
        secret_sha=sha_of(secret),
        made_us=now_us,
        expires_us=now_us + wish.days * DAY_US,
        rate=wish.rate,
    )
    return f"fb_{key_id}_{secret}", record


def sha_of(secret: str) -> str:
    """SHA-256 of a secret [hexadecimal]. With 256 bits of chance in it nothing slower is needed."""
    return sha256(secret.encode()).hexdigest()


def state_of(key: KeyRecord, now_us: int) -> str:
    """Whether a key holds at an instant [us UTC], or why not."""
    if key.revoked_us is not None:
        return "revoked"
    return "expired" if key.expires_us is not None and key.expires_us <= now_us else "holds"
