"""The meter of a process, and what it gives whoever scrapes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import get_ident

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from forbear.apps.metrics import catalogue
from forbear.apps.metrics.bank import Behind, Kept
from forbear.apps.metrics.catalogue import METRICS
from forbear.apps.metrics.meter import MOST_SERIES, OTHER, Meter, Sample
from forbear.apps.metrics.stages import MeasuredStages
from forbear.engine.timing import Stage

SECONDS = st.lists(st.floats(0, 20_000), max_size=50)


def values_of(meter: Meter, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """The values of one sample name by its labels, as Prometheus' own parser reads them."""
    families = text_string_to_metric_families(meter.text().decode())
    samples = (sample for family in families for sample in family.samples if sample.name == name)
    return {tuple(sorted(sample.labels.items())): sample.value for sample in samples}


@given(SECONDS)
def test_a_histogram_counts_what_lies_under_each_bound(values: list[float]) -> None:
    """One by one or at once: each bucket holds what is at most its bound, the last all of it, and the sum is kept."""
    one, many = Meter(), Meter()
    for value in values:
        one.observe(catalogue.END_TO_END, value, "score")
    many.observe_all(catalogue.END_TO_END, np.array(values), "score")

    for meter in (one, many):
        buckets = values_of(meter, "forbear_end_to_end_seconds_bucket")
        assert len(buckets) == (len(catalogue.LONG) + 1 if values else 0)
        for labels, count in buckets.items():
            bound = float(dict(labels)["le"])
            assert count == sum(value <= bound for value in values)
        total = values_of(meter, "forbear_end_to_end_seconds_sum")
        assert list(total.values()) == ([pytest.approx(sum(values))] if values else [])


def test_no_input_makes_a_scrape_grow_without_end() -> None:
    """What would be one series too many is told as `other`, and nothing of it is lost."""
    meter = Meter()
    for nth in range(3 * MOST_SERIES):
        meter.count(catalogue.DEAD_LETTERS, 1, f"reason {nth}")
    told = values_of(meter, "forbear_dead_letters_total")

    assert len(told) == MOST_SERIES + 1
    assert told[(("reason", OTHER),)] == 2 * MOST_SERIES
    assert sum(told.values()) == 3 * MOST_SERIES


def test_a_part_that_fails_keeps_nobody_else_from_telling() -> None:
    """It is told as failed, once it answers again as not, and the other parts are told all the same."""
    meter, broken = Meter(), [True]

    def asked() -> Iterator[Sample]:
        if broken:
            raise OSError("the disk is gone")
        yield Sample(catalogue.CUSTOMERS, 7)

    meter.tells("store", asked)
    meter.tells("feed", lambda: [Sample(catalogue.LISTENERS, 2)])
    assert values_of(meter, "forbear_collect_failed") == {(("part", "feed"),): 0.0, (("part", "store"),): 1.0}
    assert values_of(meter, "forbear_feed_listeners") == {(): 2.0}
    assert not values_of(meter, "forbear_customers")
    broken.clear()
    assert values_of(meter, "forbear_collect_failed")[(("part", "store"),)] == 0.0
    assert values_of(meter, "forbear_customers") == {(): 7.0}


def test_many_threads_may_tell_at_once() -> None:
    """Nothing that is counted is lost."""
    meter = Meter()

    def tell(_: int) -> int:
        for _ in range(500):
            meter.count(catalogue.COMMITS)
            meter.observe(catalogue.BATCH, 0.001)
        return get_ident()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(tell, range(8)))
    assert values_of(meter, "forbear_commits_total") == {(): 4_000.0}
    assert values_of(meter, "forbear_batch_seconds_count") == {(): 4_000.0}


def test_a_stage_within_another_is_taken_off_it() -> None:
    """The stages of one thread add up to the time that passed, however they are nested."""
    clock = iter(range(100))
    meter = Meter()
    stages = MeasuredStages(meter, lambda: float(next(clock)))
    with stages.timed(Stage.DECIDE):  # from 0
        with stages.timed(Stage.EXPLAIN):  # 1 to 2
            pass
        with stages.timed(Stage.EXPLAIN):  # 3 to 4
            pass
    # to 5
    told = {dict(labels)["stage"]: value for labels, value in values_of(meter, "forbear_stage_seconds_sum").items()}

    assert told == {"explain": 2.0, "decide": 3.0}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40))
def test_lag_in_seconds_begins_when_the_log_goes_past(steps: list[tuple[int, int]]) -> None:
    """It is the time since the log was first seen to end behind what is recorded; 0 where nothing waits."""
    behind, end, recorded = Behind(), 0, 0
    seen: list[tuple[float, int]] = []
    for now, (came, done) in enumerate(steps):
        end += came
        recorded = min(end, recorded + done)
        seen.append((float(now), end))
        first = next((at for at, stood in seen if stood > recorded), None)
        expected = now - first if end > recorded and first is not None else 0.0
        assert behind.seconds(recorded, end, float(now)) == expected


def test_what_takes_long_is_not_read_at_every_scrape() -> None:
    """It is read once in so many seconds; what failed is read again at once."""
    now, reads = [0.0], []

    def asked() -> list[Sample]:
        reads.append(now[0])
        if len(reads) == 1:
            raise OSError
        return [Sample(catalogue.CUSTOMERS, len(reads))]

    kept = Kept(asked, 30.0, lambda: now[0])
    with pytest.raises(OSError):
        kept()
    for now[0] in (1.0, 2.0, 30.0, 31.0, 32.0):
        kept()

    assert reads == [0.0, 1.0, 31.0]


def test_names_are_those_of_prometheus() -> None:
    """Lower case with base units, counters and nothing else in `_total`, times in seconds, each with a sentence."""
    assert len({one.name for one in METRICS}) == len(METRICS)
    for one in METRICS:
        assert re.fullmatch(r"forbear_[a-z0-9]+(_[a-z0-9]+)*", one.name)
        assert (one.kind == "counter") == one.name.endswith("_total")
        assert not re.search(r"_(ms|us|minutes|hours|days|kb|mb|percent)(_|$)", one.name)
        assert one.meaning.endswith(".")
        assert (one.kind == "histogram") == bool(one.buckets)
        assert one.buckets == tuple(sorted(one.buckets))
        assert not {"customer", "customer_id", "account", "le"} & set(one.labels)


def test_a_meter_is_told_quickly() -> None:
    """A stage costs microseconds: nobody has to think before one is measured."""
    stages = MeasuredStages(Meter())
    begun = time.perf_counter()
    for _ in range(10_000):
        with stages.timed(Stage.FOLD):
            pass
    assert time.perf_counter() - begun < 2.0
