"""The page of one customer: every decision with its reasons as sealed, and nothing that can be told of the erased."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import pytest

from forbear.apps.report import ReportRequest, write_report
from forbear.apps.report.customer import ERASED, customer_page
from forbear.apps.report.gather import personal_of
from forbear.apps.report.request import Sources
from forbear.apps.report.wording import Wording, dated
from forbear.domain.errors import NotEnoughData
from forbear.engine.outputs import Decision
from forbear.models.reasons.customer import NOTHING_TOLD

Renamed = Callable[[str, str], AbstractContextManager[Sources]]
HOSTILE = "<script>alert('1 & 2')</script>"


def decisions_of(worked: Any, name: str) -> list[Decision]:
    """What was decided about a customer, the latest first."""
    (key,) = [key for outputs in worked.outputs for key, told in outputs.customers if told == name]
    return [one for outputs in worked.outputs for one in outputs.decisions if one.customer == key][::-1]


def test_every_decision_is_told_with_its_reasons(sources: Sources, worked: Any, most_decided: str) -> None:
    """Day, outcome and sentence of each decision stand on the page, and the features that it rested on."""
    document = customer_page(sources, most_decided, "today")
    made = decisions_of(worked, most_decided)
    assert len(made) > 5
    wording = Wording.of(sources.deployment, sources.queries.status().value)
    for one in made:
        personal: Any = personal_of(sources, one)
        assert wording.told(personal)
        assert all(escape(sentence) in document for sentence in wording.told(personal))
        assert f"Features on {dated(one.day)}" in document
        assert all(f'scope="row">{name}<' in document for name in personal["features"])
    assert f"{len(made)} decisions, the latest first." in document


def test_told_sentences_are_used_as_they_stand(sources: Sources) -> None:
    """Sentences sealed with a decision are shown as they were told; where none was, none is made up later."""
    wording = Wording.of(sources.deployment, sources.queries.status().value)
    told: Any = {"reason": "cash", "attributions": {}, "told": [{"say": {"en": "One.", "de": "Eins."}}]}
    assert wording.told(told) == ("One.",)
    assert wording.told({**told, "told": []}) == (NOTHING_TOLD,)


def test_of_before_words_were_sealed_the_code_is_told(sources: Sources) -> None:
    """A decision without words has the sentence of its reason's code, or none where no reason raised the score."""
    wording = Wording.of(sources.deployment, sources.queries.status().value)
    silent: Any = {"reason": "cash", "attributions": {}}
    assert len(wording.told(silent)) == 1
    assert wording.told({**silent, "reason": ""}) == ()


def test_the_front_door_leads_here(sources: Sources, most_decided: str) -> None:
    """A request that names a customer gives that customer's page, the same every time and without outside addresses."""
    request = ReportRequest(created="today", customer=most_decided)
    document = write_report(sources.queries, sources.vault, sources.deployment, {}, request)
    assert document == customer_page(sources, most_decided, "today")
    assert f"<h1>Customer {most_decided}</h1>" in document
    assert not re.search(r"https?:|@import|url\((?!#)|\ssrc=|<script|<link", document)


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
