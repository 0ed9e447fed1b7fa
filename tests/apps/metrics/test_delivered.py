"""What is delivered for Prometheus and Grafana: accepted as it is, and the same as what the code says."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forbear.apps.metrics.boards import BOARDS, file_of, text_of
from forbear.apps.metrics.catalogue import METRICS
from forbear.apps.metrics.page import PAGE, page
from forbear.domain.errors import ConfigError
from forbear.testing.servers.prometheus import binary, hastened

PROJECT = Path(__file__).parents[3]
PROMETHEUS, GRAFANA = PROJECT / "deploy" / "prometheus", PROJECT / "deploy" / "grafana"
RUN_BOOK = PROJECT / "docs" / "operations" / "metrics.md"
ALERTS = (PROMETHEUS / "rules" / "alerts.yml").read_text(encoding="utf-8")
NAME = re.compile(r"\bforbear_[a-z0-9_]+\b")
RECORDED = re.compile(r"\bforbear:[a-z0-9_:]+\b")


def promtool(*arguments: object) -> str:
    """What promtool says. Fails where it refuses."""
    told = [binary("promtool"), *map(str, arguments)]
    ended = subprocess.run(told, capture_output=True, text=True, check=False, cwd=PROMETHEUS)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@pytest.fixture(scope="module", autouse=True)
def _installed(without: Any) -> None:
    """Without Prometheus there is nothing to ask."""
    try:
        binary("promtool")
    except ConfigError as error:
        without(str(error))


def told_names() -> set[str]:
    """Every name that a scrape may hold."""
    parts = {"histogram": ("_bucket", "_sum", "_count")}
    return {f"{one.name}{part}" for one in METRICS for part in parts.get(one.kind, ("",))}


def boards() -> Iterator[dict[str, Any]]:
    """The delivered dashboards."""
    for path in sorted((GRAFANA / "dashboards").glob("*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def expressions() -> list[str]:
    """Every query of every dashboard."""
    return [target["expr"] for board in boards() for panel in board["panels"] for target in panel.get("targets", ())]


def test_promtool_accepts_configuration_and_rules() -> None:
    """As Prometheus would at its start."""
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", *sorted((PROMETHEUS / "rules").glob("*.yml")))


def test_alerts_fire_when_they_should_and_only_then() -> None:
    """The rules' own unit tests, with made series."""
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yml")


def test_promtool_parses_every_query_of_every_dashboard(tmp_path: Path) -> None:
    """As rules, which is how promtool reads expressions."""
    rules = [{"record": f"query:{nth}", "expr": query} for nth, query in enumerate(expressions())]
    path = tmp_path / "queries.yml"
    path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", path)


def test_queries_ask_for_what_is_told() -> None:
    """Rules and dashboards name metrics of the catalogue, and recorded ones that a rule makes."""
    rules = "\n".join(path.read_text(encoding="utf-8") for path in (PROMETHEUS / "rules").glob("*.yml"))
    asked = "\n".join([*expressions(), *re.sub(r"#.*", "", rules).splitlines()])
    made = set(re.findall(r"record: (\S+)", rules))

    assert set(NAME.findall(asked)) <= told_names()
    assert set(RECORDED.findall(asked)) <= made


def test_each_alert_says_how_bad_it_is_and_where_its_run_book_is() -> None:
    """A severity, a summary, a description, and a heading of the page that says what to do."""
    names = re.findall(r"- alert: (\S+)", ALERTS)
    entries = ALERTS.split("- alert: ")[1:]
    text = RUN_BOOK.read_text(encoding="utf-8")
    headings = {heading.lower() for heading in re.findall(r"^#+ (\S+)$", text, re.MULTILINE)}

    assert len(set(names)) == len(names) > 20
    for name, entry in zip(names, entries, strict=True):
        assert re.search(r"severity: (critical|warning)$", entry, re.MULTILINE)
        assert re.search(r"summary: '.+'$", entry, re.MULTILINE)
        assert re.search(r"description: '.+'$", entry, re.MULTILINE)
        assert f"runbook: docs/operations/metrics.md#{name.lower()}" in entry
        assert name.lower() in headings


def test_dashboards_are_what_the_code_makes() -> None:
    """`make docs` has been run: no file was changed by hand, and none is left over."""
    assert {path.name: path.read_text(encoding="utf-8") for path in (GRAFANA / "dashboards").glob("*.json")} == {
        file_of(board): text_of(board) for board in BOARDS
    }


def test_dashboards_have_the_shape_that_grafana_reads() -> None:
    """Names of their own, ids that are unique, a variable for the data source that all panels use, no overlap."""
    found = list(boards())
    assert len({board["uid"] for board in found}) == len({board["title"] for board in found}) == len(found)
    for board in found:
        assert board["schemaVersion"] >= 36
        [variable] = board["templating"]["list"]
        assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken
            assert max(x for x, _ in cells) < 24
            taken |= cells
            if panel["type"] == "row":
                continue
            assert panel["title"]
            assert panel["description"].endswith(".")
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
            assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
            assert panel["fieldConfig"]["defaults"]["unit"]


def test_the_list_of_metrics_is_what_the_code_tells() -> None:
    """docs/metrics.md names each metric with its labels and who tells it; `make docs` writes it."""
    assert (PROJECT / PAGE).read_text(encoding="utf-8") == page()


def test_a_shortened_rule_is_shorter_and_nothing_else() -> None:
    """`for`, ranges and marked seconds are a factor smaller; other numbers, names and words stay."""
    rules = 'expr: |\n  rate(x_total{a="[5m]"}[10m]) > 120 # seconds\n  and y > 300\nfor: 5m\nsummary: waits for 5m\n'
    shorter = hastened(rules, 60)

    assert "[10s]" in shorter
    assert "> 2 # seconds" in shorter
    assert "y > 300" in shorter
    assert "\nfor: 5s\n" in shorter
    assert "waits for 5m" in shorter
    assert hastened(rules, 1).replace("600s", "10m").replace("300s", "5m").replace("for: 5m", "for: 5m") == rules
