"""forbear contacts: asked, told, listed, exported and certified, on a home."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from forbear.adapters.sql.office import open_office
from forbear.apps.cli import main
from forbear.apps.home import Home
from forbear.apps.jobs.accessing import COMMAND_LINE
from forbear.apps.jobs.contact_law import jurisdiction_of
from forbear.apps.jobs.contacts import OWN_PACK
from forbear.features.hashing import key_of

Cli = Callable[..., Any]
"""What the fixture of that name gives; see conftest."""
DAY, NIGHT = "2025-06-11T12:00-04:00", "2025-06-11T22:30-04:00"
"""A Wednesday at noon and at night in New York."""
US = ("--jurisdiction", "us")
CALL = ("--channel", "phone", "--matter", "loan", "--purpose", "collection", *US)


@pytest.fixture(scope="module")
def home(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three customers and an office."""
    ours = Path(shutil.copytree(small, tmp_path_factory.mktemp("contacts") / "home"))
    open_office(f"sqlite:///{Home(ours).office}", writer="api").close()
    return ours


def certified(*arguments: object) -> tuple[int, dict[str, Any]]:
    """How `forbear contacts certify --json` ends, and what it says: with findings it speaks and fails."""
    before, sys.argv, out = sys.argv, ["forbear", "contacts", "certify", *map(str, arguments), "--json"], io.StringIO()
    try:
        with redirect_stdout(out):
            main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = before
    return code, json.loads(out.getvalue())


def test_asked_told_and_asked_again(cli: Cli, home: Path) -> None:
    """A verdict heeds what was told before it, says which clause, and when next in local time; who looked stands."""
    ask = ("contacts", "may", "C1", *CALL, "--home", home, "--json")
    assert cli("contacts", "place", "C1", "--zone", "America/New_York", "--at", DAY, "--home", home).code == 0
    assert cli(*ask, "--at", "2027-06-09T12:00-04:00").document["allowed"]
    night = cli(*ask, "--at", "2027-06-09T22:30-04:00").document
    assert (night["allowed"], night["clause"]) == (False, "us.hours")
    assert night["next_local"] == ["2027-06-10 08:00:00 in America/New_York"]
    assert "not before 9 in the evening" in cli(*ask[:-1], "--at", "2027-06-09T22:30-04:00").out

    assert cli("contacts", "stop", "C1", "--kind", "attorney", "--matter", "loan", "--home", home).code == 0
    stopped = cli(*ask, "--at", "2027-06-09T12:00-04:00").document
    assert (stopped["clause"], stopped["next_us"]) == ("us.attorney", None)
    assert cli("contacts", "lift", "C1", "--kind", "attorney", "--matter", "loan", "--home", home).code == 0
    assert cli(*ask, "--at", "2027-06-09T12:00-04:00").document["allowed"]

    quiet = ("contacts", "quiet", "C1", "--from", "11:30", "--to", "13:00", "--weekday", 2, "--home", home)
    assert cli(*quiet).code == 0
    assert cli(*ask, "--at", "2027-06-09T12:00-04:00").document["clause"] == "us.inconvenient"
    assert cli("contacts", "prefer", "C1", "--channel", "email", "--home", home).code == 0
    assert cli(*ask, "--at", "2027-06-10T12:00-04:00").document["clause"] == "house.preference"

    told = cli("contacts", "list", "C1", "--home", home, "--json").document["facts"]
    assert [one["kind"] for one in told] == ["placed", "restricted", "lifted", "inconvenient", "preferred"]
    with closing(open_office(f"sqlite:///{Home(home).office}", writer="tests")) as office:
        routes = {one.route for one in office.accesses.of_customer(key_of("C1"), 99)}
        assert routes == {"contacts_may", "contacts_told", "contacts_list"}
        assert COMMAND_LINE in office.accesses.writers()


def test_help_needs_consent(cli: Cli, home: Path) -> None:
    """Without consent to the channel nobody is offered help there; with it they are, until it is taken back."""
    ask = ("contacts", "may", "C2", "--channel", "sms", *US, "--at", "2027-06-09T18:00Z", "--home", home, "--json")
    told = ("contacts", "consent", "C2", "--channel", "sms", "--home", home)

    assert cli("contacts", "place", "C2", "--zone", "America/New_York", "--home", home).code == 0
    assert cli(*ask).document["clause"] == "house.consent"
    assert cli(*told).code == 0
    assert cli(*ask).document["allowed"]
    assert cli(*told, "--withdrawn").code == 0
    assert cli(*ask).document["clause"] == "house.consent"


