"""The shapes of the book seen as a whole: by segment and band, and who is getting worse how fast."""

from __future__ import annotations

from datetime import date
from typing import Literal, TypeAlias

from pydantic import Field

from forbear.client.models import Told
from forbear.client.records import Probability, Recorded

Dimension: TypeAlias = Literal["product", "region", "tenure", "income"]
"""What the book can be parted by."""
Window: TypeAlias = Literal[7, 30]
"""Days over which a velocity is told."""


class SegmentBand(Told):
    """Customers of one segment in one band, "" for those outside of all."""

    band: str = Field(examples=["high"])
    customers: int


class SegmentFigures(Told):
    """One segment in numbers. mean_pd: None for nobody.  expected_misses: sum of PDs.  bands: the most urgent first.

    Every segment tells of the same bands, in the same order.
    """

    name: str = Field(examples=["card"])
    customers: int
    mean_pd: Probability | None
    expected_misses: float
    bands: tuple[SegmentBand, ...]


class Segments(Recorded):
    """The newest score of everybody by segment and band. dimensions: what else can be asked for.

    told_on: the closed day as of which it was found out who is in which segment; None where nobody has, and then
    everybody is "not told", as is whoever came since.
    """

    told_on: date | None
    dimension: str = Field(examples=["product"])
    dimensions: tuple[str, ...]
    rows: tuple[SegmentFigures, ...]


class Estimate(Told):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class PdPoint(Told):
    """The PD at a close, to seven digits. day: that it counts for, the next after the closed one."""

    day: date
    pd: Probability


class Mover(Told):
    """A customer whose log-odds rise. pd: the newest, in band.  pd_before: at the first close of the window.

    velocity: of the line through the log-odds at the closes of the window [log-odds a day].  acceleration: that less
    the velocity of the window before, by its days [log-odds a day, a day]; None where that window holds too few closes.
    path: PDs at the closes of both windows, oldest first.
    """

    customer_id: str = Field(examples=["C0000017"])
    pd: Probability
    band: str = Field(examples=["high"])
    pd_before: Probability
    velocity: Estimate
    acceleration: Estimate | None
    path: tuple[PdPoint, ...]


class VelocityBar(Told):
    """Customers whose velocity lies in [low, high) [log-odds a day]; None: without an end on that side."""

    low: float | None
    high: float | None
    customers: int


class Pace(Told):
    """How those who were asked about move. customers: all of them, the sum of the four that follow.

    rising, falling: the whole 95 % interval of the velocity lies above, below 0.  steady: 0 lies in it.  unknown: not
    scored at the newest close, or at too few before it.  median_velocity: [log-odds a day], None for nobody known.
    """

    customers: int
    rising: int
    falling: int
    steady: int
    unknown: int
    median_velocity: float | None
    histogram: tuple[VelocityBar, ...]


class Worsening(Recorded):
    """Who is getting worse fastest, over a window of so many days up to each partition's newest close.

    closed_on: the close that is looked back from, None for none.  closes: how many are in memory; both of the partition
    that is the furthest behind.  items: those whose velocity is above 0, the fastest first.
    """

    days: int = Field(examples=[7])
    closed_on: date | None
    closes: int
    book: Pace
    items: tuple[Mover, ...]
