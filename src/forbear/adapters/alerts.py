"""Channels that alerts go out by: a webhook, a mail server, a file. Each takes one message, whole or not at all."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol

from forbear.adapters.disk import storage_errors
from forbear.adapters.https import NoAnswer, Request, checked_url, exchange
from forbear.adapters.mail import MailHost, one_line
from forbear.domain.errors import BackendUnavailable


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
        checked_url(f"channel {self.name}", self.url, mend="name it by token_env")

    def send(self, message: Message) -> None:
        """Post it. Only an answer of 200 to 299 counts, and no redirect is followed."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = json.dumps(message.document, allow_nan=False).encode()
        try:
            answer = exchange(Request(method="POST", url=self.url, headers=headers, body=body))
        except NoAnswer as error:
            raise _unavailable(self.name, f"{error}") from error
        if not answer.taken:
            raise _unavailable(self.name, f"it answered {answer.status}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer(MailHost):
    """A mail to some people, by a server that `MailHost` describes."""

    sender: str
    to: tuple[str, ...]

    def send(self, message: Message) -> None:
        """Hand it to the server for all recipients, or for none."""
        mail = EmailMessage()
        mail["Subject"] = one_line(message.subject)
        mail["From"], mail["To"] = self.sender, ", ".join(self.to)
        mail.set_content(message.text)
        client = self.client()
        try:
            self.greet(client)
            refused = client.send_message(mail)
            with suppress(OSError, smtplib.SMTPException):
                client.quit()
        except (OSError, smtplib.SMTPException) as error:
            raise _unavailable(self.name, type(error).__name__) from error
        finally:
            client.close()
        if refused:
            raise _unavailable(self.name, f"it refused {len(refused)} of {len(self.to)} recipients")


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
