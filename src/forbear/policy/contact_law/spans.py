"""How long a number of days lasts where several readings of it, and several places, are possible.

Regulation F counts "consecutive days" and lets the day of the conversation be the first of them: calendar days at the
consumer's place. Others read rolling hours. Neither is ever exceeded here, at none of the places that could apply.
"""

from __future__ import annotations

from collections.abc import Sequence

from forbear.policy.contact_law.zones import DAY_US, day_begins, day_reached, local_day

LONGEST_DAY_US = DAY_US + DAY_US // 12
"""By so much at most a number of calendar days outlasts the same number of 24 hours: a clock that changes its date."""


def longest(at_us: int, days: int, zones: Sequence[str]) -> int:
    """When `days` days from an instant are over by every reading: its own day is the first, and each has 24 hours."""
    return max([at_us + days * DAY_US, *(day_reached(zone, local_day(zone, at_us) + days) for zone in zones)])


def shortest(at_us: int, days: int, zones: Sequence[str]) -> int:
    """When `days` days from an instant are over by some reading."""
    return min([at_us + days * DAY_US, *(day_begins(zone, local_day(zone, at_us) + days) for zone in zones)])
