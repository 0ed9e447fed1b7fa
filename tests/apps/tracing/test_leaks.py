"""Hostile data on every way through the program: no byte of any log or span of any process may hold one of them."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import re
import sqlite3
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from forbear.apps.home import Home
from forbear.apps.masking import last_words
from forbear.apps.package_data import text_of
from forbear.apps.stream.process import ProcessRequest, run_process
from forbear.apps.telemetry import telemetry_of
from forbear.domain.errors import BackendUnavailable, ConfigError
from forbear.domain.events import HelpRequested
from forbear.features.columns import columns_of, instant
from forbear.testing.servers.mail import MailTestServer
from forbear.testing.servers.script import Script

NAME, CUSTOMER, IBAN = "Zoë Wacławska", "CX-88213-Quixote", "DE89370400440532013000"
MAIL, PHONE, SECRET = "zoe.waclawska@example.org", "+49 170 1234567", "hunter2-Xyzzy"
PLAIN = (NAME, "Wacławska", "waclawska", CUSTOMER, "Quixote", "88213", IBAN, MAIL, PHONE, "1234567", SECRET, "Xyzzy")
CANARIES = frozenset(
    form
    for one in PLAIN
    for form in (
        one,
        repr(one)[1:-1],
        quote(one),
        json.dumps(one)[1:-1],
        base64.b64encode(one.encode()).decode().rstrip("="),
        one.encode("unicode_escape").decode(),
    )
)


def assert_silent(where: Path | str | bytes) -> None:
    """No canary in a file, or in what was said."""
    told = where.read_bytes() if isinstance(where, Path) else where if isinstance(where, bytes) else where.encode()
    assert not [one for one in CANARIES if one.encode() in told]


@pytest.fixture(autouse=True)
def loud(monkeypatch: pytest.MonkeyPatch, traced: Callable[..., None]) -> None:
    """Everything that anybody would write is written, and every span is sent."""
    monkeypatch.setenv("FORBEAR_LOG_LEVEL", "debug")
    traced()


@pytest.fixture
def silent(home: Path, collector: Any, capsys: Any) -> Iterator[None]:
    """Nothing of it stands in any log of the home, in any span, or on the terminal."""
    yield
    logs = [path for path in (home / "logs").iterdir() if path.suffix in (".jsonl", ".out")]
    assert logs
    for path in logs:
        assert_silent(path)
        for line in path.read_text().splitlines():
            assert {"ts", "level", "process", "event", "version"} <= set(json.loads(line))
    for body in collector.bodies:
        assert_silent(body)
    assert_silent(capsys.readouterr().err)


def hostile_requests(client: httpx.Client, known: str) -> list[int]:
    """Requests with canaries wherever a caller can put something; their statuses."""
    path, header = "/v1/customers/{}/interventions", quote(NAME)
    ask = client.request
    return [
        one.status_code
        for one in (
            ask("GET", f"/v1/customers/{quote(CUSTOMER)}", headers={"X-Purpose": header}),
            ask("GET", f"/v1/customers/{quote(CUSTOMER)}/history?cursor={quote(IBAN)}"),
            ask("GET", "/v1/customers", params={"band": NAME, "limit": IBAN, quote(NAME): SECRET}),
            ask("GET", f"/nowhere/{quote(NAME)}/{IBAN}?key={SECRET}"),
            ask("POST", path.format(known), json={"why": f"{NAME} called from {PHONE}", "override": True}),
            ask("POST", path.format(quote(CUSTOMER)), json={"why": MAIL, "override": NAME, CUSTOMER: IBAN}),
            ask("POST", path.format(known), content=b'{"why": "' + SECRET.encode() + b'", }'),
            ask("POST", "/v1/interventions/" + "0" * 32 + "/answers", json={"answer": NAME}),
            ask("GET", "/v1/whoami", headers={"X-API-Key": f"fb_{SECRET}"}),
            ask("GET", "/v1/whoami", headers={"Authorization": f"Bearer {SECRET}.{SECRET}.{SECRET}"}),
            ask("GET", "/v1/whoami", headers={"X-Request-ID": "CX-88213-Quixote", "User-Agent": header}),
            ask("GET", "/v1/whoami", headers={"traceparent": f"00-{header}-01", "tracestate": f"who={SECRET}"}),
            ask("GET", "/v1/whoami", headers={"baggage": f"who={header}", "X-Forwarded-For": SECRET}),
            ask("QUIXOTE", "/v1/whoami"),
            ask("POST", "/v1/cases", json={"customer_id": known, "words": f"{NAME} wrote from {MAIL}"}),
        )
    ]


@pytest.mark.usefixtures("silent")
def test_requests_and_a_broken_database_leak_nothing(home: Path, flows: Any, cli: Any, tmp_path: Path) -> None:
    """Ids, names, secrets in paths, queries, bodies and heads; a database that fails with parameters in its error."""
    log = tmp_path / "api.log"
    with log.open("w") as stream, flows.served(home, stream) as client:
        known = client.get("/v1/customers", params={"limit": 1}).json()["items"][0]["customer_id"]
        statuses = hostile_requests(client, known)
        with closing(sqlite3.connect(home / "forbear.db")) as database:
            database.execute("ALTER TABLE decisions RENAME TO gone")
            database.commit()
        broken = client.get(f"/v1/customers/{known}/history")
        listed = client.get("/v1/interventions", params={"customer": CUSTOMER})
        with closing(sqlite3.connect(home / "forbear.db")) as database:
            database.execute("ALTER TABLE gone RENAME TO decisions")
            database.commit()
    assert {200, 202, 401, 404, 422} <= set(statuses)
    assert max(broken.status_code, listed.status_code) >= 500
    assert_silent(log)
    assert known not in log.read_text()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["status"] for line in lines if line["event"] == "request"} >= {200, 202, 401, 404, 422}
    assert [line["trouble"] for line in lines if line.get("trouble")]
    assert cli("run", "--once", "--home", home).code == 0


@pytest.mark.usefixtures("silent")
def test_poison_in_the_log_leaks_nothing(home: Path, cli: Any) -> None:
    """A worker that meets somebody unknown with a story, and what comes twice with other content."""
    own = Home(home)
    with closing(own.sink()) as sink:
        now = instant(sink.received_us) + timedelta(seconds=1)
        said = {"by": NAME, "booked_at": now, "received_at": now, "why": f"{PHONE} {IBAN}"}
        wishes = [HelpRequested(request_id=f"{SECRET}-{one}", customer_id=CUSTOMER, **said) for one in range(3)]
        sink.publish(columns_of(wishes))
    assert cli("run", "--once", "--home", home).code == 0
    assert cli("cases", "settle", "--home", home).code == 0


@pytest.mark.usefixtures("silent")
def test_sendings_and_their_failures_leak_nothing(home: Path, flows: Any, collector: Any) -> None:
    """Mail by a server that turns away, rejects, hangs up and forgets: no address, name or word of a letter."""
    with closing(sqlite3.connect(home / "forbear.db")) as database:
        ids = [one for (one,) in database.execute("select customer_id from customers")]
    rows = [f"{one},en,Europe/Berlin,email,{NAME},{place}.{MAIL},,,\n" for place, one in enumerate(ids)]
    (home / "people.csv").write_text(
        "customer_id,language,time_zone,preferred,address_as,email,sms,phone,app\n" + "".join(rows)
    )
    shares = {"turned_away": 0.15, "rejected": 0.15, "hung_up": 0.15, "busy": 0.15, "lost": 0.1, "silent": 0.1}
    with MailTestServer(Script(shares, seed=5)) as mail:
        email = (
            f'kind = "smtp"\nhost = "127.0.0.1"\nport = {mail.port}\nencryption = "none"\nsender = "B <b@bank.example>"'
        )
        text = text_of("outreach.toml").replace("drafts = false", "drafts = true")
        (home / "outreach.toml").write_text(re.sub(r'kind = "dry_run" # "smtp".*', email, text, count=1))
        flows.sent_out(home)
        assert mail.mails
        assert any(NAME in one.as_string() or NAME in str(one.get_content()) for one in mail.mails)
    outcomes = {one.facts["forbear.outcome"] for one in collector.wait_for("provider send")}
    assert "sent" in outcomes
    assert len(outcomes) > 1


@pytest.mark.usefixtures("silent")
def test_what_ends_a_process_leaks_nothing(home: Path, capsys: Any) -> None:
    """Errors that hold data in their arguments, their causes and their notes, wherever they come out."""

    def fails(*_: object) -> None:
        cause = ValueError(NAME, {"iban": IBAN}, [PHONE])
        cause.add_note(SECRET)
        raise BackendUnavailable(f"the store lost {CUSTOMER} of {cause!r}", mend=f"ask {MAIL}") from cause

    def breaks(*_: object) -> None:
        raise KeyError(CUSTOMER, NAME)

    for work, kind in ((fails, BackendUnavailable), (breaks, RuntimeError)):
        with pytest.raises(kind) as caught, last_words():
            run_process(Home(home), ProcessRequest(kind="scorer", instance="9"), work)  # type: ignore[arg-type]
        assert_silent(str(caught.value))
        assert_silent(capsys.readouterr().err)
    lines = [json.loads(line) for line in (home / "logs" / "scorer-9.jsonl").read_text().splitlines()]
    failed = [line for line in lines if line["event"] == "failed"]
    assert [line["level"] for line in failed] == ["error", "error"]
    assert failed[0]["why"].startswith("the store lost ***")
    assert failed[1]["trouble"].startswith("KeyError at test_leaks.py:")
    with pytest.raises(ConfigError, match="broker-7"), last_words():
        raise ConfigError("broker-7 is no address", mend="mend FORBEAR_KAFKA")


@pytest.mark.usefixtures("silent")
@pytest.mark.filterwarnings("default")
def test_libraries_threads_and_warnings_leak_nothing(home: Path) -> None:
    """What libraries log at any level, what ends a thread, and what is warned of, goes through the same mask."""
    with telemetry_of(home, "others") as telemetry:
        for name in ("sqlalchemy.engine", "httpx", "uvicorn.error", "confluent", "streamlit.runtime"):
            logger = logging.getLogger(name)
            logger.info("GET https://crm/%s?mail=%s", CUSTOMER, MAIL)
            logger.warning("%s failed: [parameters: %r]", f"INSERT {NAME}", (IBAN, PHONE))
            logger.error("of %s", CUSTOMER, exc_info=RuntimeError(NAME))
        unfit = logging.LogRecord("x", logging.ERROR, "x", 1, "{} {}", (SECRET, NAME), None)
        logging.getLogger().handlers[-1].emit(unfit)  # arguments that do not fit their text
        thread = threading.Thread(target=lambda: {}[CUSTOMER])  # type: ignore[index]
        thread.start()
        thread.join()
        warnings.warn(f"{NAME} is deprecated", UserWarning, stacklevel=1)
        telemetry.journal.note(f"event of {NAME}", anything=[{"deep": (CUSTOMER, {IBAN: PHONE})}], **{CUSTOMER: NAME})
        telemetry.journal.note("line\n" + json.dumps({"event": NAME}), why=f'"}}\n{{"who": "{NAME}"', level="error")
    lines = [json.loads(line) for line in (home / "logs" / "others.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines].count("library") >= 16
    assert [line["trouble"].split(" at ")[0] for line in lines if line["event"] == "thread failed"] == ["KeyError"]


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("form", ["json", "plain"])
def test_a_stream_is_as_silent_as_a_file(home: Path, form: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """FORBEAR_LOG has lines go to stdout of a service and to stderr of what has a result, one event a line."""
    (home / "logs" / "before.jsonl").write_text("")
    monkeypatch.setenv("FORBEAR_LOG", form)
    for service in (True, False):
        with telemetry_of(home, "others", service=service) as telemetry:
            telemetry.journal.note(
                "working", state="running", why=f"{NAME}\n\r{IBAN}", customer_id=CUSTOMER, lag={"0": 3}
            )
        said = capsys.readouterr()
        lines, nothing = (said.out, said.err) if service else (said.err, said.out)
        assert nothing == ""
        assert_silent(lines)
        assert len(lines.splitlines()) == 1
        if form == "json":
            assert json.loads(lines)["lag"] == {"0": 3}
        else:
            assert "info" in lines
            assert 'state="running"' in lines
    assert not (home / "logs" / "others.jsonl").exists()


@pytest.mark.parametrize(("name", "value"), [("FORBEAR_LOG", "xml"), ("FORBEAR_LOG_LEVEL", "loud")])
def test_settings_that_cannot_be_are_refused(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are named, with what would be right."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name), telemetry_of(tmp_path, "x"):
        pass


def test_the_level_bounds_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below it nothing is; a service that was not asked for lines may begin at warnings."""
    monkeypatch.delenv("FORBEAR_LOG_LEVEL")
    stream = io.StringIO()
    with telemetry_of(tmp_path, "x", stream=stream, least="warning") as telemetry:
        telemetry.journal.note("working")
        telemetry.journal.note("archiving_failed", level="error")
        assert not telemetry.journal.writes("info")
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == ["error"]
    assert os.listdir(tmp_path / "logs") == ["references.key"]  # noqa: PTH208
