"""Six trainings with help running: is the risk without help still known?

    .venv/bin/python bench/relearning.py               3 seeds: the figures of docs/relearning.md
    .venv/bin/python bench/relearning.py --seeds 1     a short look
    .venv/bin/python bench/relearning.py --model boosting --seeds 2

Three synthetic worlds that differ in help alone (forbear.simulation.relearning): every figure is synthetic. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from scipy import stats

from forbear.models.results import Figure
from forbear.simulation.relearning import RelearningSpec, relearn

WORLDS = ("naive", "ours", "no_help")
WITHIN = 0.01
"""How near ours must come to the model of the world without help, at every cycle."""


def aucs(spec: RelearningSpec) -> tuple[Any, Any]:
    """(cycles, worlds) AUC on the risk without help, and mean PD over mean risk."""
    cycles = relearn(spec)
    auc = [[getattr(cycle, world).auc for world in WORLDS] for cycle in cycles]
    ratio = [[getattr(cycle, world).pd_ratio for world in WORLDS] for cycle in cycles]
    return np.array(auc), np.array(ratio)


def over_seeds(values: Any) -> Figure:
    """The mean of (seeds,) with its 95 % interval by Student's t; NaN bounds for one seed."""
    mean, seeds = float(values.mean()), len(values)
    if seeds == 1:
        return Figure(mean, np.nan, np.nan)
    half = float(stats.t.ppf(0.975, seeds - 1) * values.std(ddof=1) / np.sqrt(seeds))
    return Figure(mean, mean - half, mean + half)


def shown(figure: Figure) -> str:
    """A figure with its interval."""
    return f"{figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}]"


def main() -> None:
    """Measure, and print a line for each cycle and one of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--customers", type=int, default=RelearningSpec().customers)
    parser.add_argument("--model", choices=("scorecard", "boosting"), default="scorecard")
    asked, began = parser.parse_args(), time.perf_counter()
    specs = [RelearningSpec(customers=asked.customers, kind=asked.model, seed=seed) for seed in range(asked.seeds)]
    one = specs[0]
    print(
        f"Synthetic. {asked.model}, {asked.seeds} seeds, {one.customers:,} customers, {one.months} months a cycle. "
        f"Help is proposed to {one.proposed:.0%}, the riskiest; {one.hold_out:.0%} are held out, {one.places:.0%} of "
        f"the others have a place, {one.exploration:.0%} of actions are drawn. Where it is answered the preferred "
        f"action avoids {-one.relative[0]:.0%} of misses, the other {-one.relative[1]:.0%}. "
        "AUC on the risk without help, 95 % intervals over seeds:"
    )
    found = [aucs(spec) for spec in specs]
    auc, ratio = (np.stack([pair[place] for pair in found]) for place in (0, 1))
    means: dict[str, list[float]] = {world: [] for world in WORLDS}
    gaps = []
    for cycle in range(auc.shape[1]):
        told = [over_seeds(auc[:, cycle, place]) for place in range(len(WORLDS))]
        gap = over_seeds(auc[:, cycle, 2] - auc[:, cycle, 1])
        gaps.append(gap.value)
        for world, figure in zip(WORLDS, told, strict=True):
            means[world].append(round(figure.value, 4))
        words = "  ".join(f"{world} {shown(figure)}" for world, figure in zip(WORLDS, told, strict=True))
        said = "/".join(f"{mean:.2f}" for mean in ratio[:, cycle].mean(axis=0))
        print(f"cycle {cycle + 1}: {words}  no_help - ours {shown(gap)}  mean PD over risk {said}")
    print(
        json.dumps(
            {
                "synthetic": True,
                "model": asked.model,
                "seeds": asked.seeds,
                **{f"{world}_auc": values for world, values in means.items()},
                "largest_gap": round(max(gaps), 4),
                "largest_gap_of_a_run": round(float((auc[:, :, 2] - auc[:, :, 1]).max()), 4),
                "within": max(gaps) <= WITHIN,
                "seconds": round(time.perf_counter() - began, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
