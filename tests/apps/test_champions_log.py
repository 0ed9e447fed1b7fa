"""`forbear models changelog`: every promotion is told, with what it changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]


def test_two_champions_and_what_differs(cli: Cli, copied_bank: Path) -> None:
    """A promotion by one person and one by another are told, the newest first, with the figures of both models."""
    for kind, who in (("scorecard", "A. First"), ("boosting", "B. Second")):
        assert cli("promote", "--model", kind, "--by", who, "--home", copied_bank).code == 0
    told = cli("models", "changelog", "--home", copied_bank, "--json").document
    text = Path(told["document"]).read_text(encoding="utf-8")
    history = cli("models", "history", "--home", copied_bank, "--json").document["history"]

    assert [one["model"] for one in told["champions"]] == [one["model"] for one in history]
    assert [one["kind"] for one in told["champions"]] == ["scorecard", "boosting"]
    assert text.index("B. Second") < text.index("A. First")
    assert "| Kind | scorecard | boosting |" in text
    assert all(one["model"] in text for one in history)
    assert "The first champion that can be compared" in text


def test_the_same_model_twice_changes_nothing(cli: Cli, copied_bank: Path) -> None:
    """A second promotion of the champion is told as that."""
    for _ in range(2):
        assert cli("promote", "--model", "scorecard", "--home", copied_bank).code == 0
    path = Path(cli("models", "changelog", "--home", copied_bank, "--json").document["document"])

    assert "The same model as before was promoted again." in path.read_text(encoding="utf-8")


def test_no_champion_no_log(cli: Cli, bank: Any) -> None:
    """Where nothing was promoted that is said in one line, and nothing is written."""
    ended = cli("models", "changelog", "--home", bank.home)

    assert ended.code == 2
    assert "no champion" in ended.err
    assert not (bank.home / "reports" / "champions.md").exists()
