"""Channels that alerts go out by: a webhook, a mail server, a file. Each takes one message, whole or not at all."""

from __future__ import annotations

import json
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

from forbear.adapters.disk import storage_errors
from forbear.adapters.hosts import is_loopback
from forbear.domain.errors import BackendUnavailable, ConfigError

Encryption: TypeAlias = Literal["tls", "starttls", "none"]

_TIMEOUT_SECONDS = 10.0
_SUBJECT_LENGTH = 150


@dataclass(frozen=True, slots=True)
class Message:
    """What is told. subject: one line.  text: for people.  document: for machines, JSON-able."""

    subject: str
    text: str
    document: Mapping[str, Any]


class Channel(Protocol):
    """A way to tell people."""

    def send(self, message: Message) -> None:
        """Deliver one message. Raises BackendUnavailable if nobody took it, StorageError for a file."""
        ...


@dataclass(frozen=True, slots=True)
class Webhook:
    """A JSON document posted to a URL. name: in errors, which never show the URL.  token: a bearer's, "" for none.

    Raises ConfigError for a URL that is neither https nor http on this machine, or that holds a password.
    """

    name: str
    url: str = field(repr=False)
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        try:
            found = urlsplit(self.url)
            port = found.port
        except ValueError as error:
            raise ConfigError(
                f"channel {self.name}: its url is none", mend="write it like https://host/path"
            ) from error
        if found.username or found.password:
            raise ConfigError(f"channel {self.name} holds a password in its url", mend="name it by token_env")
        local = found.scheme == "http" and is_loopback(found.hostname or "")
        if not found.hostname or port == 0 or not (found.scheme == "https" or local):
            raise ConfigError(
                f"channel {self.name}: its url is neither https nor http on this machine", mend="use https"
            )

    def send(self, message: Message) -> None:
        """Post it. Only an answer of 200 to 299 counts, and no redirect is followed."""
        found = urlsplit(self.url)
        path = f"{found.path or '/'}{f'?{found.query}' if found.query else ''}"
        headers = {"Content-Type": "application/json", "User-Agent": "forbear"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = json.dumps(message.document, allow_nan=False).encode()
        connection = (
            HTTPSConnection(found.hostname or "", found.port, timeout=_TIMEOUT_SECONDS)
            if found.scheme == "https"
            else HTTPConnection(found.hostname or "", found.port, timeout=_TIMEOUT_SECONDS)
        )
        try:
            connection.request("POST", path, body, headers)
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            raise _unavailable(self.name, type(error).__name__) from error
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise _unavailable(self.name, f"it answered {status}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A mail to some people. encryption: "none" only on this machine.  user: "" to log in as nobody.

    Raises ConfigError for a password that would go over a wire in the clear.
    """

    name: str
    host: str
    port: int
    encryption: Encryption
    sender: str
    to: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.encryption == "none" and not is_loopback(self.host):
            raise ConfigError(
                f"channel {self.name}: mail without encryption to another machine", mend='set encryption = "starttls"'
            )

    def send(self, message: Message) -> None:
        """Hand it to the server for all recipients, or for none."""
        mail = EmailMessage()
        mail["Subject"] = " ".join(message.subject.split())[:_SUBJECT_LENGTH]
        mail["From"], mail["To"] = self.sender, ", ".join(self.to)
        mail.set_content(message.text)
        try:
            with self._connected() as server:
                if self.encryption == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, self.password)
                refused = server.send_message(mail)
        except (OSError, smtplib.SMTPException) as error:
            raise _unavailable(self.name, type(error).__name__) from error
        if refused:
            raise _unavailable(self.name, f"it refused {len(refused)} of {len(self.to)} recipients")

    def _connected(self) -> smtplib.SMTP:
        if self.encryption == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_TIMEOUT_SECONDS, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True)
class AlertFile:
    """Lines of JSON behind what a file holds already, for whatever reads it."""

    name: str
    path: Path

    def send(self, message: Message) -> None:
        """Put one line behind the others."""
        line = json.dumps(message.document, allow_nan=False) + "\n"
        with storage_errors(f"cannot write {self.path}"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line)


def _unavailable(name: str, why: str) -> BackendUnavailable:
    return BackendUnavailable(f"channel {name} took no alert: {why}", mend="mend it; the next run tells it again")
