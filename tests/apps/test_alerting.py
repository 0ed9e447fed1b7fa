"""Channels: real servers on this machine take what is told, once an episode, and again what they refused."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from forbear.adapters.alerts import MailServer, Message, Webhook
from forbear.apps.home import Home
from forbear.apps.jobs.alerting import tell
from forbear.domain.errors import BackendUnavailable, ConfigError, CorruptState
from forbear.models.monitoring import Finding, Severity

DAY = 20_000
MESSAGE = Message("two\nlines", "Grüße\n.\nfrom the last line", {"alarms": [{"effect": 0.02}]})


class Hook(ThreadingHTTPServer):
    """A web server that keeps what is posted, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Posted)
        self.status, self.taken = 204, list[tuple[str, str, Any]]()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/alerts?team=risk"


class _Posted(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        """Keep the path, the token and the document."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append((self.path, self.headers.get("Authorization", ""), body))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Post(socketserver.ThreadingTCPServer):
    """A mail server that keeps what it is handed, and refuses whoever is called `nobody`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handed)
        self.taken: list[tuple[list[str], str]] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class _Handed(socketserver.StreamRequestHandler):
    server: Post

    def handle(self) -> None:
        """Speak as much of RFC 5321 as a client needs."""
        to: list[str] = []
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line.upper()
            if word.startswith("RCPT"):
                known = "nobody@" not in line
                to += [line.partition("<")[2].partition(">")[0]] if known else []
                self._say("250 fine" if known else "550 unknown")
            elif word == "DATA":
                self._say("354 go on")
                self.server.taken.append((to, self._content()))
                self._say("250 taken")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _content(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            lines.append(line)
        return "\n".join(lines)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def running(server: socketserver.BaseServer) -> Iterator[None]:
    """The server in a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A web server."""
    server = Hook()
    with running(server):
        yield server


@pytest.fixture
def post() -> Iterator[Post]:
    """A mail server."""
    server = Post()
    with running(server):
        yield server


def mail(post: Post, *to: str) -> MailServer:
    """A channel to the mail server."""
    return MailServer(
        name="mail", host="127.0.0.1", port=post.port, encryption="none", sender="forbear@bank.example", to=to
    )


def alarm(kind: str = "decision_drift", severity: Severity = "page") -> Finding:
    """An alarm about the share that is contacted."""
    return Finding(kind=kind, name="contact", verdict="drifting", severity=severity, since=DAY, effect=0.02)


def home_with(tmp_path: Path, *channels: str) -> Home:
    """A folder with channels."""
    text = 'format = 1\nversion = "1"\nrun_book = "https://wiki.example/alarms"\n'
    (tmp_path / "alerts.toml").write_text(
        text + "\n".join(f"[[channels]]\n{one}" for one in channels), encoding="utf-8"
    )
    return Home(tmp_path)


def webhook(hook: Hook, name: str = "on-call", least: str = "page") -> str:
    """A table of a channel to the web server."""
    return f'name = "{name}"\nkind = "webhook"\nleast = "{least}"\nurl = "{hook.url}"\ntoken_env = "TOKEN"\n'


def test_a_webhook_takes_json_with_its_token(hook: Hook) -> None:
    """The document is posted to the path as it stands, with the bearer's token."""
    Webhook("on-call", hook.url, "secret").send(MESSAGE)
    assert hook.taken == [("/alerts?team=risk", "Bearer secret", MESSAGE.document)]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_does_not_take_it_has_not(hook: Hook, status: int) -> None:
    """Anything but a 2xx is a failure; a redirect is not followed, and the error names no URL."""
    hook.status = status
    with pytest.raises(BackendUnavailable, match=str(status)) as failed:
        Webhook("on-call", hook.url).send(MESSAGE)
    assert len(hook.taken) == 1
    assert "127.0.0.1" not in str(failed.value)


@pytest.mark.parametrize(
    "url", ["http://hooks.example/x", "ftp://127.0.0.1/x", "https://me:secret@hooks.example/x", "https://", "x"]
)
def test_a_url_in_the_clear_is_refused(url: str) -> None:
    """Only https, or http on this machine, and no password; the error shows none."""
    with pytest.raises(ConfigError) as refused:
        Webhook("on-call", url)
    assert "secret" not in str(refused.value)


def test_a_mail_arrives_whole(post: Post) -> None:
    """Subject on one line, both recipients, and a text whose lonely dot does not end it."""
    mail(post, "a@bank.example", "b@bank.example").send(MESSAGE)
    ((to, content),) = post.taken
    assert to == ["a@bank.example", "b@bank.example"]
    assert "Subject: two lines" in content
    assert "from the last line" in content


def test_a_refused_recipient_is_a_failure(post: Post) -> None:
    """A mail that not everybody was handed has failed; without encryption none goes to another machine."""
    with pytest.raises(BackendUnavailable):
        mail(post, "a@bank.example", "nobody@bank.example").send(MESSAGE)
    with pytest.raises(ConfigError, match="without encryption"):
        MailServer(name="m", host="mail.example", port=25, encryption="none", sender="a@b", to=("c@d",))


def test_an_episode_is_told_once(hook: Hook, tmp_path: Path) -> None:
    """Days on end are one episode, a page is told where the warning was, and after a pause it is news again."""
    home, to = home_with(tmp_path, webhook(hook, least="warn")), {"TOKEN": "t"}
    told = [
        len(tell(home, alarms, DAY + day, to))
        for day, alarms in (
            (0, [alarm(severity="warn")]),
            (1, [alarm(severity="warn")]),
            (2, [alarm()]),
            (3, [alarm(), alarm("high_risk")]),
            (5, [alarm(severity="warn")]),
            (6, []),
            (10, []),
            (11, [alarm()]),
        )
    ]
    assert told == [1, 0, 1, 1, 0, 0, 0, 1]
    assert len(hook.taken) == 4
    (first,) = hook.taken[0][2]["alarms"]
    assert (first["severity"], first["since"], first["effect"]) == ("warn", "2024-10-04", 0.02)
    assert first["run_book"] == "https://wiki.example/alarms#decision-drift"
    assert first["to_act"] == "the owner of the policy"


def test_warnings_wake_nobody(hook: Hook, tmp_path: Path) -> None:
    """A channel for pages hears of no warning."""
    assert tell(home_with(tmp_path, webhook(hook)), [alarm(severity="warn")], DAY, {"TOKEN": "t"}) == []
    assert not hook.taken


def test_a_channel_that_failed_is_told_again(hook: Hook, tmp_path: Path) -> None:
    """One that fails stops no other; the next run tells it, and only it."""
    file = 'name = "log"\nkind = "file"\npath = "alerts.jsonl"\n'
    home, to = home_with(tmp_path, webhook(hook), file), {"TOKEN": "t"}
    hook.status = 503
    with pytest.raises(BackendUnavailable, match="on-call"):
        tell(home, [alarm()], DAY, to)
    hook.status = 200
    assert len(tell(home, [alarm()], DAY, to)) == 1
    assert len(hook.taken) == 2
    assert len((tmp_path / "alerts.jsonl").read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ('name = "a"\nkind = "webhook"\n', "lacks url"),
        ('name = "a"\nkind = "mail"\nhost = "h"\nsender = "s@b"\nto = ["none"]\n', "an address is none"),
        ('name = "a"\nkind = "mail"\nhost = "h"\nsender = "s@b"\nto = ["a@b"]\npassword = "x"\n', "password"),
        ('name = "a"\nkind = "pigeon"\n', "pigeon"),
        ('name = "a"\nkind = "webhook"\nurl = "https://x.example"\ntoken_env = "NOT_SET"\n', "NOT_SET"),
    ],
)
def test_wrong_channels_are_refused(tmp_path: Path, channel: str, said: str) -> None:
    """What cannot be a channel is refused by name before anybody is told."""
    with pytest.raises(ConfigError, match=said):
        tell(home_with(tmp_path, channel), [alarm()], DAY, {})


def test_damaged_memory_is_not_guessed(hook: Hook, tmp_path: Path) -> None:
    """Where nobody can know what was told, nobody is told, and the mend is named."""
    home = home_with(tmp_path, webhook(hook))
    home.monitor.mkdir()
    (home.monitor / "told.json").write_bytes(b'{"on-call": ')
    with pytest.raises(CorruptState, match="delete it"):
        tell(home, [alarm()], DAY, {"TOKEN": "t"})
    assert not hook.taken
