"""How many days ahead an alert budget sees a miss coming."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.models.contacts import contact_queue
from forbear.models.dataset import Bools, Dataset, Ints
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.results import Floats, LeadTime

BUDGETS = (0.02, 0.05, 0.10)
LONGEST_LEAD_DAYS = 30
NEVER = -1


@dataclass(frozen=True, slots=True)
class Misses:
    """Distinct misses.  customer: (m,).  day: (m,) days since 1970.  row: (m,) a row of that customer."""

    customer: Ints
    day: Ints
    row: Ints


def distinct_misses(dataset: Dataset) -> Misses:
    """Every (customer, day of miss) that a positive row foretells, once; rows without a known day have none."""
    rows = np.flatnonzero(~np.isnan(dataset.days_ahead))
    # Within a day, since a clock time would part one miss seen from two dates by a rounding error.
    day = dataset.as_of[rows].astype(np.int64) + np.floor(dataset.days_ahead[rows]).astype(np.int64)
    pairs, first = np.unique(np.column_stack([dataset.customers[rows], day]), axis=0, return_index=True)
    return Misses(pairs[:, 0], pairs[:, 1], rows[first])


def alerted_rows(scores: Floats, dataset: Dataset, budget: float) -> Bools:
    """Rows among the top share of their scoring date, (n,); ties fall by customer number."""
    queue = contact_queue(scores, dataset.as_of, dataset.customers)
    alerted = np.zeros(len(dataset), dtype=np.bool_)
    alerted[queue.order] = queue.contacted(budget, np.ones(len(dataset))) > 0.0
    return alerted


def days_caught_ahead(misses: Misses, dataset: Dataset, alerted: Bools) -> Ints:
    """For each miss, days from the customer's earliest alert within the 30 days before, (m,); -1 without one.

    An alert on the day of the miss is 0 days ahead.
    """
    days = dataset.as_of.astype(np.int64)[alerted]
    customers = dataset.customers[alerted]
    order = np.lexsort((days, customers))
    customers, days = customers[order], days[order]
    first = _first_at_or_after(customers, days, misses)
    inside = first < len(days)
    found = np.minimum(first, max(len(days) - 1, 0))
    if len(days) == 0:
        return np.full(len(misses.day), NEVER)
    lead = misses.day - days[found]
    caught = inside & (customers[found] == misses.customer) & (lead >= 0)
    return np.where(caught, lead, NEVER)


def lead_time(scores: Floats, dataset: Dataset, bootstrap: Bootstrap) -> tuple[LeadTime, ...]:
    """Share of misses caught at least d = 1 .. 30 days ahead, at budgets of 2, 5 and 10 % of each date's rows.

    scores: (n,), larger is riskier.  The denominator is every distinct miss in the rows.  Intervals
    resample customers with the alerts as they were.  Empty where no row's day of miss is known.
    """
    misses = distinct_misses(dataset)
    if len(misses.day) == 0:
        return ()
    horizon = np.arange(1, LONGEST_LEAD_DAYS + 1)
    caught = {
        budget: days_caught_ahead(misses, dataset, alerted_rows(scores, dataset, budget))[:, None] >= horizon
        for budget in BUDGETS
    }

    def shares(weights: Floats) -> dict[tuple[float, int], float]:
        copies = weights[misses.row]
        total = float(copies.sum())
        return {
            (budget, int(day)): float(share) / total if total > 0.0 else np.nan
            for budget, matrix in caught.items()
            for day, share in zip(horizon, copies @ matrix, strict=True)
        }

    figures = bootstrap_figures(shares, dataset.customers, bootstrap)
    days = tuple(int(day) for day in horizon)
    return tuple(
        LeadTime(budget, days, tuple(figures[budget, day] for day in days), len(misses.day)) for budget in BUDGETS
    )


def _first_at_or_after(customers: Ints, days: Ints, misses: Misses) -> Ints:
    """Place of each miss's first alert not more than 30 days before it, in alerts by customer and day."""
    earliest = misses.day - LONGEST_LEAD_DAYS
    _, rank = np.unique(np.concatenate([customers, misses.customer]), return_inverse=True)
    base = min(days.min(initial=0), earliest.min(initial=0))
    width = max(days.max(initial=0), earliest.max(initial=0)) - base + 1
    # One number per (customer, day) that sorts as the pair does.
    keys = rank[: len(days)] * width + days - base
    wanted = rank[len(days) :] * width + earliest - base
    places: Ints = np.searchsorted(keys, wanted).astype(np.int64)
    return places
