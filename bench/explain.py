"""The tree explainer against xgboost's own pred_contribs, one core each.

    .venv/bin/python bench/explain.py             a minute
    .venv/bin/python bench/explain.py --quick     fewer rows, ten seconds

200 trees of depth 4 over 30 features, 5 % of the values unknown. Both give the exact path-dependent Shapley values;
forbear's time holds the check that each score is the sum of its attributions. xgboost is given its matrices made
beforehand. Rounds of both alternate, so that a busy machine slows both, and the fastest round of each counts.
The last line is one JSON object:
  batch_ratio   rows a second of forbear / rows a second of xgboost, at 50,000 rows
  single_ratio  seconds of xgboost / seconds of forbear for 500 different rows, one call each
  max_abs_diff  largest difference of an attribution, an expected value or a score [log-odds]
and the seconds behind them. Building the tables, done once when a model is loaded, is not in the ratios but printed.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import xgboost
from numpy.typing import NDArray

from forbear.models.tree_explainer import TreeExplainer

FEATURES, TREES, DEPTH, UNKNOWN_SHARE = 30, 200, 4, 0.05
SINGLE_ROWS = 500

Floats = NDArray[np.float64]


def rows_of(seed: int, count: int) -> Floats:
    """Rows of which a share is unknown."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, FEATURES))
    rows[rng.random(rows.shape) < UNKNOWN_SHARE] = np.nan
    return rows


def grown() -> xgboost.Booster:
    """Trees that use every feature, some of them together."""
    rows, rng = rows_of(0, 20_000), np.random.default_rng(1)
    known = np.nan_to_num(rows)
    signal = known @ rng.normal(size=FEATURES) + 2.0 * known[:, 0] * known[:, 1]
    labels = signal + rng.logistic(size=len(rows)) > 0.0
    parameters = {
        "objective": "binary:logistic",
        "max_depth": DEPTH,
        "learning_rate": 0.1,
        "tree_method": "hist",
        "nthread": 1,
        "seed": 0,
    }
    booster = xgboost.train(parameters, xgboost.DMatrix(rows, label=labels, nthread=1), num_boost_round=TREES)
    booster.set_param({"nthread": 1})
    return booster


def seconds(run: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def compared(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Seconds of the fastest of some rounds of each, one round of each after the other."""
    ours()  # compiles, or loads what was compiled
    found = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    return min(mine for mine, _ in found), min(other for _, other in found)


def largest_difference(explainer: TreeExplainer, booster: xgboost.Booster, rows: Floats) -> float:
    """Over attributions, expected value and score."""
    matrix = xgboost.DMatrix(rows, nthread=1)
    theirs, margin = booster.predict(matrix, pred_contribs=True), booster.predict(matrix, output_margin=True)
    found = explainer.explain(rows)
    differences = (
        found.attributions - theirs[:, :-1],
        found.expected - theirs[:, -1],
        found.log_odds - margin,
        found.errors,
    )
    return max(float(np.abs(difference).max()) for difference in differences)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rows, for trying it out")
    quick = parser.parse_args().quick
    booster, rows = grown(), rows_of(2, 5_000 if quick else 50_000)
    document = json.loads(booster.save_raw("json"))
    TreeExplainer.of(document, FEATURES)
    building = seconds(lambda: TreeExplainer.of(document, FEATURES))
    explainer = TreeExplainer.of(document, FEATURES)

    matrix = xgboost.DMatrix(rows, nthread=1)
    ours, theirs = compared(
        lambda: explainer.explain(rows), lambda: booster.predict(matrix, pred_contribs=True), 2 if quick else 3
    )
    print(f"{len(rows):,} rows: forbear {len(rows) / ours:,.0f} rows/s, xgboost {len(rows) / theirs:,.0f} rows/s")

    singles = [rows[place : place + 1] for place in range(SINGLE_ROWS)]
    matrices = [xgboost.DMatrix(row, nthread=1) for row in singles]
    one, other = compared(
        lambda: [explainer.explain(row) for row in singles],
        lambda: [booster.predict(row, pred_contribs=True) for row in matrices],
        5,
    )
    print(f"one row: forbear {one / SINGLE_ROWS * 1e6:.1f} us, xgboost {other / SINGLE_ROWS * 1e6:.0f} us")
    print(f"tables: {building:.2f} s, {explainer.plan.words.nbytes / 2**20:.1f} MB")
    result = {
        "batch_ratio": round(theirs / ours, 1),
        "single_ratio": round(other / one, 1),
        "max_abs_diff": largest_difference(explainer, booster, rows),
        "batch_rows": len(rows),
        "batch_seconds": round(ours, 4),
        "batch_seconds_xgboost": round(theirs, 3),
        "single_us": round(one / SINGLE_ROWS * 1e6, 1),
        "single_us_xgboost": round(other / SINGLE_ROWS * 1e6, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
