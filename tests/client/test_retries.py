"""Asking again: as often as was said, only where it may help, and the same thing each time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.client import Broken, Client, Conflict, NotThere, Problem, Retries, TooMany, Unavailable
from forbear.client.calls import Call
from forbear.client.conversation import Letter, conversation, manners_of
from forbear.client.models import Whoami
from forbear.domain.errors import BackendUnavailable

QUICK = Retries(attempts=3, first_seconds=0.01, longest_seconds=0.05)
WHO = '{"who": "1", "name": "crm", "role": "agent", "expires_at": null, "rate": 1.0, "operations": []}'
PASSING = (408, 429, 502, 503, 504)


def problem(code: str, status: int) -> tuple[int, str, dict[str, str]]:
    """An answer that says so."""
    return status, f'{{"type": "urn:forbear:problem:{code}", "title": "No", "status": {status}}}', {}


# ---- laws


def replies() -> st.SearchStrategy[httpx.Response | httpx.TransportError]:
    """Whatever may come: an answer, a refusal of any status, or nothing."""
    waits = st.sampled_from([{}, {"Retry-After": "0"}, {"Retry-After": "7"}, {"Retry-After": "Fri, 1 Jan"}])
    bodies = st.sampled_from([b"", b"<html>", b"[]", problem("in_flight", 409)[1].encode()])
    answers = st.builds(httpx.Response, st.integers(200, 599), content=bodies, headers=waits)
    return answers | st.sampled_from([httpx.ConnectError("no"), httpx.ReadTimeout("slow"), httpx.ReadError("cut")])


def passes(answer: httpx.Response) -> bool:
    """Whether asking again may help."""
    return answer.status_code in PASSING or b"in_flight" in answer.content


@given(st.lists(replies(), min_size=6, max_size=6), st.integers(1, 5), st.booleans())
def test_it_ends_and_repeats_itself(coming: list[Any], attempts: int, writes: bool) -> None:
    """Whatever comes, there are at most so many attempts, all of them the same; it ends with an answer or a Problem."""
    call = Call(operation="x", method="POST", template="/x", answer=Whoami, writes=writes)
    retries = Retries(attempts=attempts, first_seconds=0.1, longest_seconds=5.0)
    talk = conversation(call, manners_of("http://bank", "fb_1", retries=retries))
    letters: list[Letter] = []
    reply: Any = None
    try:
        while True:
            step = talk.send(reply)
            if isinstance(step, Letter):
                letters.append(step)
                reply = coming[len(letters) - 1]
            else:
                assert 0.0 <= step <= retries.longest_seconds
                assert not isinstance(reply, httpx.Response) or passes(reply)
                reply = None
    except StopIteration as end:
        came = end.value
    except Problem as refused:
        came = refused
    last = coming[len(letters) - 1]
    if isinstance(last, httpx.Response) and last.is_success:
        assert came is last
    else:
        assert isinstance(came, Problem)
        assert came.status == (last.status_code if isinstance(last, httpx.Response) else 0)
    assert len(letters) <= attempts
    assert all(letter == letters[0] for letter in letters)
    assert ("Idempotency-Key" in letters[0].headers) == writes


# ---- over a socket


@dataclass
class Script:
    """A server that answers what it was told to, in turn. asked: headers of what came."""

    url: str
    answers: list[tuple[int, str, dict[str, str]] | None]
    asked: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    """Serve a script: status, body and headers of each answer; None hangs up."""
    servers: list[ThreadingHTTPServer] = []

    def serve(*answers: tuple[int, str, dict[str, str]] | None) -> Script:
        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                made.asked.append(dict(self.headers))
                answer = made.answers.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                status, body, headers = answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            do_POST = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        servers.append(server)
        made = Script(f"http://127.0.0.1:{server.server_address[1]}", list(answers))
        Thread(target=server.serve_forever, daemon=True).start()
        return made

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_what_passes_is_waited_out(script: Callable[..., Script]) -> None:
    """A server that hangs up once and is busy once is asked a third time, and answers."""
    said = script(None, problem("unavailable", 503), (200, WHO, {}))
    with Client(said.url, "fb_1", retries=QUICK) as client:
        assert client.whoami().name == "crm"
    assert said.answers == []


def test_a_write_is_the_same_each_time(script: Callable[..., Script]) -> None:
    """A write that is sent again has the key of the first attempt; the next write has another."""
    said = script(None, problem("in_flight", 409), (204, "", {}), (204, "", {}))
    with Client(said.url, "fb_1", retries=QUICK) as client:
        client.revoke_key("1")
        client.revoke_key("1")
    first, again, third, other = (one["Idempotency-Key"] for one in said.asked)
    assert first == again == third != other


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem("unknown", 404), NotThere),
        (problem("conflict", 409), Conflict),
        (problem("internal", 500), Broken),
        ((302, "", {"Location": "http://elsewhere"}), Broken),
        ((200, "<html>", {}), Broken),
        ((200, "{}", {}), Broken),
    ],
)
def test_what_stays_is_asked_once(
    script: Callable[..., Script], answer: tuple[int, str, dict[str, str]], error: type[Problem]
) -> None:
    """Where asking again does not help, nobody does; a redirection is not followed, and no key goes elsewhere."""
    said = script(answer)
    with Client(said.url, "fb_1", retries=QUICK) as client, pytest.raises(error) as refused:
        client.whoami()
    assert refused.value.mend or answer[0] in {404, 409, 500}
    assert len(said.asked) == 1


def test_a_server_is_left_alone_as_long_as_it_asks(script: Callable[..., Script]) -> None:
    """Retry-After is kept to where that is not too long; else the error says how long, at once."""
    often = problem("too_many", 429)
    said = script((*often[:2], {"Retry-After": "1"}), (200, WHO, {}), (*often[:2], {"Retry-After": "9"}))
    retries = Retries(attempts=3, first_seconds=0.01, longest_seconds=2.0)
    with Client(said.url, "fb_1", retries=retries) as client:
        begun = time.monotonic()
        client.whoami()
        assert time.monotonic() - begun >= 1.0
        with pytest.raises(TooMany) as refused:
            client.whoami()
    assert refused.value.wait_seconds == 9.0


def test_nobody_there_is_unavailable() -> None:
    """No answer at all is BackendUnavailable, as in the rest of the package."""
    with Client("http://127.0.0.1:1", "fb_1", retries=QUICK) as client, pytest.raises(BackendUnavailable) as refused:
        client.whoami()
    assert isinstance(refused.value, Unavailable)
    assert (refused.value.status, refused.value.code) == (0, "no_answer")
