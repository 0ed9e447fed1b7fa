"""Say what came of retraining: each candidate, check by check, and what follows."""

from __future__ import annotations

from typing import Any

from forbear.apps.console import EXIT_CODES, Console, figure
from forbear.apps.home import Home
from forbear.apps.jobs.retraining import Candidate, Retrained, RetrainRequest, retrain
from forbear.domain.errors import ModelMismatch
from forbear.engine.versions import LEAST_DIGITS
from forbear.models.gate_checks import Check
from forbear.models.gate_terms import Verdict


def show_retraining(home: Home, console: Console, request: RetrainRequest) -> None:
    """Retrain, say what the gate found, and end with the status of a model's owner where every candidate failed."""
    found = retrain(home, console, request)
    console.result(_summary(found))
    if not found.candidates:
        console.say(f"Nothing is retrained: {found.why}")
        return
    console.say(f"Retrained, since {found.why}; what is in force stays as it is")
    for one in found.candidates:
        _say(console, one)
    if all(one.report.outcome is Verdict.FAILED for one in found.candidates):
        raise SystemExit(EXIT_CODES[ModelMismatch])


def _say(console: Console, one: Candidate) -> None:
    name, checks = one.digest[:LEAST_DIGITS], one.report.checks
    console.table(
        f"{one.kind} {name}: {one.report.outcome}",
        ("check", "verdict", "figure", "threshold"),
        [(check.name.replace("_", " "), str(check.verdict), _cell(check), check.threshold) for check in checks],
    )
    for check in checks:
        if check.verdict is not Verdict.PASSED:
            console.say(f"{check.name.replace('_', ' ')}: {check.reason}")
    if one.report.outcome is not Verdict.FAILED:
        console.say(
            f"To have it in force: forbear models propose {name}, or, without approvers, promote --digest {name}"
        )
    console.say(f"Report: {one.document}")
    console.say(f"Page: {one.page}")


def _cell(check: Check) -> str:
    return "-" if check.figure is None else figure(check.figure.value, check.figure.low, check.figure.high)


def _summary(found: Retrained) -> dict[str, Any]:
    return {
        "retrained": bool(found.candidates),
        "why": found.why,
        "champion": found.champion or None,
        "candidates": [
            {
                "kind": one.kind,
                "digest": one.digest,
                "outcome": str(one.report.outcome),
                "report": str(one.document),
                "page": str(one.page),
                "checks": {check.name: str(check.verdict) for check in one.report.checks},
            }
            for one in found.candidates
        ],
    }
