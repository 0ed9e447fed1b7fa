"""Messages are taken once by real servers wherever the sender dies; a sender that repeats them is found out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

DRILL = Path(__file__).parents[2] / "bench" / "outreach.py"
CARELESS = """
import sys
sys.path.insert(0, {folder!r})
import outreach
carriers = outreach.Servers.carriers

def careless(self):
    found = carriers(self)
    found["chat"] = outreach.replace(found["chat"], reconciles=True)
    return found

outreach.Servers.carriers = careless
outreach.drill(60, 0, 1)
"""
"""A drill in which a gateway that keeps no keys is taken for one that does."""


def test_the_short_drill() -> None:
    """Nothing doubled, lost or told wrong over deaths at every boundary and kills of whole processes."""
    command = [sys.executable, str(DRILL), "--schedules", "40", "--kills", "30", "--seed", "2"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert (said["doubled"], said["lost"], said["wrong"]) == (0, 0, 0)
    assert said["killed"] == 30
    assert min(said["died"], said["taken"], said["states"]["unknown"], said["states"]["sent"]) > 0


def test_a_sender_that_repeats_is_found_out() -> None:
    """Where a provider that keeps no keys is believed when it says that it never had a message, the drill fails."""
    command = [sys.executable, "-c", CARELESS.format(folder=str(DRILL.parent))]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert ended.returncode != 0
    [last] = ended.stderr.splitlines()[-1:]
    assert "AssertionError" in last
    if "'doubled': 0" in last:
        pytest.fail(last)
