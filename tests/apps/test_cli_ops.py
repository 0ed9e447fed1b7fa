"""Operating a home: closing its days, compacting its log, and examining it, each thing broken once."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from forbear.adapters.disk import alone
from forbear.adapters.sql.queries import open_queries
from forbear.apps.cli import main
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.closing import Closer, Tending, log_is_free
from forbear.apps.jobs.doctor import examine
from forbear.apps.jobs.examining import Examination, Grade
from forbear.apps.jobs.instructing import told_before
from forbear.apps.jobs.running import RunRequest, World, run_worker, running
from forbear.apps.jobs.sweeping import SweepRequest, close_days
from forbear.apps.telemetry import Journal
from forbear.domain.errors import ConfigError
from forbear.engine.closing import ClosingRule
from forbear.engine.queries import whole_chain
from forbear.features.columns import columns_of, day_number
from forbear.testing.builders import transaction

Cli = Callable[..., Any]
SIZE = ("--customers", 120, "--days", 170, "--seed", 3, "--live-from", "2023-05-25")
OPEN = date(2023, 6, 20)
"""The day behind the last close of that bank."""
NOW = datetime(2023, 6, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def swept(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose worker has worked through its log. Copy it before you change it."""
    home = tmp_path_factory.mktemp("ops") / "home"
    assert cli("simulate", *SIZE, "--home", home).code == 0
    assert (
        cli("promote", "--model", "expert", "--policy", "shipped", "--shares", "5%,10%,15%", "--home", home).code == 0
    )
    assert cli("outreach", "start", "--home", home).code == 0
    assert cli("run", "--once", "--home", home).code == 0
    return home


@pytest.fixture
def ours(swept: Path, tmp_path: Path) -> Path:
    """A copy of that home to change."""
    return Path(shutil.copytree(swept, tmp_path / "home"))


def bring(home: Path, transactions: int, day: date = OPEN) -> None:
    """Have the feed bring so many transactions of a day."""
    with closing(Home(home).sink()) as sink:
        received = datetime.fromtimestamp(sink.received_us / 1e6, UTC) + timedelta(seconds=1)
        booked = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        events = [
            transaction(n, transaction_id=f"{day}-{sink.end}-{n}", booked_at=booked, received_at=received)
            for n in range(transactions)
        ]
        sink.publish(columns_of(events))


# ---- closing days


def test_a_day_without_its_feed_is_not_closed(cli: Cli, ours: Path) -> None:
    """Without its transactions the open day is refused with counts, and nothing has changed on the log."""
    end = Home(ours).source().end
    ended = cli("sweep", "--home", ours)

    assert (ended.code, f"{OPEN} is not closed: 0 transactions" in ended.err, "--force" in ended.err) == (4, True, True)
    assert Home(ours).source().end == end
    assert f"0 transactions of {OPEN}" in cli("status", "--home", ours, "--json").document["waiting"]


def test_a_day_with_its_feed_is_closed_and_swept(cli: Cli, ours: Path) -> None:
    """With its transactions the day is closed, the worker scores the book, and the answer holds what came of it."""
    bring(ours, 400)
    said = cli("sweep", "--home", ours, "--json").document

    assert [(one["day"], one["closed"], one["waits_for"]) for one in said["closed"]] == [(str(OPEN), True, None)]
    [row] = said["days"]
    assert row["scored"] == sum(row["bands"].values()) > 50
    assert row["offers"] + row["holds"] > 0
    assert cli("status", "--home", ours, "--json").document["last_day"] == str(OPEN)
    assert "closed already" in cli("sweep", "--day", OPEN, "--home", ours).out


def test_days_are_closed_in_order_up_to_the_first_that_waits(cli: Cli, ours: Path) -> None:
    """Of two days the first is closed and worked through; the second, without its feed, is refused."""
    bring(ours, 400)
    ended = cli("sweep", "--day", OPEN + timedelta(days=1), "--home", ours)

    assert (ended.code, f"{OPEN + timedelta(days=1)} is not closed" in ended.err) == (4, True)
    assert cli("status", "--home", ours, "--json").document["last_day"] == str(OPEN)


def test_who_forces_a_close_is_recorded(cli: Cli, ours: Path) -> None:
    """A day is closed by force with a name, which stands in the audit chain right before the close."""
    said = cli("sweep", "--force", "--by", "M. Muster", "--home", ours, "--json").document
    with closing(open_queries(f"sqlite:///{ours / 'forbear.db'}")) as queries:
        [row] = queries.days(day_number(OPEN), day_number(OPEN)).value
        told = [link.record for link in whole_chain(queries) if link.record.kind == "instruction"][-1]

    assert said["closed"][0]["waits_for"] == "nothing_came"
    assert json.loads(told.body) == {"by": "M. Muster", "instruction": "force_close", "value": ""}
    assert told.offset == row.offset - 1


