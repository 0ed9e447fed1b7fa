"""What metrics cost the worker: the same log worked off with and without a meter, in turns, in one run.

    .venv/bin/python bench/metrics.py                    5,000 customers, three live days, five rounds
    .venv/bin/python bench/metrics.py --customers 1000 --rounds 3

Everything runs as in bench/pipeline.py. Processor time is compared, of all threads together: other work on the machine
moves it less than the clock on the wall. Events are taken in by 16,384, as a worker that is behind does, and by 25, as
one that keeps up does; the latter is where each event bears the most of the meter.

On a machine that does other work too, two rounds of the same differ by more than what is looked for. So the share is
found in a second way as well: how often the meter was told what, times what each of these takes in a tight loop of the
same run, as a share of the processor time.

The last line is one JSON object: for each of both the seconds of processor time (median of the rounds), the ratio of
measured to unmeasured (median of the rounds' own ratios), the share found in the second way; and how long a scrape
takes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from live_bank import live_bank
from prometheus_client.parser import text_string_to_metric_families

from forbear.apps.home import Home
from forbear.apps.jobs.instructing import told_before
from forbear.apps.jobs.running import running
from forbear.apps.metrics import working
from forbear.apps.metrics.catalogue import BATCH
from forbear.apps.metrics.meter import Meter
from forbear.apps.metrics.stages import MeasuredStages, Recorded
from forbear.engine.outputs import Outputs
from forbear.engine.timing import Stage
from forbear.features.kernels import Fold

LIVE_DAYS = 3
LARGE, SMALL = 16_384, 25
_TIMES = 2_000
_LAST: list[Outputs] = []
MOST_SMALL = 40_000
"""Events that are taken in by few, so that a round is over in reasonable time."""


def worked_off(home: Home, limit: int, meter: Meter | None) -> tuple[float, int]:
    """Processor seconds of working a log off, and how many events that were."""
    with running(home, meter=meter) as worker:
        worker.start(home.feed, home.snapshots, told_before(home))
        begun, start = time.process_time(), worker.worker.position
        while (limit == LARGE or worker.worker.position - start < MOST_SMALL) and worker.step(limit) is not None:
            """Go on."""
        worker.wait()
        return time.process_time() - begun, worker.worker.position - start


def compared(home: Home, folder: Path, limit: int, rounds: int) -> dict[str, float]:
    """Both in turns, each on a copy of its own; the order changes from round to round."""
    without, measured, events, last = list[float](), list[float](), 1, Meter()
    for nth in range(rounds):
        for meter in (None, Meter()) if nth % 2 else (Meter(), None):
            copy = Home(Path(shutil.copytree(home.folder, folder / "copy")))
            took, events = worked_off(copy, limit, meter)
            (without if meter is None else measured).append(took)
            last = meter or last
            shutil.rmtree(copy.folder)
        print(f"{limit}: {without[-1]:.2f} s, measured {measured[-1]:.2f} s", file=sys.stderr)
    return {
        "cpu_s": round(median(without), 3),
        "cpu_measured_s": round(median(measured), 3),
        "ratio": round(median(b / a for a, b in zip(without, measured, strict=True)), 4),
        "share": round(told_seconds(last) / median(without), 4),
        "events": events,
    }


def told_seconds(meter: Meter) -> float:
    """Processor seconds that telling a meter has taken, by how often it was told what and what each takes now."""
    told = {
        (sample.name, sample.labels.get("stage", "")): sample.value
        for family in text_string_to_metric_families(meter.text().decode())
        for sample in family.samples
    }
    blocks = sum(many for (name, _), many in told.items() if name == "forbear_stage_seconds_count")
    stretches, commits = told["forbear_stage_seconds_count", "fold"], told["forbear_commits_total", ""]
    own = Meter()
    stages = MeasuredStages(own)
    recorded, fates = Recorded(stages), np.array([20, 1, 1] + [0] * (len(Fold) - 3))

    def block() -> None:
        with stages.timed(Stage.FOLD):
            """Work."""

    each = (
        (blocks, block),
        (stretches, lambda: stages.folded(fates)),
        (commits, lambda: recorded.tell(0, _LAST[-1])),
        (commits, lambda: own.observe(BATCH, 0.001)),
    )
    return sum(many * _seconds_of(tell) for many, tell in each)


def _seconds_of(tell: Callable[[], None]) -> float:
    begun = time.process_time()
    for _ in range(_TIMES):
        tell()
    return (time.process_time() - begun) / _TIMES


class _Noting(Recorded):
    """Remembers what was recorded last, so that to tell of it can be timed alone."""

    def tell(self, partition: int, outputs: Outputs) -> None:
        """As ever."""
        if outputs.predictions is not None and len(outputs.predictions):
            _LAST[:] = [outputs]
        super().tell(partition, outputs)


def scraped(home: Home) -> float:
    """Milliseconds of a scrape of a worker that has worked the log off, the median of many."""
    meter = Meter()
    worked_off(home, LARGE, meter)
    took = []
    for _ in range(50):
        begun = time.perf_counter()
        meter.text()
        took.append(time.perf_counter() - begun)
    return round(median(took) * 1_000, 2)


def main() -> None:
    """Prepare, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    working.Recorded = _Noting  # type: ignore[misc]  # ours is one of them
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home, _ = live_bank(folder, asked.customers, LIVE_DAYS)
        copy = Home(Path(shutil.copytree(home.folder, folder / "warm")))
        worked_off(copy, LARGE, None)  # what is compiled and read for the first time counts for neither
        found = {f"by_{limit}": compared(home, folder, limit, asked.rounds) for limit in (LARGE, SMALL)}
        ms = scraped(home)
    print(json.dumps({**found, "scrape_ms": ms, "customers": asked.customers, "load": round(os.getloadavg()[0], 1)}))


if __name__ == "__main__":
    main()
