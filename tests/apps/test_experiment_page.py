"""The page of an experiment: what its headline may say, and that it labels what is made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forbear.apps.page.experiment import ExperimentPage, headline, render
from forbear.models.effects.definition import Definition, size_of
from forbear.models.effects.read_out import Reader, read_out
from forbear.models.effects.sequential import watched
from forbear.models.results import Figure
from forbear.simulation.outcomes import OutcomeSpec, population

DEFINITION = Definition(format=1, name="spring", hold_out_share=0.5, expected_share=0.2, least_effect=0.03)


def page_of(relative: float) -> ExperimentPage:
    """The page of 10,000 customers, half of whom were given something of that effect."""
    known = population(OutcomeSpec(hold_out=0.5, impossible=1.0, relative=(relative, 0.0)))
    experiment = known.draw(10_000, seed=1).experiment
    return ExperimentPage(
        definition=DEFINITION,
        size=size_of(DEFINITION),
        created="2026-11-22",
        customers=len(experiment),
        waiting=12,
        watched=watched(experiment.contrast(1), tuned_at=5_000),
        readings=read_out(experiment, Reader(measure="missed_payment")),
        roi=Figure(np.nan, np.nan, np.nan),
        synthetic=True,
    )


@pytest.mark.parametrize(
    ("relative", "said"), [(-0.5, "Help prevents misses"), (0.0, "not known yet"), (0.5, "Help does harm")]
)
def test_the_headline_says_what_the_bounds_say(relative: float, said: str) -> None:
    """Help, harm, or not known yet: by bounds that hold at every look, and the page shows them and all effects."""
    page = page_of(relative)
    text = render(page)
    assert said in headline(page)
    assert said in text
    assert text.count("<svg") >= 2
    assert "Synthetic data." in text
    assert text == render(page)


def test_before_there_are_bounds_nothing_is_said() -> None:
    """Without bounds the page claims nothing, and says why; before its size it warns of the intervals."""
    page = replace(page_of(0.0), watched=None, readings=())
    assert "Nothing can be said yet" in render(page)
    early = replace(page_of(0.0), customers=page.size.customers - 1)
    assert "has not reached its size" in render(early)
    assert "has not reached its size" not in render(replace(early, customers=page.size.customers))
