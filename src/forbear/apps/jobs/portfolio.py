"""The whole book on two dates: segments, the share at high risk, a stress index, concentration and moves of bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.arrears import ArrearsMoves, arrears_moves
from forbear.apps.jobs.instructing import with_shares_of
from forbear.apps.jobs.rehearsing import policy_of
from forbear.apps.jobs.scoring import chosen_model
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.engine.arrears import arrears_at
from forbear.engine.backfill import BookAt, Rows, book_at, newest_close, rows_on
from forbear.engine.register import NO_CREDIT, NOT_TOLD, PRODUCTS, Register, register_at
from forbear.engine.segments import UNTOLD, Segmented, segmented
from forbear.features.columns import day_number, day_of
from forbear.features.figures import FIGURES
from forbear.features.hashing import Keys
from forbear.features.ledger import Floats
from forbear.models.artefact import Artefact
from forbear.models.credit.movements import Transitions, transitions
from forbear.models.dataset import Ints
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
_ORDER = {
    "product": (*map(str, PRODUCTS), NO_CREDIT, NOT_TOLD),
    "tenure": TENURES,
    "income": (*THIRDS, NOT_KNOWN),
}
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
    """The book. moves: between bands, paired.  arrears: moves between days past due, None without payments.

    segmented: who is in which segment at the later close, everybody of whom anything was known.
    indices: the stress index at each close of its reference period, of which `first` is the newest, and at `last`.
    """

    model: str
    policy: Policy
    first: date
    last: date
    high: ShareChange
    segments: tuple[Segment, ...]
    indices: Mapping[date, Figure]
    gathered: Concentration
    moves: Transitions
    arrears: ArrearsMoves | None
    segmented: Segmented = UNTOLD

    @property
    def reference(self) -> tuple[date, ...]:
        """Closes that the stress index is measured against."""
        return tuple(day for day in self.indices if day <= self.first)

    @property
    def cut_off(self) -> float:
        """The PD from which on a customer is at high risk."""
        return self.policy.bands[-1].enter

    def document(self) -> dict[str, Any]:
        """Plain values for a script."""
        return {
            "model": self.model,
            "policy": {"version": self.policy.version, "digest": self.policy.digest},
            "high_risk_from": self.cut_off,
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
                "first": self.indices[self.first].as_dict(),
                "last": self.indices[self.last].as_dict(),
                "path": [{"day": day.isoformat(), "index": index.as_dict()} for day, index in self.indices.items()],
            },
            "concentration": {
                "top": [{"share_of_book": share, "of_expected_misses": of} for share, of in self.gathered.top.items()],
                "herfindahl": dict(self.gathered.herfindahl),
                "curve": self.gathered.curve.tolist(),
            },
            "moves": {"bands": list(self.moves.states), "counts": self.moves.counts.tolist()},
            "arrears": None if self.arrears is None else self.arrears.document(),
        }


def portfolio(home: Home, request: PortfolioRequest, console: Console) -> Portfolio:
    """Score the book on two dates and through the reference period with one model, and say how it moved.

    Raises ConfigError for days the wrong way round, NotEnoughData for a day that was never closed, or on which nobody
    was eligible; else as the model and the policy do.
    """
    model, kind = chosen_model(home, request.kind)
    first, last = _days(home, request)
    with console.progress("Reading", 4) as progress:
        before = book_at(home.feed, first)
        progress(1)
        after = book_at(home.feed, last)
        progress(2)
        reference = rows_on(home.feed, _reference(home, first))
        progress(3)
        register, arrears = register_at(home.feed, last), arrears_at(home.feed, last)
        progress(4)
    if not len(before.rows.customer) or not len(after.rows.customer):
        raise NotEnoughData(f"nobody was eligible on {day_of(first)} or {day_of(last)}", mend="choose other days")
    dates = TwoDates(scored_by(before.rows, model), scored_by(after.rows, model), 0.0)
    policy = policy_asked(home, request, dates.before.pd, day_of(first + 1))
    dates = TwoDates(dates.before, dates.after, policy.bands[-1].enter)
    names_before, names = segment_names(before, after, register)
    return Portfolio(
        model=kind,
        policy=policy,
        first=day_of(first),
        last=day_of(last),
        high=dates.high_risk(),
        segments=tuple(one for by in names for one in by_segment(dates, by, names_before[by], names[by])),
        indices=_indices(scored_by(reference, model), reference.cut_day, (last, dates.after), request.chance),
        gathered=concentration(dates.after.pd, names),
        moves=band_moves(dates, policy),
        arrears=arrears_moves(arrears, register, last),
        segmented=segmented_by(register, after, names["income"]),
    )


def band_moves(dates: TwoDates, policy: Policy) -> Transitions:
    """Moves between bands of everybody who is there on both dates, each date by its cut-offs alone."""
    rows = dates.pairs()
    pds = (dates.before.pd[rows[0]], dates.after.pd[rows[1]])
    was, now = (rank(policy, bands_of(policy, pd, np.full(len(pd), OUTSIDE, np.int8))).astype(np.int64) for pd in pds)
    return transitions(was, now, [*(band.name for band in policy.bands), NO_BAND])


def _days(home: Home, request: PortfolioRequest) -> tuple[int, int]:
    last = newest_close(home.archive) if request.last is None else day_number(request.last)
    first = last - APART_DAYS if request.first is None else day_number(request.first)
    if first >= last:
        raise ConfigError(f"--from {day_of(first)} is not before --to {day_of(last)}", mend="swap them")
    return first, last


def _reference(home: Home, first: int) -> list[int]:
    """Closes of the reference period, as far back as customers had their days of history; the last is `first`."""
    opened = day_number(home.deployment.first_asked)
    days = [first - APART_DAYS * back for back in reversed(range(REFERENCE_CLOSES))]
    return [day for day in days if day >= opened or day == first]


def scored_by(rows: Rows, model: Artefact | ExpertScorecard) -> BookScored:
    """Everybody in some rows, each once, with a model's PD."""
    return BookScored(rows.customer.view(np.int64), model.predict(np.ascontiguousarray(rows.values)))


