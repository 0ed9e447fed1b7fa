"""The published e-mail experiment: averages as others found them, and a ranking judged on customers it has not seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from forbear.apps.console import Console
from forbear.apps.jobs.campaign import ROBUST, SPEND, VISITS, CampaignRequest
from forbear.apps.jobs.showing_experiments import show_campaign


def test_both_e_mails_work_and_one_is_worth_ranking(
    real_hillstrom_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Visits rise by 7.7 and 4.5 points, spend by 77 and 42 cents; ranking beats chance for the women's e-mail."""
    request = CampaignRequest(data=real_hillstrom_folder, created="")
    found = show_campaign(request, tmp_path / "page.html", Console())
    shown = capsys.readouterr().out
    assert "+7.66% [+7.00%, +8.32%]" in shown
    assert "+0.64%" in shown
    averages = {(one.arm, one.measure): one.by["difference"].figure for one in found.averages}
    assert found.customers == 64_000
    assert averages["mens_email", VISITS].value == pytest.approx(0.0766, abs=5e-5)
    assert averages["womens_email", VISITS].value == pytest.approx(0.0452, abs=5e-5)
    assert averages["mens_email", SPEND].value == pytest.approx(77.0, abs=0.05)
    assert averages["womens_email", SPEND].value == pytest.approx(42.4, abs=0.05)
    assert all(figure.low > 0.0 for figure in averages.values())
    ranked = {one.arm: one for one in found.ranked if one.learner == ROBUST}
    assert ranked["womens_email"].customers == 32_000
    assert ranked["womens_email"].visits.area.low > 0.0
    assert not [one for one in found.readings if one.finding == "harm"]
