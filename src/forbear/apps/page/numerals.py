"""Numbers as people read them: as many digits as they carry, a real minus sign, a dash for NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from forbear.models.results import Figure

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Notation:
    """How one kind of number is written.

    decimals: digits behind the point, given the value that they must do justice to.
    """

    decimals: Callable[[float], int]
    factor: float = 1.0
    unit: str = ""
    signed: bool = False

    def number(self, value: float, decimals: int) -> str:
        """The number without its unit; NaN is a dash."""
        if math.isnan(value):
            return DASH
        text = f"{value * self.factor:{'+' if self.signed else ''},.{decimals}f}"
        return text.replace("-", MINUS)

    def write(self, value: float) -> str:
        """The number with its unit; NaN is a dash."""
        if math.isnan(value):
            return DASH
        return self.number(value, self.decimals(value)) + self.unit

    def interval(self, figure: Figure) -> str:
        """The bounds, with the digits of the value; empty where there is none."""
        if math.isnan(figure.low) or math.isnan(figure.high):
            return ""
        decimals = self.decimals(figure.value or figure.high)
        link = " to " if self.signed else DASH
        return f"{self.number(figure.low, decimals)}{link}{self.number(figure.high, decimals)}{self.unit}"

    def estimate(self, figure: Figure) -> str:
        """The value with its interval in parentheses, if it has one."""
        interval = self.interval(figure)
        return f"{self.write(figure.value)} ({interval})" if interval else self.write(figure.value)


def round_percent(share: float) -> str:
    """A share that somebody chose, such as a budget or a tick: no more digits than it was chosen with."""
    return f"{share * 100.0:.9f}".rstrip("0").rstrip(".") + f"{SPACE}%"


def _leading_zeros(value: float) -> int:
    """Zeros between the point and the first digit that counts; 0 for 0 and for anything from 0.1."""
    return max(0, -math.floor(math.log10(abs(value))) - 1) if value and math.isfinite(value) else 0


def _percent_decimals(share: float) -> int:
    """Two digits that count, and as many near 100 % as keep a little less from being written as all."""
    percent = abs(share) * 100.0
    if 99.0 <= percent < 100.0:
        return 1 + _leading_zeros(100.0 - percent)
    if percent == 0.0 or percent >= 9.95:
        return 0
    return 1 if percent >= 1.0 else 2 + _leading_zeros(percent)


PERCENT = Notation(_percent_decimals, factor=100.0, unit=f"{SPACE}%")
RATIO = Notation(lambda _: 3)
SMALL = Notation(lambda value: 3 + _leading_zeros(value))
SLOPE = Notation(lambda _: 2)
SIGNED = Notation(lambda _: 2, signed=True)
COUNT = Notation(lambda _: 0)
