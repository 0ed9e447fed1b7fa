"""What an offer is worth: the stated figures in plain arithmetic, and the same ones as the economics of thresholds."""

from __future__ import annotations

import hashlib
import tomllib
from importlib.resources import files

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.effects import Effect
from forbear.domain.errors import ConfigError
from forbear.domain.stated import canonical_json
from forbear.models.economics import parse_economics
from forbear.policy.document import Policy, to_toml
from forbear.policy.reading import parse_policy
from forbear.policy.value import LEAST_MINOR, NONE, Worth

PD = st.floats(0.0, 1.0)


def worth_of(policy: Policy) -> Worth:
    """The shipped statement as tables."""
    assert policy.value is not None
    return Worth.of(policy, policy.value)


@given(PD, st.integers(0, 10))
def test_value_is_what_is_saved_less_what_it_costs(policy: Policy, pd: float, place: int) -> None:
    """Loss x effect x PD, less the offer, what follows it, and the annoyance of those who would have missed nothing."""
    assert policy.value is not None
    action = policy.actions[place]
    stated = next(one for one in policy.value.effects if one.action == action.name)
    expected = (
        policy.value.loss_minor * stated.value * pd
        - action.cost_minor
        - stated.follow_up_minor
        - policy.value.unneeded_minor * (1.0 - pd)
    )
    found = worth_of(policy).minor(np.array([pd]), np.array([place], dtype=np.int16), np.array([False]))

    assert found[0] == pytest.approx(expected, abs=1e-6)


@given(PD, st.floats(-1.0, 1.0), st.sampled_from(["relative", "absolute"]))
def test_an_effect_moves_the_chance_within_what_is_possible(policy: Policy, pd: float, size: float, kind: str) -> None:
    """Points or a share of the PD, never to below 0 nor above 1."""
    assert policy.value is not None
    effects = [msgspec.structs.replace(one, kind=kind, value=size, follow_up_minor=0) for one in policy.value.effects]
    value = msgspec.structs.replace(policy.value, effects=tuple(effects), unneeded_minor=0)
    last = len(policy.actions) - 1
    found = Worth.of(policy, value).minor(np.array([pd]), np.array([last], dtype=np.int16), np.array([False]))
    after = pd - (found[0] + policy.actions[last].cost_minor) / value.loss_minor

    assert after == pytest.approx(min(max(pd - (size * pd if kind == "relative" else size), 0.0), 1.0), abs=1e-9)


def test_help_is_not_refused_for_its_cost_to_whom_it_is_owed(policy: Policy) -> None:
    """Whoever must not be refused has at least one minor unit from it, and an action that is none has nothing."""
    worth, action = worth_of(policy), np.array([0, 0, -1], dtype=np.int16)
    found = worth.minor(np.full(3, 0.01), action, np.array([False, True, True]))

    assert found[0] < 0.0
    assert found[1:].tolist() == [LEAST_MINOR, NONE]


@given(PD, PD)
def test_values_are_exact_in_sums(policy: Policy, one: float, other: float) -> None:
    """On the grid, what is taken away and added again is the same to the bit, along as many channels as there are."""
    worth = worth_of(policy)
    a, b = worth.minor(np.array([one, other]), np.array([0, 1], dtype=np.int16), np.array([False, False])).tolist()

    assert sum([a - b] * 16) + 16 * b == 16 * a
    assert a / worth.step_minor == round(a / worth.step_minor)


def test_the_shipped_policy_and_the_shipped_economics_say_the_same(policy: Policy) -> None:
    """One set of figures stands in both: the loss, the annoyance, and effect and cost of each action."""
    economics = parse_economics(tomllib.loads(files("forbear.data").joinpath("economics.toml").read_text("utf-8")))
    value = policy.value
    assert value is not None

    assert (value.loss_minor, value.source) == (economics.miss.loss_minor, economics.miss.source)
    assert value.unneeded_minor == economics.unneeded.cost_minor
    assert {one.action for one in value.effects} == economics.offers.keys() == {one.name for one in policy.actions}
    pd = np.linspace(0.0, 1.0, 11)
    for stated in value.effects:
        known = economics.of_action(stated.action)
        assert isinstance(known.effect, Effect)
        assert (stated.kind, stated.value, stated.source) == (
            known.effect.kind, known.effect.value, known.effect.source,
        )  # fmt: skip
        assert stated.follow_up_minor == known.accepts.share * known.accepts.cost_minor
        place = [action.name for action in policy.actions].index(stated.action)
        cost = policy.actions[place].cost_minor + stated.follow_up_minor + value.unneeded_minor * (1.0 - pd)
        found = worth_of(policy).minor(pd, np.full(11, place, dtype=np.int16), np.zeros(11, dtype=np.bool_))
        saved = known.avoided(pd, known.effect.value) * economics.miss.loss_minor
        np.testing.assert_allclose(found, saved - cost, atol=1e-6)


def test_a_choice_by_value_needs_values_of_all(policy: Policy) -> None:
    """Without the section, and with an action that it leaves out, the document is refused."""
    assert policy.value is not None
    by_value = msgspec.structs.replace(policy.allocation, choice="value")
    bare = msgspec.structs.replace(policy, allocation=by_value, value=None)
    with pytest.raises(ConfigError, match="no value is stated"):
        parse_policy(to_toml(bare))
    less = msgspec.structs.replace(policy.value, effects=policy.value.effects[1:])
    with pytest.raises(ConfigError, match="no effect of 'payment_plan_call' is stated"):
        parse_policy(to_toml(msgspec.structs.replace(policy, value=less)))


def test_a_policy_without_value_says_what_it_said_before(policy: Policy) -> None:
    """What is new is left out where it is not used: such a document has the digest that it always had."""
    actions = tuple(msgspec.structs.replace(action, approval="") for action in policy.actions)
    before = msgspec.structs.replace(policy, value=None, actions=actions)
    raw = tomllib.loads(to_toml(before))

    assert "value" not in raw
    assert "choice" not in raw["allocation"]
    assert not any("approval" in action for action in raw["actions"])
    assert before.digest == hashlib.sha256(canonical_json(raw)).hexdigest()
