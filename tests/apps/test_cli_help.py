"""Help: quick, with an example for everything, and usage errors that say what would be right."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import dropwhile
from typing import Any

import pytest

import forbear

Cli = Callable[..., Any]

READERS = {"forbear", "typer", "shellingham", "annotated_doc", "annotated_types"}
READERS |= {"pydantic", "pydantic_core", "typing_extensions", "typing_inspection"}
"""What help may load beyond the standard library: ourselves, and what reads and shows options."""
LIGHT = re.compile(r"forbear\.apps\.(cli\w*|commands|options)$")
COMMANDS = (
    ["simulate"],
    ["import", "berka"],
    ["import", "events"],
    ["train"],
    ["models", "list"],
    ["models", "show"],
    ["models", "history"],
    ["retrain"],
    ["online", "update"],
    ["models", "key"],
    ["models", "found"],
    ["models", "approvers"],
    ["models", "propose"],
    ["models", "approve"],
    ["models", "rollback"],
    ["models", "proposals"],
    ["backtest"],
    ["score"],
    ["explain"],
    ["truth"],
    ["demo"],
    ["dashboard"],
    ["report"],
    ["audit", "replay"],
    ["audit", "verify"],
    ["audit", "report"],
    ["contacts", "may"],
    ["contacts", "log"],
    ["contacts", "stop"],
    ["contacts", "lift"],
    ["contacts", "place"],
    ["contacts", "consent"],
    ["contacts", "quiet"],
    ["contacts", "prefer"],
    ["contacts", "list"],
    ["contacts", "export"],
    ["contacts", "certify"],
    ["monitor"],
    ["logs", "reference"],
    ["run"],
    ["worker", "scorer"],
    ["up"],
    ["validate"],
    ["models", "changelog"],
    ["stream"],
    ["topics", "apply"],
    ["dlq", "list"],
    ["feed"],
    ["store", "migrate"],
    ["credit", "dcr"],
    ["experiment", "define"],
    ["models", "shadow"],
    ["models", "rollout"],
    ["models", "stop"],
    ["models", "watch"],
    ["models", "story"],
    ["fairness"],
    ["experiment", "hillstrom"],
    ["outreach", "start"],
    ["outreach", "stop"],
    ["outreach", "release"],
    ["outreach", "run"],
    ["outreach", "status"],
    ["outreach", "list"],
    ["outreach", "show"],
    ["outreach", "approve"],
    ["outreach", "refuse"],
    ["outreach", "unknown"],
    ["outreach", "settle"],
    ["outreach", "receive"],
    ["outreach", "report"],
    ["quarter"],
    ["flow"],
    ["cases", "call"],
    ["cases", "called"],
    ["wording", "list"],
    ["wording", "show"],
    ["wording", "preview"],
    ["wording", "check"],
    ["cases", "list"],
    ["cases", "show"],
    ["cases", "open"],
    ["cases", "contest"],
    ["cases", "take"],
    ["cases", "assign"],
    ["cases", "refuse"],
    ["cases", "note"],
    ["cases", "wait"],
    ["cases", "snooze"],
    ["cases", "escalate"],
    ["cases", "close"],
    ["cases", "promise"],
    ["cases", "promises"],
    ["cases", "release"],
    ["cases", "override"],
    ["cases", "overrides"],
    ["cases", "figures"],
    ["cases", "settle"],
)

HELP = """
import json, os, sys
there = set(sys.modules)
from forbear.apps.cli import commands, main
commands()  # what all of them need takes longest: once
for line in sys.stdin:
    child = os.fork()
    if child:
        print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])), flush=True)
        continue
    sys.argv = ["forbear", *line.split(), "--help"]
    try:
        main()
    finally:
        loaded = {name.partition(".")[0] for name in set(sys.modules) - there}
        others = {name for name in loaded - sys.stdlib_module_names if not name.startswith("_")}
        print("LOADED", json.dumps([sorted(others), [one for one in sys.modules if one.startswith("forbear.")]]))
"""


@pytest.fixture(scope="module")
def helped() -> dict[str, tuple[str, list[str], list[str], str]]:
    """By command: its help, what libraries it loaded, what of ours, and its status; each in a process of its own."""
    asked = [" ".join(command) for command in ([], *COMMANDS)]
    ended = subprocess.run(
        [sys.executable, "-c", HELP], input="\n".join(asked), capture_output=True, text=True, check=True, timeout=300
    )
    told = re.findall(r"(.*?)^LOADED (.*?)\n(-?\d+)\n", ended.stdout, re.MULTILINE | re.DOTALL)
    return {name: (said, *json.loads(loaded), status) for name, (said, loaded, status) in zip(asked, told, strict=True)}


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_loads_only_what_reads_options(command: list[str], helped: Any) -> None:
    """`--help` of any command loads no library but the one that reads its options, and of ours only commands."""
    said, others, ours, status = helped[" ".join(command)]

    assert (set(others) - READERS, status) == (set(), "0")
    assert "Usage:" in said
    for name in ours:
        assert name in ("forbear.apps", "forbear.domain", "forbear.domain.errors") or LIGHT.match(name), name


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_shows_an_example_that_it_takes(cli: Cli, command: list[str]) -> None:
    """Each command's help ends with examples of itself, whose options it knows."""
    shown = cli(*command, "--help").out
    examples = [line.split() for line in shown.partition("Examples:")[2].splitlines() if line.strip()]

    assert examples
    for line in examples:
        example = list(dropwhile(lambda word: "=" in word, line))
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
