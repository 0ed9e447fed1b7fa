"""Tell the whole story of one customer of a home, and have it on record that somebody asked."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from forbear.adapters.disk import write_whole
from forbear.adapters.sql.office import SqlOffice, open_office
from forbear.adapters.vault import keys_in
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.accessing import access
from forbear.apps.jobs.auditing import Audited, audited
from forbear.apps.jobs.checkpointing import WRITER
from forbear.apps.options import MADE
from forbear.apps.report.story import Story
from forbear.apps.report.story_entries import Rules
from forbear.apps.report.story_page import story_page
from forbear.apps.report.story_pdf import story_pdf
from forbear.apps.report.story_telling import Asked, Told, erased_story, story_of, used_of
from forbear.domain.errors import ConfigError
from forbear.engine.office import Access
from forbear.engine.queries import MOST_ROWS
from forbear.features.hashing import key_of
from forbear.features.local_time import local_time

FORMATS = ("json", "html", "pdf")
_ROUTE = "audit_report"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryRequest:
    """Whose story, in which of FORMATS, written where (None: in the home's reports), for whom, and why."""

    customer: str
    form: str
    out: Path | None
    by: str
    reason: str
    now: datetime


def show_story(home: Home, console: Console, request: StoryRequest) -> Story:
    """Write a customer's story, and say where it is.

    That somebody asked is on record before anything is read, where the home has an office. Raises ConfigError for a
    customer whom nothing knows and for a reason that is none.
    """
    if not request.reason.strip():
        raise ConfigError("no reason is given", mend="say with --reason why this person's data are looked at")
    key = key_of(request.customer)
    out = request.out or home.reports / f"audit-{key:016x}.{request.form}"
    with audited(home) as store:
        accesses = _recorded(home, key, request)
        story = _story(store, key, request, accesses, console)
    content = {
        "json": lambda: msgspec.json.format(msgspec.json.encode(story.document()), indent=2) + b"\n",
        "html": lambda: story_page(story).encode(),
        "pdf": lambda: story_pdf(story),
    }[request.form]()
    write_whole(out, content)
    console.result({"file": str(out), "headline": story.headline, "recorded": accesses is not None})
    console.say(story.headline)
    if accesses is None:
        console.say("This home has no office (api.db): that you looked is not on record")
    console.say(f"Report: {out}")
    return story


def _recorded(home: Home, key: int, request: StoryRequest) -> list[Access] | None:
    """Have this read on record, and answer all accesses to the customer, oldest first; None without an office."""
    if not home.office.exists():
        return None
    done = access(_ROUTE, request.reason, request.now, who=request.by, customer=key)
    with closing(open_office(f"sqlite:///{home.office}", writer=WRITER)) as office:
        office.accesses.record([done])
        return _accesses_to(office, key)


def _accesses_to(office: SqlOffice, key: int) -> list[Access]:
    return list(office.accesses.of_customer(key, MOST_ROWS))[::-1]


def _story(store: Audited, key: int, request: StoryRequest, accesses: list[Access] | None, console: Console) -> Story:
    home, source = store.home, store.home.deployment.source
    created = request.now.strftime(MADE)
    asked = Asked(request.customer, key, created, request.by, request.reason)
    synthetic = home.synthetic
    _, erased = keys_in(home.keys)
    if key in erased:
        return erased_story(asked, source, synthetic=synthetic)
    history = home.history
    if key not in history.customers():
        raise ConfigError(
            f"{home.folder} knows no customer {request.customer!r}", mend="ids are as the feed gives them"
        )
    with console.progress("Reading", history.next_offset) as progress:
        used = used_of(history, local_time(home.deployment.time_zone), key, progress)
    parts = [part for kind in ("model", "policy", "reasons") for part in store.desk.parts(kind).value]
    rules = Rules({(part.kind, part.number): part for part in parts}, home.deployment.currency)
    return story_of(Told(store.queries, store.vault, rules, accesses, source, synthetic), asked, used)
