"""Two targets, two types: what is not a probability of default cannot become money."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from forbear.domain.credit import DEFAULT_IN_A_YEAR, EARLY_DELINQUENCY, DefaultPd, EarlyPd, Target, Trouble
from forbear.models.credit.loss import expected_loss
from forbear.models.credit.quantities import early_pd
from forbear.models.credit.term import TermStructure, constant_hazard

PROJECT = Path(__file__).parents[3]
ONE = np.ones(1)
SNIPPET = """
import numpy as np
from forbear.domain.credit import DefaultPd, EarlyPd
from forbear.models.credit.loss import expected_loss

one = np.ones(1)
expected_loss(DefaultPd(one), one, one)
expected_loss(EarlyPd(one), one, one)
expected_loss(one, one, one)
"""


@pytest.mark.parametrize("pd", [EarlyPd(np.array([0.1])), np.array([0.1]), 0.1], ids=["early", "array", "number"])
def test_only_a_default_pd_becomes_money(pd: object) -> None:
    """An early-delinquency PD and a bare number are refused by the loss and by the term structure."""
    with pytest.raises(TypeError, match="only a DefaultPd"):
        expected_loss(pd, ONE, ONE)  # type: ignore[arg-type]
    with pytest.raises((TypeError, AttributeError)):
        constant_hazard(pd, periods=4, periods_per_year=4)  # type: ignore[arg-type]


def test_a_target_says_which_event_it_is_of() -> None:
    """No PD can be made under the target of the other event, and no term structure of early delinquency."""
    with pytest.raises(ValueError, match="early_delinquency is not one of default"):
        DefaultPd(0.1, EARLY_DELINQUENCY)
    with pytest.raises(ValueError, match="default is not one of early_delinquency"):
        EarlyPd(0.1, DEFAULT_IN_A_YEAR)
    with pytest.raises(ValueError, match="target early_delinquency"):
        TermStructure(np.zeros((1, 1)), np.zeros((1, 1)), 4, EARLY_DELINQUENCY)
    with pytest.raises(TypeError):
        early_pd(DefaultPd(ONE))  # type: ignore[arg-type]


def test_a_bank_may_define_default_otherwise() -> None:
    """Another number of days is still default."""
    assert DefaultPd(0.1, Target(Trouble.DEFAULT, 60, 365)).target.days_past_due_at_least == 60
    with pytest.raises(ValueError, match="0 days past due"):
        Target(Trouble.DEFAULT, 0, 365)


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_a_pd_is_a_probability(value: float) -> None:
    """A value outside [0, 1], or none at all, is refused where it would be used."""
    with pytest.raises(ValueError, match="outside"):
        expected_loss(DefaultPd(np.array([value])), ONE, ONE)


def test_the_type_checker_refuses_the_same(tmp_path: Path) -> None:
    """Mypy takes a default PD into the loss, and neither an early one nor a bare array."""
    file = tmp_path / "snippet.py"
    file.write_text(SNIPPET, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", str(PROJECT / "pyproject.toml"), str(file)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=300)
    refused = [line for line in ended.stdout.splitlines() if "error" in line and "snippet.py" in line]

    assert [line.split(":")[1] for line in refused] == ["8", "9"], ended.stdout
    assert all("arg-type" in line for line in refused)
