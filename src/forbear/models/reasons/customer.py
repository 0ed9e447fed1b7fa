"""One customer explained: the score, its place in the book, the reasons in words, and what would help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from forbear.domain.money import decimals_of
from forbear.models.documents import Document
from forbear.models.explanation import Explanation
from forbear.models.reasons.catalogue import Telling, Values
from forbear.models.reasons.selection import Finding, Teller, find_reasons
from forbear.models.reasons.way_out import WayOut, capacity_cutoff, find_way_out
from forbear.models.results import Floats

Told = Mapping[str, str]
"""One sentence by language."""
NOTHING_TOLD = (
    "No reason to tell: nothing that raises this score lies beyond its calm point and would lower it if right."
)
"""Said to the staff, not to the customer, where a score has no reasons."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a customer stands in the book: rank 1 is the riskiest of `of`; mean_pd: of the book."""

    rank: int
    of: int
    mean_pd: float

    @property
    def safer(self) -> float:
        """Share of the rest of the book that ranks below the customer, [0, 1]."""
        return (self.of - self.rank) / (self.of - 1) if self.of > 1 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldReason:
    """A reason in words.

    code: of the reason.  sentence: of what is said.  passes: when it ends by itself, None where it does not.
    feature: the one that it is told by.  attribution, share, pd_right: see Finding.
    """

    code: str
    sentence: str
    say: Told
    passes: Told | None
    source: str
    feature: str
    attribution: float
    share: float
    pd_right: float

    def document(self) -> Document:
        """The reason as JSON can hold it."""
        return {
            "code": self.code,
            "sentence": self.sentence,
            "say": dict(self.say),
            "passes": None if self.passes is None else dict(self.passes),
            "source": self.source or None,
            "feature": self.feature,
            "log_odds": self.attribution,
            "share": self.share,
            "pd_if_put_right": self.pd_right,
        }


@dataclass(frozen=True, slots=True)
class ToldStep:
    """A change in words, from `start` to `target` in the quantity's own unit, and the PD after it."""

    code: str
    say: Told
    start: float
    target: float
    pd: float


@dataclass(frozen=True, slots=True)
class ToldWayOut:
    """What would take the customer out of risk: steps, what is said about them together, and the PDs."""

    outcome: str
    say: Told
    steps: tuple[ToldStep, ...]
    cutoff: float
    pd_after: float


@dataclass(frozen=True, slots=True)
class Line:
    """What one feature adds to the score [log-odds]. value: NaN is unknown.  calm: NaN where it has no calm point."""

    feature: str
    value: float
    calm: float
    log_odds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedCustomer:
    """All that is known about one score.

    as_of: the question is asked at 00:00 of that day, bank-local.  pd: calibrated.  expected: the log-odds that
    everybody starts from; with the lines, the largest first, it sums to log_odds (before calibration).
    """

    customer: str
    as_of: date
    pd: float
    place: Place
    reasons: tuple[ToldReason, ...]
    way_out: ToldWayOut
    lines: tuple[Line, ...]
    expected: float
    log_odds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OneScore:
    """One score as reasons are found by it: features and attributions (k,), pd calibrated, figures by name."""

    features: Floats
    attributions: Floats
    pd: float
    figures: Mapping[str, float]

    def values(self, names: tuple[str, ...]) -> dict[str, float]:
        """Features, of these names, and figures by name."""
        return {**dict(zip(names, self.features.tolist(), strict=True)), **self.figures}


def tell(teller: Teller, one: OneScore, telling: Telling) -> tuple[ToldReason, ...]:
    """The reasons of one score in words, the heaviest first; none where nothing true would lower it."""
    values = one.values(teller.names)
    findings = find_reasons(teller, one.features, one.attributions, one.pd)
    return tuple(_told_reason(finding, values, telling) for finding in findings)


