"""A mail server that messages are handed to: how it is reached, and what a header may hold."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from forbear.adapters.hosts import is_loopback
from forbear.domain.errors import ConfigError

Encryption: TypeAlias = Literal["tls", "starttls", "none"]

SUBJECT_LENGTH = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHost:
    """A server and who logs in to it. encryption: "none" only on this machine.  user: "" to log in as nobody.

    name: in errors.  seconds: that one answer of it may take.  Raises ConfigError for a password that would go over a
    wire in the clear.
    """

    name: str
    host: str
    port: int
    encryption: Encryption
    user: str = ""
    password: str = field(default="", repr=False)
    seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.encryption == "none" and not is_loopback(self.host):
            raise ConfigError(
                f"channel {self.name}: mail without encryption to another machine", mend='set encryption = "starttls"'
            )

    def client(self) -> smtplib.SMTP:
        """A client of that server that is not connected yet."""
        if self.encryption == "tls":
            return smtplib.SMTP_SSL(timeout=self.seconds, context=ssl.create_default_context())
        return smtplib.SMTP(timeout=self.seconds)

    def greet(self, client: smtplib.SMTP) -> None:
        """Connect, encrypt and log in. Raises OSError and smtplib.SMTPException."""
        client._host = self.host  # type: ignore[attr-defined]  # noqa: SLF001  # what TLS checks a certificate by
        code, _ = client.connect(self.host, self.port)
        if code != 220:  # RFC 5321, 4.2
            raise smtplib.SMTPConnectError(code, b"")
        if self.encryption == "starttls":
            client.starttls(context=ssl.create_default_context())
        if self.user:
            client.login(self.user, self.password)


def one_line(text: str, most: int = SUBJECT_LENGTH) -> str:
    """A text as a header may hold it: on one line, without control characters, not too long."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:most]
