"""Cases as agents work on them at the terminal, over a home whose worker has decided."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing, nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert

from forbear.adapters.sql.desk import open_desk
from forbear.adapters.sql.engine import engine_of
from forbear.adapters.sql.office import open_office
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema import OUTCOMES
from forbear.adapters.sql.schema_help import INTERVENTION_STEPS, INTERVENTIONS
from forbear.adapters.sql.store import open_store
from forbear.adapters.vault import FileVault
from forbear.apps.home import Home
from forbear.apps.jobs.case_alerts import tell_team
from forbear.apps.jobs.casework import open_casework, urgent_band_of
from forbear.domain.errors import BackendUnavailable
from forbear.engine.case_intake import Happened
from forbear.engine.case_terms import CaseKind
from forbear.engine.cases import HOUR_US, Act, Wanted
from forbear.engine.casework import Doing, Promised, Who
from forbear.engine.desk import Picked
from forbear.engine.erase import Request, erase
from forbear.engine.promises import PromiseState
from forbear.engine.settling import escalate_overdue, settle, take_in_moves
from forbear.features.hashing import key_of

Cli = Callable[..., Any]
DAY_US = 24 * HOUR_US


@pytest.fixture(scope="module")
def decided(promoted: Path, tmp_path_factory: pytest.TempPathFactory, cli: Cli) -> Path:
    """A home of 60 customers whose worker has worked through nineteen live days, with an office. Copy to change."""
    home = Path(shutil.copytree(promoted, tmp_path_factory.mktemp("decided") / "home"))
    assert cli("run", "--once", "--home", home).code == 0
    open_office(f"sqlite:///{home / 'api.db'}", writer="test").close()
    return home


@pytest.fixture
def home(decided: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(decided, tmp_path / "home"))


@pytest.fixture
def agent(cli: Cli, home: Path) -> Cli:
    """`forbear cases ... --json` over that home; the document of what went well, else how it ended."""

    def run(*words: object, by: str = "anna") -> Any:
        ended = cli("cases", *words, "--by", by, "--home", home, "--json")
        return ended.document if ended.code == 0 else ended

    return run


def customer_in(home: Path) -> str:
    """Somebody whom the records know."""
    with closing(open_desk(f"sqlite:///{home}/forbear.db")) as desk:
        return desk.listed("", 1).value[0].customer_id


def test_a_day_of_an_agent(agent: Cli, home: Path) -> None:
    """Decisions become cases; one is taken, noted, promised on and closed, another snoozed; figures say so."""
    settled = agent("settle")
    assert settled["decisions"] > 0
    assert settled["opened"] >= 2
    assert agent("settle") == {**settled, "decisions": 0, "opened": 0}
    first, second = (one["case_id"] for one in agent("list")["cases"][:2])

    assert agent("take", first)["case"]["assigned"] == "anna"
    refused = agent("take", first, by="bert")
    assert (refused.code, "anna has the case" in refused.err) == (8, True)
    agent("note", first[:12], "called, asks for the 28th")
    promise = agent("promise", first, "--amount", "120.50", "--due", "2099-12-01")
    assert promise.code == 3  # not so far ahead
    due = msgspec.json.decode(msgspec.json.encode(agent("show", first)["case"]["due_at"]))[:10]
    promise = agent("promise", first, "--amount", "120.50", "--due", due)["promise"]
    assert (promise["amount_minor"], promise["due_on"], promise["state"]) == (12_050, due, "made")
    shown = agent("show", first)
    assert [step["kind"] for step in shown["steps"]] == ["opened", "take", "note"]
    assert shown["steps"][2]["note"] == "called, asks for the 28th"
    assert shown["promises"] == [promise]
    assert agent("close", first, "--result", "nonsense").code == 3
    result = "helped" if shown["case"]["kind"] == "critical" else "accepted"
    assert agent("close", first, "--result", result)["case"]["state"] == "closed"

    agent("snooze", second, "--until", due)
    assert second not in {one["case_id"] for one in agent("list")["cases"]}
    assert [one["case_id"] for one in agent("list", "--state", "snoozed")["cases"]] == [second]
    figures = agent("figures")
    assert sum(figures["closed_by_kind"].values()) == 1
    assert sum(figures["open_by_kind"].values()) == settled["opened"] - 1
    assert (figures["snoozed"], figures["promises"]["made"]) == (1, 1)
    assert agent("promises")["promises"][0]["customer_id"] == shown["case"]["customer_id"]
    assert agent("release", promise["promise_id"])["promise"]["state"] == "cancelled"

    office = sqlite3.connect(home / "api.db")
    [looks] = office.execute("SELECT count(*) FROM accesses WHERE customer = ?", (_signed(shown),)).fetchone()
    assert looks >= 6


def _signed(shown: Any) -> int:
    key = key_of(shown["case"]["customer_id"])
    return (key + 2**63) % 2**64 - 2**63


def test_notes_are_sealed_and_erasure_makes_them_unreadable(agent: Cli, home: Path) -> None:
    """What an agent writes stands in no file in the clear; with the customer's key gone nobody can read it."""
    customer = customer_in(home)
    opened = agent("open", customer, "--kind", "human", "--note", "is in hospital until May")["case"]
    again = agent("open", customer, "--kind", "human", "--note", "called again")
    assert (again["fresh"], again["case"]["case_id"]) == (False, opened["case_id"])
    assert not any(b"hospital" in path.read_bytes() for path in home.rglob("*") if path.is_file())

    with closing(FileVault(home / "keys.db")) as vault, closing(open_store(f"sqlite:///{home}/forbear.db")) as store:
        held = erase(key_of(customer), Request(by="an officer", at_us=1), vault, store, alone=nullcontext(True))
    assert held.cases == 1
    shown = agent("show", opened["case_id"])
    assert shown["case"]["customer_id"] is None
    assert [(step["sealed"], step["note"]) for step in shown["steps"]] == [(True, None), (True, None)]
    assert agent("note", opened["case_id"], "more").code == 10


