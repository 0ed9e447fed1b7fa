"""The parameters document: strict, versioned, and the one that is shipped is right."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from forbear.apps.package_data import shipped
from forbear.domain.errors import ConfigError
from forbear.models.credit.exposure import Drawn
from forbear.models.credit.parameters import parse_parameters
from forbear.models.credit.parts import EAD_MAKERS, LGD_MAKERS, line_of, segments_of
from forbear.models.credit.severity import ResolvedDefaults

Change = Callable[[dict[str, Any]], object]


def test_the_shipped_document_says_where_its_numbers_come_from() -> None:
    """It parses, has what mortgages need, and every table names a source or calls itself an assumption."""
    found = parse_parameters(shipped("credit.toml"))
    assert set(LGD_MAKERS) == set(found.lgd)
    assert set(EAD_MAKERS) == {"annuity", *found.ccf}
    parts = [found.default, found.staging, found.discounting, found.economy, *found.scenarios]
    sources = [part.source for part in [*parts, *found.lgd.values(), *found.ccf.values()]]
    assert all("assumption" in source or "IFRS 9" in source or "EBA" in source for source in sources)


def test_the_digest_follows_the_content() -> None:
    """Equal content gives an equal digest, another value another."""
    document = shipped("credit.toml")
    other = deepcopy(document)
    other["staging"]["pd_at_least"] += 0.01
    assert parse_parameters(document).digest == parse_parameters(deepcopy(document)).digest
    assert parse_parameters(document).digest != parse_parameters(other).digest


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda raw: raw.update(surprise=1), "surprise"),
        (lambda raw: raw.update(format=2), "format 2"),
        (lambda raw: raw["default"].update(days_past_due=0), "days_past_due"),
        (lambda raw: raw["staging"].pop("backstop_days"), "backstop_days"),
        (lambda raw: raw["staging"].update(source=""), "source"),
        (lambda raw: raw["scenarios"][0].update(weight=0.6), "add up to 1.1"),
        (lambda raw: raw["scenarios"][1].update(name="base"), "share a name"),
        (lambda raw: raw["lgd"]["mortgage"].update(edges=[1.0, 0.8, 1.2, 1.4]), "do not rise"),
        (lambda raw: raw["lgd"]["mortgage"].update(assumed=[0.1]), "1 assumed values for 4 edges"),
        (lambda raw: raw["ccf"]["card"].update(factor=1.2), "factor"),
    ],
)
def test_what_is_wrong_is_named(change: Change, said: str) -> None:
    """An unknown key, a missing one, a value out of range and a contradiction are refused by name."""
    document = deepcopy(shipped("credit.toml"))
    change(document)
    with pytest.raises(ConfigError, match=said):
        parse_parameters(document)


def test_parts_take_their_numbers_from_the_document() -> None:
    """A line has its product's factor, a table its product's segments; a product that is not there is named."""
    found = parse_parameters(shipped("credit.toml"))
    nothing = ResolvedDefaults({"balance_minor": np.empty(0)}, np.empty(0))

    assert line_of("card")(found) == Drawn(found.ccf["card"].factor)
    table = segments_of("unsecured")(found, nothing, seed=0)
    assert table.lgd({"balance_minor": np.ones(2)}).tolist() == list(found.lgd["unsecured"].assumed) * 2
    with pytest.raises(ConfigError, match="yacht"):
        line_of("yacht")(found)
    with pytest.raises(ConfigError, match="yacht"):
        segments_of("yacht")(found, nothing, seed=0)
