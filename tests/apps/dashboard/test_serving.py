"""The dashboard as it is started: what is looked at first, what browsers are told, and that it ends."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamlit import config

from forbear.apps.dashboard.guard import Guarded
from forbear.apps.dashboard.registry import ENTRIES, EVERYBODY
from forbear.apps.dashboard.serving import Place, options_of
from forbear.apps.dashboard.settings import IDLE_MINUTES, SOLE_KEY, URL, settings_of
from forbear.apps.jobs import dashboard_serving
from forbear.domain.errors import ConfigError
from forbear.engine.office import Role
from forbear.testing.servers.starting import free_ports

AUTH = """
[auth]
redirect_uri = "https://dashboard.bank.example/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "forbear"
client_secret = "a secret"
server_metadata_url = "https://login.example/.well-known/openid-configuration"
expose_tokens = "id"
"""


def until_it_answers(url: str, process: subprocess.Popen[bytes], out: Path) -> None:
    """Wait until a dashboard answers; whatever it said before it died is told."""
    for _ in range(900):
        try:
            if httpx.get(f"{url}/_stcore/health").is_success:
                return
        except httpx.HTTPError:
            assert process.poll() is None, out.read_text()
            time.sleep(0.1)
    raise AssertionError("the dashboard does not answer")


# ---- the command


@pytest.fixture
def started(real: Any, tmp_path: Path) -> Any:
    """The command itself, as a process of its own, over a real server."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "forbear.apps.cli", "dashboard", "--url", real.url, "--port", str(port)]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=tmp_path)
        try:
            until_it_answers(f"http://127.0.0.1:{port}", process, tmp_path / "out")
            yield process, f"http://127.0.0.1:{port}", tmp_path / "out"
        finally:
            process.kill()
            process.wait(10)


