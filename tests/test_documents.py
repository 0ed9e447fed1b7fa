"""What the documents promise holds: code runs, commands exist, mappings load, links lead somewhere."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from forbear.apps.cli import commands
from forbear.apps.console import EXIT_CODES
from forbear.apps.feature_page import page
from forbear.features.compute import FeatureSet
from forbear.features.definition import REGISTRY
from forbear.features.measures import WORDS
from forbear.importers.mapping import parse_mapping

PROJECT = Path(__file__).parents[1]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])

FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
LARGEST_PICTURE = 400_000


class Block(NamedTuple):
    """One fenced block: where it begins, its language and its text without the indent of its place."""

    where: str
    language: str
    text: str


def blocks_of(text: str, name: str) -> Iterator[Block]:
    """The fenced blocks of a document."""
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(f"{name}:{line}", found.group(2), textwrap.dedent(found.group(3)))


def commands_of(block: Block) -> list[list[str]]:
    """The command lines of a shell block as words; a line of output, after which no command is typed, is left out.

    In ```console a command follows "$ ", in ```sh every line is one. A backslash joins lines.
    """
    lines = block.text.replace("\\\n", " ").splitlines()
    typed = [line[2:] for line in lines if line.startswith("$ ")] if block.language == "console" else lines
    return [words for line in typed if (words := shlex.split(line, comments=True))]


BLOCKS = [
    block for path in DOCUMENTS for block in blocks_of(path.read_text(encoding="utf-8"), str(path.relative_to(PROJECT)))
]
COMMANDS = [
    (block.where, words) for block in BLOCKS if block.language in {"console", "sh"} for words in commands_of(block)
]


def of_language(language: str) -> list[Any]:
    """The blocks of one language, named by where they begin."""
    return [pytest.param(block, id=block.where) for block in BLOCKS if block.language == language]


@pytest.mark.parametrize("block", of_language("python"))
def test_python_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each Python block runs by itself, and its assertions hold. Features that it declares are forgotten again."""
    monkeypatch.chdir(tmp_path)
    with patch.dict(REGISTRY):
        exec(compile(block.text, block.where, "exec"), {"__name__": "example"})


@pytest.mark.parametrize(("where", "words"), [pytest.param(*one, id=" ".join(one[1])) for one in COMMANDS])
def test_commands_exist(where: str, words: list[str]) -> None:
    """Each command line is understood: forbear's by its own parser, make's by the Makefile, a module by its name."""
    while re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    match words[0].rpartition("/")[2], words[1:]:
        case "forbear", arguments:
            understand(arguments)
        case "make", arguments:
            targets = [word for word in arguments if "=" not in word]
            assert set(targets) <= set(TARGET.findall((PROJECT / "Makefile").read_text(encoding="utf-8"))), where
        case "python", ["-m", module, *_]:
            assert find_spec(module), where
        case (("git" | "cd" | "rm" | "."), _):
            pass
        case (("curl" | "export"), _):  # tests/client/test_readme_http.py runs them
            assert where.startswith("README.md")
        case _:
            pytest.fail(f"{where}: nobody knows whether {words[0]!r} is there")


def understand(arguments: list[str]) -> None:
    """Let the real command line parse some arguments, without running anything. Raises its own usage error."""
    command = commands()
    name = "forbear"
    while hasattr(command, "commands"):
        assert arguments, f"{name} needs a command"
        name, *arguments = arguments
        assert name in command.commands, f"{name!r} is no command"
        command = command.commands[name]
    with command.make_context(name, arguments):
        pass


@pytest.mark.parametrize("block", [one for one in of_language("toml") if "[deployment]" in one.values[0].text])
def test_mappings_load(block: Block) -> None:
    """Each mapping is accepted as a whole, and says of nothing but what features ask for that it is not told."""
    mapping = parse_mapping(block.text)
    assert set(mapping.deployment.unsupported) <= set(WORDS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link names a file that is there, and a heading in it if it says so."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    broken = [link for link in LINK.findall(text) if not link.startswith(("http:", "https:")) and not leads(path, link)]
    assert not broken


def leads(path: Path, link: str) -> bool:
    """Whether a link of a document leads to a file, and to a heading if it has an anchor."""
    file, _, anchor = link.partition("#")
    target = (path.parent / file).resolve() if file else path
    if not target.exists():
        return False
    return not anchor or anchor in anchors(target.read_text(encoding="utf-8"))


def anchors(text: str) -> set[str]:
    """Anchors of a document's headings: lower case, blanks as dashes, other marks dropped."""
    headings = HEADING.findall(FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_feature_page_is_current() -> None:
    """docs/features.md is what the definitions give; mend it with `make docs`."""
    assert (PROJECT / "docs" / "features.md").read_text(encoding="utf-8") == page(FeatureSet.standard())


def test_the_readme_names_both_commands() -> None:
    """Somebody who reads nothing else finds how to run and how to test."""
    typed = [" ".join(words) for where, words in COMMANDS if where.startswith("README.md")]
    assert {"make run", "make test"} <= set(typed)


def test_pictures_are_small() -> None:
    """A clone stays quick."""
    assert all(path.stat().st_size < LARGEST_PICTURE for path in (PROJECT / "docs" / "images").iterdir())


def test_every_error_has_its_line() -> None:
    """ARCHITECTURE.md gives each error its exit status."""
    text = (PROJECT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for error, status in EXIT_CODES.items():
        assert re.search(rf"^\| `{error.__name__}` \|.*\| {status} \|$", text, re.MULTILINE), error


# ---- the checks themselves


@pytest.mark.parametrize(
    "typed", ["forbear nonsense", "forbear score --nope", "forbear import events a.csv", "forbear"]
)
def test_a_command_that_is_not_there_is_found(typed: str) -> None:
    """An unknown command, an unknown option and a missing one are all refused."""
    with pytest.raises(
        Exception, match=r"(?i)no command|no such option|missing parameter|missing option|needs a command"
    ):
        understand(typed.split()[1:])


def test_output_is_no_command() -> None:
    """In a console block only what follows the prompt is typed; an indented block is read without its indent."""
    text = "1. x\n\n   ```console\n   $ forbear score \\\n     --top 3   # riskiest\n   error: no\n   ```\n"
    (block,) = blocks_of(text, "page.md")
    assert (block.where, commands_of(block)) == ("page.md:3", [["forbear", "score", "--top", "3"]])
