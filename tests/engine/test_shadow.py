"""A challenger in the shadow: what is said of two models on the same recorded inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forbear.engine.shadow import NO_BAND, Recorded, Shadow, shadow
from forbear.models.expert import ExpertScorecard
from forbear.models.intervals import Bootstrap
from forbear.policy.document import Policy

SmallBank = Any
"""What the fixture of that name gives; see conftest."""
ROWS, QUICK = 300, Bootstrap(1, 20)


@pytest.fixture(scope="module")
def expert(small_bank: SmallBank) -> ExpertScorecard:
    """The champion."""
    found: ExpertScorecard = small_bank.parts.expert
    return found


@pytest.fixture(scope="module")
def recorded(expert: ExpertScorecard) -> Recorded:
    """Decisions of a hundred customers on three days, some features unknown, the last day not over yet."""
    generator = np.random.default_rng(2)
    values = generator.normal(size=(ROWS, len(expert.features)))
    values[generator.random(values.shape) < 0.1] = np.nan
    log_odds = expert.explain(values).log_odds
    pd = expert.calibrated(log_odds)
    day = np.repeat([10, 11, 12], 100)
    missed = np.where(day == 12, np.nan, (generator.random(ROWS) < pd).astype(float))
    return Recorded(
        customer=np.tile(np.arange(100, dtype=np.uint64), 3),
        day=day,
        model=np.ones(ROWS, dtype=np.int64),
        policy=np.ones(ROWS, dtype=np.int64),
        offered=pd > np.quantile(pd, 0.8),
        values=values,
        log_odds=log_odds,
        pd=pd,
        missed=missed,
    )


def beside(recorded: Recorded, expert: ExpertScorecard, challenger: ExpertScorecard, policy: Policy) -> Shadow:
    """A challenger beside the champion."""
    return shadow(recorded, {1: expert}, challenger, {1: policy}, QUICK)


def test_the_champion_beside_itself(recorded: Recorded, expert: ExpertScorecard, small_bank: SmallBank) -> None:
    """Nothing differs, and every recorded score comes out again."""
    found = beside(recorded, expert, expert, small_bank.parts.kept)
    assert (found.reproduced, found.agreement) == (ROWS, pytest.approx(1.0))
    assert found.mean_pd["difference"].value == found.mean_pd["difference"].high == 0.0
    assert np.trace(found.moves.counts) == found.moves.counts.sum() == ROWS
    assert found.ranks.common == found.ranks.places == recorded.offered.sum()
    assert found.matured is not None
    assert (found.matured.rows, found.matured.difference.value) == (200, 0.0)
    assert found.without_offer is not None
    assert found.without_offer.rows == (~recorded.offered & (recorded.day < 12)).sum()


def test_a_calm_challenger_beside_it(recorded: Recorded, expert: ExpertScorecard, small_bank: SmallBank) -> None:
    """A model that says a tiny PD of everybody puts nobody into a band, and ranks nobody."""
    references = {name: replace(one, points=1e-300) for name, one in expert.references.items()}
    calm = replace(expert, base_pd=1e-4, references=references)
    found = beside(recorded, expert, calm, small_bank.parts.kept)
    assert found.moves.states[-1] == NO_BAND
    assert found.moves.counts[:, -1].sum() == ROWS
    assert (found.still_in_band, np.isnan(found.agreement)) == (0, True)
    assert found.document()["rank_correlation"] is None
    assert found.matured is not None
    assert found.matured.second.value == 0.5
    assert found.ranks.common < found.ranks.places


def test_inputs_that_were_changed_show(recorded: Recorded, expert: ExpertScorecard, small_bank: SmallBank) -> None:
    """Where a recorded input is not what was scored, the champion's score does not come out again."""
    values = recorded.values.copy()
    column = next(place for place, name in enumerate(expert.features) if name in expert.references)
    reference = expert.references[expert.features[column]]
    values[:7, column] = np.where(recorded.values[:7, column] == reference.calm, reference.stressed, reference.calm)
    values[:7, column] += (reference.stressed - reference.calm) / 3.0
    found = beside(replace(recorded, values=values), expert, expert, small_bank.parts.kept)
    assert ROWS - 7 <= found.reproduced < ROWS


def test_before_anything_is_known_there_is_no_auc(
    recorded: Recorded, expert: ExpertScorecard, small_bank: SmallBank
) -> None:
    """Without a day whose 30 days are over nothing is said of ranking."""
    young = replace(recorded, missed=np.full(ROWS, np.nan))
    found = beside(young, expert, expert, small_bank.parts.kept).document()
    assert (found["auc"], found["auc_without_offer"]) == (None, None)
