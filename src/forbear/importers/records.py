"""From the cells of a mapped record to the plain row that the domain's door takes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, TypeAlias

from forbear.domain.deployment import Deployment
from forbear.domain.errors import InvalidEvent
from forbear.domain.money import decimals_of
from forbear.importers.days import LocalDays
from forbear.importers.mapping import MONEY, CustomerForm, Form, TransactionForm
from forbear.importers.values import minor_units, moment, sane

Row: TypeAlias = dict[str, Any]

MOST_OBLIGATIONS = 64
_INSTANTS = frozenset({"booked_at", "received_at"})
_DAYS = frozenset({"due_on", "paid_on", "obligation_due_on", "obligation_ends_on"})
_COUNTS = frozenset({"sequence", "days_past_due"})
_OBLIGATION = {
    "obligation_id": "obligation_id",
    "obligation_kind": "kind",
    "obligation_amount": "amount_minor",
    "obligation_due_on": "due_on",
    "obligation_frequency": "frequency",
    "obligation_ends_on": "ends_on",
    "obligation_exposure": "exposure_minor",
}


class RowReader:
    """Reads the records of one form. Raises InvalidEvent, which names the field, for what it cannot be sure of."""

    def __init__(self, form: Form, deployment: Deployment) -> None:
        self._form = form
        self._deployment = deployment
        self._days = LocalDays(deployment.time_zone)
        self._zone = LocalDays(form.time_zone).zone if form.time_zone else None
        self._opening = self._days.start(deployment.opens_on)
        self._readers = {field: self._reader(field) for field in form.known}

    def transaction(self, cells: Row) -> Row:
        """A row for Transaction. A dated one is booked at noon and known at the end of its day."""
        row = self._fields(cells)
        if row["currency"] != self._deployment.currency:
            raise InvalidEvent(
                f"currency {row['currency']} is not the ledger's {self._deployment.currency}",
                field="currency",
                code="wrong_currency",
            )
        self._sign(row)
        self._original(row)
        if "balance_after" in row:
            row["balance_after_minor"] = row.pop("balance_after")
        self._clocks(row, self._days.noon)
        return row

    def outcome(self, cells: Row) -> Row:
        """A row for PaymentOutcome."""
        row = self._fields(cells)
        row["amount_due_minor"] = row.pop("amount_due")
        self._clocks(row, self._days.noon)
        return row

    def customer(self, cells: Row) -> Row:
        """A row for CustomerUpdated with at most one obligation. What was known before the opening is known at it."""
        row = self._fields(cells)
        obligation = {name: row.pop(field) for field, name in _OBLIGATION.items() if field in row}
        if any(field in cells and field not in self._form.constants for field in _OBLIGATION):
            row["obligations"] = [obligation]
        if "consents" in row and isinstance(self._form, CustomerForm):
            row["consents"] = [text.strip() for text in row["consents"].split(self._form.list_separator)]
        self._clocks(row, self._days.start)
        row["received_at"] = max(row["received_at"], self._opening)
        row.setdefault("update_id", f"{row['customer_id']}:{row['booked_at']:%Y%m%dT%H%M%S}")
        return row

    def _fields(self, cells: Row) -> Row:
        row: Row = {}
        for field, cell in cells.items():
            try:
                word = self._word(field, cell) if field in self._form.values else cell
                row[field] = self._readers[field](word)
            except InvalidEvent as error:
                raise InvalidEvent(str(error), field=field, code=error.code) from error
        for field in self._form.required:
            if field not in row:
                raise InvalidEvent(f"{field} is empty", field=field, code="missing_value")
        return row

    def _word(self, field: str, cell: Any) -> str:
        words = self._form.values[field]
        word = words.get(str(cell), words.get("*"))
        if word is None:
            raise InvalidEvent(f"{str(cell)[:64]!r} is not among the values of the mapping", code="unmapped_value")
        return word

    def _reader(self, field: str) -> Callable[[Any], Any]:
        if field == "original_amount":
            return lambda cell: cell  # its currency stands in another cell
        if field in MONEY:
            return lambda cell: self._money(cell, self._deployment.currency)
        if field in _INSTANTS:
            return self._moment
        if field in _DAYS:
            return self._day
        return _count if field in _COUNTS else _text

    def _money(self, cell: Any, currency: str) -> int:
        decimals = decimals_of(currency)
        unit = self._form.amount_unit
        if isinstance(cell, float):
            return _exact(cell, decimals)
        if unit == "minor":
            decimals = 0
        if isinstance(cell, str):
            return minor_units(cell, decimals, mark=self._form.decimal, thousands=self._form.thousands)
        if isinstance(cell, (int, Decimal)) and not isinstance(cell, bool):
            return minor_units(format(cell, "f") if isinstance(cell, Decimal) else str(cell), decimals)
        raise InvalidEvent(f"a {type(cell).__name__} is no amount", code="bad_amount")

    def _moment(self, cell: Any) -> date | datetime:
        found = moment(cell, self._form.time_formats) if isinstance(cell, str) else cell
        if not isinstance(found, date):
            raise InvalidEvent(f"a {type(cell).__name__} is no date", code="bad_date")
        sane(found.date() if isinstance(found, datetime) else found)
        if not isinstance(found, datetime):
            return found
        if found.tzinfo is None:
            if self._zone is None:
                raise InvalidEvent("a time without an offset: set time_zone in the mapping", code="naive_time")
            found = found.replace(tzinfo=self._zone)
        return found.astimezone(UTC)

    def _day(self, cell: Any) -> date:
        found = self._moment(cell)
        return self._days.day(found) if isinstance(found, datetime) else found

    def _clocks(self, row: Row, hour: Callable[[date], datetime]) -> None:
        """Instants for both clocks; `hour` says when on its day a dated fact happened."""
        booked: date = row["booked_at"]
        received: date = row.get("received_at", booked)
        row["booked_at"] = booked if isinstance(booked, datetime) else hour(booked)
        row["received_at"] = received if isinstance(received, datetime) else self._days.end(received)

    def _sign(self, row: Row) -> None:
        """Put direction and amount_minor in the place of what the form gives them by."""
        sign = self._form.sign if isinstance(self._form, TransactionForm) else "direction"
        if sign == "two_columns":
            debit, credit = row.pop("amount_debit", 0), row.pop("amount_credit", 0)
            if debit and credit:
                raise InvalidEvent("both debit and credit are filled", field="amount_debit", code="two_amounts")
            row["direction"], amount = ("debit", debit) if debit else ("credit", credit)
        elif "amount" not in row:
            raise InvalidEvent("amount is empty", field="amount", code="missing_value")
        else:
            amount = row.pop("amount")
        if sign in ("negative_is_debit", "positive_is_debit"):
            row["direction"] = "debit" if (amount < 0) == (sign == "negative_is_debit") else "credit"
            amount = abs(amount)
        if amount < 0:
            raise InvalidEvent(f"amount {amount} is negative", field="amount", code="negative_amount")
        row["amount_minor"] = amount

    def _original(self, row: Row) -> None:
        """What a converted transaction was; nothing where it was in the ledger's currency all along."""
        amount, currency = row.pop("original_amount", None), row.get("original_currency")
        if currency == row["currency"]:
            del row["original_currency"]
        elif amount is not None:
            if currency is None:
                raise InvalidEvent("original_currency is empty", field="original_currency", code="missing_value")
            row["original_amount_minor"] = abs(self._money(amount, currency))


def _text(cell: Any) -> str:
    if isinstance(cell, bool) or not isinstance(cell, (str, int)):
        raise InvalidEvent(f"a {type(cell).__name__} is no text", code="mistyped")
    return str(cell)


def _count(cell: Any) -> int:
    if isinstance(cell, str) and cell.isascii() and cell.isdecimal() and len(cell) <= 18:
        return int(cell)
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    raise InvalidEvent(f"{str(cell)[:64]!r} is no count", code="mistyped")


def _exact(value: float, decimals: int) -> int:
    """Minor units of a binary float that is the nearest one to a whole number of them."""
    minor = round(value * 10**decimals) if isfinite(value) else 0
    if not isfinite(value) or minor / 10**decimals != value:
        raise InvalidEvent(f"{value!r} is not exact to {decimals} decimals", code="inexact_float")
    return minor
