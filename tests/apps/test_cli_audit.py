"""The audit on the command line: signed after each day, exported, verified without a home, made again, and told."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, nullcontext, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from forbear.adapters.sql.office import open_office
from forbear.adapters.sql.store import open_store
from forbear.adapters.vault import FileVault
from forbear.apps.cli import main
from forbear.apps.home import Home
from forbear.apps.jobs.checkpointing import DayCheckpoints, lines_in
from forbear.apps.telemetry import journal_of
from forbear.engine.erase import Request, erase
from forbear.features.hashing import keys_of
from forbear.testing.tampering import tampered

Cli = Callable[..., Any]
"""What the fixture of that name gives; see conftest."""


@pytest.fixture(scope="module")
def home(promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small bank whose worker ran to the end of its log. Copy it to change it."""
    ours = Path(shutil.copytree(promoted, tmp_path_factory.mktemp("audit") / "home"))
    assert ended("run", "--once", "--home", ours)[0] == 0
    return ours


@pytest.fixture
def copied(home: Path, tmp_path: Path) -> Path:
    """A copy of it to break."""
    return Path(shutil.copytree(home, tmp_path / "home"))


def ended(*arguments: object) -> tuple[int, str, str]:
    """How a command ended that may find something wrong: its status, and what it said on either stream."""
    before, sys.argv = sys.argv, ["forbear", *map(str, arguments)]
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = before
    return code, out.getvalue(), err.getvalue()


def wrong(*arguments: object) -> Any:
    """What a command has found to be wrong: it ends with 7, says so as JSON, and complains of nothing."""
    code, out, err = ended(*arguments, "--json")
    assert (code, err) == (7, "")
    return json.loads(out)


def offered(home: Path) -> tuple[str, str]:
    """A decision to offer something, and whose it is."""
    query = (
        "SELECT decision_id, customer_id FROM decisions JOIN customers USING (customer) WHERE outcome = 'offer' "
        "ORDER BY entry LIMIT 1"
    )
    with closing(sqlite3.connect(home / "forbear.db")) as file:
        found: tuple[str, str] = file.execute(query).fetchone()
    return found


def test_a_run_that_closes_days_signs_them(cli: Cli, home: Path) -> None:
    """Nobody has to remember a checkpoint: one is there after the run, over all records; another one adds nothing."""
    [line] = (home / "audit" / "checkpoints.jsonl").read_text().splitlines()
    records = cli("status", "--home", home, "--json").document["rows"]["audit"]
    found = cli("audit", "checkpoint", "--home", home, "--json").document

    assert json.loads(line)["checkpoint"]["size"] == records == found["records"]
    assert (found["new"], found["number"]) == (False, 0)
    assert (home / "audit" / "signing.key").stat().st_mode & 0o777 == 0o600


def test_a_worker_that_follows_signs_too(copied: Path, tmp_path: Path) -> None:
    """Once a minute it looks whether a day was closed; what goes wrong is noted, and stops nothing."""
    shutil.rmtree(copied / "audit")
    seconds = iter([0.0, 59.0, 61.0, 61.0, 200.0, 200.0])
    with journal_of(tmp_path / "worker.jsonl") as journal:
        points = DayCheckpoints(Home(copied), journal, lambda: datetime(2024, 1, 1, tzinfo=UTC), lambda: next(seconds))
        points.tend()
        assert not (copied / "audit").exists()
        points.tend()
        assert len(lines_in(Home(copied))) == 1
        points.tend()
        (copied / "audit" / "checkpoints.jsonl").write_bytes(b"")
        (copied / "audit" / "signing.key").chmod(0o644)
        points.make()
    noted = [json.loads(line)["event"] for line in (tmp_path / "worker.jsonl").read_text().splitlines()]

    assert noted == ["checkpoint", "checkpoint failed"]


def test_an_export_is_verified_without_a_home(cli: Cli, home: Path, tmp_path: Path) -> None:
    """What is written is whole by its own key and by the public key, and no customer's id stands in it."""
    out, key = tmp_path / "audit.jsonl", home / "audit" / "signing.key.pub"
    written = cli("audit", "export", "--out", out, "--home", home, "--json").document
    found = cli("audit", "verify", out, "--key", key, "--json").document

    assert (found["whole"], found["trusted"], found["records"]) == (True, True, written["records"])
    assert cli("audit", "verify", out, "--anchor", found["anchor"], "--json").document["trusted"] is False
    assert "the key was read from the export" in cli("audit", "verify", out).out.lower()
    assert offered(home)[1].encode() not in out.read_bytes()


