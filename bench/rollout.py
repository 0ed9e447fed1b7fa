"""What a roll-out costs where customers are scored: two models on parted rows beside one model on all of them.

Both arms have trees of one size, so that the ratio is of the parting alone; an ensemble is measured beside its members.
Prints figures as JSON in the last line. Times are the best of several rounds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np

from forbear.engine.scorer import Challenger, Scoring, told_by
from forbear.models.artefact import Artefact, ModelTarget, make_artefact
from forbear.models.boosting import BoostingSettings
from forbear.models.dataset import Dataset, FeatureSpec
from forbear.models.training import TrainedKind, TrainingSpec, train
from forbear.policy.rollout import Rollout

FEATURES, TREES = 31, BoostingSettings(depth=3, learning_rate=0.1, max_rounds=100, min_child_weight=1.0, ridge=2.0)
TARGET = ModelTarget(days_past_due_at_least=1, within_days=30, event="a scheduled payment missed")


def bank(seed: int, customers: int = 3_000, months: int = 6) -> Dataset:
    """Rows whose first features drive what becomes of them."""
    generator = np.random.default_rng(seed)
    rows = customers * months
    values = generator.normal(size=(rows, FEATURES))
    risk = -3.5 + values[:, :5].sum(axis=1) * 0.6
    labels = generator.random(rows) < 1.0 / (1.0 + np.exp(-risk))
    return Dataset(
        features=values,
        specs=tuple(FeatureSpec(f"f{place}", "cash", 1, -np.inf, np.inf, "ratio") for place in range(FEATURES)),
        labels=labels,
        customers=np.repeat(np.arange(customers), months),
        as_of=np.tile((np.datetime64("2023-01", "M") + np.arange(months)).astype("datetime64[D]"), customers),
        days_ahead=np.where(labels, 10.0, np.nan),
    )


def artefact(kind: TrainedKind, seed: int) -> Artefact:
    """A model of a kind."""
    dataset = bank(seed)
    spec = TrainingSpec(kind, seed, boosting=TREES, resamples=0)
    return make_artefact(train(dataset, spec), dataset, TARGET, "bench")


def best(run: Callable[[], object], rounds: int) -> float:
    """Seconds of the quickest of some rounds."""
    times = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return min(times[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=65_536)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    generator = np.random.default_rng(1)
    values = generator.normal(size=(asked.rows, FEATURES))
    customers = generator.integers(0, 2**64, size=asked.rows, dtype=np.uint64)
    champion, challenger = artefact("boosting", 1), artefact("boosting", 2)
    members = {kind: artefact(kind, 1) for kind in ("scorecard", "ensemble")}

    def seconds(scoring: Scoring, percent: float | None = None) -> float:
        rolled = None
        if percent is not None:
            rolled = Challenger(challenger, Rollout(challenger="0" * 64, percent=percent, salt="bench"))
        return best(lambda: told_by(scoring, rolled, values, customers), asked.rounds)

    alone = seconds(champion)
    found = {
        "rows": asked.rows,
        "microseconds_a_row": 1e6 * alone / asked.rows,
        **{
            f"rollout_{percent:g}_percent_over_none": seconds(champion, percent) / alone for percent in (0, 10, 50, 100)
        },
        "scorecard_over_boosting": seconds(members["scorecard"]) / alone,
        "ensemble_over_boosting": seconds(members["ensemble"]) / alone,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
