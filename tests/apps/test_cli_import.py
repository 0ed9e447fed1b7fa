"""Importing files in which everything is wrong that can be: what is good is taken, the rest is listed with reasons."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest

from forbear.domain.events import encode
from forbear.domain.terms import AccountKind
from forbear.testing.builders import at, closed, transaction

Cli = Callable[..., Any]

MAPPING = """
[deployment]
source = "hostile"
currency = "EUR"
time_zone = "Europe/Berlin"
country = "DE"
opens_on = 2024-01-01
[deployment.miss]
kind = "balance"
[[transactions]]
files = ["*.csv"]
time_zone = "Europe/Berlin"
sign = "negative_is_debit"
[transactions.columns]
transaction_id = "id"
customer_id = "customer"
account_id = "account"
booked_at = "booked"
amount = "amount"
balance_after = "balance"
category = "category"
[transactions.constants]
account_kind = "current"
currency = "EUR"
"""

GOOD = "1,K1,A1,2024-01-05T10:00:00,-12.50,100.00,groceries"
LINES = {
    GOOD: None,
    "2,K1,A1,2024-01-06T10:00:00,-1.00,99.00,groceries": None,
    GOOD.replace("2024-01-05T10", "2024-01-05T11"): "conflict",
    "3,K1,A1,2024-01-07T10:00:00,-1.005,99.00,groceries": "too_many_decimals",
    "4,K1,A1,2024-01-07T10:00:00,lots,99.00,groceries": "bad_amount",
    "5,K1,A1,3024-01-07T10:00:00,-1.00,99.00,groceries": "absurd_date",
    "6,K1,A1,2023-12-31T10:00:00,-1.00,99.00,groceries": "before_opening",
    "7,K1,A1,07/01/2024,-1.00,99.00,groceries": "bad_date",
    "8,K1,A1,2024-01-07T10:00:00,-1.00,99.00,sweets": "mistyped",
    "9,,A1,2024-01-07T10:00:00,-1.00,99.00,groceries": "missing_value",
    "10,K 1,A1,2024-01-07T10:00:00,-1.00,99.00,groceries": "mistyped",
    "11,K1,A1,2024-01-07T10:00:00,-1.00": "field_count",
    '12,"K1,A1,2024-01-07T10:00:00,-1.00,99.00,groceries': "bad_quoting",
    "13,K1,A1,2099-01-07T10:00:00,-1.00,99.00,groceries": "in_future",
    "14,K\0,A1,2024-01-07T10:00:00,-1.00,99.00,groceries": "nul_byte",
    "=cmd|' /C calc'!A0,K1,A1,2024-01-07T10:00:00,-1.00,99.00,groceries": "mistyped",
}
"""Every line and the code of its refusal, None for those that are taken."""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A mapping, and a file with all of these lines, one good line twice and one that is no UTF-8."""
    (tmp_path / "m.toml").write_text(MAPPING)
    lines = ["id,customer,account,booked,amount,balance,category", *LINES, GOOD, "15,K1,A1,\xff,-1.00,99.00,groceries"]
    (tmp_path / "t.csv").write_bytes(b"\r\n".join(line.encode("latin-1") for line in lines) + b"\r\n")
    return tmp_path


def dead_letters(home: Path, name: str) -> list[Any]:
    """The lines of one file of dead letters."""
    return [json.loads(line) for line in (home / "dead-letters" / name).read_text().splitlines()]