@dataclass(frozen=True)
class ScoredBook:
    """Everybody eligible at one day close.

    values: (n, k) features.  figures: (n, f).  figure_names: (f,).  probabilities: (n,) calibrated PDs.
    ids: (n,) customers as given.  as_of: the day at whose first instant is asked.
    """

    values: Floats
    figures: Floats
    figure_names: tuple[str, ...]
    probabilities: Floats
    ids: tuple[str, ...]
    as_of: date

    def place(self, row: int) -> Place:
        """Where one row stands; equal PDs share the better rank."""
        riskier = int(np.count_nonzero(self.probabilities > self.probabilities[row]))
        return Place(riskier + 1, len(self.probabilities), float(self.probabilities.mean()))


def explain_rows(
    teller: Teller, book: ScoredBook, rows: list[int], telling: Telling, budget: float
) -> tuple[ExplainedCustomer, ...]:
    """Some rows of a book, explained. budget: share of the book that is in risk, (0, 1]."""
    cutoff = capacity_cutoff(book.probabilities, budget)
    explanation = teller.scorer.explain(np.ascontiguousarray(book.values[rows]))
    return tuple(
        _explained(teller, _Row(book, row, explanation, place), telling, cutoff) for place, row in enumerate(rows)
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a book, and its place among the rows that an explanation is of."""

    book: ScoredBook
    row: int
    explanation: Explanation
    place: int

    @property
    def features(self) -> Floats:
        own: Floats = self.book.values[self.row]
        return own

    @property
    def attributions(self) -> Floats:
        own: Floats = self.explanation.attributions[self.place]
        return own

    @property
    def pd(self) -> float:
        return float(self.book.probabilities[self.row])

    @property
    def figures(self) -> dict[str, float]:
        """Figures by name."""
        return dict(zip(self.book.figure_names, self.book.figures[self.row].tolist(), strict=True))


def _explained(teller: Teller, row: _Row, telling: Telling, cutoff: float) -> ExplainedCustomer:
    one = OneScore(features=row.features, attributions=row.attributions, pd=row.pd, figures=row.figures)
    values = one.values(teller.names)
    way_out = find_way_out(teller, row.features, values, cutoff, 10 ** decimals_of(telling.currency))
    return ExplainedCustomer(
        customer=row.book.ids[row.row],
        as_of=row.book.as_of,
        pd=row.pd,
        place=row.book.place(row.row),
        reasons=tell(teller, one, telling),
        way_out=_told_way_out(teller, way_out, values, telling),
        lines=_lines(teller, row.features, row.attributions),
        expected=row.explanation.expected,
        log_odds=float(row.explanation.log_odds[row.place]),
    )


def _told_reason(finding: Finding, values: Values, telling: Telling) -> ToldReason:
    reason = finding.reason
    sentence = reason.sentence_for(finding.feature, values)
    passes = reason.passes
    return ToldReason(
        code=reason.code,
        sentence=sentence.code,
        say=sentence.text.told(values, telling),
        passes=None if passes is None else passes.text.told({**values, "passes_on": float(passes.days)}, telling),
        source=reason.source,
        feature=finding.feature,
        attribution=finding.attribution,
        share=finding.share,
        pd_right=finding.pd_right,
    )


def _told_way_out(teller: Teller, found: WayOut, values: Values, telling: Telling) -> ToldWayOut:
    steps = tuple(
        ToldStep(
            step.change.code,
            step.change.told(step.start, step.target, values, telling),
            step.start,
            step.target,
            step.pd,
        )
        for step in found.steps
    )
    say = teller.catalogue.outcomes[found.outcome].told(values, telling)
    return ToldWayOut(found.outcome, say, steps, found.cutoff, found.pd_after)


def _lines(teller: Teller, features: Floats, attributions: Floats) -> tuple[Line, ...]:
    lines = []
    for name, value, added in zip(teller.names, features.tolist(), attributions.tolist(), strict=True):
        reference = teller.calm.get(name)
        lines.append(Line(name, value, np.nan if reference is None else reference.calm, added))
    return tuple(sorted(lines, key=lambda line: (-abs(line.log_odds), line.feature)))
