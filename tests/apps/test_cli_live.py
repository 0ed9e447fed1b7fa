"""History into the archive, the rest into the log, and events that are sent behind it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from forbear.adapters.archive import FileArchive
from forbear.adapters.log import FileSink
from forbear.apps.home import Home
from forbear.domain.events import DayClosed, Event, encode
from forbear.features.columns import events_of, instant
from forbear.testing.builders import at, closed, transaction, update

Cli = Callable[..., Any]
SIZE = ("--customers", 20, "--days", 110, "--seed", 3)
LIVE = "2023-04-10"


def in_archive(home: Path) -> list[Event]:
    """What the archive of a home holds."""
    return [event for columns in FileArchive(home / "archive").read() for event in events_of(columns)]


def in_log(home: Path) -> list[Event]:
    """What the log of a home holds behind the archive."""
    opened = Home(home)
    with closing(opened.source()) as source:
        return list(events_of(source.read(opened.archive.next_offset, source.end)))


@pytest.fixture(scope="module")
def banks(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same small bank, all of it in the archive, and with its last weeks in the log."""
    folder = tmp_path_factory.mktemp("banks")
    whole, split = folder / "whole", folder / "split"
    assert cli("simulate", *SIZE, "--home", whole).code == 0
    assert cli("simulate", *SIZE, "--home", split, "--live-from", LIVE).code == 0
    return whole, split


def test_archive_and_log_hold_the_whole_between_them(banks: tuple[Path, Path]) -> None:
    """What was received from 00:00 of the day on, bank-local, is in the log, closes included; offsets run on."""
    whole, split = banks
    zone = Home(split).deployment.time_zone
    assert zone == "Europe/Berlin"
    midnight = Home(split).source().poll(1)
    assert midnight is not None

    assert in_archive(split) + in_log(split) == in_archive(whole)
    assert midnight.offset == FileArchive(split / "archive").next_offset
    assert instant(int(midnight.batch.received_us[0])).isoformat() >= "2023-04-09T22:00:00"
    assert max(event.received_at for event in in_archive(split)).isoformat() < "2023-04-09T22:00:00"
    assert any(isinstance(event, DayClosed) for event in in_log(split))


def test_a_snapshot_stands_before_the_archives_last_close(cli: Cli, banks: tuple[Path, Path]) -> None:
    """Scoring goes on from the snapshot to the last day that the archive closed, whatever the log holds."""
    kept = Home(banks[1]).snapshots.latest()
    assert kept is not None
    history = in_archive(banks[1])
    closes = [place for place, event in enumerate(history) if isinstance(event, DayClosed)]

    assert kept.offset == closes[-1]
    assert cli("score", "--home", banks[1]).code == 0


def test_without_history_nothing_is_loaded(cli: Cli, tmp_path: Path) -> None:
    """A day before everything is a wrong setting: there would be nothing to fold; nothing is left behind."""
    ended = cli("simulate", *SIZE, "--home", tmp_path / "home", "--live-from", "2022-01-01")

    assert (ended.code, "give a later day to --live-from" in ended.err) == (2, True)
    assert not (tmp_path / "home").exists()


def test_a_day_behind_everything_leaves_the_log_empty(cli: Cli, tmp_path: Path, banks: tuple[Path, Path]) -> None:
    """Where nothing was received since, the home is that of an import without the option."""
    assert cli("simulate", *SIZE, "--home", tmp_path / "home", "--live-from", "2030-01-01").code == 0

    assert (in_archive(tmp_path / "home"), in_log(tmp_path / "home")) == (in_archive(banks[0]), [])


def test_an_import_goes_live_as_well(cli: Cli, tmp_path: Path) -> None:
    """`import events --live-from` splits a bank's files at the bank's midnight."""
    events = [update(1), *(transaction(n, day=n) for n in range(6))]
    (tmp_path / "e.jsonl").write_bytes(b"\n".join(map(encode, events)))
    (tmp_path / "m.toml").write_text(
        '[deployment]\nsource = "s"\ncurrency = "EUR"\ntime_zone = "UTC"\nopens_on = 2024-01-01\n'
        '[deployment.miss]\nkind = "missed_payment"\n'
    )
    home = tmp_path / "home"
    command = ("import", "events", tmp_path / "e.jsonl", "--mapping", tmp_path / "m.toml", "--home", home)
    said = cli(*command, "--live-from", "2024-01-04", "--json").document

    assert (said["ledger"]["events"], said["ledger"]["live_events"]) == (len(in_archive(home)), len(in_log(home)))
    assert [event for event in in_log(home) if not isinstance(event, DayClosed)] == events[4:]
    assert [event.day for event in in_log(home) if isinstance(event, DayClosed)] == [
        date(2024, 1, n) for n in (3, 4, 5, 6)
    ]
    assert cli(*command, "--replace").code == 0
    assert in_log(home) == []


# ---- send


