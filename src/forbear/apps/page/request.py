"""What a backtest page is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from forbear.models.reasons.customer import ExplainedCustomer
from forbear.models.results import Evaluation
from forbear.simulation.known import KnownTruth


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestPage:
    """Everything that one page says. All text is plain text: it is escaped where it is written.

    source: where the events came from, e.g. "synthetic bank, seed 7".  synthetic: the page says at its
    top that every figure is made up.  question: what a probability is of, who is eligible, the windows.
    trained, tested: the two windows in words.  evaluations: the model that leads first, then those to
    compare it with; all on the same rows.  features_unsupported: names that the source cannot fill.
    feed: outcome -> number of events.  scorecard_table: rows of feature, bin, points, share of rows.
    facts: what the page can be traced by (hashes, fingerprints, version).  created: when, in words.
    outcomes: what is foreseen, in the plural.  cadence: how often the budget is spent.
    customers: some of one day, explained; the riskiest first.  truth: of a synthetic bank that was lived again.
    Raises ValueError without an evaluation.
    """

    title: str
    source: str
    synthetic: bool
    question: str
    trained: str
    tested: str
    evaluations: tuple[Evaluation, ...]
    created: str
    features_unsupported: tuple[str, ...] = ()
    feed: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    scorecard_table: tuple[tuple[str, ...], ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    outcomes: str = "missed payments"
    cadence: str = "on each scoring date"
    customers: tuple[ExplainedCustomer, ...] = ()
    truth: KnownTruth | None = None

    def __post_init__(self) -> None:
        if not self.evaluations:
            raise ValueError("a backtest page needs at least one evaluation")

    @property
    def leader(self) -> Evaluation:
        """The evaluation that the headline and the plots of one model are about."""
        return self.evaluations[0]
