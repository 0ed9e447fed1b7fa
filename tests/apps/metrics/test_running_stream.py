"""The production path while the real Prometheus scrapes it: each worker tells, and so does their supervisor."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forbear.domain.errors import ConfigError
from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.postgres import PostgresServer
from forbear.testing.servers.prometheus import PrometheusServer, hastened

DEPLOY = Path(__file__).parents[3] / "deploy"
STREAM = (sys.executable, "-m", "forbear.apps.cli", "stream", "--own-servers", "--metrics", "127.0.0.1:0")
BANK = ("--customers", "300", "--days", "1", "--shares", "4%,8%,16%")
MOST_SECONDS = 400
WORKERS = {"router-1", "scorer-1", "intervenor-1", "sink-1"}
SILENT = {
    "sum by (state, channel) (rate(forbear_moves_total[5m]))": "nobody sends here",
    "time() - forbear_round_timestamp_seconds": "nobody sends here",
    "max by (state, channel) (forbear_interventions)": "nobody sends here",
}
"""Queries without data here, each with its reason; they have some in the system with a sender."""


@pytest.fixture
def room(kafka_server: KafkaServer, postgres: PostgresServer) -> Iterator[Path]:
    """A folder that the database's own user may enter. The two servers say whether own ones can be started."""
    folder = Path(tempfile.mkdtemp(prefix="forbear-metrics-"))
    folder.chmod(0o755)
    (folder / "tmp").mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


def queries() -> set[str]:
    """Those of the stream's dashboard, over spans that a short show has."""
    board = json.loads((DEPLOY / "grafana" / "dashboards" / "stream.json").read_text(encoding="utf-8"))
    return {target["expr"] for panel in board["panels"] for target in panel.get("targets", ())}


def test_the_stream_tells_of_all_its_workers(room: Path, without: Any) -> None:
    """While a bank's day goes through Kafka every query of the dashboard has data at some time, from every worker."""
    rules = {
        path.name: hastened(path.read_text(encoding="utf-8"), 60) for path in (DEPLOY / "prometheus").glob("rules/*")
    }
    environment = os.environ | {"TMPDIR": str(room / "tmp")}
    try:
        server = PrometheusServer([str(room / "home" / "metrics" / "*.json")], rules)
    except ConfigError as error:
        without(str(error))
    with server as prometheus:
        began = time.monotonic()
        subprocess.run(
            [*STREAM, *BANK, "--home", room / "home"],
            env=environment,
            stdout=subprocess.DEVNULL,
            timeout=MOST_SECONDS,
            check=True,
        )
        span = math.ceil(time.monotonic() - began)
        silent = {one for one in queries() if not prometheus.ever(re.sub(r"\[\d+[mh]\]", "[10s]", one), span)}
        telling = {one["metric"]["process"] for one in prometheus.ever("up == 1", span)}
        failed = prometheus.ever("forbear_collect_failed == 1", span)

    assert silent == set(SILENT)
    assert telling == {*WORKERS, "stream"}
    assert not failed
    assert not list((room / "home" / "metrics").iterdir()), "who ended in order left no file"
