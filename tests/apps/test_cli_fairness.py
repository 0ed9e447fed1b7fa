"""`forbear fairness` on a small bank: what it writes agrees with itself, who read what is recorded, and wrong use."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from forbear.adapters.sql.office import open_office
from forbear.apps.cli import main
from forbear.apps.home import Home
from forbear.apps.jobs.accessing import COMMAND_LINE
from forbear.apps.jobs.fairness_people import ROUTE, PeopleRequest, people_of
from forbear.apps.package_data import text_of
from forbear.domain.errors import ConfigError
from forbear.models.fairness_terms import OF_HELP, Measure

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """Limits for a very small bank, and a policy that chooses many of it."""
    folder = tmp_path_factory.mktemp("rules")
    terms = text_of("fairness.toml").replace("least_customers = 100", "least_customers = 10")
    (folder / "terms.toml").write_text(terms.replace("least_events = 20", "least_events = 5"), encoding="utf-8")
    policy = re.sub(r"(?m)^(enter|exit) = 0\.(\d\d)$", r"\1 = 0.0\2", text_of("policy.toml"))
    (folder / "policy.toml").write_text(policy, encoding="utf-8")
    return ("--terms", folder / "terms.toml", "--policy", folder / "policy.toml", "--jurisdiction", "US")


@pytest.fixture(scope="module")
def asked(cli: Cli, bank: Any, rules: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str]:
    """What the command says of sex and age in the small bank, and its page."""
    out = tmp_path_factory.mktemp("fairness") / "fairness_report.json"
    named = ("--attribute", "sex", "--attribute", "age_band", "--out", out)
    said = cli("fairness", *rules, *named, "--home", bank.home, "--json").document
    assert said.pop("document") == str(out)
    page = Path(said.pop("page"))
    assert msgspec.json.decode(out.read_bytes()) == said
    return said, page.read_text(encoding="utf-8")


def test_every_pair_is_told_by_every_measure(asked: tuple[Any, str], bank: Any) -> None:
    """One group of two, three of four, each by all measures of scores; groups together are the customers."""
    said, _ = asked
    people = list(csv.DictReader((bank.home / "truth" / "people.csv").read_text().splitlines()))
    pairs = {(one["attribute"], one["group"]): one["customers"] for one in said["compared"]}

    assert {attribute for attribute, _ in pairs} == {"sex", "age_band"}
    assert len(pairs) == 1 + len({one["age_band"] for one in people}) - 1
    [both] = [customers for (attribute, _), customers in pairs.items() if attribute == "sex"]
    assert sum(both) == said["rows"]["customers"]
    assert len(said["compared"]) == len(pairs) * (len(Measure) - len(OF_HELP))


def test_no_row_was_trained_on(asked: tuple[Any, str], bank: Any) -> None:
    """The first row lies behind the last label that the model has learnt."""
    [trained] = [one for one in bank.trained["models"] if one["kind"] == asked[0]["rows"]["model"]["kind"]]

    assert asked[0]["rows"]["first"] >= trained["labels_end"]
    assert asked[0]["rows"]["outcomes_not_used"] == 0


def test_nothing_is_claimed_of_help_that_nobody_recorded(asked: tuple[Any, str]) -> None:
    """Without a worker's records no measure of help is told, and the reason is."""
    said, page = asked
    assert (said["help"]["told"], said["help"]["effects"]) == (False, [])
    assert said["help"]["why_not"] in page


def test_the_page_is_labelled_and_whole(asked: tuple[Any, str]) -> None:
    """The page says that it is synthetic, what the verdict is, what cannot all be equal, and runs no script."""
    said, page = asked
    assert said["synthetic"] is True
    for text in ("Synthetic data.", said["verdict"], "Chouldechova 2017", "is information", "have counsel confirm"):
        assert text in page
    assert page.count('role="img"') >= 3
    assert "<script" not in page


def test_features_that_tell_are_named(asked: tuple[Any, str]) -> None:
    """Each pair that is large enough has an AUC with an interval, and carriers in falling order."""
    proxies = asked[0]["proxies"]
    assert proxies
    for one in proxies:
        assert one["auc"]["low"] <= one["auc"]["value"] <= one["auc"]["high"]
        drops = [carrier["auc_drop"] for carrier in one["carriers"]]
        assert drops == sorted(drops, reverse=True)


