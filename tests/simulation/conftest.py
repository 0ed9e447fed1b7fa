"""Small banks, simulated once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from forbear.adapters.holidays import bank_calendar
from forbear.features.columns import EventColumns
from forbear.simulation.bank import simulate
from forbear.simulation.spec import BankSpec


@dataclass(frozen=True)
class Bank:
    """A spec and the whole log that it leads to."""

    spec: BankSpec
    log: EventColumns


def _run(spec: BankSpec) -> Bank:
    """The chunks of a spec as one log. Updates carry long texts, so only small banks are joined."""
    chunks = list(simulate(spec))
    whole = {f.name: np.concatenate([getattr(chunk, f.name) for chunk in chunks]) for f in fields(EventColumns)}
    return Bank(spec, EventColumns(**whole))


_PERFECT = dict.fromkeys(
    ("late_share", "burst_share", "duplicate_share", "reversal_share", "correction_share", "misreport_share"), 0.0
)
_GERMAN = BankSpec(customers=600, days=300, country="DE", holidays=bank_calendar("DE").holidays, **_PERFECT)


@pytest.fixture(scope="session")
def run() -> Callable[[BankSpec], Bank]:
    """Simulates a spec to its end."""
    return _run


@pytest.fixture(scope="session")
def noisy() -> Bank:
    """A bank whose feed is late, repeats itself, books and reports wrongly, and takes purchases back."""
    shares = dict.fromkeys(("late_share", "reversal_share", "correction_share", "misreport_share"), 0.01)
    return _run(replace(_GERMAN, customers=120, days=200, duplicate_share=0.005, **shares))


@pytest.fixture(scope="session")
def clean() -> Bank:
    """A bank with a perfect feed, where shops take nothing back."""
    return _run(_GERMAN)
