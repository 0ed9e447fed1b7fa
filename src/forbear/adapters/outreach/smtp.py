"""E-mail by SMTP (RFC 5321), one message to one person in one conversation.

Until the server says 354 nothing of a message has been handed over, so that whatever goes wrong is a refusal. From the
first byte of the message on, only the server's answer tells: without it the sending is unknown, and SMTP has no
question by which to find out.
"""

from __future__ import annotations

import hashlib
import re
import smtplib
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as LINES
from urllib.parse import quote

from forbear.adapters.deadline import ended_after
from forbear.adapters.mail import MailHost, one_line
from forbear.domain.errors import ConfigError
from forbear.engine.outreach import Absent, Delivery, Message, Refused, Sent, Unknown

_ADDRESS = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\Z"
)
_ATOM = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?\Z")
_STATUS = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}\b")
_LEAVE = re.compile(r"(?:https://|mailto:)[!-~]{3,500}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """Mail from one sender. sender: an address, with or without a name ("Bank <help@bank.example>").

    unsubscribe: https or mailto URL of the List-Unsubscribe header, in which {key} stands for the sending; "" for none.
    total_seconds: that one conversation may take.  Raises ConfigError for a sender or a URL that is none.
    """

    host: MailHost
    sender: str
    unsubscribe: str = ""
    total_seconds: float = 30.0
    name: str = "smtp"
    reconciles: bool = False

    def __post_init__(self) -> None:
        if not _ADDRESS.match(self._from.addr_spec) or "\n" in self.sender:
            raise ConfigError(f"{self.name}: the sender is no address", mend="write it like help@bank.example")
        if self.unsubscribe and not _LEAVE.match(self.unsubscribe.replace("{key}", "key")):
            raise ConfigError(
                f"{self.name}: unsubscribe is neither an https nor a mailto URL", mend="write it like https://host/path"
            )
        if self.reconciles:
            raise ConfigError(f"{self.name}: SMTP cannot be asked what became of a message", mend="reconciles = false")

    def send(self, message: Message) -> Delivery:
        """Hand it to the server; see the module for what a failure means."""
        if not _ADDRESS.match(message.to):
            return Refused("the address is none that SMTP can carry", lasting=True)
        content = self.mail_of(message).as_bytes(policy=LINES)
        client = self.host.client()
        conversation = _Conversation(client, self.message_id(message.key))
        try:
            with ended_after(self.total_seconds, lambda: client.sock):
                self.host.greet(client)
                return conversation.hand_over(self._from.addr_spec, message.to, content)
        except (OSError, smtplib.SMTPException) as error:
            return conversation.broken(error)
        finally:
            client.close()

    def look_up(self, _key: str) -> Delivery | Absent:
        """Nobody can say."""
        return Unknown("SMTP cannot be asked what became of a message")

    def message_id(self, key: str) -> str:
        """The Message-ID of a sending: its key where that may stand in one, else a digest of the key."""
        left = key if _ATOM.match(key) and ".." not in key else hashlib.sha256(key.encode()).hexdigest()
        return f"<{left}@{self._from.domain}>"

    def mail_of(self, message: Message) -> EmailMessage:
        """The mail as it goes over the wire. No value of a message can add a header."""
        mail = EmailMessage()
        mail["Message-ID"] = self.message_id(message.key)
        mail["From"], mail["To"] = self._from, Address(addr_spec=message.to)
        mail["Subject"] = one_line(message.subject)
        mail["Auto-Submitted"] = "auto-generated"
        if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", message.language):
            mail["Content-Language"] = message.language
        if self.unsubscribe:
            mail["List-Unsubscribe"] = f"<{self.unsubscribe.replace('{key}', quote(message.key, safe=''))}>"
            if self.unsubscribe.startswith("https://"):
                mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
        mail.set_content(message.text, cte="quoted-printable")
        return mail

    @property
    def _from(self) -> Address:
        named, _, rest = self.sender.rpartition("<")
        try:
            return Address(one_line(named).strip('" '), addr_spec=rest.removesuffix(">"))
        except (ValueError, IndexError) as error:
            raise ConfigError(f"{self.name}: the sender is no address", mend="like help@bank.example") from error


class _Conversation:
    """One mail's way to a server. begun: a byte of the message itself may have left."""

    def __init__(self, client: smtplib.SMTP, message_id: str) -> None:
        self._client = client
        self._message_id = message_id
        self._begun = False

    def hand_over(self, sender: str, to: str, content: bytes) -> Delivery:
        """MAIL, RCPT, DATA and the message. Raises OSError and smtplib.SMTPException."""
        self._client.ehlo_or_helo_if_needed()
        for verb, asked in (("MAIL", f"FROM:<{sender}>"), ("RCPT", f"TO:<{to}>")):
            code, said = self._client.docmd(verb, asked)
            if not 200 <= code < 300:
                return _refused(verb, code, said)
        code, said = self._client.docmd("DATA")
        if code != 354:  # RFC 5321, 3.3
            return _refused("DATA", code, said)
        self._begun = True
        # A line that is a dot alone would end the message early (RFC 5321, 4.5.2).
        self._client.send(content.replace(b"\r\n.", b"\r\n..") + (b"" if content.endswith(b"\r\n") else b"\r\n"))
        self._client.send(b".\r\n")
        code, said = self._client.getreply()
        if not 200 <= code < 300:
            return _refused("the message", code, said)
        with suppress(OSError, smtplib.SMTPException):
            self._client.putcmd("QUIT")  # its answer is nobody's business
        return Sent(self._message_id)

    def broken(self, error: Exception) -> Delivery:
        """What it means that the conversation ended here."""
        if self._begun:
            return Unknown(f"{type(error).__name__} after the message had begun to leave")
        if isinstance(error, smtplib.SMTPResponseException):
            return Refused(f"it answered {error.smtp_code} at the door", lasting=False)
        return Refused(f"{type(error).__name__} before the message left", lasting=False)


def _refused(verb: str, code: int, said: bytes) -> Delivery:
    """An answer that is no yes, by its code alone: what a server says in words may name the person."""
    status = _STATUS.match(said)
    why = f"it answered {code}{f' {status[0].decode()}' if status else ''} to {verb}"
    if 400 <= code < 600:
        return Refused(why, lasting=code >= 500)
    if verb != "the message":
        return Refused(why, lasting=False)
    return Unknown(why)
