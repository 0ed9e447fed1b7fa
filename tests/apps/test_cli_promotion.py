"""Retraining behind its gate, and promotion by two people, on the command line with real keys."""

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
from forbear.apps.jobs.promoting import Person, approve
from forbear.apps.jobs.retraining import RetrainRequest, gate_terms, retrain, windows
from forbear.apps.jobs.showing_retraining import show_retraining
from forbear.apps.package_data import text_of
from forbear.domain.errors import ConfigError, StorageError
from forbear.engine.promotion import Proposal, Signed
from forbear.models.gate import Fairness
from forbear.models.gate_terms import GateTerms

Cli = Callable[..., Any]
Contents = Callable[[Path], dict[str, bytes]]


def terms_in(folder: Path, *, passes: bool) -> Path:
    """The shipped terms with a month of hold-out: lenient, or with a band that nobody meets."""
    text = text_of("gate.toml").replace("hold_out_months = 3", "hold_out_months = 1")
    band = "low = 0.001\nhigh = 1000.0"
    for stated, instead in (
        ("least = -0.02", "least = -1.0"),
        ("floor = -0.05", "floor = -1.0"),
        ("floor = -0.10", "floor = -1.0"),
        ("low = 0.7\nhigh = 1.4", band),
        ("low = 0.75\nhigh = 1.33", band if passes else "low = 900.0\nhigh = 901.0"),
        ("most = 0.25", "most = 99.0"),
        ("more_missing = 0.10", "more_missing = 1.0"),
        ("resamples = 400", "resamples = 50"),
    ):
        assert stated in text
        text = text.replace(stated, instead)
    path = folder / f"gate-{passes}.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def world(cli: Cli, bank: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A bank with a champion, candidates that passed to a person and that failed, and approvers. Copy to change."""
    folder = tmp_path_factory.mktemp("promotion")
    home = Path(shutil.copytree(bank.home, folder / "home"))
    assert cli("promote", "--model", "scorecard", "--home", home).code == 0
    champion = cli("models", "list", "--home", home, "--json").document["champion"]
    before = {path: path.read_bytes() for path in (home / "models").rglob("*") if path.is_file()}
    asked = ("retrain", "--every", "week", "--kind", "scorecard", "--home", home, "--json")
    let = cli(*asked, "--terms", terms_in(folder, passes=True)).document["candidates"][0]
    for name in ("anna", "bert"):
        assert cli("models", "key", name, "--into", folder).code == 0
    keys = [f"{name}={folder / name}.key.pub" for name in ("anna", "bert")]
    found = cli("models", "found", "--approver", keys[0], "--approver", keys[1], "--home", home)
    assert found.code == 0, found.err
    return {"home": home, "folder": folder, "champion": champion, "let": let, "before": before}


@pytest.fixture
def ours(world: Any, tmp_path: Path) -> Path:
    """A copy of that home."""
    return Path(shutil.copytree(world["home"], tmp_path / "home"))


def signs(world: Any, name: str) -> tuple[Any, ...]:
    """The options by which somebody signs."""
    return ("--by", name, "--key", world["folder"] / f"{name}.key")


def champion_of(cli: Cli, home: Path) -> Any:
    """The newest line of the history."""
    return cli("models", "history", "--home", home, "--json").document["history"][-1]


# ---- retraining


def test_retraining_touches_nothing_that_is_in_force(cli: Cli, world: Any) -> None:
    """Models, versions and the newest of each kind are byte for byte what they were; the candidate stands beside."""
    assert all(path.read_bytes() == content for path, content in world["before"].items())
    listed = cli("models", "list", "--home", world["home"], "--json").document
    assert listed["champion"] == world["champion"]
    [candidate] = [one for one in listed["models"] if one["digest"] == world["let"]["digest"]]
    assert (candidate["origin"], candidate["gate"]) == ("retrain", "a person decides")
    shown = cli("models", "show", candidate["digest"][:12], "--home", world["home"], "--json").document
    assert shown["lineage"]["parent"] == world["champion"]


def test_the_report_says_on_what_and_why(world: Any) -> None:
    """The report has candidate, champion and disjoint windows; each check has a reason; the page has them too."""
    report = json.loads(Path(world["let"]["report"]).read_bytes())
    page = Path(world["let"]["page"]).read_text()

    assert (report["candidate"], report["champion"]) == (world["let"]["digest"], world["champion"])
    assert report["training"]["labels_end"] <= report["hold_out"]["first_as_of"]
    assert all(check["reason"] for check in report["checks"])
    assert {check["name"]: check["verdict"] for check in report["checks"]} == world["let"]["checks"]
    assert "Synthetic data." in page
    assert "not examined" in page


def test_windows_leave_a_labels_horizon_between(bank: Any, tmp_path: Path) -> None:
    """The last label of the training window is known before the first row of the hold-out is asked about."""
    home, terms = Home(bank.home), gate_terms(terms_in(tmp_path, passes=True))
    learn, held = windows(home, RetrainRequest(terms=terms, created="", every="week"))

    assert learn[-1] + 1 + 30 + home.deployment.miss.reporting_days <= held[0] + 1
    assert learn[-1] + 8 + 30 + home.deployment.miss.reporting_days > held[0] + 1
    for months in (5, 13):
        with pytest.raises(ConfigError, match="6 to 12"):
            windows(home, RetrainRequest(terms=terms, created="", months=months))


