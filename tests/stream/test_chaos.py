"""Chaos, a few rounds of it: what the workers record is what one undisturbed process makes of the same events.

`make chaos` has a hundred rounds.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.postgres import PostgresServer

CHAOS = Path(__file__).parents[2] / "bench" / "chaos.py"
MOST_SECONDS = 600


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(("--rounds", "4", "--seed", "1", "--days", "6"), id="in order"),
        pytest.param(("--rounds", "2", "--seed", "2", "--days", "4", "--shuffle"), id="shuffled"),
    ],
)
def test_whatever_is_killed_nothing_is_lost_or_doubled(
    servers: tuple[KafkaServer, PostgresServer], told: tuple[str, ...]
) -> None:
    """Workers, broker and database are killed and restarted, events sent twice: in the end all is equal, byte by byte.

    Shuffled between day closes, ledgers and the scores at closes are.
    """
    command = [sys.executable, str(CHAOS), "--customers", "150", *told]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr[-4_000:]
    found = msgspec.json.decode(ended.stdout.splitlines()[-1])
    assert (found["equal"], found["differ"], found["shuffled"]) == (True, [], "--shuffle" in told)
    assert sum(found["done"].values()) >= found["rounds"] == int(told[1])
    assert found["doubled"] > 0
    assert found["predictions"] > 0
    assert found["decisions"] > 0
