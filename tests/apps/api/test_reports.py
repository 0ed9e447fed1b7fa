"""Written reports over HTTP: what their commands wrote, by name alone, or a refusal that says how to have it anew."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forbear.apps.api import report_table, shelf
from forbear.apps.api.report_table import FIXED, Setting
from forbear.apps.api.shelf import Shelf
from forbear.apps.home import Home
from forbear.engine.office import Role

SECTIONS = {
    "format": 1,
    "created": "2026-02-01 08:30 UTC",
    "pd": [0.5],
    "thresholds": {"created": "2026-03-01 09:45 UTC", "synthetic": True, "on": "2026-02-27", "plans": [1, 2]},
}
MONITOR = {"synthetic": True, "as_of": "2026-03-02", "status": "warn", "findings": [{"kind": "drift"}], "none": None}


class Room:
    """The interface over a home that has a folder of reports and nothing else."""

    def __init__(self, home: Home, made: Any, client: Any) -> None:
        self.home, self.made, self.client = home, made, client
        self.keys = {role: made.key(role) for role in Role}

    def get(self, path: str, status: int = 200, role: Role = Role.VIEWER, **headers: str) -> Any:
        """An answer of a status."""
        answer = self.client.get(path, headers={"X-API-Key": self.keys[role]} | headers)
        assert answer.status_code == status, answer.text
        return answer

    def put(self, name: str, content: object) -> Path:
        """Write a file among the reports."""
        path = self.home.reports / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else msgspec.json.encode(content))
        return path

    def listed(self) -> dict[str, Any]:
        """The list, by name."""
        return {one["name"]: one for one in self.get("/v1/reports").json()["items"]}


@pytest.fixture
def room(house: Callable[..., Any], visitor: Callable[..., Any], tmp_path: Path) -> Room:
    """That room."""
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    made = house(own=False, shelf=Shelf(Setting(home, {})))
    return Room(home, made, visitor(made))


def test_files_are_those_that_commands_write() -> None:
    """The names of files in the table are those of the modules that write them."""
    written = {
        "MONITOR": ("showing_monitor", "DOCUMENT"),
        "FAIRNESS": ("showing_fairness", "DOCUMENT"),
        "PORTFOLIO": ("showing_portfolio", "DOCUMENT"),
        "CREDIT": ("credit_document", "DOCUMENT"),
        "THRESHOLDS": ("thresholds_section", "SECTION"),
        "STRESS": ("showing_stress", "DOCUMENT"),
        "HELP": ("help_report", "DOCUMENT"),
        "EXPERIMENTS": ("experimenting", "FOLDER"),
    }
    for name, (module, constant) in written.items():
        there = importlib.import_module(f"forbear.apps.jobs.{module}")
        assert getattr(report_table, name) == getattr(there, constant)


def test_what_is_not_written_is_listed_with_its_command(room: Room) -> None:
    """A home without reports lists all that it could have, with the lines that write them; asked for they are 404."""
    listed = room.listed()
    assert list(listed) == [one.name for one in FIXED]
    for name, one in listed.items():
        assert (one["made_at"], one["bytes"], one["trouble"]) == (None, 0, "")
        assert one["command"].startswith("forbear ")
        assert str(room.home.folder) not in one["command"]
        assert one["job"] == (not one["why_not"])
        assert one["command"] in room.get(f"/v1/reports/{name}", 404).json()["detail"]


def test_a_report_is_its_file(room: Room) -> None:
    """The document is what stands in the file, null included; the list says of when it is, and about which day."""
    room.put("monitor.json", MONITOR)
    told, listed = room.get("/v1/reports/monitor").json(), room.listed()["monitor"]

    assert told["document"] == MONITOR
    assert told["parts"] == list(MONITOR)
    assert (told["about"], told["synthetic"]) == (listed["about"], listed["synthetic"]) == ("2026-03-02", True)
    assert told["made_at"] == listed["made_at"]
    assert listed["bytes"] == (room.home.reports / "monitor.json").stat().st_size


def test_a_part_is_what_stands_under_its_key(room: Room) -> None:
    """One key of the document alone, null or not; one that is not there is a 404 that names those that are."""
    room.put("monitor.json", MONITOR)
    for key, value in MONITOR.items():
        told = room.get(f"/v1/reports/monitor?part={key}").json()
        assert (told["part"], told["document"], told["parts"]) == (key, value, list(MONITOR))
    assert "findings" in room.get("/v1/reports/monitor?part=nothing", 404).json()["detail"]


def test_two_reports_of_one_file_are_told_apart(room: Room) -> None:
    """Thresholds and credit share a file: each is told its own keys, and when it was made by what it says itself."""
    room.put("credit_risk_report.json", SECTIONS)
    thresholds, credit = (room.get(f"/v1/reports/{name}").json() for name in ("thresholds", "credit"))

    assert thresholds["document"] == SECTIONS["thresholds"]
    assert credit["document"] == {key: value for key, value in SECTIONS.items() if key != "thresholds"}
    assert (thresholds["made_at"], credit["made_at"]) == ("2026-03-01T09:45:00Z", "2026-02-01T08:30:00Z")
    assert (thresholds["about"], credit["about"]) == ("2026-02-27", None)
    room.put("credit_risk_report.json", {"format": 1, "thresholds": {}})
    room.get("/v1/reports/credit", 404)
    assert room.get("/v1/reports/thresholds").json()["document"] == {}


def test_reports_that_a_home_has_many_of_are_found(room: Room) -> None:
    """Read-outs, backtests and gates are listed by their files, experiments not read yet by their definition."""
    names = ("experiment-spring", "backtest-2024-01-01-2024-06-30", "gate-0123456789ab", "shadow-0123456789ab")
    for name in names:
        room.put(f"{name}.json", {"synthetic": False})
    for name in ("experiment-Bad.json", "notes.json", "gate-1.json", "experiment-spring.html", "monitor.json.draft"):
        room.put(name, {"synthetic": False})
    (room.home.folder / "experiments").mkdir()
    for name in ("autumn.toml", "spring.toml", "no.txt", "..toml"):
        (room.home.folder / "experiments" / name).write_text("")
    listed = room.listed()

    assert set(listed) == {one.name for one in FIXED} | set(names) | {"experiment-autumn"}
    assert listed["experiment-autumn"]["made_at"] is None
    assert listed["backtest-2024-01-01-2024-06-30"]["command"].startswith("forbear backtest --from 2024-01-01 --to ")
    assert not listed["gate-0123456789ab"]["job"]
    assert room.get("/v1/reports/experiment-spring").json()["document"] == {"synthetic": False}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[1]",
        b'{"a": NaN}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"1" * 400 + b"}",
        b'{"a": ' * 100_000 + b"1" + b"}" * 100_000,
        b"PAR1" * 100,
    ],
    ids=range(10),
)
def test_a_damaged_report_says_which_command_writes_it_anew(room: Room, content: bytes) -> None:
    """Whatever stands in the file there is a plain answer, never a 500, and the list tells the same trouble."""
    room.put("monitor.json", content)
    room.put("credit_risk_report.json", content)
    listed = room.listed()
    for name in ("monitor", "thresholds", "credit"):
        told = room.client.get(f"/v1/reports/{name}", headers={"X-API-Key": room.keys[Role.VIEWER]})
        if listed[name]["trouble"]:
            assert told.status_code == 409
            assert listed[name]["command"] in told.json()["detail"]
            assert str(room.home.folder) not in told.text
        else:
            assert told.status_code in {200, 404}
    if b"111" not in content:  # a number may be as large as it likes
        assert listed["monitor"]["trouble"]


def test_a_section_of_another_kind_is_damage(room: Room) -> None:
    """A section that is no object, and a folder in the place of a file, are refused like any damage."""
    room.put("credit_risk_report.json", {"thresholds": [1]})
    (room.home.reports / "stress.json").mkdir()
    for name in ("thresholds", "stress"):
        assert room.get(f"/v1/reports/{name}", 409).json()["type"] == "urn:forbear:problem:not_readable"


def test_a_report_has_a_bound(room: Room, monkeypatch: Any) -> None:
    """A file as large as the bound is told, one byte more is refused and not read further."""
    monkeypatch.setattr(shelf, "MOST_BYTES", 2 * 1024 * 1024)
    head = b'{"a": "'
    room.put("monitor.json", head + b"x" * (shelf.MOST_BYTES - len(head) - 2) + b'"}')
    assert len(room.get("/v1/reports/monitor").json()["document"]["a"]) > 2_000_000
    room.put("monitor.json", head + b"x" * (shelf.MOST_BYTES - len(head) - 1) + b'"}')
    assert "2 MB" in room.get("/v1/reports/monitor", 409).json()["detail"]


@pytest.mark.parametrize(
    "name",
    [
        "..%2Fmonitor",
        "%2e%2e%2fapi.db",
        "monitor.json",
        "monitor%00",
        "MONITOR",
        "a" * 90,
        "experiment-..",
        "%2Fetc%2Fpasswd",
        "backtest-2024-01-01-2024-06-30",
        "experiment-nobody",
        "credit_risk_report",
    ],
)
def test_a_name_is_never_a_path(room: Room, name: str) -> None:
    """What is no name of the table is refused, whatever lies where it would lead."""
    room.put("monitor.json", MONITOR)
    (room.home.folder / "api.db").write_bytes(b'{"secret": 1}')
    (room.home.folder / "monitor.json").write_bytes(b'{"secret": 1}')
    answer = room.client.get(f"/v1/reports/{name}", headers={"X-API-Key": room.keys[Role.ADMIN]})
    assert answer.status_code in {400, 404, 422}
    assert "secret" not in answer.text


def test_what_has_not_changed_is_not_sent_again(room: Room) -> None:
    """An ETag saves the body until the file changes, and then the new one is told and listed."""
    path = room.put("monitor.json", MONITOR)
    first = room.get("/v1/reports/monitor")
    assert room.get("/v1/reports/monitor", 304, **{"If-None-Match": first.headers["etag"]}).content == b""
    assert room.listed()["monitor"]["about"] == "2026-03-02"
    path.write_bytes(msgspec.json.encode(MONITOR | {"as_of": "2026-03-05"}))
    changed = room.get("/v1/reports/monitor", **{"If-None-Match": first.headers["etag"]}).json()
    assert changed["about"] == room.listed()["monitor"]["about"] == "2026-03-05"


def test_everybody_may_read_reports(room: Room) -> None:
    """Reports are about nobody: every role may list and read them, and no access to a person is recorded."""
    room.put("monitor.json", MONITOR)
    for role in Role:
        room.get("/v1/reports", role=role)
        room.get("/v1/reports/monitor", role=role)
    assert not room.made.office.accesses.writers()


def test_a_server_without_a_folder_of_reports_says_so(house: Callable[..., Any], visitor: Callable[..., Any]) -> None:
    """Where there is no shelf both answers are 503."""
    made = house(own=False)
    client, key = visitor(made), made.key()
    for path in ("/v1/reports", "/v1/reports/monitor"):
        assert client.get(path, headers={"X-API-Key": key}).status_code == 503


@pytest.mark.parametrize(
    ("setting", "cannot"),
    [
        ({}, {"fairness", "credit", "help", "replay"}),
        ({"records": True, "people": True, "panel": True}, set()),
        ({"records": True, "people": True, "panel": True, "apart": True}, {one.name for one in FIXED}),
    ],
)
def test_a_job_is_offered_where_its_command_would_work(
    tmp_path: Path, setting: dict[str, bool], cannot: set[str]
) -> None:
    """Reports that need a worker, a file of groups or a panel of loans say so; beside a store elsewhere none is."""
    home, data = Home(tmp_path / "home"), tmp_path / "data"
    if setting.get("records"):
        home.folder.mkdir()
        home.database.touch()
    if setting.get("people"):
        home.truth.mkdir()
        (home.truth / "people.csv").touch()
    if setting.get("panel"):
        (data / "dcr").mkdir(parents=True)
    here = Setting(home, {report_table.DATA: str(data)}, apart=setting.get("apart", False))

    assert {one.name for one in FIXED if one.why_not(here)} == cannot
    for one in FIXED:
        assert not {"HOME", "REPORTS", "DATA", "REPLAY"} & set(one.command_in(here))
