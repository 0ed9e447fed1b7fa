"""`forbear stress` on a small bank: what it writes agrees with itself, nothing shocked moves nothing, and wrong use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from forbear.apps.package_data import text_of

Cli = Callable[..., Any]
ASKED = ("--model", "expert", "--policy", "shipped", "--shares", "4%,8%,16%")


@pytest.fixture(scope="module")
def written(cli: Cli, promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str]:
    """What the command says of the small bank under the shipped scenarios, and its page."""
    out = tmp_path_factory.mktemp("stress") / "stress.json"
    document = cli("stress", *ASKED, "--home", promoted, "--out", out, "--json").document
    assert document.pop("document") == str(out)
    page = Path(document.pop("page"))
    assert msgspec.json.decode(out.read_bytes()) == document
    return document, page.read_text(encoding="utf-8")


def test_every_scenario_is_told_and_adds_up(written: tuple[Any, str]) -> None:
    """Segments and moves count everybody compared; the book without a shock is one and the same for all."""
    told, _ = written
    names = [one["name"] for one in told["scenarios"]]
    assert names == ["salaries late", "prices", "rates", "all three"]
    for one in told["scenarios"]:
        assert one["customers"] + one["no_longer_asked"] == told["base"]["customers"]
        assert np.sum(one["moves"]["counts"]) == one["customers"]
        for dimension in ("product", "region", "tenure", "income"):
            parts = [part for part in one["segments"] if part["dimension"] == dimension]
            assert sum(part["customers"] for part in parts) == one["customers"]
            before = sum(part["customers"] * part["mean_pd_before"] for part in parts) / one["customers"]
            assert before == pytest.approx(one["mean_pd"]["before"]["value"])
        change = one["mean_pd"]["change"]
        assert change["low"] <= change["value"] <= change["high"]
        ratio = one["mean_pd"]["after"]["value"] / one["mean_pd"]["before"]["value"]
        assert one["stress_index"]["value"] == pytest.approx(100.0 * ratio)


def test_dearer_goods_and_debts_raise_the_book(written: tuple[Any, str]) -> None:
    """Prices and rates raise the mean PD of the expert scorecard, and no payment of theirs is late."""
    scenarios = {one["name"]: one for one in written[0]["scenarios"]}
    for name in ("prices", "rates"):
        assert scenarios[name]["mean_pd"]["change"]["low"] > 0.0
        assert scenarios[name]["salaries_not_arrived"] == 0
    assert scenarios["salaries late"]["salaries_not_arrived"] > 0


def test_the_page_is_labelled_and_whole(written: tuple[Any, str]) -> None:
    """The page says that it is synthetic, names every scenario and what is not modelled, and draws nine plots."""
    told, page = written
    assert told["synthetic"] is True
    assert "Synthetic data." in page
    assert page.count('role="img"') == 9
    assert "No payment fails" in page
    assert "<script" not in page


def test_no_shock_is_no_change(cli: Cli, promoted: Path, tmp_path: Path) -> None:
    """Zero days, percent and points go the whole way and leave every PD and band as it was."""
    sizes = ("--salaries-late", "0d", "--prices", "+0%", "--rates", "0bp")
    out = tmp_path / "stress.json"
    told = cli("stress", *ASKED, *sizes, "--home", promoted, "--out", out, "--json").document
    [one] = told["scenarios"]
    assert one["mean_pd"]["change"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert list(one["stress_index"].values()) == pytest.approx([100.0, 100.0, 100.0])
    assert np.count_nonzero(one["moves"]["counts"]) == np.count_nonzero(np.diag(one["moves"]["counts"]))
    assert one["reached"]["salaries"]["entries"] > 0


def test_a_file_of_ones_own(cli: Cli, promoted: Path, tmp_path: Path) -> None:
    """Scenarios of a file are asked instead of the shipped ones; its assumptions have a digest of their own."""
    text = text_of("stress.toml").split("[[scenarios]]", maxsplit=1)[0].replace('"2026-1"', '"ours"')
    file = tmp_path / "ours.toml"
    file.write_text(text + '[[scenarios]]\nname = "dear"\nprices_up_ratio = 0.5\n', encoding="utf-8")
    asked = ("--scenarios", file, "--window", 30, "--out", tmp_path / "stress.json")
    told = cli("stress", *ASKED, *asked, "--home", promoted, "--json").document
    assert told["assumptions"]["version"] == "ours"
    assert [one["shock"]["prices_up_ratio"] for one in told["scenarios"]] == [0.5]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--prices", "much"), 2),
        (("--rates", "9000bp"), 2),
        (("--salaries-late", "1.5d"), 2),
        (("--scenarios", "nowhere.toml"), 2),
        (("--on", "2030-01-01"), 4),
    ],
)
def test_wrong_use_is_refused(cli: Cli, promoted: Path, arguments: tuple[str, ...], code: int) -> None:
    """A size that is none or too large, a file that is not there and a day that was never closed are refused."""
    assert cli("stress", *ASKED, *arguments, "--home", promoted).code == code
