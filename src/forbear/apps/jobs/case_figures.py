"""A round over cases and promises, and all of them in numbers."""

from __future__ import annotations

import os
from typing import Any

from forbear.apps.console import Console, interval
from forbear.apps.jobs.case_alerts import tell_team
from forbear.apps.jobs.casework import urgent_band_of
from forbear.apps.jobs.showing_cases import Agent
from forbear.apps.telemetry import Telemetry
from forbear.domain.errors import ConfigError
from forbear.engine.casework import Casework
from forbear.engine.overrides import OverrideKind, Quality, quality_of
from forbear.engine.settling import settle
from forbear.models.evaluate import wilson
from forbear.models.results import Figure


def show_settled(agent: Agent, console: Console, telemetry: Telemetry) -> None:
    """Take in decisions, judge promises, escalate what is overdue, and tell the team of what is new."""
    with telemetry.tracer.span("settle cases") as span, agent.work("settle_cases") as work:
        closed_day = work.records.totals().value.last_day
        done = settle(work, urgent_band_of(work.records), closed_day, agent.who.at_us)
        told = tell_team(agent.home, work.cases, work.terms, agent.who.at_us, os.environ)
        figures = {
            "decisions": done.decisions,
            "opened": done.opened,
            "kept": done.kept,
            "broken": done.broken,
            "escalated": done.escalated,
            "messages": told,
        }
        span.tell(**figures)
        if any(figures.values()):
            telemetry.journal.note("settled", **figures)
    console.result(figures)
    console.say(
        f"{done.decisions:,} decisions read, {done.opened:,} cases opened; {done.kept:,} promises kept, "
        f"{done.broken:,} broken; {done.escalated:,} escalated; {told:,} messages to the team."
    )


def show_figures(agent: Agent, console: Console) -> None:
    """Cases and promises in numbers, about nobody."""
    with agent.work("case_figures") as work:
        document = figures_of(work, agent.who.at_us)
    console.result(document)
    kinds = sorted({*document["open_by_kind"], *document["closed_by_kind"]})
    rows = [
        [
            kind,
            str(document["open_by_kind"].get(kind, 0)),
            str(document["closed_by_kind"].get(kind, 0)),
            f"{hours:.1f} h" if (hours := document["hours_to_close"].get(kind)) is not None else "-",
        ]
        for kind in kinds
    ]
    console.table("Cases", ["kind", "open", "closed", "median to close"], rows)
    console.say(f"Overdue {document['overdue']}, escalated {document['escalated']}, snoozed {document['snoozed']}")
    promises = document["promises"]
    broken = promises["broken_rate"]
    said = interval(Figure(broken["value"], broken["low"], broken["high"]), ".1%") if broken else "none is settled"
    counts = ", ".join(f"{name} {promises[name]}" for name in ("made", "kept", "broken", "cancelled"))
    console.say(f"Promises: {counts}; broken of those settled: {said}")


def figures_of(work: Casework, now_us: int) -> dict[str, Any]:
    """Cases and promises in numbers. broken_rate: of kept and broken, with its 95 % interval; None before the first."""
    cases, promises = work.cases.figures(now_us), work.promises.counted()
    settled = promises.kept + promises.broken
    return {
        "open_by_kind": dict(cases.open_by_kind),
        "closed_by_kind": dict(cases.closed_by_kind),
        "results": {kind: dict(counted) for kind, counted in cases.results.items()},
        "hours_to_close": dict(cases.hours_to_close),
        "overdue": cases.overdue,
        "escalated": cases.escalated,
        "snoozed": cases.snoozed,
        "promises": {
            **promises._asdict(),
            "broken_rate": wilson(float(promises.broken), settled).as_dict() if settled else None,
        },
    }


def show_override(agent: Agent, console: Console, decision_id: str, said: tuple[str, str, str]) -> None:
    """Write down that a person did other than was decided. said: kind, reason code, words."""
    kind, reason, words = said
    with agent.work("record_override") as work:
        override, fresh = work.override(decision_id, (override_kind_in(kind), reason, words), agent.who)
    console.result({"override_id": override.override_id, "fresh": fresh})
    console.say(f"Override {override.override_id[:12]} {'is written down' if fresh else 'was known already'}.")


def show_overrides(agent: Agent, console: Console) -> None:
    """How many overrides there are and why, and how customers fared beside decisions that nobody overrode."""
    with agent.work("override_quality") as work:
        document = override_document(work)
    console.result(document)
    counts = [[one["kind"], one["reason"], str(one["count"])] for one in document["counts"]]
    console.table("Overrides", ["kind", "reason", "how many"], counts)
    rows = [
        [
            one["kind"],
            str(one["customers"]),
            _shown(one["missed"]),
            str(one["others"]),
            _shown(one["others_missed"]),
            _shown(one["difference"]),
            one["verdict"],
        ]
        for one in document["quality"]
    ]
    header = ["kind", "customers", "missed", "others", "missed", "difference", "verdict"]
    console.table(f"A payment missed within {document['horizon_days']} days", header, rows)
    console.say("People override where they see something: this says how customers fared, not what would have been.")


def override_document(work: Casework) -> dict[str, Any]:
    """Overrides in numbers, for JSON."""
    closed_day = work.records.totals().value.last_day
    quality: tuple[Quality, ...] = ()
    if closed_day is not None:
        quality = quality_of(work.overrides.fates(work.terms.horizon_days, closed_day), work.terms.least_for_rates)
    counted = sorted(work.overrides.counted().items())
    return {
        "counts": [{"kind": kind, "reason": reason, "count": count} for (kind, reason), count in counted],
        "quality": [
            {
                "kind": one.kind.value,
                "customers": one.customers,
                "others": one.others,
                "missed": _figure(one.missed),
                "others_missed": _figure(one.others_missed),
                "difference": _figure(one.difference),
                "verdict": one.verdict,
            }
            for one in quality
        ],
        "horizon_days": work.terms.horizon_days,
        "least_for_rates": work.terms.least_for_rates,
    }


def override_kind_in(text: str) -> OverrideKind:
    """A kind of override by its word. Raises ConfigError for another word."""
    try:
        return OverrideKind(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no kind of override", mend=f"choose of {', '.join(OverrideKind)}") from None


def _figure(found: Figure | None) -> dict[str, float | None] | None:
    return None if found is None else found.as_dict()


def _shown(found: dict[str, float] | None) -> str:
    return "-" if found is None else interval(Figure(found["value"], found["low"], found["high"]), ".1%")