def test_a_ledger_is_certified_and_a_breach_is_found(cli: Cli, small: Path, tmp_path: Path) -> None:
    """A lawful ledger is certified; a call at night is not, the home's own and its export alike, by one digest."""
    home = Path(shutil.copytree(small, tmp_path / "home"))
    log = ("contacts", "log", "C3", *CALL, "--home", home)
    assert cli("contacts", "place", "C3", "--zone", "America/New_York", "--at", DAY, "--home", home).code == 0
    assert cli(*log, "--at", "2025-06-12T12:00-04:00").code == 0
    # The place was entered only now: at the time of the call nothing was known, and that is never day everywhere.
    code, first = certified("--home", home, "--out", tmp_path / "first.json")
    assert (code, set(first["breaches_by_clause"])) == (20, {"statute.us.hours", "us.hours", "house.hours"})

    assert cli(*log).code == 0
    exported = cli("contacts", "export", "--out", tmp_path / "ledger.jsonl", "--home", home, "--json").document
    assert exported["facts"] == 3
    _, own = certified("--home", home)
    code, there = certified("--ledger", tmp_path / "ledger.jsonl", "--home", tmp_path, "--out", tmp_path / "c.json")
    assert code == 20
    assert own["ledger_digest"] == there["ledger_digest"] != first["ledger_digest"]
    assert (own["judged"], own["facts"], own["not_judged"]) == (2, 3, there["not_judged"])
    assert json.loads((home / "reports" / "contact_certificate.json").read_text())["certified"] is False


def test_an_empty_ledger_is_certified(cli: Cli, small: Path, tmp_path: Path) -> None:
    """Where nobody was contacted nothing was against the law, and the certificate says how much that is."""
    home = Path(shutil.copytree(small, tmp_path / "home"))
    document = cli("contacts", "certify", "--home", home, "--json").document

    assert (document["certified"], document["judged"], document["facts"]) == (True, 0, 0)
    assert cli("contacts", "certify", "--home", home).out.startswith("0 contacts of 0 facts were judged")


def test_a_pack_of_the_bank_s_own_is_asked_and_certified_by(cli: Cli, small: Path, tmp_path: Path) -> None:
    """A pack in the home is asked beside those that are shipped, by the decider and by the second reading."""
    home = Path(shutil.copytree(small, tmp_path / "home"))
    (home / OWN_PACK).write_text(
        """
        format = 1
        version = "1"
        name = "ours"
        jurisdiction = "house"
        in_force_from = 2020-01-01
        [[clauses]]
        kind = "hours"
        id = "ours.hours"
        source = "our manual"
        says = "We call in the morning only."
        means = ["call"]
        opens = "09:00"
        closes = "12:00"
        """
    )
    assert cli("contacts", "place", "C1", "--zone", "America/New_York", "--home", home).code == 0
    at = ("--at", "2027-06-09T13:00-04:00")
    assert cli("contacts", "may", "C1", *CALL, *at, "--home", home, "--json").document["clause"] == "ours.hours"
    assert "ours@1" in cli("contacts", "certify", "--home", home, "--json").document["packs"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("may", "C1", "--channel", "phone", "--at", "2027-06-09T12:00"), "no offset from UTC"),
        (("may", "C1", "--channel", "phone", "--at", "noon"), "is no instant"),
        (("log", "C1", "--channel", "phone", "--at", "2090-01-01T00:00Z"), "is yet to come"),
        (("place", "C1", "--zone", "Mars/Phobos"), "is no time zone"),
        (("certify", "--ledger", "nowhere.jsonl"), "is no file"),
        (("quiet", "C1", "--from", "25:00", "--to", "12:00"), "is no time of day"),
        (("log", "C1", "--channel", "p" * 65), "out of bounds"),
    ],
)
def test_wrong_use_says_what_to_do(cli: Cli, home: Path, words: tuple[str, ...], said: str) -> None:
    """A command that cannot be carried out says why in one line, and enters nothing."""
    ended = cli("contacts", *words, "--home", home)

    assert ended.code not in (0, 1, 20)
    assert said in " ".join(ended.err.split())


@pytest.mark.parametrize(("content", "code"), [(b"{", 2), (b'{"entry":1}', 3), (b"[1]", 2)])
def test_a_file_that_is_no_ledger_is_refused(cli: Cli, home: Path, tmp_path: Path, content: bytes, code: int) -> None:
    """No certificate is written over lines that were not read."""
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(content)

    assert cli("contacts", "certify", "--ledger", path, "--out", tmp_path / "c.json", "--home", home).code == code
    assert not (tmp_path / "c.json").exists()


def test_the_law_of_a_country() -> None:
    """A home's country names the jurisdiction that is asked where nobody names another."""
    assert [jurisdiction_of(one) for one in ("US", "GB", "IN", "DE", "BR", "")] == ["us", "uk", "in", "eu", "", ""]
