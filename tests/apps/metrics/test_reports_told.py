"""Written reports as gauges: every figure is that of the document, and a report that is not there says nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.home import Home
from forbear.apps.metrics import catalogue
from forbear.apps.metrics.meter import Meter
from forbear.apps.metrics.reports import STATUSES, written

FIGURE = {"value": 0.25, "low": 0.125, "high": 0.5}


def monitor(status: str, effects: dict[str, float | None]) -> dict[str, object]:
    """The report of a monitor with drift of some features."""
    findings = [{"kind": "feature_drift", "name": name, "effect": effect} for name, effect in effects.items()]
    return {
        "status": status,
        "alarms": [{"kind": "feature_drift", "severity": "warn"}] * 2,
        "findings": [*findings, {"kind": "volume", "name": "transactions", "effect": 3.0}],
        "performance": {"matured": {"figures": {"auc": FIGURE}}, "estimated": None, "by_close": []},
    }


def told(folder: Path) -> dict[tuple[str, tuple[str, ...]], float]:
    """What the reports of a home say."""
    return {(one.metric.name, one.labels): one.value for one in written(Home(folder))}


@given(st.sampled_from(STATUSES), st.dictionaries(st.text("abc_", min_size=1), st.none() | st.floats(0, 5), max_size=5))
def test_drift_and_performance_are_those_of_the_report(
    tmp_path_factory: pytest.TempPathFactory, status: str, effects: dict[str, float | None]
) -> None:
    """One status is 1, a feature that could not be told about is left out, and bounds stand beside each figure."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "reports").mkdir()
    (folder / "reports" / "monitor.json").write_text(json.dumps(monitor(status, effects)))
    found = told(folder)

    assert {labels: value for (name, labels), value in found.items() if name == catalogue.DRIFT.name} == {
        ("feature_drift", name): effect for name, effect in effects.items() if effect is not None
    }
    assert {labels[0]: value for (name, labels), value in found.items() if name == catalogue.MONITOR.name} == {
        one: float(one == status) for one in STATUSES
    }
    assert found[catalogue.ALARMS.name, ("feature_drift", "warn")] == 2
    for bound, value in FIGURE.items():
        assert found[catalogue.PERFORMANCE.name, ("matured", "auc", bound)] == value


def test_an_effect_is_that_of_the_newest_reading(tmp_path: Path) -> None:
    """With its interval; an experiment that knows nothing yet has none."""
    (tmp_path / "reports").mkdir()
    for name, effect in (("spring", FIGURE), ("autumn", None)):
        document = {"name": name, "always_valid": effect}
        (tmp_path / "reports" / f"experiment-{name}.json").write_text(json.dumps(document))
    found = {labels: value for (name, labels), value in told(tmp_path).items() if name == catalogue.EFFECT.name}

    assert found == {("spring", bound): value for bound, value in FIGURE.items()}


def test_a_home_without_reports_says_nothing(tmp_path: Path) -> None:
    """Nor does it fail."""
    assert told(tmp_path) == {}


def test_a_damaged_report_is_told_as_unread(tmp_path: Path) -> None:
    """Whoever scrapes hears of it, and of everything else."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "monitor.json").write_text('{"status": "ste')
    meter = Meter()
    meter.tells("reports", lambda: written(Home(tmp_path)))

    assert 'forbear_collect_failed{part="reports"} 1.0' in meter.text().decode()