def test_a_planted_disparity_ends_with_its_status(
    cli: Cli,
    bank: Any,
    rules: tuple[object, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Groups made of the scores differ in who is chosen: found, told, and status 20 where that was asked for."""
    scores = tmp_path / "scores.csv"
    cli("score", "--home", bank.home, "--as-of", "2023-10-01", "--out", scores)
    rows = list(csv.DictReader(scores.read_text().splitlines()))
    groups = tmp_path / "groups.csv"
    told = [f"{row['customer_id']},{'high' if at < len(rows) // 2 else 'low'}" for at, row in enumerate(rows)]
    groups.write_text("\n".join(["customer_id,half", *told, ""]))
    command = ["fairness", *rules, "--groups", groups, "--no-proxies", "--home", bank.home, "--json"]
    out = ["--out", tmp_path / "report.json"]
    assert cli(*command, *out).code == 0
    monkeypatch.setattr("sys.argv", ["forbear", *map(str, [*command, *out, "--fail-on", "disparity"])])
    with pytest.raises(SystemExit) as ended:
        main()
    said = json.loads(capsys.readouterr().out)

    assert (ended.value.code, said["verdict"]) == (20, "disparity")
    [found] = [one for one in said["compared"] if one["measure"] == "disparate_impact"]
    assert (found["verdict"], found["binding"]) == ("disparity", True)


def test_who_reads_groups_is_recorded_where_there_is_an_office(cli: Cli, copied_bank: Path) -> None:
    """Without an office it is said that nothing was recorded; with one the access stands in its chain."""
    home = Home(copied_bank)
    request = PeopleRequest(file=None, attributes=("sex",), against=(), now=datetime(2024, 1, 1, tzinfo=UTC))
    everybody = np.array([*home.archive.customers()], dtype=np.uint64)
    assert people_of(home, request, everybody).recorded == ""
    cli("keys", "create", "--name", "reader", "--role", "viewer", "--home", copied_bank)
    people = people_of(home, request, everybody)
    assert people.recorded
    with closing(open_office(f"sqlite:///{home.office}", writer="reader")) as office:
        *_, last = office.accesses.chain(COMMAND_LINE, 0, 10)

    said = json.loads(last.body)
    assert (said["route"], said["why"]) == (ROUTE, "fairness: sex of people.csv")
    assert sum(map(len, people.members["sex"].values())) == len(everybody)


WRONG = {
    "no such attribute": (["--attribute", "shoe_size"], "shoe_size"),
    "no such jurisdiction": (["--jurisdiction", "XX"], "XX"),
    "no such group": (["--against", "sex=blue"], "sex=male"),
    "no such file": (["--groups", "nowhere.csv"], "nowhere.csv"),
    "no such terms": (["--terms", "nowhere.toml"], "nowhere.toml"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_refused_by_name(cli: Cli, bank: Any, case: str) -> None:
    """What cannot be is named, and nothing is written."""
    arguments, named = WRONG[case]
    ended = cli("fairness", *arguments, "--no-proxies", "--home", bank.home)

    assert (ended.code, ended.out) == (2, "")
    assert named in ended.err


def test_days_that_the_model_has_learnt_of_are_refused(cli: Cli, bank: Any) -> None:
    """Rows before the end of training are no evidence: too little data, with what to do."""
    ended = cli("fairness", "--as-of", "2023-06-01", "--home", bank.home)

    assert (ended.code, ended.out) == (4, "")
    assert "--until" in ended.err


def test_a_real_home_needs_a_file(small: Path) -> None:
    """Where no synthetic bank says who its people are a file must be named; nothing is guessed."""
    request = PeopleRequest(file=None, attributes=(), against=(), now=datetime(2024, 1, 1, tzinfo=UTC))
    with pytest.raises(ConfigError, match="--groups"):
        people_of(Home(small), request, np.empty(0, dtype=np.uint64))
