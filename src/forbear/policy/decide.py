"""From a score to an offer or a hold with its reason: one ladder of rules for any number of customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from forbear.domain.terms import Circumstance
from forbear.policy.bands import OUTSIDE, Places, bands_of, rank
from forbear.policy.document import Band, Policy
from forbear.policy.hashing import Floats, Keys, chained, seed_of, uniform
from forbear.policy.proposals import (
    HOLD_REASONS,
    NEVER,
    OFFERED,
    Bools,
    Circumstances,
    Decisions,
    Hold,
    HoldReason,
    Offer,
    Proposal,
    Proposals,
    chosen,
)

_ONE = np.uint64(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A policy as tables. In a word of a band, bit j stands for the band's j-th action.

    The last row of each table is for no band, the last column of `suits` for no reason: -1 reads both.
    suits: (bands + 1, reasons + 1) actions that suit.  on_channel: (bands + 1, channels) actions by channel.
    action_at: (bands + 1, most actions of a band) place of each action in the policy.
    channel_of, valid_days: (actions,).  seeds: of the two halves of a decision's id, and of the hold-out.
    """

    policy: Policy
    digest: str
    suits: Keys
    on_channel: Keys
    action_at: NDArray[np.int16]
    channel_of: NDArray[np.int16]
    valid_days: NDArray[np.int32]
    seeds: tuple[int, int, int]

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """The tables of a policy; make them once for each."""
        actions = {action.name: place for place, action in enumerate(policy.actions)}
        channels = [channel.name for channel in policy.channels]
        channel_of = np.array([channels.index(action.channel) for action in policy.actions], dtype=np.int16)
        suits = np.zeros((len(policy.bands) + 1, len(policy.reasons) + 1), dtype=np.uint64)
        on_channel = np.zeros((len(policy.bands) + 1, len(channels)), dtype=np.uint64)
        action_at = np.full((len(policy.bands) + 1, max(len(band.actions) for band in policy.bands)), -1, np.int16)
        for row, band in enumerate(policy.bands):
            suits[row] = _suiting(policy, band)
            for bit, name in enumerate(band.actions):
                on_channel[row, channel_of[actions[name]]] |= np.uint64(1 << bit)
                action_at[row, bit] = actions[name]
        digest = policy.digest
        return cls(
            policy=policy,
            digest=digest,
            suits=suits,
            on_channel=on_channel,
            action_at=action_at,
            channel_of=channel_of,
            valid_days=np.array([action.valid_days for action in policy.actions], dtype=np.int32),
            seeds=(seed_of(f"first {digest}"), seed_of(f"second {digest}"), seed_of(policy.hold_out.salt)),
        )


def _suiting(policy: Policy, band: Band) -> list[int]:
    """For each reason, and last for none, the actions of a band that suit it."""
    reasons_of = {action.name: action.reasons for action in policy.actions}
    return [
        sum(1 << bit for bit, name in enumerate(band.actions) if not reasons_of[name] or code in reasons_of[name])
        for code in (*(reason.code for reason in policy.reasons), None)
    ]


def decide(rules: Rules, proposals: Proposals, circumstances: Circumstances) -> Decisions:
    """One decision for each proposal, by its own row alone; capacity is spent later, by `allocate`.

    Raises ValueError when the columns by channel are not those of the policy, or a band or a reason is none of it.
    """
    policy, override = rules.policy, proposals.override
    _require_places(policy, proposals)
    bands, acting, suiting, consented, eligible, latest = _eligible(rules, proposals)
    answered = rank(policy, proposals.answered_band) <= rank(policy, bands)
    exempt = _exempt(policy, proposals) | override
    held_out = ~exempt & (uniform(chained(rules.seeds[2], proposals.customer)) < policy.hold_out.share)
    ladder = {
        HoldReason.BELOW_CUTOFF: acting == OUTSIDE,
        HoldReason.ALREADY_ANSWERED: answered & (latest > proposals.day - policy.contact.repeat_days) & ~override,
        HoldReason.DECIDED_TODAY: proposals.decided_day == proposals.day,
        HoldReason.LEGAL_STOP: proposals.legal_stop,
        HoldReason.NO_ELIGIBLE_ACTION: suiting == 0,
        HoldReason.NO_CONSENT: consented == 0,
        HoldReason.COOL_DOWN: eligible == 0,
        HoldReason.REPLAY: circumstances.replay,
        HoldReason.KILL_SWITCH: circumstances.kill_switch,
        HoldReason.HOLD_OUT: held_out,
    }
    hold = np.full(len(bands), OFFERED, dtype=np.int8)
    for reason, holds in reversed(ladder.items()):
        hold[holds] = reason.code
    ids = [chained(seed, proposals.customer, proposals.matter, proposals.day) for seed in rules.seeds[:2]]
    bit, explored, propensity = _chosen(policy.exploration.share, eligible, ids)
    picked = chosen(hold)
    choice = np.where(picked, rules.action_at[acting, bit], -1).astype(np.int16)
    share = np.where(exempt, 0.0, policy.hold_out.share)
    kept = np.where(hold == HoldReason.HOLD_OUT.code, share, 1.0)
    return Decisions(
        ids=np.column_stack(ids),
        band=bands,
        choice=choice,
        hold=hold,
        propensity=np.where(hold == OFFERED, (1.0 - share) * propensity, kept),
        explored=explored & picked,
        held_out=held_out,
        expires_day=np.where(picked, proposals.day + rules.valid_days[choice], NEVER).astype(np.int32),
    )


