"""The guide of agents is what happens: its commands run in their order, and its programs against a server."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forbear.apps.jobs.casework import open_casework
from forbear.client import Client
from forbear.engine.case_intake import Happened
from forbear.engine.case_terms import CaseKind
from forbear.engine.cases import Wanted
from forbear.engine.office import Role
from forbear.features.hashing import key_of

GUIDE = (Path(__file__).parents[4] / "docs" / "collections.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CASE, DECISION, CUSTOMER = re.compile(r"\b[0-9a-f]{12}\b"), "0123456789abcdef" * 2, "C0001522"
DUE, SNOOZED = "2026-12-01", "2026-11-23T08:00"
"""Days of the guide, which were to come when it was written."""


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [found.group(2) for found in FENCE.finditer(GUIDE) if found.group(1) == language]


def commands() -> Iterator[tuple[list[str], str]]:
    """What the guide has typed, and the first line of what it shows below, "" for nothing."""
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            typed, _, shown = part.partition("\n")
            yield shlex.split(typed)[1:], shown.partition("\n")[0]


def critical(home: Path, count: int) -> list[str]:
    """Critical cases of so many customers of a home, in the order of the worklist."""
    with open_casework(home, os.environ) as work:
        now_us = int(datetime.now(UTC).timestamp() * 1e6)
        known = work.records.listed("", count + 20).value
        for nth, one in enumerate(known):
            happened = Happened(
                intervention_id=f"{nth:032x}",
                customer=key_of(one.customer_id),
                band="critical",
                channel="",
                action="",
                state="",
                urgent=True,
            )
            work.take_in(happened, now_us)
        found = work.cases.worklist(Wanted(kind=CaseKind.CRITICAL), count, now_us)
    assert len(found) == count
    return [case.case_id for case in found]


def test_the_commands_of_the_guide_run(real: Any, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is typed as it stands, its ids and days aside, does not fail, and says what is shown below it."""
    monkeypatch.setenv("FORBEAR_USER", "anna")
    shown_ids = list(dict.fromkeys(CASE.findall(" ".join(word for words, _ in commands() for word in words))))
    ids = dict(zip(shown_ids, critical(real.home, len(shown_ids)), strict=True))
    with real.client(Role.APPROVER) as client:
        offer = client.get("/v1/interventions", params={"outcome": "offer", "limit": 1}).json()["items"][0]
    soon = datetime.now(UTC) + timedelta(hours=1)
    swapped = {
        **{short: ids[short][:12] for short in ids},
        DECISION: offer["decision_id"],
        CUSTOMER: offer["customer_id"],
        DUE: (soon + timedelta(days=8)).date().isoformat(),
        SNOOZED: soon.isoformat(),
    }
    ran = 0
    for words, shown in commands():
        typed = [swapped.get(word, word) for word in words]
        ended = cli(*typed, "--home", real.home)
        assert ended.code == 0, (typed, ended.err)
        ran += 1
        if shown and "..." not in shown:
            first, told = ended.out.splitlines()[0], shown
            for short, whole in ids.items():
                told = re.sub(rf"\b{short}[0-9a-f]*\b", lambda found, whole=whole: whole[: len(found[0])], told)
            assert _skeleton(first) == _skeleton(told.replace(DUE, swapped[DUE])), typed
    assert ran >= 25


def _skeleton(line: str) -> str:
    """A line without what differs from bank to bank: numbers, names of customers, ids, spans."""
    line = re.sub(r"\bC\d{7}\b", "CUSTOMER", line)
    line = re.sub(r"\b[0-9a-f]{12,32}\b", "ID", line)
    return re.sub(r"\d[\d,.]*( h| d)?", "N", line)


@pytest.mark.parametrize("place", range(len(blocks("py"))))
def test_the_programs_of_the_guide_run(
    place: int, real: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each runs against a server under an agent's key; the second works ten cases to their end."""
    critical(real.home, 12)
    monkeypatch.setenv("FORBEAR_URL", real.url)
    monkeypatch.setenv("FORBEAR_KEY", real.keys[Role.AGENT])
    exec(compile(blocks("py")[place], "docs/collections.md", "exec"), {"__name__": "guide", "Client": Client})
    said = capsys.readouterr().out
    assert said.startswith(("tests agent", "10 "))
