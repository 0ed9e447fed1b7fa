"""The policy document means one thing, has one digest, and survives being written and read."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.features.compute import FeatureSet
from forbear.policy.document import Policy, _table, to_toml
from forbear.policy.reading import parse_policy


@given(st.data())
def test_round_trip(policy: Policy, data: st.DataObject) -> None:
    """Whatever a policy says, its TOML reads back as the same policy with the same digest."""
    cuts = sorted(data.draw(st.lists(st.floats(1e-12, 1.0), min_size=6, max_size=6, unique=True)), reverse=True)
    printable = st.characters(min_codepoint=33, exclude_characters="\x7f", exclude_categories=["Cs"])
    changed = msgspec.structs.replace(
        policy,
        jurisdiction=data.draw(st.text(printable, min_size=1, max_size=400).filter(lambda text: "\n" not in text)),
        bands=tuple(
            msgspec.structs.replace(band, enter=enter, exit=leave)
            for band, enter, leave in zip(policy.bands, cuts[::2], cuts[1::2], strict=True)
        ),
        hold_out=msgspec.structs.replace(policy.hold_out, share=data.draw(st.floats(0.0, 1.0)), exempt=()),
        reasons=(),
        actions=tuple(
            msgspec.structs.replace(action, cost_minor=data.draw(st.integers(0, 10**15)), reasons=())
            for action in policy.actions
        ),
    )
    again = parse_policy(to_toml(changed))

    assert again == changed
    assert again.digest == changed.digest


@given(st.randoms(use_true_random=False))
def test_order_of_keys_and_comments_do_not_matter(policy: Policy, random: Random) -> None:
    """A document whose keys are shuffled and whose lines bear remarks has the digest that it had."""
    lines = "\n".join(_table(shuffled(msgspec.to_builtins(policy), random), ())).split("\n")
    text = "\n".join(f"{line} # {random.random()}" for line in lines)

    assert parse_policy(text) == policy
    assert parse_policy(text).digest == policy.digest


def test_every_change_of_content_changes_the_digest(policy: Policy) -> None:
    """No value of the document is left out of the digest, and no two changes meet."""
    document = msgspec.json.decode(msgspec.json.encode(policy))
    digests = [msgspec.convert(changed, Policy).digest for changed in changes(document, document)]

    assert len(digests) > 130
    assert len({*digests, policy.digest}) == len(digests) + 1


def test_the_shipped_policy_covers_every_feature(policy_text: str) -> None:
    """The shipped reasons group exactly the features there are, each once."""
    names = FeatureSet.standard().names
    policy = parse_policy(policy_text, features=names)

    assert sorted(name for reason in policy.reasons for name in reason.features) == sorted(names)
    assert policy.reasons[policy.reason_of("salary_delay_days")].code == "salary_late"
    assert policy.reason_of("no_such_feature") == -1


def test_the_shipped_policy_is_the_stated_one(policy: Policy) -> None:
    """Reference bands, 5,000.00 as the limit, 5 % held out and 5 % drawn."""
    assert [(band.name, band.enter) for band in policy.bands] == [("critical", 0.7), ("high", 0.5), ("medium", 0.3)]
    assert set(policy.triggers.amount_over_minor.values()) == {500_000}
    assert (policy.hold_out.share, policy.exploration.share, policy.triggers.every_nth_transaction) == (0.05, 0.05, 10)


def shuffled(node: Any, random: Random) -> Any:
    """The same document with the keys of every table in another order."""
    if isinstance(node, dict):
        items = list(node.items())
        random.shuffle(items)
        return {key: shuffled(value, random) for key, value in items}
    return tuple(shuffled(value, random) for value in node) if isinstance(node, tuple) else node


def changes(document: Any, node: Any) -> Iterator[Any]:
    """The document with one value changed, for every value."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        value = node[key]
        if isinstance(value, dict | list):
            yield from changes(document, value)
            continue
        node[key] = other(value)
        yield document
        node[key] = value


def other(value: Any) -> Any:
    """Another value of the same shape."""
    match value:
        case bool():
            return not value
        case float():
            return value / 2 + 0.01
        case int():
            return value + 1
        case "vulnerable" | "legal_stop" | "customer_request":
            return {"vulnerable": "legal_stop", "legal_stop": "customer_request"}.get(value, "vulnerable")
        case "utilities" | "rent" | "insurance":
            return {"utilities": "tax", "rent": "mortgage"}.get(value, "fee")
        case "benefit":
            return "pd"
        case "preferred" | "relative" | "person":
            return {"preferred": "value", "relative": "absolute"}.get(value, "")
        case "EUR":
            return "SEK"
        case "":
            return "x"
    return f"{value}x"


@pytest.mark.parametrize("features", [None, ["salary_delay_days"]])
def test_features_are_checked_where_they_are_known(policy_text: str, features: list[str] | None) -> None:
    """Without a list of features any name passes; with one, only its own."""
    if features is None:
        assert parse_policy(policy_text).version
    else:
        with pytest.raises(Exception, match="'salary_amount_change_ratio' is unknown"):
            parse_policy(policy_text, features=features)
