"""The small tables of the Berka bank: who owns which account, where they live, what they have borrowed."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from forbear.domain.errors import ConfigError, InvalidEvent
from forbear.importers.base import ImportReport, Place, Refusal
from forbear.importers.lines import Meter
from forbear.importers.text import Dialect, TextTable
from forbear.importers.values import minor_units

_DIALECT = Dialect(delimiter=";")
_ENDINGS = (".asc", ".asc.gz", ".csv", ".csv.gz")
_INSTALMENT_DAY = 12
_SEGMENTS = {"POPLATEK MESICNE": "monthly", "POPLATEK TYDNE": "weekly", "POPLATEK PO OBRATU": "after_transaction"}
_OWNS = {"OWNER": True, "DISPONENT": False}

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """A loan as it was granted. first_due: the first 12th on or after `granted_on`; ends_on: the last."""

    loan_id: str
    granted_on: date
    amount_minor: int
    payment_minor: int
    first_due: date
    ends_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account with its owner's district. segment: how often its statement is issued."""

    account_id: str
    opened_on: date
    segment: str
    region: str
    place: Place


@dataclass(frozen=True, slots=True)
class Book:
    """accounts: by account id.  loans: by account id, with where each was read."""

    accounts: dict[str, Account]
    loans: dict[str, tuple[Loan, Place]]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the published files, and where what is read from it is reported."""

    path: Path
    report: ImportReport
    meter: Meter

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Place, list[str]]]:
        """The cells of these columns, blanks around them cut, row after row."""
        text = TextTable(table_file(self.path, table), _DIALECT, columns)
        places: list[int] = []
        for row in text.rows(self.report, self.meter):
            places = places or text.places(columns)
            yield Place(text.path.name, row.line, row.raw), [row.cells[place].strip() for place in places]

    def refuse(self, error: InvalidEvent, place: Place) -> None:
        """Hand a row on as refused."""
        self.report.refuse(Refusal.of(error, place))

    def keyed(self, table: str, columns: Sequence[str], read: Callable[[Place, list[str]], _Read]) -> dict[str, _Read]:
        """What `read` makes of each row, by the row's first column. A key that comes again is refused."""
        found: dict[str, _Read] = {}
        for place, cells in self.rows(table, columns):
            try:
                _new(found, cells[0], columns[0])
                found[cells[0]] = read(place, cells)
            except InvalidEvent as error:
                self.refuse(error, place)
        return found


def table_file(folder: Path, table: str) -> Path:
    """The one file of a table. Raises ConfigError where there is none, or more than one."""
    found = [path for ending in _ENDINGS if (path := folder / (table + ending)).is_file()]
    if not found:
        raise ConfigError(
            f"{folder}: there is no {table}.asc (nor .csv, nor either with .gz)",
            mend="give the folder that holds the published files",
        )
    if len(found) > 1:
        raise ConfigError(f"{folder}: {table} is there as {[path.name for path in found]}", mend="keep one of them")
    return found[0]


@lru_cache(maxsize=4_096)
def short_date(text: str) -> date:
    """A date written YYMMDD, of the twentieth century. Raises InvalidEvent "bad_date"."""
    try:
        if len(text) == len("930101") and text.isascii() and text.isdecimal():
            return date(1900 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        pass
    raise InvalidEvent(f"{text[:64]!r} is no date YYMMDD", field="date", code="bad_date")


def crowns(text: str, field: str) -> int:
    """Haler of an amount in CZK. Raises InvalidEvent that names the field."""
    try:
        return minor_units(text, 2)
    except InvalidEvent as error:
        raise InvalidEvent(str(error), field=field, code=error.code) from error


def read_book(folder: Folder) -> Book:
    """Accounts with an owner, and the loans on them. What cannot be used is refused row by row.

    birth_number (sex and age), loan.status (the state at the end of 1998), the undated order and card tables
    are not read at all.
    """
    districts = folder.keyed("district", ("A1", "A2"), lambda _, cells: cells[1])
    clients = folder.keyed(
        "client", ("client_id", "district_id"), lambda _, cells: _known(districts, cells[1], "district_id")
    )
    regions = _owners(folder, clients)
    accounts = folder.keyed(
        "account",
        ("account_id", "frequency", "date"),
        lambda place, cells: Account(
            account_id=cells[0],
            opened_on=short_date(cells[2]),
            segment=_known(_SEGMENTS, cells[1], "frequency"),
            region=_known(regions, cells[0], "account_id"),
            place=place,
        ),
    )
    return Book(accounts, _loans(folder, accounts))


def _owners(folder: Folder, clients: dict[str, str]) -> dict[str, str]:
    """The region of each account's owner. A DISPONENT may use the account and shares the owner's ledger."""
    regions: dict[str, str] = {}
    for place, (client, account, holder) in folder.rows("disp", ("client_id", "account_id", "type")):
        try:
            region = _known(clients, client, "client_id")
            if _known(_OWNS, holder, "type"):
                _new(regions, account, "account_id")
                regions[account] = region
        except InvalidEvent as error:
            folder.refuse(error, place)
    return regions


def _loans(folder: Folder, accounts: dict[str, Account]) -> dict[str, tuple[Loan, Place]]:
    def read(place: Place, cells: list[str]) -> tuple[Loan, Place]:
        account, loan_id, granted, amount, duration, payment = cells
        granted_on = short_date(granted)
        if granted_on < _known(accounts, account, "account_id").opened_on:
            raise InvalidEvent("granted before the account was opened", field="date", code="before_opening")
        months = int(duration) if duration.isascii() and duration.isdecimal() and len(duration) <= 3 else 0
        if months < 1:
            raise InvalidEvent(f"{duration[:64]!r} is no number of months", field="duration", code="mistyped")
        first = granted_on if granted_on.day <= _INSTALMENT_DAY else _months_on(granted_on, 1)
        first = first.replace(day=_INSTALMENT_DAY)
        return Loan(
            loan_id=loan_id,
            granted_on=granted_on,
            amount_minor=crowns(amount, "amount"),
            payment_minor=crowns(payment, "payments"),
            first_due=first,
            ends_on=_months_on(first, months - 1),
        ), place

    return folder.keyed("loan", ("account_id", "loan_id", "date", "amount", "duration", "payments"), read)


def _known(table: dict[str, _Read], key: str, field: str) -> _Read:
    try:
        return table[key]
    except KeyError as error:
        raise InvalidEvent(f"{field} {key[:64]!r} is not known here", field=field, code="unknown_code") from error


def _new(table: Mapping[str, object], key: str, field: str) -> None:
    if key in table:
        raise InvalidEvent(f"{field} {key[:64]!r} stands twice", field=field, code="conflict")


def _months_on(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
