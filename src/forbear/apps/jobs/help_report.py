"""The report of help: what was offered, what reached people, what they said, what they promised, and what it cost."""

from __future__ import annotations

from pathlib import Path

from forbear.adapters.disk import write_document, write_whole
from forbear.apps.beside import page_beside
from forbear.apps.console import Console, interval
from forbear.apps.help_page import render_help
from forbear.apps.help_rates import HelpReport, HelpRequest
from forbear.domain.deployment import Deployment
from forbear.engine.help_figures import HelpCounted, within

DOCUMENT = "help_report.json"


def report_help(counted: HelpCounted, deployment: Deployment, request: HelpRequest) -> HelpReport:
    """Count help where it is kept. Raises ConfigError for days that run backwards."""
    return HelpReport(
        request=request,
        figures=counted.figures(*within(request.first, request.last, deployment.time_zone)),
        currency=deployment.currency,
        source=deployment.source,
        synthetic=deployment.synthetic,
    )


def show_help_report(report: HelpReport, written: Path, console: Console) -> None:
    """Write the report as JSON, with a page for people beside it, and show its main figures.

    Raises ConfigError for a document that bears the name of its page, StorageError for what cannot be written.
    """
    page, document = page_beside(written), report.document()
    write_document(written, document)
    write_whole(page, render_help(report).encode())
    console.result({"document": str(written), "page": str(page), **document})
    if report.synthetic:
        console.say("Synthetic data: none of this is evidence about real customers")
    rows = [(one.section, one.name, one.of, f"{one.count:,}") for one in report.figures.counts]
    console.table("Help in numbers", ("what", "is", "of", "how many"), rows)
    for rate in report.rates:
        if rate.figure:
            console.say(f"{rate.meaning}: {interval(rate.figure, '.1%')} of {rate.of:,}")
    console.say(f"Report: {written}")
    console.say(f"Page: {page}")
