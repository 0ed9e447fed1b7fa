"""`forbear train` in a home whose worker has offered help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forbear.adapters.sql.store import open_store
from forbear.apps.home import Home
from forbear.apps.jobs.modelling import load_model_of
from forbear.apps.jobs.relearning import recorded_draws
from forbear.engine.outputs import Named, Outputs, Part
from forbear.features.columns import day_number
from forbear.features.hashing import keys_of
from forbear.simulation.names import names_of
from forbear.testing.outputs import day, decision, parts

Cli = Callable[..., Any]
UNTIL = "2023-09-01"
"""Until which the bank of these tests was trained."""
KEYS = [int(key) for key in keys_of(names_of(150).customers)]
HELPED, HELD, BACK = range(40), range(40, 50), range(50, 55)


def recorded(home: Path, told: Sequence[tuple[int, str, float]]) -> None:
    """Let the home's store hold decisions of the first of June: customer, outcome, propensity."""
    on = day_number(np.datetime64("2023-06-01").item())
    decisions = tuple(
        decision(number, 9, on, customer=KEYS[one], outcome=outcome, propensity=chance)
        for number, (one, outcome, chance) in enumerate(told)
    )
    text = files("forbear.data").joinpath("policy.toml").read_text(encoding="utf-8")
    model, policy = parts()
    with closing(open_store(f"sqlite:///{home / 'forbear.db'}")) as store:
        first: Outputs = replace(
            day(0, None),
            after=store.position(),
            predictions=None,
            decisions=decisions,
            contacts=(),
            audit=(),
            outcomes=(),
            dead_letters=(),
            parts=(model, Part(**{**_fields(policy), "document": {**policy.document, "text": text}})),
            customers=tuple(Named(key, f"customer-{at}", at, 0) for at, key in enumerate(KEYS)),
        )
        store.commit(first)


def _fields(part: Part) -> dict[str, Any]:
    return {name: getattr(part, name) for name in ("kind", "number", "digest", "offset", "by")}


def test_nothing_changes_without_offers(cli: Cli, bank: Any, copied_bank: Path) -> None:
    """Holds alone, and offers of which no label knows, leave every model what it was, to the bit."""
    recorded(copied_bank, [(40, "hold_out", 0.05), (50, "capacity", 0.9)])
    again = cli("train", "--until", UNTIL, "--home", copied_bank, "--json").document
    assert [one["sha256"] for one in again["models"]] == [one["sha256"] for one in bank.trained["models"]]
    assert all("without_help" not in one for one in again["models"])


def test_the_helped_are_left_out_and_told_of(cli: Cli, bank: Any, copied_bank: Path) -> None:
    """Rows of those who were helped are counted, left out and told of in the artefact; the naive way stands beside."""
    chances = ((HELPED, "offer", 0.7), (HELD, "hold_out", 0.2), (BACK, "capacity", 0.7))
    recorded(copied_bank, [(one, outcome, chance) for who, outcome, chance in chances for one in who])
    asked = ("train", "--until", UNTIL, "--model", "scorecard", "--home", copied_bank)
    [found] = cli(*asked, "--json").document["models"]
    told = found["without_help"]
    before = next(one for one in bank.trained["models"] if one["kind"] == "scorecard")
    assert told["rows"] == before["rows"]
    assert told["helped"] > 0
    assert found["rows"] == before["rows"] - told["helped"] - told["kept_back"]
    assert told["stood_for"] == pytest.approx(5 * told["held_out"])
    assert set(told["auc_without_help"]) == {"ours", "naive", "gain"}
    kept = load_model_of(Home(copied_bank), "scorecard").provenance.left_out
    assert kept is not None
    assert kept.helped == told["helped"]
    said = cli(*asked).out
    assert f"{told['helped']:,} of {told['rows']:,} rows" in said
    assert "learnt naively" in said


def test_who_cannot_be_held_out_is_known_by_the_propensity(copied_bank: Path) -> None:
    """An offer with the whole chance is an exempt customer's; a home whose worker never ran has no decisions."""
    assert len(recorded_draws(Home(copied_bank)).customer) == 0
    recorded(copied_bank, [(0, "offer", 1.0 - 0.05 + 0.05 / 2), (1, "offer", 0.95 * (1.0 - 0.05 + 0.05 / 2))])
    found = recorded_draws(Home(copied_bank))
    by_key = dict(zip(found.customer.view(np.uint64).tolist(), found.exempt.tolist(), strict=True))
    assert by_key == {KEYS[0]: True, KEYS[1]: False}
