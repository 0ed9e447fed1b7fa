"""Hold models and trials against the truth of the synthetic bank that a home was made by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec
import numpy as np

from forbear.adapters.disk import storage_errors
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.modelling import (
    dataset_of,
    kinds_kept,
    load_model_of,
    month_cuts,
    replay_rows,
    require_unseen,
)
from forbear.domain.errors import ConfigError, CorruptState, ForbearError, NotEnoughData
from forbear.engine.backfill import Rows
from forbear.features.columns import day_of
from forbear.features.compute import FeatureSet
from forbear.models.artefact import Artefact
from forbear.models.intervals import Bootstrap
from forbear.models.results import Floats
from forbear.simulation.known import KnownTruth
from forbear.simulation.reachable import against_truth, reachable
from forbear.simulation.spec import BankSpec
from forbear.simulation.treatment import Help, Strengths
from forbear.simulation.trial import Assignment, Trial, both_lives, run_trial
from forbear.simulation.truth import Bools, Moments, Sampling, Truth, moments_of, true_probabilities

BANK = "bank.json"
"""In a home's truth folder: what its synthetic bank was asked to be."""
TRIAL_SHARE = 0.2
"""Share of each day's customers, the riskiest first, who take part in a trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthRequest:
    """What to hold against the truth: the month's first days in [first, last]. futures: of each customer-day."""

    first: date
    last: date
    futures: int = 200
    seed: int = 0
    resamples: int = 200
    threads: int = 2


def spec_as_json(spec: BankSpec) -> bytes:
    """A bank's spec as it is kept in the home."""
    return msgspec.json.format(msgspec.json.encode(spec, order="deterministic"), indent=2) + b"\n"


def bank_of(home: Home) -> BankSpec:
    """The spec of the synthetic bank that a home holds.

    Raises ConfigError for a home with other data, CorruptState where the file is damaged.
    """
    source = home.deployment.source
    path = home.truth / BANK
    with storage_errors(f"cannot read {path}"):
        if not path.is_file():
            raise ConfigError(
                f"{home.folder} holds data from {source} without {path.name}: the truth of no bank is known there",
                mend="run `forbear simulate` with another --home, and train on it",
            )
        content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=BankSpec)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ForbearError) as error:
        raise CorruptState(f"{path} is damaged: {error}", mend="simulate the bank again with --replace") from error


def find_truth(home: Home, request: TruthRequest, console: Console) -> KnownTruth:
    """Hold the home's models and a trial of each kind of help against the truth.

    Raises ModelMismatch if a model has seen any of the days, ConfigError for a home without a synthetic bank or with
    one that this version would simulate otherwise.
    """
    spec, artefacts = bank_of(home), _models(home, request.first)
    rows = _rows(home, request, console)
    moments = moments_of(spec, rows.customer, rows.as_of_day)
    truth = _truth(spec, moments, request, console)
    _require_same_lives(home, truth, rows)
    dataset = dataset_of(rows, FeatureSet.standard(home.deployment.unsupported))
    bootstrap = Bootstrap(request.seed, request.resamples)
    scores = {kind: artefact.predict(dataset.features) for kind, artefact in artefacts.items()}
    models = []
    with console.progress("Comparing", len(scores) + 1) as progress:
        best = reachable(truth, dataset.customers, bootstrap)
        for done, (kind, pds) in enumerate(scores.items()):
            progress(done + 1)
            models.append(against_truth(kind, pds, truth, dataset.customers, bootstrap))
    chosen = riskiest(next(iter(scores.values())), moments.t, TRIAL_SHARE)
    return KnownTruth(best, tuple(models), _trials(spec, moments.where(chosen), request, console))


def riskiest(scores: Floats, t: np.typing.NDArray[np.int64], share: float) -> Bools:
    """(n,) the share of each day's rows with the highest scores, rounded up; ties in the order of the rows."""
    chosen = np.zeros(len(scores), dtype=np.bool_)
    for day in np.unique(t):
        at = np.flatnonzero(t == day)
        order = np.argsort(-scores[at], kind="stable")
        chosen[at[order[: int(np.ceil(share * len(at)))]]] = True
    return chosen


def _models(home: Home, first: date) -> dict[str, Artefact]:
    kinds = kinds_kept(home)
    if not kinds:
        raise ConfigError(f"{home.folder} holds no model", mend="run `forbear train` with this --home first")
    artefacts = {kind: load_model_of(home, kind) for kind in kinds}
    for artefact in artefacts.values():
        require_unseen(artefact, first)
    return artefacts


def _rows(home: Home, request: TruthRequest, console: Console) -> Rows:
    replay = replay_rows(home, month_cuts(request.first, request.last), console, until=None)
    if not len(replay.rows.labels):
        raise NotEnoughData(
            f"no mature row is of a month start in [{request.first}, {request.last}]",
            mend=f"the archive is closed until {day_of(replay.closed_until)}; ask for earlier days",
        )
    return replay.rows


def _truth(spec: BankSpec, moments: Moments, request: TruthRequest, console: Console) -> Truth:
    sampling = Sampling(futures=request.futures, threads=request.threads)
    with console.progress("Living futures", len(moments)) as progress:
        return true_probabilities(spec, moments, sampling, progress)


def _require_same_lives(home: Home, truth: Truth, rows: Rows) -> None:
    """What happened when the bank was simulated must happen again, or the truth would be that of another bank."""
    same = (truth.days_ahead == rows.days_ahead) | (np.isnan(truth.days_ahead) & ~rows.labels)
    different = int(np.count_nonzero(~same))
    if different:
        raise ConfigError(
            f"{different} of {len(truth)} rows of {home.folder} end otherwise when they are lived again: this version "
            "simulates another bank from the same file",
            mend="simulate it again with --replace, and train again",
        )


def _trials(spec: BankSpec, moments: Moments, request: TruthRequest, console: Console) -> tuple[Trial, ...]:
    strengths = Strengths()
    with console.progress("Living with and without help", len(moments)) as progress:
        lives = both_lives(spec, moments, {kind: strengths.of(kind) for kind in Help}, progress)
    return tuple(run_trial(of_kind, Assignment(seed=request.seed)) for of_kind in lives.values())