def test_every_row_of_a_hostile_file_is_accounted_for(cli: Cli, hostile: Path) -> None:
    """Rows read are accepted, duplicates or refused; each refused one is a dead letter with place, code and text."""
    home = hostile / "home"
    said = cli(
        "import", "events", hostile / "t.csv", "--mapping", hostile / "m.toml", "--home", home, "--json"
    ).document
    letters = dead_letters(home, "import.jsonl")
    expected = Counter([code for code in LINES.values() if code] + ["bad_encoding"])

    assert said["rows"] == {"t.csv": len(LINES) + 2}
    assert said["accepted"]["transaction"] == 2
    assert said["duplicates"] == 1
    assert said["refused"] == expected == Counter(letter["code"] for letter in letters)
    assert len(LINES) + 2 == 2 + said["duplicates"] + sum(said["refused"].values()) + sum(said["set_aside"].values())
    assert said["ledger"]["events"] == sum(said["accepted"].values()) == sum(said["ledger"]["fold_counts"].values())
    numbers = {line: number for number, line in enumerate(LINES, start=2)}
    for letter in letters:
        assert letter["file"] == "t.csv"
        assert letter["message"]
        if letter["code"] not in ("conflict", "bad_encoding"):
            assert numbers[letter["raw"]] == letter["line"]
            assert LINES[letter["raw"]] == letter["code"]


def test_a_person_sees_where_the_refused_records_are(cli: Cli, hostile: Path) -> None:
    """Without --json the report counts every reason and names the folder of dead letters."""
    home = hostile / "home"
    shown = cli("import", "events", hostile / "t.csv", "--mapping", hostile / "m.toml", "--home", home).out

    assert f"Refused records and their reasons: {home / 'dead-letters'}" in shown.splitlines()
    assert "refused: too many decimals" in shown
    assert "refused: conflict" in shown


def test_a_clean_import_leaves_no_dead_letters(cli: Cli, hostile: Path) -> None:
    """Where nothing was refused there is no file of dead letters, and nothing is said of any."""
    (hostile / "t.csv").write_text(f"id,customer,account,booked,amount,balance,category\n{GOOD}\n")
    shown = cli("import", "events", hostile / "t.csv", "--mapping", hostile / "m.toml", "--home", hostile / "home")

    assert shown.code == 0
    assert list((hostile / "home" / "dead-letters").iterdir()) == []
    assert "Refused records" not in shown.out


def test_an_import_that_takes_nothing_says_why_and_changes_nothing(
    cli: Cli, hostile: Path, copied: Path, contents_of: Callable[[Path], Any]
) -> None:
    """If every record is refused, the line holds the reasons' counts and the first place; the old data stay."""
    before = contents_of(copied)
    (hostile / "t.csv").write_text(
        "id,customer,account,booked,amount,balance,category\n1,K1,A1,soon,1,1,groceries\n" * 1
    )

    command = ("import", "events", hostile / "t.csv", "--mapping", hostile / "m.toml", "--replace", "--home", copied)
    ended = cli(*command)

    assert ended.code == 4
    assert "1 of 1 rows were refused (bad_date 1), the first at t.csv line 2, booked_at" in ended.err
    assert contents_of(copied) == before


def test_a_file_whose_name_is_no_text_is_imported(cli: Cli, hostile: Path) -> None:
    """Bytes that are no text in a file's name reach neither JSON nor dead letters unescaped."""
    odd = Path(str(hostile) + "/\udcff.csv")
    (hostile / "t.csv").rename(odd)

    said = cli("import", "events", odd, "--mapping", hostile / "m.toml", "--home", hostile / "home", "--json").document

    assert list(said["rows"]) == ["\\udcff.csv"]
    assert {letter["file"] for letter in dead_letters(hostile / "home", "import.jsonl")} == {"\\udcff.csv"}


def test_own_form_refuses_one_by_one_and_sets_closes_aside(cli: Cli, hostile: Path) -> None:
    """JSON Lines pass the same door: torn, doubled and unknown fields are refused, day closes are made anew."""
    good = encode(transaction(1, booked_at=at(5), received_at=at(5)))
    lines = [good, good[:-9], good.replace(b"{", b'{"amount_minor":5,', 1), good[:-1] + b',"x":1}', encode(closed(3))]
    (hostile / "e.jsonl").write_bytes(b"\n".join(lines))

    command = ("import", "events", hostile / "e.jsonl", "--mapping", hostile / "m.toml", "--home", hostile / "home")
    said = cli(*command, "--json").document

    assert said["rows"] == {"e.jsonl": 5}
    assert said["refused"] == {"not_json": 1, "repeated_field": 1, "mistyped": 1}
    assert said["set_aside"] == {"day_closed": 1}
    assert said["accepted"]["transaction"] == 1


