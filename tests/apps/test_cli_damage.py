"""Damaged and foreign state: it is noticed, named, and the line says how to mend it; no score comes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forbear.domain.stated import canonical_json

Cli = Callable[..., Any]
Files = Callable[[Path], dict[str, bytes]]

DEPLOYMENTS: dict[str, bytes] = {
    "empty": b"",
    "cut": b'{"source":"small","curr',
    "binary": b"\xff\xfe\x00\x01",
    "an array": b"[]",
    "a word too many": b'{"source":"x","currency":"EUR","time_zone":"UTC","opens_on":"2024-01-01",'
    b'"miss":{"kind":"missed_payment"},"shards":4}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("case", DEPLOYMENTS)
def test_a_damaged_deployment_is_named_and_can_be_replaced(cli: Cli, copied: Path, case: str) -> None:
    """A deployment.json that is not what was written stops every command; importing with --replace mends it."""
    (copied / "deployment.json").write_bytes(DEPLOYMENTS[case])
    for command in (("score",), ("train",), ("simulate", "--customers", 2, "--days", 2), ("demo",)):
        ended = cli(*command, "--home", copied)
        assert (ended.code, "deployment.json is damaged" in ended.err, "--replace" in ended.err) == (7, True, True)

    assert cli("simulate", "--customers", 2, "--days", 2, "--home", copied, "--replace").code == 0


def test_a_deployment_of_unknown_words_is_a_setting_to_mend(cli: Cli, copied: Path) -> None:
    """A deployment.json that was edited to name what no measure is called names the words there are."""
    document = msgspec.json.decode((copied / "deployment.json").read_bytes())
    (copied / "deployment.json").write_bytes(msgspec.json.encode({**document, "unsupported": ["bounced"]}))

    ended = cli("score", "--home", copied)

    assert (ended.code, "bounced" in ended.err, "failed_debits" in ended.err) == (2, True, True)


def test_a_deployment_that_is_a_folder_is_a_storage_error(cli: Cli, copied: Path) -> None:
    """A folder in the place of deployment.json is no traceback."""
    (copied / "deployment.json").unlink()
    (copied / "deployment.json").mkdir()

    assert cli("score", "--home", copied).code == 6


@pytest.mark.parametrize("lost", ["archive", "archive/index.jsonl", "archive/00000000000000000000.parquet"])
def test_lost_events_are_not_no_events(cli: Cli, copied: Path, lost: str) -> None:
    """A home whose archive, index or segment is gone says that it has lost events, not that there are none."""
    path = copied / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    for command in (("score",), ("train",)):
        assert cli(*command, "--home", copied).code == 7


@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("name", ["index.jsonl", "00000000000000000000.parquet"])
def test_a_flipped_bit_in_the_archive_gives_no_score(cli: Cli, copied: Path, name: str, place: float) -> None:
    """One bit flipped anywhere in the archive is CorruptState that names the file."""
    path = copied / "archive" / name
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 4
    path.write_bytes(bytes(content))

    ended = cli("score", "--home", copied)

    assert (ended.code, name in ended.err, "restore it from a backup" in ended.err) == (7, True, True)


def test_a_damaged_snapshot_is_named_and_costs_only_time(cli: Cli, copied: Path) -> None:
    """A changed snapshot gives no score but its name; without any the archive is folded anew, to the same scores."""
    scores = cli("score", "--home", copied, "--json").document
    [snapshot] = (copied / "snapshots").iterdir()
    content = bytearray(snapshot.read_bytes())
    content[-5] ^= 1
    snapshot.write_bytes(bytes(content))

    ended = cli("score", "--home", copied)
    snapshot.unlink()

    assert (ended.code, snapshot.name in ended.err, "delete it" in ended.err) == (7, True, True)
    assert cli("score", "--home", copied, "--json").document == scores


def test_a_home_of_another_version_says_so(cli: Cli, copied: Path) -> None:
    """An archive of another format asks for its own version of forbear."""
    (copied / "archive" / "index.jsonl").write_bytes(b'{"format":2,"shards":[]}\n')

    ended = cli("score", "--home", copied)

    assert (ended.code, "use the version of forbear that wrote it" in ended.err) == (7, True)


LATEST: dict[str, bytes] = {
    "empty": b"",
    "cut": b'{"boosting":"boo',
    "binary": b"\xff\xfe",
    "an array": b"[]",
    "a number for a name": b'{"boosting":5}',
    "missing file": b'{"boosting":"boosting-000000000000.json"}',
    "no name": b'{"boosting":""}',
    "a folder": b'{"boosting":".."}',
    "a path up": b'{"boosting":"../../secret.json"}',
    "an absolute path": b'{"boosting":"/etc/passwd"}',
    "NUL": b'{"boosting":"a\\u0000b"}',
    "too long": b'{"boosting":"' + b"n" * 5_000 + b'"}',
    "itself": b'{"boosting":"latest.json"}',
    "deep": b'{"boosting":' + b"[" * 100_000,
}


@pytest.mark.parametrize("case", LATEST)
def test_a_damaged_or_hostile_pointer_to_models_is_refused(cli: Cli, copied_bank: Path, case: str) -> None:
    """latest.json that is damaged, or names what is no artefact in its own folder, gives no score."""
    boosting = artefact_in(copied_bank, "boosting")
    shutil.copy(boosting, copied_bank.parent / "secret.json")
    shutil.copy(boosting, copied_bank.parent.parent / "secret.json")
    (copied_bank / "models" / "latest.json").write_bytes(LATEST[case])

    ended = cli("score", "--home", copied_bank)

    assert (ended.code in (6, 7), "train" in ended.err or "path" in ended.err) == (True, True), ended.err


def test_training_mends_a_damaged_pointer(cli: Cli, copied_bank: Path) -> None:
    """After latest.json was damaged, `train` writes it anew."""
    (copied_bank / "models" / "latest.json").write_bytes(b"{")

    assert cli("train", "--until", "2023-09-01", "--home", copied_bank, "--model", "scorecard").code == 0
    assert cli("score", "--home", copied_bank, "--json").document["model"] == "scorecard"


def test_a_pointer_to_another_kind_is_refused(cli: Cli, copied_bank: Path) -> None:
    """A scorecard under the name of boosting does not pass for it."""
    latest = msgspec.json.decode((copied_bank / "models" / "latest.json").read_bytes())
    swapped = {"boosting": latest["scorecard"], "scorecard": latest["boosting"]}
    (copied_bank / "models" / "latest.json").write_bytes(msgspec.json.encode(swapped))

    ended = cli("score", "--home", copied_bank, "--model", "boosting")

    assert (ended.code, "not a boosting" in ended.err) == (7, True)


def artefact_in(home: Path, kind: str) -> Path:
    """Where the newest artefact of a kind lies."""
    latest = msgspec.json.decode((home / "models" / "latest.json").read_bytes())
    return home / "models" / str(latest[kind]) / "artefact.json"


def broken_artefacts(content: bytes) -> list[bytes]:
    """An artefact cut short, with one bit flipped, and with texts that JSON takes and numbers do not."""
    flipped = []
    for place in range(7, len(content), len(content) // 40):
        bad = bytearray(content)
        bad[place] ^= 1 << place % 8
        # An exponent's e may become an E, which says the same: that is no damage.
        if not says_the_same(bytes(bad), content):
            flipped.append(bytes(bad))
    cuts = [content[:at] for at in (0, 1, len(content) // 2, len(content) - 1)]
    odd = [b'{"format":1,"x":NaN,"sha256":""}', b'{"format":1,"x":"\\ud800","sha256":""}', b"[" * 100_000]
    return [*cuts, *flipped, *odd, b"\xff", b"null", b'{"format":1e999}']


def says_the_same(one: bytes, other: bytes) -> bool:
    """Whether both are JSON of one content."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def test_a_broken_artefact_never_scores(cli: Cli, copied_bank: Path) -> None:
    """However an artefact is broken, scoring with it is CorruptState that names the file."""
    path = artefact_in(copied_bank, "scorecard")
    good = path.read_bytes()
    for bad in broken_artefacts(good):
        path.write_bytes(bad)
        ended = cli("score", "--home", copied_bank, "--model", "scorecard")
        assert (ended.code, path.name in ended.err, "rain" in ended.err) == (7, True, True), ended.err

    path.write_bytes(good)
    assert cli("score", "--home", copied_bank, "--model", "scorecard").code == 0


