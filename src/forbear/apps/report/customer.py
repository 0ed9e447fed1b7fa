"""The page of one customer: what was scored, told, offered and paid, from the store alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forbear.apps.page.canvas import Drawing
from forbear.apps.page.customers import attribution_bars
from forbear.apps.page.frame import footer, section, tiles, whole
from forbear.apps.page.legend import key_line, key_square, plotted
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, SIGNED
from forbear.apps.report.gather import personal_of
from forbear.apps.report.labels import labels, titled
from forbear.apps.report.plots import Course, course
from forbear.apps.report.request import Sources
from forbear.apps.report.trajectory import trajectory_section
from forbear.apps.report.wording import LANGUAGE, OFFER, Wording, dated, money, plain, told_in, verdict_of
from forbear.domain.errors import NotEnoughData
from forbear.domain.terms import OutcomeStatus
from forbear.engine.outputs import Contact, Decision, OutcomeRow, Position
from forbear.engine.queries import MOST_ROWS, Entry, Queries, Scored
from forbear.features.hashing import key_of
from forbear.features.ledger import Floats
from forbear.models.reasons.customer import NOTHING_TOLD, Line
from forbear.policy.proposals import HoldReason
from forbear.policy.triggers import Trigger

MOST_ENTRIES = 10_000
"""Entries of a timeline that are read, the newest."""
MOST_DECISIONS = 50
"""Decisions that are told with their reasons, the newest; more are counted."""
_DAY_US = 86_400 * 10**6
ERASED = "erased: the key of this customer was destroyed, and nobody can read what was sealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Customer:
    """One customer's entries by kind, newest first. cut: older ones are there and were not read."""

    name: str
    sources: Sources
    wording: Wording
    position: Position
    scores: tuple[Scored, ...]
    decisions: tuple[Decision, ...]
    contacts: tuple[Contact, ...]
    outcomes: tuple[OutcomeRow, ...]
    cut: bool

    @property
    def closes(self) -> list[Scored]:
        """Scores that the close of a day asked for, newest first."""
        return [scored for scored in self.scores if scored.trigger & Trigger.DAY_CLOSE]

    @property
    def currency(self) -> str:
        """Of what a customer owes."""
        return self.sources.deployment.currency


def customer_page(sources: Sources, name: str, created: str) -> str:
    """The complete HTML page of the customer of an id.

    Raises NotEnoughData where nothing is recorded of the customer.
    """
    one = _read(sources, name)
    title = titled(f"Customer {name}", sources)
    header = element(
        "header",
        *labels(sources),
        element("h1", title),
        element("p", f"{sources.deployment.source}. Made {created}.", class_="eyebrow"),
        element("p", _headline(one), class_="headline"),
        _tiles(one),
    )
    main = element(
        "main",
        _timeline(one),
        trajectory_section(name, one.closes, one.wording),
        _latest(one),
        _decisions(one),
        _contacts(one),
        _outcomes(one),
    )
    facts = {
        "position": f"{one.position.offset}.{one.position.ordinal}",
        "customer key": f"{key_of(name):016x}",
    }
    return whole(title, header, main, footer("Provenance", facts, created, synthetic=sources.synthetic),
                 synthetic=sources.synthetic)  # fmt: skip


def _read(sources: Sources, name: str) -> _Customer:
    position, status = sources.queries.status()
    entries = list(_entries(sources.queries, key_of(name)))
    if not entries:
        raise NotEnoughData(
            f"nothing is recorded of {name!r}: never scored, or erased",
            mend="ids are written as the feed gives them; the report lists the riskiest",
        )
    return _Customer(
        name=name,
        sources=sources,
        wording=Wording.of(status),
        position=position,
        scores=tuple(entry for entry in entries if isinstance(entry, Scored)),
        decisions=tuple(entry for entry in entries if isinstance(entry, Decision)),
        contacts=tuple(entry for entry in entries if isinstance(entry, Contact)),
        outcomes=tuple(entry for entry in entries if isinstance(entry, OutcomeRow)),
        cut=len(entries) >= MOST_ENTRIES,
    )


def _entries(queries: Queries, customer: int) -> Iterator[Entry]:
    """A customer's entries, newest first, read page by page up to MOST_ENTRIES or a few more."""
    read, before = 0, None
    while read < MOST_ENTRIES:
        page = queries.timeline(customer, MOST_ROWS, before).value
        yield from page.entries
        read, before = read + len(page.entries), page.older
        if before is None:
            return


