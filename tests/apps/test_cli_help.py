"""Help: quick, with an example for everything, and usage errors that say what would be right."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import pytest

import forbear

Cli = Callable[..., Any]

HEAVY = ("numpy", "numba", "pyarrow", "xgboost", "scipy", "sklearn", "matplotlib", "holidays", "rich.progress")
COMMANDS = (
    ["simulate"],
    ["import", "berka"],
    ["import", "events"],
    ["train"],
    ["backtest"],
    ["score"],
    ["explain"],
    ["truth"],
    ["demo"],
    ["report"],
    ["run"],
)

HELP = """
import sys
from forbear.apps.cli import main
sys.argv = ["forbear", *sys.argv[1:]]
try:
    main()
finally:
    print(sorted(set(sys.modules) & {heavy}), file=sys.stderr)
"""


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    """`--help` of any command loads none of the libraries that take long to load."""
    code = HELP.replace("{heavy}", repr(set(HEAVY)))
    ended = subprocess.run(
        [sys.executable, "-c", code, *command, "--help"], capture_output=True, text=True, check=False, timeout=60
    )

    assert (ended.returncode, ended.stderr.strip()) == (0, "[]")
    assert "Usage:" in ended.stdout


def test_help_comes_at_once() -> None:
    """`forbear --help` takes at most twice as long as importing the library that reads its options."""
    ours, theirs = [], []
    for _ in range(5):
        ours.append(seconds_of("-m", "forbear.apps.cli", "--help"))
        theirs.append(seconds_of("-c", "import typer"))

    assert min(ours) < 2.0 * min(theirs), (ours, theirs)


def seconds_of(*arguments: str) -> float:
    """Seconds that the interpreter takes for some arguments."""
    start = perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True, timeout=60)
    return perf_counter() - start


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_shows_an_example_that_it_takes(cli: Cli, command: list[str]) -> None:
    """Each command's help ends with examples of itself, whose options it knows."""
    shown = cli(*command, "--help").out
    examples = [line.split() for line in shown.partition("Examples:")[2].splitlines() if line.strip()]

    assert examples
    for example in examples:
        assert example[: len(command) + 1] == ["forbear", *command]
        for option in example:
            assert not option.startswith("--") or option in shown.partition("Examples:")[0]


def test_the_version_is_the_packages(cli: Cli) -> None:
    """`--version` says the version and nothing else."""
    assert cli("--version").out == f"{forbear.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["import"]], ids=["forbear", "forbear import"])
def test_no_command_shows_the_commands(cli: Cli, arguments: list[str]) -> None:
    """Without a command the help is shown, with the status of wrong use."""
    ended = cli(*arguments)

    assert ended.code == 2
    assert "Commands:" in ended.out + ended.err


USAGE = {
    "unknown command": (["foresee"], "foresee"),
    "unknown option": (["score", "--bottom", "3"], "--bottom"),
    "unknown model": (["score", "--model", "oracle"], "oracle"),
    "expert is not trained": (["train", "--model", "expert"], "expert"),
    "not a date": (["train", "--until", "yesterday"], "write it like 1997-01-31"),
    "30 February": (["score", "--as-of", "2024-02-30"], "write it like 1997-01-31"),
    "the year 1": (["backtest", "--from", "0001-01-01", "--to", "2024-01-01"], "1970 to 2099"),
    "the year 9999": (["backtest", "--from", "2024-01-01", "--to", "9999-12-31"], "1970 to 2099"),
    "an empty date": (["train", "--until", ""], "write it like 1997-01-31"),
    "not a number": (["simulate", "--customers", "many"], "--customers"),
    "no riskiest": (["score", "--top", "0"], "--top"),
    "negative seed": (["train", "--seed", "-1"], "--seed"),
    "a seed too large": (["train", "--seed", str(2**63)], "--seed"),
    "no dates": (["backtest"], "--from"),
    "no mapping": (["import", "events", "file.csv"], "--mapping"),
    "no files": (["import", "events", "--mapping", "m.toml"], "FILES"),
    "an argument too many": (["demo", "now"], "now"),
}


@pytest.mark.parametrize("case", USAGE)
def test_wrong_use_is_status_2_and_names_what_is_wrong(cli: Cli, case: str) -> None:
    """An argument that cannot be is refused before anything is touched, by its name."""
    arguments, named = USAGE[case]

    ended = cli(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert named.lower() in ended.err.lower()
