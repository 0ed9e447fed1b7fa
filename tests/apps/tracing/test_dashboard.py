"""A look at the dashboard, followed into the interface: metrics, lines and spans, with a real browser."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from playwright.sync_api import Page, expect
from tests.dashboard.screen import settle

from forbear.testing.servers.browser import ChromiumBrowser, Visit

NAME, CUSTOMER, SECRET = "Zoë Wacławska", "CX-88213-Quixote", "fb_1a2b3c4d_hunter2-Xyzzy"
CANARIES = (NAME, "Wac", "waclawska", "Quixote", "88213", "Xyzzy", "hunter2")
READY_SECONDS = 90.0
PATIENCE_MS = 60_000


@contextmanager
def dashboard(home: Path | None, url: str, out: Path, cwd: Path, **environment: str) -> Iterator[tuple[Any, str]]:
    """The command itself, over an interface; with the home of its deployment, or without. Its process, and its URL."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    command = [sys.executable, "-P", "-m", "forbear.apps.cli", "dashboard", "--url", url, "--port", str(port)]
    command += [] if home is None else ["--home", str(home), "--metrics", "127.0.0.1:0"]
    with out.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, cwd=cwd, env=os.environ | environment
        )
        try:
            own, end = f"http://127.0.0.1:{port}", time.monotonic() + READY_SECONDS
            while not answers(f"{own}/_stcore/health"):
                assert process.poll() is None, out.read_text()
                assert time.monotonic() < end
                time.sleep(0.1)
            yield process, own
        finally:
            process.kill()
            process.wait(10)


def answers(url: str) -> bool:
    """Whether somebody answers."""
    try:
        return httpx.get(url).is_success
    except httpx.HTTPError:
        return False


