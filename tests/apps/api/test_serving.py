"""The server as a whole: it says when it is ready, ends in order, and logs nothing that it should not."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from forbear.adapters.hosts import is_loopback
from forbear.apps.api.health import Readiness
from forbear.apps.api.serving import server_of
from forbear.apps.jobs.serving import require_keys
from forbear.apps.services import ApiSettings
from forbear.client.models import RoleName
from forbear.domain.errors import ConfigError
from forbear.engine.office import Role

START_SECONDS = 120.0
"""For a process to be ready on a machine that has much else to do: imports, and kernels on a first run."""


def test_it_is_ready_once_warm_and_reading(house: Callable[..., Any]) -> None:
    """Readiness waits for the warm-up and for the records, and says which is missing; the process lives meanwhile."""
    warm = threading.Event()
    made = house(warm=lambda: warm.wait(10))
    with made.served() as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert client.get("/healthz").json() == {"status": "alive"}
        assert client.get("/readyz").status_code == 503
        assert "warm-up" in client.get("/readyz").json()["missing"]
        warm.set()
        for _ in range(100):
            if client.get("/readyz").status_code == 200:
                break
            time.sleep(0.02)
        assert client.get("/readyz").json() == {"ready": True, "missing": []}
        made.desk.down = True
        assert client.get("/readyz").status_code == 200  # asked a moment ago
        made.clock.seconds += 1
        assert client.get("/readyz").json() == {"ready": False, "missing": ["records"]}
        assert "db.internal" not in client.get("/readyz").text


def test_a_warm_up_that_fails_leaves_it_unready(house: Callable[..., Any], visitor: Any) -> None:
    """Where the warm-up raises, the log says so and readiness never comes."""

    def fails() -> None:
        raise OSError("/secret/place")

    made = house(warm=fails)
    client = visitor(made)
    for _ in range(100):
        if "warm-up" in made.log.getvalue():
            break
        time.sleep(0.02)
    assert "warm-up" in client.get("/readyz").json()["missing"]
    assert "OSError" in made.log.getvalue()
    assert "secret" not in made.log.getvalue()


def test_readiness_goes_before_service(house: Callable[..., Any]) -> None:
    """After the first signal it is not ready but still answers, and ends when the time to drain is over."""
    made = house(settings=ApiSettings(drain_seconds=0.6))
    server = server_of(made.app, made.parts.readiness, made.parts.settings, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        key = {"X-API-Key": made.key()}
        server.handle_exit(signal.SIGTERM, None)
        assert "shutdown" in client.get("/readyz").json()["missing"]
        assert client.get("/v1/test/persons/1", headers=key).status_code == 200
    thread.join(10)
    assert not thread.is_alive()
    assert made.office.accesses.of_customer(1, 5)


def test_the_log_tells_how_it_went_and_of_nobody(house: Callable[..., Any], visitor: Any) -> None:
    """One line of JSON a request: route, status, time, key id and size; no secret, no path, no customer."""
    made = house()
    client, key = visitor(made), made.key()
    for number in (987_654_321, 987_654_321, 5):
        client.get(f"/v1/test/persons/{number}?secret=hunter2", headers={"X-API-Key": key, "X-Request-ID": "r1"})
    client.post("/v1/test/notes", json={"text": "private"}, headers={"X-API-Key": key})
    client.get("/v1/whoami", headers={"X-API-Key": key + "x"})
    lines = [json.loads(line) for line in made.log.getvalue().splitlines()]

    assert [line["route"] for line in lines] == ["/v1/test/persons/{number}"] * 3 + ["/v1/test/notes", "/v1/whoami"]
    assert [line["status"] for line in lines] == [200, 200, 200, 201, 401]
    assert lines[0]["who"] == key[3:11]
    assert lines[0]["request_id"] == made.parts.journal.request_ref("r1")  # a caller's own word may name somebody
    assert lines[0]["persons"] == 2
    assert lines[0]["customer_ref"] == lines[1]["customer_ref"] != lines[2]["customer_ref"]
    assert lines[3]["bytes_in"] > 0 < lines[3]["bytes_out"]
    for told in (key[12:], "987654321", "hunter2", "private"):
        assert told not in made.log.getvalue()


def test_the_log_names_persons_otherwise_under_every_key(house: Callable[..., Any], visitor: Any) -> None:
    """The letters that stand for a customer are those of a key: nobody finds them out by trying all customers."""
    letters = set()
    for _ in range(2):
        made = house()
        visitor(made).get("/v1/test/persons/5", headers={"X-API-Key": made.key()})
        letters.add(json.loads(made.log.getvalue())["customer_ref"])
    assert len(letters) == 2


def test_nobody_listens_to_others_without_a_key(house: Callable[..., Any]) -> None:
    """Beyond this machine a key that holds is needed, or an identity provider; none that expired or was revoked."""
    made = house(loopback=False)
    with pytest.raises(ConfigError, match="nobody has a key"):
        require_keys(made.parts)
    revoked = made.key()
    made.office.keyring.revoke(revoked[3:11], 0)
    made.key(days=1)
    made.clock.seconds = 86_400
    with pytest.raises(ConfigError):
        require_keys(made.parts)
    made.key()
    require_keys(made.parts)
    require_keys(house(loopback=True).parts)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        *[(one, True) for one in ("127.0.0.1", "::1", "localhost", "127.9.9.9")],
        *[(one, False) for one in ("0.0.0.0", "::", "localhost.example", "", "10.0.0.1")],
    ],
)
def test_what_is_this_machine_alone(host: str, own: bool) -> None:
    """Only loopback addresses are this machine's alone."""
    assert is_loopback(host) is own


