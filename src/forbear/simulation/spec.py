"""What a synthetic bank is asked to be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from forbear.domain.errors import ConfigError
from forbear.domain.events import EARLIEST, LATEST
from forbear.simulation.regions import REGIONS, Region

MOST_CUSTOMERS = 10_000_000
MOST_DAYS = 3_660
MOST_REGIONS = 16
_HARDEST = 100.0
_LONGEST_CHUNK_DAYS = 30
_ROWS_PER_CUSTOMER_DAY = 2
_SHARES = (
    "late_share",
    "burst_share",
    "duplicate_share",
    "reversal_share",
    "correction_share",
    "misreport_share",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankSpec:
    """A synthetic bank: how many customers, which days, where, and how imperfect its feed is.

    customers: [1, 10 million].  start: the first bank-local day.  days: [1, 3660].  seed: [0, 2**63).
    currency: three capitals.  time_zone: IANA name.  country, holidays: the ISO code whose bank holidays these
    are, given together; without them the bank rests at weekends only.  regions: 1 to 16.
    Shares are of [0, 1], and 0 switches off. These change the feed and nobody's life: late_share,
    duplicate_share of the transactions; burst_share of the (delivery batch, day)s, whose transactions all come a
    day late; misreport_share of the payments made on their due day, which are reported missed and corrected.
    These move money, so lives change with them: reversal_share of the purchases, which are taken back;
    correction_share of the purchases, which are booked twice as large, taken back and booked anew.
    downturn_on: the first day of a downturn, from which on work is lost, and pay cut or paid late, `hardship` times as
    often, [1, 100], and large bills come its square root as often; None for none. Until then every life is what it
    would have been without.
    chunk_rows: about so many events a chunk (never less than one day of them); bounds the memory.
    Raises ConfigError outside these ranges.
    """

    customers: int = 2_000
    start: date = date(2023, 1, 1)
    days: int = 540
    seed: int = 7
    currency: str = "EUR"
    time_zone: str = "Europe/Berlin"
    country: str = ""
    holidays: frozenset[date] = frozenset()
    regions: tuple[Region, ...] = REGIONS
    late_share: float = 0.005
    burst_share: float = 0.002
    duplicate_share: float = 0.001
    reversal_share: float = 0.001
    correction_share: float = 0.0005
    misreport_share: float = 0.0001
    downturn_on: date | None = None
    hardship: float = 1.0
    chunk_rows: int = 250_000

    def __post_init__(self) -> None:
        _in_range("customers", self.customers, 1, MOST_CUSTOMERS)
        _in_range("days", self.days, 1, MOST_DAYS)
        _in_range("seed", self.seed, 0, 2**63 - 1)
        _in_range("chunk_rows", self.chunk_rows, 1, 2**40)
        _in_range("regions", len(self.regions), 1, MOST_REGIONS)
        _in_range("hardship", self.hardship, 1.0, _HARDEST)
        for name in _SHARES:
            _in_range(name, getattr(self, name), 0.0, 1.0)
        if not re.fullmatch("[A-Z]{3}", self.currency):
            raise ConfigError(f"currency={self.currency!r} is not three capitals", mend="use an ISO 4217 code")
        if bool(self.country) != bool(self.holidays):
            raise ConfigError(
                f"country={self.country!r} with {len(self.holidays)} holidays: they go together",
                mend="give the holidays of the country, or neither",
            )
        # A year on either side: due dates and ends of contracts lie outside the run.
        if not EARLIEST + timedelta(366) <= self.start <= LATEST - timedelta(self.days + 366):
            raise ConfigError(f"start={self.start} with days={self.days} leaves the range of dates", mend="move start")
        _known_zone("time_zone", self.time_zone)
        for region in self.regions:
            _known_zone(f"time_zone of region {region.name}", region.time_zone or self.time_zone)
            _in_range(f"share of region {region.name}", region.share, 1e-9, 1e9)
            _in_range(f"minority_share of region {region.name}", region.minority_share, 0.0, 1.0)

    @property
    def chunk_days(self) -> int:
        """Days in one chunk, [1, 30]."""
        return max(1, min(_LONGEST_CHUNK_DAYS, self.chunk_rows // (_ROWS_PER_CUSTOMER_DAY * self.customers)))


def _in_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name}={value} lies outside [{low}, {high}]", mend=f"choose another {name}")


def _known_zone(name: str, zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"{name}={zone!r} is unknown", mend="use an IANA name") from error
