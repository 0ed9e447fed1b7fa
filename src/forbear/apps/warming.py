"""Compile the kernels of two layers side by side: the first command after an installation is half as long on two cores.

Run as a module it folds and asks about a day or two of one customer, which compiles what the ledger needs.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import numpy as np

from forbear.compiled import on_disk
from forbear.domain.calendar import BankCalendar
from forbear.domain.deployment import Deployment, MissDefinition
from forbear.domain.events import DayClosed, Event, Transaction
from forbear.domain.terms import AccountKind, Direction
from forbear.features.batch import batch_of
from forbear.features.book import Book
from forbear.features.columns import columns_of, day_number
from forbear.features.compute import FeatureSet
from forbear.features.eligibility import with_eligibility
from forbear.features.local_time import local_time
from forbear.features.streaming import Marks
from forbear.simulation.bank import simulate
from forbear.simulation.spec import BankSpec

_OPENS = date(2024, 1, 1)


def warm_up() -> None:
    """Compile the ledger's kernels in a process of its own while this one compiles the simulator's; wait for both."""
    if on_disk("features") or on_disk("simulation"):
        return
    ours = [sys.executable, "-m", __name__]
    with subprocess.Popen(ours, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):  # noqa: S603  # our own module
        for _ in simulate(BankSpec(customers=4, days=10)):
            pass


def use_ledger() -> None:
    """Fold, stream and ask, as a worker and a replay do."""
    miss = MissDefinition(kind="missed_payment")
    deployment = Deployment(source="nobody", currency="EUR", time_zone="UTC", opens_on=_OPENS, miss=miss)
    book = Book(with_eligibility(FeatureSet.standard(), deployment), day_number(_OPENS), BankCalendar())
    batch = batch_of(columns_of(_a_day()), local_time(deployment.time_zone))
    book.replay(batch, {day_number(_OPENS)}, lambda _day, _slots, _values: None)
    book.stream(batch.slice(0, 1), Marks(np.ones(1, dtype=np.uint8), 1, 1))
    book.compute()
    book.restore(book.state())
    book.slots_of(book.keys)


def _a_day() -> list[Event]:
    """One transaction, and the close of its day."""
    noon = datetime.combine(_OPENS, datetime.min.time(), UTC) + timedelta(hours=12)
    bought = Transaction(
        transaction_id="1",
        customer_id="nobody",
        account_id="1",
        account_kind=AccountKind.CURRENT,
        direction=Direction.DEBIT,
        amount_minor=100,
        currency="EUR",
        booked_at=noon,
        received_at=noon,
    )
    return [bought, DayClosed(partition=0, day=_OPENS, received_at=noon + timedelta(days=1))]


if __name__ == "__main__":
    use_ledger()
