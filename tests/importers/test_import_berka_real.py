"""The Berka importer on the published data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from forbear.domain.terms import Direction
from forbear.features.columns import EventColumns, EventKind, codes_of, day_number, day_of, joined
from forbear.importers.base import ImportReport, Refusal
from forbear.importers.berka import BerkaImporter


@dataclass(frozen=True)
class Real:
    """What the import gave: postings, and the times and days of every event."""

    postings: EventColumns
    received_us: np.ndarray
    closed_days: np.ndarray
    closed_us: np.ndarray
    report: ImportReport
    refusals: list[Refusal]


@pytest.fixture(scope="session")
def real(real_berka_folder: Path) -> Real:
    """One import for all tests."""
    refusals: list[Refusal] = []
    report = ImportReport(refusals.append)
    chunks = list(BerkaImporter(real_berka_folder).read(report))
    closes = [chunk.take(chunk.kind == EventKind.DAY_CLOSED) for chunk in chunks]
    return Real(
        postings=joined([chunk.take(chunk.kind == EventKind.TRANSACTION) for chunk in chunks]),
        received_us=np.concatenate([chunk.received_us for chunk in chunks]),
        closed_days=np.concatenate([part.day for part in closes]),
        closed_us=np.concatenate([part.received_us for part in closes]),
        report=report,
        refusals=refusals,
    )


def test_every_posting_is_taken(real: Real) -> None:
    """All 547,004 postings of the five years are accepted, none is refused."""
    summary = real.report.summary()

    assert (
        real.refusals,
        summary["rows"]["trans.asc.gz"],
        summary["accepted"]["transaction"],
    ) == ([], 547_004, 547_004)
    assert (summary["first_booked"], summary["last_booked"]) == ("1993-01-01", "1997-12-31")
    assert (summary["customers"], summary["duplicates"], summary["conflicts"]) == (4_500, 0, 0)


def test_every_day_is_closed_in_log_order(real: Real) -> None:
    """Time never goes back, and all 1,826 days are closed, one after the other."""
    first = day_number(date(1993, 1, 1))

    assert (np.diff(real.received_us) >= 0).all()
    assert np.array_equal(np.arange(first, first + 1_826), real.closed_days)
    assert len({(day_of(day).year, day_of(day).month) for day in real.closed_days}) == 60


def test_balances_chain_within_a_day(real: Real) -> None:
    """Of the pairs of postings within an account's day, 96 % and more follow from each other's balance."""
    p = real.postings
    rows = np.lexsort((p.sequence, p.booked_us, p.account_id))
    after = p.balance_after_minor[rows]
    credit = p.direction[rows] == codes_of(Direction)[Direction.CREDIT]
    before = after - np.where(credit, 1, -1) * p.amount_minor[rows]
    same_day = (p.account_id[rows][1:] == p.account_id[rows][:-1]) & (p.booked_us[rows][1:] == p.booked_us[rows][:-1])

    assert same_day.sum() == 94_639
    assert (before[1:] == after[:-1])[same_day].mean() > 0.96
