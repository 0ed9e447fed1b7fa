"""Predict first, then learn: what a model that goes on learning would have said, had it been asked at the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np

from forbear.models import metrics
from forbear.models.dataset import Dataset
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.results import Figure, Floats

State = TypeVar("State")


def by_day(rows: Dataset) -> Iterator[Dataset]:
    """The rows of each date, the earliest first."""
    for day in np.unique(rows.as_of):
        yield rows.rows(rows.as_of == day)


def predict_first(
    rows: Dataset,
    start: State,
    learn: Callable[[State, Dataset], State],
    predict: Callable[[State, Floats], Floats],
    *,
    matures_after_days: int,
) -> tuple[Floats, State]:
    """PDs (n,) of each row by what had matured when it was asked, and the state after everything.

    learn: takes the rows of one date.  matures_after_days: from a row's date to the day from which its label counts.
    Prequential (Dawid 1984), with labels that come late.
    """
    stated, waiting, state = np.empty(len(rows)), list(by_day(rows)), start
    for day in by_day(rows):
        asked = day.as_of[0]
        while waiting and waiting[0].as_of[0] + np.timedelta64(matures_after_days, "D") <= asked:
            state = learn(state, waiting.pop(0))
        stated[rows.as_of == asked] = predict(state, day.features)
    for day in waiting:
        state = learn(state, day)
    return stated, state


def paired_figures(stated: Mapping[str, Floats], rows: Dataset, bootstrap: Bootstrap) -> dict[str, dict[str, Figure]]:
    """AUC, log-loss and observed over expected misses of several models on the same rows, by model and name.

    stated: PDs (n,) by model. All but the first have `log_loss_difference` and `auc_difference`, less those of the
    first, paired: one bootstrap over customers draws for all. NaN where one class is absent.
    """
    labels, own = rows.labels.astype(np.float64), rows.row_weights
    names = list(stated)
    ranks = {name: metrics.rank(pd, labels) for name, pd in stated.items()}
    losses = {name: metrics.log_losses(pd, labels) for name, pd in stated.items()}

    def figures(copies: Floats) -> dict[tuple[str, str], float]:
        weights = own * copies
        found: dict[tuple[str, str], float] = {}
        for name, pd in stated.items():
            expected = float(weights @ pd)
            found[name, "auc"] = metrics.auc(ranks[name].counts(weights))
            found[name, "log_loss"] = float(weights @ losses[name] / weights.sum())
            found[name, "observed_over_expected"] = float(weights @ labels) / expected if expected else np.nan
        for name in names[1:]:
            for figure in ("auc", "log_loss"):
                found[name, f"{figure}_difference"] = found[name, figure] - found[names[0], figure]
        return found

    told = bootstrap_figures(figures, rows.customers, bootstrap)
    return {name: {figure: value for (of, figure), value in told.items() if of == name} for name in names}