def _headline(one: _Customer) -> str:
    if not one.scores:
        return "This customer has not been scored."
    latest = one.scores[0]
    band = one.wording.band(latest)
    place = f"in the band {band}" if band else "in no band"
    return f"A missed payment within 30 days has a probability of {PERCENT.write(latest.pd)}: {place}."


def _tiles(one: _Customer) -> Html:
    latest = one.scores[0] if one.scores else None
    offered = sum(decision.outcome == OFFER for decision in one.decisions)
    missed = sum(outcome.status == OutcomeStatus.MISSED for outcome in one.outcomes)
    cut = "the newest entries only" if one.cut else "since the log began"
    return tiles(
        ("Scores", COUNT.write(len(one.scores)), f"the latest on {dated(latest.day)}" if latest else ""),
        ("The policy says", plain(verdict_of(latest.verdict)) if latest else DASH, "to the latest score"),
        ("Decisions", COUNT.write(len(one.decisions)), f"{COUNT.write(offered)} offered"),
        ("Payments missed", COUNT.write(missed), f"of {COUNT.write(len(one.outcomes))} reported, {cut}"),
    )


def _timeline(one: _Customer) -> Html:
    if not one.scores:
        return Html()
    policy = one.wording.policy
    bands = tuple((band.name, band.enter) for band in policy.bands) if policy else ()
    closes = one.closes
    events = [scored for scored in one.scores if not scored.trigger & Trigger.DAY_CLOSE]
    marks: Mapping[str, Mapping[tuple[str, str], Sequence[int]]] = {
        "payments": {
            ("teal", "|"): _due(one, missed=False),
            ("amber", "v"): _due(one, missed=True),
        },
        "offers": {("accent", "^"): [made.day for made in one.decisions if made.outcome == OFFER]},
        "holds": {("slate", "x"): [made.day for made in one.decisions if made.outcome != OFFER]},
    }
    label = (
        f"Probability of {one.name} over time, from {dated(one.scores[-1].day)} to {dated(one.scores[0].day)}, with "
        "payments, offers and holds."
    )
    found = Course(_points(closes), _points(events), bands, marks)
    drawn = plotted(course(found, Drawing("timeline", label, height=4.6, width=11.0)))
    key = element(
        "ul",
        key_line("accent", "", text="at each day close"),
        key_square("navy", "when an event asked"),
        key_square("teal", "payment made"),
        key_square("amber", "payment missed"),
        key_square("accent", "offer"),
        key_square("slate", "hold"),
        class_="legend",
    )
    lead = "The score as it moved, above what was paid, missed, offered and held. Dashed lines are where bands begin."
    figure = element("figure", key, drawn, element("figcaption", label), class_="card whole")
    return section("Over time", lead, element("div", figure, class_="grid"))


def _due(one: _Customer, *, missed: bool) -> list[int]:
    return [row.due_day for row in one.outcomes if (row.status == OutcomeStatus.MISSED) == missed]


def _points(scores: Sequence[Scored]) -> Floats:
    """(n, 2) instants and PDs in the order of time."""
    found = [(scored.as_of_us / _DAY_US, scored.pd) for scored in reversed(scores)]
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def _latest(one: _Customer) -> Html:
    """What each feature adds to the newest score."""
    latest = one.scores[0] if one.scores else None
    added = one.wording.attributions(latest) if latest else {}
    model = one.wording.model
    if latest is None or model is None or not added:
        return Html()
    expected = float(str(model.document["expected"]))
    lines = [Line(name, np.nan, np.nan, log_odds) for name, log_odds in added.items()]
    ranked = sorted(lines, key=lambda line: (-abs(line.log_odds), line.feature))
    chart = element("div", attribution_bars(one.name, expected, ranked), class_="plot")
    reason = one.wording.reason(latest)
    told = f" The heaviest reason of the policy: {reason}." if reason else ""
    lead = (
        f"Everybody starts from {SIGNED.write(expected)}; with these bars the sum is {SIGNED.write(latest.log_odds)} "
        f"in log-odds before calibration. To the right raises the score.{told}"
    )
    return section(
        "The latest score, explained",
        lead,
        element("div", element("figure", chart, class_="card whole narrow"), class_="grid"),
    )


