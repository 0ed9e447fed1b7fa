"""The whole book scored again under shocks of its last days: by how much PDs rise, whose, and into which bands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.portfolio import PortfolioRequest, band_moves, policy_asked, scored_by, segment_names
from forbear.apps.jobs.scoring import chosen_model
from forbear.apps.package_data import shipped, toml_of
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.engine.backfill import book_at
from forbear.engine.register import register_at
from forbear.engine.shocked import book_under
from forbear.engine.shocked_onset import onset_at
from forbear.engine.shocked_survey import Surveyed, survey
from forbear.engine.shocked_terms import Shock, StressTerms, parse_stress
from forbear.features.columns import day_number, day_of
from forbear.features.ledger import Floats
from forbear.models.credit.movements import Transitions
from forbear.models.evaluate import wilson
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.portfolio import BookScored, Segment, ShareChange, TwoDates, by_segment, stress_index
from forbear.models.results import Figure
from forbear.policy.document import Policy

WINDOW_DAYS = 120
"""As far as the ledger reaches back."""
ASKED = "as asked"
"""The name of a scenario that is put together on the command line."""
_CHANCE = Bootstrap(0, 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class StressRequest:
    """What is asked. on: a closed day, None: the newest.  window: the last so many days up to it are shocked.

    kind: of the model.  policy, shares: as for a portfolio; shares are taken of the book without a shock.
    shock: instead of the scenarios.  scenarios: a file of one's own, None: the shipped one.
    """

    on: date | None = None
    window: int = WINDOW_DAYS
    kind: str | None = None
    policy: str = ""
    shares: tuple[float, ...] = ()
    shock: Shock | None = None
    scenarios: Path | None = None
    chance: Bootstrap = _CHANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The book under one shock, of everybody who is asked about with it and without.

    before, after, change: mean PD, paired by customer.  high, segments, moves: from without to with.
    lost, won: customers who are asked about only without, and only with it.  calm: mean PD of segments without.
    """

    found: Surveyed
    customers: int
    lost: int
    won: int
    before: Figure
    after: Figure
    change: Figure
    index: Figure
    high: ShareChange
    segments: tuple[Segment, ...]
    calm: Mapping[tuple[str, str], float]
    moves: Transitions

    @property
    def shock(self) -> Shock:
        """What the window was shocked by."""
        return self.found.rule.shock

    def document(self) -> dict[str, Any]:
        """Plain values for a script."""
        size = msgspec.structs.asdict(self.shock)
        return {
            "name": size.pop("name"),
            "shock": size,
            "reached": {name: asdict(part) for name, part in self.found.reached.items()},
            "salaries_not_arrived": self.found.never,
            "payments_overdrawing": self.found.overdrawn,
            "customers": self.customers,
            "no_longer_asked": self.lost,
            "newly_asked": self.won,
            "mean_pd": {name: getattr(self, name).as_dict() for name in ("before", "after", "change")},
            "expected_misses": {
                name: getattr(self, name).times(self.customers).as_dict() for name in ("before", "after", "change")
            },
            "stress_index": self.index.as_dict(),
            "high_risk": {name: getattr(self.high, name).as_dict() for name in ("before", "after", "change")},
            "segments": [
                {
                    "dimension": one.dimension,
                    "name": one.name,
                    "customers": one.high.customers,
                    "mean_pd_before": self.calm[one.dimension, one.name],
                    "mean_pd": one.mean_pd,
                    "high_risk_change": one.high.change.as_dict(),
                }
                for one in self.segments
            ],
            "moves": {"bands": list(self.moves.states), "counts": self.moves.counts.tolist()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Stressed:
    """The book on a day, and under each shock. high: at high risk without any.  pd: mean, of everybody asked about."""

    model: str
    policy: Policy
    terms: StressTerms
    on: date
    window: int
    customers: int
    pd: float
    high: Figure
    outcomes: tuple[Outcome, ...]

    def document(self) -> dict[str, Any]:
        """Plain values for a script."""
        return {
            "model": self.model,
            "policy": {"version": self.policy.version, "digest": self.policy.digest},
            "assumptions": {"version": self.terms.version, "digest": self.terms.digest},
            "high_risk_from": self.policy.bands[-1].enter,
            "on": self.on.isoformat(),
            "window_days": self.window,
            "base": {
                "customers": self.customers,
                "mean_pd": self.pd,
                "expected_misses": self.pd * self.customers,
                "high_risk": self.high.as_dict(),
            },
            "scenarios": [outcome.document() for outcome in self.outcomes],
        }


def stress(home: Home, request: StressRequest, console: Console) -> Stressed:
    """Score the book of a day as it is and under each shock, with one model.

    Raises ConfigError for wrong assumptions, NotEnoughData for a day that was never closed, or where nobody is asked
    about; else as the model and the policy do.
    """
    terms = terms_of(request.scenarios)
    shocks = (request.shock,) if request.shock else terms.scenarios
    model, kind = chosen_model(home, request.kind)
    feed, day = home.feed, None if request.on is None else day_number(request.on)
    with console.progress("Folding", 2 + len(shocks)) as progress:
        base = book_at(feed, day)
        if not len(base.rows.customer):
            raise NotEnoughData(f"nobody is asked about on {day_of(base.day)}", mend="choose another day")
        progress(1)
        onset = onset_at(feed, base.day - request.window + 1, base.day)
        calm = scored_by(base.rows, model)
        asked = PortfolioRequest(policy=request.policy, shares=request.shares)
        policy = policy_asked(home, asked, calm.pd, day_of(base.day + 1))
        names, _ = segment_names(base, base, register_at(feed, base.day))
        outcomes = []
        for number, shock in enumerate(shocks):
            progress(2 + number)
            found = survey(feed, onset, shock, terms, base.day)
            under = scored_by(book_under(feed, onset, found, base.day).rows, model)
            dates = TwoDates(calm, under, policy.bands[-1].enter)
            outcomes.append(_outcome(found, dates, policy, names, request.chance))
    return Stressed(
        model=kind,
        policy=policy,
        terms=terms,
        on=day_of(base.day),
        window=request.window,
        customers=len(calm.pd),
        pd=float(calm.pd.mean()),
        high=wilson(float(np.count_nonzero(calm.pd >= policy.bands[-1].enter)), len(calm.pd)),
        outcomes=tuple(outcomes),
    )


def terms_of(path: Path | None) -> StressTerms:
    """The assumptions and scenarios of a file, or the shipped ones. Raises ConfigError for what cannot be read."""
    return parse_stress(shipped("stress.toml") if path is None else toml_of(path, "scenarios"))


def shock_asked(salaries_late: str, prices: str, rates: str) -> Shock | None:
    """The shock that options name, None where they name none. Raises ConfigError for what is no size."""
    if not (salaries_late or prices or rates):
        return None
    sizes = {
        "salaries_late_days": _size("--salaries-late", salaries_late, "d"),
        "prices_up_ratio": _size("--prices", prices, "%") / 100.0,
        "rates_up_bp": _size("--rates", rates, "bp"),
    }
    try:
        return msgspec.convert({"name": ASKED, **sizes}, Shock, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"no such shock: {error}", mend="docs/portfolio.md says how far each may go") from error


def _size(option: str, text: str, unit: str) -> float:
    try:
        return float(text.strip().removeprefix("+").removesuffix(unit)) if text else 0.0
    except ValueError as error:
        raise ConfigError(f"{option} {text!r} is no size", mend=f"write it like 10{unit}") from error


def _outcome(
    found: Surveyed, dates: TwoDates, policy: Policy, names: Mapping[str, tuple[str, ...]], chance: Bootstrap
) -> Outcome:
    first, last = dates.pairs()
    if not len(first):
        shock = found.rule.shock.name
        raise NotEnoughData(f"under {shock!r} nobody is asked about", mend="choose a milder shock, or another day")
    calm = BookScored(dates.before.customer[first], dates.before.pd[first])
    both = TwoDates(calm, BookScored(dates.after.customer[last], dates.after.pd[last]), dates.cut_off)
    before, after = both.before.pd, both.after.pd

    def means(weights: Floats) -> Mapping[str, float]:
        mean = {"before": float(weights @ before / weights.sum()), "after": float(weights @ after / weights.sum())}
        return {**mean, "change": mean["after"] - mean["before"]}

    of_pairs = {by: tuple(np.asarray(own)[first].tolist()) for by, own in names.items()}
    segments = [one for by, own in of_pairs.items() for one in by_segment(both, by, own, own)]
    still = TwoDates(calm, calm, dates.cut_off)
    quiet = [one for by, own in of_pairs.items() for one in by_segment(still, by, own, own)]
    return Outcome(
        found=found,
        customers=len(first),
        lost=len(dates.before.pd) - len(first),
        won=len(dates.after.pd) - len(first),
        **bootstrap_figures(means, calm.customer, chance),
        index=stress_index(calm, both.after, chance),
        high=both.high_risk(),
        segments=tuple(segments),
        calm={(one.dimension, one.name): one.mean_pd for one in quiet},
        moves=band_moves(both, policy),
    )
