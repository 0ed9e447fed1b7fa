"""What pages say of the policy in force: since when, by whom, and what to do where its text was not kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from tests.apps.dashboard.conftest import said, whole

from forbear.apps.dashboard import formats
from forbear.apps.dashboard.asking import shelf
from forbear.apps.home import Home
from forbear.client import Client
from forbear.engine.office import Role


@pytest.mark.parametrize("page", ["cockpit", "executive"])
def test_since_when_the_policy_holds_is_an_instant(visit: Any, real: Any, page: str) -> None:
    """It is the one that the interface tells; the number of an event says it to nobody."""
    with Client(real.url, real.keys[Role.VIEWER]) as client:
        policy = client.policy()
    text = said(whole(visit(page, Role.ANALYST)))

    assert policy.since is not None
    assert f"since {formats.instant(policy.since)}" in text
    assert f"since event {formats.count(policy.offset)}" not in text


@pytest.mark.parametrize(
    ("change", "role"),
    [
        ("json_remove(document, '$.text', '$.since_us')", Role.ANALYST),
        ("json_set(document, '$.text', '')", Role.APPROVER),
        ("json_set(document, '$.text', 'no = [policy')", Role.ADMIN),
    ],
)
def test_a_policy_without_its_text_is_said_and_what_to_do(visit: Any, real: Any, change: str, role: Role) -> None:
    """The cockpit is calm, names the command and has the drafts; the summary says what is known."""
    with closing(sqlite3.connect(Home(real.home).database)) as store:
        before = store.execute("SELECT document FROM parts WHERE kind = 'policy'").fetchone()
        store.execute(f"UPDATE parts SET document = {change} WHERE kind = 'policy'")
        store.commit()
        try:
            shelf.cache_clear()  # what somebody else has seen a moment ago is told once more otherwise
            app = whole(visit("cockpit", role))
            summary = said(whole(visit("executive", role)))
        finally:
            store.execute("UPDATE parts SET document = ? WHERE kind = 'policy'", before)
            store.commit()
            shelf.cache_clear()

    assert "forbear promote --policy" in said(app)
    assert "Drafts" in said(app)
    assert not app.error, [one.value for one in app.error]
    assert ("since event" in summary) is ("since_us" in change)
