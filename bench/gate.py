"""How often the gate lets through, fails, or hands to a person a candidate whose skill is known beside the champion's.

    python bench/gate.py [--repeats 40]

Outcomes are drawn from known log-odds. Champion and candidate see them through noise of their own: of the same size, so
that both are equally good, or of a larger size for the candidate. All figures are synthetic. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter

import msgspec
import numpy as np

from forbear.apps.package_data import shipped
from forbear.models.artefact import Artefact, ModelTarget, Provenance, TrainingWindow
from forbear.models.calibration import Identity
from forbear.models.dataset import Dataset, FeatureSpec
from forbear.models.expert import ExpertScorecard, Reference
from forbear.models.gate import Champion, Question, compared
from forbear.models.gate_checks import not_worse
from forbear.models.gate_terms import GateTerms, parse_terms

SPECS = tuple(FeatureSpec(name, "stress", 1, -np.inf, np.inf, "ratio") for name in ("candidate", "champion"))
NOISE = 0.8
DATES, BASE, SPREAD = 3, -4.2, 1.6


def rows_of(customers: int, worse: float, seed: int) -> Dataset:
    """Three dates of so many customers. worse: by how much the candidate's noise is larger than the champion's."""
    chance = np.random.default_rng(seed)
    lasting = chance.normal(size=(customers, 1))
    truth = (SPREAD * (0.8 * lasting + 0.6 * chance.normal(size=(customers, DATES)))).ravel()
    noises = np.array([NOISE + worse, NOISE])
    labels = chance.random(len(truth)) < 1.0 / (1.0 + np.exp(-(BASE + truth)))
    dates = (np.datetime64("2024-01", "M") + np.arange(DATES)).astype("datetime64[D]")
    return Dataset(
        features=np.ascontiguousarray(truth[:, None] + noises * chance.normal(size=(len(truth), 2))),
        specs=SPECS,
        labels=labels,
        customers=np.repeat(np.arange(customers), DATES),
        as_of=np.tile(dates, customers),
        days_ahead=np.where(labels, 10.0, np.nan),
    )


def scorer(name: str, rows: Dataset) -> Artefact:
    """A model whose log-odds are one column."""
    about = Provenance(
        target=ModelTarget(1, 30, "a scheduled payment missed"),
        feature_set_hash="",
        specs=SPECS,
        window=TrainingWindow("2023-01-01", "2023-11-01", "2023-12-01"),
        data_fingerprint="",
        rows=len(rows),
        positives=rows.positives,
        metrics={},
        seed=0,
        versions={},
    )
    model = ExpertScorecard(rows.names, "1", 0.0001, {name: Reference(-12.0, 12.0, 24.0)})
    return Artefact(model, Identity(), about)


def verdicts(terms: GateTerms, customers: int, worse: float, repeats: int) -> dict[str, object]:
    """What AUC and PR-AUC alone come to, over repeats."""
    found: dict[str, Counter[str]] = {"auc": Counter(), "pr_auc": Counter()}
    positives, covered = [], {"auc": [], "pr_auc": []}
    for seed in range(repeats):
        rows = rows_of(customers, worse, seed)
        champion = Champion("", scorer("champion", rows), "")
        asked = Question(
            candidate=scorer("candidate", rows), champion=champion, training=rows, hold_out=rows, seed=seed
        )
        figures = compared(asked, terms)
        positives.append(rows.positives)
        for name, margin in (("auc", terms.auc), ("pr_auc", terms.pr_auc)):
            difference = figures[f"{name}_difference"]
            check = not_worse(name, (figures[name], figures[f"champion_{name}"]), difference, margin)
            found[name][str(check.verdict)] += 1
            covered[name].append(bool(difference.low <= 0.0 <= difference.high))
    return {
        "customers": customers,
        "worse": worse,
        "positives": float(np.mean(positives)),
        **{name: {word: count / repeats for word, count in sorted(counts.items())} for name, counts in found.items()},
        "interval_holds_0": {name: float(np.mean(each)) for name, each in covered.items()},
    }


def main() -> None:
    """Print the shares, a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=40)
    repeats = parser.parse_args().repeats
    stated = parse_terms(shipped("gate.toml"))
    terms = msgspec.structs.replace(stated, evidence=msgspec.structs.replace(stated.evidence, resamples=100))
    found = []
    for worse in (0.0, 0.6):
        for customers in (300, 1_000, 3_000):
            found.append(verdicts(terms, customers, worse, repeats))
            print(found[-1], flush=True)
    print(json.dumps({"repeats": repeats, "gate": found}))


if __name__ == "__main__":
    main()