def test_a_contest_is_about_a_decision_of_the_customer(agent: Cli, home: Path) -> None:
    """It opens one case with a deadline of 28 days, which says what the decision rested on."""
    with closing(open_desk(f"sqlite:///{home}/forbear.db")) as desk:
        one, other = desk.picked(Picked(outcome="offer"), 2).value.made
    decision, customer = one.decision.decision_id, one.customer_id
    case = agent("contest", customer, "--decision", decision, "--why", "I had paid")["case"]
    shown = agent("show", case["case_id"])

    assert case["due_in"] in {"27 d", "28 d"}
    assert shown["decision"]["decision_id"] == decision == case["decision_id"]
    assert agent("contest", customer, "--decision", decision, "--why", " ").code == 3
    strange = agent("contest", customer, "--decision", other.decision.decision_id, "--why", "not mine")
    assert (strange.code == 3) == (other.customer_id != customer)
    assert agent("contest", customer, "--decision", "0" * 32, "--why", "none").code == 3


def test_an_override_has_a_reason_of_the_list(agent: Cli, home: Path) -> None:
    """Once for a decision and kind, with a reason that the terms know; few overrides say nothing about quality."""
    with closing(open_desk(f"sqlite:///{home}/forbear.db")) as desk:
        [made] = desk.picked(Picked(outcome="offer"), 1).value.made
    decision = made.decision.decision_id

    def override(kind: str = "refused_offer", reason: str = "unsuitable") -> Any:
        return agent("override", decision, "--kind", kind, "--reason", reason, "--note", "has no loan")

    assert override()["fresh"]
    assert not override()["fresh"]
    assert [override(kind="helped_held").code, override(reason="whim").code, override(kind="magic").code] == [3, 3, 2]
    told = agent("overrides")
    assert told["counts"] == [{"kind": "refused_offer", "reason": "unsuitable", "count": 1}]
    assert {one["verdict"] for one in told["quality"]} <= {"cannot tell"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "abc"], "8 or more digits"),
        (["show", "f" * 12], "no case begins"),
        (["take", "../../etc"], "8 or more digits"),
        (["open", "NOBODY", "--kind", "human"], "no customer of that id"),
        (["release", "0" * 32], "there is no promise"),
        (["snooze", "f" * 12, "--until", "tomorrow"], "write it like 2026-12-01"),
    ],
)
def test_wrong_use_says_what_would_be_right(agent: Cli, words: list[str], says: str) -> None:
    """One line on stderr, nothing on stdout."""
    ended = agent(*words)
    assert ended.code in {2, 3}
    assert says in ended.err


