"""A provider of one's own behind a webhook: a signed JSON document, taken once for each key."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from forbear.adapters.signed_http import SignedHttp
from forbear.engine.outreach import Absent, Delivery, Message, Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(SignedHttp):
    """Messages as JSON, posted to a URL that `SignedHttp` describes.

    reconciles: it keeps keys and can be asked; a provider that does not keep them would take a message twice.
    """

    reconciles: bool = True

    def send(self, message: Message) -> Delivery:
        """Post it once, under its key."""
        return self.post("", message.key, msgspec.json.encode(message))

    def look_up(self, key: str) -> Delivery | Absent:
        """Ask what became of a sending."""
        return self.ask("", key) if self.reconciles else Unknown("it cannot be asked what became of a message")
