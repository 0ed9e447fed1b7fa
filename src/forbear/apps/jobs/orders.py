"""Instructions of people: how each becomes an event, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from forbear.domain.events import Instructed, checked
from forbear.domain.terms import Instruction


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants of a deployment. now: when they say so.  value: the digest that it names, None for none."""

    instruction: Instruction
    by: str
    now: datetime
    value: str | None = None

    def event(self, received: datetime, about: object = "") -> Instructed:
        """The event of it. The same words, received at the same instant, about the same, are the same instruction.

        about: what else tells it apart: a day, or the place that it is for. Raises InvalidEvent for what can be none.
        """
        told = f"{self.instruction} {self.value} {self.by} {received.isoformat()} {about}"
        event = Instructed(
            instruction_id=sha256(told.encode()).hexdigest()[:32],
            instruction=self.instruction,
            by=self.by,
            booked_at=received,
            received_at=received,
            value=self.value,
        )
        checked(event)
        return event


@dataclass(frozen=True, slots=True)
class Told:
    """An instruction that was given. offset: where it stands.  value: the digest that it names, "" for none."""

    instruction: str
    value: str
    offset: int


class Outlet(Protocol):
    """Where instructions go: every worker meets them there at the same place among the events."""

    def tell(self, order: Order) -> int:
        """Put one there for good; answer the offset at which it stands."""
        ...
