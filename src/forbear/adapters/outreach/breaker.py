"""A provider that fails again and again is left alone for a while: what is handed over then is refused at once."""

from __future__ import annotations

from forbear.adapters.patience import Breaker
from forbear.engine.outreach import Absent, Delivery, Message, Outreach, Refused, Unknown

LEFT_ALONE = "it is left alone for a while"


class Guarded:
    """A provider behind a breaker. What it refuses for good is an answer, and no failure.

    Questions about what became of a message pass while the breaker is open: they send nothing.
    """

    def __init__(self, provider: Outreach, breaker: Breaker) -> None:
        self._provider = provider
        self._breaker = breaker

    def __repr__(self) -> str:
        return f"Guarded({self._provider!r})"

    @property
    def name(self) -> str:
        """Of the provider."""
        return self._provider.name

    @property
    def reconciles(self) -> bool:
        """Whether the provider can be asked."""
        return self._provider.reconciles

    @property
    def left_alone(self) -> float:
        """How the breaker stands: see `Breaker.left_alone`."""
        return self._breaker.left_alone

    def send(self, message: Message) -> Delivery:
        """Hand it over, or refuse it for now."""
        if not self._breaker.admits():
            return Refused(LEFT_ALONE, lasting=False)
        well = False
        try:
            answer = self._provider.send(message)
            well = not isinstance(answer, Unknown) and not (isinstance(answer, Refused) and not answer.lasting)
        finally:
            self._breaker.heard(well=well)
        return answer

    def look_up(self, key: str) -> Delivery | Absent:
        """Ask the provider."""
        return self._provider.look_up(key)
