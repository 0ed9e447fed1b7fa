"""Experiments written down: what is read back is what was meant, and nonsense is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.errors import ConfigError
from forbear.models.effects.definition import Definition, checked, parse_definition, seen_by, size_of, written

TEXT = """
format = 1
name = "spring"
hold_out_share = 0.1
expected_share = 0.08
least_effect = 0.02
"""


@given(
    st.floats(0.01, 0.99),
    st.floats(0.01, 0.5),
    st.floats(0.001, 0.4),
    st.integers(1, 100),
    st.sampled_from([0.0, 0.2]),
)
def test_what_is_written_reads_back(held: float, share: float, effect: float, tests: int, smallest: float) -> None:
    """A definition survives its file to the last digit, and so does the size that it asks for."""
    definition = Definition(
        format=1,
        name="a-1",
        hold_out_share=held,
        expected_share=share,
        least_effect=effect,
        tests=tests,
        smallest_segment=smallest,
    )
    again = parse_definition(written(definition))
    assert again == definition
    assert size_of(again) == size_of(definition)


@pytest.mark.parametrize(
    ("was", "now", "named"),
    [
        ('name = "spring"', 'name = "../up"', "name"),
        ("hold_out_share = 0.1", "hold_out_share = 0.0", "hold_out_share"),
        ("hold_out_share = 0.1", "holdout = 0.1", "holdout"),
        ("format = 1", "format = 2", "format"),
        ("least_effect = 0.02", "least_effect = 0.99", "no share"),
        ("expected_share = 0.08", "", "expected_share"),
        ("format = 1", "format", "TOML"),
        ("format = 1", 'format = 1\narms = ["a", "a"]', "share a name"),
    ],
)
def test_what_is_wrong_is_named(was: str, now: str, named: str) -> None:
    """An unknown key, a value out of range, a missing one: each is refused with its name."""
    with pytest.raises(ConfigError, match=named):
        parse_definition(TEXT.replace(was, now))


def test_what_so_many_see() -> None:
    """With the customers it needs, an experiment sees its least effect; with a quarter of them only a larger one."""
    definition = parse_definition(TEXT)
    needed = size_of(definition).customers
    assert seen_by(definition, needed) == pytest.approx((definition.least_effect, definition.power), rel=0.01)
    rise, power = seen_by(definition, needed // 4)
    assert rise > 1.5 * definition.least_effect
    assert power < 0.4
    assert checked({"format": 1, "name": "spring", "hold_out_share": 0.1, "expected_share": 0.08, "least_effect": 0.02})