def test_a_tampered_export_is_named(cli: Cli, home: Path, tmp_path: Path) -> None:
    """The line and the record are told, with the status of damage; an anchor that was never met is too."""
    out, key = tmp_path / "audit.jsonl", home / "audit" / "signing.key.pub"
    assert cli("audit", "export", "--out", out, "--home", home).code == 0
    whole = out.read_bytes().splitlines(keepends=True)
    for seed in range(12):
        one = tampered(Random(seed), whole)
        out.write_bytes(b"".join(one.lines))
        found = wrong("audit", "verify", out, "--key", key)
        assert (found["line"], found["record"]) == (one.line, one.record), one.how

    out.write_bytes(b"".join(whole))
    assert "never was at the anchor" in wrong("audit", "verify", out, "--anchor", "7-abc")["why"]


def test_a_file_that_is_no_export_is_named(cli: Cli, home: Path, tmp_path: Path) -> None:
    """Neither an empty file nor another one passes; one that is not there and a key that is none are told apart."""
    empty, key = tmp_path / "empty", home / "audit" / "signing.key.pub"
    empty.write_bytes(b"")

    assert wrong("audit", "verify", empty)["line"] == 1
    assert wrong("audit", "verify", key)["line"] == 1
    assert cli("audit", "verify", tmp_path / "none").code == 6
    assert cli("audit", "verify", empty, "--key", home / "deployment.json").code == 2


def test_every_decision_is_made_again(cli: Cli, home: Path) -> None:
    """No decision of the home differs by a byte, one by one as all at once."""
    found = cli("audit", "replay", "--all", "--home", home, "--json").document
    decision, _ = offered(home)
    one = cli("audit", "replay", decision, "--home", home, "--json").document

    assert found["same"] == found["decisions"] > 20
    assert (one["state"], one["differences"]) == ("same", [])
    assert "byte for byte" in cli("audit", "replay", decision, "--home", home).out
    assert cli("audit", "replay", "--all", "--first", 3, "--home", home, "--json").document["decisions"] == 3


def test_a_changed_store_is_found_out(cli: Cli, copied: Path) -> None:
    """A decision that was changed in the store, or is gone from it, is named; an unknown one is wrong use."""
    decision, _ = offered(copied)
    with closing(sqlite3.connect(copied / "forbear.db")) as file, file:
        file.execute("UPDATE decisions SET channel = 'pigeon' WHERE decision_id = ?", (decision,))
    found = wrong("audit", "replay", decision, "--home", copied)
    assert [one["what"] for one in found["differences"]] == ["decision.channel"]

    with closing(sqlite3.connect(copied / "forbear.db")) as file, file:
        file.execute("DELETE FROM decisions WHERE decision_id = ?", (decision,))
    assert wrong("audit", "replay", "--all", "--home", copied)["differs"] == 1
    assert wrong("audit", "replay", decision, "--home", copied)["state"] == "differs"
    assert cli("audit", "replay", "f" * 32, "--home", copied).code == 2


def test_a_chain_that_was_cut_off_is_not_signed(cli: Cli, copied: Path) -> None:
    """Records that a checkpoint signs and the store has no more are noticed before anything else is signed."""
    with closing(sqlite3.connect(copied / "forbear.db")) as file, file:
        file.execute("DELETE FROM audit WHERE sequence > 10")
    said = cli("audit", "checkpoint", "--home", copied)

    assert said.code == 7
    assert "cut off or written anew" in said.err


@pytest.mark.parametrize("form", ["json", "html", "pdf"])
def test_a_story_is_told_in_three_forms(cli: Cli, home: Path, tmp_path: Path, form: str) -> None:
    """Each has the customer, the decision and the label of a bank that is made up; the same story twice is the same."""
    _, customer = offered(home)
    out = tmp_path / f"story.{form}"
    said = cli("audit", "report", customer, "--reason", "a <complaint>", "--format", form, "--out", out, "--home", home)

    assert "is not on record" in said.out
    content = out.read_bytes()
    if form == "pdf":
        assert content.startswith(b"%PDF")
        return
    assert customer.encode() in content
    assert b"<complaint>" not in content or form == "json"
    assert b"counts as a contact" in content


