"""What providers tell over HTTP: each notice counts once, in whatever order, and only programs tell it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from forbear.apps.home import Home
from forbear.apps.jobs.outreach import Rounds, office_of
from forbear.client import Client
from forbear.client.contacts import Arrival
from forbear.engine.office import Role
from forbear.features.columns import day_of

FIRST_OFFER = "SELECT min(day) FROM decisions WHERE outcome = 'offer' AND channel <> 'phone'"
SENT = "SELECT intervention_id, channel FROM intervention_states WHERE state = 'sent' ORDER BY 1"


@pytest.fixture(scope="module")
def sent(
    lived: Path, serving: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, list[tuple[str, str]]]]:
    """A server over a home whose sender has sent something, and what that was."""
    home = Path(shutil.copytree(lived, tmp_path_factory.mktemp("arrivals") / "home"))
    with closing(sqlite3.connect(home / "forbear.db")) as database:
        day = day_of(database.execute(FIRST_OFFER).fetchone()[0])
    noon = datetime.combine(day + timedelta(days=1), time(10), UTC)
    with office_of(Home(home), {}) as office:
        Rounds(Home(home), office, lambda: noon, {}, dry=True).once()
    with closing(sqlite3.connect(home / "forbear.db")) as database:
        found = database.execute(SENT).fetchall()
    assert found
    with serving(home, tmp_path_factory.mktemp("told") / "home") as running:
        yield running, found


def told(key: str, number: int, said: str) -> dict[str, str]:
    """A notice."""
    return {"receipt_id": f"{key}-{number}"[:64], "key": key, "at": "2026-01-05T09:00:00Z", "said": said}


def test_a_notice_counts_once_and_in_any_order(sent: Any) -> None:
    """A delivery that comes behind its answer takes nothing back; told again nothing changes."""
    server, found = sent
    key, channel = found[0]
    with server.client(Role.SERVICE) as provider:
        states = [
            provider.post(f"/v1/providers/{channel}/arrivals", json=told(key, number, said)).json()
            for number, said in ((1, "delivered"), (2, "accepted"), (1, "delivered"), (3, "read"))
        ]

    assert [(one["known"], one["state"]) for one in states] == [(True, "delivered"), *[(True, "answered")] * 3]


def test_what_was_never_sent_here_is_said_to_be_unknown(sent: Any) -> None:
    """And nothing is made of it."""
    with sent[0].client(Role.SERVICE) as provider:
        answer = provider.post("/v1/providers/sms/arrivals", json=told("0" * 32, 1, "delivered"))

    assert (answer.status_code, answer.json()) == (201, {"known": False, "state": None})


def test_people_do_not_speak_for_providers(sent: Any) -> None:
    """An agent records an answer as their own."""
    with sent[0].client(Role.AGENT) as agent:
        assert agent.post("/v1/providers/sms/arrivals", json=told("0" * 32, 1, "delivered")).status_code == 403


def test_the_same_notice_with_another_content_is_refused(sent: Any) -> None:
    """A provider that says two things under one number is wrong in one of them."""
    server, found = sent
    key, channel = found[-1]
    with server.client(Role.SERVICE) as provider:
        provider.post(f"/v1/providers/{channel}/arrivals", json=told(key, 7, "read"))
        answer = provider.post(f"/v1/providers/{channel}/arrivals", json=told(key, 7, "bounced"))

    assert answer.status_code == 409, answer.text


def test_the_client_tells_it_too(sent: Any) -> None:
    """As every operation."""
    server, found = sent
    key, channel = found[-1]
    with Client(f"http://127.0.0.1:{server.port}", key=server.keys[Role.SERVICE]) as forbear:
        arrival = Arrival(receipt_id=f"c-{key}", key=key, at=datetime(2026, 1, 6, 9, tzinfo=UTC), said="delivered")
        assert forbear.record_arrival(channel, arrival).known
