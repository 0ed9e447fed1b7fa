"""What is offered when places are short, against the best that could be offered: value and time.

    python bench/capacity.py [--customers 5000] [--calls 200] [--messages 500] [--seeds 5]

Customers with random PDs, reasons, consents and contacts, in the bands of the shipped policy, none held out and nothing
drawn: all that is left is who gets what. On the same proposals: `policy.allocate` with the choice by value; the same
with today's order of preference and its queues; and an exact solver (HiGHS, scipy.optimize.milp) that knows nothing of
prices, on values that are worked out here from the document alone.

Two settings of what help is worth: "shipped", as stated in data/policy.toml, where a call is dear for what it does; and
"calls pay", the same with ten times the loss, where all want a call and 200 get one.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import msgspec
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from forbear.apps.package_data import text_of
from forbear.policy.allocate import Cut, allocate
from forbear.policy.decide import Rules, decide
from forbear.policy.document import Policy
from forbear.policy.proposals import NEVER, Circumstances, Decisions, Proposals
from forbear.policy.reading import parse_policy

DAY = 20_000
SETTINGS = {"shipped": 1, "calls pay": 10}
"""By how much an avoided miss is worth more than the shipped policy states."""


def policy_of(choice: str, loss: int) -> Policy:
    """The shipped policy with a choice, and without chance."""
    policy = parse_policy(text_of("policy.toml"))
    assert policy.value is not None
    return msgspec.structs.replace(
        policy,
        allocation=msgspec.structs.replace(policy.allocation, choice=choice, priority="pd"),
        value=msgspec.structs.replace(policy.value, loss_minor=policy.value.loss_minor * loss),
        hold_out=msgspec.structs.replace(policy.hold_out, share=0.0),
        exploration=msgspec.structs.replace(policy.exploration, share=0.0),
    )


def proposals_of(policy: Policy, customers: int, seed: int) -> Proposals:
    """Customers whose PDs lie in the bands, nine in ten of whom agree to a channel, some contacted lately."""
    chance = np.random.default_rng(seed)
    channels = len(policy.channels)
    lately = chance.random((customers, channels)) < 0.05
    nothing = np.zeros(customers, dtype=np.bool_)
    return Proposals(
        customer=chance.permutation(customers).astype(np.uint64),
        matter=np.ones(customers, dtype=np.uint64),
        day=np.full(customers, DAY, dtype=np.int32),
        order=np.arange(customers),
        pd=0.3 + 0.7 * chance.beta(1.2, 3.0, customers),
        consent=chance.random((customers, channels)) < 0.9,
        last_contact_day=np.where(lately, DAY - 15, NEVER).astype(np.int32),
        previous_band=np.full(customers, -1, dtype=np.int8),
        answered_band=np.full(customers, -1, dtype=np.int8),
        decided_day=np.full(customers, NEVER, dtype=np.int32),
        reason=chance.integers(-1, len(policy.reasons), customers).astype(np.int16),
        exposure_minor=np.ones(customers, dtype=np.int64),
        benefit_minor=np.full(customers, np.nan),
        vulnerable=nothing,
        legal_stop=nothing,
        customer_request=nothing,
        override=nothing,
    )


def values_of(policy: Policy, proposals: Proposals) -> np.ndarray[Any, Any]:
    """(n, actions) the value of each action to each customer, -inf where it may not be offered: from the document."""
    assert policy.value is not None
    effects = {one.action: one for one in policy.value.effects}
    channels = [channel.name for channel in policy.channels]
    enters = np.array([band.enter for band in policy.bands])
    band = (proposals.pd[:, np.newaxis] < enters).sum(axis=1)
    codes = np.array([*(reason.code for reason in policy.reasons), ""])[proposals.reason]
    columns = []
    for action in policy.actions:
        stated, channel = effects[action.name], channels.index(action.channel)
        avoided = stated.value * (proposals.pd if stated.kind == "relative" else 1.0)
        cost = action.cost_minor + stated.follow_up_minor + policy.value.unneeded_minor * (1.0 - proposals.pd)
        offered = np.array([action.name in one.actions for one in policy.bands])[band]
        suits = np.isin(codes, action.reasons) if action.reasons else np.ones(len(codes), dtype=np.bool_)
        agreed = proposals.consent[:, channel] | (not policy.channels[channel].consent)
        rested = proposals.last_contact_day[:, channel] <= DAY - policy.channels[channel].cool_down_days
        may = offered & suits & agreed & rested
        columns.append(np.where(may, policy.value.loss_minor * np.minimum(avoided, proposals.pd) - cost, -np.inf))
    return np.column_stack(columns)


def best_of(policy: Policy, values: np.ndarray[Any, Any], capacity: tuple[int, ...]) -> float:
    """The largest value of any set of offers within the places, one a customer, by an exact solver."""
    customer, action = np.nonzero(values > 0.0)
    channels = [channel.name for channel in policy.channels]
    channel = np.array([channels.index(one.channel) for one in policy.actions])[action]
    count = len(customer)
    of_each = csr_array((np.ones(count), (customer, np.arange(count))), shape=(len(values), count))
    of_channel = csr_array((np.ones(count), (channel, np.arange(count))), shape=(len(channels), count))
    found = milp(
        -values[customer, action],
        constraints=[LinearConstraint(of_each, ub=1.0), LinearConstraint(of_channel, ub=np.array(capacity))],
        integrality=np.ones(count),
        bounds=Bounds(0.0, 1.0),
        options={"mip_rel_gap": 0.0},
    )
    assert found.success, found.message
    return float(-found.fun)


def worth(values: np.ndarray[Any, Any], decisions: Decisions) -> float:
    """What some offers are worth together."""
    rows = np.flatnonzero(decisions.offered)
    return float(values[rows, decisions.choice[rows]].sum())


def spent(policy: Policy, proposals: Proposals, capacity: tuple[int, ...]) -> tuple[Decisions, float]:
    """What stands after a cut, and the seconds that the cut took."""
    rules = Rules.of(policy)
    decisions = decide(rules, proposals, Circumstances())
    cut = Cut(day=DAY, book_size=len(proposals), capacity=capacity, released=True)
    started = time.perf_counter()
    after = allocate(rules, proposals, decisions, cut)
    return after, time.perf_counter() - started


def compared(setting: str, customers: int, places: tuple[int, int], seed: int) -> dict[str, Any]:
    """Value and time of the three ways on the same data. places: calls and messages a day; app and e-mail: all."""
    calls, messages = places
    by_value, preferred = (policy_of(choice, SETTINGS[setting]) for choice in ("value", "preferred"))
    room = {"phone": calls, "sms": messages}
    capacity = tuple(room.get(channel.name, channel.capacity_per_day) for channel in by_value.channels)
    proposals = proposals_of(by_value, customers, seed)
    values = values_of(by_value, proposals)
    chosen, seconds = spent(by_value, proposals, capacity)
    queued, queue_seconds = spent(preferred, proposals, capacity)
    started = time.perf_counter()
    best = best_of(by_value, values, capacity)
    phone = [action.channel == "phone" for action in by_value.actions]
    return {
        "setting": setting,
        "seed": seed,
        "best_minor": round(best, 2),
        "chosen_share": worth(values, chosen) / best,
        "preferred_share": worth(values, queued) / best,
        "offers": [int(chosen.offered.sum()), int(queued.offered.sum())],
        "calls": [int(np.array(phone)[one.choice[one.offered]].sum()) for one in (chosen, queued)],
        "seconds": round(seconds, 4),
        "preferred_seconds": round(queue_seconds, 4),
        "solver_seconds": round(time.perf_counter() - started, 3),
    }


def main() -> None:
    """Print a line for each setting and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    for setting in SETTINGS:
        for seed in range(asked.seeds):
            print(json.dumps(compared(setting, asked.customers, (asked.calls, asked.messages), seed)), flush=True)


if __name__ == "__main__":
    main()
