"""The whole book on two dates: segments, the share at high risk, a stress index, concentration and moves of bands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from forbear.adapters.sql.queries import open_queries
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import SHIPPED, policy_from, with_shares_of
from forbear.apps.jobs.rehearsing import WORKER
from forbear.apps.jobs.scoring import chosen_model
from forbear.apps.report.wording import Wording
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.engine.backfill import BookAt, Rows, book_at, rows_on
from forbear.engine.register import Register, register_at
from forbear.features.columns import day_number, day_of
from forbear.features.figures import FIGURES
from forbear.features.ledger import Floats
from forbear.models.artefact import Artefact
from forbear.models.credit.movements import Transitions, transitions
from forbear.models.expert import ExpertScorecard
from forbear.models.intervals import Bootstrap
from forbear.models.portfolio import (
    BookScored,
    Concentration,
    Segment,
    ShareChange,
    TwoDates,
    by_segment,
    concentration,
    stress_index,
)
from forbear.models.results import Figure
from forbear.policy.bands import OUTSIDE, bands_of, rank
from forbear.policy.document import Policy

REFERENCE_CLOSES, APART_DAYS = 6, 30
"""The reference period of the stress index: so many closes, so far apart, the last of them the earlier date."""
NO_BAND = "no band"
THIRDS = ("lower third", "middle third", "upper third")
NOT_KNOWN = "not known"
TENURES = ("under 6 months", "6 to 12 months", "over a year")
_TENURE_DAYS = (183, 365)
_CHANCE = Bootstrap(0, 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioRequest:
    """What is asked. first, last: closed days; None: the newest close, and APART_DAYS before the last.

    kind: of the model.  policy: a file, `shipped`, or "" for the one in force, else the shipped one.
    shares: cut-offs that take such shares of the book on the first day; empty: as written.
    """

    first: date | None = None
    last: date | None = None
    kind: str | None = None
    policy: str = ""
    shares: tuple[float, ...] = ()
    chance: Bootstrap = _CHANCE


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The book. reference: closes that the stress index is measured against.  moves: between bands, paired."""

    model: str
    policy: Policy
    first: date
    last: date
    reference: tuple[date, ...]
    high: ShareChange
    segments: tuple[Segment, ...]
    index: Figure
    index_before: Figure
    gathered: Concentration
    moves: Transitions

    def document(self) -> dict[str, Any]:
        """Plain values for a script."""
        return {
            "model": self.model,
            "policy": {"version": self.policy.version, "digest": self.policy.digest},
            "high_risk_from": self.policy.bands[-1].enter,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "high_risk": _change(self.high),
            "segments": [
                {
                    "dimension": one.dimension,
                    "name": one.name,
                    "mean_pd": one.mean_pd,
                    "expected_misses": one.expected,
                    "high_risk": _change(one.high),
                }
                for one in self.segments
            ],
            "stress_index": {
                "reference": [day.isoformat() for day in self.reference],
                "first": self.index_before.as_dict(),
                "last": self.index.as_dict(),
            },
            "concentration": {
                "top": [{"share_of_book": share, "of_expected_misses": of} for share, of in self.gathered.top.items()],
                "herfindahl": dict(self.gathered.herfindahl),
            },
            "moves": {"bands": list(self.moves.states), "counts": self.moves.counts.tolist()},
        }


def portfolio(home: Home, request: PortfolioRequest, console: Console) -> Portfolio:
    """Score the book on two dates and through the reference period with one model, and say how it moved.

    Raises ConfigError for days the wrong way round, NotEnoughData for a day that was never closed, or on which nobody
    was eligible; else as the model and the policy do.
    """
    model, kind = chosen_model(home, request.kind)
    first, last = _days(home, request)
    with console.progress("Folding", 3) as progress:
        before = book_at(home.feed, first)
        progress(1)
        after = book_at(home.feed, last)
        progress(2)
        reference = rows_on(home.feed, _reference(home, first))
        progress(3)
    if not len(before.rows.customer) or not len(after.rows.customer):
        raise NotEnoughData(f"nobody was eligible on {day_of(first)} or {day_of(last)}", mend="choose other days")
    dates = TwoDates(_scored(before.rows, model), _scored(after.rows, model), 0.0)
    policy = _policy(home, request, dates.before.pd, day_of(first + 1))
    dates = TwoDates(dates.before, dates.after, policy.bands[-1].enter)
    register, past = register_at(home.feed, last), _scored(reference, model)
    names_before, names = _names(before, after, register)
    return Portfolio(
        model=kind,
        policy=policy,
        first=day_of(first),
        last=day_of(last),
        reference=tuple(day_of(day) for day in np.unique(reference.cut_day).tolist()),
        high=dates.high_risk(),
        segments=tuple(one for by in names for one in by_segment(dates, by, names_before[by], names[by])),
        index=stress_index(past, dates.after, request.chance),
        index_before=stress_index(past, dates.before, request.chance),
        gathered=concentration(dates.after.pd, names),
        moves=band_moves(dates, policy),
    )


