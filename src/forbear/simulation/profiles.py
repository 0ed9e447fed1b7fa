"""What the bank knows of a customer: segment, region, consents and the obligations as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from forbear.domain.events import CustomerUpdated, Obligation, encode
from forbear.domain.terms import Frequency, ObligationKind
from forbear.features.columns import day_of, instant
from forbear.simulation import purposes as why
from forbear.simulation.accounts import cost
from forbear.simulation.calendar import Calendar
from forbear.simulation.names import Names
from forbear.simulation.randomness import uniform
from forbear.simulation.records import Record, Records
from forbear.simulation.spec import BankSpec
from forbear.simulation.world import DUTIES, MONTHLY, NEVER

_REGIONS = 16
_CONSENTS = (("profiling", 0.96), ("email", 0.85), ("sms", 0.70), ("phone", 0.55))
_MONTH_DAYS = 365.25 / 12
_INTO_NEXT_MONTH = 31
_KINDS = (
    ObligationKind.RENT,
    ObligationKind.MORTGAGE,
    ObligationKind.LOAN,
    ObligationKind.CARD,
    ObligationKind.UTILITIES,
    ObligationKind.INSURANCE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """Writes the CustomerUpdated of a customer on a day."""

    spec: BankSpec
    calendar: Calendar
    houses: Records
    names: Names

    def payloads(self, updates: Records) -> list[bytes]:
        """The JSON of each of some update rows, in their order."""
        ids = self.names.event_ids(updates)
        return [
            encode(self._profile(update, update_id.decode()))
            for update, update_id in zip(updates, ids.tolist(), strict=True)
        ]

    def _profile(self, update: Record, update_id: str) -> CustomerUpdated:
        c, t = int(update["customer"]), int(update["due"])
        traits = self.houses["traits"][c]
        at = instant(update["booked_us"])
        return CustomerUpdated(
            update_id=update_id,
            customer_id=self.names.customers[c].decode(),
            booked_at=at,
            received_at=at,
            segment=_segment(traits),
            region=f"R{1 + int(_REGIONS * uniform(traits['key'], 0, why.REGION)):02d}",
            time_zone=self.spec.time_zone,
            consents=tuple(
                name
                for place, (name, share) in enumerate(_CONSENTS)
                if uniform(traits["key"], 0, why.CONSENT + place) < share
            ),
            obligations=tuple(self._obligations(c, t)),
        )

    def _obligations(self, c: int, t: int) -> Iterator[Obligation]:
        for j in range(DUTIES):
            duty = self.houses["duties"][c, j]
            amount = int(cost(self.houses[c], j, t))
            if amount == 0:
                continue
            ends = int(duty["last"])
            left = int(duty["months"]) - (0 if ends == NEVER else int(t / _MONTH_DAYS))
            yield Obligation(
                obligation_id=self.names.obligations[c, j].decode(),
                kind=_KINDS[j],
                amount_minor=amount,
                due_on=_first_due(day_of(self.calendar.first_day + t), int(duty["day"])),
                frequency=Frequency.MONTHLY,
                ends_on=None if ends == NEVER else day_of(self.calendar.first_day + ends),
                exposure_minor=amount * max(1, left),
            )


def _segment(traits: Record) -> str:
    if traits["pensioner"]:
        return "pension"
    return "salary" if traits["rhythm"] == MONTHLY else "wage"


def _first_due(from_day: date, day_of_month: int) -> date:
    """The first date on or after `from_day` with this day of the month [1, 28]."""
    this_month = from_day.replace(day=day_of_month)
    if this_month >= from_day:
        return this_month
    return (from_day.replace(day=1) + timedelta(_INTO_NEXT_MONTH)).replace(day=day_of_month)
