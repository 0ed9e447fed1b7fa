"""Promotion by two people on the command line, with real keys, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.doctor import examine
from forbear.apps.jobs.examining import Examination
from forbear.apps.jobs.instructing import LogOfHome, approvals_of
from forbear.apps.jobs.promoting import Person, approve, roll_back
from forbear.apps.jobs.retraining import RetrainRequest, gate_terms
from forbear.apps.jobs.showing_retraining import show_retraining
from forbear.domain.errors import ConflictError, StorageError
from forbear.engine.promotion import Proposal, Signed

Cli = Callable[..., Any]
Contents = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def world(gated: Any, terms_of_gate: Callable[..., Path]) -> Any:
    """A home with a champion and candidates, its people, and what makes terms of a gate."""
    return {**gated, "terms": terms_of_gate}


@pytest.fixture
def ours(gated: Any, tmp_path: Path) -> Path:
    """A copy of that home."""
    return Path(shutil.copytree(gated["home"], tmp_path / "home"))


def signs(world: Any, name: str) -> tuple[Any, ...]:
    """The options by which somebody signs."""
    return ("--by", name, "--key", world["folder"] / f"{name}.key")


def champion_of(cli: Cli, home: Path) -> Any:
    """The newest line of the history."""
    return cli("models", "history", "--home", home, "--json").document["history"][-1]


# ---- a failed candidate


def test_a_failed_candidate_can_never_be_promoted(cli: Cli, world: Any, ours: Path) -> None:
    """It stays in the registry under that mark; nobody proposes it, nor promotes it where nobody must agree.

    A later gate with kinder terms does not clear it.
    """
    terms = gate_terms(world["terms"](world["folder"], passes=False))
    request = RetrainRequest(terms=terms, created="", every="week", kinds=("scorecard",), seed=1)
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        show_retraining(Home(ours), Console(json=True), request)
    [failed] = json.loads(out.getvalue())["candidates"]
    assert (ended.value.code, failed["outcome"]) == (5, "failed")
    kinder = world["terms"](world["folder"], passes=True)
    asked = ("retrain", "--every", "week", "--kind", "scorecard", "--seed", 1, "--terms", kinder, "--home", ours)
    assert cli(*asked).code == 0

    proposed = cli("models", "propose", failed["digest"], *signs(world, "anna"), "--why", "please", "--home", ours)
    shutil.rmtree(ours / "models" / "approvals")
    promoted = cli("promote", "--digest", failed["digest"][:12], "--home", ours)

    for refused in (proposed, promoted):
        assert (refused.code, "a gate has failed" in refused.err) == (5, True)
    assert champion_of(cli, ours)["model"] == world["champion"]


# ---- two people


def proposed_in(cli: Cli, world: Any, home: Path) -> str:
    """A proposal of anna's for the candidate, by its digits."""
    asked = ("models", "propose", world["let"]["digest"][:12], *signs(world, "anna"), "--why", "fresher rows")
    ended = cli(*asked, "--home", home, "--json")
    assert ended.code == 0, ended.err
    return str(ended.document["proposal"])


def test_two_people_make_a_champion_and_two_take_it_back(cli: Cli, world: Any, ours: Path) -> None:
    """Proposed by one and approved by another the candidate is champion, signed by both; so is the roll-back."""
    short = proposed_in(cli, world, ours)
    assert champion_of(cli, ours)["model"] == world["champion"]
    assert cli("models", "approve", short, *signs(world, "bert"), "--home", ours).code == 0
    now = champion_of(cli, ours)
    assert (now["model"], now["signed_by"]) == (world["let"]["digest"], ["anna", "bert"])
    assert now["by"] == f"proposal {short}: anna, bert"
    assert cli("score", "--home", ours, "--model", "scorecard", "--json").code == 0
    assert Home(ours).registry.path(json.loads((ours / "models" / "latest.json").read_bytes())["scorecard"]).exists()

    back = cli("models", "rollback", *signs(world, "bert"), "--why", "wrong", "--home", ours, "--json").document
    alone = cli("models", "approve", back["proposal"], *signs(world, "bert"), "--home", ours)
    assert (alone.code, "somebody else" in alone.err) == (2, True)
    assert cli("models", "approve", back["proposal"], *signs(world, "anna"), "--home", ours).code == 0
    last = champion_of(cli, ours)
    assert (last["model"], last["signed_by"]) == (world["champion"], ["bert", "anna"])
    stands = cli("models", "proposals", "--home", ours, "--json").document["proposals"]
    assert [(one["what"], one["state"]) for one in stands] == [
        ("promotion", "carried out"),
        ("rollback", "carried out"),
    ]