def test_a_story_has_everything(cli: Cli, home: Path, tmp_path: Path) -> None:
    """Data, scores, decisions with reasons, parts and payments stand in it, in the order of time."""
    decision, customer = offered(home)
    out = tmp_path / "story.json"
    assert cli("audit", "report", customer, "--reason", "x", "--format", "json", "--out", out, "--home", home).code == 0
    story = json.loads(out.read_text())
    data, happened, rules, _ = story["chapters"]
    kinds = {entry["kind"] for entry in happened["entries"]}
    made = next(one for one in happened["entries"] if one["facts"].get("decision_id") == decision)

    assert "transactions" in data["lead"]
    assert {"scores", "decision"} <= kinds
    assert [one["at_us"] for one in happened["entries"]] == sorted(one["at_us"] for one in happened["entries"])
    assert any(line.startswith("Reason: ") for line in made["more"])
    assert {one["kind"] for one in rules["entries"]} == {"model", "policy"}
    assert story["synthetic"] is True


def test_who_looked_is_on_record(cli: Cli, copied: Path, tmp_path: Path) -> None:
    """A home with an office notes who asked for a story and why, tells it in the story, and a checkpoint anchors it."""
    _, customer = offered(copied)
    open_office(f"sqlite:///{copied / 'api.db'}", writer="test").close()
    out = tmp_path / "story.json"
    asked = ("audit", "report", customer, "--by", "an auditor", "--format", "json", "--out", out, "--home", copied)
    assert cli(*asked, "--reason", " ").code == 2
    assert cli(*asked, "--reason", "complaint 4711", "--json").document["recorded"] is True
    looked = json.loads(out.read_text())["chapters"][-1]["entries"]

    assert [(one["facts"]["who"], "complaint 4711" in one["text"]) for one in looked] == [("an auditor", True)]
    assert cli("audit", "checkpoint", "--home", copied, "--json").document["new"] is True
    last = json.loads((copied / "audit" / "checkpoints.jsonl").read_text().splitlines()[-1])
    assert [*last["checkpoint"]["accesses"]] == ["audit"]
    assert cli("audit", "report", "nobody", "--reason", "x", "--home", copied).code == 2


def test_an_erased_customer_has_no_story_and_no_verdict(cli: Cli, copied: Path, tmp_path: Path) -> None:
    """After an erasure the export still verifies, the replay calls nothing wrong, the story says why it is short."""
    decision, customer = offered(copied)
    with (
        closing(FileVault(copied / "keys.db")) as vault,
        closing(open_store(f"sqlite:///{copied / 'forbear.db'}")) as store,
    ):
        key = int(keys_of(np.array([customer.encode()]))[0])
        erase(key, Request(by="a person", at_us=1), vault, store, alone=nullcontext(True))
    out, story = tmp_path / "audit.jsonl", tmp_path / "story.html"
    found = cli("audit", "replay", "--all", "--home", copied, "--json").document

    assert found["erased"] > 0
    assert found["same"] + found["erased"] == found["decisions"]
    assert cli("audit", "replay", decision, "--home", copied, "--json").document["state"] == "erased"
    assert cli("audit", "export", "--out", out, "--home", copied).code == 0
    assert cli("audit", "verify", out, "--json").document["checkpoints"] == 2
    assert cli("audit", "report", customer, "--reason", "x", "--out", story, "--home", copied).code == 0
    assert "was erased" in story.read_text()


@pytest.mark.parametrize(
    "arguments", [["replay"], ["replay", "abc", "--all"], ["replay", "abc", "--first", "3"]], ids=" ".join
)
def test_wrong_use_is_told(cli: Cli, arguments: list[str]) -> None:
    """Neither one decision nor all of them, or both, is wrong use."""
    assert cli("audit", *arguments).code == 2


def test_a_home_without_records_says_so(cli: Cli, promoted: Path) -> None:
    """Where no worker ran there is nothing to audit, and the mend says which stores are meant."""
    for what in (("checkpoint",), ("export",), ("replay", "--all"), ("report", "C1", "--reason", "x")):
        said = cli("audit", *what, "--home", promoted)
        assert said.code == 2
        assert "PostgreSQL" in said.err
