"""What `forbear thresholds` shows and writes: a section of the report, a page, and a draft for a person."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from forbear.adapters.disk import write_whole
from forbear.apps.console import Console, interval
from forbear.apps.home import Home
from forbear.apps.jobs.credit_document import DOCUMENT, write_sections
from forbear.apps.jobs.thresholds import Plan, Thresholds, ThresholdsRequest, thresholds
from forbear.apps.jobs.thresholds_section import SECTION, plan_of, section_of
from forbear.apps.report.wording import money
from forbear.apps.thresholds_page import headline, render_thresholds
from forbear.domain.errors import ConfigError
from forbear.domain.money import decimals_of
from forbear.models.results import Figure
from forbear.policy.document import to_toml

PAGE = "thresholds.html"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where results go. out: the document, the page beside it; None: in the home's reports.

    draft: a new file for the draft of a policy; None: none is written.  created: in words.
    """

    out: Path | None
    draft: Path | None
    created: str


def show_thresholds(home: Home, console: Console, request: ThresholdsRequest, wanted: Wanted) -> Thresholds:
    """Weigh every cut-off, write document, page and draft, and say what comes next. Nothing is put in force.

    Raises ConfigError where the draft's file is there already; else as `thresholds` does.
    """
    if wanted.draft is not None and wanted.draft.exists():
        raise ConfigError(f"{wanted.draft} is there already", mend="choose another name for --draft, or delete it")
    found = thresholds(home, request, console)
    path = wanted.out or home.reports / DOCUMENT
    page = path.with_name(PAGE)
    section = write_sections(path, {SECTION: {"created": wanted.created, **section_of(found)}})[SECTION]
    write_whole(page, render_thresholds(found, wanted.created).encode())
    draft, following = found.draft(), ""
    if draft is not None and wanted.draft is not None:
        write_whole(wanted.draft, to_toml(draft).encode())
        following = shlex.join(
            ["forbear", "promote", "--policy", str(wanted.draft), "--by", "NAME", "--home", str(home.folder)]
        )
    console.result(
        {
            "document": str(path),
            "page": str(page),
            "draft": str(wanted.draft) if following else None,
            "next": following or None,
            **section,
        }
    )
    _say(found, console)
    console.say(f"Document: {path}")
    console.say(f"Page: {page}")
    if wanted.draft is not None and draft is None:
        console.say("No draft is written: where nobody should be contacted there is no policy to draft")
    if draft is not None and wanted.draft is not None:
        console.say(f"Draft {draft.version}: {wanted.draft}. Nothing is in force by it. If a person agrees, they run:")
        console.say(following)
    return found


def _say(found: Thresholds, console: Console) -> None:
    if found.synthetic:
        console.say("Synthetic data: none of this is evidence about real customers")
    currency = found.policy.currency
    console.table(
        f"{found.totals.above[-1]:,} customers at the close of {found.on}; net in {currency}, 95 % intervals",
        ("Plan", "Lines", "Above", "Spent", "Avoided", "Net, by effects", "Net, by effects and chance"),
        [_row(found, plan) for plan in found.plans],
    )
    console.say(headline(found))
    if not found.fits[found.plans[-1].row]:
        console.say("The policy as it is does not stay within the limits")
    if (matured := found.matured) is not None and matured.above is not None:
        came = matured.above.observed
        seen = "; the model has learnt of these outcomes" if matured.seen else ""
        console.say(
            f"Of {matured.above.rows:,} customers above the lines on {matured.on}, {matured.above.predicted:.1%} were "
            f"expected to miss a payment and {interval(came, '.1%')} did{seen}"
        )
    if found.chosen is None:
        return
    told = plan_of(found, found.chosen)
    for channel, asked in told["channels"].items():
        if asked["first"]:
            console.say(
                f"Offers by {channel}: {asked['first']:,.0f} to begin with, {asked['a_day']:,.1f} a day after it, "
                f"{asked['busiest_day']:,.0f} on the busiest of {len(found.closes) - 1}; places: {asked['places']:,}"
            )
    if found.first_day_waits:
        console.say(
            f"The first day's offers are more than {found.policy.allocation.abnormal_share:.0%} of the book: they "
            "would wait for `forbear outreach release`"
        )


def _row(found: Thresholds, plan: Plan) -> tuple[str, ...]:
    outcomes, row, currency = found.outcomes, plan.row, found.policy.currency
    factor = 10.0 ** -decimals_of(currency)
    nets = (Figure(float(outcomes.net[row]), float(outcomes.low[row]), float(outcomes.high[row])), plan.net)
    lines = ", ".join(f"{band} {cut_off:.2%}" for band, cut_off in found.lines(plan).items())
    return (
        plan.name,
        lines or "nobody",
        f"{outcomes.above[row]:,}",
        money(round(outcomes.spent[row]), currency),
        f"{outcomes.avoided[row]:,.1f}",
        *(interval(net.times(factor), ",.0f") for net in nets),
    )
