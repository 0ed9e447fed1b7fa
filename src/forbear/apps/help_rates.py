"""What a report of help says: counts that add up, and the shares that people ask for first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from forbear.engine.help_figures import HelpFigures
from forbear.models.evaluate import wilson
from forbear.models.results import Figure

_TAKEN, _NOT_TAKEN, _NOBODY_KNOWS = ("sent", "delivered"), ("failed", "refused"), "unknown"
"""States of sendings that have come to an end."""
_NO_FIGURE = {"value": None, "low": None, "high": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpRequest:
    """Bank-local days, both included; None: from the first, up to the last there is.  created: when, in words."""

    created: str
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """A share. name: for machines.  meaning: for people.  count, of: so many of so many."""

    name: str
    meaning: str
    count: int
    of: int

    @property
    def figure(self) -> Figure | None:
        """The share with its 95 % interval, as if each were independent; None where there were none."""
        return wilson(self.count, self.of) if self.of else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpReport:
    """What a home's store says of help. synthetic: of a bank that is made up."""

    request: HelpRequest
    figures: HelpFigures
    currency: str
    source: str
    synthetic: bool

    @property
    def rates(self) -> tuple[Rate, ...]:
        """What is asked first: did it arrive, was it wanted, was it kept?"""
        one = self.figures
        unknown, taken = one.total("sendings", _NOBODY_KNOWS), one.total("sendings", *_TAKEN)
        ended = taken + unknown + one.total("sendings", *_NOT_TAKEN)
        answers, judged = one.total("answers"), one.total("promises", "kept", "broken")
        accepted, opted_out = one.total("answers", "accepted"), one.total("answers", "opted_out")
        return (
            Rate("sent", "Sendings that a provider took", taken, ended),
            Rate("unknown", "Sendings of which nobody can tell", unknown, ended),
            Rate("accepted", "Answers that accept", accepted, answers),
            Rate("opted_out", "Answers that want no more contact", opted_out, answers),
            Rate("kept", "Promises that were kept, of those judged", one.total("promises", "kept"), judged),
        )

    def document(self) -> Mapping[str, Any]:
        """The report for machines."""
        return {
            "synthetic": self.synthetic,
            "source": self.source,
            "currency": self.currency,
            "first_day": self.request.first,
            "last_day": self.request.last,
            "counts": [msgspec.to_builtins(one) for one in self.figures.counts],
            "rates": {
                rate.name: {
                    "count": rate.count,
                    "of": rate.of,
                    **(rate.figure.as_dict() if rate.figure else _NO_FIGURE),
                }
                for rate in self.rates
            },
        }
