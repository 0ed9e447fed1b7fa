"""The page's section on a synthetic bank: there when a truth is known, and made of nothing but that truth."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from forbear.apps.page import BacktestPage, render
from forbear.apps.page.truth import truth_in_words
from forbear.models.results import Curve, Evaluation, Figure
from forbear.simulation.known import KnownTruth
from forbear.simulation.reachable import AgainstTruth, Reachable
from forbear.simulation.treatment import Help
from forbear.simulation.trial import Trial, TrueEffect

TITLE = "Beside the truth"
NOT_SHOWN = Figure(0.999, 0.998, 0.9999)
NO_CURVE = Curve(np.empty(0), np.empty(0))


def figure(value: float) -> Figure:
    """A figure with an interval of 0.02 to either side."""
    return Figure(value, value - 0.02, value + 0.02)


BEST = Reachable(
    rows=14_250,
    positives=442,
    customers=1_187,
    futures=1_200,
    auc=figure(0.957),
    auc_of_futures=figure(0.951),
    mean=figure(0.031),
    rate=NOT_SHOWN,
    excess=NOT_SHOWN,
    slope=NOT_SHOWN,
    agreement=NOT_SHOWN,
)


def model(name: str, step: float) -> AgainstTruth:
    """A model's figures, each a step away from those of another."""
    return AgainstTruth(
        model=name,
        auc=figure(0.888 - step),
        auc_of_futures=figure(0.881 - step),
        shortfall=NOT_SHOWN,
        mean=figure(0.0299 - step / 10),
        excess=NOT_SHOWN,
        correlation=figure(0.589 - step),
        rmse=NOT_SHOWN,
        slope=figure(1.04 + step),
        intercept=NOT_SHOWN,
    )


def trial(kind: Help, estimate: Figure, average: float) -> Trial:
    """A trial that found an estimate where some average is true."""
    true = TrueEffect(
        average=average,
        helped=0.021,
        harmed=0.012,
        unaffected=0.967,
        displaced=0.0034,
        postponed=0.5,
        by_class=(),
    )
    return Trial(kind, 250, 260, (0.1, 0.2), estimate, true)


TRUTH = KnownTruth(
    BEST,
    (model("boosting", 0.0), model("scorecard", 0.05)),
    (
        trial(Help.REMINDER, Figure(-0.0191, -0.0353, -0.0029), -0.0209),
        trial(Help.CREDIT_LINE, Figure(0.0058, -0.0115, 0.0231), 0.0262),
    ),
)


def page_of(truth: KnownTruth | None) -> BacktestPage:
    """A page about a bank whose truth is known, or is not."""
    one = Evaluation(
        model="boosting",
        rows=14_250,
        positives=442,
        customers=1_187,
        figures={},
        lead_time=(),
        roc=NO_CURVE,
        precision_recall=NO_CURVE,
        calibration=(),
        weights=(),
    )
    return BacktestPage(
        title="Early delinquency",
        source="a bank",
        synthetic=True,
        question="A payment is missed.",
        trained="January to June",
        tested="August to November",
        evaluations=(one,),
        created="21 November 2026",
        truth=truth,
    )


def section(truth: KnownTruth | None) -> str:
    """The visible text of the section, with plain spaces, dashes and minus signs; empty where there is none."""
    found = re.search(rf"<section><h2>{TITLE}</h2>.*?</section>", render(page_of(truth)), flags=re.DOTALL)
    text = unescape(re.sub(r"<[^>]+>", " ", found[0] if found else ""))
    return " ".join(text.replace("\N{EN DASH}", "-").replace("\N{MINUS SIGN}", "-").split())


def test_without_a_truth_nothing_is_said() -> None:
    """Of a bank whose truth nobody knows the page has no such section."""
    assert TITLE not in render(page_of(None))
    assert section(None) == ""


@pytest.mark.parametrize(
    "said",
    [
        "lived on 1,200 times",
        "with an AUC of 0.957, about what can be reached at all; boosting reaches 0.888.",
        "14,250 customer-days, 442 followed by a miss.",
        "AUC what happened 0.957 0.937-0.977 0.888 0.868-0.908 0.838 0.818-0.858",
        "AUC other futures 0.951 0.931-0.971 0.881 0.861-0.901 0.831 0.811-0.851",
        "Mean probability 3.1 % 1.1-5.1 % 3.0 % 1.0-5.0 % 2.5 % 0.5-4.5 %",
        "Calibration slope against the truth; 1 is right - 1.04 1.02-1.06 1.09 1.07-1.11",
        "Correlation with the true probability - 0.589 0.569-0.609 0.539 0.519-0.559",
        "reminder -1.91 -3.53 to -0.29 -2.09 yes 2.1 % 1.2 % 0.34 %",
        "credit line +0.58 -1.15 to +2.31 +2.62 no 2.1 % 1.2 % 0.34 %",
    ],
)
def test_every_figure_is_that_of_the_truth(said: str) -> None:
    """Models stand beside what can be reached, each in its column, and trials beside what is true, in points."""
    assert said in section(TRUTH)


def test_nothing_else_is_shown() -> None:
    """The section holds the figures that it names, and no other of what is known."""
    assert "99.9" not in section(TRUTH)
    assert "0.999" not in section(TRUTH)
    assert "50 %" not in section(TRUTH)


def test_the_leading_model_is_the_one_spoken_of() -> None:
    """The sentence is about the first model, whichever that is."""
    turned = replace(TRUTH, models=TRUTH.models[::-1])
    assert truth_in_words(turned).endswith("scorecard reaches 0.838.")