@pytest.fixture
def split(banks: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the live bank."""
    return Path(shutil.copytree(banks[1], tmp_path / "split"))


def lines(*events: Event, without: tuple[str, ...] = ()) -> bytes:
    """Events as JSON Lines, some fields left out."""
    documents = [json.loads(encode(event)) for event in events]
    return b"\n".join(json.dumps({k: v for k, v in d.items() if k not in without}).encode() for d in documents)


def test_what_is_sent_is_stamped_and_follows_the_log(cli: Cli, split: Path, tmp_path: Path) -> None:
    """Events are received now, whether or not they say when; they stand behind everything else, in their order."""
    before, file = in_log(split), tmp_path / "more.jsonl"
    for without in ((), ("received_at",)):
        file.write_bytes(lines(transaction(1), closed(4), update(2), without=without))
        assert cli("send", file, "--home", split).code == 0
    sent = in_log(split)[len(before) :]

    assert [type(event).__name__ for event in sent] == ["Transaction", "DayClosed", "CustomerUpdated"] * 2
    stamps = [event.received_at for event in sent]
    assert stamps == sorted(stamps)
    assert stamps[0] > at(30)
    assert sent[0].booked_at == at(0)  # type: ignore[union-attr]
    assert in_log(split)[: len(before)] == before


def test_bad_records_become_dead_letters_and_the_rest_is_sent(cli: Cli, split: Path, tmp_path: Path) -> None:
    """What an import refuses is refused, and a day that is not over; each with its line, behind those of before."""
    file = tmp_path / "more.jsonl"
    far = date(2079, 1, 1)
    file.write_bytes(
        lines(transaction(1), transaction(2, currency="USD"), DayClosed(partition=0, day=far, received_at=at(0)))
        + b'\nnonsense\n{"type":"instruction","instruction_id":"I","instruction":"stop_outreach","by":"x",'
        b'"booked_at":"2024-01-01T00:00:00Z","received_at":"2024-01-01T00:00:00Z"}\n'
    )
    before = len(in_log(split))
    for times in (1, 2):
        said = cli("send", file, "--home", split, "--json").document
        assert (said["sent"], sum(said["refused"].values())) == (1, 4)
        letters = (split / "dead-letters" / "send.jsonl").read_bytes().splitlines()
        assert [json.loads(line)["code"] for line in letters] == [
            "wrong_currency", "not_over", "not_json", "instruction",
        ] * times  # fmt: skip
    assert len(in_log(split)) == before + 2


def test_kept_instants_may_not_go_back(cli: Cli, split: Path, tmp_path: Path) -> None:
    """With --keep-received a record behind the log, or behind its predecessor, is refused; the others keep theirs."""
    file = tmp_path / "more.jsonl"
    good = [transaction(n, day=n) for n in (1, 3)]
    old = transaction(9, booked_at=at(-400))
    file.write_bytes(lines(old, good[0], transaction(8, day=0), good[1]))
    said = cli("send", file, "--keep-received", "--home", split, "--json").document

    assert said["refused"] == {"received_before": 2}
    assert in_log(split)[-2:] == good
    file.write_bytes(lines(old))
    ended = cli("send", file, "--keep-received", "--home", split)
    assert (ended.code, "every record was refused" in ended.err) == (3, True)


def test_a_home_that_was_imported_without_a_log_gets_one(cli: Cli, copied: Path, tmp_path: Path) -> None:
    """The first event sent stands right behind the archive, and may not be received before its last."""
    file, offset = tmp_path / "more.jsonl", FileArchive(copied / "archive").next_offset
    file.write_bytes(lines(transaction(77, day=80)))
    assert cli("send", file, "--keep-received", "--home", copied).code == 3
    file.write_bytes(lines(transaction(77, day=95)))
    said = cli("send", file, "--keep-received", "--home", copied, "--json").document

    assert (said["next_offset"], in_log(copied)) == (offset + 1, [transaction(77, day=95)])


def test_one_writer_at_a_time(cli: Cli, split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process writes to the log, sending and replacing are told to wait; both change nothing."""
    monkeypatch.setattr("forbear.adapters.log._TRIES", 2)
    (tmp_path / "more.jsonl").write_bytes(lines(transaction(1)))
    before = in_log(split)
    with closing(Home(split).sink()):
        assert cli("send", tmp_path / "more.jsonl", "--home", split).code == 6
        assert cli("simulate", *SIZE, "--home", split, "--replace").code == 6

    assert in_log(split) == before


def test_a_log_that_lags_behind_the_archive_is_damage(cli: Cli, split: Path, tmp_path: Path) -> None:
    """A log that ends before the archive does would give offsets twice: CorruptState."""
    shutil.rmtree(split / "log")
    FileSink(split / "log" / "transactions-stream" / "0").close()
    (tmp_path / "more.jsonl").write_bytes(lines(transaction(1)))

    ended = cli("send", tmp_path / "more.jsonl", "--home", split)
    assert (ended.code, "ends before the archive" in ended.err) == (7, True)


def test_a_clock_behind_the_log_is_refused(cli: Cli, tmp_path: Path) -> None:
    """Where the log holds what a clock has not reached, nothing is stamped with an instant that is not true."""
    home = tmp_path / "home"
    start = ("--start", "2090-01-01", "--customers", 3, "--days", 5)
    assert cli("simulate", *start, "--live-from", "2090-01-03", "--home", home).code == 0
    (tmp_path / "more.jsonl").write_bytes(lines(transaction(1)))

    ended = cli("send", tmp_path / "more.jsonl", "--home", home)
    assert (ended.code, "clock is behind" in ended.err) == (2, True)