def test_a_proposal_is_carried_out_once(cli: Cli, world: Any, ours: Path) -> None:
    """Approved again it is refused, also after a roll-back, and also where the note that it was told is gone."""
    short = proposed_in(cli, world, ours)
    assert cli("models", "approve", short, *signs(world, "bert"), "--home", ours).code == 0
    back = cli("models", "rollback", *signs(world, "bert"), "--why", "wrong", "--home", ours, "--json").document
    assert cli("models", "approve", back["proposal"], *signs(world, "anna"), "--home", ours).code == 0
    for _ in range(2):
        again = cli("models", "approve", short, *signs(world, "bert"), "--home", ours)
        assert (again.code, "carried out" in again.err) == (8, True)
        (ours / "models" / "approvals" / f"{short}-told.json").unlink(missing_ok=True)
    assert champion_of(cli, ours)["model"] == world["champion"]


def test_an_edited_proposal_changes_nothing(cli: Cli, world: Any, ours: Path) -> None:
    """Another model written into a signed proposal is refused, under its old name and under the name that would fit."""
    short = proposed_in(cli, world, ours)
    folder = ours / "models" / "approvals"
    path = folder / f"{short}-proposal.json"
    signed = msgspec.json.decode(path.read_bytes(), type=Signed)
    edited: Proposal = msgspec.structs.replace(
        signed.proposal, model=world["champion"], champion=world["let"]["digest"]
    )
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(signed, proposal=edited)))
    shutil.copy(path, folder / f"{edited.short}-proposal.json")

    for name in (short, edited.short):
        ended = cli("models", "approve", name, *signs(world, "bert"), "--home", ours)
        assert (ended.code, "edited" in ended.err) == (7, True)
    assert champion_of(cli, ours)["model"] == world["champion"]


class _NoLog:
    """A log whose disk is full."""

    def tell(self, order: Any) -> int:  # noqa: ARG002  # the signature is the outlet's
        """Nothing is told."""
        raise StorageError("the disk is full")


def test_a_crash_before_the_log_is_told_is_made_good(cli: Cli, world: Any, ours: Path) -> None:
    """Signed by both and not told, the champion is as before; approved again, the log is told once."""
    short = proposed_in(cli, world, ours)
    home = Home(ours)
    proposal = approvals_of(home).proposal(short).proposal
    bert = Person("bert", world["folder"] / "bert.key", proposal.proposed_at)
    with pytest.raises(StorageError):
        approve(home, Console(quiet=True), short, bert, _NoLog())
    assert approvals_of(home).approval(short) is not None
    assert champion_of(cli, ours)["model"] == world["champion"]

    approve(home, Console(quiet=True), short, bert, LogOfHome(home))
    history = cli("models", "history", "--home", ours, "--json").document["history"]
    assert [one["model"] for one in history] == [world["champion"], world["let"]["digest"]]


