"""The commands about keys: what they say, keep and refuse."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from forbear.apps.api.opening import office_of


def test_a_key_is_made_listed_and_revoked(cli: Any, copied: Path) -> None:
    """A key is shown once, listed without its secret, and revoked; each change stands in the chain of accesses."""
    made = cli("keys", "create", "--name", "crm", "--role", "agent", "--days", 5, "--home", copied, "--json").document
    assert made["role"] == "agent"
    assert made["key"].startswith(f"fb_{made['key_id']}_")
    listed = cli("keys", "list", "--home", copied, "--json")
    assert made["key"][12:] not in listed.out
    assert [(one["name"], one["state"]) for one in listed.document["keys"]] == [("crm", "holds")]
    assert cli("keys", "revoke", made["key_id"], "--home", copied, "--json").document == {"revoked": made["key_id"]}
    assert cli("keys", "list", "--home", copied, "--json").document["keys"][0]["state"] == "revoked"

    with office_of(copied, {}, writer="test") as office:
        recorded = office.accesses.chain("command-line", 0, 9)
        routes = [msgspec.json.decode(record.body)["route"] for record in recorded]
    assert routes == ["create_key", "revoke_key"]
    with closing(sqlite3.connect(copied / "api.db")) as database:
        assert made["key"][12:] not in "\n".join(database.iterdump())


def test_a_person_sees_the_key_once(cli: Any, copied: Path) -> None:
    """Without --json the key stands on a line of its own, and the list is a table."""
    said = cli("keys", "create", "--name", "desk", "--role", "admin", "--home", copied).out
    assert "shown this once" in said
    assert said.splitlines()[-1].startswith("fb_")
    assert "desk" in cli("keys", "list", "--home", copied).out


def test_what_cannot_be_is_refused(cli: Any, copied: Path, tmp_path: Path) -> None:
    """No such key, no such role, no name, no home: each ends with who must act, and nothing is made."""
    assert cli("keys", "revoke", "00000000", "--home", copied).code == 2
    assert cli("keys", "create", "--name", "x", "--role", "root", "--home", copied).code == 2
    assert cli("keys", "create", "--name", "a\nb", "--role", "agent", "--home", copied).code == 2
    assert cli("keys", "create", "--name", "x", "--role", "agent", "--days", 0, "--home", copied).code == 2
    assert cli("keys", "list", "--home", tmp_path / "none").code == 2
    assert not (tmp_path / "none").exists()
