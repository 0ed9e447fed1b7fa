"""`forbear models`: the registry, and who was champion when."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from forbear.adapters.registry import FileModels
from forbear.apps.home import Home

Cli = Callable[..., Any]


def test_training_fills_the_registry(cli: Cli, bank: Any) -> None:
    """Each trained model stands in the registry with its window, its data, its seed and the archive it came from."""
    listed = cli("models", "list", "--home", bank.home, "--json").document["models"]
    [boosting] = [one for one in listed if one["kind"] == "boosting"]
    told = cli("models", "show", boosting["digest"][:12], "--home", bank.home, "--json").document
    trained = next(one for one in bank.trained["models"] if one["kind"] == "boosting")
    home = Home(bank.home)

    assert {one["kind"] for one in listed} == {"boosting", "scorecard"}
    assert told["digest"] == trained["sha256"] == boosting["digest"]
    assert (told["rows"], told["positives"], told["seed"]) == (trained["rows"], trained["positives"], 0)
    assert told["metrics"] == trained["validation"]
    assert told["window"]["labels_end"] == trained["labels_end"]
    assert told["lineage"]["history_offset"] == home.archive.next_offset
    assert told["lineage"]["history_digest"] == home.archive.digest()
    assert Path(trained["artefact"]) == bank.home / "models" / boosting["digest"] / "artefact.json"


def test_a_home_of_an_earlier_version_scores_as_before(cli: Cli, copied_bank: Path) -> None:
    """Artefacts named <kind>-<12 digits>.json and a latest.json that names them are read, listed and promoted."""
    scored = cli("score", "--home", copied_bank, "--json").document
    models = copied_bank / "models"
    latest = msgspec.json.decode((models / "latest.json").read_bytes())
    for kind, digest in latest.items():
        shutil.move(models / digest / "artefact.json", models / f"{kind}-{digest[:12]}.json")
        shutil.rmtree(models / digest)
    names = {kind: f"{kind}-{digest[:12]}.json" for kind, digest in latest.items()}
    (models / "latest.json").write_bytes(msgspec.json.encode(names))

    assert cli("score", "--home", copied_bank, "--json").document == scored
    listed = cli("models", "list", "--home", copied_bank, "--json").document["models"]
    assert {one["digest"] for one in listed} == set(latest.values())
    assert all(one["created"] == "" for one in listed)
    assert cli("promote", "--model", "boosting", "--home", copied_bank).code == 0
    told = cli("models", "history", "--home", copied_bank, "--json").document["history"]
    assert [one["model"] for one in told] == [latest["boosting"]]


def test_history_has_both_clocks(cli: Cli, promoted: Path, tmp_path: Path) -> None:
    """The promotion before the worker's start, and one that the log has behind it; neither was known the day before."""
    home = Path(shutil.copytree(promoted, tmp_path / "home"))
    assert cli("run", "--once", "--home", home).code == 0
    first = cli("models", "history", "--home", home, "--json").document["history"]
    assert cli("promote", "--model", "expert", "--by", "M. Muster", "--home", home).code == 0
    history = cli("models", "history", "--home", home, "--json").document["history"]

    assert (len(first), len(history)) == (1, 2)
    assert first == history[:1]
    assert (history[1]["by"], history[0]["offset"]) == ("M. Muster", None)
    assert history[1]["offset"] > 0
    known = datetime.fromisoformat(history[1]["known_since"]).astimezone(ZoneInfo(Home(home).deployment.time_zone))
    asked = ("models", "history", "--at", f"{known:%Y-%m-%d}", "--home", home, "--json")
    assert cli(*asked).document["champion"] == history[1]
    assert cli(*asked, "--known-at", "2020-01-01").document["champion"] is None
    assert "No model was champion on 2020-01-01" in cli("models", "history", "--at", "2020-01-01", "--home", home).out


def test_a_name_of_no_model_is_refused(cli: Cli, bank: Any) -> None:
    """Digits that no model or several begin with are wrong use, and say what to do."""
    for name in ("0" * 12, "abc"):
        ended = cli("models", "show", name, "--home", bank.home)
        assert (ended.code, ended.out) == (2, "")


def test_damage_in_the_registry_is_named(cli: Cli, copied_bank: Path) -> None:
    """A version.json that is gone is CorruptState; nothing is listed instead of it."""
    models = FileModels(copied_bank / "models")
    digest = models.versions()[0].digest
    (models.folder / digest / "version.json").unlink()

    ended = cli("models", "list", "--home", copied_bank)

    assert (ended.code, "version.json" in ended.err) == (7, True)
