"""The bench of the feed, small: a real store, a real server and listeners in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[4] / "bench" / "feed.py"


def test_nobody_misses_anything_under_load() -> None:
    """Fifty filters and five who take everything, among slow and dying ones: all hear what the store holds, once."""
    ran = subprocess.run(
        [sys.executable, BENCH, "--clients", "50", "--seconds", "3"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert (found["clients"], found["missed"], found["doubled"]) == (85, 0, 0)
    assert found["messages"] > 5 * 3_000