def test_a_home_without_decisions_says_what_to_do(cli: Cli, small: Path) -> None:
    """Nothing is made in it."""
    ended = cli("cases", "list", "--home", small)
    assert (ended.code, "forbear run" in ended.err) == (2, True)
    assert not (small / "forbear.db").exists()


# ---- what happens by itself


def test_promises_are_judged_by_what_was_paid(home: Path) -> None:
    """Kept by a payment in time; broken once the grace is over and the day closed, which opens one case, once."""
    customer = customer_in(home)
    with open_casework(home, {}) as work:
        closed = work.records.totals().value.last_day
        assert closed is not None
        now_us = (closed - 20) * DAY_US + DAY_US // 2
        who = Who(name="anna", at_us=now_us)
        told = [
            work.promise(customer, Promised(amount_minor=amount, currency="EUR", due_day=closed - late), who)[0]
            for amount, late in ((77_700_000, 10), (55_500_000, 9), (99, 0))
        ]
        with Rooms(engine_of(f"sqlite:///{home}/forbear.db")).writing() as connection:
            row = {"partition": 0, "offset": 10**9, "customer": key_of(customer), "obligation": 1, "status": "paid"}
            paid = {"due_day": closed - 10, "amount_due_minor": 77_700_000, "paid_day": closed - 9}
            connection.execute(insert(OUTCOMES).values(row | paid))
        rounds = [settle(work, "", closed, now_us + DAY_US) for _ in range(2)]
        states = [work.promises.get(one.promise_id).state for one in told]  # type: ignore[union-attr]
        cases = work.cases.worklist(Wanted(kind=CaseKind.PROMISE), 9, now_us)

    assert states[:2] == [PromiseState.KEPT, PromiseState.BROKEN]
    assert states[2] in {PromiseState.MADE, PromiseState.KEPT}
    assert [(one.kept >= 1, one.broken) for one in rounds] == [(True, 1), (False, 0)]
    assert len(cases) == 1


def test_what_is_overdue_is_escalated_once(agent: Cli, home: Path) -> None:
    """Past its deadline a case goes to the approvers: no agent can take it, an approver can, and closes it."""
    agent("settle")
    with open_casework(home, {}) as work:
        late_us = max(one.due_us for one in work.cases.worklist(Wanted(), 99, 0)) + 1
        first = len(list(escalate_overdue(work, late_us)))
        assert (first, list(escalate_overdue(work, late_us))) == (len(work.cases.worklist(Wanted(), 99, 0)), [])
        case = work.cases.worklist(Wanted(), 1, late_us)[0]
        by = Who(name="dora", at_us=late_us, approver=True)
        assert work.do(case.case_id, Doing(act=Act.TAKE), by).assigned == "dora"
    assert agent("take", case.case_id).code == 8
    assert agent("take", case.case_id, "--as-approver", by="dora")["case"]["assigned"] == "dora"


def test_an_intervention_s_move_opens_its_case_once(home: Path) -> None:
    """Whoever wires the life cycle calls one function; told again, nothing changes."""
    customer = key_of(customer_in(home))
    happened = Happened(
        intervention_id="0" * 32, customer=customer, band="high", channel="sms", action="note", state="unknown"
    )
    with open_casework(home, {}) as work:
        assert [[fresh for _, fresh in work.take_in(happened, 1)] for _ in range(2)] == [[True], [False]]


def test_moves_of_interventions_open_their_cases(home: Path) -> None:
    """Each state that still holds, and each reply: a call, an approval, an unknown fate, a wish for a person."""
    customer = key_of(customer_in(home))
    moves = [  # state now, channel, approval, and its steps
        ("approved", "phone", "", [("approved", {})]),
        ("proposed", "email", "approver", [("proposed", {})]),
        ("sent", "email", "approver", [("proposed", {}), ("sent", {})]),
        ("unknown", "email", "", [("sending", {}), ("unknown", {})]),
        ("answered", "sms", "", [("answered", {"reply": "wants_a_human", "receipt": "r1"})]),
        ("closed", "phone", "", [("approved", {}), ("closed", {})]),
    ]
    with Rooms(engine_of(f"sqlite:///{home}/forbear.db")).writing() as connection:
        for nth, (state, channel, approval, steps) in enumerate(moves):
            told = {"intervention_id": f"{nth:032x}", "customer": customer, "matter": "m", "made_us": 1, "band": "high"}
            row = {"action": "a", "channel": channel, "wording": "w", "cost_minor": 1, "expires_day": 9, "why": ""}
            more = {"approval": approval, "state": state, "since_us": 1, "due_us": None}
            connection.execute(insert(INTERVENTIONS).values(told | row | more))
            for after, body in steps:
                line = {"at_us": 1, "before": "", "after": after, "by": "x", "body": body}
                connection.execute(insert(INTERVENTION_STEPS).values(line | {"intervention_id": f"{nth:032x}"}))
    with open_casework(home, {}) as work:
        assert [take_in_moves(work, 5) for _ in range(2)] == [4, 0]
        kinds = [one.kind.value for one in work.cases.worklist(Wanted(customer=customer), 9, 5)]
        closed = work.records.totals().value.last_day or 0
        before = len(work.cases.worklist(Wanted(kind=CaseKind.CALL), 99, 5))
        settle(work, "critical", closed, 6)
        assert len(work.cases.worklist(Wanted(kind=CaseKind.CALL), 99, 6)) == before

    assert sorted(kinds) == ["call", "human", "review", "unknown"]


