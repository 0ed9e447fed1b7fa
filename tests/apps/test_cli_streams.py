"""What reaches the terminal, a pipe or a file, and what happens when nobody takes it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from time import sleep
from typing import IO, Any

import pytest

from forbear.apps.cli import main
from forbear.apps.console import Console, complain, figure
from forbear.domain.events import Event

Cli = Callable[..., Any]

FORBEAR = [sys.executable, "-m", "forbear.apps.cli"]


def start(*arguments: object, out: int | IO[Any] = subprocess.PIPE, **more: Any) -> subprocess.Popen[str]:
    """A process of its own."""
    return subprocess.Popen([*FORBEAR, *map(str, arguments)], stdout=out, stderr=subprocess.PIPE, text=True, **more)


@pytest.mark.parametrize("arguments", [["score"], ["--help"]], ids=" ".join)
def test_a_reader_that_leaves_is_no_error(small: Path, arguments: list[str]) -> None:
    """With nobody at the other end of the pipe, as after `| head -1`, nothing is said on stderr."""
    reading, writing = os.pipe()
    os.close(reading)
    home = ["--home", small] if arguments[0] == "score" else []
    process = start(*arguments, *home, out=writing)
    os.close(writing)

    _, said = process.communicate(timeout=60)

    assert said == ""
    assert process.returncode == 0 or arguments == ["--help"]


@pytest.mark.parametrize("option", ["--top=3", "--json"])
def test_a_full_device_on_stdout_is_a_storage_error(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """Output that cannot be written is not lost silently: one line, and the status of a full disk."""
    monkeypatch.setattr(sys, "argv", ["forbear", "score", "--home", str(small), option])
    with ExitStack() as context:
        full = context.enter_context(Path("/dev/full").open("w"))
        context.enter_context(monkeypatch.context()).setattr(sys, "stdout", full)
        ended = context.enter_context(pytest.raises(SystemExit))
        main()
    said = capsys.readouterr().err

    assert (ended.value.code, len(said.splitlines()), "No space left" in said) == (6, 1, True)


def test_closed_streams_are_no_error(small: Path, tmp_path: Path) -> None:
    """With stdout and stderr closed, as cron may have them, the work is done all the same."""
    shell = f'exec "$@" --home {small} --out {tmp_path}/out.csv >&- 2>&-'
    ended = subprocess.run(["sh", "-c", shell, "sh", *FORBEAR, "score"], check=False, timeout=60)

    assert ended.returncode == 0
    assert (tmp_path / "out.csv").read_text().startswith("customer_id,")


def test_ctrl_c_ends_with_130_and_one_line(copied: Path, contents_of: Callable[[Path], Any]) -> None:
    """A real SIGINT in the middle of a simulation: one line, 130, and the home as it was, without leftovers."""
    before = contents_of(copied)
    asked = ("simulate", "--customers", 3_000, "--days", 700, "--replace", "--home", copied)
    # A test run in the background of a shell inherits SIGINT ignored; a person's terminal does not.
    process = start(*asked, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    while not (copied / ".importing").exists() and process.poll() is None:
        sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)

    assert (process.returncode, out, said) == (130, "", "interrupted: what was kept before is intact\n")
    assert contents_of(copied) == before


def test_a_terminal_that_knows_only_ascii_gets_escapes(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path in another script is written with escapes where the encoding of stdout has no such letters."""
    monkeypatch.setattr(sys, "argv", ["forbear", "score", "--home", str(small), "--out", f"{tmp_path}/бáнк.csv"])
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", terminal)
        with suppress(SystemExit):
            main()

    assert (tmp_path / "бáнк.csv").exists()
    assert b"\\u0431\\xe1" in terminal.buffer.getvalue()  # type: ignore[attr-defined]


def test_names_are_shown_as_they_are(
    cli: Cli, load: Callable[..., Any], life: Callable[[str], list[Event]], tmp_path: Path
) -> None:
    """A customer may be called like markup or an emoji's code: the table shows every letter of it."""
    names = ["[/x]", "[bold]", ":bomb:", "a" * 64]
    load(tmp_path / "home", [event for name in names for event in life(name)])

    shown = cli("score", "--home", tmp_path / "home").out

    for name in names:
        assert name in shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ((0.90149, 0.8884, 0.9139), "0.901 [0.888, 0.914]"),
        ((0.012345, 0.001, 0.1), "0.0123 [0.001, 0.1]"),
        ((1.0, 1.0, 1.0), "1 [1, 1]"),
        ((None, None, None), "-"),
        ((float("nan"), 0.1, 0.2), "-"),
        ((0.5, None, None), "0.5"),
        ((0.5, float("nan"), float("nan")), "0.5"),
    ],
)
def test_a_figure_is_short(given: tuple[float | None, ...], shown: str) -> None:
    """Three significant digits and the interval in brackets; a dash for what is undefined."""
    assert figure(*given) == shown


def test_a_table_of_three_models_is_not_squeezed(capsys: pytest.CaptureFixture[str]) -> None:
    """Off the terminal a table has 120 columns: three models with their longest intervals fit on one line each."""
    widest = figure(0.00234, 0.000123, 0.0157)
    Console().table("Backtest " * 20, ("95 % intervals over customers", "a", "b", "c"), [("Brier", *[widest] * 3)])
    lines = capsys.readouterr().out.splitlines()

    assert lines[0] == ("Backtest " * 20).rstrip() or lines[0] == "Backtest " * 20
    assert sum(line.count(widest) for line in lines) == 3
    assert len([line for line in lines if widest in line]) == 1
    assert max(map(len, lines[1:])) <= 120


def test_json_and_quiet_say_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """Under json only the result is said, when quiet nothing is."""
    for console, expected in ((Console(json=True), '{"a":null}\n'), (Console(quiet=True, json=True), "")):
        console.say("hello")
        console.table("t", ("a",), [("b",)])
        console.result({"a": float("nan")})
        assert capsys.readouterr() == (expected, "")


def test_progress_is_silent_off_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A bar is drawn on a terminal only: logs and scripts see nothing of it."""
    with Console().progress("Working", 10) as progress:
        progress(5)

    assert capsys.readouterr() == ("", "")


def test_a_complaint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Line ends, control characters and halves of letters in a message come out as blanks or escapes."""
    complain("a\nb\r\x1b[31mc\u2028d\udcff")

    [line] = capsys.readouterr().err.splitlines()
    assert line == "a b [31mc d"