def chances(rules: Rules, proposals: Proposals) -> Floats:
    """(n, 1 + actions) the chance, over all hashes, that each proposal comes to nothing or to one of the actions.

    The first column is the hold-out's, the others are in the order of the policy; a row sums to 1. It is that of the
    draw alone: what holds a proposal by its own state, and what capacity does to it later, are not asked.
    """
    policy = rules.policy
    _, acting, _, _, eligible, _ = _eligible(rules, proposals)
    held = np.where(_exempt(policy, proposals) | proposals.override, 0.0, policy.hold_out.share)
    given, some = 1.0 - held, np.bitwise_count(eligible)
    found = np.zeros((len(proposals), 1 + len(policy.actions)))
    found[:, 0] = np.where(some == 0, 1.0, held)
    preferred = eligible & (~eligible + _ONE)
    share = policy.exploration.share
    for bit in range(rules.action_at.shape[1]):
        rows = np.flatnonzero(eligible >> np.uint64(bit) & _ONE)
        first = preferred[rows] >> np.uint64(bit) & _ONE
        chance = given[rows] * (share / some[rows] + np.where(first, 1.0 - share, 0.0))
        found[rows, 1 + rules.action_at[acting[rows], bit]] += chance
    return found


def decide_one(rules: Rules, proposal: Proposal, circumstances: Circumstances) -> Offer | Hold:
    """The decision on one proposal, the same as for its row in any batch. Raises ValueError as `decide` does."""
    proposals = Proposals.of([proposal])
    return verdict(rules, proposals, decide(rules, proposals, circumstances), 0)


def verdict(rules: Rules, proposals: Proposals, decisions: Decisions, row: int) -> Offer | Hold:
    """One row of a batch of decisions in words."""
    policy, band, code = rules.policy, int(decisions.band[row]), int(decisions.hold[row])
    common: dict[str, Any] = {
        "decision_id": "".join(f"{int(half):016x}" for half in decisions.ids[row]),
        "policy": rules.digest,
        "customer": int(proposals.customer[row]),
        "matter": int(proposals.matter[row]),
        "band": policy.bands[band].name if band != OUTSIDE else "",
        "propensity": float(decisions.propensity[row]),
    }
    if code != OFFERED:
        return Hold(**common, reason=HOLD_REASONS[code])
    action = policy.actions[int(decisions.choice[row])]
    return Offer(
        **common,
        action=action.name,
        channel=action.channel,
        wording=action.wording,
        cost_minor=action.cost_minor,
        explored=bool(decisions.explored[row]),
        expires_on=np.datetime64(int(decisions.expires_day[row]), "D").item(),
    )


def answered_after(rules: Rules, proposals: Proposals, decisions: Decisions) -> Places:
    """(n,) the band in which each customer has been answered, once these decisions stand.

    An offer answers its band, and so does the hold-out, in place of a contact. A customer who falls to a less
    urgent band, or out of all, takes the answer along no further than there: rising again is news.
    """
    bands = rank(rules.policy, decisions.band)
    answers = decisions.offered | (decisions.hold == HoldReason.HOLD_OUT.code)
    after = np.where(answers, bands, np.maximum(bands, rank(rules.policy, proposals.answered_band)))
    return np.where(after == len(rules.policy.bands), OUTSIDE, after).astype(np.int8)