def _indices(past: BookScored, closes: Ints, now: tuple[int, BookScored], chance: Bootstrap) -> dict[date, Figure]:
    """The stress index at each close of the reference period, and now. closes: (n,) of the rows of past."""
    parts = {
        day: BookScored(past.customer[closes == day], past.pd[closes == day]) for day in np.unique(closes).tolist()
    }
    return {day_of(day): stress_index(past, book, chance) for day, book in [*parts.items(), now]}


def policy_asked(home: Home, request: PortfolioRequest, pd: Floats, as_of: date) -> Policy:
    """The policy of a request. pd: of the book that shares are taken of, asked at 00:00 of a day."""
    policy = policy_of(home, request.policy)
    return with_shares_of(lambda: (pd, as_of), policy, request.shares) if request.shares else policy


def segment_names(
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
        income_of = tuple(bands[key] for key in book.rows.customer.tolist())
        made.append({**told_segments(register, book.rows.customer, after.day), "income": income_of})
    return made[0], made[1]


def told_segments(register: Register, customers: Keys, day: int | Ints) -> dict[str, tuple[str, ...]]:
    """Segments by dimension that a register tells of: product and region as last told, tenure on a day.

    customers: (n,) keys.  day: one for all, or (n,).
    """
    rows = register.rows_of(customers)
    tenure = np.digitize(day - register.first_day[rows], _TENURE_DAYS)
    return {
        "product": tuple(register.product[row] for row in rows),
        "region": tuple(register.region[row] for row in rows),
        "tenure": tuple(TENURES[place] for place in tenure.tolist()),
    }


def segmented_by(register: Register, after: BookAt, income: Sequence[str]) -> Segmented:
    """Everybody of a register by segment, as of a close. income: (n,) segments of the rows of the close."""
    known = dict(zip(after.rows.customer.tolist(), income, strict=True))
    by = {
        **told_segments(register, register.customer, after.day),
        "income": tuple(known.get(key, NOT_KNOWN) for key in register.customer.tolist()),
    }
    return segmented(after.day, register.customer, by, _ORDER)


def _third(income: float, edges: Floats) -> str:
    return NOT_KNOWN if np.isnan(income) else THIRDS[int(np.digitize(income, edges))]


def _change(found: ShareChange) -> Mapping[str, Any]:
    figures = {name: getattr(found, name).as_dict() for name in ("before", "after", "change")}
    return {**{name: count for name, count in asdict(found).items() if name in {"customers", "paired"}}, **figures}
