"""What a validation looks at: a model, the rows that it learned from, and all later ones whose outcome is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.fairness_people import PeopleRequest
from forbear.apps.jobs.modelling import (
    CUTS,
    dataset_of,
    kinds_kept,
    last_as_of,
    load_model_of,
    month_cuts,
    replay_rows,
    require_unseen,
    week_cuts,
)
from forbear.apps.jobs.portfolio import told_segments
from forbear.apps.jobs.relearning import recorded_draws
from forbear.domain.deployment import HORIZON_DAYS
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.engine.backfill import Replay
from forbear.engine.register import register_at
from forbear.features.columns import day_of
from forbear.features.compute import FeatureSet
from forbear.features.eligibility import Hurdle
from forbear.models.artefact import Artefact
from forbear.models.dataset import Dataset
from forbear.models.untreated import LeftOut, untreated

Cadence = Literal["month", "week"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationRequest:
    """What to validate. kind: None takes the leading one.  until: as `forbear train` was told; None: as the model says.

    people: who may say of which groups the customers are, and jurisdiction whose limits hold; None: nobody is asked.
    command: the line that made it, for the record.  created: when, in words.
    """

    kind: str | None = None
    until: date | None = None
    seed: int = 0
    resamples: int = 200
    people: PeopleRequest | None = None
    jurisdiction: str = "none"
    command: str = ""
    created: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Customers at the closes of some days. asked: rows.  hurdles: how many were not asked about, by Hurdle's name.

    feed: how many events met each fate.
    """

    asked: int
    hurdles: Mapping[str, int]
    feed: Mapping[str, int]

    @property
    def met(self) -> int:
        """Everybody who was there, over all days."""
        return self.asked + sum(self.hurdles.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model with its rows.

    trained: what it learned from, as the archive gives it today.  unseen: month starts from `first` on.
    weekly: Mondays of the same time.  every: how often training observed.
    left_out: of helped customers, in training, and in unseen.  fingerprints: of trained, and of unseen.
    segments: by dimension, a name for each row of unseen.
    """

    home: Home
    kind: str
    artefact: Artefact
    features: FeatureSet
    trained: Dataset
    unseen: Dataset
    weekly: Dataset
    looked: tuple[Looked, Looked]
    every: Cadence
    left_out: tuple[LeftOut, LeftOut]
    fingerprints: tuple[str, str]
    segments: Mapping[str, tuple[str, ...]]
    first: date
    last: date

    @property
    def same_rows(self) -> bool:
        """Whether the archive still gives the very rows that the model was trained on."""
        return self.fingerprints[0] == self.artefact.provenance.data_fingerprint


def gather(home: Home, request: ValidationRequest, console: Console) -> Subject:
    """The model and its rows. Raises ConfigError without a model, ModelMismatch for an `until` inside its labels,
    NotEnoughData where no later outcome is known.
    """
    deployment = home.deployment
    kinds = kinds_kept(home)
    if not kinds:
        raise ConfigError(f"{home.folder} holds no model", mend="run `forbear train` with this --home first")
    kind = request.kind or kinds[0]
    artefact = load_model_of(home, kind)
    first = request.until or _known_from(home, artefact)
    require_unseen(artefact, first)
    last = last_as_of(home, None)
    months = month_cuts(first, last)
    if not months:
        raise NotEnoughData(
            f"no first of a month from {first} to {last} has an outcome that is known",
            mend="train with an earlier --until, or bring a longer history",
        )
    features = FeatureSet.standard(deployment.unsupported)
    every, learned, trained, left_out = _learned_from(home, artefact, first, features, console)
    weeks = week_cuts(first, last)
    later = replay_rows(home, sorted({*months, *weeks}), console, until=None)
    monthly = later.rows.where(np.isin(later.rows.cut_day, months))
    unseen = dataset_of(monthly, features)
    if not len(unseen):
        raise NotEnoughData(f"nobody is eligible between {first} and {last}", mend="bring a longer history")
    register = register_at(home.feed, max(months))
    return Subject(
        home=home,
        kind=kind,
        artefact=artefact,
        features=features,
        trained=trained,
        unseen=unseen,
        weekly=dataset_of(later.rows.where(np.isin(later.rows.cut_day, weeks)), features),
        looked=(_looked(learned, len(learned.rows.labels)), _looked(later, len(unseen), months)),
        every=every,
        left_out=(left_out, untreated(unseen, recorded_draws(home)).left_out),
        fingerprints=(trained.fingerprint(), unseen.fingerprint()),
        segments=told_segments(register, monthly.customer, monthly.cut_day),
        first=first,
        last=last,
    )


def _known_from(home: Home, artefact: Artefact) -> date:
    """The first of the first month that the model can have learned nothing of."""
    ended = date.fromisoformat(artefact.provenance.window.labels_end)
    known = ended + timedelta(days=home.deployment.miss.reporting_days)
    return known if known.day == 1 else (known.replace(day=1) + timedelta(days=32)).replace(day=1)


def _learned_from(
    home: Home, artefact: Artefact, until: date, features: FeatureSet, console: Console
) -> tuple[Cadence, Replay, Dataset, LeftOut]:
    """The training rows made again: on month starts, or every week where that is what the model counts."""
    about = artefact.provenance
    first, last = home.deployment.first_asked, date.fromisoformat(about.window.last_as_of)
    draws = recorded_draws(home)
    every: Cadence
    for every in ("month", "week"):
        replay = replay_rows(home, CUTS[every](first, last), console, until=until)
        found = untreated(dataset_of(replay.rows, features), draws)
        if len(found.dataset) == about.rows:
            break
    return every, replay, found.dataset, found.left_out


def _looked(replay: Replay, asked: int, days: list[int] | None = None) -> Looked:
    counts = np.sum([one for day, one in replay.hurdles.items() if days is None or day in days], axis=0)
    return Looked(
        asked=asked,
        hurdles={hurdle.name.lower(): int(counts[hurdle]) for hurdle in Hurdle if hurdle is not Hurdle.NONE},
        feed=replay.fold_counts,
    )


def months_of(dataset: Dataset) -> tuple[str, ...]:
    """The observation date of each row, as text."""
    return tuple(np.datetime_as_string(dataset.as_of).tolist())


def label_days(dataset: Dataset) -> tuple[date, date]:
    """First observation date, and the day by which every outcome of it had shown."""
    first, last = (day_of(int(day)) for day in (dataset.as_of.min().astype(int), dataset.as_of.max().astype(int)))
    return first, last + timedelta(days=HORIZON_DAYS)


def one_column(dataset: Dataset, column: int) -> Dataset:
    """The rows with one feature alone."""
    return replace(
        dataset, features=np.ascontiguousarray(dataset.features[:, [column]]), specs=(dataset.specs[column],)
    )
