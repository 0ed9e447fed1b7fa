"""What a replay notes beside its decisions: misses behind a day, and the groups of customers."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from forbear.domain.deployment import Deployment, MissDefinition
from forbear.domain.terms import OutcomeStatus
from forbear.engine.bystander import Bystander, contact_rates
from forbear.engine.ports import Scanned
from forbear.engine.replayed import decided_of
from forbear.features.batch import batch_of
from forbear.features.columns import columns_of, day_number
from forbear.features.hashing import keys_of
from forbear.features.local_time import local_time
from forbear.testing.builders import START, closed, outcome, update
from forbear.testing.outputs import decision

DAY = day_number(START)


@pytest.fixture
def bystander() -> Bystander:
    """Who saw C1 miss a payment on day 40, C2 one that was paid in time after all, and days closed up to the 80th."""
    missed = {"status": OutcomeStatus.MISSED, "paid_on": None}
    events = [
        update(1, customer_id="C1", region="north"),
        update(2, customer_id="C2", region="south"),
        update(3, customer_id="C3"),
        outcome(1, due=40, customer_id="C1", **missed),
        outcome(2, due=40, customer_id="C2", **missed),
        outcome(3, due=40, customer_id="C2", status=OutcomeStatus.CURED, paid_on=START + timedelta(days=40)),
        closed(80),
    ]
    deployment = Deployment(
        source="small", currency="EUR", time_zone="UTC", opens_on=START, miss=MissDefinition(kind="missed_payment")
    )
    columns = columns_of(sorted(events, key=lambda event: event.received_at))
    found = Bystander(deployment)
    found.see(Scanned(0, columns, batch_of(columns, local_time("UTC"))))
    return found


@pytest.mark.parametrize(("day", "missed"), [(9, False), (10, True), (39, True), (40, False)])
def test_a_miss_counts_for_the_thirty_days_before_it(bystander: Bystander, day: int, missed: bool) -> None:
    """A miss lies behind each of the 30 days before it, and not behind its own; one that was taken back behind none."""
    keys = keys_of(np.array([b"C1", b"C2", b"C3"]))
    found = bystander.missed_behind(keys, np.full(3, DAY + day, np.int32))

    assert found.tolist() == [missed, False, False]
    assert bystander.first_unripe == DAY + 80 - 30 + 1


def test_who_is_contacted_by_group(bystander: Bystander) -> None:
    """Customers with an offer, once each, by group; who was erased is in none, and one group alone says nothing."""
    keys = keys_of(np.array([b"C1", b"C2", b"C3"])).tolist()
    made = [decision(n, n, 50 + n, customer=key) for n, key in enumerate([keys[0], keys[0], keys[1]])]
    held = decision(9, 9, 60, customer=keys[2], outcome="capacity")
    decided = decided_of([*made, held])
    rates = contact_rates(decided, bystander.groupings(frozenset({keys[1]})))

    assert [(one.grouping, one.group, one.customers, one.contacted) for one in rates] == [
        ("region", "north", 1, 1),
        ("region", "not told", 1, 0),
    ]
    assert 0.0 < rates[0].share.low < rates[0].share.value == rates[0].share.high == 1.0
