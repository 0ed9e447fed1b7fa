"""`forbear experiment` over a home that a worker has written to, and over e-mails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from forbear.apps.jobs.experimenting import Observed
from forbear.models.effects.definition import checked
from forbear.policy.reading import parse_policy
from forbear.simulation.outcomes import OutcomeSpec, population

Cli = Callable[..., Any]
ASKED = ("--expected", 0.2, "--least-effect", 0.1)


@pytest.fixture(scope="module")
def share(worked: Any) -> float:
    """What the policy of the small bank holds out."""
    with closing(worked.queries()) as queries:
        return parse_policy(str(queries.status().value.policy.document["text"])).hold_out.share


def test_an_experiment_is_watched_and_read(cli: Cli, home: Path, share: float) -> None:
    """Who takes part is who the report counts; the page says the headline of the bounds; nothing else is touched."""
    before = (home / "forbear.db").read_bytes()
    sized = cli("experiment", "define", "spring", "--hold-out", share, *ASKED, "--home", home, "--json").document
    assert cli("experiment", "size", "spring", "--home", home, "--json").document["customers"] == sized["customers"]
    seen = cli("experiment", "watch", "spring", "--home", home, "--json").document
    of_report = cli("report", "--home", home, "--json").document["hold_out"]
    assert seen["customers"] + seen["waiting"] == of_report["held_out"] + of_report["proposed"]
    assert seen["customers"] == seen["offered"] + seen["held_out"]
    found = cli("experiment", "read", "spring", "--home", home, "--json").document
    assert (found["customers"], found["needed"]) == (seen["customers"], sized["customers"])
    assert found["always_valid"] == seen["effect"]
    written = msgspec.json.decode(Path(found["document"]).read_bytes())
    assert written == {key: value for key, value in found.items() if key not in {"document", "page"}}
    assert written["customers"] == written["offered"] + written["held_out"]
    assert (written["so_far"][-1:] or [None])[0] == (
        found["always_valid"] and {"customers": written["customers"], **found["always_valid"]}
    )
    page = Path(found["page"]).read_text(encoding="utf-8")
    assert "Experiment spring" in page
    assert page.count("<svg") >= (1 if found["readings"] else 0)
    assert (home / "forbear.db").read_bytes() == before
    assert cli("experiment", "watch", "spring", "--home", home).out.count("held out") == 1


def test_what_was_settled_stays(cli: Cli, home: Path, share: float) -> None:
    """The same definition may be written again; another one under its name is refused, as is another hold-out."""
    first = ("experiment", "define", "spring", "--hold-out", share, *ASKED, "--home", home)
    assert (cli(*first).code, cli(*first).code) == (0, 0)
    ended = cli(*first, "--power", 0.95)
    assert (ended.code, "another name" in ended.err) == (2, True)
    cli("experiment", "define", "other", "--hold-out", share / 2, *ASKED, "--home", home)
    ended = cli("experiment", "watch", "other", "--home", home)
    assert (ended.code, "holds out" in ended.err) == (2, True)


def test_what_is_not_there_is_said(cli: Cli, tmp_path: Path) -> None:
    """No such experiment, no such data, a share that is none: each ends with the status of the operator."""
    assert cli("experiment", "size", "spring", "--home", tmp_path).code == 2
    assert cli("experiment", "hillstrom", "--data", tmp_path).code == 2
    assert cli("experiment", "define", "x", "--hold-out", 1.5, *ASKED, "--home", tmp_path).code == 2
    assert not (tmp_path / "experiments").exists()


def test_the_return_is_what_help_saves() -> None:
    """Where a miss costs 200.00 and an offer 1.00, the return lies about what the population truly gives."""
    known = population(OutcomeSpec(hold_out=0.5, impossible=1.0, relative=(-0.5, 0.0)))
    experiment = known.draw(20_000, seed=2).experiment
    asked: dict[str, object] = {
        "format": 1,
        "name": "x",
        "hold_out_share": 0.5,
        "expected_share": 0.2,
        "least_effect": 0.02,
    }

    def observed(cost_minor: int) -> Observed:
        return Observed(
            definition=checked({**asked, "miss_costs_minor": cost_minor}),
            experiment=experiment,
            spent_minor=100.0 * (experiment.arm == 1),
            waiting=0,
            exempt=0,
            currency="EUR",
            synthetic=True,
        )

    truth = -known.average_effect(1) * 20_000 / 100 - 1.0
    found = observed(20_000).roi()
    assert found.low < truth < found.high
    assert found.high - found.low < truth
    assert np.isnan(observed(0).roi().value)


def test_too_few_say_nothing() -> None:
    """Before 30 customers of an arm there are no bounds, and no line is asked about."""
    experiment = population(OutcomeSpec()).draw(60, seed=2).experiment
    definition = checked({"format": 1, "name": "x", "hold_out_share": 0.2, "expected_share": 0.2, "least_effect": 0.02})
    seen = Observed(
        definition=definition,
        experiment=experiment,
        spent_minor=np.zeros(60),
        waiting=3,
        exempt=0,
        currency="EUR",
        synthetic=True,
    )
    assert (seen.watched(), seen.readings()) == (None, ())


def emails(folder: Path, rows: int) -> Path:
    """A made-up file in the form of the published one: the women's e-mail helps those who bought women's goods."""
    chance = np.random.default_rng(5)
    arms = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
    lines = ["recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend"]
    for _ in range(rows):
        arm, womens = chance.integers(3), int(chance.random() < 0.5)
        visit = int(chance.random() < 0.1 + 0.1 * (arm == 1) + 0.25 * (arm == 2) * womens)
        place = ("Rural", "Surburban", "Urban")[chance.integers(3)]
        channel = ("Phone", "Web", "Multichannel")[chance.integers(3)]
        spend = 20.0 * visit * (chance.random() < 0.3)
        cells = (chance.integers(1, 13), "x", 100, 1 - womens, womens, place, 0, channel, arms[arm], visit, 0, spend)
        lines.append(",".join(map(str, cells)))
    (folder / "hillstrom.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_e_mails_are_read_out(cli: Cli, tmp_path: Path) -> None:
    """Where an e-mail helps some alone, ranking by uplift beats chance on the unseen half; the page tells it."""
    out = tmp_path / "page.html"
    found = cli("experiment", "hillstrom", "--data", emails(tmp_path, 6_000), "--out", out, "--json").document
    by_arm = {(one["arm"], one["learner"]): one for one in found["ranked"]}
    assert by_arm["womens_email", "doubly robust"]["over_random_visits"]["low"] > 0.0
    assert by_arm["womens_email", "doubly robust"]["judged_on"] == 3_000
    segments = {(one["arm"], one["measure"], one["segment"]): one["finding"] for one in found["segments"]}
    assert segments["womens_email", "visits", "bought women's goods"] == "benefit"
    assert segments["womens_email", "visits", "bought men's goods"] == ""
    page = out.read_text(encoding="utf-8")
    assert "for the women&#x27;s e-mail it beats chance" in page
    assert page.count("<svg") >= 8
