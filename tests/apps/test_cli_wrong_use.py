"""Wrong use of a home, of files and of options: one plain line that says what to do, and nothing changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from forbear.apps.console import EXIT_CODES
from forbear.apps.home import Home
from forbear.domain import errors
from forbear.domain.errors import ForbearError

Cli = Callable[..., Any]

READING = (["train"], ["score"], ["backtest", "--from", "2024-01-01", "--to", "2024-02-01"])
MAPPING = '[deployment]\nsource = "x"\ncurrency = "EUR"\ntime_zone = "UTC"\nopens_on = 2024-01-01\n'
MAPPING += '[deployment.miss]\nkind = "missed_payment"\n'


def test_every_error_has_its_own_status() -> None:
    """Each kind of error that is raised on purpose ends with a status of its own, none of them 0, 1 or 130."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ForbearError)]

    assert set(kinds) - {ForbearError} == set(EXIT_CODES)
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)
    assert not set(EXIT_CODES.values()) & {0, 1, 130}


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
@pytest.mark.parametrize("home", ["missing", "empty"])
def test_a_home_without_data_says_how_to_get_some(cli: Cli, tmp_path: Path, command: list[str], home: str) -> None:
    """Where nothing was imported, every command that reads says so, and makes no folder."""
    (tmp_path / "empty").mkdir()

    ended = cli(*command, "--home", tmp_path / home)

    assert (ended.code, "run `forbear simulate` or `forbear import`" in ended.err) == (2, True)
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


@pytest.mark.parametrize("command", [*READING, ["simulate"], ["demo"]], ids=lambda command: command[0])
def test_a_home_that_is_a_file_is_refused(cli: Cli, tmp_path: Path, command: list[str]) -> None:
    """--home on a file is wrong use, and the file is left alone."""
    (tmp_path / "notes.txt").write_text("mine")

    ended = cli(*command, "--home", tmp_path / "notes.txt")

    assert (ended.code, "is a file; choose a folder for --home" in ended.err) == (2, True)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("home", ["notes.txt/below", "n" * 300, "loop"])
@pytest.mark.parametrize("command", [["simulate", "--customers", "2", "--days", "2"], ["score"]], ids=lambda c: c[0])
def test_a_home_that_cannot_be_is_refused(cli: Cli, tmp_path: Path, command: list[str], home: str) -> None:
    """A path below a file, a name too long and a link to itself are refused in one line."""
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")

    assert cli(*command, "--home", tmp_path / home).code in (2, 6)


@pytest.mark.parametrize("home", ["/proc/forbear", "/sys/forbear"])
def test_a_home_that_cannot_be_written_is_a_storage_error(cli: Cli, home: str) -> None:
    """Where no folder can be made, even by root, the error names the place."""
    ended = cli("simulate", "--customers", 2, "--days", 2, "--home", home)

    assert (ended.code, home in ended.err) == (6, True)


def test_a_home_may_be_called_anything(cli: Cli, tmp_path: Path) -> None:
    """Blanks, brackets, signs of other scripts and bytes that are no text are all names, in JSON and in tables."""
    for name in (b"a b [red]", "бáнк 面".encode(), b"\xff\xfe"):
        home = Path(os.fsdecode(bytes(tmp_path) + b"/" + name))
        assert cli("simulate", "--customers", 2, "--days", 2, "--home", home, "--json").document["customers"] == 2
        assert cli("simulate", "--customers", 2, "--days", 2, "--home", home, "--replace").code == 0
        assert cli("score", "--home", home).code == 4


def test_data_are_not_replaced_unasked(cli: Cli, copied: Path, contents_of: Callable[[Path], Any]) -> None:
    """Simulating or importing over data stops, names what is there and --replace, and changes nothing."""
    before = contents_of(copied)
    (copied.parent / "m.toml").write_text(MAPPING)
    (copied.parent / "e.jsonl").write_text("{}\n")
    for command in (
        ("simulate", "--customers", 2, "--days", 2),
        ("import", "berka", copied.parent),
        ("import", "events", copied.parent / "e.jsonl", "--mapping", copied.parent / "m.toml"),
    ):
        ended = cli(*command, "--home", copied)
        assert ended.code == 2
        assert "already holds data from small" in ended.err
        assert "--replace" in ended.err

    assert contents_of(copied) == before


def test_replace_puts_the_new_data_in_the_place_of_the_old(cli: Cli, copied: Path) -> None:
    """With --replace the home holds the new data alone; models and reports stay."""
    (copied / "models").mkdir()
    (copied / "models" / "keep.txt").write_text("mine")

    said = cli("simulate", "--customers", 2, "--days", 2, "--home", copied, "--replace", "--json").document

    assert sorted(path.name for path in (copied / "archive").iterdir()) == [
        "00000000000000000000.parquet",
        "index.jsonl",
    ]
    assert [int(path.stem) <= said["events"] for path in (copied / "snapshots").iterdir()] == [True]
    assert (copied / "models" / "keep.txt").read_text() == "mine"
    assert sorted(path.name for path in copied.iterdir() if path.name.startswith(".")) == [".lock"]


