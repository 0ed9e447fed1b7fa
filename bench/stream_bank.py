"""A synthetic bank for the production path: a home with its history, and the live events that go to Kafka.

Not a benchmark itself: `stream` and `chaos` stand on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import msgspec
from live_bank import HISTORY_DAYS, SHARES, before, keep_boosting, midnight

from forbear.adapters.holidays import bank_calendar
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.approving import shipped_approval
from forbear.apps.jobs.demo import COUNTRY
from forbear.apps.jobs.instructing import policy_from, with_shares
from forbear.apps.jobs.loading import Supply, load_supply
from forbear.apps.jobs.parts import keep_policy, keep_reasons, model_to_promote
from forbear.domain.events import Event, Instructed
from forbear.domain.terms import Instruction
from forbear.features.columns import EventColumns, events_of, instant, joined
from forbear.features.compute import FeatureSet
from forbear.simulation.bank import deployment, simulate
from forbear.simulation.spec import BankSpec

_QUIET = Console(quiet=True)


@dataclass(frozen=True)
class StreamBank:
    """A home that holds the history, what is told before anything is live, and what is live."""

    home: Home
    orders: tuple[Instructed, ...]
    live: EventColumns

    def events(self) -> Iterator[Event]:
        """What is told first, then the live events, closes among them."""
        yield from self.orders
        yield from events_of(self.live)


def stream_bank(folder: Path, customers: int, live_days: int, kind: str = "expert", every_nth: int = 0) -> StreamBank:
    """Such a bank, its policy's cut-offs taken as shares of the book. every_nth: in the place of the policy's own."""
    spec = BankSpec(customers=customers, days=HISTORY_DAYS + live_days, seed=1)
    spec = replace(spec, country=COUNTRY, holidays=bank_calendar(COUNTRY).holidays)
    home, live = Home(folder / "home"), list[EventColumns]()
    first_us = midnight(spec, spec.start + timedelta(days=HISTORY_DAYS))
    supply = Supply(deployment(spec), lambda _: before(simulate(spec), first_us, live), spec.days)
    load_supply(home, supply, _QUIET, replace=False)
    if kind == "boosting":
        keep_boosting(home)
    policy = policy_from(home, "shipped")
    if every_nth:
        triggers = msgspec.structs.replace(policy.triggers, every_nth_transaction=every_nth)
        policy = msgspec.structs.replace(policy, triggers=triggers)
    policy = with_shares(home, policy, SHARES, kind, _QUIET)
    keep_policy(home, policy)
    told = {
        Instruction.PROMOTE_MODEL: model_to_promote(home, kind),
        Instruction.PROMOTE_REASONS: keep_reasons(
            home, shipped_approval(FeatureSet.standard(home.deployment.unsupported))
        ),
        Instruction.PROMOTE_POLICY: policy.digest,
        Instruction.START_OUTREACH: None,
    }
    columns = joined(live)
    when = instant(int(columns.received_us[0]))
    orders = tuple(
        Instructed(
            instruction_id=f"bench-{number}", instruction=one, by="bench", booked_at=when, received_at=when, value=value
        )
        for number, (one, value) in enumerate(told.items())
    )
    return StreamBank(home, orders, columns)
