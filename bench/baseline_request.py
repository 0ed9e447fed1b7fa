"""What the feature competitors are asked for, in terms that an engine without forbear's ledger understands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forbear.domain.calendar import BankCalendar
from forbear.features.book import business_table
from forbear.features.local_time import local_time


@dataclass(frozen=True, slots=True)
class Request:
    """Training rows of some cuts.

    time_zone: the bank's IANA zone.  cut_days: rising days since 1970 at whose close rows are wanted.
    business: (days,) uint8 by day since 1970, 1 where the bank works.  features: names of the columns, in order.
    """

    time_zone: str
    cut_days: tuple[int, ...]
    business: NDArray[np.uint8]
    features: tuple[str, ...]

    @classmethod
    def of(
        cls, time_zone: str, cut_days: tuple[int, ...], calendar: BankCalendar, features: tuple[str, ...]
    ) -> Request:
        """A request with the business days of a calendar."""
        return cls(time_zone, tuple(sorted(cut_days)), business_table(calendar), features)

    def next_business_days(self) -> NDArray[np.int32]:
        """(days,) by day since 1970: that day if the bank works on it, else the next on which it does."""
        days = np.arange(len(self.business), dtype=np.int32)
        working = np.where(self.business == 1, days, np.int32(len(days) - 1))
        working[-1] = days[-1]
        return np.minimum.accumulate(working[::-1])[::-1]

    def offsets(self, first_us: int, last_us: int) -> list[tuple[int, int]]:
        """(since, what to add to UTC) in force between two instants [microseconds since 1970], rising.

        The first holds for everything before the second. A handful of comparisons takes a quarter
        of the time of either tool's own conversion to a time zone, and gives the same.
        """
        zone = local_time(self.time_zone)
        first = max(int(np.searchsorted(zone.since_us, first_us, side="right")) - 1, 0)
        past = int(np.searchsorted(zone.since_us, last_us, side="right"))
        return list(zip(zone.since_us[first:past].tolist(), zone.offset_us[first:past].tolist(), strict=True))
