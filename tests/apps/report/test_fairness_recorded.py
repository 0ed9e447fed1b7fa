"""Help as a worker recorded it, as the question of fairness takes it: it agrees with what the report counts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forbear.apps.home import Home
from forbear.apps.jobs.fairness_help import Recorded, recorded_help
from forbear.apps.report.gather import every_decision
from forbear.domain.errors import NotEnoughData
from forbear.engine.queries import Which
from forbear.models.fairness import Grouping
from forbear.policy.proposals import HoldReason

Cli = Callable[..., Any]


@pytest.fixture
def recorded(home: Path) -> Recorded:
    """What the small bank's worker has recorded of help."""
    return recorded_help(Home(home))


def test_offers_and_hold_out_are_those_recorded(recorded: Recorded, worked: Any) -> None:
    """Customers with an offer, and those held out, are the ones whose decisions say so."""
    with closing(worked.queries()) as queries:
        every = [one for one in every_decision(queries, Which()) if one.policy == recorded.drawn.number]
    inputs = recorded.inputs((Grouping("group", np.zeros(len(recorded.customers), dtype=np.int64), ("all",)),))
    offered = {one.customer for one in every if one.outcome == "offer"}
    held = {one.customer for one in every if one.outcome == HoldReason.HOLD_OUT}

    assert set(recorded.customers[inputs.offered].tolist()) == offered
    assert set(recorded.customers[inputs.held].tolist()) <= held
    assert not (inputs.in_need & inputs.held).any()
    assert inputs.drawn[np.isin(recorded.customers, list(offered | held))].mean() > 0.5


def test_what_was_offered_adds_up(recorded: Recorded) -> None:
    """Every customer with an offer has one of the actions; a group of fewer than are asked for is not shown."""
    everybody = Grouping("group", np.zeros(len(recorded.customers), dtype=np.int64), ("all",))
    [mix] = recorded.mixes((everybody,), 1)

    assert mix.offered == len(recorded.offered)
    assert sum(share.value for share in mix.shares.values()) >= 1.0 - 1e-12
    assert recorded.mixes((everybody,), mix.offered + 1) == ()


def test_outcomes_are_known_where_thirty_days_are_over(recorded: Recorded) -> None:
    """Whoever is ripe has an outcome of 0 or 1; whoever waits, or never came to the draw, has none."""
    inputs = recorded.inputs(())

    assert inputs.ripe.sum() == len({one.customer for one in recorded.drawn.ripe})
    assert np.isin(inputs.missed[inputs.ripe], (0, 1)).all()
    assert (inputs.another[inputs.ripe] <= inputs.missed[inputs.ripe]).all()
    assert (inputs.missed[~inputs.drawn] == -1).all()


def test_the_report_counts_the_same(cli: Cli, home: Path, recorded: Recorded) -> None:
    """As many customers came to the draw as the report of the home says."""
    of_report = cli("report", "--home", home, "--json").document["hold_out"]

    assert len(recorded.drawn.every) == of_report["held_out"] + of_report["proposed"]


def test_without_a_worker_there_is_no_help_to_ask_about(home: Path) -> None:
    """A home whose worker never ran says so."""
    (home / "forbear.db").unlink()
    with pytest.raises(NotEnoughData, match="no worker ever ran"):
        recorded_help(Home(home))
