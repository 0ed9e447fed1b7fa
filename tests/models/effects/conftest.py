"""A known population, and experiments drawn from it."""

from __future__ import annotations

import numpy as np
import pytest

from forbear.models.effects.observations import Contrast
from forbear.simulation.outcomes import Drawn, OutcomeSpec, Population, population


@pytest.fixture(scope="session")
def known() -> Population:
    """Kinds of customers whose chances depend on their risk, as a logged policy's do."""
    return population(OutcomeSpec())


@pytest.fixture(scope="session")
def drawn(known: Population) -> Drawn:
    """20,000 customers of it."""
    return known.draw(20_000, seed=3)


def even_contrast(given: list[float], held: list[float], customers: list[int] | None = None) -> Contrast:
    """Outcomes of a plain trial, half and half."""
    outcome = np.array([*given, *held])
    members = np.arange(len(outcome)) < len(given)
    half = np.full(len(outcome), 0.5)
    return Contrast(
        members,
        ~members,
        half,
        half,
        outcome,
        np.array(customers if customers is not None else range(len(outcome)), dtype=np.int64),
        np.zeros((len(outcome), 1)),
    )
