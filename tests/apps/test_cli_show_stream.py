"""The show of the production path: from nothing to an end in order, with servers of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.servers import Servers, begin_anew
from forbear.apps.jobs.streaming import Live, StreamRequest, bank_for
from forbear.apps.services import Services
from forbear.domain.errors import ConfigError
from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.postgres import PostgresServer

Cli = Callable[..., Any]
STREAM = (sys.executable, "-m", "forbear.apps.cli", "stream", "--own-servers", "--json")
BANK = ("--customers", "400", "--days", "2", "--shares", "4%,8%,16%")
MOST_SECONDS = 300
OWN, NAMED = Servers(Services(None, None), {}, (1,)), Servers(Services(None, None), {}, ())


@pytest.fixture
def room(kafka_server: KafkaServer, postgres: PostgresServer) -> Iterator[Path]:
    """A folder that the database's own user may enter. The two servers say whether own ones can be started."""
    folder = Path(tempfile.mkdtemp(prefix="forbear-show-"))
    folder.chmod(0o755)
    (folder / "tmp").mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def begun(room: Path) -> Iterator[subprocess.Popen[str]]:
    """The show as a process of its own, which keeps everything in a room; it does not outlive the block."""
    told = [*STREAM, *BANK, "--home", str(room / "home")]
    environment = os.environ | {"TMPDIR": str(room / "tmp")}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(told, env=environment, start_new_session=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def left_in(room: Path) -> list[str]:
    """Processes that name a room, and what stands in its folder for temporary things."""
    listed = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout
    found = [line for line in listed.splitlines() if str(room) in line and "rm -rf" not in line]
    return found + [path.name for path in (room / "tmp").glob("forbear-*")]


def test_it_is_ended_and_begun_again(room: Path) -> None:
    """Ctrl-C in the middle ends everything in order. The next run, on the same bank, records and publishes all."""
    with begun(room) as first:
        assert first.stdout is not None
        assert json.loads(first.stdout.readline())["recorded"] is False
        os.killpg(first.pid, signal.SIGINT)
        _, said = first.communicate(timeout=MOST_SECONDS)
    assert (first.returncode, said) == (130, "interrupted: what was kept before is intact\n")
    assert left_in(room) == []

    with begun(room) as second:
        out, said = second.communicate(timeout=MOST_SECONDS)
    assert (second.returncode, said) == (0, "")
    *seconds, summary = [json.loads(line) for line in out.splitlines()]
    assert [one["recorded"] for one in seconds] == [*[False] * (len(seconds) - 1), True]
    assert {worker["worker"] for worker in seconds[-1]["workers"]} == {"router-1", "scorer-1", "intervenor-1", "sink-1"}
    live = live_of(room / "home")
    assert (summary["transactions"], summary["events"], summary["synthetic"]) == (live.transactions, live.events, True)
    assert [set(behind) for behind in summary["lags"].values()] == [{0}] * 4
    assert summary["wrong"] == []
    assert summary["predictions"] > 0 < summary["decisions"]
    assert summary["offers_recorded"] == summary["offers_published"] > 0
    assert left_in(room) == []


def live_of(home: Path) -> Live:
    """What a home has live."""
    return bank_for(Home(home), Console(quiet=True), StreamRequest())


def test_only_a_synthetic_bank_is_shown(small: Path) -> None:
    """A home with somebody's data, or with nothing live, is left alone."""
    with pytest.raises(ConfigError, match="holds data from small"):
        live_of(small)


def test_what_other_servers_stand_for_is_kept(tmp_path: Path) -> None:
    """State of own servers that are gone is removed; state that may be of others is not."""
    home = Home(tmp_path)
    begin_anew(home, OWN)
    kept = tmp_path / "stream" / "scorer"
    kept.mkdir()
    begin_anew(home, OWN)
    assert not kept.exists()
    begin_anew(home, NAMED)
    assert not kept.parent.exists()
    kept.mkdir(parents=True)
    begin_anew(home, NAMED)
    with pytest.raises(ConfigError, match="of other servers"):
        begin_anew(home, OWN)
    assert kept.exists()


def test_without_programs_the_other_way_is_told(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Java is missing it says so, and that Docker will do; nothing is made."""
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = cli("stream", "--own-servers", "--home", tmp_path / "home")

    assert (ended.code, "java" in ended.err, "docker compose up" in ended.err) == (2, True, True)
    assert not (tmp_path / "home").exists()
