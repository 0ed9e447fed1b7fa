"""Small banks, simulated once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

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


_NOISY = BankSpec(customers=120, days=200, late_share=0.01, duplicate_share=0.005, reversal_share=0.01)


@pytest.fixture(scope="session")
def run() -> Callable[[BankSpec], Bank]:
    """Simulates a spec to its end."""
    return _run


@pytest.fixture(scope="session")
def noisy() -> Bank:
    """A bank whose feed is late, repeats itself and takes purchases back."""
    return _run(_NOISY)


@pytest.fixture(scope="session")
def clean() -> Bank:
    """A bank with a perfect feed, where shops take nothing back."""
    return _run(replace(_NOISY, customers=600, days=300, late_share=0.0, duplicate_share=0.0, reversal_share=0.0))
