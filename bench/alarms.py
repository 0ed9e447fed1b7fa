"""Alarm rates of `forbear monitor`, by the code that runs in production: on null data, and on a planted shift.

Null: 100 features of 4,000 customers, daily, 90 days behind the history that the comparisons need, 20 seeds. Values
of a customer are correlated from day to day, whole books wander, and every month turns on its pay day. How often does
anything page? Counted twice: by the shipped terms, and without the rule that a feature pages only where the season of
the year before is known.

Shift: 100,000 daily decisions, 200 runs. On one day the share of customers who are contacted moves by 2 points of the
book, up or down. Is it paged on that day or the next, and did anything page before?
"""

from __future__ import annotations

import argparse
import json
from datetime import date

import msgspec
import numpy as np
from scipy.stats import chi2

from forbear.apps.jobs.monitoring import MONITOR, families
from forbear.apps.jobs.monitoring_days import Summing
from forbear.apps.jobs.monitoring_scores import ScoredClose
from forbear.apps.package_data import shipped, text_of
from forbear.domain.calendar import BankCalendar
from forbear.engine.backfill import Rows
from forbear.features.columns import day_number
from forbear.models.evaluate import wilson
from forbear.models.logistic import sigmoid
from forbear.models.monitoring import Levels, judge
from forbear.models.monitoring_terms import MonitorTerms, parse_monitoring
from forbear.policy.bands import OUTSIDE, bands_of, with_cut_offs
from forbear.policy.reading import parse_policy

WATCHED, FIRST_DAY = 90, day_number(date(2024, 1, 1))
CALENDAR = BankCalendar()
STAYS, WANDERS = 0.97, 0.90  # lag-one correlation of a customer's own deviation, and of what all share
BAND_SHARES = (0.01, 0.03, 0.07)


def main() -> None:
    """Print the rates; the last line is JSON."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seeds", type=int, default=20)
    asked.add_argument("--runs", type=int, default=200)
    asked.add_argument("--customers", type=int, default=4_000)
    asked.add_argument("--features", type=int, default=100)
    asked.add_argument("--decisions", type=int, default=100_000)
    given = asked.parse_args()
    terms = parse_monitoring(shipped(MONITOR))
    null = measure_null(terms, given.seeds, given.customers, given.features)
    shift = measure_shift(terms, given.runs, given.decisions)
    print(json.dumps({"synthetic": True, "null": null, "shift": shift}))


# ---- null


def measure_null(terms: MonitorTerms, seeds: int, customers: int, features: int) -> dict[str, object]:
    """False pages and warnings in 90 days, on average over the seeds."""
    every = {"feature_drift": msgspec.structs.replace(terms.feature_drift, page_needs_a_year=False)}
    strict = msgspec.structs.replace(terms, **every)
    pages, strictly, warnings, blind = [], [], [], []
    for seed in range(seeds):
        days, policy = null_days(seed, customers, features, terms.windows.history_days + WATCHED)
        series = families(days, policy)
        pages.append(sum(episodes(judge(days.days, one, CALENDAR, terms).pages) for one in series))
        judged = [judge(days.days, one, CALENDAR, strict) for one in series]
        strictly.append(sum(episodes(one.pages) for one in judged))
        warnings.append(sum(episodes(one.warns) for one in judged))
        blind.append(float(np.mean([np.isnan(one.departures.p_value[-WATCHED:]).mean() for one in judged])))
        print(
            f"null seed {seed}: pages {pages[-1]}, without the rule {strictly[-1]}, warnings {warnings[-1]}", flush=True
        )
    return {
        "seeds": seeds,
        "pages_per_90_days": rate(pages),
        "pages_per_90_days_without_a_year": rate(strictly),
        "warnings_per_90_days": rate(warnings),
        "cannot_tell_share": float(np.mean(blind)),
    }


def null_days(seed: int, customers: int, features: int, length: int):  # noqa: ANN201
    """Summaries of a book that nothing happens to, by the code that sums up a home's days."""
    draw = np.random.default_rng(seed)
    own, stays = draw.normal(size=(customers, features)), np.zeros((customers, features))
    shared, cycle = np.zeros(features), draw.normal(scale=0.15, size=features)
    unknown = np.where(draw.random(features) < 0.3, draw.uniform(0.0, 0.2, features), 0.0)
    weights = np.where(np.arange(features) < 10, 0.4, 0.0)
    keys = np.arange(1, customers + 1, dtype=np.uint64)
    days = np.arange(FIRST_DAY, FIRST_DAY + length)
    phase = since_pay(days)
    policy, summing, before = None, None, np.full(customers, OUTSIDE, dtype=np.int8)
    for at, day in enumerate(days.tolist()):
        stays = STAYS * stays + np.sqrt(1.0 - STAYS**2) * 0.5 * draw.standard_normal(stays.shape)
        shared = WANDERS * shared + np.sqrt(1.0 - WANDERS**2) * 0.03 * draw.standard_normal(features)
        values = own + stays + shared + cycle * phase[at]
        pd = sigmoid(-4.0 + values @ weights)
        values[draw.random(values.shape) < unknown] = np.nan
        if policy is None:
            policy = policy_for(pd)
            summing = Summing(policy)
        before = bands_of(policy, pd, before)
        nothing = np.full(customers, np.nan)
        rows = Rows(values, keys, np.full(customers, day), nothing, nothing)
        summing.add(day, rows, ScoredClose(keys, pd, before))
    return summing.done(tuple(f"feature {place}" for place in range(features)), {}), policy