def resealed(path: Path, **changed: Any) -> None:
    """Change an artefact's provenance, with a checksum that fits, in a folder that fits, and note it as the newest."""
    document = msgspec.json.decode(path.read_bytes())
    document["provenance"].update(changed)
    del document["sha256"]
    digest = sha256(canonical_json(document)).hexdigest()
    path.write_bytes(canonical_json({**document, "sha256": digest}))
    models = path.parents[1]
    path.parent.rename(models / digest)
    latest = msgspec.json.decode((models / "latest.json").read_bytes())
    latest[document["model"]["kind"]] = digest
    (models / "latest.json").write_bytes(msgspec.json.encode(latest))


def test_a_model_of_another_feature_set_is_refused(cli: Cli, copied_bank: Path) -> None:
    """A whole artefact that was trained on other features is ModelMismatch: train again."""
    resealed(artefact_in(copied_bank, "boosting"), feature_set_hash="0" * 64)
    for command in (("score",), ("backtest", "--from", "2023-09-01", "--to", "2023-10-01")):
        ended = cli(*command, "--home", copied_bank)
        assert (ended.code, "train again" in ended.err) == (5, True)


def test_a_model_that_foresees_something_else_is_refused(cli: Cli, copied_bank: Path) -> None:
    """After the home's data were replaced by a bank with another kind of miss, the old model scores nobody."""
    document = msgspec.json.decode((copied_bank / "deployment.json").read_bytes())
    document["miss"] = {"kind": "days_past_due", "days_past_due_at_least": 30}
    (copied_bank / "deployment.json").write_bytes(msgspec.json.encode(document))

    ended = cli("score", "--home", copied_bank)

    assert (ended.code, "foresees a scheduled payment missed" in ended.err, "30 days" in ended.err) == (5, True, True)
    assert cli("score", "--home", copied_bank, "--model", "expert").code == 0


@pytest.mark.parametrize("left", ["half a home", "a file"])
def test_what_a_killed_import_left_is_swept_away(cli: Cli, copied: Path, contents_of: Files, left: str) -> None:
    """A leftover .importing changes nothing for readers, and the next import removes it."""
    scores = cli("score", "--home", copied, "--json").document
    if left == "a file":
        (copied / ".importing").write_text("no folder")
    else:
        shutil.copytree(copied / "archive", copied / ".importing" / "archive")

    assert cli("score", "--home", copied, "--json").document == scores
    assert cli("simulate", "--customers", 2, "--days", 2, "--home", copied, "--replace").code == 0
    assert not [name for name in contents_of(copied) if name.startswith(".")]
