"""Several models as one: the weighted mean of their log-odds, and of what each feature adds to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeAlias

from forbear.domain.errors import CorruptState
from forbear.models.boosting import Boosting
from forbear.models.documents import Document, read_document
from forbear.models.expert import ExpertScorecard
from forbear.models.explanation import Explanation, checked
from forbear.models.logistic import sigmoid
from forbear.models.results import Floats, Weight
from forbear.models.scorecard import Scorecard

MemberModel: TypeAlias = Scorecard | Boosting | ExpertScorecard

MEMBERS: dict[str, type[MemberModel]] = {kind.kind: kind for kind in (Scorecard, Boosting, ExpertScorecard)}
"""What an ensemble may be made of: every kind but another ensemble, whose members would only hide their weights."""
_TRAIN = "train the model again"
_WHOLE = 1e-9
"""How far from 1 the weights of a written document may sum."""


class Member(NamedTuple):
    """One model of an ensemble. weight: its share of the mean, (0, 1]."""

    weight: float
    model: MemberModel


@dataclass(frozen=True, slots=True)
class _WrittenMember:
    """A member in a document."""

    weight: float
    model: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Written:
    """An ensemble in a document, but for its kind."""

    features: tuple[str, ...]
    members: tuple[_WrittenMember, ...]


@dataclass(frozen=True, slots=True)
class Ensemble:
    """log-odds = the members' log-odds, each times its weight: the logarithmic opinion pool of their PDs.

    Rising in whatever all members rise in, since no weight is negative. Build it with `Ensemble.of`.
    Source: Genest and Zidek (1986), Combining probability distributions.
    """

    kind: ClassVar[str] = "ensemble"

    members: tuple[Member, ...]

    @classmethod
    def of(cls, weighted: Sequence[tuple[float, MemberModel]]) -> Ensemble:
        """The ensemble of some models, whose weights, all above 0, are brought to a sum of 1.

        Raises ValueError for fewer than two models, a weight that is not above 0, or models of unlike columns.
        """
        if len(weighted) < 2 or not all(weight > 0.0 for weight, _ in weighted):
            raise ValueError(f"weights {[weight for weight, _ in weighted]}: two or more are needed, each above 0")
        if len({model.features for _, model in weighted}) > 1:
            raise ValueError("the members of an ensemble expect unlike columns")
        total = sum(weight for weight, _ in weighted)
        return cls(tuple(Member(weight / total, model) for weight, model in weighted))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns it expects, (k,)."""
        return self.members[0].model.features

    def log_odds(self, features: Floats) -> Floats:
        """Natural log-odds for each row of (n, k), (n,), never NaN; ModelMismatch for other columns."""
        return self._mean([model.log_odds(features) for _, model in self.members])

    def predict(self, features: Floats) -> Floats:
        """PD in [0, 1] for each row of (n, k), (n,), before calibration."""
        return sigmoid(self.log_odds(features))

    def explain(self, features: Floats) -> Explanation:
        """Scores of (n, k), and the members' attributions with the weights of their scores; they sum to the score.

        Raises ModelMismatch for another number of columns.
        """
        found = [model.explain(features) for _, model in self.members]
        expected = sum(weight * one.expected for (weight, _), one in zip(self.members, found, strict=True))
        attributions = self._mean([one.attributions for one in found])
        return checked(Explanation(self._mean([one.log_odds for one in found]), expected, attributions))

    def weights(self) -> tuple[Weight, ...]:
        """The members' shares, each by its weight; the direction of a feature is that of whom it weighs most for."""
        shares: dict[str, float] = {}
        heaviest: dict[str, tuple[float, int]] = {}
        for weight, model in self.members:
            for name, share, direction in ((one.feature, one.share, one.direction) for one in model.weights()):
                shares[name] = shares.get(name, 0.0) + weight * share
                heaviest[name] = max(heaviest.get(name, (-1.0, 0)), (weight * share, direction))
        ranked = sorted(shares, key=lambda name: (-shares[name], name))
        return tuple(Weight(name, shares[name], heaviest[name][1]) for name in ranked)

    def to_document(self) -> Document:
        """JSON-able values, among them `kind`; the members stand in it whole."""
        members = [{"weight": weight, "model": model.to_document()} for weight, model in self.members]
        return {"kind": self.kind, "features": list(self.features), "members": members}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Ensemble:
        """The ensemble that to_document wrote, scoring bit for bit the same; CorruptState for anything else."""
        written = read_document(document, cls.kind, _Written)
        members = tuple(Member(one.weight, _member_of(one.model)) for one in written.members)
        if any(member.model.features != written.features for member in members):
            raise CorruptState("ensemble document: a member expects other columns", mend=_TRAIN)
        total = sum(member.weight for member in members)
        if len(members) < 2 or not all(member.weight > 0.0 for member in members) or abs(total - 1.0) > _WHOLE:
            raise CorruptState("ensemble document: the weights are not above 0 with a sum of 1", mend=_TRAIN)
        return cls(members)

    def _mean(self, columns: Sequence[Floats]) -> Floats:
        return weighted_mean([weight for weight, _ in self.members], columns)


def weighted_mean(weights: Sequence[float], columns: Sequence[Floats]) -> Floats:
    """Arrays of one shape, each times its weight, added one by one: one row gets the bits of a million."""
    mean: Floats = weights[0] * columns[0]
    for weight, column in zip(weights[1:], columns[1:], strict=True):
        mean = mean + weight * column
    return mean


def _member_of(document: Mapping[str, Any]) -> MemberModel:
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in MEMBERS:
        raise CorruptState(f"an ensemble's member of kind {kind!r}", mend=f"known kinds: {', '.join(sorted(MEMBERS))}")
    return MEMBERS[kind].from_document(document)
