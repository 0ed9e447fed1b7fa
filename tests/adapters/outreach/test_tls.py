"""Encryption, against servers with a certificate of their own: a stranger's certificate is not spoken to."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from forbear.adapters.mail import MailHost
from forbear.adapters.outreach.smtp import Smtp
from forbear.engine.outreach import Refused, Sent
from forbear.testing.outreach_contract import message
from forbear.testing.servers.mail import MailTestServer

TO = "ada.lovelace@example.org"


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """What a server at 127.0.0.1 proves itself by, and the file that says who is believed."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a mail server for tests")])
    since = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    believed, secret = folder / "cert.pem", folder / "key.pem"
    believed.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(believed, secret)
    return context, believed


def smtp(port: int, encryption: Literal["tls", "starttls"], password: str = "") -> Smtp:
    """A provider that logs in where there is a password."""
    user = "forbear" if password else ""
    host = MailHost(
        name="email", host="127.0.0.1", port=port, encryption=encryption, user=user, password=password, seconds=5.0
    )
    return Smtp(host=host, sender="help@bank.example")


@pytest.mark.parametrize("encryption", ["tls", "starttls"])
def test_only_who_is_believed_is_given_anything(
    encryption: Literal["tls", "starttls"],
    certified: tuple[ssl.SSLContext, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server whose certificate nobody vouches for gets no message; one that is vouched for gets it."""
    context, believed = certified
    with MailTestServer(tls=context, starttls=encryption == "starttls") as server:
        provider = smtp(server.port, encryption)
        assert provider.send(message(TO)) == Refused("SSLCertVerificationError before the message left", lasting=False)
        assert not server.kept

        monkeypatch.setenv("SSL_CERT_FILE", str(believed))
        assert isinstance(provider.send(message(TO)), Sent)
        assert sum(server.kept.values()) == 1


def test_a_password_is_said_over_tls_alone(
    certified: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the right one the mail is taken; with a wrong one it is refused for now: the operator has to mend it."""
    context, believed = certified
    monkeypatch.setenv("SSL_CERT_FILE", str(believed))
    with MailTestServer(tls=context, starttls=True, login=("forbear", "right")) as server:
        assert isinstance(smtp(server.port, "starttls", "right").send(message(TO)), Sent)
        assert smtp(server.port, "starttls", "wrong").send(message(TO)) == Refused(
            "it answered 535 at the door", lasting=False
        )
        assert sum(server.kept.values()) == 1
