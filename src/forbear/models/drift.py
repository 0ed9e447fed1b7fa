"""How far a distribution has moved from its reference: counts in fixed bins, PSI, KS, and what chance alone would do.

Every measure is an effect size: it says how far, whatever the number of rows. The p-values take all rows for
independent. Rows of one customer on consecutive days are not, so a monitor compares a day with what the reference
days do among themselves (`forbear.models.monitoring`), and uses these p-values for samples of different customers.
Many features at once are adjusted by `forbear.models.effects.multiplicity`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, kolmogorov

from forbear.models.results import Floats

Counts: TypeAlias = NDArray[np.int64]

BINS = 10
# Half a row in each bin: what Jeffreys' prior adds, so that an empty bin is rare and not infinitely so.
SMOOTHING = 0.5


@dataclass(frozen=True, slots=True)
class Moved:
    """How far, and how rarely chance alone goes as far.

    effect: PSI, >= 0, or the KS distance, [0, 1].  p_value: [0, 1].  Both NaN where one side has no rows.
    """

    effect: float
    p_value: float


def quantile_edges(reference: Floats, bins: int = BINS) -> Floats:
    """Inner edges of bins that hold equal shares of the reference, (at most bins - 1,) and rising.

    reference: (n,), NaN left out.  Equal edges become one, so that a value shared by many has one bin; none where
    nothing is known.
    """
    known = reference[~np.isnan(reference)]
    if len(known) == 0:
        return np.empty(0)
    # "higher" is a value that occurred: an edge between two values would not survive a rounding of the feature.
    inner = np.quantile(known, np.arange(1, bins) / bins, method="higher")
    edges: Floats = np.unique(inner)
    return edges


def bin_counts(values: Floats, edges: Floats) -> Counts:
    """Rows in each bin, (len(edges) + 2,): below the first edge, from each edge on, and unknown (NaN) last.

    values: (n,).  edges: rising; a value at an edge lies above it.
    """
    unknown = np.isnan(values)
    places = np.searchsorted(edges, values[~unknown], side="right")
    return np.append(np.bincount(places, minlength=len(edges) + 1), np.count_nonzero(unknown)).astype(np.int64)


def shares(counts: Counts | Floats) -> Floats:
    """Smoothed share of each bin, (..., bins), positive, summing to 1; counts: (..., bins) >= 0."""
    smoothed = np.asarray(counts, dtype=np.float64) + SMOOTHING
    found: Floats = smoothed / smoothed.sum(axis=-1, keepdims=True)
    return found


def psi(reference_counts: Counts | Floats, current_counts: Counts | Floats) -> Floats:
    """Population stability index, (...), >= 0: sum over the bins of (q - p) ln(q / p).

    reference_counts, current_counts: (..., bins) in the same bins, the last of them unknown; any leading axes that
    broadcast.  Shares are smoothed by half a row a bin.  NaN where either side has no rows.  Symmetric (Jeffreys
    divergence, Kullback and Leibler 1951); common use takes 0.10 as worth a look and 0.25 as a change (Siddiqi 2006).
    """
    p, q = shares(reference_counts), shares(current_counts)
    index = ((q - p) * np.log(q / p)).sum(axis=-1)
    empty = (np.sum(reference_counts, axis=-1) == 0) | (np.sum(current_counts, axis=-1) == 0)
    found: Floats = np.where(empty, np.nan, index)
    return found


def psi_test(reference_counts: Counts, current_counts: Counts) -> Moved:
    """PSI of two sets of independent rows, with the chance of so large a one without any change.

    reference_counts, current_counts: (bins,).  Without change PSI / (1/n + 1/m) is about chi-squared with one degree
    of freedom less than there are bins in use (Yurdakul and Naranjo 2020).
    """
    effect = float(psi(reference_counts, current_counts))
    used = int(np.count_nonzero(reference_counts + current_counts))
    if np.isnan(effect) or used < 2:
        return Moved(effect, np.nan if np.isnan(effect) else 1.0)
    noise = 1.0 / reference_counts.sum() + 1.0 / current_counts.sum()
    return Moved(effect, float(chdtrc(used - 1, effect / noise)))


def ks(reference: Floats, current: Floats) -> Moved:
    """Kolmogorov-Smirnov distance of two samples of independent rows, with its asymptotic p-value.

    reference, current: (n,) and (m,), NaN left out.  Ties make the p-value too large, never too small.
    """
    values = np.unique(np.concatenate([reference[~np.isnan(reference)], current[~np.isnan(current)]]))
    return ks_test(bin_counts(reference, values), bin_counts(current, values))


def ks_distance(reference_counts: Counts | Floats, current_counts: Counts | Floats) -> Floats:
    """Largest gap between the two distributions over the known bins, (...), [0, 1].

    reference_counts, current_counts: (..., bins), the last unknown and left out.  In bins it is at most the distance
    of the rows themselves.  NaN where either side has no known row.
    """
    p, q = (np.cumsum(counts[..., :-1], axis=-1) for counts in (reference_counts, current_counts))
    n, m = p[..., -1:], q[..., -1:]
    known = ((n > 0) & (m > 0))[..., 0]
    gap = np.abs(p / np.maximum(n, 1) - q / np.maximum(m, 1)).max(axis=-1)
    found: Floats = np.where(known, gap, np.nan)
    return found


def ks_test(reference_counts: Counts, current_counts: Counts) -> Moved:
    """KS distance over bins with the p-value of independent rows (Smirnov 1948); counts: (bins,), the last unknown."""
    distance = float(ks_distance(reference_counts, current_counts))
    if np.isnan(distance):
        return Moved(np.nan, np.nan)
    n, m = int(reference_counts[:-1].sum()), int(current_counts[:-1].sum())
    return Moved(distance, float(kolmogorov(distance * np.sqrt(n * m / (n + m)))))
