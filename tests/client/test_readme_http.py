"""What the README shows of the HTTP interface is what a server answers, and the client's examples run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from forbear.client import Client

PROJECT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = "C0000011"
"""The riskiest customer of the bank that the README shows; the bank of the tests has another."""
LEFT_OUT = "..."
KEY = "fb_..."
"""In a command: the key that was shown last."""


class Typed(NamedTuple):
    """One command of the transcript, with the answer that stands below it."""

    command: str
    answer: str


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of one language of a document."""
    text = (PROJECT / name).read_text(encoding="utf-8")
    return [found.group(2) for found in FENCE.finditer(text) if found.group(1) == language]


def transcript() -> Iterator[Typed]:
    """All commands of the README that are about HTTP, in order."""
    for block in blocks("README.md", "console"):
        if "$FORBEAR_URL" in block or "FORBEAR_URL=" in block:
            for part in re.split(r"^\$ ", block.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
                yield Typed(*part.split("\n", 1))


def shown(answer: str) -> Any:
    """An answer as it is shown, as JSON: what is left out of an object is a field "...", of a list a value "..."."""
    made, strings, inside = "", re.split(r'("(?:[^"\\]|\\.)*")', answer), ""
    for place, piece in enumerate(strings):
        if place % 2:
            made += piece
            continue
        for mark in re.split(r"(\.\.\.|[\[\]{}])", piece):
            inside = inside + mark if mark in {"[", "{"} else inside[:-1] if mark in {"]", "}"} else inside
            made += mark if mark != LEFT_OUT else '"..."' if inside.endswith("[") else '"...": "..."'
    return msgspec.json.decode(made)


def differences(said: Any, came: Any, where: str = "") -> Iterator[str]:
    """Where an answer is not of the shape that is shown: names of fields, and kinds of values."""
    match said, came:
        case None, _:
            return
        case dict(), dict():
            wanted = said.keys() - {LEFT_OUT}
            if missing := wanted - came.keys():
                yield f"{where} has no {sorted(missing)}"
            if LEFT_OUT not in said and (more := came.keys() - wanted):
                yield f"{where} has {sorted(more)} too"
            for name in wanted & came.keys():
                yield from differences(said[name], came[name], f"{where}/{name}")
        case list(), list():
            if said and not came:
                yield f"{where} is empty"
            for one in (one for one in said if one != LEFT_OUT and came):
                yield from differences(one, came[0], f"{where}/0")
        case (bool(), bool()) | (str(), str()):
            return
        case ((int() | float()), (int() | float())) if not isinstance(said, bool) and not isinstance(came, bool):
            return
        case _:
            yield f"{where} is {came!r}"


def test_the_transcript_is_what_a_server_answers(served: Any) -> None:
    """Each command of the README runs, and answers with the status and the fields that are shown, no more, no less."""
    if shutil.which("curl") is None:
        assert not os.environ.get("FORBEAR_FORBID_SKIP"), "curl is not there"
        pytest.skip("curl is not there")
    with served.client() as client:
        riskiest = next(iter(client.high_risk())).customer_id
    environment, key, asked = dict(os.environ), served.key(), 0
    for command, answer in transcript():
        typed = command.replace(KEY, key).replace(SHOWN, riskiest).replace("http://127.0.0.1:8470", served.url)
        if typed.startswith("export "):
            environment |= dict(one.split("=", 1) for one in typed.split()[1:])
            continue
        write_out = ["--max-time", "60", "--write-out", r"\n%{http_code}"]
        script = typed.replace("curl ", f"curl {shlex.join(write_out)} ", 1)
        ended = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, check=True, text=True)
        body, status = ended.stdout.rsplit("\n", 1)
        came, said = msgspec.json.decode(body), shown(answer)
        asked += 1

        assert not list(differences(said, came)), typed
        assert int(status) == said["status"] if "status" in said else int(status) < 300, typed
        assert said.get("type") == came.get("type")
        key = came.get("key", key)
    assert asked >= 8


@pytest.mark.parametrize("place", range(len(blocks("docs/client.md", "py"))))
def test_the_examples_of_the_client_run(place: int, served: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Each example of docs/client.md, and that of the README, runs against a server with what the ones above import."""
    monkeypatch.setenv("FORBEAR_URL", served.url)
    monkeypatch.setenv("FORBEAR_KEY", served.key())
    with Client() as client:
        riskiest = next(iter(client.high_risk())).customer_id
    assert blocks("README.md", "py") == [
        blocks("docs/client.md", "py")[0].replace(
            "Client() as forbear:",
            'Client() as forbear:  # FORBEAR_URL and FORBEAR_KEY, or Client("http://127.0.0.1:8470", key="fb_...")',
        )
    ]
    example = blocks("docs/client.md", "py")[place].replace(SHOWN, riskiest)
    exec(compile(example, "docs/client.md", "exec"), {"__name__": "example", "Client": Client})
    assert capsys.readouterr().out or "print" not in example


# ---- the checks themselves


@pytest.mark.parametrize(
    ("said", "came", "same"),
    [
        ('{"a": 1, ...}', {"a": 2, "b": 3}, True),
        ('{"a": 1}', {"a": 2, "b": 3}, False),
        ('{"a": [{"b": "...", ...}, ...]}', {"a": [{"b": "x", "c": 1}]}, True),
        ('{"a": [{"b": 1}, ...]}', {"a": []}, False),
        ('{..., "a": {...}}', {"b": 1, "a": {"c": 2}}, True),
        ('{"a": "x"}', {"a": 1}, False),
        ('{"a": true}', {"a": 1}, False),
        ('{"a": null}', {"a": {"b": 1}}, True),
    ],
)
def test_another_shape_is_found(said: str, came: Any, same: bool) -> None:
    """What is left out may be anything; everything else has to be there, and of its kind."""
    assert (not list(differences(shown(said), came))) == same
