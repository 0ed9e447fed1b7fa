"""The Berka importer on small files in the published form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from forbear.domain.errors import ConfigError
from forbear.domain.events import CustomerUpdated, DayClosed, Transaction
from forbear.domain.terms import Category, Channel, Direction, ObligationKind
from forbear.importers.berka import BerkaImporter

Imports = Callable[..., Any]
OPEN = '10;1;930101;"PRIJEM";"VKLAD";900.00;900.00;"";"";'


def test_posting_becomes_a_transaction(berka: Imports) -> None:
    """A cash deposit carries its amount in haler, its balance, and the clocks of a date without time."""
    [made] = berka([OPEN]).of(Transaction)

    assert (
        made.transaction_id,
        made.customer_id,
        made.account_id,
        made.amount_minor,
        made.balance_after_minor,
    ) == ("10", "B1", "1", 90_000, 90_000)
    assert (made.direction, made.channel, made.category) == (Direction.CREDIT, Channel.BRANCH, Category.CASH)
    assert datetime(1993, 1, 1, 11, tzinfo=UTC) == made.booked_at
    assert datetime(1993, 1, 1, 22, 59, 59, tzinfo=UTC) == made.received_at


@pytest.mark.parametrize(
    ("posting", "direction", "channel", "category"),
    [
        ("PRIJEM;PREVOD Z UCTU;5.00;5.00;;AB;123", "credit", "transfer", "salary"),
        ("PRIJEM;PREVOD Z UCTU;5.00;5.00;DUCHOD;AB;123", "credit", "transfer", "pension"),
        ("PRIJEM;;5.00;5.00;UROK;;", "credit", "internal", "interest"),
        ("VYDAJ;VYBER;5.00;-5.00; ;;", "debit", "branch", "cash"),
        ("VYBER;VYBER;5.00;-5.00;;;", "debit", "branch", "cash"),
        ("VYDAJ;VYBER KARTOU;5.00;-5.00;;;", "debit", "atm", "cash"),
        ("VYDAJ;VYBER;5.00;-5.00;SANKC. UROK;;", "debit", "internal", "overdraft_interest"),
        ("VYDAJ;VYBER;5.00;-5.00;SLUZBY;;", "debit", "internal", "fee"),
        ("VYDAJ;PREVOD NA UCET;5.00;-5.00;SIPO;AB;123", "debit", "transfer", "utilities"),
        ("VYDAJ;PREVOD NA UCET;5.00;-5.00;POJISTNE;AB;123", "debit", "transfer", "insurance"),
        ("VYDAJ;PREVOD NA UCET;5.00;-5.00;UVER;AB;123", "debit", "transfer", "loan_repayment"),
        ("VYDAJ;PREVOD NA UCET;5.00;-5.00;;AB;123", "debit", "transfer", "other"),
    ],
)
def test_czech_codes(berka: Imports, posting: str, direction: str, channel: str, category: str) -> None:
    """Every published combination of codes has its meaning; the symbol goes before the operation."""
    [made] = berka([f"1;1;930102;{posting}"]).of(Transaction)

    assert (direction, channel, category) == (made.direction, made.channel, made.category)
    assert ("AB/123" if channel == "transfer" else None) == made.counterparty


def test_day_is_ordered_by_running_balance(berka: Imports) -> None:
    """The last posting of a day is the one that leaves its closing balance, whatever the ids say."""
    made = berka(
        [
            '3;1;930105;"VYDAJ";"VYBER";100.00;1000.00;"";"";',
            '1;1;930105;"PRIJEM";"VKLAD";200.00;1100.00;"";"";',
            '9;1;930105;"VYDAJ";"VYBER";50.00;950.00;"";"";',
            OPEN,
        ]
    ).of(Transaction)

    assert [one.transaction_id for one in made] == ["10", "1", "3", "9"]
    assert [one.sequence for one in made] == [0, 0, 1, 2]


def test_broken_chain_puts_money_in_first_and_sanctions_last(berka: Imports) -> None:
    """Where the posting between two others is missing, the kinds of postings decide."""
    made = berka(
        [
            '1;1;930131;"VYDAJ";"VYBER";14.60;2000.00;"SLUZBY";"";',
            '2;1;930131;"VYDAJ";"VYBER";5.00;3000.00;"SANKC. UROK";"";',
            '3;1;930131;"PRIJEM";"";20.00;4000.00;"UROK";"";',
        ]
    ).of(Transaction)

    assert [one.transaction_id for one in made] == ["3", "1", "2"]


def test_customers_carry_region_segment_and_loan_from_its_date_on(berka: Imports) -> None:
    """A loan is an obligation from its date, due on the 12ths that follow; who owns the account gives the region."""
    made = berka([OPEN, '11;2;930301;"PRIJEM";"VKLAD";1.00;1.00;"";"";'])
    first, second, loan = made.of(CustomerUpdated)

    assert (first.customer_id, first.region, first.segment, first.obligations) == ("B1", "Benesov", "monthly", ())
    assert (
        second.customer_id,
        second.region,
        second.segment,
        second.obligations,
    ) == ("B2", "Hl.m. Praha", "weekly", ())
    [owed] = loan.obligations
    assert datetime(1993, 1, 12, 23, tzinfo=UTC) == loan.booked_at
    assert (owed.kind, owed.amount_minor, owed.exposure_minor) == (ObligationKind.LOAN, 803_300, 9_639_600)
    assert (date(1993, 2, 12), date(1994, 1, 12)) == (owed.due_on, owed.ends_on)
    assert made.report.customers == 2


def test_nothing_protected_and_nothing_of_the_future_is_carried(berka: Imports) -> None:
    """Neither birth number nor loan status leave a trace: other values give the same events."""
    loan = '"loan_id";"account_id";"date";"amount";"duration";"payments";"status"\n9;2;930113;96396;12;8033.00;"%s"\n'
    client = '"client_id";"birth_number";"district_id"\n1;"%s";2\n2;"450204";1\n3;"406009";1\n'
    postings = [OPEN, '11;2;930301;"PRIJEM";"VKLAD";1.00;1.00;"";"";']

    one = berka(postings, loan=loan % "A", client=client % "706213")
    other = berka(postings, loan=loan % "D", client=client % "350101")

    assert one.events == other.events


def test_days_close_in_their_place(berka: Imports) -> None:
    """Each day up to the last posting's is closed once, after its own postings and before the next day's."""
    made = berka([OPEN, '11;1;930103;"PRIJEM";"VKLAD";1.00;901.00;"";"";'])

    assert [one.day.day if isinstance(one, DayClosed) else one.__struct_config__.tag for one in made.events] == [
        "customer",
        "transaction",
        1,
        2,
        "transaction",
        3,
    ]
    assert datetime(1993, 1, 1, 23, tzinfo=UTC) == made.of(DayClosed)[0].received_at


def test_account_opened_after_the_last_posting_is_set_aside(berka: Imports) -> None:
    """What would come after the last day is not imported, and is counted."""
    made = berka([OPEN])

    assert made.report.summary()["set_aside"] == {"after_last_posting": 2}


@pytest.mark.parametrize(
    ("posting", "code"),
    [
        ("1;1;930132;PRIJEM;VKLAD;1.00;1.00;;;", "bad_date"),
        ("1;1;30240101;PRIJEM;VKLAD;1.00;1.00;;;", "bad_date"),
        ("1;1;920101;PRIJEM;VKLAD;1.00;1.00;;;", "before_opening"),
        ("1;1;990101;PRIJEM;VKLAD;1.00;1.00;;;", "in_future"),
        ("1;1;930101;PRIJEM;VKLAD;-1.00;1.00;;;", "negative_amount"),
        ("1;1;930101;PRIJEM;VKLAD;1.005;1.00;;;", "too_many_decimals"),
        ("1;1;930101;PRIJEM;VKLAD;1e3;1.00;;;", "bad_amount"),
        ("1;1;930101;PRIJEM;VKLAD;1.00;;;;", "bad_amount"),
        ("1;7;930101;PRIJEM;VKLAD;1.00;1.00;;;", "unknown_account"),
        ("1;1;930101;GIFT;VKLAD;1.00;1.00;;;", "unknown_code"),
        ("1;1;930101;PRIJEM;VKLAD;1.00;1.00;NEW;;", "unknown_code"),
        ("1;1;930101;PRIJEM;VKLAD;1.00", "field_count"),
        (";1;930101;PRIJEM;VKLAD;1.00;1.00;;;", "mistyped"),
    ],
)
def test_bad_posting_is_refused_and_the_run_carries_on(berka: Imports, posting: str, code: str) -> None:
    """A bad posting becomes a dead letter with its line; those around it are taken."""
    made = berka([OPEN, posting])

    assert [(code, "trans.asc", 3, posting)] == [(r.code, r.file, r.line, r.raw) for r in made.refusals]
    assert [one.transaction_id for one in made.of(Transaction)] == ["10"]


def test_repeated_trans_id(berka: Imports) -> None:
    """The same posting twice is a duplicate; the same id with another amount is a conflict."""
    made = berka([OPEN, OPEN, OPEN.replace("900.00;900", "800.00;900")])

    assert (made.report.duplicates, made.codes, len(made.of(Transaction))) == (1, ["conflict"], 1)


def test_account_without_owner_is_refused_with_its_postings(berka: Imports) -> None:
    """A broken link between the tables is shown, row by row, and never patched."""
    made = berka([OPEN], disp='"disp_id";"client_id";"account_id";"type"\n2;2;2;"OWNER"\n3;3;1;"DISPONENT"\n')

    assert made.codes == ["unknown_code", "unknown_account"]


def test_loan_older_than_its_account_is_refused(berka: Imports) -> None:
    """Otherwise the account's opening would take the loan away again."""
    loan = '"loan_id";"account_id";"date";"amount";"duration";"payments";"status"\n9;2;930104;96396;12;8033.00;"B"\n'

    assert berka([OPEN], loan=loan).codes == ["before_opening"]


def test_missing_table_stops_the_run(berka: Imports, tmp_path: Path) -> None:
    """Without one of its files the folder is not this data set."""
    berka([OPEN])
    (tmp_path / "loan.asc").unlink()

    with pytest.raises(ConfigError, match=r"no loan.asc"):
        BerkaImporter(tmp_path)


def test_comma_delimited_table_stops_the_run_with_advice(berka: Imports) -> None:
    """Another delimiter than the published one is named."""
    with pytest.raises(ConfigError, match="the delimiter looks like ','"):
        berka([OPEN], loan="loan_id,account_id,date,amount,duration,payments,status\n")
