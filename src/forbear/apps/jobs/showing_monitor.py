"""What `forbear monitor` shows, the document that it writes, and whom it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forbear.adapters.disk import write_document, write_whole
from forbear.apps.beside import page_beside
from forbear.apps.console import FOUND, Console, interval
from forbear.apps.home import Home
from forbear.apps.jobs.alerting import tell
from forbear.apps.jobs.monitoring import PAGE, WARN, Monitored, MonitorRequest, monitor, retrain_advice, run_book
from forbear.apps.monitor_page import MonitorPage, render_monitor
from forbear.features.columns import day_of
from forbear.models.monitoring import Finding

DOCUMENT = "monitor.json"
_FAILS = {"never": frozenset[str](), "page": frozenset({PAGE}), "warn": frozenset({PAGE, WARN})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """Where it is written and what follows. out: the document's file, None: in the home's reports.  created: in words.

    fail_on: "never", "page" or "warn".  send: tell the channels.  environment: where their passwords may be.
    """

    out: Path | None
    created: str
    fail_on: str
    send: bool
    environment: Mapping[str, str]


def show_monitor(home: Home, request: MonitorRequest, showing: Showing, console: Console) -> Monitored:
    """Write what was found as JSON, with a page for people beside it, show it, and tell the channels what is new.

    Ends with FOUND where something is as bad as `fail_on`. Raises ConfigError for a document that bears the name of
    its page, and for channels that are none; BackendUnavailable for one that does not answer, when all else is done.
    """
    path = showing.out or home.reports / DOCUMENT
    page = page_beside(path)
    found = monitor(home, request, console)
    document = {"synthetic": found.synthetic, **found.document()}
    write_document(path, document)
    write_whole(page, render_monitor(MonitorPage(found, home.deployment.source, showing.created)).encode())
    sent = tell(home, found.alarms, found.day, showing.environment) if showing.send else None
    console.result({"document": str(path), "page": str(page), "sent": sent, **document})
    _show(found, console)
    if sent is not None:
        console.say(f"Told of {len(sent)} new alarms" if sent else "Nothing new to tell")
    console.say(f"Page: {page}")
    if found.status in _FAILS[showing.fail_on]:
        raise SystemExit(FOUND)
    return found


def _show(found: Monitored, console: Console) -> None:
    if found.synthetic:
        console.say("Synthetic data: none of this is evidence about real customers")
    watching = found.gathered.watching
    console.say(
        f"As of {day_of(found.day + 1)}: {found.status}; scores {watching.scores.source}, "
        f"model {watching.scores.model}, {len(found.gathered.days.days)} closes"
    )
    console.table(
        "Alarms",
        ("What", "Severity", "Since", "Effect", "Run book"),
        [
            (
                f"{one.kind}: {one.name}",
                one.severity,
                "" if one.since is None else day_of(one.since).isoformat(),
                _effect(one),
                run_book(one.kind),
            )
            for one in found.alarms
        ],
    )
    unknown = [one for one in found.findings if one.verdict == "cannot tell"]
    if unknown:
        kinds = ", ".join(sorted({one.kind for one in unknown}))
        console.say(f"Cannot tell {len(unknown)} of {len(found.findings)}: {kinds}")
    for title, performance in (("Matured labels", found.matured), ("Promised by PDs", found.promised)):
        if performance is not None:
            console.table(
                f"{title}, closes {day_of(performance.first)} to {day_of(performance.last)}, 95 % intervals",
                ("Figure", "Value"),
                [(name, interval(one, ".3g")) for name, one in performance.figures.items()],
            )
    advised, why = retrain_advice(found.alarms)
    console.say(f"Train again: {'yes' if advised else 'no'}, {why}")


def _effect(one: Finding) -> str:
    return one.said or ("" if np.isnan(one.effect) else f"{one.effect:+.4f}")
