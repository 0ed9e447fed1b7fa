"""Identifiers, built for many rows at once from small tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forbear.features.columns import EventKind
from forbear.simulation.movements import MERCHANTS, MOVEMENTS
from forbear.simulation.records import Records
from forbear.simulation.world import DUTIES, NO_INDEX

Texts = NDArray[Any]

_CUSTOMER_DIGITS = 7
_SEQUENCE_DIGITS = 6
_LETTERS = {EventKind.TRANSACTION: b"T", EventKind.CUSTOMER: b"U", EventKind.OUTCOME: b"P", EventKind.DAY_CLOSED: b"D"}
_MENDING = b"M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The texts of a bank. customers: (n,).  accounts: (n, 4), current, savings, card, loan.  obligations: (n, DUTIES).

    merchants: (movements, MERCHANTS), the counterparty of a purchase.
    """

    customers: Texts
    accounts: Texts
    obligations: Texts
    merchants: Texts

    def event_ids(self, rows: Records) -> Texts:
        """The id of each row's event: a letter for its kind, the customer and the row number.

        What mends an outcome shares its row number, and has a letter of its own.
        """
        letters = np.array(list(_LETTERS.values()))[rows["kind"]]
        letters[rows["mends"]] = _MENDING
        return self._numbered(rows, rows["sequence"], letters)

    def reversed_ids(self, rows: Records) -> Texts:
        """The id of the transaction that each of these rows takes back."""
        return self._numbered(rows, rows["reverses"], np.full(len(rows), _LETTERS[EventKind.TRANSACTION]))

    def counterparties(self, rows: Records) -> Texts:
        """The merchant of a purchase, the contract of an instalment, else b""."""
        texts = np.zeros(len(rows), dtype=self.merchants.dtype)
        bought = np.flatnonzero(rows["merchant"] != NO_INDEX)
        owed = np.flatnonzero(rows["duty"] != NO_INDEX)
        texts[bought] = self.merchants[rows["movement"][bought], rows["merchant"][bought]]
        texts[owed] = self.obligations[rows["customer"][owed], rows["duty"][owed]]
        return texts

    def _numbered(self, rows: Records, numbers: NDArray[np.int32], letters: Texts) -> Texts:
        width = 1 + _CUSTOMER_DIGITS + _SEQUENCE_DIGITS
        texts = np.empty((len(rows), width), dtype=np.uint8)
        customers = self.customers[rows["customer"]].view(np.uint8).reshape(len(rows), 1 + _CUSTOMER_DIGITS)
        texts[:, 0] = letters.view(np.uint8)
        texts[:, 1 : 1 + _CUSTOMER_DIGITS] = customers[:, 1:]
        texts[:, 1 + _CUSTOMER_DIGITS :] = digits(numbers, _SEQUENCE_DIGITS)
        return texts.view(f"S{width}").ravel()


def names_of(customers: int) -> Names:
    """The texts of a bank of so many customers."""
    numbers = digits(np.arange(customers), _CUSTOMER_DIGITS)
    return Names(
        customers=_lettered(b"C", numbers, [b""])[:, 0],
        accounts=_lettered(b"A", numbers, [b"C", b"S", b"K", b"L"]),
        obligations=_lettered(b"O", numbers, [b"-%d" % j for j in range(DUTIES)]),
        merchants=np.array([[f"{m.category}-{number:02d}".encode() for number in range(MERCHANTS)] for m in MOVEMENTS]),
    )


def digits(numbers: NDArray[Any], width: int) -> NDArray[np.uint8]:
    """The last `width` decimal digits of each number >= 0, as ASCII: (n,) -> (n, width)."""
    texts = np.empty((len(numbers), width), dtype=np.uint8)
    left = numbers.astype(np.uint32)
    for place in range(width - 1, -1, -1):
        left, digit = np.divmod(left, np.uint32(10))
        texts[:, place] = digit + ord("0")
    return texts


def _lettered(letter: bytes, numbers: NDArray[np.uint8], endings: list[bytes]) -> Texts:
    """Letter + number + ending, for each number and ending: (n, len(endings)); all endings are of one length."""
    width = 1 + numbers.shape[1] + len(endings[0])
    texts = np.empty((len(numbers), len(endings), width), dtype=np.uint8)
    texts[:, :, 0] = ord(letter)
    texts[:, :, 1 : 1 + numbers.shape[1]] = numbers[:, None, :]
    for place, ending in enumerate(endings):
        texts[:, place, 1 + numbers.shape[1] :] = np.frombuffer(ending, dtype=np.uint8)
    return texts.view(f"S{width}")[:, :, 0]
