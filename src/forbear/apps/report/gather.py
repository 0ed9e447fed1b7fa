"""Everything that one report says, read from the store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forbear.apps.report.foreseen import Earliness, Sureness, due_days, first_unripe, judged
from forbear.apps.report.holdout import PROPOSED_ARM, HoldOut, compared
from forbear.apps.report.request import ReportRequest, Sources
from forbear.apps.report.wording import LANGUAGE, OFFER, Wording, plain, told_in, verdict_of
from forbear.domain.deployment import HORIZON_DAYS
from forbear.domain.errors import NotEnoughData
from forbear.engine.audit import Break, Link, anchor, verify
from forbear.engine.outputs import AuditRecord, DayRow, Decision, Position
from forbear.engine.ports import Vault
from forbear.engine.queries import MOST_ROWS, Additivity, Lead, Queries, Scored, Status, Tally, Which, whole_chain
from forbear.features.columns import day_number, day_of
from forbear.policy.proposals import HoldReason

MOST_RISKIEST = 10
"""Customers that are listed."""
_LAST_ENTRIES = 60
"""How far back in a customer's timeline the last decision is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Risky:
    """One of the riskiest. reason: of the policy, "" for none.  told: the heaviest in words, if this very score was
    decided on, else "".  decision: the latest one, if it was made lately.
    """

    name: str
    scored: Scored
    band: str
    reason: str
    told: str
    verdict: str
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Told:
    """What a person told the deployment. day: the open one then.  value: a digest, or ""."""

    day: int
    instruction: str
    value: str
    by: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The audit chain. broken: where it fails, None for a whole one.  head: its last record."""

    records: int
    broken: Break | None
    head: AuditRecord | None
    told: tuple[Told, ...]

    @property
    def anchor(self) -> str:
        """The mark to keep elsewhere; "" for an empty chain."""
        return anchor(self.head) if self.head else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is known of some closed days. first, last: of them.  position: of the log, when reading began.

    moved: where the store stood when reading ended.  reasons: customers in a band at the last close by reason.
    earliness, sureness, hold_out: None where the store does not know what became of a score.
    """

    sources: Sources
    created: str
    status: Status
    wording: Wording
    position: Position
    moved: Position
    days: tuple[DayRow, ...]
    riskiest: tuple[Risky, ...]
    reasons: Mapping[str, int]
    earliness: Earliness | None
    sureness: Sureness | None
    hold_out: HoldOut | None
    tallies: tuple[Tally, ...]
    contacts: Mapping[int, int]
    chain: Chain
    additivity: Additivity

    @property
    def first(self) -> int:
        """The first day of it."""
        return self.days[0].day

    @property
    def last(self) -> DayRow:
        """The last day of it."""
        return self.days[-1]

    @property
    def live(self) -> tuple[DayRow, ...]:
        """Its days from the first on which anybody was scored; all of them where nobody was."""
        begun = next((place for place, row in enumerate(self.days) if row.scored), 0)
        return self.days[begun:]

    @property
    def events(self) -> dict[str, int]:
        """Events of its days by fate."""
        return _summed([row.events for row in self.days])

    @property
    def offers(self) -> tuple[Tally, ...]:
        """Tallies of what was offered."""
        return tuple(one for one in self.tallies if one.outcome == OFFER)

    @property
    def cost_minor(self) -> int:
        """What the offers cost."""
        return sum(one.cost_minor for one in self.offers)

    @property
    def in_bands(self) -> int:
        """Customers in any band at the last close."""
        return sum(count for band, count in self.last.bands.items() if band)

    def summary(self) -> dict[str, object]:
        """The main figures as one object for a script."""
        early, sure, held = self.earliness, self.sureness, self.hold_out
        rows, expected, observed = sure.totals() if sure else (0, 0.0, 0)
        return {
            "first": day_of(self.first).isoformat(),
            "last": day_of(self.last.day).isoformat(),
            "position": list(self.position),
            "customers": self.last.customers,
            "scored": self.last.scored,
            "in_bands": self.in_bands,
            "expected_misses": self.last.expected_misses,
            "misses": None if early is None else {"due": early.missed, "scored_before": early.scored},
            "mature": None if sure is None else {"rows": rows, "expected": expected, "observed": observed},
            "decisions": _counted(self.tallies),
            "cost_minor": self.cost_minor,
            "hold_out": None
            if held is None
            else {"held_out": held.held_out.customers, "proposed": held.proposed.customers},
            "audit": {"records": self.chain.records, "whole": self.chain.broken is None, "anchor": self.chain.anchor},
            "additivity": {"rows": self.additivity.rows, "largest_error": self.additivity.largest_error},
            "feed": self.events,
        }


def gather(sources: Sources, request: ReportRequest) -> Report | None:
    """Read a report's figures; None where no day was closed yet.

    Raises NotEnoughData where none of the days asked for is closed, ConfigError for a policy that cannot be read.
    """
    queries, deployment = sources.queries, sources.deployment
    position, status = queries.status()
    if status.last_day is None:
        return None
    every = queries.days(0, status.last_day).value
    days = _of_period(every, request)
    first, last = days[0].day, days[-1].day
    wording = Wording.of(status)
    unripe = first_unripe(deployment, status.last_day)
    told = status.last_day - deployment.miss.reporting_days
    knows = deployment.miss.kind == "missed_payment"
    leads = queries.leads(first, max(first, told), HORIZON_DAYS).value if knows else ()
    bands = status.policy.document["bands"] if status.policy else []
    return Report(
        sources=sources,
        created=request.created,
        status=status,
        wording=wording,
        position=position,
        days=days,
        riskiest=_riskiest(sources, wording, last),
        reasons=_reasons(queries, wording, last) if bands else {},
        earliness=Earliness.of(one for one in leads if one.due_day <= last) if knows else None,
        sureness=judged(days, unripe, leads, lambda day: queries.day_close(day).value) if knows else None,
        hold_out=_hold_out(queries, wording, (first, last), (leads, unripe)) if knows else None,
        tallies=queries.tallies(first, last).value,
        contacts=queries.contact_counts(first, last).value,
        chain=_chain(queries, every),
        additivity=queries.additivity().value,
        moved=queries.status().as_of,
    )


