"""A small catalogue over the columns of the small bank, and a teller for every kind of model."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from forbear.models.boosting import default_settings, fit_boosting
from forbear.models.dataset import Dataset
from forbear.models.ensemble import Ensemble
from forbear.models.expert import Reference, build_expert
from forbear.models.reasons.catalogue import Telling
from forbear.models.reasons.reading import read_catalogue
from forbear.models.reasons.selection import Teller
from forbear.models.scorecard import ScorecardSettings, fit_scorecard

FIGURES = {"owed": "money", "saved": "money", "pace": "estimate", "pay_day": "date", "visits": "count"}
CALM = {
    "stress": Reference(calm=0.0, stressed=2.0, points=1.0),
    "cover": Reference(calm=1.0, stressed=-1.0, points=2.0),
    "noise": Reference(calm=0.5, stressed=1.0, points=0.1),
    "idle": Reference(calm=0.5, stressed=1.5, points=0.3),
    "never_seen": Reference(calm=0.0, stressed=1.0, points=0.5),
}


def both(english: str, german: str | None = None) -> dict[str, str]:
    """A sentence in both languages."""
    return {"en": english, "de": english if german is None else german}


def _language(thousands: str, decimal: str, days: tuple[str, str]) -> dict[str, Any]:
    return {
        "thousands": thousands,
        "decimal": decimal,
        "money": "{amount} {currency}",
        "percent": "{number} %",
        "days": list(days),
        "date": "{day} {month} {year}",
        "months": [f"m{month}" for month in range(1, 13)],
    }


DOCUMENT: dict[str, Any] = {
    "format": 1,
    "version": "test",
    "languages": {
        "en": _language(",", ".", ("{number} day", "{number} days")),
        "de": _language(".", ",", ("{number} Tag", "{number} Tage")),
    },
    "reasons": [
        {
            "code": "owing",
            "features": ["stress", "noise"],
            "fallback": both("You owe more than before.", "Sie schulden mehr als zuvor."),
            "sentences": [
                {"about": ["stress"], "when": ["owed >= 1000"], "say": both("You owe {owed}.", "Sie schulden {owed}.")},
                {"about": ["stress"], "say": both("You owe a little.", "Sie schulden etwas.")},
            ],
            "passes": {"days": 30, "say": both("It ends by {passes_on}.", "Es endet am {passes_on}.")},
        },
        {"code": "saving", "features": ["cover"], "fallback": both("Little is saved.", "Wenig ist gespart.")},
        {"code": "idling", "features": ["idle"], "fallback": both("Little moves.", "Wenig bewegt sich.")},
    ],
    "never_told": [{"features": ["never_seen"], "why": "nobody has it"}],
    "changes": [
        {
            "code": "owe_less",
            "quantity": "owed",
            "toward": "less",
            "moves": [{"feature": "stress", "form": "plus", "scale": "pace"}],
            "say": both("Owe {target}, not {now}."),
            "none": both("Owe nothing, not {now}."),
        },
        {
            "code": "save_more",
            "quantity": "saved",
            "toward": "more",
            "moves": [{"feature": "cover", "form": "plus", "scale": "pace"}],
            "say": both("Save {target}, not {now}."),
        },
    ],
    "outcomes": {name: both(f"It is {name}.") for name in ("enough", "not_enough", "nothing", "below")},
}


@pytest.fixture
def document() -> dict[str, Any]:
    """The catalogue as a document, to be changed at will."""
    return deepcopy(DOCUMENT)


@pytest.fixture(scope="session")
def figures() -> dict[str, str]:
    """Kinds of the figures that it may quote."""
    return FIGURES


@pytest.fixture(scope="session")
def rows(bank: Dataset) -> Dataset:
    """The small bank with columns that no protected word stands in."""
    specs = tuple(replace(spec, name=spec.name.replace("age_of_account", "idle")) for spec in bank.specs)
    return replace(bank, specs=specs)


@pytest.fixture(scope="session")
def tellers(rows: Dataset) -> dict[str, Teller]:
    """A teller for one model of each kind."""
    catalogue = read_catalogue(DOCUMENT, rows.specs, FIGURES)
    expertise = {"format": 1, "version": "test", "base_pd": 0.02, "features": CALM}
    expert = build_expert({**expertise, "features": {n: _plain(r) for n, r in CALM.items()}}, rows.specs)
    scorecard = fit_scorecard(rows, ScorecardSettings())
    boosting = fit_boosting(rows, default_settings(rows.positives), rounds=80, seed=0)
    ensemble = Ensemble.of([(1.0, boosting), (1.0, scorecard)])
    models = {"scorecard": scorecard, "boosting": boosting, "expert": expert, "ensemble": ensemble}
    return {kind: Teller(model, catalogue, rows.names, CALM) for kind, model in models.items()}


@pytest.fixture(scope="session")
def telling(tellers: dict[str, Teller]) -> Telling:
    """In euros, at the close of the last day of 2023."""
    return Telling(tellers["expert"].catalogue.languages, "EUR", date(2023, 12, 31))


def _plain(reference: Reference) -> dict[str, float]:
    return {"calm": reference.calm, "stressed": reference.stressed, "points": reference.points}
