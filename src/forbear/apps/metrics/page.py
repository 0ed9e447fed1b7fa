"""The list of all metrics as a document: `python -m forbear.apps.metrics.page docs/metrics.md` writes it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from forbear.apps.metrics.catalogue import METRICS, Metric

PAGE = "docs/metrics.md"
_HEAD = """# Metrics

Written by `make docs` from `apps/metrics/catalogue.py`; [operations/metrics.md](operations/metrics.md) says how they
are asked for, and what each alert means. A histogram has `_bucket`, `_sum` and `_count`. Beside these each process
tells the `process_…` metrics that every Prometheus client tells: memory, processor time, open files, start.

No label ever holds anything personal. A metric has at most 500 series; what would be one more is told as `other`.

| Metric | Kind | Labels | Told by | What it says |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole document."""
    return _HEAD + "".join(_rows())


def _rows() -> Iterator[str]:
    for one in METRICS:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        yield f"| `{one.name}` | {one.kind} | {labels} | {one.told_by} | {_said(one)} |\n"


def _said(one: Metric) -> str:
    if not one.buckets:
        return one.meaning
    return f"{one.meaning} Buckets from {one.buckets[0]:g} to {one.buckets[-1]:g} s."


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
