"""Train and backtest on a home's archive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
import numpy as np

from forbear.adapters.disk import storage_errors, write_whole
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.relearning import WithoutHelp, recorded_draws
from forbear.domain.deployment import HORIZON_DAYS, Deployment
from forbear.domain.errors import ConfigError, CorruptState, ModelMismatch, NotEnoughData
from forbear.domain.money import amount_text
from forbear.engine.backfill import Replay, Rows, last_cut, newest_close, training_rows
from forbear.engine.versions import Lineage, Origin
from forbear.features.columns import day_number, day_of
from forbear.features.compute import FeatureSet
from forbear.models.artefact import Artefact, ModelTarget, make_artefact
from forbear.models.dataset import Dataset, FeatureSpec
from forbear.models.leakage import suspects
from forbear.models.online import OnlineScorecard
from forbear.models.training import TrainedKind, TrainedModel, TrainingSpec, train
from forbear.models.untreated import Untreated, beside_naive, untreated

KINDS: tuple[TrainedKind, ...] = ("boosting", "scorecard")
"""What is trained unless something else is asked for; the first leads."""
TRAINABLE: tuple[TrainedKind, ...] = (*KINDS, "ensemble")
"""Every kind that a home may hold, the leading one first."""


def month_cuts(first: date, last: date) -> list[int]:
    """Closed days whose next day is the first of a month in [first, last]."""
    months = [date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    return [day_number(day) - 1 for day in months if first <= day <= last]


def week_cuts(first: date, last: date) -> list[int]:
    """Closed days whose next day is a Monday in [first, last]."""
    start = first + timedelta(days=-first.weekday() % 7)
    return [day_number(start) - 1 + step for step in range(0, (last - start).days + 1, 7)]


CUTS = {"month": month_cuts, "week": week_cuts}


def feature_specs(features: FeatureSet) -> tuple[FeatureSpec, ...]:
    """What a model must know about the columns."""
    return tuple(
        FeatureSpec(name=f.name, group=f.group, direction=f.direction, low=f.low, high=f.high, unit=f.unit)
        for f in features.features
    )


def dataset_of(rows: Rows, features: FeatureSet) -> Dataset:
    """Rows as the model layer wants them."""
    return Dataset(
        features=np.ascontiguousarray(rows.values),
        specs=feature_specs(features),
        labels=rows.labels,
        customers=rows.customer.view(np.int64),
        as_of=rows.as_of_day.astype("datetime64[D]"),
        days_ahead=rows.days_ahead,
    )


def replay_rows(home: Home, cut_days: list[int], console: Console, *, until: date | None) -> Replay:
    """One pass over the archive with a bar."""
    with console.progress("Replaying", home.archive.next_offset) as progress:
        return training_rows(
            home.feed, cut_days, until_day=None if until is None else day_number(until), progress=progress
        )


def last_as_of(home: Home, until: date | None) -> date:
    """The last as-of date whose label is mature, by what the home holds or by `until` if that is earlier."""
    end = newest_close(home.archive) + 1
    if until is not None:
        end = min(day_number(until), end)
    return day_of(last_cut(home.deployment, end) + 1)


@dataclass(frozen=True, slots=True)
class Trained:
    """One trained model. path: or URL, where it was kept.  without_help: None where no row is of somebody helped."""

    kind: str
    artefact: Artefact
    path: str
    without_help: WithoutHelp | None = None

    def summary(self) -> dict[str, object]:
        """Plain values for a script."""
        about = self.artefact.provenance
        help_told = {} if self.without_help is None else {"without_help": self.without_help.summary()}
        return {
            **help_told,
            "kind": self.kind,
            "artefact": self.path,
            "sha256": self.artefact.digest(),
            "rows": about.rows,
            "positives": about.positives,
            "first_as_of": about.window.first_as_of,
            "last_as_of": about.window.last_as_of,
            "labels_end": about.window.labels_end,
            "validation": about.metrics,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest:
    """What to train on and which kinds. until: nothing known from that day on is used.  every: "month" or "week"."""

    until: date | None = None
    every: str = "month"
    kinds: tuple[TrainedKind, ...] = KINDS
    seed: int = 0


def train_models(home: Home, console: Console, request: TrainingRequest) -> list[Trained]:
    """Train each kind on everything known before the date asked for, and keep the artefacts.

    What is learnt is the risk without help: rows of those who were helped are left out, as `models.untreated` says.
    """
    deployment = home.deployment
    first = deployment.first_asked
    last = last_as_of(home, request.until)
    cuts = CUTS[request.every](first, last)
    if not cuts:
        raise NotEnoughData(
            f"no day between {first} and {last} has {deployment.eligibility.history_days} days of history before it "
            f"and a label that is mature",
            mend="bring a longer history, or a later --until",
        )
    replay = replay_rows(home, cuts, console, until=request.until)
    features = FeatureSet.standard(deployment.unsupported)
    dataset = dataset_of(replay.rows, features)
    for suspect in suspects(dataset):
        console.say(f"Leak? {suspect}")
    found = untreated(dataset, recorded_draws(home))
    trained = []
    with console.progress("Training", len(request.kinds)) as progress:
        for done, kind in enumerate(request.kinds):
            ours = train(found.dataset, TrainingSpec(kind, request.seed))
            told = found.left_out if found.left_out.helped else None
            artefact = make_artefact(ours, found.dataset, target_of(deployment), features.hash, told)
            beside = _beside_naive(dataset, found, ours)
            trained.append(Trained(kind, artefact, keep(home, kind, artefact), beside))
            progress(done + 1)
    return trained


def _beside_naive(dataset: Dataset, found: Untreated, ours: TrainedModel) -> WithoutHelp | None:
    if not found.left_out.helped:
        return None
    return WithoutHelp(found.left_out, beside_naive(found, ours, train(dataset, ours.spec)))


def target_of(deployment: Deployment) -> ModelTarget:
    """What the PD is of, in the deployment's own terms."""
    miss = deployment.miss
    days = miss.days_past_due_at_least if miss.kind == "days_past_due" else 1
    return ModelTarget(days_past_due_at_least=days, within_days=HORIZON_DAYS, event=event_in_words(deployment))


