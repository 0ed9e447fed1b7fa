"""A writer that is killed: what it was told is durable is there, and nothing of what it was not is half there."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import sleep

import pytest

from forbear.adapters.log import FileSink, FileSource
from forbear.features.columns import columns_of, events_of
from forbear.testing.builders import transaction
from forbear.testing.log_contract import ZONE

WRITER = """
import sys
from pathlib import Path
from forbear.adapters.log import FileSink
from forbear.engine.ports import Origin
from forbear.features.columns import columns_of
from forbear.testing.builders import transaction

sink = FileSink(Path(sys.argv[1]), segment_bytes=60_000)
print("open", flush=True)
n = sink.end
while True:
    events = [transaction(n + k, day=n // 3) for k in range(3)]
    n = sink.publish(columns_of(events), Origin(1, n // 3 + 1))
    print(n, flush=True)
"""


@pytest.mark.parametrize("after", [0.0, 0.11, 0.4])
def test_killed_while_publishing(tmp_path: Path, after: float) -> None:
    """Killed at some moment, three times over: all that was confirmed is there, whole publishes only, none twice."""
    log = tmp_path / "log"
    confirmed = 0
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(log)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            sleep(after)
            process.kill()
            told = process.stdout.read().split()
        confirmed = max([confirmed, *map(int, told[:-1])])  # the last line may be cut short
        with closing(FileSource(log, ZONE)) as source:
            end = source.end
            ids = [event.transaction_id for event in events_of(source.read(0, end))]  # type: ignore[union-attr]
        assert end >= confirmed
        assert ids == [f"T{n}" for n in range(end)]
        assert end % 3 == 0
    with closing(FileSink(log)) as sink:
        assert (sink.end, sink.past_of(1)) == (end, end // 3)
        sink.publish(columns_of([transaction(end, day=end)]))
    assert len(list(log.glob(".writing-*"))) == 0
