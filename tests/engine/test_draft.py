"""What is not recorded yet is neither less nor more than what a position leaves, however the log was cut."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from forbear.engine.draft import behind
from forbear.engine.outputs import Named, Position
from forbear.testing.any_outputs import stretches

SmallBank = Any
"""What the fixture of that name gives; see conftest."""
KINDS = ("decisions", "contacts", "audit", "outcomes", "parts", "days", "dead_letters", "customers")


@given(st.data())
def test_a_position_parts_a_stretch(data: st.DataObject) -> None:
    """Of every kind what lies at or behind the position is left and nothing before it; past the end nothing is."""
    outputs = data.draw(stretches())
    position = Position(data.draw(st.integers(0, outputs.until.offset + 2)))
    left = behind(outputs, position)

    if position >= outputs.until:
        assert left is None
        return
    assert left is not None
    assert (left.after, left.until) == (max(position, outputs.after), outputs.until)
    for kind in KINDS:
        assert getattr(left, kind) == tuple(row for row in getattr(outputs, kind) if row.offset >= position.offset)


def test_customers_are_told_once_however_the_log_is_cut(small_bank: SmallBank) -> None:
    """A replay in one piece that goes on from a record made in small ones names each customer once, in slot order."""
    stop, small = 300, 7
    told: list[Named] = []
    first = small_bank.worker()
    for start in range(0, 70, small):
        for outputs in first.process(small_bank.scanned(start, start + small)):
            told += outputs.customers
    reached, met = Position(first.position), len(told)
    for outputs in small_bank.worker().process(small_bank.scanned(0, stop)):
        told += fresh.customers if (fresh := behind(outputs, reached)) else ()

    assert [one.slot for one in told] == list(range(len(told)))
    assert len({one.customer for one in told}) == len(told) > met > 0