def look(visit: Visit, url: str, key: str) -> Page:
    """Log in, say why, look at two pages, at one that hears the feed, and ask for somebody who is not there."""
    page = visit.page
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{url}/executive")
    field = page.get_by_label("Your key", exact=True)
    field.fill(SECRET)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_text("This key does not hold")).to_be_visible(timeout=PATIENCE_MS)
    field.fill(key)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Executive summary", timeout=PATIENCE_MS)
    settle(page)
    why = page.get_by_label("Why do you look?", exact=True)
    why.fill(f"{NAME} called")
    why.press("Enter")
    settle(page)
    page.get_by_role("link", name="Customer").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Customer", timeout=PATIENCE_MS)
    asked = page.get_by_label("Customer id", exact=True)
    asked.fill(CUSTOMER)
    asked.press("Enter")
    expect(page.get_by_text("Nobody here has this id")).to_be_visible(timeout=PATIENCE_MS)
    settle(page)
    page.get_by_role("link", name="Live").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Live", timeout=PATIENCE_MS)
    return page


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Every line, each of which is one event."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def value(text: str, series: str) -> float:
    """A series of a scrape; 0 for one that is not told."""
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def until(what: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something holds. Fails when the time is over."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_look_is_told_and_followed(
    home: Path,
    collector: Any,
    traced: Callable[..., None],
    flows: Any,
    browser: ChromiumBrowser,
    tmp_path: Path,
) -> None:
    """Its metrics count what was done, its lines and spans lead to the interface's, and no byte of them names anybody.

    Ended in order it takes its file away; without the interface its pages say so, and so does what it tells.
    """
    traced()
    with (tmp_path / "api.log").open("w") as log, flows.served(home, log) as client, browser.visit() as visit:
        url, key = str(client.base_url).rstrip("/"), client.headers["X-API-Key"]
        told = {"FORBEAR_LOG_LEVEL": "info"}
        with dashboard(home, url, tmp_path / "out", tmp_path, **told) as (process, own):
            look(visit, own, key)
            [target] = (home / "metrics").glob("dashboard-*.json")
            [found] = msgspec.json.decode(target.read_bytes())

            def scraped() -> str:
                return httpx.get(f"http://{found['targets'][0]}/metrics").text

            until(lambda: value(scraped(), 'forbear_dashboard_feeds{state="up"}') == 1)
            text = scraped()
            visit.context.close()
            until(lambda: value(scraped(), "forbear_dashboard_sessions") == 0)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        assert not list((home / "metrics").iterdir())

    assert value(text, "forbear_dashboard_sessions") == 1
    assert value(text, 'forbear_dashboard_looks_total{outcome="shown",page="executive"}') >= 1
    assert value(text, 'forbear_dashboard_looks_total{outcome="login",page="executive"}') >= 1
    assert 'forbear_dashboard_looks_total{outcome="failed",page="drift"} 0.0' in text
    assert value(text, 'forbear_dashboard_look_seconds_count{page="customer"}') >= 1
    assert value(text, 'forbear_dashboard_calls_total{operation="whoami",status="401"}') == 1
    assert value(text, 'forbear_dashboard_calls_total{operation="statistics",status="200"}') >= 1

    ours, theirs = lines_of(home / "logs" / "dashboard.jsonl"), lines_of(tmp_path / "api.log")
    looks = {one["look_id"]: one for one in ours if one["event"] == "look"}
    assert {"executive", "customer", "live"} <= {one["page"] for one in looks.values()}
    met = {one["request_id"]: one for one in theirs if one["event"] == "request"}
    asked = [one for one in ours if one["event"] == "asked" and one["status"]]
    assert {one["operation"] for one in asked} >= {"whoami", "statistics"}
    for one in asked:
        own_line = met[one["request_id"]]
        assert (own_line["operation"], own_line["status"]) == (one["operation"], one["status"])
        assert own_line["trace_id"] == one["trace_id"]
    within = [one for one in asked if one.get("look_id")]
    assert within
    assert all(one["trace_id"] == looks[one["look_id"]]["trace_id"] for one in within)

    statistics = collector.named("GET /v1/statistics")
    calls = {one.at: one for one in collector.named("statistics")}
    pages = {one.at: one for one in collector.spans if one.name.startswith("look at ")}
    followed = [one for one in statistics if (one.trace_id, one.parent) in calls]
    assert followed
    for one in followed:
        call = calls[one.trace_id, one.parent]
        assert call.process == "dashboard"
        assert one.process == "api"
        # What moves by itself on the live page is no look: its questions begin traces of their own.
        assert not call.parent or (call.trace_id, call.parent) in pages
    assert any(calls[one.trace_id, one.parent].parent for one in followed)

    hostile = [(home / "logs" / "dashboard.jsonl").read_bytes(), (tmp_path / "out").read_bytes(), text.encode()]
    hostile += [(tmp_path / "api.log").read_bytes(), *collector.bodies]
    for canary in (*CANARIES, key, key.rpartition("_")[2]):
        assert not [one for one in hostile if canary.encode() in one]
    assert not [line for line in (tmp_path / "out").read_text().splitlines() if not line.startswith("Dashboard at ")]


def test_without_a_home_lines_go_to_the_terminal(
    home: Path, flows: Any, browser: ChromiumBrowser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event a line, with what went wrong alone; nothing is written to a folder. The interface goes meanwhile."""
    monkeypatch.delenv("OTEL_TRACES_EXPORTER", raising=False)
    out, cwd = tmp_path / "out", tmp_path / "empty"
    cwd.mkdir()
    with (tmp_path / "api.log").open("w") as log, browser.visit() as visit:
        with flows.served(home, log) as client:
            url, key = str(client.base_url).rstrip("/"), client.headers["X-API-Key"]
            opened = dashboard(None, url, out, cwd)
            _, own = opened.__enter__()
            page = visit.page
            page.set_default_timeout(PATIENCE_MS)
            page.goto(f"{own}/executive")
            page.get_by_label("Your key", exact=True).fill(key)
            page.get_by_role("button", name="Log in", exact=True).click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Executive summary", timeout=PATIENCE_MS)
        try:
            page.get_by_role("link", name="Risk heat map").first.click()
            expect(page.get_by_text("The interface does not answer").first).to_be_visible(timeout=PATIENCE_MS)
            until(lambda: '"look"' in out.read_text())
        finally:
            opened.__exit__(None, None, None)

    head, *rest = out.read_text().splitlines()
    assert head.startswith("Dashboard at ")
    said = [json.loads(line) for line in rest]
    assert {one["level"] for one in said} <= {"warning", "error"}
    assert {(one["page"], one["outcome"]) for one in said if one["event"] == "look"} == {("heat_map", "problem")}
    assert {one["status"] for one in said if one["event"] == "asked"} == {0}
    assert not list(cwd.iterdir())
