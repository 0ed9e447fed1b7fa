"""The meter of one process: counters and histograms that it tells, gauges that are asked for when somebody scrapes.

It holds no global state: two meters in one process know nothing of each other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest

from forbear.apps.metrics.catalogue import FAILED, METRICS, Metric

MOST_SERIES = 500
"""Of one metric; what would be one more is told as `other`, so that no input can make a scrape grow without end."""
OTHER = "other"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels: TypeAlias = tuple[str, ...]


class Sample(NamedTuple):
    """One value of a gauge or counter. labels: in the order of the metric's."""

    metric: Metric
    value: float
    labels: Labels = ()


Asked: TypeAlias = Callable[[], Iterable[Sample]]
"""Gives samples when somebody scrapes. Where it raises, its part is told as failed and the others are told all the
same."""


class Meter:
    """What one process tells. Any thread may tell it something, and ask it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._scraping = Lock()  # what is asked is asked by one thread at a time
        self._counters: dict[Metric, dict[Labels, float]] = {}
        self._histograms: dict[Metric, dict[Labels, _Histogram]] = {}
        self._asked: dict[str, Asked] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    # ---- told by the process

    def count(self, metric: Metric, many: float = 1, *labels: str) -> None:
        """So many more of something."""
        with self._lock:
            held = self._counters.setdefault(metric, {})
            key = _bounded(held, labels)
            held[key] = held.get(key, 0.0) + many

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """One value of a histogram."""
        with self._lock:
            self._histogram(metric, labels).add(value)

    def observe_all(self, metric: Metric, values: NDArray[np.float64], *labels: str) -> None:
        """Many values of a histogram at once."""
        if len(values):
            with self._lock:
                self._histogram(metric, labels).add_all(values)

    def tells(self, part: str, asked: Asked) -> None:
        """Have a part of the process asked whenever somebody scrapes; one of the same name is asked no more."""
        with self._lock:
            self._asked[part] = asked

    # ---- asked

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        with self._scraping:
            return generate_latest(self._registry)

    def collect(self) -> Iterator[Any]:
        """The families of all metrics that have a value, in the order of the catalogue."""
        samples = self._sampled()
        with self._lock:
            counters = {metric: dict(held) for metric, held in self._counters.items()}
            histograms = {
                metric: {labels: one.told() for labels, one in held.items()}
                for metric, held in self._histograms.items()
            }
        for metric in METRICS:
            if metric.kind == "histogram":
                yield from _histogram_of(metric, histograms.get(metric, {}))
            else:
                yield from _family_of(metric, counters.get(metric, {}) | samples.get(metric, {}))

    # ---- inside

    def _sampled(self) -> dict[Metric, dict[Labels, float]]:
        """What is asked for now. One part that cannot answer keeps nobody else from it."""
        found: dict[Metric, dict[Labels, float]] = {}
        with self._lock:
            asked = dict(self._asked)
        for part, ask in asked.items():
            failed = 0.0
            try:
                for metric, value, labels in ask():
                    held = found.setdefault(metric, {})
                    held[_bounded(held, labels)] = float(value)
            except Exception:  # noqa: BLE001  # whatever it is: a scrape is no place to end at
                failed = 1.0
            found.setdefault(FAILED, {})[(part,)] = failed
        return found

    def _histogram(self, metric: Metric, labels: Labels) -> _Histogram:
        held = self._histograms.setdefault(metric, {})
        key = _bounded(held, labels)
        if key not in held:
            held[key] = _Histogram(metric.buckets)
        return held[key]


class _Histogram:
    """Counts by bucket, the last one for what lies beyond all bounds, and the sum. The caller holds the lock."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds, self._array = bounds, np.array(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_all(self, values: NDArray[np.float64]) -> None:
        places = np.searchsorted(self._array, values, side="left")
        for place, count in enumerate(np.bincount(places, minlength=len(self._counts)).tolist()):
            self._counts[place] += count
        self._sum += float(values.sum())

    def told(self) -> tuple[list[tuple[str, float]], float]:
        """Cumulative counts by upper bound, and the sum."""
        names = [*map(str, self._bounds), "+Inf"]
        return list(zip(names, np.cumsum(self._counts).astype(float).tolist(), strict=True)), self._sum


def _bounded(held: dict[Labels, Any], labels: Labels) -> Labels:
    """The labels, or `other` for each where there are too many series already."""
    if labels in held or len(held) < MOST_SERIES:
        return labels
    return (OTHER,) * len(labels)


def _family_of(metric: Metric, values: dict[Labels, float]) -> Iterator[Any]:
    if not values:
        return
    if metric.kind == "counter":
        family: Any = CounterMetricFamily(metric.name.removesuffix("_total"), metric.meaning, labels=metric.labels)
    else:
        family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    yield family


def _histogram_of(metric: Metric, values: dict[Labels, tuple[list[tuple[str, float]], float]]) -> Iterator[Any]:
    if not values:
        return
    family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, (buckets, total) in values.items():
        family.add_metric(labels, buckets, total)
    yield family
