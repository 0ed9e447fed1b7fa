"""Report on a home's running system: its store opened, a page written into its reports."""

from __future__ import annotations

import re
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from forbear.adapters.disk import write_whole
from forbear.adapters.sql.queries import open_queries
from forbear.adapters.vault import FileVault
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.rehearsing import REHEARSAL, WORKER, keys_beside
from forbear.apps.report.customer import customer_page
from forbear.apps.report.document import empty_page, render
from forbear.apps.report.gather import gather
from forbear.apps.report.request import ReportRequest, Sources
from forbear.domain.errors import ConfigError

_UNSAFE = re.compile(r"[^0-9A-Za-z_-]+")
_LONGEST = 60
_NEVER_RAN = (
    "no worker has recorded anything in this home, or the file was lost",
    "start the worker first; a file that was lost is restored from a backup",
)
_NOT_KEPT = ("`forbear run --replay --into` keeps a rehearsal, in two files", "check the path, or rehearse again")


@dataclass(frozen=True, slots=True)
class Reported:
    """Where the page is, and its main figures; none for a customer's page and for an empty store."""

    page: Path
    figures: dict[str, object]


def show_report(home: Home, request: ReportRequest, out: Path | None, console: Console) -> Reported:
    """Write the report and show where it is. out: the file to write; None: in the home's reports."""
    done = report(home, request, out)
    rehearsed = request.rehearsal is not None
    console.result({"page": str(done.page), **({"rehearsal": True} if rehearsed else {}), **done.figures})
    if rehearsed:
        console.say("Of a rehearsal: nobody was told of any of it")
    if done.figures:
        console.say(
            f"{done.figures['first']} to {done.figures['last']}: {done.figures['in_bands']} of "
            f"{done.figures['scored']} customers scored are in a band"
        )
    console.say(f"Page: {done.page}")
    return done


def report(home: Home, request: ReportRequest, out: Path | None = None) -> Reported:
    """Write the page of a home's store, or of one of its customers.

    The page of a rehearsal stands beside its store, never among the home's. Raises ConfigError where nothing was
    imported, no worker ever ran or the rehearsal is not there, NotEnoughData for days or a customer of whom
    nothing is recorded; else as store and vault do.
    """
    page = out or _place(home, request)
    with ExitStack() as opened:
        sources = _sources(home, request.rehearsal, opened)
        if request.customer is not None:
            text, figures = customer_page(sources, request.customer, request.created), {}
        else:
            found = gather(sources, request)
            text = empty_page(sources, request) if found is None else render(found)
            figures = {} if found is None else found.summary()
    write_whole(page, text.encode())
    return Reported(page, figures)


def _sources(home: Home, rehearsal: Path | None, opened: ExitStack) -> Sources:
    deployment = home.deployment
    if rehearsal is None:
        store, keys, consumer, (why, mend) = home.database, home.keys, WORKER, _NEVER_RAN
    else:
        store, keys, consumer, (why, mend) = rehearsal, keys_beside(rehearsal), REHEARSAL, _NOT_KEPT
    for path in (store, keys):
        if not path.exists():
            raise ConfigError(f"{path} is not there: {why}", mend=mend)
    queries = opened.enter_context(closing(open_queries(f"sqlite:///{store}", consumer=consumer)))
    vault = opened.enter_context(closing(FileVault(keys)))
    return Sources(queries, vault, deployment, home.archive.customers(), rehearsal is not None)


def _place(home: Home, request: ReportRequest) -> Path:
    """Where the page goes if nobody says where."""
    if request.rehearsal is None:
        return home.reports / _name(request)
    return request.rehearsal.with_name(f"{request.rehearsal.stem}-{_name(request)}")


def _name(request: ReportRequest) -> str:
    """What the file is called: of a customer by as much of the id as a file's name takes."""
    if request.customer is None:
        return "report.html"
    return f"customer-{_UNSAFE.sub('-', request.customer)[:_LONGEST]}.html"