def every_decision(queries: Queries, which: Which) -> Iterator[Decision]:
    """Decisions, newest first, read page by page."""
    before: int | None = None
    while True:
        page = queries.decisions(which, MOST_ROWS, before).value
        yield from page.decisions
        before = page.older
        if before is None:
            return


def personal_of(sources: Sources, decision: Decision) -> Mapping[str, object] | None:
    """What was sealed with a decision; None where the key is gone. Raises CorruptState for what was tampered with."""
    return unsealed(sources.vault, decision)


def unsealed(vault: Vault, decision: Decision) -> Mapping[str, Any] | None:
    """The same, by a vault."""
    plain_bytes = vault.open(decision.customer, decision.sealed, decision.decision_id.encode())
    if plain_bytes is None:
        return None
    found: Mapping[str, Any] = json.loads(plain_bytes)
    return found


def _of_period(every: Sequence[DayRow], request: ReportRequest) -> tuple[DayRow, ...]:
    first = every[0].day if request.first is None else day_number(request.first)
    last = every[-1].day if request.last is None else day_number(request.last)
    found = tuple(row for row in every if first <= row.day <= last)
    if not found:
        raise NotEnoughData(
            f"no day from {day_of(first)} to {day_of(last)} is closed",
            mend=f"closed are {day_of(every[0].day)} to {day_of(every[-1].day)}",
        )
    return found


def _riskiest(sources: Sources, wording: Wording, day: int) -> tuple[Risky, ...]:
    return tuple(_risky(sources, wording, scored) for scored in sources.queries.riskiest(day, MOST_RISKIEST).value)


def _risky(sources: Sources, wording: Wording, scored: Scored) -> Risky:
    decision = _latest_decision(sources.queries, scored.customer) if scored.customer else None
    told: tuple[Mapping[str, Any], ...] = ()
    if decision is not None and decision.prediction == scored.place:
        told = told_in(personal_of(sources, decision) or {}) or ()
    return Risky(
        name=sources.name(scored.customer, scored.customer_id),
        scored=scored,
        band=wording.band(scored),
        reason=wording.reason(scored),
        told=told[0]["say"][LANGUAGE] if told else "",
        verdict=verdict_of(scored.verdict),
        decision=decision,
    )


def _latest_decision(queries: Queries, customer: int) -> Decision | None:
    entries = queries.timeline(customer, _LAST_ENTRIES).value.entries
    return next((entry for entry in entries if isinstance(entry, Decision)), None)


def _reasons(queries: Queries, wording: Wording, day: int) -> dict[str, int]:
    """Customers in a band at the close of a day, by what raises their score most; the commonest first."""
    found = queries.day_close(day).value
    if found is None or wording.policy is None:
        return {}
    rows = (found.band >= 0) & (found.policy == wording.number) & (found.customer != 0)
    codes = [*(reason.code for reason in wording.policy.reasons), "no_reason"]
    counts = np.bincount(found.reason[rows] % len(codes), minlength=len(codes))
    return {plain(codes[place]): int(counts[place]) for place in np.argsort(-counts, kind="stable") if counts[place]}


def _hold_out(
    queries: Queries, wording: Wording, days: tuple[int, int], known: tuple[Sequence[Lead], int]
) -> HoldOut | None:
    """Both arms under the policy in force. known: the misses, and the first day whose 30 days are not over."""
    if wording.policy is None:
        return None
    return compared(wording.policy, drawn_decisions(queries, wording, days), due_days(known[0]), known[1])


def drawn_decisions(queries: Queries, wording: Wording, days: tuple[int, int]) -> Iterator[Decision]:
    """Decisions of the policy in force that came after the draw of the hold-out, in [first, last] of the days."""
    return (
        decision
        for outcome in (HoldReason.HOLD_OUT, *PROPOSED_ARM)
        for decision in every_decision(queries, Which(days=days, outcome=str(outcome)))
        if decision.policy == wording.number
    )


def _chain(queries: Queries, days: Sequence[DayRow]) -> Chain:
    """The chain verified in one pass, with what people told the deployment on the way."""
    closes = [row.offset for row in days]
    told: list[Told] = []
    links = Counter[str]()
    head: list[AuditRecord] = []

    def passing() -> Iterator[Link]:
        for link in whole_chain(queries):
            links["all"] += 1
            head[:] = [link.record]
            if link.record.kind == "instruction":
                body = json.loads(link.record.body)
                place = int(np.searchsorted(closes, link.record.offset))
                day = days[place].day if place < len(days) else days[-1].day + 1
                told.append(Told(day, body["instruction"], body["value"], body["by"]))
            yield link

    links_read = passing()
    broken = verify(links_read)
    for _ in links_read:  # a break ends the verification, and the rest is counted all the same
        pass
    return Chain(links["all"], broken, head[0] if head else None, tuple(told))


def _summed(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for one in counts:
        total.update(one)
    return dict(total)


def _counted(tallies: Sequence[Tally]) -> dict[str, int]:
    total = Counter[str]()
    for one in tallies:
        total[one.outcome] += one.decisions
    return dict(total)
