"""Reports that a server writes by their own commands: the same figures as the command's own, and nobody is named."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forbear.apps.home import Home
from forbear.client import Client, Conflict, NotAllowed, NotThere, NotValid
from forbear.client.scores import JobShown
from forbear.engine.office import Role

SUBMIT = {Role.ANALYST, Role.APPROVER, Role.ADMIN, Role.SERVICE}
WRITTEN = ("help", "monitor", "portfolio", "stress")
COMMANDS = {
    "help": ("outreach", "report"),
    "monitor": ("monitor",),
    "portfolio": ("portfolio",),
    "stress": ("stress",),
}


@pytest.fixture
def forbear(real: Any) -> Iterator[Client]:
    """A client that may do everything."""
    with Client(real.url, real.keys[Role.ADMIN]) as client:
        yield client


def over(forbear: Client, job: JobShown) -> JobShown:
    """A job once it is over."""
    ends = time.monotonic() + 500
    while job.state in {"waiting", "running"}:
        assert time.monotonic() < ends
        time.sleep(0.2)
        job = forbear.get_job(job.job_id)
    return job


@pytest.mark.parametrize("name", WRITTEN)
def test_a_job_writes_what_its_command_writes(real: Any, cli: Any, forbear: Client, tmp_path: Path, name: str) -> None:
    """After the job the report is its file, and the file is what the command says by itself, to the last digit."""
    with pytest.raises(NotThere):
        forbear.report(name)
    job = over(forbear, forbear.submit_job("report", report=name))
    told = forbear.report(name)
    own = cli(*COMMANDS[name], "--out", tmp_path / "own.json", "--home", real.home, "--json").document
    [path] = [one for one in Home(real.home).reports.glob("*.json") if name.partition("-")[0] in one.name]

    assert (job.state, job.report, job.kind, job.error) == ("done", name, "report", "")
    assert job.done == job.total > 0
    assert told.document == msgspec.json.decode(path.read_bytes())
    assert told.document == {key: value for key, value in own.items() if key not in {"document", "page", "sent"}}
    listed = {one.name: one for one in forbear.list_reports().items}[name]
    assert (listed.made_at, listed.about, listed.synthetic) == (told.made_at, told.about, told.synthetic)
    assert told.synthetic
    with pytest.raises(Conflict, match=f"/v1/reports/{name}"):
        list(forbear.get_job_result(job.job_id))


def test_no_report_names_a_customer(real: Any, forbear: Client) -> None:
    """In none of the documents that were written stands the id of any customer of the home."""
    ids = set(Home(real.home).archive.customers().values())
    written = [one.name for one in forbear.list_reports().items if one.made_at]
    assert written
    for name in written:
        for text in _texts(forbear.report(name).document):
            assert not any(customer in text for customer in ids), (name, text)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, one in value.items():
                yield key
                yield from _texts(one)
        case list():
            for one in value:
                yield from _texts(one)


def test_a_report_that_cannot_be_written_here_is_refused(real: Any, forbear: Client) -> None:
    """A report without what its command needs is a conflict with the reason, one of another name is not there."""
    listed = {one.name: one for one in forbear.list_reports().items}
    assert not listed["credit"].job
    with pytest.raises(Conflict, match="panel"):
        forbear.submit_job("report", report="credit")
    with pytest.raises(NotThere):
        forbear.submit_job("report", report="experiment-nobody")
    for body in ({"kind": "report"}, {"kind": "score_book", "report": "help"}, {"kind": "report", "report": "../x"}):
        with real.client() as client:
            assert client.post("/v1/jobs", json=body).status_code == 422
    with pytest.raises(NotValid):
        forbear.submit_job("report")


def test_whoever_submits_jobs_submits_reports(real: Any) -> None:
    """The roles that may have jobs done may have reports written, and no others."""
    for role in Role:
        with Client(real.url, real.keys[role]) as client:
            if role in SUBMIT:
                with pytest.raises(Conflict):
                    client.submit_job("report", report="credit")
            else:
                with pytest.raises(NotAllowed):
                    client.submit_job("report", report="credit")
