"""What `forbear fairness` shows and writes: the report as JSON, a page beside it, and the status it ends with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forbear.adapters.disk import write_document, write_whole
from forbear.apps.console import FOUND, Console, figure
from forbear.apps.fairness_page import fairness_page
from forbear.apps.fairness_words import TITLES, headline, paired
from forbear.apps.home import Home
from forbear.apps.jobs.fairness import FairnessFound, FairnessRequest, fairness
from forbear.models.effects.read_out import Reading
from forbear.models.fairness_proxy import Proxy
from forbear.models.fairness_verdicts import Verdict

DOCUMENT, PAGE = "fairness_report.json", "fairness.html"
FAILING = {
    "nothing": frozenset[Verdict](),
    "disparity": frozenset({Verdict.DISPARITY}),
    "doubt": frozenset({Verdict.DISPARITY, Verdict.CANNOT_TELL}),
}
"""Verdicts that the command ends with `FOUND` for, by what it was asked to fail on."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where results go. out: the document, the page beside it; None: in the home's reports.

    created: in words.  fail_on: a key of FAILING.
    """

    out: Path | None
    created: str
    fail_on: str


def show_fairness(home: Home, console: Console, request: FairnessRequest, wanted: Wanted) -> FairnessFound:
    """Write document and page and show the main figures.

    Ends with the status FOUND where the verdict is one that was to fail; what was found is written and shown then too.
    """
    found = fairness(home, request, console)
    path = wanted.out or home.reports / DOCUMENT
    page = path.with_name(PAGE)
    document = {"created": wanted.created, **document_of(found)}
    write_document(path, document)
    write_whole(page, fairness_page(found, wanted.created).encode())
    console.result({"document": str(path), "page": str(page), **document})
    _say(found, console)
    console.say(f"Document: {path}")
    console.say(f"Page: {page}")
    if found.report.verdict in FAILING[wanted.fail_on]:
        raise SystemExit(FOUND)
    return found


def document_of(found: FairnessFound) -> dict[str, Any]:
    """Everything that was found as plain values for JSON; NaN is null."""
    helped = found.helped
    return {
        "synthetic": found.synthetic,
        **found.report.as_dict(),
        "rows": {
            "model": {"kind": found.model, "sha256": found.sha256 or None},
            "policy": {"version": found.policy.version, "sha256": found.policy.digest},
            "chosen_from_pd": found.cut_off,
            "first": found.days[0].isoformat(),
            "last": found.days[1].isoformat(),
            "dates": found.dates,
            "rows": found.rows,
            "customers": found.customers,
            "positives": found.positives,
            "outcomes_not_used": found.unknown,
            "out_of_time": "none of these rows was trained on",
        },
        "groups": {
            "file": found.people.file.name,
            "sha256": found.people.sha256,
            "attributes": {name: list(groups) for name, groups in found.people.members.items()},
            "access_recorded": found.people.recorded or None,
        },
        "help": {
            "told": helped is not None,
            "why_not": found.no_help,
            "waiting": found.waiting,
            "offered": [
                {"attribute": one.attribute, "group": one.group, "customers": one.offered}
                | {"actions": {action: share.as_dict() for action, share in one.shares.items()}}
                for one in found.mixes
            ],
            "effects": [] if helped is None else [_effect(one) for one in helped.readings],
        },
        "proxies": [_proxy(one) for one in found.proxies],
    }


def _effect(one: Reading) -> dict[str, Any]:
    return {
        "group": one.segment or None,
        "measure": one.measure,
        "effect": one.effect.figure.as_dict(),
        "customers": one.effect.customers,
        "adjusted_p": one.adjusted_p,
        "finding": one.finding or None,
    }


def _proxy(one: Proxy) -> dict[str, Any]:
    return {
        "attribute": one.pair.attribute,
        "group": one.pair.group,
        "against": one.pair.against,
        "auc": one.auc.as_dict(),
        "carriers": [{"feature": carrier.feature, "auc_drop": carrier.drop} for carrier in one.carriers],
        "gap_log_odds": one.gap.as_dict(),
        "gap_at_equal_outcome": one.at_equal_outcome.as_dict(),
        "gap_between_look_alikes": one.beyond.as_dict(),
        "gap_through_features": None if np.isnan(one.carried) else one.carried,
    }


def _say(found: FairnessFound, console: Console) -> None:
    if found.synthetic:
        console.say("Synthetic data: none of this is evidence about real customers")
    report = found.report
    console.say(
        f"{found.rows:,} rows of {found.customers:,} customers, {found.days[0]} to {found.days[1]}, none of which the "
        f"{found.model} model was trained on; {report.terms.name}"
    )
    console.table(
        "Binding comparisons beyond what is tolerated, or too uncertain, 95 % intervals",
        ("Measure", "Groups", "Compared", "Adjusted p", "Verdict"),
        [
            (
                TITLES[one.measure],
                paired(one.pair),
                figure(one.figure.value, one.figure.low, one.figure.high),
                f"{one.adjusted_p:.3g}",
                str(one.verdict),
            )
            for verdict in (Verdict.DISPARITY, Verdict.CANNOT_TELL)
            for one in report.of(verdict)
            if not one.why
        ],
    )
    if few := sum(bool(one.why) for one in report.of(Verdict.CANNOT_TELL)):
        console.say(f"Of {few} more nothing is said: too few customers, or too few with what is counted")
    console.say(headline(report))
    if found.helped is None:
        console.say(f"Nothing is told of help: {found.no_help}")
    if not found.people.recorded:
        console.say("That groups were read is recorded nowhere: this home has no office (`forbear serve` makes one)")