def test_a_day_that_is_not_over_cannot_be_forced(ours: Path) -> None:
    """Before its end nobody closes a day; in the grace behind it force does, and the rule does not."""
    noon, night = datetime(2023, 6, 20, 10, tzinfo=UTC), datetime(2023, 6, 20, 23, tzinfo=UTC)
    bring(ours, 400)
    with pytest.raises(ConfigError, match="not over yet"):
        close_days(Home(ours), SweepRequest(now=noon, forced_by="M. Muster"))

    assert close_days(Home(ours), SweepRequest(now=night))[0] == []
    assert len(close_days(Home(ours), SweepRequest(now=night, forced_by="M. Muster"))[0]) == 1


@pytest.mark.parametrize("options", [("--force",), ("--by", "M. Muster")])
def test_force_needs_a_name(cli: Cli, ours: Path, options: tuple[str, ...]) -> None:
    """Neither of the two is of use alone."""
    assert cli("sweep", *options, "--home", ours).code == 2


def test_a_running_worker_is_left_to_take_the_close_in(cli: Cli, ours: Path) -> None:
    """While a worker runs a sweep only closes."""
    bring(ours, 400)
    with alone(ours / "worker" / ".lock") as mine:
        said = cli("sweep", "--home", ours, "--json").document

    assert (mine, said["left_to_worker"], said["days"], len(said["closed"])) == (True, True, [], 1)


def test_a_worker_that_follows_closes_due_days(ours: Path) -> None:
    """It notes once what it waits for, closes the day when the feed is there, holds no lock since, and takes it in."""
    home, stream, looks = Home(ours), io.StringIO(), count()
    with closing(Closer(home, ClosingRule())) as closer:
        tending = Tending(closer, Journal(stream), lambda: 10.0 * next(looks), lambda: NOW)

        def wait() -> bool:
            turn = next(looks)
            if turn > 20 and home.source().end == end:
                bring(ours, 400)
            tending.tend(lambda: log_is_free(home))
            return turn < 60

        end = home.source().end
        ran = run_worker(
            home, Console(quiet=True), Journal(io.StringIO()), RunRequest(follow=True), World(lambda: 0, wait)
        )
    notes = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert [(note["event"], note["day"]) for note in notes[:2]] == [("waiting", str(OPEN)), ("closed", str(OPEN))]
    assert (ran.events, len(notes), log_is_free(home)) == (401, 2, True)


def test_close_goes_with_follow(cli: Cli, ours: Path) -> None:
    """A run that ends with the log closes nothing."""
    assert cli("run", "--once", "--close", "--home", ours).code == 2


# ---- compacting


def test_what_a_killed_worker_left_is_archived(cli: Cli, ours: Path) -> None:
    """What is recorded and not archived yet is moved, once; the worker goes on as if nothing had been."""
    bring(ours, 50)
    home = Home(ours)
    with running(home) as worker:
        worker.start(home.feed, home.snapshots, told_before(home))
        assert worker.step(100) is not None
    first, second = (cli("compact", "--home", ours, "--json").document for _ in range(2))

    assert (first["archived"], second["archived"]) == (50, 0)
    assert first["next_offset"] == home.source().end
    assert cli("run", "--once", "--home", ours, "--json").document["events"] == 0


def test_nothing_is_compacted_while_a_worker_runs(cli: Cli, ours: Path) -> None:
    """The archive has one writer."""
    with alone(ours / "worker" / ".lock"):
        assert cli("compact", "--home", ours).code == 6


# ---- the doctor


def flip(path: Path, at: float) -> None:
    """Change one byte of a file, at a share of its length."""
    content = bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] ^= 0xFF
    path.write_bytes(content)


def execute(path: Path, statement: str) -> None:
    """Change a database by hand."""
    with closing(sqlite3.connect(path)) as file:
        file.execute(statement)
        file.commit()


def first_in(folder: Path, pattern: str) -> Path:
    """The first file of a folder that is named so."""
    return min(folder.glob(pattern))


def other_policy(home: Path) -> str:
    """The policy of a home with one number changed."""
    return first_in(home / "policies", "*.toml").read_text().replace("cost_minor = 8", "cost_minor = 9", 1)


