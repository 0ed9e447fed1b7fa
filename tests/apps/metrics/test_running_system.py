"""A system that runs, scraped by the real Prometheus: every query has data, and a killed worker fires the alert."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page
from tests.apps.metrics.conftest import started

from forbear.adapters.sql.desk import open_desk
from forbear.apps.home import Home
from forbear.apps.metrics.catalogue import METRICS
from forbear.testing.servers.browser import ChromiumBrowser

GRAFANA = Path(__file__).parents[3] / "deploy" / "grafana" / "dashboards"
MOST_SECONDS = 60.0
HERE = ("operations", "business")
"""Dashboards of what runs here; that of the stream is tried where there is one."""
SILENT = {
    'count(up{job="forbear"} == 0) or vector(0)': "",
    "forbear_collect_failed == 1": "every part can be read",
    "max by (experiment, bound) (forbear_experiment_effect_ratio)": "no experiment was read out",
    "max by (kind, severity) (forbear_monitor_alarms)": "the monitor found nothing that drifts",
    "time() - max(forbear_model_labels_end_timestamp_seconds)": "the expert scorecard has learnt from no label",
    "topk(10, max by (kind, name) (forbear_drift_psi))": "twenty days are too few for the monitor to tell drift",
    "max by (kind) (forbear_cases_open)": "the quarter closes its cases",
}
"""Queries that need not have data here, each with its reason; "" where it has some all the same."""


def queries() -> Iterator[tuple[str, str]]:
    """Every query of the dashboards that are tried here, with the title of its panel."""
    for name in HERE:
        board = json.loads((GRAFANA / f"{name}.json").read_text(encoding="utf-8"))
        for panel in board["panels"]:
            yield from ((panel["title"], target["expr"]) for target in panel.get("targets", ()))


@pytest.fixture(scope="module")
def pages(system: Any, client: httpx.Client, browser: ChromiumBrowser) -> Iterator[Page]:
    """Somebody at the dashboard over that interface, which is a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    told = ("dashboard", "--url", str(client.base_url).rstrip("/"), "--port", port, "--home", system.home)
    with started(*told, environment={"FORBEAR_METRICS": "127.0.0.1:0"}), browser.visit() as visit:
        system.until(lambda: f"dashboard-{port}" in system.targets())
        system.until(lambda: answers(f"http://127.0.0.1:{port}/_stcore/health"))
        page = visit.page
        page.goto(f"http://127.0.0.1:{port}/executive")
        page.get_by_label("Your key", exact=True).fill(system.key)
        page.get_by_role("button", name="Log in", exact=True).click()
        page.get_by_role("link", name="Drift").wait_for()
        yield page


def answers(url: str) -> bool:
    """Whether somebody answers."""
    try:
        return httpx.get(url).is_success
    except httpx.HTTPError:
        return False


def turned(page: Page) -> None:
    """Somebody turns to one page and to another, and waits for both."""
    for title in ("Drift", "Live"):
        page.get_by_role("link", name=title).first.click()
        page.get_by_role("heading", level=1, name=title).wait_for()
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


def asked(system: Any, client: httpx.Client) -> None:
    """Events, a question that is answered, and one that is refused."""
    system.send()
    assert client.get("/v1/high-risk", params={"limit": 3}).status_code == 200
    assert client.get("/v1/customers/nobody", headers={"X-Purpose": "a test"}).status_code == 404


@pytest.fixture(scope="module")
def client(system: Any) -> Iterator[httpx.Client]:
    """Who asks the interface."""
    [name] = [one for one in system.targets() if one.startswith("api-")]
    url = f"http://127.0.0.1:{name.removeprefix('api-')}"
    with httpx.Client(base_url=url, headers={"X-API-Key": system.key}, timeout=60) as found:
        system.until(lambda: found.get("/readyz").status_code == 200)
        yield found


def test_every_query_has_data(system: Any, client: httpx.Client, pages: Page) -> None:
    """Each panel shows something once a little has happened; those that cannot are named with their reason."""
    hastened = {query: re.sub(r"\[5m\]", "[10s]", query) for _, query in queries()}
    silent, give_up = set(hastened), time.monotonic() + MOST_SECONDS
    asked(system, client)
    system.close_day()
    while silent - {one for one, why in SILENT.items() if why} and time.monotonic() < give_up:
        asked(system, client)
        turned(pages)
        silent = {one for one in silent if not system.prometheus.query(hastened[one])}
        time.sleep(0.3)

    assert silent <= {one for one, why in SILENT.items() if why}