def test_what_the_ledger_cannot_take_is_listed_with_the_event(cli: Cli, hostile: Path) -> None:
    """An account that changes its kind and a fact told months too late are dead letters of the ledger, whole."""
    savings = transaction(2, booked_at=at(6), account_kind=AccountKind.SAVINGS)
    late = transaction(3, booked_at=at(1), received_at=at(200))
    events = [transaction(1, booked_at=at(5)), savings, late]
    (hostile / "e.jsonl").write_bytes(b"\n".join(map(encode, events)))

    command = ("import", "events", hostile / "e.jsonl", "--mapping", hostile / "m.toml", "--home", hostile / "home")
    said = cli(*command, "--json").document
    letters = dead_letters(hostile / "home", "ledger.jsonl")

    fates = said["ledger"]["fold_counts"]
    assert (fates["folded"], fates["wrong_account_kind"], fates["parked"]) == (1, 1, 1)
    assert [(letter["reason"], letter["event"]) for letter in letters] == [
        ("wrong_account_kind", json.loads(encode(savings))),
        ("parked", json.loads(encode(late))),
    ]
    assert all(isinstance(letter["offset"], int) for letter in letters)


def test_what_a_feed_repeats_differently_is_listed(
    load: Callable[..., Any], life: Callable[[str], list[Any]], tmp_path: Path
) -> None:
    """The same id with other content and another currency reach the ledger from a feed: each is a dead letter."""
    first, again = transaction(7_000, day=3), transaction(7_000, day=3, amount_minor=1)
    dollars = transaction(7_001, day=4, currency="USD")
    loaded = load(tmp_path / "home", [*life("C1"), first, first, again, dollars])
    letters = dead_letters(tmp_path / "home", "ledger.jsonl")

    assert loaded.fold_counts["duplicate"] == 1
    assert Counter(letter["reason"] for letter in letters) == {"conflict": 1, "wrong_currency": 1}
    assert [letter["event"]["transaction_id"] for letter in letters] == ["T7000", "T7001"]


class _Clock(datetime):
    """A clock that stands still."""

    stands_at = datetime(2024, 3, 10, 23, 30, tzinfo=UTC)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """The moment at which it stands."""
        return cls.stands_at.astimezone(tz)


@pytest.mark.parametrize(
    ("zone", "received", "taken"),
    [
        ("Pacific/Kiritimati", "2024-03-11T23:00:00+14:00", True),  # a day further than UTC
        ("Pacific/Kiritimati", "2024-03-12T01:00:00+14:00", False),
        ("UTC", "2024-03-10T23:45:00+00:00", True),
        ("UTC", "2024-03-11T00:15:00+00:00", False),
        ("Pacific/Pago_Pago", "2024-03-10T23:00:00-11:00", True),
        ("Pacific/Pago_Pago", "2024-03-11T01:00:00-11:00", False),
    ],
)
def test_today_is_the_banks_day(
    cli: Cli, hostile: Path, monkeypatch: pytest.MonkeyPatch, zone: str, received: str, taken: bool
) -> None:
    """What was received up to the end of the bank's own day is taken, what comes later is in the future."""
    monkeypatch.setattr("forbear.apps.cli_import.datetime", _Clock)
    (hostile / "m.toml").write_text(MAPPING.replace("Europe/Berlin", zone))
    told = datetime.fromisoformat(received)
    events = [transaction(1, booked_at=at(5)), transaction(2, booked_at=told - timedelta(hours=1), received_at=told)]
    (hostile / "e.jsonl").write_bytes(b"\n".join(map(encode, events)))

    command = ("import", "events", hostile / "e.jsonl", "--mapping", hostile / "m.toml", "--home", hostile / "home")
    said = cli(*command, "--json").document

    assert said["refused"] == ({} if taken else {"in_future": 1})
