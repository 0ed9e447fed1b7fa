"""What the written reports of a home say, as gauges: they are the one place where drift and effects are worked out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from forbear.apps.home import Home
from forbear.apps.metrics import catalogue
from forbear.apps.metrics.meter import Sample

MONITOR = "monitor.json"
EXPERIMENTS = "experiment-*.json"
STATUSES = ("steady", "warn", "page", "cannot tell")
_LARGEST = 64 << 20
_MOST_REPORTS = 50
_PSI = ("feature_drift", "score_drift")
_BASES = {"matured": "matured", "estimated": "estimated"}


def written(home: Home) -> Iterator[Sample]:
    """What the reports of a home say. A report that was never written says nothing.

    Raises ValueError for one that cannot be read.
    """
    for path in sorted(home.reports.glob("*.json"))[:_MOST_REPORTS]:
        yield Sample(catalogue.REPORT, path.stat().st_mtime, (path.stem,))
    if (document := _read(home.reports / MONITOR)) is not None:
        yield from _monitor(document)
    for path in sorted(home.reports.glob(EXPERIMENTS))[:_MOST_REPORTS]:
        if (document := _read(path)) is not None:
            yield from _experiment(document)


def _monitor(document: Mapping[str, Any]) -> Iterator[Sample]:
    yield from (Sample(catalogue.MONITOR, document["status"] == status, (status,)) for status in STATUSES)
    alarms = Counter((one["kind"], one["severity"]) for one in document["alarms"])
    yield from (Sample(catalogue.ALARMS, many, labels) for labels, many in alarms.items())
    for one in document["findings"]:
        if one["kind"] in _PSI and one["effect"] is not None:
            yield Sample(catalogue.DRIFT, one["effect"], (one["kind"], one["name"]))
    for basis, name in _BASES.items():
        for figure, value in ((document["performance"][basis] or {}).get("figures") or {}).items():
            yield from _bounds(catalogue.PERFORMANCE, value, (name, figure))


def _experiment(document: Mapping[str, Any]) -> Iterator[Sample]:
    effect = document.get("always_valid")
    if effect is not None:
        yield from _bounds(catalogue.EFFECT, effect, (str(document["name"]),))


def _bounds(metric: catalogue.Metric, figure: Mapping[str, float | None], labels: tuple[str, ...]) -> Iterator[Sample]:
    for bound in ("value", "low", "high"):
        if (value := figure.get(bound)) is not None:
            yield Sample(metric, value, (*labels, bound))


def _read(path: Path) -> Mapping[str, Any] | None:
    """A report; None where it was not written, or is larger than one would be."""
    if not path.exists() or path.stat().st_size > _LARGEST:
        return None
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
