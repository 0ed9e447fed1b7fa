"""What the bank knows of a customer: segment, region, consents and the obligations as they were agreed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.domain.events import CustomerUpdated, Obligation, encode
from forbear.domain.terms import Frequency, ObligationKind
from forbear.features.columns import day_of, instant
from forbear.simulation.calendar import Calendar
from forbear.simulation.movements import CARD
from forbear.simulation.names import Names
from forbear.simulation.records import Records
from forbear.simulation.spec import BankSpec
from forbear.simulation.world import NEVER

_CONSENTS = ("profiling", "email", "sms", "phone")
_SETS_OF_CONSENTS = [
    tuple(name for place, name in enumerate(_CONSENTS) if bits >> place & 1) for bits in range(1 << len(_CONSENTS))
]
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


class _Known(NamedTuple):
    """One update: numbers as the records hold them, and of the obligations one number each."""

    customer: int
    t: int
    booked_us: int
    update_id: bytes
    segment: str
    region: int
    consents: int
    costs: list[int]
    exposures: list[int]
    due_days: list[int]
    last: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """Writes the CustomerUpdated of a customer on a day, from what was agreed: what befalls a life is not in it."""

    spec: BankSpec
    calendar: Calendar
    houses: Records
    names: Names

    def payloads(self, updates: Records) -> list[bytes]:
        """The JSON of each of some update rows, in their order."""
        traits, duties = (self.houses[part][updates["customer"]] for part in ("traits", "duties"))
        t = updates["due"][:, None].astype(np.int64)
        costs = np.where(duties["rises_on"] <= t, duties["risen"], duties["amount"])
        costs[(duties["day"] == 0) | (duties["last"] < t)] = 0
        passed = np.where(duties["last"] == NEVER, 0, (t / _MONTH_DAYS).astype(np.int64))
        exposures = costs * np.maximum(1, duties["months"] - passed)
        exposures[:, CARD] = np.where(traits["card_limit"] > 0, traits["card_limit"], exposures[:, CARD])
        columns: tuple[NDArray[Any], ...] = (
            *(updates[name] for name in ("customer", "due", "booked_us")),
            self.names.event_ids(updates),
            _segments(traits),
            *(traits[name] for name in ("region", "consents")),
            *(costs, exposures, duties["day"], duties["last"]),
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [encode(self._profile(_Known._make(row))) for row in rows]

    def _profile(self, known: _Known) -> CustomerUpdated:
        region = self.spec.regions[known.region]
        at = instant(known.booked_us)
        return CustomerUpdated(
            update_id=known.update_id.decode(),
            customer_id=self.names.customers[known.customer].decode(),
            booked_at=at,
            received_at=at,
            segment=known.segment,
            region=region.name,
            time_zone=region.time_zone or self.spec.time_zone,
            consents=_SETS_OF_CONSENTS[known.consents],
            obligations=tuple(self._obligations(known)),
        )

    def _obligations(self, known: _Known) -> Iterator[Obligation]:
        today = day_of(self.calendar.first_day + known.t)
        ids = self.names.obligations[known.customer].tolist()
        for j, amount in enumerate(known.costs):
            if amount == 0:
                continue
            ends = known.last[j]
            yield Obligation(
                obligation_id=ids[j].decode(),
                kind=_KINDS[j],
                amount_minor=amount,
                due_on=_first_due(today, known.due_days[j]),
                frequency=Frequency.MONTHLY,
                ends_on=None if ends == NEVER else day_of(self.calendar.first_day + ends),
                exposure_minor=known.exposures[j],
            )


def _segments(traits: Records) -> NDArray[np.str_]:
    """By what the bank has sold: how someone is paid would tell of age."""
    credit = (traits["card_limit"] > 0) | traits["loan_here"]
    return np.where(credit, "credit", np.where(traits["saver"], "savings", "basic"))


def _first_due(from_day: date, day_of_month: int) -> date:
    """The first date on or after `from_day` with this day of the month [1, 28]."""
    this_month = from_day.replace(day=day_of_month)
    if this_month >= from_day:
        return this_month
    return (from_day.replace(day=1) + timedelta(_INTO_NEXT_MONTH)).replace(day=day_of_month)
