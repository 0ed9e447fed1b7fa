"""What `forbear credit` shows and writes: a page for people, a document for machines, and the main figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forbear.adapters.disk import write_whole
from forbear.apps.console import Console, interval
from forbear.apps.credit_page import render_credit
from forbear.apps.credit_page.document import headline
from forbear.apps.credit_page.tables import HORIZONS
from forbear.apps.jobs.credit import CreditReport, CreditRequest, assess_credit
from forbear.apps.jobs.credit_document import DOCUMENT, write_sections

PAGE = "credit_risk.html"
_ROWS = (
    ("AUC", "auc"),
    ("AUC without the economy", "auc_blind"),
    ("observed / expected", "observed_to_expected"),
    ("observed / expected without the economy", "observed_to_expected_blind"),
    ("calibration slope", "slope"),
)


@dataclass(frozen=True, slots=True)
class Written:
    """Where the document and the page are, and what they say."""

    document: Path
    page: Path
    report: CreditReport


def show_credit(request: CreditRequest, into: Path, console: Console) -> Written:
    """Assess the panel, write both files into a folder, and show the main figures. Raises as `assess_credit`."""
    report = assess_credit(request, console)
    written = Written(into / DOCUMENT, into / PAGE, report)
    document = write_sections(written.document, report.document())
    write_whole(written.page, render_credit(report).encode())
    console.result({"document": str(written.document), "page": str(written.page), "pd": document["pd"]})
    console.table(
        "Default out of time, 95 % intervals over loans",
        ("", *(HORIZONS[one.quarters] for one in report.judged)),
        [(label, *(interval(one.figures[name], ".3f") for one in report.judged)) for label, name in _ROWS],
    )
    console.say(headline(report))
    console.say(f"Document: {written.document}")
    console.say(f"Page: {written.page}")
    return written