class _Eligible(NamedTuple):
    """Of n proposals the band, the band that is acted on, and words of its actions: those that suit the reason, are
    consented to, and have had their cool-down. latest: (n,) day of the last contact on any channel.
    """

    bands: Places
    acting: Places
    suiting: Keys
    consented: Keys
    eligible: Keys
    latest: NDArray[np.int32]


def _eligible(rules: Rules, proposals: Proposals) -> _Eligible:
    policy, override = rules.policy, proposals.override
    bands = bands_of(policy, proposals.pd, proposals.previous_band)
    # Whoever is in no band is helped as in the least urgent one, if a person wants it; the band that is told stays.
    acting = np.where(override & (bands == OUTSIDE), len(policy.bands) - 1, bands)
    suiting = rules.suits[acting, proposals.reason]
    consented = suiting & _reached(rules, acting, proposals.consent | _needless(policy))
    rested, latest = _rested(policy, proposals)
    eligible = consented & _reached(rules, acting, rested | override[:, np.newaxis])
    eligible[(latest > proposals.day - policy.contact.cool_down_days) & ~override] = 0
    return _Eligible(bands, acting, suiting, consented, eligible, latest)


def _require_places(policy: Policy, proposals: Proposals) -> None:
    """Raises ValueError for a place that is in no list of the policy: a table would answer for another one."""
    if proposals.consent.shape[1] != len(policy.channels):
        raise ValueError(f"{proposals.consent.shape[1]} channels beside {len(policy.channels)} of the policy")
    for name, places, known in (
        ("previous_band", proposals.previous_band, len(policy.bands)),
        ("answered_band", proposals.answered_band, len(policy.bands)),
        ("reason", proposals.reason, len(policy.reasons)),
    ):
        if ((places < -1) | (places >= known)).any():
            raise ValueError(f"{name} lies outside [-1, {known})")


def _needless(policy: Policy) -> Bools:
    """(c,) which channels need no consent."""
    return np.array([not channel.consent for channel in policy.channels])


def _reached(rules: Rules, bands: Places, channels: Bools) -> Keys:
    """(n,) the actions of each customer's band whose channel is among the customer's, (n, c)."""
    reached = np.zeros(len(bands), dtype=np.uint64)
    for channel in range(channels.shape[1]):
        reached |= np.where(channels[:, channel], rules.on_channel[bands, channel], np.uint64(0))
    return reached


def _rested(policy: Policy, proposals: Proposals) -> tuple[Bools, NDArray[np.int32]]:
    """(n, c) whether each channel has had its cool-down, and (n,) the day of the last contact on any."""
    cool_downs = np.array([channel.cool_down_days for channel in policy.channels], dtype=np.int32)
    last = proposals.last_contact_day
    return last <= proposals.day[:, np.newaxis] - cool_downs, last.max(axis=1)


def _exempt(policy: Policy, proposals: Proposals) -> Bools:
    """(n,) who may not be held out."""
    flags: dict[str, Bools] = {
        Circumstance.VULNERABLE: proposals.vulnerable,
        Circumstance.LEGAL_STOP: proposals.legal_stop,
        Circumstance.CUSTOMER_REQUEST: proposals.customer_request,
    }
    exempt = np.zeros(len(proposals), dtype=np.bool_)
    for exemption in policy.hold_out.exempt:
        exempt |= flags[exemption]
    return exempt


def _chosen(share: float, eligible: Keys, ids: list[Keys]) -> tuple[NDArray[np.uint8], Bools, Floats]:
    """(n,) the bit of the action chosen among the eligible ones, whether it was drawn, and with what chance.

    The first is preferred; in a `share` of rows one is drawn, all alike likely. Nothing eligible: bit 0, chance 0.
    """
    preferred = eligible & (~eligible + _ONE)
    some = eligible != 0
    explored = some & (uniform(ids[0]) < share)
    rows = np.flatnonzero(explored)
    left = eligible[rows]
    skip = (uniform(ids[1][rows]) * np.bitwise_count(left)).astype(np.int64)
    for step in range(int(skip.max(initial=0))):
        left = np.where(skip > step, left & (left - _ONE), left)
    picked = preferred.copy()
    picked[rows] = left & (~left + _ONE)
    bit = np.where(some, np.bitwise_count(picked - _ONE), np.uint8(0)).astype(np.uint8)
    drawn = np.where(some, share / np.maximum(np.bitwise_count(eligible), 1), 0.0)
    return bit, explored, drawn + np.where(some & (picked == preferred), 1.0 - share, 0.0)
