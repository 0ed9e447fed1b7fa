"""The door for what providers tell: signed by a secret that only they and we know, fresh, and taken in once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from forbear.adapters.hmac_header import LEAST_SECRET_BYTES, is_signed
from forbear.domain.errors import ConfigError, InvalidEvent
from forbear.engine.inbound import MOST_BYTES, Arrived, Remembered, arrived_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Of one provider. secrets: the one in use and, while it is being changed, the other; any of them is taken.

    now: seconds since 1970. Raises ConfigError without a secret, with more than four, and for one that is too short.
    """

    provider: str
    secrets: tuple[bytes, ...] = field(repr=False)
    now: Callable[[], float] = field(default=time.time, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.secrets) <= 4 or min(map(len, self.secrets)) < LEAST_SECRET_BYTES:
            raise ConfigError(
                f"provider {self.provider}: what it tells needs a secret of at least 16 bytes", mend="name secret_env"
            )

    def read(self, header: str, body: bytes) -> Arrived:
        """What a request says, once it is known who sent it.

        Raises InvalidEvent, of code "unsigned" for whatever is not proven; nothing of the body is looked at before.
        """
        if len(body) > MOST_BYTES:
            raise InvalidEvent(f"the document is longer than {MOST_BYTES} bytes", code="too_long")
        if not is_signed(header, body, self.secrets, self.now()):
            raise InvalidEvent("the request is not signed, or not of now", code="unsigned")
        return arrived_of(body)

    def take(self, header: str, body: bytes, remembered: Remembered) -> Arrived | None:
        """The same, None where it was taken in before: a provider that got no answer tells again, and so does a thief.

        Raises what `read` raises, and ConflictError where the same receipt once said something else.
        """
        arrived = self.read(header, body)
        body_sha = hashlib.sha256(body).hexdigest()
        return arrived if remembered.first(self.provider, arrived, body_sha) else None
