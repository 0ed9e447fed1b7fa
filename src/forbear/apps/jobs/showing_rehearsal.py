"""Say what a rehearsal came to, beside what was recorded of the same days."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.rehearsing import OFFER, OnRecord, RehearsalRequest, Rehearsed, rehearse
from forbear.domain.money import amount_text

NOT_REAL = "A rehearsal: nobody is told of it, and nothing of it stands in the home"


def show_rehearsal(home: Home, console: Console, request: RehearsalRequest) -> None:
    """Rehearse, and show what would have been decided."""
    begun = time.monotonic()
    done = rehearse(home, console, request)
    seconds = time.monotonic() - begun
    synthetic = home.synthetic
    console.result({**_document(done, request.into), "synthetic": synthetic, "seconds": round(seconds, 3)})
    console.table(_title(done), ["", "rehearsed", "recorded"], _rows(done, home.deployment.currency))
    console.say(
        f"{NOT_REAL}. {done.events:,} events in {seconds:.1f} s: {done.predictions:,} scores"
        + (" of a synthetic bank" if synthetic else "")
    )
    console.say("Bands: " + ", ".join(f"{band.name} from {band.enter:.2%}" for band in done.policy.bands))
    if request.into is not None:
        console.say(f"Store: {request.into}")


def _title(done: Rehearsed) -> str:
    return (
        f"Rehearsal of {done.first} to {done.last}: model {done.model[:12]}, policy {done.policy.version} "
        f"({done.policy.digest[:12]})"
    )


def _document(done: Rehearsed, into: Path | None) -> dict[str, object]:
    return {
        "rehearsal": True,
        "from": done.first.isoformat(),
        "to": done.last.isoformat(),
        "model": done.model,
        "policy": done.policy.digest,
        "bands": {band.name: band.enter for band in done.policy.bands},
        "events": done.events,
        "predictions": done.predictions,
        "rehearsed": done.rehearsed and asdict(done.rehearsed),
        "recorded": done.recorded and asdict(done.recorded),
        "into": None if into is None else str(into),
    }


def _rows(done: Rehearsed, currency: str) -> list[list[str]]:
    both = (done.rehearsed, done.recorded)

    def row(name: str, told: Callable[[OnRecord], str]) -> list[str]:
        return [name, *("-" if one is None else told(one) for one in both)]

    holds = sorted({name for one in both if one is not None for name in one.decisions} - {OFFER})
    counted = [
        row(f"held: {name.replace('_', ' ')}", lambda one, name=name: f"{one.decisions.get(name, 0):,}")  # type: ignore[misc]
        for name in holds
    ]
    return [
        row("days closed", lambda one: f"{one.closes:,}"),
        row("scored at the closes", lambda one: f"{one.scored:,}"),
        row("expected misses, summed", lambda one: f"{one.expected_misses:,.1f}"),
        row("offers", lambda one: f"{one.decisions.get(OFFER, 0):,}"),
        *counted,
        row("customers contacted", lambda one: f"{one.contacted:,}"),
        row("cost of the offers", lambda one: f"{amount_text(one.cost_minor, currency, thousands=',')} {currency}"),
    ]
