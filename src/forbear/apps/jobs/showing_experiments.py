"""What `forbear experiment` shows: sizes, bounds so far, and what was read out."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from forbear.adapters.disk import write_document, write_whole
from forbear.apps.beside import page_beside
from forbear.apps.console import Console, figure
from forbear.apps.home import Home
from forbear.apps.jobs.campaign import SPEND, CampaignFound, CampaignRequest, read_campaign
from forbear.apps.jobs.experimenting import Observed, definition_of, observe
from forbear.apps.page.experiment import ExperimentPage, headline, render
from forbear.models.effects.definition import Definition, seen_by, size_of
from forbear.models.effects.read_out import Reading
from forbear.models.results import Figure

MOST_POINTS = 200
"""Of the effect as it became known that a document keeps, of however many there are."""
_FEWER = (0.25, 0.5, 1.0, 2.0)
"""Parts of the customers needed for which it is told what they would show."""


def show_size(definition: Definition, console: Console, *, kept: Path | None = None) -> None:
    """How many customers an experiment needs, and what other numbers would show. kept: where it was written."""
    size = size_of(definition)
    others = {number: seen_by(definition, number) for number in (round(size.customers * part) for part in _FEWER)}
    console.result(
        {
            "name": definition.name,
            "customers": size.customers,
            "held_out": size.held_out,
            "offered": size.given,
            "in_smallest_segment": size.in_group if definition.smallest_segment else None,
            "least_rise_seen": {str(number): _known(rise) for number, (rise, _) in others.items()},
            "power": {str(number): _known(power) for number, (_, power) in others.items()},
            **({"kept": str(kept)} if kept else {}),
        }
    )
    console.say(
        f"{definition.name}: {size.customers:,} customers, {size.held_out:,} of them held out, to see a change of "
        f"{definition.least_effect:.2%} from {definition.expected_share:.2%} with power {definition.power:.0%}"
    )
    rows = [
        (f"{number:,}", *("-" if isnan(one) else f"{one:.2%}" for one in (rise, power)))
        for number, (rise, power) in others.items()
    ]
    console.table("What so many customers show, for all", ("Customers", "smallest rise", "power, least effect"), rows)
    if kept:
        console.say(f"Kept: {kept}")


def show_watch(home: Home, which: str, console: Console) -> Observed:
    """The effect so far, with bounds that hold however often one looks."""
    seen = observe(home, definition_of(home, which))
    page = _page(seen, "")
    found, contrast = page.watched, seen.contrast
    console.result(
        {
            "name": seen.definition.name,
            "synthetic": seen.synthetic,
            "customers": len(contrast),
            "needed": page.size.customers,
            "offered": int(contrast.given.sum()),
            "held_out": int(contrast.held.sum()),
            "waiting": seen.waiting,
            "exempt": seen.exempt,
            "effect": found.figure.as_dict() if found else None,
            "decided_after": found.decided if found else None,
        }
    )
    _label(seen, console)
    console.say(
        f"{len(contrast):,} of {page.size.customers:,} customers: {int(contrast.given.sum()):,} may have had an offer, "
        f"{int(contrast.held.sum()):,} were held out; the 30 days of {seen.waiting:,} more are not over"
    )
    console.say(headline(page))
    if found and found.decided:
        console.say(f"The bounds first left 0 out after {found.decided:,} customers")
    return seen


def show_reading(home: Home, which: str, console: Console, *, created: str) -> Path:
    """Everything that an experiment has shown: a document among the home's reports, and a page of it beside it."""
    seen = observe(home, definition_of(home, which))
    page, document = _page(seen, created), home.reports / f"experiment-{seen.definition.name}.json"
    path = page_beside(document)
    told = reading_document(seen, page)
    write_document(document, told)
    write_whole(path, render(page).encode())
    console.result({"document": str(document), "page": str(path), **told})
    _label(seen, console)
    console.say(headline(page))
    header = ("change against the hold-out, 95 % interval", "offered", "held out", "effect", "adjusted p", "finding")
    console.table(f"Experiment {seen.definition.name}", header, [_row(one) for one in page.readings])
    if page.customers < page.size.customers:
        console.say("It has not reached its size: until then only the bounds of `watch` may be acted on")
    console.say(f"Page: {path}")
    return path