def test_retraining_again_is_the_same(cli: Cli, world: Any, ours: Path) -> None:
    """The same rows, seed and terms give the same candidate and the same report, kept once."""
    terms = terms_in(world["folder"], passes=True)
    asked = ("retrain", "--every", "week", "--kind", "scorecard", "--terms", terms, "--home", ours, "--json")
    again = cli(*asked).document["candidates"][0]

    assert again["digest"] == world["let"]["digest"]
    assert len(Home(ours).registry.gates(again["digest"])) == 1


def test_a_fairness_verdict_is_heard(world: Any, ours: Path) -> None:
    """What examines fairness sees candidate and hold-out, and its verdict stands in the report."""
    terms = gate_terms(terms_in(world["folder"], passes=True))
    seen: list[int] = []

    def examine(artefact: Any, hold_out: Any) -> Fairness:
        seen.append(len(artefact.predict(hold_out.features)))
        return Fairness("disparity", "e" * 64)

    request = RetrainRequest(terms=terms, created="", every="week", kinds=("scorecard",), examine=examine)
    [candidate] = retrain(Home(ours), Console(quiet=True), request).candidates

    assert str(candidate.report.outcome) == "failed"
    assert seen == [len(candidate.report.question.hold_out)]


@pytest.mark.parametrize(
    ("said", "retrained"),
    [
        ({"retrain_advised": True, "retrain_reason": "it does worse", "as_of": "2023-10-01"}, True),
        ({"retrain_advised": False, "retrain_reason": "nothing says so", "alarms": []}, False),
    ],
)
def test_an_alarm_asks_for_retraining(cli: Cli, world: Any, ours: Path, said: Any, retrained: bool) -> None:
    """`--on-alarm` retrains where the monitor's report advises it, and else says why not."""
    (ours / "reports").mkdir(exist_ok=True)
    (ours / "reports" / "monitor.json").write_bytes(msgspec.json.encode(said))
    terms = terms_in(world["folder"], passes=True)
    asked = ("retrain", "--on-alarm", "--every", "week", "--kind", "scorecard", "--terms", terms)
    document = cli(*asked, "--home", ours, "--json").document

    assert document["retrained"] is retrained
    assert "the monitor" in document["why"]
    assert said["retrain_reason"] in document["why"]


def test_age_asks_for_retraining(cli: Cli, world: Any, ours: Path) -> None:
    """`--if-due` counts from the champion's newest rows to the last close; without a report an alarm is wrong use."""
    young = cli("retrain", "--if-due", "--home", ours, "--json").document
    assert (young["retrained"], "due after 180" in young["why"]) == (False, True)
    ended = cli("retrain", "--on-alarm", "--home", ours)
    assert (ended.code, "forbear monitor" in ended.err) == (2, True)
    text = terms_in(world["folder"], passes=True).read_text().replace("due_after_days = 180", "due_after_days = 1")
    (ours.parent / "old.toml").write_text(text)
    asked = ("retrain", "--if-due", "--every", "week", "--kind", "scorecard", "--terms", ours.parent / "old.toml")
    assert cli(*asked, "--home", ours, "--json").document["retrained"] is True


# ---- a failed candidate


def test_a_failed_candidate_can_never_be_promoted(cli: Cli, world: Any, ours: Path) -> None:
    """It stays in the registry under that mark; nobody proposes it, nor promotes it where nobody must agree.

    A later gate with kinder terms does not clear it.
    """
    terms = gate_terms(terms_in(world["folder"], passes=False))
    request = RetrainRequest(terms=terms, created="", every="week", kinds=("scorecard",), seed=1)
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        show_retraining(Home(ours), Console(json=True), request)
    [failed] = json.loads(out.getvalue())["candidates"]
    assert (ended.value.code, failed["outcome"]) == (5, "failed")
    kinder = terms_in(world["folder"], passes=True)
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
    assert cli("models", "key", "anna", "--into", world["folder"]).code == 2
    ungated = next(
        one["digest"] for one in cli("models", "list", "--home", ours, "--json").document["models"] if not one["gate"]
    )
    refused = cli("models", "propose", ungated, *signs(world, "anna"), "--why", "old friend", "--home", ours)
    assert (refused.code, "no gate has seen" in refused.err) == (2, True)
    assert contents_of(ours / "models") == before


def test_terms_are_the_packages_or_a_files(tmp_path: Path) -> None:
    """What is no file, or no TOML, is wrong use."""
    assert isinstance(gate_terms(None), GateTerms)
    (tmp_path / "bad.toml").write_bytes(b"format = \xff")
    for name in ("bad.toml", "none.toml"):
        with pytest.raises(ConfigError):
            gate_terms(tmp_path / name)
