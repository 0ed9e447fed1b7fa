"""Two models on the same rows: how much better one of them ranks, with an interval for the difference itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from forbear.models import metrics
from forbear.models.dataset import Ints
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.results import Figure, Floats


@dataclass(frozen=True, slots=True)
class PairedAuc:
    """AUC of two scores of the same rows. difference: the second less the first, on the same resamples.

    rows, positives: that it was measured on. NaN where a class is missing.
    """

    rows: int
    positives: int
    first: Figure
    second: Figure
    difference: Figure

    def document(self) -> Mapping[str, object]:
        """For JSON."""
        figures = {name: value for name, value in asdict(self).items() if isinstance(value, int)}
        return figures | {name: getattr(self, name).as_dict() for name in ("first", "second", "difference")}


def paired_auc(labels: Floats, scores: tuple[Floats, Floats], customers: Ints, bootstrap: Bootstrap) -> PairedAuc:
    """The AUC of two scores, (n,) each, larger is riskier, of rows with labels 0 or 1, (n,).

    customers: (n,), whose rows stand or fall together. One resample serves both scores, so that what they share does
    not widen the interval of the difference.
    """
    rankings = [metrics.rank(one, labels) for one in scores]

    def figures(weights: Floats) -> dict[str, float]:
        first, second = (metrics.auc(ranking.counts(weights)) for ranking in rankings)
        return {"first": first, "second": second, "difference": second - first}

    found = bootstrap_figures(figures, customers, bootstrap)
    return PairedAuc(len(labels), int(np.count_nonzero(labels)), **found)
