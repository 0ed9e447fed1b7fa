"""A worker that is measured records what one that is not records."""

from __future__ import annotations

import re
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from forbear.adapters.sql.queries import open_queries
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import told_before
from forbear.apps.jobs.running import running
from forbear.apps.metrics.meter import Meter
from forbear.engine.outputs import Outputs
from forbear.engine.timing import Stage

MOST_ROWS = 100_000


def recorded(home: Home, meter: Meter | None) -> Outputs:
    """Everything that is recorded once the log is worked off."""
    with running(home, meter=meter) as worker:
        worker.start(home.feed, home.snapshots, told_before(home))
        while worker.step(4_096) is not None:
            """Go on."""
        worker.wait()
    with closing(open_queries(f"sqlite:///{home.database}")) as queries:
        return queries.recorded(MOST_ROWS).value


def told(text: str, name: str) -> float:
    """The sum of a metric over all of its labels."""
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE))


def test_measuring_changes_nothing_and_counts_everything(promoted: Path, tmp_path: Path) -> None:
    """Scores and decisions are the same, to the last bit; what the meter counts is what is recorded; stages take time.

    What is sealed differs: each home has keys of its own.
    """
    meter = Meter()
    homes = [Home(Path(shutil.copytree(promoted, tmp_path / name))) for name in ("plain", "measured")]
    plain, measured = recorded(homes[0], None), recorded(homes[1], meter)
    text = meter.text().decode()

    assert plain.predictions is not None
    assert measured.predictions is not None
    for column in ("customer", "pd", "attributions", "verdict", "band"):
        assert np.array_equal(getattr(plain.predictions, column), getattr(measured.predictions, column))
    assert [replace(one, sealed=b"") for one in plain.decisions] == [
        replace(one, sealed=b"") for one in measured.decisions
    ]
    assert told(text, "forbear_predictions_total") == len(measured.predictions)
    assert told(text, "forbear_decisions_total") == len(measured.decisions)
    assert told(text, "forbear_dead_letters_total") == len(measured.dead_letters)
    for stage in set(Stage) - {Stage.EXPLAIN}:
        assert re.search(rf'^forbear_stage_seconds_sum\{{stage="{stage}"\}} (?!0\.0$)', text, re.MULTILINE), stage
