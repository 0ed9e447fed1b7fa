"""Where a process tells its metrics: the address, the token, the file that leads there, and its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from forbear.apps.home import Home
from forbear.apps.metrics.exporter import Asked, address_of, environment_of, telling
from forbear.domain.errors import ConfigError

TOKEN = "0123456789abcdef01234567"  # of this test alone


def asked(home: Path, listen: str = "127.0.0.1:0", **environment: str) -> Asked:
    """A process of a home that is asked to tell."""
    return Asked(Home(home), "worker", listen, environment)


def target_of(home: Path) -> str:
    """Where the file of the process leads."""
    [told] = msgspec.json.decode((home / "metrics" / "worker.json").read_bytes())
    assert told["labels"] == {"process": "worker"}
    return f"http://{told['targets'][0]}"


def test_nobody_tells_unless_asked(copied: Path) -> None:
    """Neither command line nor settings name an address: there is no meter, no thread and no file."""
    for listen in ("", "off"):
        with telling(asked(copied, listen)) as meter:
            assert meter is None
    assert not (copied / "metrics").exists()


def test_the_command_line_goes_over_the_environment_and_that_over_the_file(copied: Path) -> None:
    """As all settings do; `off` silences one process of a home whose others tell."""
    (copied / "services.toml").write_text('[metrics]\nlisten = "127.0.0.1:9001"\n')
    told = {"FORBEAR_METRICS": "127.0.0.1:9002"}

    def port(listen: str, **environment: str) -> int | None:
        found = address_of(asked(copied, listen, **environment))
        return None if found is None else found.port

    assert (port(""), port("", **told), port("[::1]:9003", **told), port("off", **told)) == (9001, 9002, 9003, None)


def test_it_answers_at_metrics_and_nowhere_else(copied: Path) -> None:
    """The file leads there while it runs, and is gone behind it."""
    with telling(asked(copied)) as meter:
        assert meter is not None
        found = httpx.get(f"{target_of(copied)}/metrics")
        assert found.status_code == 200
        assert found.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "forbear_build_info" in found.text
        for path in ("/", "/metrics/", "/metrics?x=1", "/debug"):
            assert httpx.get(f"{target_of(copied)}{path}").status_code == 404
        assert httpx.post(f"{target_of(copied)}/metrics").status_code == 501
        url = target_of(copied)
    assert not list((copied / "metrics").iterdir())
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/metrics")


def test_beyond_this_machine_a_token_is_asked_for(copied: Path, tmp_path: Path) -> None:
    """Without one nothing listens; with one whoever does not send it hears nothing."""
    with pytest.raises(ConfigError, match="read by others"), telling(asked(copied, "0.0.0.0:0")):
        pass
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    with telling(asked(copied, "0.0.0.0:0", FORBEAR_METRICS_TOKEN_FILE=str(file))):
        url = f"http://127.0.0.1:{target_of(copied).rpartition(':')[2]}/metrics"
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {TOKEN}"}, {"X-API-Key": TOKEN}):
            refused = httpx.get(url, headers=headers)
            assert refused.status_code == 401
            assert "forbear_build_info" not in refused.text
        assert httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("listen", ["9470", "host:", "http://127.0.0.1:9470", "127.0.0.1:99999", "a b:1"])
def test_an_address_that_is_none_is_refused(copied: Path, listen: str) -> None:
    """With what would be right, and before anything else happens."""
    token = copied / "token"
    token.write_text(TOKEN)
    with pytest.raises(ConfigError) as error, telling(asked(copied, listen, FORBEAR_METRICS_TOKEN_FILE=str(token))):
        pass
    assert error.value.mend


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xfe"])
def test_a_token_that_is_none_is_refused(copied: Path, content: bytes) -> None:
    """An empty file would let everybody in."""
    token = copied / "token"
    token.write_bytes(content)
    with pytest.raises(ConfigError), telling(asked(copied, FORBEAR_METRICS_TOKEN_FILE=str(token))):
        pass


def test_a_port_that_is_taken_is_refused(copied: Path) -> None:
    """Two processes cannot tell at one port: the error says what they can do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ConfigError, match="cannot tell metrics"), telling(asked(copied, listen)):
            pass


def test_a_supervisors_processes_take_the_ports_behind_its_own() -> None:
    """And free ones where its own is any that is free; where nothing was asked for they hear nothing."""
    assert environment_of("127.0.0.1:9470", 3) == {"FORBEAR_METRICS": "127.0.0.1:9473"}
    assert environment_of("[::1]:0", 3) == {"FORBEAR_METRICS": "[::1]:0"}
    assert environment_of("off", 1) == {"FORBEAR_METRICS": "off"}
    assert environment_of("", 1) == {}


@pytest.mark.parametrize(("number", "left"), [(signal.SIGTERM, []), (signal.SIGKILL, ["worker.json"])])
def test_who_is_killed_leaves_the_file(copied: Path, number: int, left: list[str]) -> None:
    """Prometheus then knows of a process that does not answer; one that ended in order is not missed."""
    code = (
        "import os, sys, pathlib, time\n"
        "from forbear.apps.home import Home\n"
        "from forbear.apps.metrics.exporter import Asked, telling\n"
        "from forbear.apps.signals import until_told\n"
        "with until_told() as told, telling(Asked(Home(pathlib.Path(sys.argv[1])), 'worker', '127.0.0.1:0', {})):\n"
        "    print('ready', flush=True)\n"
        "    told.wait(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, copied], stdout=subprocess.PIPE, env=os.environ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        process.wait(30)

    assert [path.name for path in (copied / "metrics").iterdir()] == left


def test_settings_name_the_keys_that_there_are(cli: Callable[..., Any], copied: Path) -> None:
    """A misspelt key of [metrics] is refused with those that would be right."""
    (copied / "services.toml").write_text('[metrics]\nport = "9001"\n')
    ended = cli("run", "--once", "--home", copied)

    assert ended.code == 2
    assert "listen, token_file" in ended.err