def reading_document(seen: Observed, page: ExperimentPage) -> dict[str, Any]:
    """What was read out of an experiment, as plain values; the page of it has the same figures."""
    contrast, size = seen.contrast, page.size
    return {
        "created": page.created,
        "name": seen.definition.name,
        "synthetic": seen.synthetic,
        "outcome": seen.definition.outcome,
        "hold_out_share": seen.definition.hold_out_share,
        "least_effect": seen.definition.least_effect,
        "customers": page.customers,
        "needed": size.customers,
        "offered": int(contrast.given.sum()),
        "held_out": int(contrast.held.sum()),
        "waiting": seen.waiting,
        "exempt": seen.exempt,
        "always_valid": page.watched.figure.as_dict() if page.watched else None,
        "decided_after": page.watched.decided if page.watched else None,
        "so_far": _so_far(page),
        "currency": seen.currency,
        "roi": page.roi.as_dict(),
        "readings": [_plain(one) for one in page.readings],
    }


def show_campaign(request: CampaignRequest, out: Path, console: Console) -> CampaignFound:
    """What the published e-mail experiment says, and a page of it."""
    from forbear.apps.page.effects import render as render_campaign

    found = read_campaign(request, console)
    write_whole(out, render_campaign(found).encode())
    console.result({"page": str(out), **found.summary()})
    console.table(
        f"{found.customers:,} customers: average effects against no e-mail, 95 % intervals; spend in dollars",
        ("", "difference", "Horvitz-Thompson", "doubly robust"),
        [
            (f"{one.arm}, {one.measure}", *(_of_measure(effect.figure, one.measure) for effect in one.by.values()))
            for one in found.averages
        ],
    )
    rows = [
        (
            f"{one.arm}, {one.learner}",
            _of_measure(one.visits.area, ""),
            _of_measure(one.spend.area, SPEND),
            _of_measure(one.policies[-1].beyond_random, ""),
        )
        for one in found.ranked
    ]
    console.table(
        f"Ranked by uplift, over as many by lot, on {found.ranked[0].customers:,} customers that no model has seen",
        ("", "visits, mean of all shares", "spend", f"visits at {request.capacity:.0%}"),
        rows,
    )
    count = sum(bool(one.finding) for one in found.readings)
    console.say(
        f"{count} findings among {len(found.readings)} tests of two e-mails, two outcomes and all segments (Holm)"
    )
    console.say(f"Page: {out}")
    return found


def _page(seen: Observed, created: str) -> ExperimentPage:
    return ExperimentPage(
        definition=seen.definition,
        size=size_of(seen.definition),
        created=created,
        customers=len(seen.contrast),
        waiting=seen.waiting,
        watched=seen.watched(),
        readings=seen.readings(),
        roi=seen.roi(),
        synthetic=seen.synthetic,
    )


def _so_far(page: ExperimentPage) -> list[dict[str, object]]:
    """The effect after so many customers, with bounds that hold at once; evenly thinned, the newest always there."""
    if page.watched is None:
        return []
    found = page.watched
    rows = np.unique(np.linspace(0, len(found.after) - 1, MOST_POINTS).round().astype(int)).tolist()
    return [
        {
            "customers": int(found.after[row]),
            **Figure(float(found.value[row]), float(found.low[row]), float(found.high[row])).as_dict(),
        }
        for row in rows
    ]


def _known(value: float) -> float | None:
    return None if isnan(value) else value


def _label(seen: Observed, console: Console) -> None:
    if seen.synthetic:
        console.say("Synthetic: every figure comes from a simulated bank")


def _plain(one: Reading) -> dict[str, object]:
    return {
        "measure": one.measure,
        "segment": one.segment or "everybody",
        "offered": one.given_mean,
        "held_out": one.held_mean,
        "effect": one.effect.figure.as_dict(),
        "adjusted_p": one.adjusted_p,
        "finding": one.finding,
    }


def _row(one: Reading) -> tuple[str, ...]:
    return (
        f"{one.measure}, {one.segment or 'everybody'}",
        f"{one.given_mean:.2%}",
        f"{one.held_mean:.2%}",
        _of_measure(one.effect.figure, ""),
        f"{one.adjusted_p:.3f}",
        one.finding or "-",
    )


def _of_measure(found: Figure, measure: str) -> str:
    if measure == SPEND:
        return figure(found.value / 100.0, found.low / 100.0, found.high / 100.0, "+.2f")
    return figure(found.value, found.low, found.high, "+.2%")