def test_it_serves_and_ends(started: Any, real: Any) -> None:
    """It answers at its port, tells browsers what it may, keeps foreign hosts out, and ends when it is told."""
    process, url, out = started
    page = httpx.get(f"{url}/customer", headers={"Accept-Encoding": "gzip"})

    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert len(page.content) == int(page.headers["content-length"])
    scripts = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    assert any("BACKEND_BASE_URL" in one for one in scripts)
    for one in scripts:
        digest = b64encode(sha256(one.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page.headers["content-security-policy"]
    assert httpx.get(f"{url}/_stcore/host-config").json()["allowedOrigins"] == []
    assert _upgrade(url, "evil.example") >= 400
    assert _upgrade(url, None) == 101

    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    said = out.read_text()
    assert said.startswith(f"Dashboard at {url}")
    assert "Traceback" not in said
    assert not any(key in said for key in real.keys.values())


def _upgrade(url: str, host: str | None) -> int:
    """The status with which a WebSocket is answered that was asked for under a name."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": b64encode(b"0123456789abcdef").decode(),
    }
    if host:
        headers |= {"Host": host, "Origin": f"http://{host}"}
    with httpx.stream("GET", f"{url}/_stcore/stream", headers=headers, timeout=10) as answer:
        return answer.status_code


def test_a_port_that_is_taken(cli: Any, real: Any) -> None:
    """It is said which, with the status of a setting to mend."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = cli("dashboard", "--url", real.url, "--port", port)

    assert ended.code == 2
    assert f"cannot listen at 127.0.0.1:{port}" in ended.err


def test_an_interface_that_is_not_there(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers: said with the status of what may be tried again."""
    monkeypatch.setattr(dashboard_serving.require_interface, "__kwdefaults__", {"patience_seconds": 0.0})
    ended = cli("dashboard", "--url", "http://127.0.0.1:9", "--port", free_ports(1)[0])

    assert ended.code == 9
    assert "forbear serve" in ended.err


def test_a_missing_extra(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its libraries the command says which to install."""
    monkeypatch.setattr(dashboard_serving, "_LIBRARIES", ("streamlit_that_is_not_there",))
    ended = cli("dashboard")

    assert ended.code == 2
    assert 'pip install "forbear[dashboard]"' in ended.err


def test_one_key_for_everybody_is_refused(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single user's key is never served to others; without a key there is no single user."""
    monkeypatch.setenv("FORBEAR_KEY", "fb_00000000_x")
    ended = cli("dashboard", "--single-user", "--host", "0.0.0.0")
    assert ended.code == 2
    assert "would all look with your key" in ended.err

    monkeypatch.delenv("FORBEAR_KEY")
    ended = cli("dashboard", "--single-user")
    assert ended.code == 2
    assert "FORBEAR_KEY" in ended.err


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("[auth", "no TOML"),
        ("[other]", "[auth] does not say"),
        (AUTH.replace("expose_tokens", "others"), "does not say expose_tokens"),
        (AUTH.replace("0123456789abcdef0123456789abcdef", "short"), "cookie_secret"),
        (AUTH.replace("https://login", "http://login"), "server_metadata_url is not https"),
        (AUTH.replace("https://dashboard", "http://dashboard"), "redirect_uri is not https"),
    ],
)
def test_wrong_login_files(tmp_path: Path, written: str, says: str) -> None:
    """What a login at a provider needs is looked at before anything is served."""
    path = tmp_path / "auth.toml"
    path.write_text(written)

    with pytest.raises(ConfigError, match=re.escape(says)):
        dashboard_serving.require_login(path)


def test_a_login_file_that_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is taken as it is; that others can read it is said."""
    path = tmp_path / "auth.toml"
    path.write_text(AUTH)
    path.chmod(0o600)
    dashboard_serving.require_login(path)
    assert capsys.readouterr().err == ""
    path.chmod(0o644)
    dashboard_serving.require_login(path)
    assert "chmod 600" in capsys.readouterr().err


@pytest.mark.parametrize("said", ["0", "-1", "nan", "soon", "1e9"])
def test_idle_minutes_that_are_none(said: str) -> None:
    """A session ends some time: what is no time is refused."""
    with pytest.raises(ConfigError):
        settings_of({IDLE_MINUTES: said})


def test_settings_keep_a_key_to_themselves() -> None:
    """A key is not in what is printed of the settings."""
    settings = settings_of({URL: "http://a", SOLE_KEY: "fb_1_secret", IDLE_MINUTES: "2"})

    assert (settings.url, settings.sole_key, settings.idle_seconds) == ("http://a", "fb_1_secret", 120.0)
    assert "secret" not in repr(settings)


# ---- what Streamlit is told


def test_nothing_is_sent_anywhere() -> None:
    """No usage statistics, no links out, no tools of developers, no details of errors, no files beside the pages."""
    options = options_of(Place())

    assert options["browser.gatherUsageStats"] is False
    assert options["client.toolbarMode"] == "minimal"
    assert options["client.showErrorDetails"] == "none"
    assert options["server.enableXsrfProtection"] is True
    assert options["server.enableCORS"] is True
    assert options["server.enableStaticServing"] is False
    assert options["client.allowedOrigins"] == []
    assert options["server.address"] == "127.0.0.1"


def test_options_are_known_to_streamlit() -> None:
    """Every option is one that this Streamlit has: a misspelt one would protect nobody."""
    known = set(config.get_config_options(force_reparse=True))
    assert set(options_of(Place(public="https://a.example"))) <= known


def test_behind_a_proxy_only_its_name_is_taken() -> None:
    """With a public URL, that is the origin and host that counts."""
    options = options_of(Place(host="0.0.0.0", loopback=False, public="https://dashboard.bank.example"))

    assert options["server.corsAllowedOrigins"] == ["https://dashboard.bank.example"]
    assert options["server.allowedHosts"] == ["dashboard.bank.example"]
    assert options["browser.serverPort"] == 443


# ---- what browsers are told


def test_every_answer_is_guarded() -> None:
    """Headers of the application give way; a page in pieces is put together; other answers pass as they come."""
    sent: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        kind = b"text/html" if scope["path"] == "/live" else b"text/plain"
        headers = [(b"content-type", kind), (b"X-Frame-Options", b"ALLOWALL"), (b"content-length", b"19")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<html><head></he", "more_body": True})
        await send({"type": "http.response.body", "body": b"ad>"})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    def ask(path: str) -> tuple[dict[bytes, bytes], bytes]:
        sent.clear()
        asyncio.run(Guarded(inner)({"type": "http", "path": path, "headers": []}, receive, send))
        body = b"".join(one.get("body", b"") for one in sent)
        return {name.lower(): value for name, value in sent[0]["headers"]}, body

    headers, body = ask("/live")
    assert headers[b"x-frame-options"] == b"DENY"
    assert b"<script>" in body
    assert int(headers[b"content-length"]) == len(body)
    headers, body = ask("/static/a.txt")
    assert body == b"<html><head></head>"
    assert headers[b"content-length"] == b"19"
    assert b"sha256" not in headers[b"content-security-policy"]


def test_no_role_is_forgotten() -> None:
    """The registry knows every role of the interface, and no other."""
    assert {role.value for role in Role} == EVERYBODY
    for entry in ENTRIES:
        assert entry.roles <= EVERYBODY
        assert entry.there, f"{entry.name} has no module"
