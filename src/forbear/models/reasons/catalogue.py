"""The catalogue of reasons: approved sentences, when each is true, and what a person can change."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import inf, isnan
from typing import Literal, TypeAlias

from forbear.models.reasons.language import Language, written

Values: TypeAlias = Mapping[str, float]
"""Features and figures of one customer by name; NaN is not known."""
Form: TypeAlias = Literal["plus", "minus", "beside", "held"]

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """left <operator> factor, or factor x of. Never true where a side is not known."""

    left: str
    operator: str
    factor: float
    of: str | None = None

    def holds(self, values: Values) -> bool:
        """Whether it is true of a customer."""
        right = self.factor * (1.0 if self.of is None else values[self.of])
        return OPERATORS[self.operator](values[self.left], right)


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in every language of the catalogue. names: what it quotes, each with the kind it is written as."""

    say: Mapping[str, str]
    names: Mapping[str, str]

    def known(self, values: Values) -> bool:
        """Whether everything that it quotes is known."""
        return all(not isnan(values[name]) for name in self.names)

    def told(self, values: Values, telling: Telling) -> dict[str, str]:
        """The sentence in each language of `telling`, with the customer's own figures in it.

        values: all that it quotes, known.
        """
        found = {}
        for name, language in telling.languages.items():
            sentence = self.say[name]
            quoted = {q: written(values[q], kind, language, telling) for q, kind in self.names.items()}
            found[name] = sentence.format(**quoted)
        return found


@dataclass(frozen=True, slots=True)
class Telling:
    """What figures are written by. languages: by name.  currency: of amounts.  day: the closed one, for dates."""

    languages: Mapping[str, Language]
    currency: str
    day: date

    def dated(self, days: float) -> date:
        """The date so many days after the closed day."""
        return self.day + timedelta(days=round(days))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence about one or more features of its reason, and the conditions under which it is true."""

    code: str
    about: tuple[str, ...]
    when: tuple[Comparison, ...]
    text: Text

    def true_of(self, values: Values) -> bool:
        """Whether every condition holds and everything that is quoted is known."""
        return self.text.known(values) and all(one.holds(values) for one in self.when)


@dataclass(frozen=True, slots=True)
class Reason:
    """Features that say the same, and what a person is told of them.

    sentences: in order of preference.  fallback: true whenever one of the features lies beyond its calm point.
    source: the official indicator it follows, "" without one.  passes: after so many days without another such
    event what has happened no longer counts, None where that is not how it ends.
    """

    code: str
    features: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    fallback: Sentence
    source: str
    passes: Passing | None

    def sentence_for(self, feature: str, values: Values) -> Sentence:
        """The first sentence about that feature that is true of the customer, else the fallback."""
        fitting = (one for one in self.sentences if feature in one.about and one.true_of(values))
        return next(fitting, self.fallback)


@dataclass(frozen=True, slots=True)
class Passing:
    """How a reason ends by itself: days of its window, and the sentence, which may quote `passes_on`."""

    days: int
    text: Text


@dataclass(frozen=True, slots=True)
class Move:
    """How a feature x follows a quantity q that moves from q0, with a scale s that stays.

    plus: x + (q - q0) / s.  minus: x - (q - q0) / s.  beside: s / (s + q), q not below 0.
    held: the larger of x and q / s: a level that is kept from now on.
    """

    feature: str
    form: Form
    scale: str

    def moved(self, x: float, scale: float, start: float, quantity: float) -> float:
        """The feature where the quantity has gone from `start` to another value; NaN stays NaN."""
        match self.form:
            case "plus":
                return x + (quantity - start) / scale
            case "minus":
                return x - (quantity - start) / scale
            case "beside":
                return x if isnan(x) else scale / (scale + max(quantity, 0.0))
            case "held":
                return x if isnan(x) else max(x, quantity / scale)

    def needed(self, x: float, scale: float, start: float, wanted: float) -> float:
        """The quantity at which the feature has a wanted value."""
        match self.form:
            case "plus":
                return start + (wanted - x) * scale
            case "minus":
                return start - (wanted - x) * scale
            case "beside":
                return scale * (1.0 - wanted) / wanted if wanted > 0.0 else inf
            case "held":
                return wanted * scale


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a person can still change within 30 days: a quantity, and all features that follow it.

    quantity: a figure.  toward: 1 if more of it helps, else -1.  keeps: the part of a quantity that nobody is asked
    to give up, [0, 1).  text: may quote `now` and `target`.  none: said instead where the target is 0.
    """

    code: str
    quantity: str
    toward: int
    keeps: float
    moves: tuple[Move, ...]
    text: Text
    none: Text

    def told(self, start: float, target: float, values: Values, telling: Telling) -> dict[str, str]:
        """The sentence by language for a quantity that goes from `start` to `target`."""
        text = self.none if target == 0.0 else self.text
        return text.told({**values, "now": start, "target": target}, telling)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every reason, every change and how to write them.

    version: as stated.  digest: SHA-256 of the content.  never_told: features by why nobody is told of them.
    outcomes: what is said about all changes together: "enough", "not_enough", "nothing", "below".
    """

    version: str
    digest: str
    languages: Mapping[str, Language]
    reasons: tuple[Reason, ...]
    changes: tuple[Change, ...]
    outcomes: Mapping[str, Text]
    never_told: Mapping[str, str]

    def reason_of(self, feature: str) -> Reason | None:
        """The reason that a feature belongs to, None if it is never told."""
        return next((reason for reason in self.reasons if feature in reason.features), None)
