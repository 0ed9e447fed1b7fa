"""A worker that is killed, or finds the disk full, leaves in the end what one leaves that nobody disturbed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

DRILL = Path(__file__).parents[2] / "bench" / "drill.py"


def test_the_short_drill() -> None:
    """Killed eight times and out of room a few times, workers record, archive and log the same to the last byte."""
    command = [sys.executable, str(DRILL), "--kills", "8", "--full", "1", "--customers", "50", "--days", "12"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said["kills"] == sum(said["killed_while"].values()) == 8
    assert said["full"] == sum(said["refused"].values()) >= 2
    assert {"archive", "log/"} <= said["refused"].keys()
    assert min(said[name] for name in ("predictions", "decisions", "contacts", "audit")) > 0
