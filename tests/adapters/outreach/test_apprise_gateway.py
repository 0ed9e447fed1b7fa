"""Gateways through apprise, against a real HTTP server: a no is unknown, and nothing personal is logged."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from forbear.adapters.outreach.apprise_gateway import AppriseGateway
from forbear.domain.errors import ConfigError
from forbear.engine.outreach import Outreach, Refused, Sent, Unknown
from forbear.testing.outreach_contract import OutreachContract, Rig, message
from forbear.testing.servers.gateway import GatewayTestServer
from forbear.testing.servers.script import Script

TO = "+4915112345678"


@pytest.fixture(scope="module")
def well() -> Iterator[GatewayTestServer]:
    """A gateway that takes everything."""
    with GatewayTestServer() as server:
        yield server


def gateway(url: str) -> AppriseGateway:
    """A gateway that speaks JSON, as apprise posts it."""
    base = url.replace("http://", "json://")
    return AppriseGateway(name="sms", url=f"{base}?+Idempotency-Key={{key}}&:to={{to}}")


class TestAppriseGateway(OutreachContract):
    """The laws of every provider."""

    @pytest.fixture(autouse=True)
    def _server(self, well: GatewayTestServer) -> None:
        self.server = well

    def make(self) -> Rig:
        """The gateway of the module; a header that apprise sets is read as a webhook's is."""
        return Rig(gateway(self.server.url), TO, lambda key: self.server.sent[unquote(key)])

    def gone(self) -> Outreach | None:
        """Whether a gateway was not there, apprise does not tell."""
        return None


@pytest.mark.parametrize(("befalls", "sent"), [("busy", 0), ("rejected", 0), ("silent", 1), ("failed", 1)])
def test_a_no_is_unknown(befalls: str, sent: int) -> None:
    """Apprise says no whether the gateway took the message or not: nobody may send it again blindly."""
    with GatewayTestServer(Script(always=(befalls,))) as server:
        assert isinstance(gateway(server.url).send(message(TO, key="k")), Unknown)
        assert sent == server.sent["k"]
        assert len(server.bodies) == 1


def test_nobody_there_is_unknown_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What apprise and its libraries would log of a failure names the address: it is not logged."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        provider = gateway(f"http://127.0.0.1:{free.getsockname()[1]}/messages")
    with caplog.at_level(logging.DEBUG):
        assert isinstance(provider.send(message(TO)), Unknown)

    assert not [record for record in caplog.records if "4915112345678" in record.getMessage()]


def test_others_may_log_in_between(caplog: pytest.LogCaptureFixture, well: GatewayTestServer) -> None:
    """Only what a thread says while it speaks to a gateway is dropped."""
    gateway(well.url).send(message(TO))
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("urllib3.connectionpool").debug("of somebody else")

    assert [record.getMessage() for record in caplog.records] == ["of somebody else"]


def test_a_redirect_is_not_followed() -> None:
    """A gateway that would like the message elsewhere does not get it there."""
    with GatewayTestServer() as elsewhere, GatewayTestServer() as server:
        server.moved = elsewhere.url
        assert isinstance(gateway(server.url).send(message(TO)), Unknown)

        assert not elsewhere.bodies


@pytest.mark.parametrize("to", ["+491,+492", "+491 +492", "+491;+492", "+491/+492", "+491?retry=3", ""])
def test_one_address_is_never_two(to: str, well: GatewayTestServer) -> None:
    """What apprise would take for several addresses is refused before it sees it."""
    before = len(well.bodies)

    assert isinstance(answer := gateway(well.url).send(message(to)), Refused)
    assert answer.lasting
    assert before == len(well.bodies)


def test_the_message_is_what_was_handed_over(well: GatewayTestServer) -> None:
    """Nothing in it is interpreted: no markup, no escapes, no emoji by name."""
    text = "It costs :smile: 5 < 6 & \\n *nothing*."
    assert Sent() == gateway(well.url).send(message(TO, subject="Help", text=text))
    told = json.loads(well.bodies[-1])

    assert (told["title"], told["message"]) == ("Help", text)
    assert told["to"] == TO


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("json://localhost/", "no place for an address"),
        ("json://localhost/?:to={to}&retry=3", "sets retry"),
        ("json://localhost/?:to={to}&overflow=split", "sets overflow"),
        ("no-such-scheme://x/{to}", "does not know"),
    ],
)
def test_a_url_that_cannot_be_is_refused(url: str, says: str) -> None:
    """And the error does not show it: it holds secrets."""
    with pytest.raises(ConfigError, match=says) as refused:
        AppriseGateway(name="sms", url=url)
    assert url not in str(refused.value)


def test_it_cannot_be_said_to_reconcile() -> None:
    """Whoever sets it would have messages sent twice."""
    with pytest.raises(ConfigError, match="cannot be asked"):
        AppriseGateway(name="sms", url="json://localhost/?:to={to}", reconciles=True)
