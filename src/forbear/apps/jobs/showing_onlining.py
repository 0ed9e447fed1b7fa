"""Learn online, write the report and its page, and say what came of it."""

from __future__ import annotations

from typing import Any

from forbear.adapters.disk import write_document, write_whole
from forbear.apps.beside import page_beside
from forbear.apps.console import EXIT_CODES, Console, interval
from forbear.apps.home import Home
from forbear.apps.jobs.online_learners import Learnt, short
from forbear.apps.jobs.onlining import OnlineRequest, Updated, update_online
from forbear.apps.online_page import render_online
from forbear.domain.errors import ModelMismatch
from forbear.models.gate_terms import Verdict

_SHOWN = {"auc": ".3f", "log_loss": ".4f", "log_loss_difference": "+.5f", "observed_over_expected": ".2f"}


def show_online_update(home: Home, console: Console, request: OnlineRequest) -> None:
    """Learn online and write it down; end with the status of a model's owner where every candidate failed its gate."""
    found = update_online(home, console, request)
    path = home.reports / f"online-{found.known_until}.json"
    page = page_beside(path)
    document: dict[str, Any] = found.document(request)
    write_document(path, document)
    write_whole(page, render_online(found, request).encode())
    console.result({"document": str(path), "page": str(page), **document})
    _say(found, console)
    console.say(f"Report: {path}")
    console.say(f"Page: {page}")
    told = [one.report.outcome for one in found.candidates.values()]
    if told and all(outcome is Verdict.FAILED for outcome in told):
        raise SystemExit(EXIT_CODES[ModelMismatch])


def _say(found: Updated, console: Console) -> None:
    if found.synthetic:
        console.say("Synthetic data: none of this is evidence about real customers")
    if (rows := found.foretold) is not None:
        console.table(
            f"Foretold before it was learnt: {len(rows):,} rows of {rows.as_of.min()} to {rows.as_of.max()}, "
            f"{rows.positives:,} positive",
            ("model", *(name.replace("_", " ") for name in _SHOWN)),
            [
                (model, *(interval(told[name], style) if name in told else "-" for name, style in _SHOWN.items()))
                for model, told in found.figures.items()
            ],
        )
    for one in found.learnt.values():
        console.say(_line(found, one))
    console.say("What is in force stays as it is")


def _line(found: Updated, one: Learnt) -> str:
    candidate = found.candidates.get(one.name)
    if candidate is None:
        return f"{one.name}: no candidate, since {one.why}"
    news = f", nothing new: {one.why}" if one.why else ""
    return f"{one.name}: candidate {short(candidate.digest)}, gate: {candidate.report.outcome}{news}"
