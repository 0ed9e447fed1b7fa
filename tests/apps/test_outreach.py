"""Outreach of a home from end to end: offers of a real worker, the law's word, letters, replies that reach the log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.schema import DECISIONS
from forbear.adapters.sql.schema_help import CONTACT_LEDGER
from forbear.adapters.sqlite import copy_of
from forbear.apps.home import Home
from forbear.apps.jobs.outreach import Office, Rounds, office_of
from forbear.apps.jobs.outreach_listening import HomeSwitch, Telling
from forbear.domain.events import OfferAnswered
from forbear.engine.lifecycle import Receipt, ReceiptKind, Reply, State
from forbear.features.columns import events_of, instant

Cli = Callable[..., Any]


class At:
    """A clock that is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """What it shows."""
        return self.now


@pytest.fixture(scope="module")
def worked(cli: Cli, promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The promoted home after its worker has gone through the log."""
    home = Path(shutil.copytree(promoted, tmp_path_factory.mktemp("outreach") / "home"))
    assert cli("run", "--once", "--home", home).code == 0
    return home


@pytest.fixture
def home(worked: Path, tmp_path: Path) -> Home:
    """A copy of it to work on."""
    return Home(Path(shutil.copytree(worked, tmp_path / "home")))


@pytest.fixture
def office(home: Home) -> Iterator[Office]:
    """Where its interventions are kept."""
    with office_of(home, {}) as opened:
        yield opened


@pytest.fixture
def clock(office: Office) -> At:
    """Noon of the day of the first offer."""
    query = select(func.min(DECISIONS.c.made_at_us)).where(DECISIONS.c.outcome == "offer")
    with office.rooms.reading() as connection:
        made_us = connection.scalar(query)
    assert made_us is not None
    return At(instant(made_us).replace(hour=12))


def rounds(home: Home, office: Office, clock: At) -> Rounds:
    """Rounds with the settings that are shipped: a dry run on every channel."""
    return Rounds(home, office, clock, {}, dry=False)


def test_every_offer_is_followed_to_its_end(home: Home, office: Office, clock: At) -> None:
    """Each offer is one intervention; what was sent was written out once and stands once in the ledger; all close."""
    running = rounds(home, office, clock)
    running.once()
    for _ in range(60):
        clock.now += timedelta(days=1)
        running.once()
    with office.rooms.reading() as connection:
        offers = connection.scalar(select(func.count()).where(DECISIONS.c.outcome == "offer"))
        contacts = connection.scalar(select(func.count()).where(CONTACT_LEDGER.c.kind == "contacted"))
    written = [
        json.loads(line)["key"]
        for path in (home.folder / "outreach").glob("dry-run-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    ended = office.paths.listed(None, 1000)
    sent = [one for one in ended if "sent" in [step.after for step in office.paths.path(one.intervention_id)]]

    assert (len(ended), len(set(written))) == (offers, len(written))
    assert sorted(written) == sorted(one.intervention_id for one in sent)
    assert (contacts, bool(sent)) == (len(sent), True)
    assert {one.state for one in ended} <= {State.CLOSED, State.EXPIRED, State.CANCELLED}
    assert all(one.why in ("paid", "missed") or "no payment" in one.why for one in sent)


def test_at_night_the_law_has_calls_wait(home: Home, office: Office, clock: At) -> None:
    """What may not be sent at this hour waits for an hour at which it may, and is sent then."""
    clock.now = clock.now.replace(hour=1)
    running = rounds(home, office, clock)
    running.once()
    waiting = office.paths.listed(State.WAITING, 1000)
    assert waiting
    assert all(one.due_us is not None and instant(one.due_us) > clock.now for one in waiting)
    clock.now = max(instant(one.due_us or 0) for one in waiting)
    running.once()
    after = [office.store.get(one.intervention_id) for one in waiting]
    assert State.SENT in {one.state for one in after if one is not None}


def test_an_opt_out_stops_contact_and_reaches_the_log_once(home: Home, office: Office, clock: At) -> None:
    """It is in the ledger at once, and one event of the log, however often it is told."""
    running = rounds(home, office, clock)
    running.once()
    one = office.paths.listed(State.SENT, 1)[0]
    now_us = int(clock.now.timestamp() * 10**6)
    told = Receipt(
        provider="p",
        receipt_id="1",
        send_key=one.send_key,
        kind=ReceiptKind.REPLIED,
        at_us=now_us,
        reply=Reply.OPTED_OUT,
    )
    assert office.store.receive(told, now_us, now_us) is not None
    assert office.store.receive(told, now_us, now_us) is None
    before = home.history.next_offset
    assert Telling(home, office.rooms).tell(datetime.now(UTC)) == 1
    assert Telling(home, office.rooms).tell(datetime.now(UTC)) == 0
    [event] = [event for columns in home.history.read(before) for event in events_of(columns)]

    assert isinstance(event, OfferAnswered)
    assert (event.answer, event.decision_id, event.customer_id) == ("opted_out", one.intervention_id, one.customer_id)


def test_the_kill_switch_counts_before_the_worker_has_read_it(cli: Cli, home: Home, office: Office, clock: At) -> None:
    """A stop that stands in the log behind what the worker recorded stops the sender."""
    switch = HomeSwitch(home, office.rooms)
    assert switch.stopped() is False
    assert cli("outreach", "stop", "--home", home.folder).code == 0
    assert (switch.stopped(), HomeSwitch(home, office.rooms).stopped()) == (True, True)
    rounds(home, office, clock).once()
    assert office.paths.listed(State.SENT, 1) == []
    assert cli("outreach", "status", "--home", home.folder, "--json").document["stopped"] is True


def test_a_dry_run_leaves_the_home_as_it_was(cli: Cli, home: Home, contents_of: Any) -> None:
    """It says what would be done, and no row and no file of the home has changed but the journal."""

    def kept() -> dict[str, bytes]:
        found = contents_of(home.folder).items()
        return {name: one for name, one in found if "forbear.db" not in name and not name.startswith("logs")}

    before = kept()
    said = cli("outreach", "run", "--dry-run", "--home", home.folder, "--json").document
    after = kept()
    counts = cli("outreach", "status", "--home", home.folder, "--json").document["counts"]

    assert (said["dry_run"], said["taken"] > 0, counts) == (True, True, [])
    assert after == before


def test_people_decide_at_the_terminal(cli: Cli, home: Home, office: Office, clock: At, tmp_path: Path) -> None:
    """Lists, paths, refusals and settlements say what happened, and refuse what makes no sense, in one line."""
    rounds(home, office, clock)._sender._store.take_in(1, 100, lambda _band, _action: "approver")
    where = ("--home", home.folder)
    first, second = (one.intervention_id for one in office.paths.listed(State.PROPOSED, 2))

    assert cli("outreach", "refuse", first, "--why", "has called us", *where, "--json").document["state"] == "refused"
    assert cli("outreach", "refuse", first, "--why", "again", *where).code == 8
    assert cli("outreach", "approve", second, "--by", "M. Muster", *where, "--json").document["state"] == "approved"
    assert cli("outreach", "approve", second, *where).code == 2
    assert cli("outreach", "settle", second, "--sent", "--why", "x", *where).code == 2
    assert cli("outreach", "show", "0" * 32, *where).code == 2
    shown = cli("outreach", "show", second, *where, "--json").document
    assert [step["after"] for step in shown["path"]] == ["proposed", "approved"]
    assert "customer" not in shown
    assert "has called us" in cli("outreach", "show", first, *where).out
    assert cli("outreach", "list", "--state", "refused", *where, "--json").document["interventions"]
    assert cli("outreach", "unknown", *where, "--json").document["interventions"] == []
    receipts = tmp_path / "receipts.jsonl"
    receipts.write_text('{"kind":"receipt","receipt_id":"1","key":"k","state":"delivered","at_us":1}\n')
    taken = cli("outreach", "receive", receipts, "--provider", "p", *where, "--json").document
    assert taken == {"lines": 1, "new": 0}
    receipts.write_text("{}\n")
    assert "line 1" in cli("outreach", "receive", receipts, "--provider", "p", *where).err


def test_without_a_worker_there_is_nothing(cli: Cli, tmp_path: Path) -> None:
    """A home that no worker ran on is refused with what to do."""
    ended = cli("outreach", "run", "--once", "--home", tmp_path)
    assert (ended.code, "forbear run --once" in ended.err) == (2, True)


def test_a_copy_is_the_database_at_one_instant(home: Home, tmp_path: Path) -> None:
    """What a dry run works on holds every decision, and is for its owner alone."""
    copy_of(home.database, tmp_path / "copy.db")
    with (
        closing(open_queries(f"sqlite:///{home.database}")) as one,
        closing(open_queries(f"sqlite:///{tmp_path}/copy.db")) as other,
    ):
        assert one.status() == other.status()
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0
