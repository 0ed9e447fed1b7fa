"""Parts of the rows: they add up to the whole, and say nothing that their numbers cannot carry."""

from __future__ import annotations

import numpy as np
import pytest

from forbear.models import metrics
from forbear.models.dataset import Dataset
from forbear.models.intervals import Bootstrap
from forbear.models.results import Floats
from forbear.models.validation.breakdown import LEAST_POSITIVES, auc_lead, best_alone, by_part, whole

FEW = Bootstrap(0, 40)


def test_parts_add_up_to_the_whole(bank: Dataset, true_pd: Floats) -> None:
    """Rows and positives of all parts are those of all rows, and so is the mean PD by rows."""
    names = np.where(bank.customers % 3 == 0, "third", "others").tolist()
    parts, everybody = by_part(names, true_pd, bank, FEW), whole("all", true_pd, bank, FEW)

    assert [part.name for part in parts] == ["others", "third"]
    assert sum(part.rows for part in parts) == everybody.rows == len(bank)
    assert sum(part.positives for part in parts) == everybody.positives
    assert sum(part.rows * part.mean_pd for part in parts) == pytest.approx(len(bank) * everybody.mean_pd)


def test_the_truth_is_calibrated_and_a_doubled_pd_is_not(bank: Dataset, true_pd: Floats) -> None:
    """Observed over expected holds 1 for the PDs that outcomes were drawn from, and lies below it for twice as much."""
    right, wrong = (whole("all", pd, bank, FEW).ratio for pd in (true_pd, np.minimum(1.0, 2.0 * true_pd)))

    assert right.low < 1.0 < right.high
    assert wrong.high < 0.75


def test_a_part_without_an_event_is_not_sure_of_none(bank: Dataset, true_pd: Floats) -> None:
    """No event among few customers still leaves room for one, and no AUC is given."""
    quiet = bank.rows(~bank.labels & (bank.customers < 30))
    part = whole("quiet", true_pd[~bank.labels & (bank.customers < 30)], quiet, FEW)

    assert part.positives == 0 < LEAST_POSITIVES
    assert part.observed.value == 0.0
    assert part.observed.high > 3.0 / part.rows
    assert part.ratio.high == pytest.approx(part.observed.high / part.mean_pd)
    assert np.isnan(part.auc.value)


def test_a_lead_is_the_difference_and_none_over_oneself(bank: Dataset, true_pd: Floats) -> None:
    """Over itself a score leads by exactly 0; over noise by the difference of the two AUCs, surely."""
    labels, ones = bank.labels.astype(np.float64), np.ones(len(bank))
    noise = np.nan_to_num(bank.features[:, 4])
    areas = [metrics.auc(metrics.rank(one, labels).counts(ones)) for one in (true_pd, noise)]
    lead = auc_lead(true_pd, noise, bank, FEW)

    assert auc_lead(true_pd, true_pd, bank, FEW).as_dict() == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert lead.value == pytest.approx(areas[0] - areas[1])
    assert lead.low > 0.0


def test_the_best_single_feature_is_one_that_was_planted(bank: Dataset) -> None:
    """Stress and cover carry the outcomes; a column that is never known is never chosen."""
    assert bank.names[best_alone(bank)] in {"stress", "cover"}
    with pytest.raises(ValueError, match="no feature"):
        best_alone(_unknown(bank))


def _unknown(bank: Dataset) -> Dataset:
    return Dataset(
        features=np.full_like(bank.features, np.nan),
        specs=bank.specs,
        labels=bank.labels,
        customers=bank.customers,
        as_of=bank.as_of,
        days_ahead=bank.days_ahead,
    )
