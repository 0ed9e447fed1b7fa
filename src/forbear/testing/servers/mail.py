"""A mail server that counts what it was handed, and now and then behaves as mail servers do on a bad day.

What befalls a mail is drawn for its recipient: "turned_away" (451) or "rejected" (550) at RCPT; "hung_up" at RCPT;
"busy" (451) or "unwanted" (550) after the message; "lost" (read, not kept, and the line breaks); "silent" (kept, and
the line breaks before any answer); "late" (kept, and answered late). Needs aiosmtpd.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections import Counter
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from forbear.testing.servers.script import Script, Tries

# aiosmtpd writes down every line it hears; this one tells of no mail. A filter outlives whoever sets logging up anew.
logging.getLogger("mail.log").addFilter(lambda _record: False)

_READY_SECONDS = 10.0
_ANSWERS = {"turned_away": "451 4.7.1 later", "rejected": "550 5.1.1 nobody here is called that"}
_VERDICTS = {"busy": "451 4.3.0 too much to do", "unwanted": "550 5.7.1 no"}


class MailTestServer:
    """Listens on a free port while the block runs; kept: how often each Message-ID was taken.

    tls: what it proves itself by, with `starttls` asked for first or else spoken from the first byte.
    user, password: whom alone it serves; "" for everybody.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: bool = False,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.script = script or Script()
        self.kept: Counter[str] = Counter()
        self.mails: list[EmailMessage] = []
        self.port = 0
        self._tls, self._starttls, self._login = tls, starttls, login
        self._tries = Tries()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mail-server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(_READY_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_READY_SECONDS)

    # ---- inside

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        spoken = self._tls if self._tls is not None and not self._starttls else None
        server = self._loop.run_until_complete(self._loop.create_server(self._protocol, "127.0.0.1", 0, ssl=spoken))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _protocol(self) -> SMTP:
        return SMTP(
            _Handler(self),
            hostname="mail.test",
            loop=self._loop,
            tls_context=self._tls if self._starttls else None,
            require_starttls=self._starttls,
            auth_required=self._login is not None,
            auth_require_tls=self._tls is not None and self._login is not None,
            authenticator=self._authenticated,
            timeout=_READY_SECONDS,
        )

    def _authenticated(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _kind: str, data: Any
    ) -> AuthResult:
        known = isinstance(data, LoginPassword) and self._login == (data.login.decode(), data.password.decode())
        return AuthResult(success=known, handled=known)

    def taken(self, content: bytes) -> None:
        """Keep one mail."""
        mail = message_from_bytes(content, policy=policy.default)
        self.mails.append(mail)
        self.kept[str(mail["Message-ID"])] += 1

    def befalls(self, recipient: str) -> str:
        """What befalls the next try of a recipient."""
        return self.script.befalls(recipient, self._tries.again(recipient))


class _Handler:
    """What aiosmtpd asks at each step of one conversation."""

    def __init__(self, server: MailTestServer) -> None:
        self._server = server
        self._befallen = "well"

    async def handle_RCPT(  # noqa: N802  # as aiosmtpd calls it
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self._befallen = self._server.befalls(address)
        if self._befallen == "hung_up":
            return _hang_up(server)
        if self._befallen in _ANSWERS:
            return _ANSWERS[self._befallen]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self._befallen in _VERDICTS:
            return _VERDICTS[self._befallen]
        if self._befallen != "lost":
            content = envelope.original_content or b""
            self._server.taken(content)
        if self._befallen in ("lost", "silent"):
            return _hang_up(server)
        if self._befallen == "late":
            await asyncio.sleep(self._server.script.late_seconds)
        return "250 OK"


def _hang_up(server: SMTP) -> str:
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()
    return "421 gone"