def band_moves(dates: TwoDates, policy: Policy) -> Transitions:
    """Moves between bands of everybody who is there on both dates, each date by its cut-offs alone."""
    rows = dates.pairs()
    pds = (dates.before.pd[rows[0]], dates.after.pd[rows[1]])
    was, now = (rank(policy, bands_of(policy, pd, np.full(len(pd), OUTSIDE, np.int8))).astype(np.int64) for pd in pds)
    return transitions(was, now, [*(band.name for band in policy.bands), NO_BAND])


def _days(home: Home, request: PortfolioRequest) -> tuple[int, int]:
    closed = home.archive.closed_day
    if closed is None:
        raise NotEnoughData("no day was ever closed in this archive", mend="import at least one whole day")
    last = closed if request.last is None else day_number(request.last)
    first = last - APART_DAYS if request.first is None else day_number(request.first)
    if first >= last:
        raise ConfigError(f"--from {day_of(first)} is not before --to {day_of(last)}", mend="swap them")
    return first, last


def _reference(home: Home, first: int) -> list[int]:
    """Closes of the reference period, as far back as customers had their days of history; the last is `first`."""
    opened = day_number(home.deployment.opens_on) + home.deployment.eligibility.history_days
    days = [first - APART_DAYS * back for back in reversed(range(REFERENCE_CLOSES))]
    return [day for day in days if day >= opened or day == first]


def _scored(rows: Rows, model: Artefact | ExpertScorecard) -> BookScored:
    return BookScored(rows.customer.view(np.int64), model.predict(np.ascontiguousarray(rows.values)))


def _policy(home: Home, request: PortfolioRequest, pd: Floats, as_of: date) -> Policy:
    policy = policy_from(home, request.policy) if request.policy else _in_force(home)
    return with_shares_of(lambda: (pd, as_of), policy, request.shares) if request.shares else policy


def _in_force(home: Home) -> Policy:
    """The policy in force, else the shipped one."""
    if home.database.exists():
        queries = open_queries(f"sqlite:///{home.database}", consumer=WORKER)
        try:
            found = Wording.of(queries.status().value).policy
        finally:
            queries.close()
        if found is not None:
            return found
    return policy_from(home, SHIPPED)


def _names(
    before: BookAt, after: BookAt, register: Register
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Segments by dimension of the rows of before, and of after: of the later date for whoever is there on it."""
    income = list(FIGURES).index("usual_income_30d")
    known = after.figures[:, income][~np.isnan(after.figures[:, income])]
    edges = np.quantile(known, [1 / 3, 2 / 3]) if len(known) else np.array([0.0, 0.0])
    bands = {
        key: _third(value, edges)
        for book in (before, after)
        for key, value in zip(book.rows.customer.tolist(), book.figures[:, income].tolist(), strict=True)
    }
    made = []
    for book in (before, after):
        rows = register.rows_of(book.rows.customer)
        tenure = np.digitize(after.day - register.first_day[rows], _TENURE_DAYS)
        made.append(
            {
                "product": tuple(register.product[row] for row in rows),
                "region": tuple(register.region[row] for row in rows),
                "tenure": tuple(TENURES[place] for place in tenure.tolist()),
                "income": tuple(bands[key] for key in book.rows.customer.tolist()),
            }
        )
    return made[0], made[1]


def _third(income: float, edges: Floats) -> str:
    return NOT_KNOWN if np.isnan(income) else THIRDS[int(np.digitize(income, edges))]


def _change(found: ShareChange) -> Mapping[str, Any]:
    figures = {name: getattr(found, name).as_dict() for name in ("before", "after", "change")}
    return {**{name: count for name, count in asdict(found).items() if name in {"customers", "paired"}}, **figures}
