"""The worker on real transactions: the end of Berka's 1997, live, by a model that was trained on what 1996 knew."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tests.acceptance.commands import TRAINED_UNTIL, forbear

from forbear.adapters.sql.queries import SqlQueries, open_queries
from forbear.adapters.vault import FileVault
from forbear.apps.home import Home
from forbear.apps.jobs.modelling import load_model_of
from forbear.engine.audit import verify
from forbear.engine.backfill import rows_at
from forbear.engine.outputs import Decision
from forbear.engine.queries import MOST_ROWS, Which, whole_chain
from forbear.features.columns import day_number
from forbear.models.explanation import ADDITIVITY_TOLERANCE

LIVE = "1997-12-01"
"""A month keeps the test short; the same commands with --live-from 1997-01-01 take the whole year in."""
CLOSES = np.arange("1997-12-01", "1997-12-31", 7, dtype="datetime64[D]")


@pytest.fixture(scope="module")
def berka(real_berka_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose worker has taken in what is live. The publication goes on to 1998; the importer ends with 1997."""
    home = tmp_path_factory.mktemp("berka") / "home"
    for arguments in (
        ("import", "berka", real_berka_folder, "--live-from", LIVE),
        ("train", "--until", TRAINED_UNTIL, "--model", "boosting"),
        ("promote", "--model", "boosting", "--policy", "shipped", "--shares", "1%,2%,4%"),
        ("outreach", "start"),
        ("run", "--once"),
    ):
        forbear(*arguments, "--home", home)
    return Home(home)


def queries_of(home: Home) -> closing[SqlQueries]:
    """The read side of a home's store."""
    return closing(open_queries(f"sqlite:///{home.database}"))


def decisions_of(home: Home) -> list[Decision]:
    """Every decision, newest first."""
    found, before = [], None
    with queries_of(home) as queries:
        while True:
            page = queries.decisions(Which(), MOST_ROWS, before).value
            found += page.decisions
            before = page.older
            if before is None:
                return found


def test_every_close_is_scored_as_the_batch_scores_it(berka: Home) -> None:
    """At a close of each week the recorded scores are those of a replay: same people, difference exactly 0."""
    model, compared = load_model_of(berka, "boosting"), 0
    with queries_of(berka) as queries:
        for day in CLOSES:
            number = day_number(day.item())
            rows, _ = rows_at(berka.feed, number)
            order = np.argsort(rows.customer)
            explained = model.explain(np.ascontiguousarray(rows.values[order]))
            ours = queries.day_close(number).value
            assert ours is not None
            mine = np.argsort(ours.customer)
            np.testing.assert_array_equal(rows.customer[order], ours.customer[mine])
            assert explained.log_odds.tobytes() == ours.log_odds[mine].tobytes()
            assert explained.attributions.tobytes() == ours.attributions[mine].tobytes()
            assert model.calibrated(explained.log_odds).tobytes() == ours.pd[mine].tobytes()
            compared += len(mine)
    assert compared > 15_000


def test_every_score_is_explained_and_the_chain_verifies(berka: Home) -> None:
    """Attributions of every prediction sum to its score, and no record of the audit chain is out of place."""
    with queries_of(berka) as queries:
        sums = queries.additivity().value
        assert sums.rows > 100_000
        assert sums.largest_error <= ADDITIVITY_TOLERANCE * 10
        assert verify(whole_chain(queries)) is None


def test_every_decision_explains_itself(berka: Home) -> None:
    """What is sealed in each decision sums to its score and names a reason; some are offers, some held out."""
    outcomes: Counter[str] = Counter()
    with closing(FileVault(berka.keys)) as vault:
        for decision in decisions_of(berka):
            plain = vault.open(decision.customer, decision.sealed, decision.decision_id.encode())
            assert plain is not None
            told = json.loads(plain)
            summed = told["expected"] + sum(told["attributions"].values())
            assert abs(summed - told["log_odds"]) <= ADDITIVITY_TOLERANCE * 10
            assert told["reason"]
            outcomes[decision.outcome] += 1
    assert outcomes.keys() == {"offer", "hold_out"}
    assert min(outcomes.values()) > 10


def test_what_is_live_does_not_change_the_model(berka: Home, berka_trained: Path) -> None:
    """A home that has everything in its archive trains the very same model on what was known by then."""
    whole = Home(berka_trained / "home")

    assert load_model_of(whole, "boosting").digest() == load_model_of(berka, "boosting").digest()
