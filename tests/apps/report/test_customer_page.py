"""The page of one customer: every decision with its reasons as sealed, and nothing that can be told of the erased."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forbear.adapters.sql.queries import open_queries
from forbear.apps.page.numerals import PERCENT
from forbear.apps.report import ReportRequest, write_report
from forbear.apps.report.customer import ERASED, customer_page
from forbear.apps.report.gather import personal_of
from forbear.apps.report.request import Sources
from forbear.apps.report.trajectory import MOTION, STEP, trajectory_section
from forbear.apps.report.wording import Wording, dated
from forbear.domain.errors import NotEnoughData
from forbear.engine.outputs import Decision
from forbear.engine.queries import Scored
from forbear.features.hashing import keys_of
from forbear.models.reasons.customer import NOTHING_TOLD
from forbear.models.results import Figure
from forbear.policy.triggers import Trigger

Renamed = Callable[[str, str], AbstractContextManager[Sources]]
HOSTILE = "<script>alert('1 & 2')</script>"


def decisions_of(worked: Any, name: str) -> list[Decision]:
    """What was decided about a customer, the latest first."""
    (key,) = [key for outputs in worked.outputs for key, told, *_ in outputs.customers if told == name]
    return [one for outputs in worked.outputs for one in outputs.decisions if one.customer == key][::-1]


def test_every_decision_is_told_with_its_reasons(sources: Sources, worked: Any, most_decided: str) -> None:
    """Day, outcome and sentence of each decision stand on the page, and the features that it rested on."""
    document = customer_page(sources, most_decided, "today")
    made = decisions_of(worked, most_decided)
    assert len(made) > 5
    for one in made:
        personal: Any = personal_of(sources, one)
        assert personal["told"]
        assert all(escape(reason["say"]["en"]) in document for reason in personal["told"])
        assert f"Features on {dated(one.day)}" in document
        assert all(f'scope="row">{name}<' in document for name in personal["features"])
    assert document.count('class="reasons"') == len(made)


def test_the_words_are_those_of_then(worked: Any, most_decided: str, tmp_path: Path) -> None:
    """What stands on the page is what was sealed: other words there are other words here, and none are made up."""
    folder = Path(shutil.copytree(worked.folder, tmp_path / "copy"))
    latest, before, first = (decisions_of(worked, most_decided)[place] for place in (0, 1, 2))
    with closing(replace(worked, folder=folder).vault()) as vault:
        told = personal_of(Sources(None, vault, worked.deployment, {}), latest)  # type: ignore[arg-type]
        other = {**told, "told": [{**told["told"][0], "say": {"en": "Other words.", "de": "Andere."}}]}
        silent, nameless = {**told, "told": []}, {name: known for name, known in told.items() if name != "told"}
        with sqlite3.connect(folder / "forbear.db") as store:
            for one, personal in ((latest, other), (before, silent), (first, nameless)):
                (sealed,) = vault.seal([(one.customer, json.dumps(personal).encode(), one.decision_id.encode())])
                store.execute("UPDATE decisions SET sealed = ? WHERE decision_id = ?", (sealed, one.decision_id))
        store.close()
        with closing(open_queries(f"sqlite:///{folder / 'forbear.db'}")) as queries:
            document = customer_page(Sources(queries, vault, worked.deployment, {}), most_decided, "today")

    assert "Other words." in document
    assert document.count(escape(NOTHING_TOLD)) == 1
    assert document.count("No words were approved yet.") == 1


def test_the_front_door_leads_here(sources: Sources, most_decided: str) -> None:
    """A request that names a customer gives that customer's page, the same every time and without outside addresses."""
    request = ReportRequest(created="today", customer=most_decided)
    document = write_report(sources.queries, sources.vault, sources.deployment, {}, request)
    assert document == customer_page(sources, most_decided, "today")
    assert f"<h1>Customer {most_decided}</h1>" in document
    assert not re.search(r"https?:|@import|url\((?!#)|\ssrc=|<script|<link", document)


def test_the_page_moves_as_the_command_says(
    cli: Callable[..., Any], home: Path, sources: Sources, most_decided: str
) -> None:
    """Velocity, acceleration and why it moved in a week are those of `forbear trajectory`."""
    told = cli("trajectory", most_decided, "--home", home, "--json").document
    document = customer_page(sources, most_decided, "today")
    moves = document[document.index("How it moves") : document.index("The latest score, explained")]
    figures = [Figure(*one[what].values()) for one in told["motion"] for what in ("velocity", "acceleration")]

    assert all(MOTION.write(np.nan if one.value is None else one.value) in moves for one in figures)
    assert f">together</th><td>{STEP.write(told['moved']['change'])}</td>" in moves
    weightiest = max(told["moved"]["by_feature"].items(), key=lambda pair: abs(pair[1]))
    assert f">{weightiest[0]}</th><td>{STEP.write(weightiest[1])}</td>" in moves
    assert PERCENT.write(told["path"][-1]["pd"]) in moves
    assert "path-axes_1" in moves


def test_attributions_that_are_gone_are_said_to_be(sources: Sources, most_decided: str) -> None:
    """Where scores have no attributions the path is drawn, and why it moved is not made up."""
    key = int(keys_of(np.array([most_decided.encode()]))[0])
    entries = sources.queries.timeline(key, 500, None).value.entries
    scores = [one for one in entries if isinstance(one, Scored) and one.trigger & Trigger.DAY_CLOSE]
    wording = Wording.of(sources.queries.status().value)
    drawn = trajectory_section(most_decided, [replace(one, attributions=()) for one in scores], wording)

    assert "Why it moved is not told" in drawn
    assert drawn.count('role="img"') == 1
    assert not trajectory_section(most_decided, [], wording)


def test_nobody_is_nobody(sources: Sources) -> None:
    """An id of which nothing is recorded is refused, never scored or erased."""
    with pytest.raises(NotEnoughData, match="never scored, or erased"):
        customer_page(sources, "C-none", "today")


def test_a_destroyed_key_is_told(worked: Any, most_decided: str, tmp_path: Path) -> None:
    """Where the key is gone each decision says so, and its features are not shown."""
    folder = Path(shutil.copytree(worked.folder, tmp_path / "copy"))
    changed = replace(worked, folder=folder)
    made = decisions_of(worked, most_decided)
    with closing(changed.queries()) as queries, closing(changed.vault()) as vault:
        vault.erase(made[0].customer)
        document = customer_page(Sources(queries, vault, worked.deployment, {}), most_decided, "today")

    assert document.count(ERASED) == len(made)
    assert "Features on" not in document


def test_a_hostile_id_stays_text(renamed: Renamed, most_decided: str) -> None:
    """Markup in the id is shown, not obeyed, in headings and labels too."""
    with renamed(most_decided, HOSTILE) as sources:
        document = customer_page(sources, HOSTILE, "today")
    assert "<script" not in document
    assert document.count(escape(HOSTILE)) >= 4
