"""Mail over a real server: what is unknown is never called refused, and what is refused was never taken."""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Iterator

import pytest

from forbear.adapters.mail import MailHost
from forbear.adapters.outreach.smtp import Smtp
from forbear.domain.errors import ConfigError
from forbear.engine.outreach import Delivery, Outreach, Refused, Sent, Unknown
from forbear.testing.outreach_contract import OutreachContract, Rig, message
from forbear.testing.servers.mail import MailTestServer
from forbear.testing.servers.script import Script
from forbear.testing.servers.starting import free_ports

TO = "ada.lovelace@example.org"


@pytest.fixture(scope="module")
def well() -> Iterator[MailTestServer]:
    """A server that takes everything."""
    with MailTestServer() as server:
        yield server


def smtp(port: int, **changed: object) -> Smtp:
    """A provider of a server of this machine."""
    host = MailHost(name="email", host="127.0.0.1", port=port, encryption="none", seconds=2.0)
    return Smtp(**{"host": host, "sender": "First Bank <help@bank.example>", **changed})  # type: ignore[arg-type]


class TestSmtp(OutreachContract):
    """The laws of every provider."""

    @pytest.fixture(autouse=True)
    def _server(self, well: MailTestServer) -> None:
        self.server = well

    def make(self) -> Rig:
        """The server of the module."""
        provider = smtp(self.server.port)
        return Rig(provider, TO, lambda key: self.server.kept[provider.message_id(key)])

    def gone(self) -> Outreach:
        """A port without a server."""
        return smtp(free_ports(1)[0])


@pytest.mark.parametrize(
    ("befalls", "expected", "kept"),
    [
        ("turned_away", Refused("it answered 451 4.7.1 to RCPT", lasting=False), 0),
        ("rejected", Refused("it answered 550 5.1.1 to RCPT", lasting=True), 0),
        ("hung_up", Refused("SMTPServerDisconnected before the message left", lasting=False), 0),
        ("busy", Refused("it answered 451 4.3.0 to the message", lasting=False), 0),
        ("unwanted", Refused("it answered 550 5.7.1 to the message", lasting=True), 0),
        ("lost", Unknown("SMTPServerDisconnected after the message had begun to leave"), 0),
        ("silent", Unknown("SMTPServerDisconnected after the message had begun to leave"), 1),
    ],
)
def test_what_befalls_is_told_as_it_is(befalls: str, expected: Delivery, kept: int) -> None:
    """Refused where the server has said so or has not seen the message, Unknown wherever it may have kept it."""
    with MailTestServer(Script(always=(befalls,))) as server:
        provider, one = smtp(server.port), message(TO)

        assert expected == provider.send(one)
        assert kept == server.kept[provider.message_id(one.key)]


def test_an_answer_that_comes_too_late_is_unknown() -> None:
    """The server keeps it and answers after the time limit: nobody on this side can tell."""
    with MailTestServer(Script(always=("late",), late_seconds=1.0)) as server:
        host = MailHost(name="email", host="127.0.0.1", port=server.port, encryption="none", seconds=0.2)
        provider, one = Smtp(host=host, sender="help@bank.example"), message(TO)

        assert isinstance(provider.send(one), Unknown)
        assert server.kept[provider.message_id(one.key)] == 1


def test_a_server_that_never_ends_is_left() -> None:
    """A greeting that goes on for ever, a line now and then, holds the caller no longer than all may take."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def greet() -> None:
            caller, _ = listening.accept()
            with caller:
                while not stop.wait(0.02):
                    try:
                        caller.sendall(b"220-still here\r\n")
                    except OSError:
                        return

        thread = threading.Thread(target=greet)
        thread.start()
        try:
            answer = smtp(listening.getsockname()[1], total_seconds=0.3).send(message(TO))
        finally:
            stop.set()
            thread.join()

        assert isinstance(answer, Refused)
        assert not answer.lasting


def test_the_mail_says_what_it_is(well: MailTestServer) -> None:
    """One recipient, an id made of the key, a way to leave, and the text as it was written."""
    text = "Grüße,\n.\n..\nfrom the last line"
    one = message(TO, subject="Two\r\nBcc: other@example.org", text=text)
    provider = smtp(well.port, unsubscribe="https://bank.example/leave/{key}")
    assert Sent(provider.message_id(one.key)) == provider.send(one)

    mail = well.mails[-1]
    assert provider.message_id(one.key) == f"<{one.key}@bank.example>" == mail["Message-ID"]
    assert mail["Subject"] == "Two Bcc: other@example.org"
    assert mail["Bcc"] is None
    assert mail["To"] == TO
    assert mail["From"] == "First Bank <help@bank.example>"
    assert mail["List-Unsubscribe"] == f"<https://bank.example/leave/{one.key}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content().splitlines() == text.splitlines()


def test_a_key_that_is_no_atom_is_digested() -> None:
    """Keys that cannot stand in a Message-ID have one of their own all the same."""
    provider = smtp(1)
    ids = {provider.message_id(key) for key in ("a b", "a>b", "a..b", ".a", "é", "ab")}

    assert len(ids) == 6
    assert all(found.count("@") == 1 and " " not in found and found.count(">") == 1 for found in ids)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"sender": "nobody"}, "the sender is no address"),
        ({"sender": "a@b.example\nBcc: c@d.example"}, "the sender is no address"),
        ({"unsubscribe": "http://bank.example"}, "unsubscribe is neither"),
        ({"reconciles": True}, "cannot be asked"),
    ],
)
def test_what_cannot_be_is_refused_at_once(changed: dict[str, object], says: str) -> None:
    """Settings that could not work are said where they are made."""
    with pytest.raises(ConfigError, match=says):
        smtp(1, **changed)


def test_mail_to_another_machine_is_encrypted() -> None:
    """Without encryption only this machine is spoken to."""
    with pytest.raises(ConfigError, match="without encryption"):
        MailHost(name="email", host="mail.bank.example", port=25, encryption="none")


def test_a_server_is_greeted_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS checks a certificate by the host of the settings, not by nothing."""
    host = MailHost(name="email", host="mail.bank.example", port=465, encryption="tls")
    client = host.client()
    seen: list[str] = []

    def refuse(*_: object) -> tuple[int, bytes]:
        seen.append(client._host)  # type: ignore[attr-defined]
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(client, "connect", refuse)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        host.greet(client)
    assert seen == ["mail.bank.example"]
