"""Loss given default by segment."""

from __future__ import annotations

import numpy as np
import pytest

from forbear.domain.errors import ModelMismatch
from forbear.models.credit.parameters import LgdSegments
from forbear.models.credit.severity import ResolvedDefaults, estimate_lgd
from forbear.models.intervals import Bootstrap

RULE = LgdSegments(by="ltv", edges=(0.8, 1.0), assumed=(0.1, 0.3, 0.6), least_defaults=5, source="stated assumption")


def resolved(ltv: list[float], lgd: list[float]) -> ResolvedDefaults:
    """Defaults with one figure each."""
    return ResolvedDefaults({"ltv": np.array(ltv)}, np.array(lgd))


def test_a_segment_is_the_mean_of_its_defaults_cures_included() -> None:
    """Cures count with 0, costs beyond the balance with more than 1; the interval holds the mean."""
    table = estimate_lgd(RULE, resolved([0.9] * 6, [0.0, 0.0, 0.5, 0.5, 0.8, 1.2]), Bootstrap(0))
    middle = table.segments[1]
    assert (middle.defaults, middle.assumed) == (6, False)
    assert middle.lgd.value == pytest.approx(0.5)
    assert middle.lgd.low < 0.5 < middle.lgd.high


def test_few_defaults_leave_the_assumption() -> None:
    """Below the least number, and with none at all, a segment keeps what is assumed, without an interval."""
    for found in (resolved([0.9] * 4, [1.0] * 4), resolved([], [])):
        segment = estimate_lgd(RULE, found, Bootstrap(0)).segments[1]
        assert segment.assumed
        assert segment.lgd.value == 0.3
        assert np.isnan(segment.lgd.low)


def test_a_value_at_an_edge_belongs_above_it() -> None:
    """Lookup keeps the shape, and cuts where estimation cuts."""
    table = estimate_lgd(RULE, resolved([], []), Bootstrap(0))
    found = table.lgd({"ltv": np.array([[0.2, 0.8], [0.99, 1.0]])})
    np.testing.assert_array_equal(found, [[0.1, 0.3], [0.3, 0.6]])


def test_what_is_missing_is_named() -> None:
    """A missing column, an unknown value and a negative LGD are refused."""
    table = estimate_lgd(RULE, resolved([], []), Bootstrap(0))
    with pytest.raises(ModelMismatch, match="ltv"):
        table.lgd({"balance": np.ones(1)})
    with pytest.raises(ModelMismatch, match="ltv"):
        estimate_lgd(RULE, ResolvedDefaults({}, np.ones(1)), Bootstrap(0))
    with pytest.raises(ValueError, match="unknown"):
        table.lgd({"ltv": np.array([np.nan])})
    with pytest.raises(ValueError, match="LGD"):
        estimate_lgd(RULE, resolved([0.5], [-0.1]), Bootstrap(0))
