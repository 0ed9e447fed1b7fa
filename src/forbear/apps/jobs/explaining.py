"""Explain scores: one customer for the terminal, the riskiest of a day for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

import numpy as np

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.approving import approved, shipped_approval
from forbear.apps.jobs.scoring import chosen_model
from forbear.domain.deployment import Deployment
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.domain.money import amount_text
from forbear.domain.stated import canonical_json
from forbear.engine.backfill import BookAt, book_at
from forbear.features.columns import day_number, day_of
from forbear.features.compute import FeatureSet
from forbear.features.eligibility import Hurdle
from forbear.features.figures import FIGURES
from forbear.models.artefact import Artefact
from forbear.models.expert import ExpertScorecard
from forbear.models.reasons.catalogue import Catalogue, Telling
from forbear.models.reasons.customer import ExplainedCustomer, ScoredBook, explain_rows
from forbear.models.reasons.selection import Limits, Scorer, Teller

BUDGET = 0.05
"""Share of the book that counts as in risk until a policy document states cut-offs."""
RISKIEST = 10
"""How many customers a backtest page explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRequest:
    """Whom to explain, at 00:00 of as_of (None: right after the last closed day), by which kind of model.

    language: of the catalogue.  most: reasons told.  budget: share of the book that is in risk, (0, 1].
    """

    customer: str
    kind: str | None = None
    as_of: date | None = None
    language: str = "en"
    most: int = Limits().most
    budget: float = BUDGET


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One explained customer, and what the explanation can be traced by."""

    customer: ExplainedCustomer
    language: str
    budget: float
    model: str
    facts: Mapping[str, str]


def explain(home: Home, console: Console, request: ExplainRequest) -> Explained:
    """Explain one customer's score.

    Raises ConfigError for a customer, a language or a budget that is none, NotEnoughData for one who is not
    eligible on that day (saying why) and for a day that was never closed.
    """
    features = FeatureSet.standard(home.deployment.unsupported)
    scorer, kind = chosen_model(home, request.kind)
    teller = teller_of(features, scorer, Limits(most=request.most))
    _check(request, teller.catalogue)
    book, ids = _book_at(home, request.as_of, console), home.archive.customers()
    row = _row_of(home, book, request.customer, ids)
    scored = _scored(book, scorer, ids)
    (customer,) = explain_rows(teller, scored, [row], _telling(home, teller.catalogue, book), request.budget)
    return Explained(
        customer=customer,
        language=request.language,
        budget=request.budget,
        model=kind,
        facts={
            "model": _digest(scorer),
            "catalogue": f"{teller.catalogue.version} {teller.catalogue.digest}",
            "feature set": features.hash,
        },
    )


def explain_riskiest(home: Home, scorer: Artefact, cut_day: int, console: Console) -> tuple[ExplainedCustomer, ...]:
    """The riskiest customers at the close of one day, explained; equal PDs by the order of their keys."""
    teller = teller_of(FeatureSet.standard(home.deployment.unsupported), scorer, Limits())
    book = _book_at(home, day_of(cut_day + 1), console)
    scored = _scored(book, scorer, home.archive.customers())
    order = np.lexsort((book.rows.customer, -scored.probabilities))[:RISKIEST]
    return explain_rows(teller, scored, order.tolist(), _telling(home, teller.catalogue, book), BUDGET)


def teller_of(features: FeatureSet, scorer: Scorer, limits: Limits) -> Teller:
    """What tells reasons by a scorer: the shipped catalogue, and the calm points of the expert scorecard."""
    return approved(features, shipped_approval(features, limits)).teller(scorer, features.names)


def _check(request: ExplainRequest, catalogue: Catalogue) -> None:
    if request.language not in catalogue.languages:
        raise ConfigError(f"no language {request.language!r}", mend=f"there are: {', '.join(catalogue.languages)}")
    if not 0.0 < request.budget <= 1.0:
        raise ConfigError(f"--budget {request.budget} is no share of the book", mend="use more than 0 and at most 1")


def _book_at(home: Home, as_of: date | None, console: Console) -> BookAt:
    cut_day = None if as_of is None else day_number(as_of) - 1
    with console.progress("Folding", home.archive.next_offset) as progress:
        return book_at(home.feed, cut_day, snapshots=home.snapshots, progress=progress)


def _row_of(home: Home, book: BookAt, customer: str, ids: Mapping[int, str]) -> int:
    """The customer's row. Raises ConfigError for nobody's id, NotEnoughData for one who is not asked about."""
    keys = [key for key, name in ids.items() if name == customer]
    if not keys:
        raise ConfigError(f"{home.folder} knows no customer {customer!r}", mend="`forbear score --top 20` lists some")
    found = np.flatnonzero(book.rows.customer == np.uint64(keys[0]))
    if len(found):
        return int(found[0])
    met, as_of = np.flatnonzero(book.met == np.uint64(keys[0])), day_of(book.day + 1)
    if not len(met):
        raise NotEnoughData(f"{customer} was not known yet on {as_of}", mend="choose a later --as-of")
    why, mend = _in_words(Hurdle(book.hurdles[met[0]]), home.deployment)
    raise NotEnoughData(f"{customer} has no score on {as_of}: {why}", mend=mend)


def _in_words(hurdle: Hurdle, deployment: Deployment) -> tuple[str, str]:
    """Why a customer is not asked about, and what to do."""
    eligibility, another = deployment.eligibility, "the score foresees a first miss; choose another --as-of"
    line = f"{amount_text(deployment.miss.balance_below_minor, deployment.currency)} {deployment.currency}"
    words = {
        Hurdle.KNOWN_TOO_SHORT: (f"known for less than {eligibility.history_days} days", "choose a later --as-of"),
        Hurdle.INACTIVE: (
            f"nothing has moved for {eligibility.active_within_days} days",
            "choose an --as-of at which the accounts were in use",
        ),
        Hurdle.IN_ARREARS: ("a scheduled payment is still owed, so the customer is in arrears already", another),
        Hurdle.BELOW_LINE: (f"the accounts are below {line} already", another),
        Hurdle.RECENT_MISS: (f"a miss is on record in the last {eligibility.clear_days} days", another),
    }
    return words[hurdle]


def _scored(book: BookAt, scorer: Scorer, ids: Mapping[int, str]) -> ScoredBook:
    return ScoredBook(
        values=book.rows.values,
        figures=book.figures,
        figure_names=tuple(FIGURES),
        probabilities=scorer.predict(book.rows.values),
        ids=tuple(ids[int(key)] for key in book.rows.customer),
        as_of=day_of(book.day + 1),
    )


def _telling(home: Home, catalogue: Catalogue, book: BookAt) -> Telling:
    return Telling(catalogue.languages, home.deployment.currency, day_of(book.day))


def _digest(scorer: Artefact | ExpertScorecard) -> str:
    if isinstance(scorer, Artefact):
        return scorer.digest()
    return sha256(canonical_json(scorer.to_document())).hexdigest()
