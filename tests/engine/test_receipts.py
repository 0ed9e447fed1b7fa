"""A decision is made again from its receipt alone, to the byte; and a receipt that was otherwise gives another one."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from forbear.domain.errors import CorruptState
from forbear.engine.audit import Link
from forbear.engine.outputs import Outputs
from forbear.engine.receipt import RECEIPT_FORMAT
from forbear.engine.receipts import Recorded, Remade, Remaker, Remaking, State
from forbear.policy.law import with_capacity

SmallBank = Any
"""What the fixture of that name gives; see conftest."""


@pytest.fixture(scope="module", params=["preferred", "value"])
def bank(small_bank: SmallBank, request: pytest.FixtureRequest) -> SmallBank:
    """The small bank, under a policy that prefers, and under one that chooses by value and has hardly any places."""
    if request.param == "preferred":
        return small_bank
    short = with_capacity(small_bank.parts.kept, dict.fromkeys(("app", "email", "phone", "sms"), 1))
    by_value = msgspec.structs.replace(
        short,
        allocation=msgspec.structs.replace(short.allocation, choice="value"),
        hold_out=msgspec.structs.replace(short.hold_out, share=0.3),
    )
    return replace(small_bank, parts=replace(small_bank.parts, kept=by_value))


@pytest.fixture(scope="module")
def outputs(bank: SmallBank) -> list[Outputs]:
    """What comes of the log of the bank."""
    return list(bank.worker().process(bank.scanned(0, len(bank.log))))


@pytest.fixture(scope="module")
def recorded(bank: SmallBank, outputs: list[Outputs]) -> list[Recorded]:
    """Every decision of the bank with its record and its receipt."""
    vault = bank.vault()
    decisions = {one.decision_id: one for part in outputs for one in part.decisions}
    records = [record for part in outputs for record in part.audit if record.kind == "decision"]
    links = [Link(record, decisions[json.loads(record.body)["decision_id"]]) for record in records]
    return [
        Recorded(link.record, made, vault.open(made.customer, made.sealed, made.decision_id.encode()))
        for link in links
        if (made := link.decision) is not None
    ]


@pytest.fixture(scope="module")
def remaker(bank: SmallBank, outputs: list[Outputs]) -> Remaker:
    """What makes the decisions of the bank again."""
    features = bank.worker().follower.scorer.features
    numbers = {(part.kind, part.number): part.digest for one in outputs for part in one.parts}
    return Remaker(
        Remaking(
            features=features.names,
            feature_hash=features.hash,
            currency=bank.deployment.currency,
            parts=bank.parts,
            numbers=numbers,
        )
    )


def receipt_of(one: Recorded) -> dict[str, Any]:
    """A receipt as it is read."""
    found: dict[str, Any] = json.loads(one.receipt or b"{}")
    return found


def otherwise(remaker: Remaker, one: Recorded, receipt: dict[str, Any]) -> Remade:
    """What comes of a decision with another receipt."""
    text = json.dumps(receipt, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    [found] = remaker.remade([one._replace(receipt=text.encode())])
    return found


def test_every_decision_is_made_again_to_the_byte(bank: SmallBank, remaker: Remaker, recorded: list[Recorded]) -> None:
    """Of every outcome that there is, record, receipt and row come out as they were recorded."""
    found = remaker.remade(recorded)

    assert {one.state for one in found} == {State.SAME}, [one.differences for one in found if one.differences][:3]
    outcomes = Counter(one.decision.outcome for one in recorded)
    held = "abnormal_volume" if bank.parts.kept.allocation.choice == "preferred" else "capacity"
    assert {"offer", "hold_out", held} <= outcomes.keys()


def test_alone_as_in_a_batch(remaker: Remaker, recorded: list[Recorded]) -> None:
    """A decision that is made again by itself comes out as among others."""
    some = recorded[:: max(len(recorded) // 15, 1)]

    assert [remaker.remade([one])[0] for one in some] == remaker.remade(some)


OTHERWISE: dict[str, tuple[tuple[str, ...], Any, str]] = {
    "the PD": (("pd",), 0.123, "receipt.pd"),
    "the log-odds": (("log_odds",), 1.5, "receipt.log_odds"),
    "the kill switch": (("under", "kill_switch"), True, "record.outcome"),
    "the reason": (("reason",), "another", "receipt.reason"),
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_another_receipt_gives_another_decision(remaker: Remaker, recorded: list[Recorded], what: str) -> None:
    """A receipt that says something else than what was decided by is found out, and the place named."""
    (*path, last), value, where = OTHERWISE[what]
    one = next(one for one in recorded if one.decision.outcome == "offer")
    receipt = receipt_of(one)
    inner = receipt
    for key in path:
        inner = inner[key]
    inner[last] = value
    found = otherwise(remaker, one, receipt)

    assert found.state == State.DIFFERS
    assert where in {difference.what for difference in found.differences}


def test_a_full_channel_is_found_out(remaker: Remaker, recorded: list[Recorded]) -> None:
    """The place in the queue is an input: an offer behind the last place would have been held."""
    one = next(one for one in recorded if one.decision.outcome == "offer")
    receipt = receipt_of(one)
    receipt["waited"] = {**receipt["waited"], "place": receipt["waited"]["room"]}
    found = otherwise(remaker, one, receipt)

    assert found.state == State.DIFFERS
    outcome = next(one for one in found.differences if one.what == "record.outcome")
    assert (outcome.recorded, outcome.again) == ('"offer"', '"capacity"')


def test_prices_are_inputs(bank: SmallBank, remaker: Remaker, recorded: list[Recorded]) -> None:
    """Who was offered a thing that others wanted too would not have had it at a higher price; without prices nothing
    can be made again, and where the policy has none, none are sealed.
    """
    offered = [one for one in recorded if one.decision.outcome == "offer"]
    if bank.parts.kept.allocation.choice == "preferred":
        assert not any({"price_minor", "margin"} & receipt_of(one)["waited"].keys() for one in recorded)
        return
    assert any(any(receipt_of(one)["waited"]["price_minor"].values()) for one in offered)
    assert any(one.decision.outcome == "capacity" for one in recorded)
    receipt = receipt_of(offered[0])
    prices = receipt["waited"]["price_minor"]
    receipt["waited"]["price_minor"] = dict.fromkeys(prices, 1e6)
    found = otherwise(remaker, offered[0], receipt)
    outcome = next(one for one in found.differences if one.what == "record.outcome")
    assert (outcome.recorded, outcome.again) == ('"offer"', '"capacity"')

    receipt["waited"]["price_minor"] = {"pigeon": 0.0}
    with pytest.raises(CorruptState, match="no price of 'app'"):
        otherwise(remaker, offered[0], receipt)


def test_every_feature_counts(remaker: Remaker, recorded: list[Recorded]) -> None:
    """Whatever feature is changed so that its attribution moves, the score comes out otherwise."""
    one = next(one for one in recorded if one.decision.outcome == "offer")
    moved = 0
    for name, value in receipt_of(one)["features"].items():
        receipt = receipt_of(one)
        receipt["features"][name] = 0.5 if value is None else value * 3 + 1
        found = otherwise(remaker, one, receipt)
        moved += found.state == State.DIFFERS
    assert moved > 5


def test_a_changed_row_is_found_out(remaker: Remaker, recorded: list[Recorded]) -> None:
    """What stands beside the chain, such as the channel of a decision, is recomputed too."""
    one = recorded[0]
    [found] = remaker.remade([one._replace(decision=replace(one.decision, channel="pigeon"))])

    assert found.state == State.DIFFERS
    assert [difference.what for difference in found.differences] == ["decision.channel"]


def test_the_same_content_written_otherwise_differs(remaker: Remaker, recorded: list[Recorded]) -> None:
    """A receipt is held to its bytes, not to its meaning."""
    one = recorded[0]
    [found] = remaker.remade([one._replace(receipt=(one.receipt or b"") + b" ")])

    assert (found.state, found.differences[0].what) == (State.DIFFERS, "bytes")


def test_who_was_erased_is_neither_right_nor_wrong(remaker: Remaker, recorded: list[Recorded]) -> None:
    """Without the key nothing can be said of a decision; record and ciphertext still agree."""
    [found] = remaker.remade([recorded[0]._replace(receipt=None)])

    assert found.state == State.ERASED


def test_a_decision_of_before_has_no_receipt(remaker: Remaker, recorded: list[Recorded]) -> None:
    """What was decided before receipts were sealed is told apart, and is not called wrong."""
    before = receipt_of(recorded[0])
    assert before.pop("format") == RECEIPT_FORMAT
    found = otherwise(remaker, recorded[0], before)

    assert found.state == State.NO_RECEIPT


def test_a_changed_ciphertext_is_found_out(remaker: Remaker, recorded: list[Recorded]) -> None:
    """A decision whose ciphertext is not the one that the chain commits to differs, whatever the receipt says."""
    one = recorded[0]
    [found] = remaker.remade([one._replace(decision=replace(one.decision, sealed=b"other"))])

    assert found.state == State.DIFFERS
    assert "ciphertext" in found.differences[0].recorded
