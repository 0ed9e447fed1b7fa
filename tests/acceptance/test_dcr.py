"""Default through a real crisis, on the panel that a textbook teaches with."""

from __future__ import annotations

from pathlib import Path

from forbear.apps.console import Console
from forbear.apps.jobs.credit import CreditRequest, assess_credit
from forbear.models.credit.rolling import RollingPlan


def test_default_is_ranked_and_foreseen_through_the_crisis(real_dcr_folder: Path) -> None:
    """Out of time, few fits: ranked as without a leak; the economy explains most of what its absence misses."""
    request = CreditRequest(real_dcr_folder, RollingPlan(first=28, every=8), "for a test", resamples=20)
    report = assess_credit(request, Console(quiet=True))
    soon, year = report.judged

    assert 0.66 < soon.figures["auc"].value < 0.80
    assert 0.66 < year.figures["auc"].value < 0.80
    assert soon.figures["observed_to_expected_blind"].value > 1.4
    assert 0.6 < soon.figures["observed_to_expected"].value < 1.2
    assert 0.95 < report.ead_ratio.value < 1.05
    assert len(report.read.panel) == 62_140
    over = [end for end in report.book.quarters if end.realised_year is not None]
    assert 0.5 < sum(end.realised_year or 0.0 for end in over) / sum(end.loss_year for end in over) < 2.0
