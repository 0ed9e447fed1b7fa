"""Models that are trained again and again while those they find are helped, beside a world in which nobody is.

Three worlds share customers, features and chance, month by month. In two of them the riskiest by the model in force
are offered help, but for a hold-out, and then miss less; one learns from that as though nothing had been done, the
other from rows that no help can have changed. In the third there is no help. What a customer risks without help is
known, so each model is held against that. All of it is synthetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forbear.domain.errors import ConfigError
from forbear.models import metrics
from forbear.models.dataset import Dataset, FeatureSpec
from forbear.models.logistic import sigmoid
from forbear.models.training import TrainedKind, TrainedModel, TrainingSpec, train
from forbear.models.untreated import Draws, LeftOut, untreated
from forbear.policy.hashing import chained, seed_of, uniform

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

APART_DAYS = 31
"""From one month to the next, so that help offered in one acts on its label alone."""
_FIRST = np.datetime64("2024-01-01", "D")
_KEPT = 0.8
_FEATURES = 6
_INTERCEPT = -3.4
_DIRECTIONS = (0, -1, 1, 1, -1, 0)
_EFFECTS = np.array([1.2, -0.9, 0.6, 0.4, -0.3, 0.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class RelearningSpec:
    """How the worlds go; shares in [0, 1].

    customers: of each month, the same throughout.  months: between trainings, which are on these months alone, >= 4.
    cycles: trainings with help running.  proposed: share of each month's customers, the riskiest, who would be helped.
    hold_out: of the customers, for ever.  exploration: share of offers whose action is drawn.  places: share of the
    others' proposals, the riskiest, for which there is a place.
    relative: effect of the preferred action and of the other on the chance of a miss, as a share of it, on those who
    answer to help: whose first trait is high, as of customers in one kind of trouble that help is good for.
    judged: customers, never seen in training, on whom models are judged.  Raises ConfigError for values out of range.
    """

    customers: int = 8_000
    months: int = 6
    cycles: int = 6
    proposed: float = 0.4
    hold_out: float = 0.1
    exploration: float = 0.1
    places: float = 0.9
    relative: tuple[float, float] = (-0.9, -0.6)
    judged: int = 20_000
    kind: TrainedKind = "scorecard"
    seed: int = 0

    def __post_init__(self) -> None:
        shares = (self.proposed, self.exploration, self.places, -self.relative[0], -self.relative[1])
        if not all(0.0 <= share <= 1.0 for share in shares) or not 0.0 < self.hold_out < 1.0:
            raise ConfigError(f"{self} is out of range", mend="see the docstring of RelearningSpec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """A model held against the risk without help. auc: the chance that who would miss outranks who would not.

    pd_ratio: mean PD over mean risk without help; below 1 the model says too little.
    """

    auc: float
    pd_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """What each world's model has learnt by the end of a cycle. left_out: in the world that leaves rows out."""

    naive: Learnt
    ours: Learnt
    no_help: Learnt
    left_out: LeftOut


@dataclass(frozen=True, slots=True)
class _Months:
    """Some months of all customers, shared by the worlds. features: (months, n, k).  drawn: (months, n) in [0, 1)."""

    as_of: NDArray[np.datetime64]
    features: Floats
    drawn: Floats


@dataclass(slots=True)
class _World:
    """One world: what it learns by, and its model in force."""

    learns: Callable[[Dataset, Draws], tuple[Dataset, LeftOut | None]]
    helps: bool
    model: TrainedModel
    left_out: LeftOut | None = field(default=None)

    def live(self, months: _Months, spec: RelearningSpec) -> None:
        """Let these months pass under the model in force, and train the next one on them."""
        missed, offers = [], []
        for as_of, features, drawn in zip(months.as_of, months.features, months.drawn, strict=True):
            risk = risk_without_help(features)
            if self.helps:
                draws, relative = _help(self.model.predict(features), as_of, spec)
                offers.append(draws)
                risk = risk * (1.0 + relative * _answers(features))
            missed.append(drawn < risk)
        dataset, self.left_out = self.learns(_dataset(months, np.stack(missed)), _joined(offers))
        self.model = train(dataset, _training(spec))


def relearn(spec: RelearningSpec, progress: Callable[[int], None] | None = None) -> tuple[Cycle, ...]:
    """The models of the three worlds after each of the cycles; equal specs give equal cycles.

    The first model, before any help, is the same in all of them.  progress: called with the number of cycles done.
    """
    chance = np.random.default_rng(spec.seed)
    state = chance.normal(size=(spec.customers, _FEATURES))
    judged = chance.normal(size=(spec.judged, _FEATURES))
    months, state = _months(spec, 0, state, chance)
    first = train(_dataset(months, _missed_without_help(months)), _training(spec))
    naive = _World(lambda dataset, _: (dataset, None), True, first)
    ours = _World(_without_help, True, first)
    no_help = _World(lambda dataset, _: (dataset, None), False, first)
    cycles = []
    for number in range(1, spec.cycles + 1):
        months, state = _months(spec, number, state, chance)
        for world in (naive, ours, no_help):
            world.live(months, spec)
        if ours.left_out is None:
            raise AssertionError("the rows of a world with help were not looked at")
        held_against = [_learnt(world.model, judged) for world in (naive, ours, no_help)]
        cycles.append(
            Cycle(naive=held_against[0], ours=held_against[1], no_help=held_against[2], left_out=ours.left_out)
        )
        if progress is not None:
            progress(number)
    return tuple(cycles)


