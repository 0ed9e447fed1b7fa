"""Is a planted disparity found, is nothing found where there is none, and do the intervals hold the truth?

    .venv/bin/python bench/fairness.py               200 seeds: the figures of docs/fairness.md
    .venv/bin/python bench/fairness.py --seeds 20    a short look

Books of two groups whose truth is known (forbear.simulation.groups): every figure is synthetic. The last line is one
JSON object of all of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from forbear.apps.package_data import shipped
from forbear.models.evaluate import wilson
from forbear.models.fairness import examine
from forbear.models.fairness_help import examine_help
from forbear.models.fairness_terms import Measure, Terms, parse_fairness
from forbear.models.fairness_verdicts import Compared, Verdict
from forbear.simulation.groups import GroupSpec, helped, scored

MANY_CUSTOMERS, MANY_BOOKS = 400_000, 4
"""Of the books that the truth is read from: the mean of what holds in them."""
FAIR = GroupSpec()
AT_LIMIT = 0.7148
"""Offered to so many, the few are offered help 10 points less often than the many, those held out aside."""
Asked = Callable[[GroupSpec, int], Sequence[Compared]]


def measured(asked: Asked, spec: GroupSpec, seeds: int) -> dict[str, object]:
    """What is found in so many books of one kind, and how often each interval holds what holds in large ones."""
    large = [asked(replace(spec, customers=MANY_CUSTOMERS), 10**6 + book) for book in range(MANY_BOOKS)]
    truth = {both[0].measure: fmean(one.figure.value for one in both) for both in zip(*large, strict=True)}
    found, held, said = Counter[Measure](), Counter[Measure](), Counter[Measure]()
    any_found = any_fair = 0
    for seed in range(seeds):
        compared = asked(spec, seed)
        verdicts = {one.measure: one.verdict for one in compared}
        any_found += Verdict.DISPARITY in verdicts.values()
        any_fair += set(verdicts.values()) == {Verdict.WITHIN}
        for one in compared:
            found[one.measure] += one.verdict == Verdict.DISPARITY
            said[one.measure] += not one.why
            held[one.measure] += not one.why and one.figure.low <= truth[one.measure] <= one.figure.high
    return {
        "anything_found": _share(any_found, seeds),
        "everything_within": _share(any_fair, seeds),
        "by_measure": {
            str(measure): {"truth": truth[measure], "found": _share(found[measure], seeds)}
            | {"covered": _share(held[measure], said[measure]), "said": said[measure]}
            for measure in truth
        },
    }


def _share(hits: int, of: int) -> Mapping[str, float | None]:
    return wilson(hits, of).as_dict() if of else {}


def main() -> None:
    """Measure all of it and say it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--only", default="", help="books whose name holds this")
    asked, began = parser.parse_args(), time.perf_counter()
    seeds = asked.seeds
    terms: Terms = parse_fairness(shipped("fairness.toml")).terms("US")

    def of_scores(spec: GroupSpec, seed: int) -> Sequence[Compared]:
        return examine(scored(spec, seed), terms).compared

    def of_help(spec: GroupSpec, seed: int) -> Sequence[Compared]:
        return examine_help(helped(spec, seed), terms).compared

    planted: dict[str, tuple[Asked, GroupSpec]] = {
        "nothing, in scores": (of_scores, FAIR),
        "nothing, in help": (of_help, FAIR),
        "scores too low for the few": (of_scores, replace(FAIR, understated=0.8)),
        "the few are riskier, and scored so": (of_scores, replace(FAIR, riskier=0.8)),
        "the few are offered just as much less as is tolerated": (of_help, replace(FAIR, offered=(0.8, AT_LIMIT))),
        "the few are offered less": (of_help, replace(FAIR, offered=(0.8, 0.5))),
        "help does the few nothing": (of_help, replace(FAIR, customers=12_000, relief=(0.2, 0.0))),
        "help harms the few": (of_help, replace(FAIR, customers=12_000, harmed=0.2)),
    }
    figures = {name: measured(ask, spec, seeds) for name, (ask, spec) in planted.items() if asked.only in name}
    for name, figure in figures.items():
        print(name, json.dumps(figure, indent=1))
    print(json.dumps({"seeds": seeds, "seconds": round(time.perf_counter() - began, 1), "planted": figures}))


if __name__ == "__main__":
    main()
