"""A register in a file, and the CRM of the documents, really started: both keep the laws of a CRM."""

from __future__ import annotations

import csv
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from forbear.adapters.crm_file import FileCrm
from forbear.adapters.crm_http import HttpCrm, HttpPayments
from forbear.domain.errors import BackendUnavailable, CorruptState
from forbear.engine.outreach import Refused, Unknown
from forbear.testing.crm_contract import ADA, PEOPLE, CrmContract, CrmRig, PaymentsContract, PaymentsRig, note, plan

DOCUMENT = Path(__file__).parents[2] / "docs" / "integrations.md"
SECRET = b"a secret that both sides know"


class Started:
    """The CRM of the documents, behind a port of this machine."""

    def __init__(self) -> None:
        (code,) = (
            block for block in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL) if "FastAPI" in block
        )
        self.names: dict[str, Any] = {"__name__": "example"}
        exec(compile(code, "docs/integrations.md", "exec"), self.names)
        config = uvicorn.Config(self.names["app"], port=0, log_level="critical", lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@pytest.fixture(scope="module")
def example() -> Iterator[tuple[str, dict[tuple[str, str], str]]]:
    """Its address, and what it has kept."""
    started = Started()
    with started as url:
        yield url, started.names["KEPT"]


def crm(url: str, **changed: Any) -> HttpCrm:
    """A client of it."""
    return HttpCrm(**{"name": "crm", "url": url, "secret": SECRET, "seconds": 5.0, **changed})


class TestHttpCrm(CrmContract):
    """The laws, over HTTP."""

    @pytest.fixture(autouse=True)
    def _started(self, example: tuple[str, dict[tuple[str, str], str]]) -> None:
        self.url, self.kept = example

    def make(self) -> CrmRig:
        """It forgets its notes, and no person."""
        self.kept.clear()
        return CrmRig(crm(self.url), lambda name: int(("note", name) in self.kept))


class TestHttpPayments(PaymentsContract):
    """The laws, over HTTP."""

    @pytest.fixture(autouse=True)
    def _started(self, example: tuple[str, dict[tuple[str, str], str]]) -> None:
        self.url, self.kept = example

    def make(self) -> PaymentsRig:
        """Without plans."""
        self.kept.clear()
        payments = HttpPayments(name="payments", url=self.url, secret=SECRET, seconds=5.0)
        return PaymentsRig(payments, lambda key: int(("plan", key) in self.kept))


class TestFileCrm(CrmContract):
    """The laws, in files."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.people, self.notes = tmp_path / "people.csv", tmp_path / "outreach" / "notes.jsonl"
        with self.people.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["customer_id", "language", "time_zone", "preferred", "address_as", "email", "sms"])
            for one in PEOPLE:
                own = [one.language, one.time_zone, one.preferred, one.address_as]
                rows.writerow([one.customer_id, *own, one.at("email") or "", one.at("sms") or ""])

    def make(self) -> CrmRig:
        """Its notes are counted as another process would."""
        self.notes.unlink(missing_ok=True)
        return CrmRig(
            FileCrm(self.people, self.notes),
            lambda name: self.notes.read_text().count(f'"note_id":"{name}"') if self.notes.exists() else 0,
        )

    def test_another_process_knows_what_was_noted(self) -> None:
        """And a line that a crash cut short is not one."""
        FileCrm(self.people, self.notes).tell(note("n-1"))
        self.notes.write_text(self.notes.read_text() + '{"note_id":"n-2"')
        again = FileCrm(self.people, self.notes)
        again.tell(note("n-1"))

        assert self.notes.read_text().count("n-1") == 1

    def test_a_file_that_changes_is_read_again(self) -> None:
        """A number that was mended counts from the next message on."""
        found = FileCrm(self.people, self.notes)
        assert found.find("C-17") == ADA
        self.people.write_text("customer_id,sms\nC-17,+447700900999\n")

        person = found.find("C-17")
        assert person is not None
        assert person.at("sms") == "+447700900999"
        assert found.find("C-18") is None

    def test_without_a_file_nobody_is_known(self) -> None:
        """A home may have none."""
        assert FileCrm(self.people.with_name("none.csv"), self.notes).find("C-17") is None

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("", "no header"),
            ("name,email\n", "no header"),
            ("customer_id,email,email\n", "no header"),
            ("customer_id,email\nC-1,a@private.example\nC-1,b@private.example\n", "line 3 names a customer again"),
            ("customer_id,email\nC-1\n", "line 2 has not as many cells"),
            ("customer_id,email\nC-1,a@private.example,more\n", "line 2 has not as many cells"),
            ("customer_id,language\nC-1,private language\n", "line 2, language is none"),
            ('customer_id,email\nC-1,"private\x07"\n', "line 2, addresses"),
            ('customer_id,email\nC-1,"private', "no CSV file"),
        ],
    )
    def test_a_file_that_is_none_is_refused(self, content: str, says: str) -> None:
        """The error names line and column, and nothing that stands there."""
        self.people.write_text(content)
        with pytest.raises(CorruptState, match=says) as refused:
            FileCrm(self.people, self.notes).find("C-1")

        assert "private" not in str(refused.value).replace("private language", "").replace(str(self.people), "")


def test_who_does_not_sign_is_told_nothing(example: tuple[str, dict[tuple[str, str], str]]) -> None:
    """The CRM of the documents answers nobody who has not its secret, and nobody who is late."""
    url, kept = example
    for stranger in (crm(url, secret=b"a secret of somebody else"), crm(url, now=lambda: time.time() - 400)):
        with pytest.raises(BackendUnavailable, match="401"):
            stranger.find("C-17")
        assert stranger.tell(note("stranger")) == Refused("it answered 401", lasting=False)
    assert ("note", "stranger") not in kept


def test_a_key_means_one_thing(example: tuple[str, dict[tuple[str, str], str]]) -> None:
    """The same key for another plan is refused, and the first one stands."""
    payments = HttpPayments(name="payments", url=example[0], secret=SECRET)
    payments.plan(plan("p-7"))

    assert payments.plan(plan("p-7", "payment_holiday")) == Refused("it answered 422", lasting=True)


def test_somebody_elses_404_is_not_believed(example: tuple[str, dict[tuple[str, str], str]]) -> None:
    """A 404 that does not name the customer may come from anything on the way: nobody is called unknown by it."""
    with pytest.raises(BackendUnavailable, match="404"):
        crm(f"{example[0]}/elsewhere").find("C-0")


def test_nobody_there_is_said_plainly() -> None:
    """A CRM that is away is no reason to call a customer unknown."""
    away = crm("http://127.0.0.1:9")
    with pytest.raises(BackendUnavailable):
        away.find("C-17")
    assert isinstance(away.tell(note()), Refused)
    assert isinstance(HttpPayments(name="p", url="http://127.0.0.1:9", secret=SECRET).look_up("p"), Unknown)
