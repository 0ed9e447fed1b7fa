"""Many questions at once: p-values adjusted so that a finding means what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from forbear.models.results import Floats

Method: TypeAlias = Literal["holm", "benjamini_hochberg", "benjamini_yekutieli"]


def adjusted(p_values: Floats, method: Method) -> Floats:
    """p-values (m,) of one family, adjusted; compare them with the level as they are."""
    return _METHODS[method](p_values)


def holm(p_values: Floats) -> Floats:
    """Adjusted so that any false finding at all has at most the level's chance, however the tests depend (Holm 1979).

    The k-th smallest of m becomes the largest of (m - j + 1) p_j over j <= k, at most 1.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    return _put_back(np.maximum.accumulate(scaled), order)


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Adjusted so that the expected share of false ones among findings is at most the level.

    The k-th smallest of m becomes the smallest of m p_j / j over j >= k (Benjamini and Hochberg 1995); for tests that
    are independent or positively dependent.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    return _put_back(np.minimum.accumulate(scaled[::-1])[::-1], order)


def benjamini_yekutieli(p_values: Floats) -> Floats:
    """Adjusted like benjamini_hochberg, however the tests depend: m p_j / j times the sum of 1/k up to m.

    Benjamini and Yekutieli (2001), theorem 1.3.
    """
    harmonic = float((1.0 / np.arange(1, len(p_values) + 1)).sum())
    return np.minimum(benjamini_hochberg(p_values) * harmonic, 1.0)


def _put_back(ranked: Floats, order: np.typing.NDArray[np.intp]) -> Floats:
    found = np.empty(len(ranked))
    found[order] = np.minimum(ranked, 1.0)
    return found


_METHODS: dict[Method, Callable[[Floats], Floats]] = {
    "holm": holm,
    "benjamini_hochberg": benjamini_hochberg,
    "benjamini_yekutieli": benjamini_yekutieli,
}
