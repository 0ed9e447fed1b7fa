"""Messages over a real HTTP server: signed, once for each key, and unknown wherever nobody can tell."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from forbear.adapters.hmac_header import is_signed
from forbear.adapters.outreach.webhook import Webhook
from forbear.domain.errors import ConfigError
from forbear.engine.outreach import Absent, Delivery, Outreach, Refused, Sent, Unknown
from forbear.testing.outreach_contract import OutreachContract, Rig, message
from forbear.testing.servers.gateway import GatewayTestServer
from forbear.testing.servers.script import Script

SECRET = b"a secret of at least 16 bytes"
TO = "+4915112345678"


@pytest.fixture(scope="module")
def well() -> Iterator[GatewayTestServer]:
    """A gateway that takes everything."""
    with GatewayTestServer() as server:
        yield server


def webhook(url: str, **changed: object) -> Webhook:
    """A provider of a URL."""
    return Webhook(**{"name": "sms", "url": url, "secret": SECRET, "seconds": 2.0, **changed})  # type: ignore[arg-type]


class TestWebhook(OutreachContract):
    """The laws of every provider."""

    @pytest.fixture(autouse=True)
    def _server(self, well: GatewayTestServer) -> None:
        self.server = well

    def make(self) -> Rig:
        """The gateway of the module."""
        return Rig(webhook(self.server.url), TO, lambda key: self.server.sent[key])

    def gone(self) -> Outreach:
        """A port without a server."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return webhook(f"http://127.0.0.1:{free.getsockname()[1]}/messages")


@pytest.mark.parametrize(
    ("befalls", "expected", "sent"),
    [
        ("busy", Refused("it answered 503", lasting=False), 0),
        ("limited", Refused("it answered 429", lasting=False), 0),
        ("rejected", Refused("it answered 422", lasting=True), 0),
        ("hung_up", Unknown("RemoteDisconnected after the request had begun to leave"), 0),
        ("silent", Unknown("RemoteDisconnected after the request had begun to leave"), 1),
        ("failed", Unknown("it answered 500"), 1),
        ("twice", Sent("g-the-key"), 1),
    ],
)
def test_what_befalls_is_told_as_it_is(befalls: str, expected: Delivery, sent: int) -> None:
    """Refused only where the gateway has said so; then the question by the key tells what is true."""
    with GatewayTestServer(Script(always=(befalls,))) as server:
        provider = webhook(server.url)
        assert expected == provider.send(message(TO, key="the-key"))
        assert sent == server.sent["the-key"]

        found = provider.look_up("the-key")
        if befalls == "rejected":
            assert found == Refused("it says that it has refused it", lasting=True)
        else:
            assert found == (Sent("g-the-key") if sent else Absent())


def test_a_late_answer_is_unknown_and_is_looked_up() -> None:
    """The gateway keeps it and answers after the time limit."""
    with GatewayTestServer(Script(always=("late",), late_seconds=0.6)) as server:
        provider = webhook(server.url, seconds=0.15)

        assert isinstance(provider.send(message(TO, key="k")), Unknown)
        assert provider.look_up("k") == Sent("g-k")


def test_a_redirect_is_not_followed(well: GatewayTestServer) -> None:
    """A message goes where the settings say and nowhere else, whatever the server would like."""
    with GatewayTestServer() as elsewhere, GatewayTestServer() as server:
        server.moved = elsewhere.url

        assert webhook(server.url).send(message(TO, key="k")) == Refused("it answered 307", lasting=False)
        assert not elsewhere.bodies


def test_requests_are_signed(well: GatewayTestServer) -> None:
    """The body that arrived is the one that was signed, and the key stands in a header of its own."""
    one = message(TO)
    webhook(well.url, now=lambda: 1_700_000_000.0).send(one)
    body, headers = well.bodies[-1], well.headers[-1]

    assert headers["Idempotency-Key"] == one.key
    assert is_signed(headers["X-Forbear-Signature"], body, [SECRET], 1_700_000_000.0)
    assert json.loads(body)["to"] == TO


def test_an_answer_that_never_ends_is_left(well: GatewayTestServer) -> None:
    """A body that comes a byte now and then holds the caller no longer than all may take; its status counts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def answer() -> None:
            caller, _ = listening.accept()
            with caller, suppress(OSError):
                caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not stop.wait(0.02):
                    caller.sendall(b" ")

        thread = threading.Thread(target=answer)
        thread.start()
        begun = time.monotonic()
        try:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/messages"
            assert webhook(url, total_seconds=0.3).send(message(TO)) == Sent("")
        finally:
            stop.set()
            thread.join()

        assert time.monotonic() - begun < 5.0


@pytest.mark.parametrize("url", ["http://bank.example/x", "https://u:p@bank.example/x", "ftp://x", "https://h/x?a=1"])
def test_a_url_that_would_leak_is_refused(url: str) -> None:
    """Only https, or http on this machine; no password and no query, to which no key could be added."""
    with pytest.raises(ConfigError):
        webhook(url)


def test_a_short_secret_is_refused() -> None:
    """A secret that could be guessed proves nothing."""
    with pytest.raises(ConfigError, match="16 bytes"):
        webhook("https://bank.example/x", secret=b"short")


def test_who_cannot_be_asked_is_not_asked(well: GatewayTestServer) -> None:
    """A gateway that keeps no keys is never believed."""
    asked = len(well.headers)

    assert isinstance(webhook(well.url, reconciles=False).look_up("k"), Unknown)
    assert asked == len(well.headers)
