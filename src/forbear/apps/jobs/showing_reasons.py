"""What `forbear explain` shows: the score, its reasons, what would help, and where every part of it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.explaining import Explained, ExplainRequest, explain
from forbear.models.reasons.customer import NOTHING_TOLD, ExplainedCustomer, Line, ToldWayOut

BAR = 12
"""Characters of the longest bar."""


def show_explanation(home: Home, console: Console, request: ExplainRequest) -> Explained:
    """Explain one customer and show it."""
    found = explain(home, console, request)
    console.result(document_of(found))
    _say(console, found)
    return found


def document_of(found: Explained) -> dict[str, object]:
    """The explanation for a script; unknown values are null, sentences stand in every language."""
    one = found.customer
    return {
        "customer_id": one.customer,
        "as_of": one.as_of.isoformat(),
        "model": found.model,
        "pd": one.pd,
        "rank": one.place.rank,
        "book": one.place.of,
        "mean_pd": one.place.mean_pd,
        "language": found.language,
        "reasons": [told.document() for told in one.reasons],
        "way_out": _way_out(one.way_out, found.budget),
        "expected_log_odds": one.expected,
        "log_odds": one.log_odds,
        "attributions": [
            {
                "feature": line.feature,
                "value": _known(line.value),
                "calm": _known(line.calm),
                "log_odds": line.log_odds,
            }
            for line in one.lines
        ],
        "facts": dict(found.facts),
    }


def _way_out(told: ToldWayOut, budget: float) -> dict[str, object]:
    steps = [
        {"code": step.code, "say": dict(step.say), "now": step.start, "target": step.target, "pd": step.pd}
        for step in told.steps
    ]
    return {
        "budget": budget,
        "cutoff": told.cutoff,
        "outcome": told.outcome,
        "say": dict(told.say),
        "pd": told.pd_after,
        "steps": steps,
    }


def _known(value: float) -> float | None:
    return None if isnan(value) else value


def _say(console: Console, found: Explained) -> None:
    one, language = found.customer, found.language
    console.say(f"{one.customer} as of {one.as_of} ({found.model})")
    console.say(
        f"PD within 30 days: {one.pd:.2%}. Rank {one.place.rank:,} of {one.place.of:,}: riskier than "
        f"{one.place.safer:.1%} of the others; the book's mean is {one.place.mean_pd:.2%}."
    )
    console.say("\nReasons")
    for number, told in enumerate(one.reasons, 1):
        console.say(f"  {number}. {told.say[language]}")
        console.say(
            f"     {told.sentence}: {told.share:.0%} of what raises the score; put right, the PD would be "
            f"{told.pd_right:.2%}"
        )
        if told.passes is not None:
            console.say(f"     {told.passes[language]}")
    if not one.reasons:
        console.say(f"  {NOTHING_TOLD}")
    _say_way_out(console, found)
    _tabulate(console, one)
    for name, fact in found.facts.items():
        console.say(f"{name}: {fact}")


def _say_way_out(console: Console, found: Explained) -> None:
    told = found.customer.way_out
    console.say(
        f"\nWhat would take the customer out of the riskiest {100 * found.budget:g} % (PD below {told.cutoff:.2%})"
    )
    for step in told.steps:
        console.say(f"  - {step.say[found.language]}  -> PD {step.pd:.2%}")
    console.say(f"  {told.say[found.language]}\n")


def _tabulate(console: Console, one: ExplainedCustomer) -> None:
    shown = [line for line in one.lines if line.log_odds != 0.0]
    largest = max((abs(line.log_odds) for line in shown), default=1.0)
    console.table(
        "What each feature adds to the score (log-odds before calibration)",
        ("feature", "value", "calm", "log-odds", "raises (+) or lowers (-)"),
        [
            ("everybody starts from", "", "", f"{one.expected:+.3f}", ""),
            *(_cells(line, largest) for line in shown),
            ("the score", "", "", f"{one.log_odds:+.3f}", ""),
        ],
    )


def _cells(line: Line, largest: float) -> Sequence[str]:
    length = round(BAR * abs(line.log_odds) / largest)
    bar = ("+" if line.log_odds > 0.0 else "-") * max(1, length)
    # The bars grow to either side of the column's middle.
    drawn = f"{bar:<{BAR}}".rjust(2 * BAR) if line.log_odds > 0.0 else f"{bar:>{BAR}}".ljust(2 * BAR)
    return line.feature, _number(line.value), _number(line.calm), f"{line.log_odds:+.3f}", drawn


def _number(value: float) -> str:
    return "unknown" if isnan(value) else f"{value:.3g}"
