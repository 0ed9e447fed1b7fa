"""The feature page says of each feature what its definition says, and what running it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from forbear.apps.feature_page import looks_back_days, main, needs_of, page, windows_of
from forbear.apps.jobs.approving import shipped_catalogue
from forbear.features.compute import FeatureSet
from forbear.features.definition import Feature
from forbear.features.pool import HORIZON_DAYS

FEATURES = FeatureSet.standard()
CATALOGUE = shipped_catalogue(FEATURES)


def named(name: str) -> Feature:
    """The feature of that name."""
    return next(one for one in FEATURES.features if one.name == name)


def told_of(feature: str) -> str:
    """The sentence that the catalogue falls back on for a feature."""
    reason = CATALOGUE.reason_of(feature)
    assert reason
    return reason.fallback.text.say["en"]


def test_everything_is_told_of_each_feature() -> None:
    """Name, meaning, unit, unknown case and reason sentence of every feature stand on the page."""
    text = page(FEATURES)
    for one in FEATURES.features:
        for told in (f"### {one.name}\n", one.meaning, one.unit, one.unknown, told_of(one.name)):
            assert told in text


@pytest.mark.parametrize(
    ("name", "windows", "back", "needs"),
    [
        ("failed_debits_30d", ("the last 30 days",), 30, ("failed_debits",)),
        (
            "cash_share_change",
            ("the last 30 days", "the 90 days before the last 30"),
            120,
            ("spending", "cash"),
        ),
        ("spending_volatility_ratio", ("16 windows of 7 days within the last 112",), 112, ("spending",)),
        ("salary_delay_days", ("the last 120 days",), 120, ("income",)),
        ("obligations_due_to_balance_14d", ("the open day", "the next 14 days"), 1, ("balance", "obligations")),
    ],
)
def test_windows_are_found_by_running_the_formula(
    name: str, windows: tuple[str, ...], back: int, needs: tuple[str, ...]
) -> None:
    """Windows, reach and needs come from what a formula asks; what is due is ahead and counts as no window back."""
    one = named(name)
    assert windows_of(one) == windows
    assert looks_back_days(one) == back
    assert needs_of(one) == needs


def test_no_window_leaves_the_horizon() -> None:
    """Every feature looks at the open day at least, and at the ledger's days at most."""
    assert all(1 <= looks_back_days(one) <= HORIZON_DAYS for one in FEATURES.features)


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    """One argument, one file."""
    main([str(tmp_path / "features.md")])
    assert (tmp_path / "features.md").read_text(encoding="utf-8") == page(FEATURES)


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["missing/features.md"], 6)])
def test_misuse_ends_with_the_status_of_who_must_act(
    arguments: list[str], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file named: the operator's call; a folder that is not there: the operator's disk."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == status
