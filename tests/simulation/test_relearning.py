"""Trainings with help running, short: the risk without help stays known, and the naive way loses it."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

import numpy as np
import pytest

from forbear.domain.errors import ConfigError
from forbear.simulation.relearning import RelearningSpec, relearn

bench = run_path(str(Path(__file__).parents[2] / "bench" / "relearning.py"))
SHORT = RelearningSpec(customers=4_000, months=5, cycles=2, hold_out=0.2, seed=11)


def test_ours_stays_where_the_naive_way_falls() -> None:
    """After each of two trainings ours is within 0.01 of the model of the world without help; the naive one is not."""
    for cycle in relearn(SHORT):
        assert cycle.no_help.auc - cycle.ours.auc < 0.01
        assert cycle.no_help.auc - cycle.naive.auc > 0.01
        assert cycle.naive.pd_ratio < 0.7
        assert 0.8 < cycle.ours.pd_ratio < 1.25
        assert cycle.left_out.helped > 0
        assert cycle.left_out.exempt == 0


def test_equal_specs_give_equal_cycles() -> None:
    """Seed and spec decide everything; progress changes nothing."""
    small = RelearningSpec(customers=600, months=4, cycles=1, seed=2)
    done: list[int] = []
    assert relearn(small) == relearn(small, done.append)
    assert done == [1]


def test_a_world_out_of_range_is_refused() -> None:
    """Nobody held out leaves nobody to learn from."""
    for wrong in ({"hold_out": 0.0}, {"proposed": 1.5}, {"relative": (-2.0, 0.0)}):
        with pytest.raises(ConfigError, match="range"):
            RelearningSpec(**wrong)  # type: ignore[arg-type]


def test_intervals_over_seeds() -> None:
    """One seed has no interval; of several it is Student's."""
    assert np.isnan(bench["over_seeds"](np.array([0.5])).low)
    found = bench["over_seeds"](np.array([0.4, 0.5, 0.6]))
    assert (round(found.low, 4), found.value, round(found.high, 4)) == (0.2516, 0.5, 0.7484)
