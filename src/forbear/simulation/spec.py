"""What a synthetic bank is asked to be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from forbear.domain.errors import ConfigError
from forbear.domain.events import EARLIEST, LATEST

MOST_CUSTOMERS = 10_000_000
MOST_DAYS = 3_660
_LONGEST_CHUNK_DAYS = 30
_ROWS_PER_CUSTOMER_DAY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BankSpec:
    """A synthetic bank: how many customers, which days, and how imperfect its feed is.

    customers: [1, 10 million].  start: the first bank-local day.  days: [1, 3660].  seed: [0, 2**63).
    currency: three capitals.  time_zone: IANA name.
    late_share, duplicate_share: of the transactions, [0, 1]; they change the feed and nobody's life.
    reversal_share: of the purchases, [0, 1]; the money comes back, so lives change with it.
    chunk_rows: about so many events a chunk (never less than one day of them); bounds the memory.
    Raises ConfigError outside these ranges.
    """

    customers: int = 2_000
    start: date = date(2023, 1, 1)
    days: int = 540
    seed: int = 7
    currency: str = "EUR"
    time_zone: str = "Europe/Berlin"
    late_share: float = 0.005
    duplicate_share: float = 0.001
    reversal_share: float = 0.001
    chunk_rows: int = 250_000

    def __post_init__(self) -> None:
        _in_range("customers", self.customers, 1, MOST_CUSTOMERS)
        _in_range("days", self.days, 1, MOST_DAYS)
        _in_range("seed", self.seed, 0, 2**63 - 1)
        _in_range("chunk_rows", self.chunk_rows, 1, 2**40)
        for name in ("late_share", "duplicate_share", "reversal_share"):
            _in_range(name, getattr(self, name), 0.0, 1.0)
        if not re.fullmatch("[A-Z]{3}", self.currency):
            raise ConfigError(f"currency={self.currency!r} is not three capitals", mend="use an ISO 4217 code")
        # A year on either side: due dates and ends of contracts lie outside the run.
        if not EARLIEST + timedelta(366) <= self.start <= LATEST - timedelta(self.days + 366):
            raise ConfigError(f"start={self.start} with days={self.days} leaves the range of dates", mend="move start")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigError(f"time_zone={self.time_zone!r} is unknown", mend="use an IANA name") from error

    @property
    def chunk_days(self) -> int:
        """Days in one chunk, [1, 30]."""
        return max(1, min(_LONGEST_CHUNK_DAYS, self.chunk_rows // (_ROWS_PER_CUSTOMER_DAY * self.customers)))


def _in_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name}={value} lies outside [{low}, {high}]", mend=f"choose another {name}")