def _decisions(one: _Customer) -> Html:
    title = "Decisions"
    if not one.decisions:
        return section(title, "No score of this customer led to the choice of an action.")
    shown = one.decisions[:MOST_DECISIONS]
    more = len(one.decisions) - len(shown)
    lead = (
        "What was chosen each time, what became of it, and the reasons as they stood: opened from what was sealed with "
        f"the decision.{f' {COUNT.write(more)} older ones are not listed.' if more else ''}"
    )
    cards = [_decision_card(one, decision, personal_of(one.sources, decision)) for decision in shown]
    return section(title, lead, element("div", *cards, class_="people"))


def _decision_card(one: _Customer, decision: Decision, personal: Mapping[str, Any] | None) -> Html:
    policy = one.wording.policy
    band = f"in the band {decision.band}" if decision.band else "in no band"
    chance = f"propensity {PERCENT.write(decision.propensity)}{', drawn' if decision.explored else ''}"
    cost = money(decision.cost_minor, policy.currency if policy else one.currency)
    return element(
        "article",
        element("h3", dated(decision.day), " ", element("span", plain(decision.outcome), class_="standing")),
        element("p", f"{plain(decision.action)}, {decision.channel}, {cost}; {band}; {chance}.", class_="how"),
        *((element("p", ERASED, class_="how"),) if personal is None else _opened(decision, personal)),
        class_="person",
    )


def _opened(decision: Decision, personal: Mapping[str, Any]) -> tuple[Html, Html]:
    """The reasons in words as they stood, and the features that the decision rested on, folded away."""
    told = told_in(personal)
    if told is None:
        reason = plain(personal["reason"]) or "none"
        words = element("p", f"No words were approved yet. The heaviest reason of the policy: {reason}.", class_="how")
    elif told:
        words = element("ol", *map(_reason, told), class_="reasons")
    else:
        words = element("p", NOTHING_TOLD, class_="how")
    return words, _features_then(decision, personal)


def _reason(told: Mapping[str, Any]) -> Html:
    share, right = PERCENT.write(told["share"]), PERCENT.write(told["pd_if_put_right"])
    found = f"{share} of what raised the score. Probability if put right: {right}."
    passing = f" {told['passes'][LANGUAGE]}" if told["passes"] else ""
    return element("li", told["say"][LANGUAGE], small(found + passing))


def _features_then(decision: Decision, personal: Mapping[str, Any]) -> Html:
    added: Mapping[str, float] = personal["attributions"]
    ranked = sorted(personal["features"].items(), key=lambda pair: (-abs(added[pair[0]]), pair[0]))
    rows = [
        element(
            "tr",
            row_heading(name),
            element("td", "unknown" if value is None else f"{value:.4g}"),
            element("td", SIGNED.write(added[name])),
        )
        for name, value in ranked
    ]
    caption = f"Probability {PERCENT.write(personal['pd'])}; log-odds {SIGNED.write(personal['log_odds'])}."
    head = [column("Feature"), column("Value then"), column("Added to the log-odds")]
    content = table(caption, head, element("tbody", *rows), name=f"Features on {dated(decision.day)}")
    return element("details", element("summary", f"Features on {dated(decision.day)}"), content)


def _contacts(one: _Customer) -> Html:
    if not one.contacts:
        return section("Contacts", "Nobody has contacted this customer on the policy's account.")
    rows = [
        element(
            "tr",
            row_heading(dated(contact.day)),
            element("td", contact.channel, class_="text"),
            element("td", "withheld for comparison" if contact.kind == HoldReason.HOLD_OUT else "offer", class_="text"),
        )
        for contact in one.contacts
    ]
    head = [column("Day"), column("Channel", class_="text"), column("What", class_="text")]
    lead = (
        "Every contact that was made, and those that the hold-out withheld: both count for the days between contacts."
    )
    return section("Contacts", lead, table("The latest first.", head, element("tbody", *rows), name="Contacts"))


def _outcomes(one: _Customer) -> Html:
    if not one.outcomes:
        return Html()
    rows = [
        element(
            "tr",
            row_heading(dated(outcome.due_day)),
            element("td", outcome.status, class_="text"),
            element("td", money(outcome.amount_due_minor, one.currency)),
            element("td", DASH if outcome.paid_day is None else dated(outcome.paid_day)),
        )
        for outcome in one.outcomes
    ]
    head = [column("Due"), column("Told as", class_="text"), column("Amount"), column("Paid")]
    lead = "Scheduled payments as the log told of them. One that was missed and later paid has two lines."
    return section("Payments", lead, table("The latest first.", head, element("tbody", *rows), name="Payments"))
