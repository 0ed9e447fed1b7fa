"""The stated lines of a validation are read strictly."""

from __future__ import annotations

from typing import Any

import pytest

from forbear.apps.package_data import shipped
from forbear.domain.errors import ConfigError
from forbear.models.validation.terms import parse_validation


def test_the_shipped_lines_are_read_and_known_by_their_digest() -> None:
    """The package's document is accepted, and a changed number changes its digest."""
    found, changed = parse_validation(shipped("validation.toml")), shipped("validation.toml")
    changed["positives"]["least"] += 1

    assert len(found.digest) == 64
    assert parse_validation(changed).digest != found.digest


@pytest.mark.parametrize(
    ("section", "key", "value", "says"),
    [
        ("drift", "change", 0.05, "drift"),
        ("calibration", "slope", [1.1, 1.25], "calibration.slope"),
        ("positives", "most", 3, "most"),
        ("refits", "number", 1, "number"),
        ("reasons", "source", "", "source"),
    ],
)
def test_wrong_lines_are_refused_by_their_place(section: str, key: str, value: Any, says: str) -> None:
    """What cannot be meant is an error that names where it stands."""
    document = shipped("validation.toml")
    document[section][key] = value
    with pytest.raises(ConfigError, match=says):
        parse_validation(document)
