"""A worker that is killed, or finds the disk full, leaves in the end what one leaves that nobody disturbed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

DRILL = Path(__file__).parents[2] / "bench" / "drill.py"


def test_the_short_drill() -> None:
    """Killed at any instant, at steps of archiving, and out of room, workers leave the same to the last byte."""
    size = ["--kills", "8", "--full", "1", "--stride", "3", "--customers", "50", "--days", "12"]
    command = [sys.executable, str(DRILL), *size]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said["kills"] == sum(said["killed_while"].values()) == 8
    assert said["archiving"] >= 3
    assert said["full"] == sum(said["refused"].values()) >= 2
    assert {"archive", "log/"} <= said["refused"].keys()
    assert min(said[name] for name in ("predictions", "decisions", "contacts", "audit")) > 0
    assert said["left_over"] == 0
