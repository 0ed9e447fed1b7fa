"""Cross-validate the model layer alone on a ready-made feature table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forbear.apps.console import Console
from forbear.apps.jobs.backtesting import figures_of
from forbear.apps.jobs.modelling import KINDS
from forbear.domain.errors import ConfigError
from forbear.importers.table import TableOptions, read_table
from forbear.models.dataset import Dataset, FeatureSpec
from forbear.models.leakage import suspects
from forbear.models.training import TrainedKind, cross_validate_table


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRequest:
    """A table, its column of 0 and 1, and how to validate on it. include: columns to use that are left out."""

    path: Path
    label: str
    folds: int = 5
    seed: int = 0
    include: Sequence[str] = ()
    kinds: tuple[TrainedKind, ...] = KINDS


def cross_validate(request: TableRequest, console: Console) -> dict[str, object]:
    """Stratified cross-validation of each kind; columns carry no direction of risk, so nothing is constrained."""
    if not 2 <= request.folds <= 20:
        raise ConfigError(f"--folds {request.folds} is out of range", mend="use 2 to 20")
    table = read_table(request.path, request.label, TableOptions(include=tuple(request.include)))
    dataset = Dataset(
        features=np.ascontiguousarray(table.features),
        specs=tuple(FeatureSpec(name, "table", 0, -np.inf, np.inf, "") for name in table.names),
        labels=table.labels,
        customers=np.arange(len(table.labels), dtype=np.int64),
        as_of=np.zeros(len(table.labels), dtype="datetime64[D]"),
        days_ahead=np.full(len(table.labels), np.nan),
    )
    results: dict[str, object] = {}
    with console.progress("Cross-validating", len(request.kinds)) as progress:
        for done, kind in enumerate(request.kinds):
            found = cross_validate_table(dataset, request.folds, request.seed, kind)
            by_fold = [fold.figures["auc"].value for fold in found.by_fold]
            results[kind] = {**figures_of(found.pooled), "auc_by_fold": by_fold, "auc_mean": float(np.mean(by_fold))}
            progress(done + 1)
    return {
        "table": str(request.path),
        "label": request.label,
        "rows": len(table.labels),
        "positives": int(table.labels.sum()),
        "folds": request.folds,
        "columns": list(table.names),
        "left_out": dict(table.left_out),
        "suspects": {suspect.feature: suspect.auc for suspect in suspects(dataset)},
        "models": results,
    }