class _Elsewhere:
    """A log that is not the home's, as Kafka's is."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell(self, order: Any) -> int:
        """Remember what was told."""
        self.told.append(order)
        return 40 + len(self.told)


def test_where_the_log_is_elsewhere_two_people_still_can(cli: Cli, world: Any, ours: Path) -> None:
    """Where the settings name Kafka the history has what two people signed, once, and a roll-back knows whereto."""
    (ours / "services.toml").write_text('[kafka]\nbootstrap = "nowhere:9092"\n')
    home, topic = Home(ours), _Elsewhere()
    short = proposed_in(cli, world, ours)
    now = approvals_of(home).proposal(short).proposal.proposed_at
    anna, bert = (Person(name, world["folder"] / f"{name}.key", now) for name in ("anna", "bert"))
    approve(home, Console(quiet=True), short, bert, topic)

    assert topic.told[0].value == world["let"]["digest"]
    last = champion_of(cli, ours)
    assert (last["model"], last["signed_by"], last["offset"]) == (world["let"]["digest"], ["anna", "bert"], 41)
    with pytest.raises(ConflictError):
        approve(home, Console(quiet=True), short, bert, topic)
    back = roll_back(home, Console(quiet=True), bert, "wrong")
    approve(home, Console(quiet=True), back.short, anna, topic)
    assert champion_of(cli, ours)["model"] == world["champion"]
    assert len(topic.told) == 4


def test_one_person_alone_promotes_nothing(cli: Cli, world: Any, ours: Path) -> None:
    """With approvers `promote --model` and `--digest` are refused with the way that is left; a policy still passes."""
    for named in (("--model", "boosting"), ("--digest", world["let"]["digest"][:12])):
        ended = cli("promote", *named, "--home", ours)
        assert (ended.code, "forbear models propose" in ended.err) == (2, True)
    assert cli("promote", "--policy", "shipped", "--home", ours).code == 0
    assert cli("models", "approvers", "--home", ours, "--json").document["approvers"][0]["name"] == "anna"


def test_a_forged_line_in_the_history_is_not_signed(cli: Cli, world: Any, ours: Path) -> None:
    """Who names a signed proposal in a promotion of their own gets no signatures by that."""
    short = proposed_in(cli, world, ours)
    assert cli("models", "approve", short, *signs(world, "bert"), "--home", ours).code == 0
    shutil.move(ours / "models" / "approvals", ours / "aside")
    forged = cli("promote", "--model", "boosting", "--by", f"proposal {short}: anna, bert", "--home", ours)
    assert forged.code == 0
    shutil.move(ours / "aside", ours / "models" / "approvals")
    history = cli("models", "history", "--home", ours, "--json").document["history"]

    assert [one["signed_by"] for one in history] == [None, ["anna", "bert"], None]
    findings = [one for one in examine(Home(ours), Examination(now=datetime.now(UTC))) if one.what == "approvals"]
    assert [(str(one.grade), one.said[:12]) for one in findings] == [("attention", "1 promotions")]


REFUSED: dict[str, tuple[tuple[str, ...], int, str]] = {
    "another's key": (("--by", "bert", "--key", "anna.key"), 2, "not the key of bert"),
    "no approver": (("--by", "dora", "--key", "anna.key"), 2, "may not approve"),
    "no key": (("--by", "anna", "--key", "nobody.key"), 2, "is not there"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_who_may_not_propose_is_refused(cli: Cli, world: Any, ours: Path, case: str) -> None:
    """A name goes with its own key, and both with an approver; nothing is kept of what was refused."""
    (by, name, key, file), status, said = REFUSED[case]
    asked = (
        "models",
        "propose",
        world["let"]["digest"][:12],
        by,
        name,
        key,
        world["folder"] / file,
        "--why",
        "because",
    )
    ended = cli(*asked, "--home", ours)

    assert (ended.code, said in ended.err) == (status, True)
    assert approvals_of(Home(ours)).proposals() == []


def test_approvers_are_founded_once(cli: Cli, world: Any, ours: Path, contents_of: Contents) -> None:
    """A second founding changes nothing; a key is made once; a model that no gate has seen is not proposed."""
    before = contents_of(ours / "models")
    keys = [f"{name}={world['folder'] / name}.key.pub" for name in ("bert", "anna")]
    assert cli("models", "found", "--approver", keys[0], "--approver", keys[1], "--home", ours).code == 8
    assert cli("models", "found", "--approver", "anna", "--home", ours).code == 2
    for name in ("anna", "../anna"):
        assert cli("models", "key", name, "--into", world["folder"]).code == 2
    ungated = next(
        one["digest"] for one in cli("models", "list", "--home", ours, "--json").document["models"] if not one["gate"]
    )
    refused = cli("models", "propose", ungated, *signs(world, "anna"), "--why", "old friend", "--home", ours)
    assert (refused.code, "no gate has seen" in refused.err) == (2, True)
    assert contents_of(ours / "models") == before