def event_in_words(deployment: Deployment) -> str:
    """The miss that is foreseen, for people."""
    miss = deployment.miss
    match miss.kind:
        case "missed_payment":
            return "a scheduled payment missed"
        case "days_past_due":
            return f"{miss.days_past_due_at_least} days past due or more"
        case "balance":
            penalty = "".join(f" or {category.replace('_', ' ')} charged" for category in miss.penalty_categories)
            line = amount_text(miss.balance_below_minor, deployment.currency)
            return f"a current account below {line} {deployment.currency}{penalty}"


def keep(home: Home, kind: str, artefact: Artefact) -> str:
    """Put an artefact into the registry, and note it as the newest of its kind; answer where it lies."""
    digest = home.registry.put(artefact, lineage_of(home, "train"))
    note_newest(home, kind, digest)
    return home.registry.where(digest)


def lineage_of(home: Home, origin: Origin) -> Lineage:
    """Where a model that is made now comes from."""
    from forbear.apps.jobs.champions import in_force  # what is in force is told by digests of models

    archive = home.archive
    return Lineage(
        origin=origin,
        history_offset=archive.next_offset,
        history_digest=archive.digest(),
        parent=in_force(home).get("model", ""),
    )


def note_newest(home: Home, kind: str, digest: str) -> None:
    """Have a model be the newest of its kind: the one that scores and promotes unless another is named."""
    try:
        others = _latest(home)
    except CorruptState:  # training again is what mends it
        others = {}
    write_whole(home.models / _LATEST, msgspec.json.encode({**others, kind: digest}) + b"\n")


def load_model_of(home: Home, kind: str) -> Artefact:
    """The newest artefact of a kind, for this deployment's features and target.

    Raises ConfigError where there is none, CorruptState for one that is damaged, ModelMismatch for one that
    was made for something else.
    """
    name = _latest(home).get(kind)
    if name is None:
        made_by = "online update" if kind == OnlineScorecard.kind else "train"
        raise ConfigError(
            f"{home.folder} holds no {kind} model", mend=f"run `forbear {made_by}` with this --home first"
        )
    try:
        # Earlier versions wrote the name of a file, in which the digest begins behind a hyphen.
        digest = name.removesuffix(".json").rpartition("-")[2]
        path = home.registry.where(digest)
    except ConfigError as error:
        raise CorruptState(f"{home.models / _LATEST} names {name!r}, which is no model there", mend=_TRAIN) from error
    artefact = home.registry.get(digest)
    if artefact.model.kind != kind:
        raise CorruptState(f"{path} holds a {artefact.model.kind}, not a {kind}", mend=_TRAIN)
    if artefact.provenance.target != (target := target_of(home.deployment)):
        raise ModelMismatch(
            f"{path} foresees {artefact.provenance.target.event}, this home asks for {target.event}", mend=_TRAIN
        )
    return artefact.for_features(FeatureSet.standard(home.deployment.unsupported).hash)


def kinds_kept(home: Home) -> list[str]:
    """Kinds of which the home holds a model, the leading one first."""
    return [kind for kind in TRAINABLE if kind in _latest(home)]


def require_unseen(artefact: Artefact, first_as_of: date) -> None:
    """Raise ModelMismatch if a model has learned from anything that happened from that day on."""
    if artefact.provenance.window.labels_end > first_as_of.isoformat():
        raise ModelMismatch(
            f"the model's labels end on {artefact.provenance.window.labels_end}, after the backtest's first day "
            f"{first_as_of}: it has seen part of the answers",
            mend=f"train again with --until {first_as_of}, or start the backtest later",
        )


def _latest(home: Home) -> Mapping[str, str]:
    path = home.models / _LATEST
    with storage_errors(f"cannot read {path}"):
        if not path.exists():
            return {}
        content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise CorruptState(f"{path} is damaged: {error}", mend=_TRAIN) from error


_LATEST = "latest.json"
_TRAIN = "run `forbear train` again"