def policy_for(pd):  # noqa: ANN001, ANN201
    """The shipped policy, with bands that take BAND_SHARES of a book."""
    policy = parse_policy(text_of("policy.toml"))
    above = np.cumsum(BAND_SHARES)
    cut_offs = {band.name: float(np.quantile(pd, 1.0 - share)) for band, share in zip(policy.bands, above, strict=True)}
    return with_cut_offs(policy, cut_offs, "bench")


# ---- shift


def measure_shift(terms: MonitorTerms, runs: int, decisions: int) -> dict[str, object]:
    """How often a shift of 2 points is paged within 2 days, and how often something pages before it."""
    caught, early, seen = 0, 0, []
    for run in range(runs):
        draw = np.random.default_rng(10_000 + run)
        length = terms.windows.history_days + WATCHED
        onset = int(draw.integers(terms.windows.history_days, length - 2))
        by = 0.02 if run % 2 else -0.02
        shares = contact_shares(draw, decisions, length, (onset, by))
        days = np.arange(FIRST_DAY, FIRST_DAY + length)
        hits, rows = np.round(shares * decisions)[:, None], np.full((length, 1), float(decisions))
        judged = judge(days, Levels.of_shares("decision_drift", ("contact",), hits, rows), CALENDAR, terms)
        paged = np.flatnonzero(judged.pages[:, 0])
        early += episodes(judged.pages[:onset])
        within = (paged >= onset) & (paged <= onset + 1)
        caught += bool(within.any())
        seen.append(float(np.nanmedian(judged.departures.spread)))
        if run % 20 == 19:
            print(f"shift: {caught} of {run + 1} paged within 2 days, {early} pages before", flush=True)
    share = wilson(float(caught), runs)
    return {
        "runs": runs,
        "decisions": decisions,
        "paged_within_2_days": caught,
        "share": share.as_dict(),
        "pages_before": early,
        "usual_departure_points": 100.0 * float(np.mean(seen)),
    }


def contact_shares(draw, customers: int, length: int, shift: tuple[int, float]):  # noqa: ANN001, ANN201
    """Daily share of the same customers above a cut-off that a tenth are above; it moves on one day, and stays."""
    onset, by = shift
    own, stays = draw.standard_normal(customers, np.float32), np.zeros(customers, np.float32)
    phase, shared, found = since_pay(np.arange(FIRST_DAY, FIRST_DAY + length)), 0.0, []
    cut, moved = (float(np.quantile(1.118 * draw.standard_normal(400_000), 1.0 - share)) for share in (0.1, 0.1 + by))
    for at in range(length):
        stays *= np.float32(STAYS)
        stays += np.float32(np.sqrt(1.0 - STAYS**2) * 0.5) * draw.standard_normal(customers, np.float32)
        shared = WANDERS * shared + np.sqrt(1.0 - WANDERS**2) * 0.01 * draw.standard_normal()
        line = (moved if at >= onset else cut) - shared - 0.15 * phase[at]
        found.append(float(np.count_nonzero(own + stays > line)) / customers)
    return np.array(found)


# ---- both


def since_pay(days):  # noqa: ANN001, ANN201
    """Where each day stands between two pay days: -1 on the last bank day of a month, up to 1 right before the next."""
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    pay = np.busday_offset((np.unique([months - 1, months, months + 1])).astype("datetime64[D]"), 0, roll="forward")
    pay = np.busday_offset(pay, -1)  # the last bank day of the month before
    place = np.searchsorted(pay, dates, side="right")
    length = (pay[place] - pay[place - 1]).astype(float)
    return 2.0 * (dates - pay[place - 1]).astype(float) / length - 1.0


def episodes(pages) -> int:  # noqa: ANN001
    """Runs of days with a page, counted over everything that is watched, of the last 90 days."""
    last = pages[-WATCHED:].astype(int)
    return int((np.diff(last, axis=0, prepend=0) == 1).sum())


def rate(counts: list[int]) -> dict[str, float]:
    """Mean number with its 95 % interval (Poisson, Garwood 1936)."""
    total, number = sum(counts), len(counts)
    low = chi2.ppf(0.025, 2 * total) / 2.0 if total else 0.0
    return {"mean": total / number, "low": low / number, "high": chi2.ppf(0.975, 2 * total + 2) / 2.0 / number}


if __name__ == "__main__":
    main()
