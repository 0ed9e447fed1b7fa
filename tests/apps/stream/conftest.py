"""Waiting for what other processes and threads do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

import pytest

MOST_SECONDS = 120.0
Until: TypeAlias = Callable[[Callable[[], object]], None]


@pytest.fixture
def until() -> Until:
    """Waits until something holds, and not for ever."""

    def wait(holds: Callable[[], object]) -> None:
        end = time.monotonic() + MOST_SECONDS
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.005)

    return wait