def risk_without_help(features: Floats) -> Floats:
    """(n,) the chance of a miss of customers with these features, (n, k), if nobody helps them."""
    return sigmoid(_INTERCEPT + features @ _EFFECTS + 0.3 * np.maximum(features[:, 0], 0.0) * features[:, 2])


def _answers(features: Floats) -> Bools:
    """(n,) who misses less for being helped."""
    answers: Bools = features[:, 0] > 0.0
    return answers


def _without_help(dataset: Dataset, draws: Draws) -> tuple[Dataset, LeftOut | None]:
    found = untreated(dataset, draws)
    return found.dataset, found.left_out


def _help(pds: Floats, as_of: np.datetime64, spec: RelearningSpec) -> tuple[Draws, Floats]:
    """What is decided at one close, and by how much each customer's chance changes, (n,)."""
    customers = np.arange(len(pds), dtype=np.int64)
    order = np.argsort(-pds, kind="stable")[: round(spec.proposed * len(pds))]
    held_out = uniform(chained(seed_of(f"hold-out {spec.seed}"), order)) < spec.hold_out
    others = order[~held_out]
    offered = np.isin(customers, others[: round(spec.places * len(others))])
    drawn = uniform(chained(seed_of(f"action {spec.seed} {as_of}"), customers))
    relative = np.where(drawn < spec.exploration / 2.0, spec.relative[1], spec.relative[0])
    draws = Draws(
        customer=order,
        day=np.full(len(order), as_of - np.timedelta64(1, "D")),
        offered=offered[order],
        held_out=held_out,
        chance=np.full(len(order), spec.hold_out),
        exempt=np.zeros(len(order), dtype=np.bool_),
    )
    return draws, np.where(offered, relative, 0.0)


def _joined(draws: list[Draws]) -> Draws:
    def column(name: str, dtype: str) -> NDArray[np.generic]:
        return np.concatenate([np.empty(0, dtype), *(getattr(one, name) for one in draws)])

    return Draws(
        customer=column("customer", "int64"),  # type: ignore[arg-type]
        day=column("day", "datetime64[D]"),  # type: ignore[arg-type]
        offered=column("offered", "bool"),  # type: ignore[arg-type]
        held_out=column("held_out", "bool"),  # type: ignore[arg-type]
        chance=column("chance", "float64"),  # type: ignore[arg-type]
        exempt=column("exempt", "bool"),  # type: ignore[arg-type]
    )


def _months(spec: RelearningSpec, cycle: int, state: Floats, chance: np.random.Generator) -> tuple[_Months, Floats]:
    """The months of a cycle, and what the customers are like at their end: each feature keeps most of itself."""
    lived = []
    for _ in range(spec.months):
        state = _KEPT * state + np.sqrt(1.0 - _KEPT**2) * chance.normal(size=state.shape)
        lived.append(state)
    numbers = cycle * spec.months + np.arange(spec.months)
    as_of = _FIRST + (APART_DAYS * numbers).astype("timedelta64[D]")
    return _Months(as_of, np.stack(lived), chance.random((spec.months, len(state)))), state


def _missed_without_help(months: _Months) -> Bools:
    risk = np.stack([risk_without_help(features) for features in months.features])
    missed: Bools = months.drawn < risk
    return missed


def _dataset(months: _Months, missed: Bools) -> Dataset:
    labels = missed.ravel()
    customers = missed.shape[1]
    return Dataset(
        features=np.ascontiguousarray(months.features.reshape(len(labels), -1)),
        specs=tuple(
            FeatureSpec(f"trait_{place}", "traits", direction, -np.inf, np.inf, "ratio")
            for place, direction in enumerate(_DIRECTIONS)
        ),
        labels=labels,
        customers=np.tile(np.arange(customers, dtype=np.int64), len(missed)),
        as_of=np.repeat(months.as_of, customers),
        days_ahead=np.full(len(labels), np.nan),
    )


def _training(spec: RelearningSpec) -> TrainingSpec:
    return TrainingSpec(spec.kind, spec.seed, resamples=0)


def _learnt(model: TrainedModel, features: Floats) -> Learnt:
    risk, pds = risk_without_help(features), model.predict(features)
    counts = metrics.rank(model.model.log_odds(features), risk).counts(np.ones(len(risk)))
    return Learnt(auc=metrics.auc(counts), pd_ratio=float(pds.mean() / risk.mean()))
