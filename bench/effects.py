"""Do the intervals of effects hold what they promise, is a planted harm found, and is nothing found in nothing?

    .venv/bin/python bench/effects.py                2,000 seeds: the figures of docs/effects.md
    .venv/bin/python bench/effects.py --runs 100     a short look

An outcome-level simulator whose truth is known (forbear.simulation.outcomes): every figure is synthetic. The last line
is one JSON object of all of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from forbear.models.effects.crossfit import Crossing, cross_fitted
from forbear.models.effects.estimators import difference_in_means, doubly_robust, hajek, horvitz_thompson
from forbear.models.effects.off_policy import Logged, off_policy_value
from forbear.models.effects.power import Size, Wanted, size_for_group
from forbear.models.effects.read_out import Reader, read_out
from forbear.models.evaluate import wilson
from forbear.models.results import Figure
from forbear.simulation.outcomes import (
    HARMS,
    PLANTED_HARM,
    PLANTED_SEGMENT,
    SEGMENTS,
    OutcomeSpec,
    Population,
    population,
)

CUSTOMERS = 4_000
ARM, SEGMENT = 1, 4
HARM_BASE, HARM, POWER = 0.10, 0.03, 0.9
TESTS = (1 + SEGMENTS) * (1 + len(HARMS))
"""Of one read-out: the outcome and every harm, for all and in every segment."""
ONE_ACTION = OutcomeSpec(hold_out=0.5, impossible=1.0, relative=(0.0, 0.0), planted=HARM)
"""A plain experiment: half are reminded, half held out; reminders do nothing but the planted harm."""


def coverage(runs: int, customers: int = CUSTOMERS) -> dict[str, float]:
    """Share of runs in which each 95 % interval holds the truth."""
    of_all = population(OutcomeSpec())
    even = population(OutcomeSpec(impossible=1.0))
    held: dict[str, int] = defaultdict(int)
    for seed in range(runs):
        for name, found, truth in _estimates(of_all, even, customers, seed):
            held[name] += found.low <= truth <= found.high
    return {name: count / runs for name, count in held.items()}


def _estimates(of_all: Population, even: Population, customers: int, seed: int) -> Iterator[tuple[str, Figure, float]]:
    drawn = of_all.draw(customers, seed)
    contrast, effect = drawn.experiment.contrast(ARM), of_all.average_effect(ARM)
    plain = even.draw(customers, seed)
    yield "average, difference", difference_in_means(plain.experiment.contrast(ARM)).figure, even.average_effect(ARM)
    yield "average, Horvitz-Thompson", horvitz_thompson(contrast).figure, effect
    yield "average, Hajek", hajek(contrast).figure, effect
    predicted = cross_fitted(contrast, Crossing(seed=seed))
    yield "average, doubly robust", doubly_robust(contrast, predicted).figure, effect
    of_segment, name = of_all.average_effect(ARM, SEGMENT), f"segment_{SEGMENT}"
    inside = plain.experiment.contrast(ARM).rows(plain.experiment.segments[name])
    yield "segment, difference", difference_in_means(inside).figure, even.average_effect(ARM, SEGMENT)
    members = drawn.experiment.segments[name]
    yield "segment, Hajek", hajek(contrast.rows(members)).figure, of_segment
    yield "segment, doubly robust", doubly_robust(contrast.rows(members), predicted[members]).figure, of_segment
    policy = _another_policy(of_all)
    seen = drawn.experiment
    logged = Logged(action=seen.arm, propensity=seen.propensity, outcome=seen.outcome, customers=seen.customers)
    value, truth = off_policy_value(logged, policy[drawn.kind]), of_all.policy_value(policy)
    yield "policy, Horvitz-Thompson", value.horvitz_thompson.least, truth
    yield "policy, self-normalised", value.self_normalised.least, truth
    yield "policy, doubly robust", value.doubly_robust.least, truth


def _another_policy(of_all: Population) -> np.typing.NDArray[np.float64]:
    """The riskiest third gets the payment plan, another third at random by a trait the reminder, the rest nothing."""
    risk, trait = of_all.risk[:, 0], of_all.covariates[:, 1]
    plan = risk >= np.quantile(risk, 2 / 3)
    reminded = ~plan & (trait >= 0.5)
    return np.column_stack([~plan & ~reminded, reminded, plan]).astype(np.float64)


def needed() -> Size:
    """Customers that the calculator asks for."""
    return size_for_group(HARM_BASE, HARM, 1.0 / SEGMENTS, Wanted(power=POWER, held_out=0.5, tests=TESTS))


def found_harm(runs: int, customers: int) -> float:
    """Share of runs whose read-out finds the planted harm where it is."""
    planted, where = population(ONE_ACTION), f"segment_{PLANTED_SEGMENT}"
    hits = 0
    for seed in range(runs):
        readings = read_out(planted.draw(customers, seed).experiment, Reader())
        assert len(readings) == TESTS
        hits += any(one.finding == "harm" and one.measure == PLANTED_HARM and one.segment == where for one in readings)
    return hits / runs


def false_findings(runs: int, customers: int) -> float:
    """Share of runs of an experiment without any effect whose read-out finds anything at all."""
    nothing = population(ONE_ACTION.null())
    return (
        sum(any(one.finding for one in read_out(nothing.draw(customers, seed).experiment)) for seed in range(runs))
        / runs
    )


def main() -> None:
    """Measure, and print a line each and one of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000)
    runs = parser.parse_args().runs
    null_runs, began, size = max(1, runs // 4), time.perf_counter(), needed()
    covered = coverage(runs)
    print(f"Synthetic. 95 % intervals that hold the truth, {runs} runs of {CUSTOMERS:,} customers:")
    for name, share in covered.items():
        print(f"  {name:32s} {share:.1%}")
    harm = found_harm(runs, size.customers)
    shown = wilson(harm * runs, runs)
    print(
        f"Harm of {HARM:.0%} (from {HARM_BASE:.0%}) in one of {SEGMENTS} segments, {TESTS} tests, power {POWER:.0%}: "
        f"{size.customers:,} customers; found in {harm:.1%} [{shown.low:.1%}, {shown.high:.1%}] of {runs} runs"
    )
    wrong = false_findings(null_runs, size.customers)
    shown = wilson(wrong * null_runs, null_runs)
    print(f"Nothing there: a finding in {wrong:.1%} [{shown.low:.1%}, {shown.high:.1%}] of {null_runs} runs")
    print(
        json.dumps(
            {
                "synthetic": True,
                "runs": runs,
                "null_runs": null_runs,
                "coverage": {name: round(share, 4) for name, share in covered.items()},
                "customers_asked_for": size.customers,
                "harm_found": round(harm, 4),
                "false_findings": round(wrong, 4),
                "seconds": round(time.perf_counter() - began, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