def test_every_rule_is_in_good_health(system: Any, client: httpx.Client, pages: Page) -> None:
    """Prometheus evaluates each rule without an error; what is recorded has data, but for what needs an experiment."""
    rules = system.prometheus.rules()
    assert {rule["health"] for rule in rules} == {"ok"}
    asked(system, client)
    turned(pages)
    for rule in rules:
        if rule["type"] == "recording":
            system.until(lambda rule=rule: system.prometheus.query(rule["name"]), 20)


def test_nothing_personal_is_told(system: Any, client: httpx.Client) -> None:
    """No scrape of any process holds a customer's id, however often that customer came and was asked about."""
    asked(system, client)
    with_purpose = {"headers": {"X-Purpose": f"about {system.personal}1"}}
    assert client.get(f"/v1/customers/{system.personal}1", **with_purpose).status_code in {200, 404}
    client.get(f"/{system.personal}1")
    for name in system.targets():
        text = system.scrape(name)
        assert "Verity" not in text
        assert not re.search(r"\d{9,}\b(?!\.)", "".join(re.findall(r"\{[^}]*\}", text)))


def test_only_what_is_listed_is_told(system: Any) -> None:
    """Each family is one of the catalogue with its labels, its kind and its meaning, or one of the process itself."""
    known = {one.name: one for one in METRICS}
    for name in system.targets():
        text = system.scrape(name)
        kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        for family, kind in kinds.items():
            if family.startswith(("process_", "python_")):
                continue
            metric = known[family]
            assert kind == metric.kind
            for labels in re.findall(rf"^{family}(?:_bucket|_sum|_count)?\{{([^}}]*)\}}", text, re.MULTILINE):
                assert set(re.findall(r'(\w+)="', labels)) - {"le"} == set(metric.labels)


def test_what_is_told_equals_what_is_recorded(system: Any) -> None:
    """Lag, customers and the bands of the last close are those of the interface's own answers and of the log."""
    system.until(lambda: _value(system, "forbear_lag_events") == 0)
    with closing(open_desk(f"sqlite:///{Home(system.home).database}")) as desk:
        totals, marks = desk.totals().value, desk.marks()
        assert totals.last_day is not None
        [row] = desk.of(0).days(totals.last_day, totals.last_day).value
    with closing(Home(system.home).source()) as source:
        end = source.end
    told = system.scrape(next(one for one in system.targets() if one.startswith("api-")))

    assert (
        float(re.search(r'^forbear_log_end\{partition="0"\} (\S+)$', told, re.MULTILINE).group(1))
        == end
        == marks[0].offset
    )
    bands = dict(re.findall(r'^forbear_close_band_customers\{band="(\w+)"\} (\S+)$', told, re.MULTILINE))
    assert {name: float(many) for name, many in bands.items()} == {one or "none": n for one, n in row.bands.items()}
    assert f"forbear_close_scored {float(row.scored)}" in told


def test_a_killed_worker_fires_the_alert(system: Any) -> None:
    """SIGKILL to the worker: events wait, nothing is recorded, and who is on duty hears of it by three alerts."""
    assert not {"ForbearStandsStill", "ForbearProcessDown"} & system.prometheus.firing()
    system.processes["worker"].send_signal(signal.SIGKILL)
    system.processes["worker"].wait()
    assert "worker" in system.targets(), "it left its file behind"
    system.send()

    system.until(
        lambda: system.prometheus.firing() >= {"ForbearStandsStill", "ForbearProcessDown", "ForbearLagHigh"}, 60
    )


def test_who_ends_in_order_leaves_no_file(system: Any) -> None:
    """SIGTERM: the file goes, so that nobody is called at night for what was meant."""
    system.processes["outreach"].terminate()
    assert system.processes["outreach"].wait(30) == 0
    assert "outreach" not in system.targets()


def _value(system: Any, metric: str) -> float:
    """What Prometheus knows of a metric now, -1 for nothing."""
    found = system.prometheus.query(metric)
    return float(found[0]["value"][1]) if found else -1.0
