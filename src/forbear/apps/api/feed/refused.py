"""Why somebody is not let listen."""

from __future__ import annotations

from forbear.client.feed_models import Reason
from forbear.domain.errors import ForbearError


class Refused(ForbearError):
    """The listener must mend what it asks for, or come again where the reason passes."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