@pytest.mark.parametrize("host", ["256.1.1.1", "no.such.host.invalid"])
def test_an_address_that_cannot_be_is_said(host: str, copied: Path, cli: Any) -> None:
    """An address that cannot be listened at is a setting to mend."""
    cli("store", "migrate", "--home", copied)
    cli("keys", "create", "--name", "x", "--role", "agent", "--home", copied)
    ended = cli("serve", "--home", copied, "--host", host, "--port", 0)
    assert ended.code == 2
    assert "cannot listen" in ended.err


def test_a_home_that_cannot_be_served_says_so(copied: Path, tmp_path: Path, cli: Any) -> None:
    """Without data, without a worker's records, and without a key for others to use, nothing listens."""
    assert cli("serve", "--home", tmp_path / "none").code == 2
    assert cli("serve", "--home", copied).code != 0
    cli("store", "migrate", "--home", copied)
    ended = cli("serve", "--home", copied, "--host", "0.0.0.0", "--port", 0)
    assert ended.code == 2
    assert "nobody has a key" in ended.err


def test_the_command_serves_and_ends(copied: Path, cli: Any) -> None:
    """`forbear serve` answers a key of `forbear keys create`, notes it as JSON, and ends with 0 when it is told to."""
    cli("store", "migrate", "--home", copied)
    key = cli("keys", "create", "--name", "x", "--role", "agent", "--home", copied, "--json").document["key"]
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "forbear.apps.cli", "serve", "--home", str(copied), "--port", str(port)]
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}"))
        process = stack.enter_context(subprocess.Popen([*command, "--json-log"], stdout=subprocess.PIPE, text=True))
        stack.callback(process.kill)  # or a failure in here would wait for it for ever
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            with suppress(httpx.TransportError):
                if client.get("/readyz").status_code == 200:
                    break
            time.sleep(0.05)
        assert client.get("/v1/whoami", headers={"X-API-Key": key}).json()["role"] == "agent"
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert [json.loads(line)["who"] for line in said.splitlines() if "whoami" in line] == [key[3:11]]


def test_role_names_are_those_of_the_office() -> None:
    """The wire knows the roles that the office knows, and no other."""
    assert set(RoleName.__args__) == {role.value for role in Role}


def test_readiness_asks_once_a_second() -> None:
    """Whoever watches closely does not burden the records."""

    class Desk:
        asked = 0

        def marks(self) -> dict[int, Any]:
            """Count."""
            self.asked += 1
            return {}

    desk, readiness = Desk(), Readiness()
    for tick in range(30):
        readiness.missing(desk, lambda now=tick / 10: now)  # type: ignore[misc,arg-type]
    assert desk.asked == 3