# ---- the team is told


ALERTS = """
format = 1
version = "1"
cases = "https://desk.example/cases/"

[[channels]]
name = "log"
kind = "file"
least = "warn"
path = "alerts.jsonl"
"""


def critical(work: Any, count: int, now_us: int) -> list[str]:
    """Open some critical cases, of different customers."""
    found = []
    for nth in range(count):
        happened = Happened(
            intervention_id=f"{nth:032x}",
            customer=nth + 1,
            band="critical",
            channel="",
            action="",
            state="",
            urgent=True,
        )
        found += [case.case_id for case, _ in work.take_in(happened, now_us)]
    return found


def test_each_critical_case_is_told_once_and_names_nobody(home: Path) -> None:
    """One message a case as long as there is room, then one for all that are left; each hour has its bound."""
    (home / "alerts.toml").write_text(ALERTS)
    with open_casework(home, {}) as work:
        most = work.terms.alerts.most_per_hour
        ids = critical(work, most + 5, DAY_US)
        sent = [tell_team(Home(home), work.cases, work.terms, DAY_US + late, {}) for late in (0, 1)]
        more = critical(work, most + 6, DAY_US)[-1]
        waits = tell_team(Home(home), work.cases, work.terms, DAY_US + 2, {})
        later = tell_team(Home(home), work.cases, work.terms, DAY_US + 2 * HOUR_US, {})
    lines = [msgspec.json.decode(line) for line in (home / "alerts.jsonl").read_bytes().splitlines()]

    assert (sent, waits, later, len(lines)) == ([most, 0], 0, 1, most + 1)
    told = [one["case_id"] for line in lines for one in line["cases"]]
    assert sorted(told) == sorted([*ids, more])
    assert [line["count"] for line in lines] == [1] * (most - 1) + [6, 1]
    assert lines[0]["cases"][0]["link"] == f"https://desk.example/cases/{told[0]}"
    assert "customer" not in str(lines)


def test_a_channel_that_fails_is_told_later(home: Path) -> None:
    """The other channels hear at once; the one that failed hears when it answers again, each case once."""
    heard: list[Any] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    hook = f'[[channels]]\nname = "hook"\nkind = "webhook"\nurl = "http://127.0.0.1:{port}/"\n'
    (home / "alerts.toml").write_text(ALERTS.replace("[[channels]]", hook + "\n[[channels]]"))
    with open_casework(home, {}) as work:
        [case] = critical(work, 1, DAY_US)
        with pytest.raises(BackendUnavailable):
            tell_team(Home(home), work.cases, work.terms, DAY_US, {})
        assert case in (home / "alerts.jsonl").read_text()
        server = HTTPServer(("127.0.0.1", port), Hook)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            sent = [tell_team(Home(home), work.cases, work.terms, DAY_US + 1, {}) for _ in range(2)]
        finally:
            server.shutdown()
            server.server_close()
            thread.join(10)

    assert sent == [1, 0]
    assert [one["cases"][0]["case_id"] for one in heard] == [case]


def test_without_channels_nobody_is_told(home: Path) -> None:
    """No alerts.toml is no error; the band that counts as critical is the policy's most urgent one."""
    with open_casework(home, {}) as work:
        assert tell_team(Home(home), work.cases, work.terms, 1, {}) == 0
        assert urgent_band_of(work.records) == "critical"