def test_two_at_once_do_not_mix(cli: Cli, copied: Path, contents_of: Callable[[Path], Any]) -> None:
    """While one command brings data in, another one is told to wait, and what is there can be read."""
    before = contents_of(copied)
    with ExitStack() as busy:
        busy.enter_context(pytest.raises(KeyboardInterrupt))
        busy.enter_context(Home(copied).importing(replace=True))
        ended = cli("simulate", "--customers", 2, "--days", 2, "--home", copied, "--replace")
        assert (ended.code, "another command is writing" in ended.err) == (6, True)
        assert cli("score", "--home", copied).code == 0
        raise KeyboardInterrupt

    assert contents_of(copied) == before


FILES: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no folder": (("import", "berka", "nowhere"), 2, "nowhere"),
    "a folder of something else": (("import", "berka", "."), 2, "district"),
    "no file": (("import", "events", "none.csv", "--mapping", "m.toml"), 2, "none.csv"),
    "no mapping": (("import", "events", "t.csv", "--mapping", "none.toml"), 2, "none.toml"),
    "a mapping that is data": (("import", "events", "t.csv", "--mapping", "t.csv"), 2, "not TOML"),
    "a mapping that is a folder": (("import", "events", "t.csv", "--mapping", "."), 2, "cannot be read"),
    "a file that no form fits": (("import", "events", "t.csv", "--mapping", "m.toml"), 2, "fits 0 forms"),
    "words that no measure has": (("import", "events", "e.jsonl", "--mapping", "words.toml"), 2, "failed_debits"),
    "a country that is none": (("import", "events", "e.jsonl", "--mapping", "country.toml"), 2, "country"),
    "a zone that is none": (("import", "events", "e.jsonl", "--mapping", "zone.toml"), 2, "Mars/Olympus"),
    "opened in the year 1": (("import", "events", "e.jsonl", "--mapping", "opens.toml"), 2, "opens_on"),
    "nothing that is an event": (("import", "events", "e.jsonl", "--mapping", "m.toml"), 4, "e.jsonl line 1, type"),
    "nothing at all": (("import", "events", "empty.jsonl", "--mapping", "m.toml"), 4, "0 rows were read"),
    "no table": (("train", "--table", "none.csv", "--label", "y"), 2, "none.csv"),
    "a table that is a folder": (("train", "--table", ".", "--label", "y"), 2, "."),
    "a table without a label": (("train", "--table", "t.csv"), 2, "--label"),
    "a label that is not there": (("train", "--table", "t.csv", "--label", "z"), 2, "z"),
    "one fold": (("train", "--table", "t.csv", "--label", "y", "--folds", "1"), 2, "use 2 to 20"),
    "a table of two rows": (("train", "--table", "t.csv", "--label", "y"), 4, "positive rows"),
    "too many customers": (("simulate", "--customers", "99999999999"), 2, "customers"),
    "no customers": (("simulate", "--customers", "0"), 2, "customers"),
    "days below zero": (("simulate", "--days", "-3"), 2, "days"),
    "a start too late": (("simulate", "--start", "2099-12-31"), 2, "start"),
    "a demo of nobody": (("demo", "--customers", "0"), 2, "customers"),
    "from after to": (("backtest", "--from", "2024-02-01", "--to", "2024-01-01"), 2, "swap them"),
}


@pytest.mark.parametrize("case", FILES)
def test_wrong_files_and_values_are_one_plain_line(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """Each wrong file or value ends with its status and a line that names it; no home is made of it."""
    arguments, code, named = FILES[case]
    monkeypatch.chdir(tmp_path)
    texts = {
        "m.toml": MAPPING,
        "t.csv": "x,y\n1,0\n2,1\n",
        "e.jsonl": "{}\n",
        "empty.jsonl": "",
        "words.toml": MAPPING.replace("opens_on", 'unsupported = ["bounced"]\nopens_on'),
        "country.toml": MAPPING.replace("opens_on", 'country = "Germany"\nopens_on'),
        "zone.toml": MAPPING.replace("UTC", "Mars/Olympus"),
        "opens.toml": MAPPING.replace("2024-01-01", "0001-01-01"),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)

    ended = cli(*arguments, *(() if "--table" in arguments else ("--home", "home")))

    assert (ended.code, named in ended.err) == (code, True), ended.err
    assert not (tmp_path / "home").exists()


def test_one_line_stays_one_line_whatever_a_file_is_called(cli: Cli, tmp_path: Path) -> None:
    """Line breaks and control characters in a name do not reach the terminal."""
    ended = cli("import", "berka", tmp_path / "a\nb\x1b[31m\rc", "--home", tmp_path / "home")

    assert ended.code == 2
    assert not set("\r\x1b") & set(ended.err)


def test_a_model_that_was_not_trained_says_so(cli: Cli, copied: Path) -> None:
    """Scoring or testing with a kind that the home does not hold says which command makes it."""
    for command in (("score", "--model", "boosting"), ("backtest", "--from", "2024-01-01", "--to", "2024-02-01")):
        ended = cli(*command, "--home", copied)
        assert (ended.code, "run `forbear train`" in ended.err) == (2, True)


def test_out_may_be_a_device_and_must_not_be_a_folder(cli: Cli, small: Path, tmp_path: Path) -> None:
    """--out /dev/null is written to and still a device; a full device and a folder are storage errors."""
    assert cli("score", "--home", small, "--out", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()
    assert cli("score", "--home", small, "--out", "/dev/full").code == 6
    assert Path("/dev/full").is_char_device()
    assert cli("score", "--home", small, "--out", tmp_path).code == 6
