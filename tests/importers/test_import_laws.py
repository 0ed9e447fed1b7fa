"""Laws of importing any bank's files."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.domain.errors import StorageError
from forbear.domain.events import CustomerUpdated, DayClosed, PaymentOutcome, Transaction, encode
from forbear.importers import events
from forbear.importers.base import ImportReport, clipped
from forbear.importers.events import EventsImporter
from forbear.importers.mapping import parse_mapping

Imports = Callable[..., Any]
HEADER = "id,customer,account,booked,amount,currency,direction\n"
START = datetime(2024, 1, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
several = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

rows = st.lists(
    st.builds(
        lambda number, customer, hour, cents: (
            f"{number},K{customer},A,{START + timedelta(hours=hour)},0.0{cents},EUR,debit\n"
        ),
        st.integers(0, 30),
        st.integers(0, 3),
        st.integers(0, 24 * 9),
        st.integers(0, 1),
    ),
    max_size=60,
)


@pytest.fixture(params=[1, 7])
def partitions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """So many partitions in the external sort, and runs of a few rows."""
    monkeypatch.setattr(events, "partitions_for", lambda _: request.param)
    monkeypatch.setattr("forbear.importers.spool._RUN_ROWS", 3)
    monkeypatch.setattr(events, "CHUNK_ROWS", 5)
    return int(request.param)


@several
@given(lines=rows)
def test_log_order_and_day_closes(imports: Imports, partitions: int, lines: list[str]) -> None:
    """Time never goes back; each day closes once, after all that was received in it and before all that came later."""
    made = imports(HEADER + "".join(lines))

    received = [event.received_at for event in made.events]
    assert received == sorted(received)
    closed = [event.day for event in made.of(DayClosed)]
    last = max(
        (event.received_at.astimezone(BERLIN).date() for event in made.of(Transaction)), default=date(2023, 12, 31)
    )
    assert [date(2024, 1, 1) + timedelta(days=n) for n in range((last - date(2023, 12, 31)).days)] == closed
    open_day = date(2024, 1, 1)
    for event in made.events:
        if isinstance(event, DayClosed):
            open_day = event.day + timedelta(days=1)
        else:
            assert event.received_at.astimezone(BERLIN).date() == open_day


@several
@given(lines=rows)
def test_no_row_is_lost_or_counted_twice(imports: Imports, partitions: int, lines: list[str]) -> None:
    """Rows read are accepted, duplicates or refused; an id of a customer is accepted once."""
    made = imports(HEADER + "".join(lines))

    accepted = made.of(Transaction)
    assert len(lines) == len(accepted) + made.report.duplicates + made.report.conflicts
    assert made.report.conflicts == len(made.refusals) == made.codes.count("conflict")
    keys = [(event.customer_id, event.transaction_id) for event in accepted]
    assert len(keys) == len(set(keys)) == len({tuple(line.split(",")[:2]) for line in lines})
    assert len({customer for customer, _ in keys}) == made.report.customers


@several
@given(lines=rows, random=st.randoms(use_true_random=False))
def test_order_of_the_file_has_no_effect(imports: Imports, lines: list[str], random: Random) -> None:
    """What is received at different times comes out the same, however the file was sorted."""
    distinct = sorted({line.split(",")[3]: line for line in lines}.values())
    straight = imports(HEADER + "".join(distinct))
    shuffled = imports(HEADER + "".join(random.sample(distinct, len(distinct))))

    assert said(straight) == said(shuffled)


def said(made: Any) -> list[tuple[object, ...]]:
    """Transactions without their place in the file."""
    return [
        (event.received_at, event.customer_id, event.transaction_id, event.amount_minor)
        for event in made.of(Transaction)
    ]


@several
@given(lines=rows)
def test_own_form_is_imported_as_it_was(
    imports: Imports, folder_imports: Imports, tmp_path: Path, lines: list[str]
) -> None:
    """Events written as JSON Lines come back equal; their day closes are set aside and made anew."""
    made = imports(HEADER + "".join(lines))
    (tmp_path / "own.jsonl").write_bytes(b"".join(encode(event) + b"\n" for event in made.events))
    again = folder_imports(["own.jsonl"], DEPLOYMENT_ONLY)

    assert made.events == again.events
    assert len(made.of(DayClosed)) == again.report.set_aside["day_closed"]


DEPLOYMENT_ONLY = """
[deployment]
source = "test"
currency = "EUR"
time_zone = "Europe/Berlin"
opens_on = 2024-01-01
miss = { kind = "missed_payment" }
"""


def test_customers_come_before_transactions_before_payments(folder_imports: Imports, tmp_path: Path) -> None:
    """At the same instant the kinds have an order, so that an obligation is known before its outcome."""
    at = datetime(2024, 1, 2, 12, tzinfo=UTC)
    both = {"customer_id": "K", "booked_at": at, "received_at": at}
    outcome = PaymentOutcome(
        outcome_id="o", obligation_id="l", due_on=date(2024, 1, 2), amount_due_minor=1, status="missed", **both
    )
    paid = Transaction(
        transaction_id="t",
        account_id="a",
        account_kind="current",
        direction="debit",
        amount_minor=1,
        currency="EUR",
        **both,
    )
    known = CustomerUpdated(update_id="c", **both)
    (tmp_path / "own.jsonl").write_bytes(b"\n".join(map(encode, (outcome, paid, known))))

    made = folder_imports(["own.jsonl"], DEPLOYMENT_ONLY)

    assert [type(event).__name__ for event in made.events] == [
        "DayClosed",
        "CustomerUpdated",
        "Transaction",
        "PaymentOutcome",
        "DayClosed",
    ]


def test_clock_change_days_have_23_and_25_hours(imports: Imports) -> None:
    """A day closes at its own midnight: 23 hours long in March, 25 in October."""
    made = imports(HEADER + "1,K,A,2024-11-01T00:00:00+01:00,1,EUR,debit\n")

    lengths = {b.day: (b.received_at - a.received_at) / timedelta(hours=1) for a, b in pairwise(made.of(DayClosed))}
    assert (lengths[date(2024, 3, 31)], lengths[date(2024, 10, 27)]) == (23, 25)
    assert {23, 24, 25} == set(lengths.values())


def test_midnight_belongs_to_the_new_day(imports: Imports) -> None:
    """What is received at 00:00 comes after the close of the day before."""
    made = imports(HEADER + "1,K,A,2024-01-02T00:00:00+01:00,1,EUR,debit\n")

    assert [type(event).__name__ for event in made.events] == ["DayClosed", "Transaction", "DayClosed"]


def test_report_finds_days_without_transactions(imports: Imports) -> None:
    """The longest stretch of days without any transaction is named; the summary is plain JSON."""
    made = imports(
        HEADER + "1,K,A,2024-01-02,1,EUR,debit\n2,K,A,2024-01-04,1,EUR,debit\n3,K,B,2024-01-09,1,EUR,debit\n"
    )

    summary = made.report.summary()
    assert summary["longest_gap"] == {"first": "2024-01-05", "last": "2024-01-08", "days": 4}
    assert (summary["days_without_transactions"], summary["accounts"]) == (5, 2)
    assert json.loads(json.dumps(summary)) == summary


def test_progress_never_goes_back_and_ends_at_the_whole(tmp_path: Path, mapping_text: Callable[..., str]) -> None:
    """A progress bar can follow the bytes read."""
    for n in (1, 2):
        (tmp_path / f"t{n}.csv").write_text(HEADER + f"{n},K,A,2024-01-02,1,EUR,debit\n")
    seen: list[tuple[int, int]] = []
    files = [tmp_path / "t1.csv", tmp_path / "t2.csv"]
    importer = EventsImporter(files, parse_mapping(mapping_text({})), scratch=tmp_path, today=date(2024, 12, 31))

    list(importer.read(ImportReport(print), lambda done, whole: seen.append((done, whole))))

    whole = sum(path.stat().st_size for path in files)
    assert seen == sorted(seen)
    assert (whole, whole) == seen[-1]


def test_missing_scratch_folder_is_named(tmp_path: Path, mapping_text: Callable[..., str]) -> None:
    """An importer makes no folder of its own: without one it says so."""
    (tmp_path / "t.csv").write_text(HEADER)
    importer = EventsImporter(
        [tmp_path / "t.csv"], parse_mapping(mapping_text({})), scratch=tmp_path / "none", today=date(2024, 1, 1)
    )

    with pytest.raises(StorageError, match="scratch folder"):
        list(importer.read(ImportReport(print)))


@given(st.text())
def test_raw_record_is_clipped_to_2048_bytes(text: str) -> None:
    """A clipped record is valid UTF-8 and the head of what came."""
    assert len(clipped(text * 50).encode()) <= 2_048
    assert (text * 50).startswith(clipped(text * 50))
