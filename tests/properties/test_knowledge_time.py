"""A training row knows what the log held when it was cut, and nothing that came later."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forbear.adapters.archive import FileArchive
from forbear.domain.calendar import BankCalendar
from forbear.domain.deployment import Deployment, Eligibility, MissDefinition
from forbear.domain.events import DayClosed, Event
from forbear.domain.terms import OutcomeStatus
from forbear.engine.backfill import Feed, Rows, training_rows
from forbear.features.columns import columns_of, day_number
from forbear.testing.builders import START, at, closed, outcome, transaction, update
from forbear.testing.histories import histories

DEPLOYMENT = Deployment(
    source="test",
    currency="EUR",
    time_zone="UTC",
    opens_on=START,
    miss=MissDefinition(kind="missed_payment"),
    eligibility=Eligibility(history_days=0, active_within_days=120, clear_days=30),
)


def rows_of(log: Sequence[Event], cut_days: list[int], until_day: int | None = None) -> Rows:
    """Training rows of a log, by way of an archive."""
    with tempfile.TemporaryDirectory() as folder:
        archive = FileArchive(Path(folder))
        archive.append(columns_of(log))
        return training_rows(Feed(archive, DEPLOYMENT, BankCalendar()), cut_days, until_day=until_day).rows


def corrections(day: int, count: int) -> list[Event]:
    """Facts that arrive after the close of a day and are dated on it or before: every kind that there is."""
    told = at(day + 1, 3.0)
    made: list[Event] = []
    for number in range(count):
        back = max(day - 7 * number, 0)
        late = {"customer_id": f"C{1 + number % 3}", "received_at": told}
        made += [
            transaction(9_000 + number, **late, booked_at=at(back), amount_minor=77_700, balance_after_minor=-5_000),
            outcome(9_000 + number, **late, due=back, booked_at=told),
            update(9_000 + number, **late, booked_at=at(back, 1.0), owed_minor=123_456),
        ]
    return made


@given(histories, st.data(), st.integers(1, 5))
def test_late_corrections_never_change_a_row_cut_before_them(log: list[Event], data: st.DataObject, count: int) -> None:
    """Corrections inserted right after a close leave the rows of that close as they were, to the last bit."""
    places = [place for place, event in enumerate(log) if isinstance(event, DayClosed)]
    place = data.draw(st.sampled_from(places))
    cut = log[place]
    assert isinstance(cut, DayClosed)
    day = (cut.day - START).days
    tail = [closed(day + ahead) for ahead in range(1, 33)]
    before = rows_of([*log[: place + 1], *tail], [day_number(cut.day)])
    after = rows_of([*log[: place + 1], *corrections(day, count), *tail], [day_number(cut.day)])
    assert before.values.tobytes() == after.values.tobytes()
    np.testing.assert_array_equal(before.customer, after.customer)


def payer(days: int) -> list[Event]:
    """A customer who spends every day of a quiet history."""
    log: list[Event] = []
    for day in range(days):
        log += [transaction(day, day=day, balance_after_minor=50_000), closed(day)]
    return log


def test_a_label_looks_thirty_days_ahead_and_no_further() -> None:
    """A miss on the 30th day after the cut makes the row positive, one on the 31st does not."""
    cut = day_number(START) + 60
    for due, ahead in ((60, None), (61, 0.0), (90, 29.0), (91, None)):
        log = sorted([*payer(130), outcome(1, due=due, booked_at=at(due, 13.0))], key=lambda event: event.received_at)
        rows = rows_of(log, [cut])
        if due == 60:
            assert len(rows.labels) == 0, "a customer who has just missed a payment is not asked about"
        else:
            np.testing.assert_array_equal(rows.days_ahead, [np.nan if ahead is None else ahead])


def test_until_bounds_both_what_is_known_and_the_label_window() -> None:
    """A label's last day was closed before `until`, and what was received from then on might as well not exist."""
    log = payer(130)
    until = day_number(START) + 100
    cuts = [until - 32, until - 31, until - 30, until - 1]
    rows = rows_of(log, cuts, until)
    assert rows.cut_day.tolist() == cuts[:1]
    poisoned = [*payer(100), *(transaction(9_000 + n, day=100, amount_minor=10**9) for n in range(50)), *log[200:]]
    assert rows_of(poisoned, cuts, until).values.tobytes() == rows.values.tobytes()


def test_a_miss_that_is_told_after_until_is_no_positive() -> None:
    """A miss inside the window that became known only after `until` cannot have been learned from."""
    told_late = outcome(1, due=65, booked_at=at(101, 1.0))
    log = sorted([*payer(130), told_late], key=lambda event: event.received_at)
    cut, until = day_number(START) + 60, day_number(START) + 100
    assert not rows_of(log, [cut], until).labels.any()
    assert rows_of(log, [cut]).labels.all()


def test_a_miss_that_was_reported_in_error_is_no_miss() -> None:
    """Told of as missed, then as paid on its due day: no positive; paid later it was missed, whatever came of it."""
    cut = day_number(START) + 60
    for paid_on, ahead in ((70, np.nan), (75, 9.0)):
        wrong = outcome(1, due=70, booked_at=at(76, 13.0))
        mend = outcome(2, due=70, booked_at=at(78, 13.0), status=OutcomeStatus.CURED, paid_on=day_after(paid_on))
        log = sorted([*payer(130), wrong, mend], key=lambda event: event.received_at)
        np.testing.assert_array_equal(rows_of(log, [cut]).days_ahead, [ahead])
        until = day_number(START) + 77
        assert len(rows_of(log, [cut], until).labels) == 0, "not mature: nobody labels on a first report alone"


def test_an_error_counts_for_as_long_as_nobody_knew_of_it() -> None:
    """Between the wrong report and its mend the customer is not asked about, as it was then; afterwards they are."""
    wrong = outcome(1, due=70, booked_at=at(76, 13.0))
    mend = outcome(2, due=70, booked_at=at(78, 13.0), status=OutcomeStatus.CURED, paid_on=day_after(70))
    log = sorted([*payer(130), wrong, mend], key=lambda event: event.received_at)
    start = day_number(START)
    assert rows_of(log, [start + 75, start + 77, start + 80]).cut_day.tolist() == [start + 75, start + 80]


def day_after(days: int) -> date:
    """So many days after START."""
    return START + timedelta(days=days)
