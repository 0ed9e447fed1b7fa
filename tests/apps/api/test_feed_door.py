"""WebSockets pass the same door: who is let in, what is recorded, and how many there may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from forbear.apps.services import ApiSettings
from forbear.engine.office import Role


def test_a_feed_is_held_to_the_table(house: Callable[..., Any]) -> None:
    """A role of the line is let in and recorded; another is 403, nobody 401, and both as a problem."""
    made = house()
    key, agent = made.key(Role.ANALYST), made.key(Role.AGENT)
    with made.served() as port:
        url = f"ws://127.0.0.1:{port}/v1/test/feed"
        with connect(url, additional_headers={"X-API-Key": key}, proxy=None) as line:
            assert line.recv() == key[3:11]
        for headers, status in (({"X-API-Key": agent}, 403), ({}, 401)):
            with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=headers, proxy=None):
                pass
            assert refused.value.response.status_code == status
            assert b"urn:forbear:problem:" in (refused.value.response.body or b"")
    assert len(made.office.accesses.chain("api", 0, 9)) == 1


def test_feeds_have_their_own_bound(house: Callable[..., Any]) -> None:
    """One more than may be open is 503; once one has gone there is a place again."""
    made = house(settings=ApiSettings(rate=1e5, most_feeds=2))
    headers = {"X-API-Key": made.key(Role.ANALYST)}
    with made.served() as port:
        url = f"ws://127.0.0.1:{port}/v1/test/feed"
        with connect(url, additional_headers=headers, proxy=None):
            with (
                connect(url, additional_headers=headers, proxy=None),
                pytest.raises(InvalidStatus) as refused,
                connect(url, additional_headers=headers, proxy=None),
            ):
                pass
            assert refused.value.response.status_code == 503
            with connect(url, additional_headers=headers, proxy=None) as line:
                assert line.recv()
