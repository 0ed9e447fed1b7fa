"""Score the book: every eligible customer's PD at a day close, or now."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from forbear.adapters.disk import write_whole
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.modelling import feature_specs, kinds_kept, load_model_of
from forbear.apps.package_data import shipped
from forbear.domain.errors import NotEnoughData
from forbear.engine.backfill import rows_at
from forbear.features.columns import day_number, day_of
from forbear.features.compute import FeatureSet
from forbear.features.ledger import Floats
from forbear.models.artefact import Artefact
from forbear.models.expert import ExpertScorecard, build_expert

EXPERT = "expert"


@dataclass(frozen=True, slots=True)
class Scores:
    """The book, riskiest first.

    as_of: the question is asked at 00:00 of that day, bank-local.  customers: (n,) ids.  probabilities: (n,)
    PD of the target.  values: (n, features).
    """

    model: str
    as_of: date
    customers: tuple[str, ...]
    probabilities: Floats
    values: Floats
    names: tuple[str, ...]

    def summary(self, top: int) -> dict[str, object]:
        """Plain values for a script: the riskiest so many."""
        listed = zip(self.customers[:top], self.probabilities[:top].tolist(), strict=True)
        return {
            "model": self.model,
            "as_of": self.as_of.isoformat(),
            "customers": len(self.customers),
            "mean_pd": float(self.probabilities.mean()),
            "riskiest": [{"customer_id": customer, "pd": pd} for customer, pd in listed],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """What to score: at 00:00 of as_of (None: right after the last closed day), by which kind of model.

    top: how many to list.  out: CSV file for everybody.
    """

    kind: str | None = None
    as_of: date | None = None
    top: int = 10
    out: Path | None = None


def score(home: Home, console: Console, request: ScoreRequest) -> Scores:
    """Score all eligible customers, the riskiest first. Raises NotEnoughData where nobody is eligible."""
    features = FeatureSet.standard(home.deployment.unsupported)
    model, name = chosen_model(home, request.kind)
    with console.progress("Folding", home.archive.next_offset) as progress:
        rows, closed = rows_at(
            home.feed,
            None if request.as_of is None else day_number(request.as_of) - 1,
            snapshots=home.snapshots,
            progress=progress,
        )
    if not len(rows.customer):
        raise NotEnoughData(f"nobody is eligible on {day_of(closed + 1)}", mend="choose another --as-of")
    probabilities = model.predict(np.ascontiguousarray(rows.values))
    order = np.lexsort((rows.customer, -probabilities))
    ids = home.archive.customers()
    return Scores(
        model=name,
        as_of=day_of(closed + 1),
        customers=tuple(ids[int(key)] for key in rows.customer[order]),
        probabilities=probabilities[order],
        values=rows.values[order],
        names=features.names,
    )


def write_csv(scores: Scores, path: Path) -> None:
    """All scores with their features, one customer a row; an unknown value is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["customer_id", "as_of", "model", "pd", *scores.names])
    for customer, pd, values in zip(scores.customers, scores.probabilities, scores.values, strict=True):
        cells = ["" if np.isnan(value) else repr(float(value)) for value in values]
        writer.writerow([customer, scores.as_of.isoformat(), scores.model, repr(float(pd)), *cells])
    write_whole(path, text.getvalue().encode())


def chosen_model(home: Home, kind: str | None) -> tuple[Artefact | ExpertScorecard, str]:
    """The model to score with and its kind: the one asked for, else the home's leading one, else the expert scorecard.

    Raises ConfigError where the kind asked for was never trained.
    """
    if kind != EXPERT and (kind is not None or kinds_kept(home)):
        chosen = kind or kinds_kept(home)[0]
        return load_model_of(home, chosen), chosen
    specs = feature_specs(FeatureSet.standard(home.deployment.unsupported))
    return build_expert(shipped("expert.toml"), specs), EXPERT