BROKEN: list[tuple[str, int, Callable[[Path], object]]] = [
    ("deployment", 7, lambda home: (home / "deployment.json").write_text("{")),
    ("deployment", 2, lambda home: (home / "deployment.json").unlink()),
    ("archive", 7, lambda home: first_in(home / "archive", "*.parquet").unlink()),
    ("archive", 7, lambda home: flip(first_in(home / "archive", "*.parquet"), 0.5)),
    ("log", 7, lambda home: flip(first_in(home / "log" / "transactions-stream" / "0", "*.log"), 0.5)),
    ("snapshots", 7, lambda home: flip(first_in(home / "worker", "*.ledgers"), 0.5)),
    ("worker", 7, lambda home: [path.unlink() for path in (home / "worker").glob("*.ledgers")]),
    ("worker", 7, lambda home: execute(home / "forbear.db", "UPDATE positions SET offset = offset - 5000")),
    ("database", 7, lambda home: execute(home / "forbear.db", "UPDATE positions SET offset = offset + 5000")),
    ("database", 7, lambda home: execute(home / "forbear.db", "UPDATE alembic_version SET version_num = '9999'")),
    ("database", 7, lambda home: (home / "forbear.db").write_bytes(b"no database at all" * 400)),
    ("audit", 7, lambda home: execute(home / "forbear.db", "UPDATE audit SET body = '{}' WHERE sequence = 1")),
    ("audit", 7, lambda home: execute(home / "forbear.db", "DELETE FROM decisions WHERE entry = 1")),
    ("keys", 6, lambda home: (home / "keys.db").chmod(0o644)),
    ("keys", 7, lambda home: (home / "keys.db").unlink()),
    ("keys", 7, lambda home: execute(home / "keys.db", "DELETE FROM keys")),
    ("parts", 2, lambda home: first_in(home / "policies", "*.toml").unlink()),
    ("parts", 7, lambda home: first_in(home / "policies", "*.toml").write_text(other_policy(home))),
    ("parts", 2, lambda home: first_in(home / "reasons", "*.json").unlink()),
    ("parts", 7, lambda home: flip(first_in(home / "reasons", "*.json"), 0.5)),
]


@pytest.mark.parametrize(("what", "status", "break_it"), BROKEN)
def test_what_is_broken_is_found(ours: Path, what: str, status: int, break_it: Callable[[Path], object]) -> None:
    """Each thing that breaks is the first finding, says what to do, and has the status of who must."""
    break_it(ours)
    worst = examine(Home(ours), Examination(now=NOW, deep=True))[0]

    assert (worst.what, worst.grade, worst.status) == (what, Grade.BROKEN, status)
    assert worst.mend


def test_a_whole_home_is_fine(swept: Path, contents_of: Callable[[Path], dict[str, bytes]]) -> None:
    """Nothing is broken in a home that nobody broke, and an examination leaves every file as it was."""
    before = contents_of(swept)
    found = examine(Home(swept), Examination(now=NOW - timedelta(days=1), deep=True))

    assert {one.what for one in found if one.grade is not Grade.FINE} == set()
    assert {"archive", "log", "worker", "audit", "keys", "model", "policy", "reasons", "disk"} <= {
        one.what for one in found
    }
    assert contents_of(swept) == before


def test_a_model_comes_with_the_words_for_it(cli: Cli, swept: Path) -> None:
    """What promotes a model puts approved reasons in force: kept by their digest, and named with every decision."""
    digest = cli("status", "--home", swept, "--json").document["reasons"]
    with closing(open_queries(f"sqlite:///{swept / 'forbear.db'}")) as queries:
        links = [json.loads(link.record.body) for link in whole_chain(queries)]
    told = [one for one in links if one.get("instruction") == "promote_reasons"]

    assert [path.stem for path in (swept / "reasons").iterdir()] == [one["value"] for one in told] == [digest]
    assert {one["reasons_sha"] for one in links if "decision_id" in one} == {digest}


def test_a_broken_home_ends_with_the_status_of_who_must_act(
    ours: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command says what it found, worst first, and exits as the error of the worst would have."""
    (ours / "keys.db").chmod(0o644)
    shutil.rmtree(ours / "policies")
    monkeypatch.setattr("sys.argv", ["forbear", "doctor", "--home", str(ours), "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = json.loads(capsys.readouterr().out)

    assert (ended.value.code, said["status"]) == (6, 6)
    assert [(one["what"], one["status"]) for one in said["findings"][:2]] == [("keys", 6), ("parts", 2)]


def test_anchors_are_held_against_the_chain(cli: Cli, ours: Path) -> None:
    """An anchor of the head is met; one of another chain is a break."""
    kept = cli("status", "--home", ours, "--json").document["audit"]
    whole = examine(Home(ours), Examination(now=NOW, anchors=(kept,)))
    other = examine(Home(ours), Examination(now=NOW, anchors=(kept[:-4] + "zzzz",)))

    assert (whole[0].status, other[0].what, other[0].status) == (0, "audit", 7)


def test_what_wants_looking_at_is_no_failure(cli: Cli, ours: Path) -> None:
    """Lag, an open day behind the clock and dead letters are told before what is fine, and exit with 0."""
    bring(ours, 5)
    (ours / "dead-letters").mkdir(exist_ok=True)
    (ours / "dead-letters" / "send.jsonl").write_text("{}\n")
    said = cli("doctor", "--home", ours, "--json").document

    assert said["status"] == 0
    assert {one["what"] for one in said["findings"][:3]} == {"lag", "days", "dead letters"}
    assert all(one["mend"] for one in said["findings"][:3])


def test_a_full_disk_is_found_before_it_is_full(ours: Path) -> None:
    """With less room than is asked for the disk is the operator's to mend."""
    worst = examine(Home(ours), Examination(now=NOW, least_free_bytes=1 << 60))[0]

    assert (worst.what, worst.status) == ("disk", 6)
