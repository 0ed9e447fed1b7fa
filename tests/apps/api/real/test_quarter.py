"""A synthetic quarter of help: what the report, the interface and the database say of it is one and the same."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.help_report import show_help_report
from forbear.apps.jobs.quarter import Quarter, QuarterRequest, play_quarter
from forbear.domain.errors import ConfigError
from forbear.engine.help_figures import SECTIONS
from forbear.engine.lifecycle import LEGAL, State
from forbear.engine.office import Role

BY_HAND = {
    "decisions": "SELECT outcome, channel, count(*), sum(cost_minor) FROM decisions GROUP BY 1, 2",
    "interventions": "SELECT state, channel, count(*), sum(cost_minor) FROM intervention_states GROUP BY 1, 2",
    "sendings": "SELECT state, channel, count(*), 0 FROM sendings GROUP BY 1, 2",
    "receipts": "SELECT kind, provider, count(*), 0 FROM received GROUP BY 1, 2",
    "answers": "SELECT answer, '', count(*), 0 FROM answers GROUP BY 1",
    "promises": "SELECT state, currency, count(*), sum(amount_minor) FROM promises GROUP BY 1, 2",
    "cases": "SELECT kind, state, count(*), 0 FROM cases GROUP BY 1, 2",
    "overrides": "SELECT kind, reason, count(*), 0 FROM overrides GROUP BY 1, 2",
    "ledger": "SELECT kind, '', count(*), 0 FROM contact_ledger GROUP BY 1",
}
"""The same counts in plain SQL, written by somebody who has not read how the report makes them."""


@dataclass(frozen=True)
class Played:
    """A home after its quarter, and what came of it."""

    home: Path
    quarter: Quarter

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What SQL says."""
        with closing(sqlite3.connect(self.home / "forbear.db")) as database:
            return database.execute(query).fetchall()


@pytest.fixture(scope="module")
def played(generous: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Twenty days of sixty customers, with help on each of them."""
    home = Path(shutil.copytree(generous, tmp_path_factory.mktemp("quarter") / "home"))
    quarter = play_quarter(Home(home), QuarterRequest(created="today", calls=5, seed=4), Console(quiet=True))
    return Played(home, quarter)


@pytest.fixture(scope="module")
def asked(played: Played, serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server over a copy of it."""
    with serving(played.home, tmp_path_factory.mktemp("asked") / "home") as running:
        yield running


def test_report_interface_and_database_say_the_same(played: Played, asked: Any, tmp_path: Path) -> None:
    """Every count and every amount, to the last unit."""
    written = tmp_path / "help_report.json"
    show_help_report(played.quarter.report, written, Console(quiet=True))
    of_report = {
        (one["section"], one["name"], one["of"]): (one["count"], one["amount_minor"])
        for one in json.loads(written.read_text())["counts"]
    }
    of_database = {
        (section, name, of): (count, amount or 0)
        for section in SECTIONS
        for name, of, count, amount in played.rows(BY_HAND[section])
    }
    answer = httpx.get(
        f"http://127.0.0.1:{asked.port}/v1/help-figures",
        headers={"Authorization": f"Bearer {asked.keys[Role.VIEWER]}"},
        timeout=30,
    )
    of_interface = {
        (one["section"], one["name"], one["of"]): (one["count"], one["amount_minor"]) for one in answer.json()["counts"]
    }

    assert of_report == of_database == of_interface
    assert {section for section, _, _ in of_report} >= {"decisions", "interventions", "sendings", "receipts", "ledger"}
    page = written.with_suffix(".html").read_text()
    assert "Help in numbers" in page
    assert all(f"{count:,}" in page for count, _ in of_report.values())


def test_every_offer_is_followed_and_none_twice(played: Played) -> None:
    """One intervention an offer, one sending at most an intervention, and paths of legal steps from the beginning."""
    offers = {row[0] for row in played.rows("SELECT decision_id FROM decisions WHERE outcome = 'offer'")}
    followed = [row[0] for row in played.rows("SELECT intervention_id FROM intervention_states")]
    made = {row[0] for row in played.rows("SELECT intervention_id FROM sendings")}
    path = played.rows("SELECT intervention_id, before, after FROM intervention_steps ORDER BY entry")

    assert offers
    assert sorted(followed) == sorted(offers)
    assert made <= offers
    at = dict.fromkeys(offers, "")
    for one, before, after in path:
        assert at[one] == before
        assert not before or before == after or State(after) in LEGAL[State(before)]
        at[one] = after
    assert at == dict(played.rows("SELECT intervention_id, state FROM intervention_states"))


def test_what_was_sent_is_what_the_contact_ledger_has(played: Played, cli: Any) -> None:
    """An attempt each, and the certifier finds no breach among them."""
    bodies = [json.loads(row[0]) for row in played.rows("SELECT body FROM contact_ledger WHERE kind = 'contacted'")]
    attempts = Counter(one["intervention_id"] for one in bodies if one.get("outbound", True))
    tries = dict(played.rows("SELECT intervention_id, tries FROM sendings"))

    assert dict(attempts) == tries
    certified = cli("contacts", "certify", "--home", played.home, "--json")
    assert (certified.code, certified.document["breaches"]) == (0, [])
    assert certified.document["judged"] == sum(attempts.values())


def test_replies_are_on_the_log_and_calls_are_cases(played: Played) -> None:
    """What customers said decides what comes next, and every offer on the phone was somebody's to make."""
    replied = played.rows(
        "SELECT body FROM intervention_steps WHERE body LIKE '%reply%' AND body NOT LIKE '%wants_a_human%'"
    )
    on_log = played.rows("SELECT count(*) FROM answers")[0][0]
    phone = {row[0] for row in played.rows("SELECT intervention_id FROM intervention_states WHERE channel = 'phone'")}
    called = {row[0] for row in played.rows("SELECT intervention_id FROM cases WHERE kind = 'call'")}

    assert on_log
    assert on_log <= len(replied)
    assert len(phone) > 3
    assert phone <= called
    assert played.quarter.days == 20


def test_a_bank_of_real_people_is_not_played_with(played: Played, small: Path) -> None:
    """Nor one whose days have passed."""
    with pytest.raises(ConfigError, match="real people"):
        play_quarter(Home(small), QuarterRequest(created="today"), Console(quiet=True))
    with pytest.raises(ConfigError, match="worked through already"):
        play_quarter(Home(played.home), QuarterRequest(created="today"), Console(quiet=True))
