"""What is offered when places are short is worth what an exact solver finds, and more than queues give."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

import pytest

bench = run_path(str(Path(__file__).parents[2] / "bench" / "capacity.py"))


@pytest.mark.parametrize("setting", sorted(bench["SETTINGS"]))
def test_the_choice_is_the_solvers(setting: str) -> None:
    """400 customers, 16 calls and 40 messages: the value of the solver's set, on values worked out apart."""
    found = bench["compared"](setting, 400, (16, 40), 7)

    assert found["chosen_share"] == pytest.approx(1.0, abs=1e-9)
    assert found["preferred_share"] < 0.9
    assert found["calls"][0] <= 16
    assert found["offers"][0] > found["offers"][1]
