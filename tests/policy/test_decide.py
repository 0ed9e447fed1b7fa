"""Every proposal becomes an offer or a hold with its reason, by its own row and by chance that can be recomputed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.terms import FLAGGED, Circumstance
from forbear.policy.decide import Rules, answered_after, decide, decide_one, verdict
from forbear.policy.document import Policy
from forbear.policy.hashing import chained, seed_of, uniform
from forbear.policy.proposals import NEVER, Circumstances, Decisions, Hold, HoldReason, Offer, Proposal, Proposals
from forbear.policy.reading import parse_policy

MakeProposals = Callable[..., Proposals]
AS_USUAL = Circumstances()
SEEDS = st.integers(0, 100_000)


def row_of(proposals: Proposals, row: int) -> Proposal:
    """One row as a proposal of its own."""
    values = {field.name: getattr(proposals, field.name)[row].tolist() for field in fields(proposals)}
    values |= {name: tuple(values[name]) for name in ("consent", "last_contact_day")}
    return Proposal(**values)


# ---- laws


@given(SEEDS, st.booleans(), st.booleans())
def test_the_ladder_in_plain_words(
    policy: Policy, rules: Rules, make_proposals: MakeProposals, seed: int, stopped: bool, replayed: bool
) -> None:
    """Band, hold reason, action and propensity are what the rules say, one after another, of each customer alone."""
    proposals = make_proposals(seed, 60)
    circumstances = Circumstances(kill_switch=stopped, replay=replayed)
    decisions = decide(rules, proposals, circumstances)

    for row in range(len(proposals)):
        found = verdict(rules, proposals, decisions, row)
        band, reason, actions = plainly(policy, row_of(proposals, row), circumstances)
        assert (found.band, found.reason if isinstance(found, Hold) else None) == (band, reason)
        if isinstance(found, Offer):
            kept = 1.0 if exempt(policy, row_of(proposals, row)) else 0.95
            expected = {action: 0.05 / len(actions) for action in actions}
            expected[actions[0]] += 0.95
            assert found.propensity == pytest.approx(kept * expected[found.action])
            assert found.explored or found.action == actions[0]
            assert sum(expected.values()) == pytest.approx(1.0)


@given(SEEDS)
def test_one_customer_is_decided_as_in_any_batch(rules: Rules, make_proposals: MakeProposals, seed: int) -> None:
    """A proposal alone gets exactly what its row gets among others."""
    proposals = make_proposals(seed, 30)
    decisions = decide(rules, proposals, AS_USUAL)

    for row in range(len(proposals)):
        alone = decide_one(rules, row_of(proposals, row), AS_USUAL)
        assert alone == verdict(rules, proposals, decisions, row)


@given(SEEDS)
def test_order_does_not_matter(rules: Rules, make_proposals: MakeProposals, seed: int) -> None:
    """Any permutation of the proposals gives the same decisions, permuted."""
    proposals = make_proposals(seed)
    order = np.random.default_rng(seed + 1).permutation(len(proposals))
    straight, permuted = decide(rules, proposals, AS_USUAL), decide(rules, proposals.take(order), AS_USUAL)

    for field in fields(Decisions):
        np.testing.assert_array_equal(getattr(straight, field.name)[order], getattr(permuted, field.name))


@given(SEEDS, st.floats(0, 1))
def test_a_higher_pd_is_never_held_as_too_low(
    rules: Rules, make_proposals: MakeProposals, seed: int, by: float
) -> None:
    """Raising every PD turns no offer, and no other hold, into below_cutoff."""
    proposals = make_proposals(seed)
    raised = replace(proposals, pd=np.minimum(1.0, proposals.pd + by))
    before, after = (decide(rules, each, AS_USUAL).hold for each in (proposals, raised))

    assert not ((after == HoldReason.BELOW_CUTOFF.code) & (before != HoldReason.BELOW_CUTOFF.code)).any()


@given(SEEDS, st.integers(-5_000, 5_000), st.text("abcdefg", min_size=1, max_size=20))
def test_the_hold_out_is_permanent(
    policy: Policy, make_proposals: MakeProposals, seed: int, later: int, version: str
) -> None:
    """Under one salt a customer is in the hold-out on every day, in every matter and under every policy, or never."""
    proposals = make_proposals(seed)
    other = msgspec.structs.replace(
        policy, version=version, exploration=msgspec.structs.replace(policy.exploration, share=0.5)
    )
    moved = replace(
        proposals, day=proposals.day + np.int32(later), matter=proposals.matter[::-1], pd=proposals.pd[::-1]
    )

    np.testing.assert_array_equal(
        decide(Rules.of(policy), proposals, AS_USUAL).held_out, decide(Rules.of(other), moved, AS_USUAL).held_out
    )


def test_shares_are_what_the_document_says(policy: Policy, make_proposals: MakeProposals) -> None:
    """Of 200,000 customers 5 % are held out, 5 % of the others get a drawn action, each as often as the next."""
    proposals = alike(make_proposals(1, 200_000))
    decisions = decide(Rules.of(policy), proposals, AS_USUAL)

    assert np.mean(decisions.held_out) == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 200_000))
    offered = decisions.offered
    assert (offered == ~decisions.held_out).all()
    drawn = decisions.explored & offered
    assert drawn.sum() / offered.sum() == pytest.approx(0.05, abs=0.002)
    actions, counts = np.unique(decisions.choice[drawn], return_counts=True)
    assert len(actions) == 3
    assert np.abs(counts / drawn.sum() - 1 / 3).max() < 0.02
    chances = {
        (int(a), float(p)) for a, p in zip(decisions.choice[offered], decisions.propensity[offered], strict=True)
    }
    assert sum(p for _, p in chances) == pytest.approx(0.95)
    for action, chance in chances:
        assert np.mean(decisions.choice[offered] == action) * 0.95 == pytest.approx(chance, abs=0.003)


def test_a_larger_share_keeps_whom_it_had_and_a_new_salt_does_not(
    policy: Policy, make_proposals: MakeProposals
) -> None:
    """Raising the share adds to the hold-out; another salt draws other customers, as many."""
    proposals = alike(make_proposals(2, 20_000))
    small, large, salted = (
        decide(Rules.of(with_hold_out(policy, share, salt)), proposals, AS_USUAL).held_out
        for share, salt in ((0.05, "first"), (0.10, "first"), (0.05, "second"))
    )
    assert (large >= small).all()
    assert large.sum() > small.sum() * 1.5
    assert np.mean(salted[small]) < 0.10


@given(SEEDS)
def test_cool_downs_hold_over_any_history(
    policy: Policy, rules: Rules, make_proposals: MakeProposals, seed: int
) -> None:
    """Over 100 days of random PDs no two contacts of a customer are closer than the document allows."""
    contacts = live(rules, without_overrides(make_proposals(seed, 40)), np.random.default_rng(seed).random((100, 40)))

    assert contacts
    cool_downs = [channel.cool_down_days for channel in policy.channels]
    for customer in {customer for customer, _, _ in contacts}:
        days = sorted((day, channel) for who, day, channel in contacts if who == customer)
        for (day, channel), (next_day, _) in pairwise(days):
            assert next_day - day >= policy.contact.cool_down_days
            later = [other for other, same in days if other > day and same == channel]
            assert all(other - day >= cool_downs[channel] for other in later)


@given(SEEDS, st.sampled_from([(0.25, 0.49), (0.45, 0.69), (0.65, 1.0)]))
def test_a_customer_near_a_line_is_contacted_once(
    rules: Rules, make_proposals: MakeProposals, seed: int, within: tuple[float, float]
) -> None:
    """A PD that has crossed a line and wanders about it, but not below its exit, leads to one contact in 60 days."""
    low, high = within
    paths = np.random.default_rng(seed).uniform(low, high, (60, 40))
    paths[0] = high
    contacts = live(rules, alike(make_proposals(seed, 40)), paths)

    assert len({customer for customer, _, _ in contacts}) == len(contacts) > 30


def test_who_falls_and_rises_is_news(rules: Rules, make_proposals: MakeProposals) -> None:
    """After leaving the band below its exit, rising again is answered, once the cool-down is over."""
    paths = np.tile(np.array([0.6] * 10 + [0.1] * 20 + [0.6] * 10)[:, np.newaxis], (1, 20))
    contacts = live(rules, alike(make_proposals(3, 20)), paths)
    days = sorted({day - 20_000 for _, day, _ in contacts})

    assert days == [0, 30]


# ---- examples


def test_identifiers_are_hashes_of_content(policy: Policy, rules: Rules, make_proposals: MakeProposals) -> None:
    """Customer, matter, policy and day make the identifier; score, order and flags do not."""
    proposals = make_proposals(4, 500)
    ids = decide(rules, proposals, AS_USUAL).ids
    other = Rules.of(msgspec.structs.replace(policy, version="another"))

    same = replace(proposals, pd=proposals.pd[::-1], order=proposals.order[::-1], vulnerable=~proposals.vulnerable)
    np.testing.assert_array_equal(ids, decide(rules, same, AS_USUAL).ids)
    changed = [
        decide(rules, replace(proposals, day=proposals.day + np.int32(1)), AS_USUAL).ids,
        decide(rules, replace(proposals, matter=proposals.matter ^ np.uint64(1)), AS_USUAL).ids,
        decide(rules, replace(proposals, customer=proposals.customer ^ np.uint64(1)), AS_USUAL).ids,
        decide(other, proposals, AS_USUAL).ids,
    ]
    assert len(np.unique(np.concatenate([ids, *changed]), axis=0)) == 5 * 500


def test_an_offer_in_words(rules: Rules) -> None:
    """One customer gets the preferred action of the band, with channel, wording, cost, chance and last day."""
    proposal = proposed(customer=7, pd=0.8)
    offer = decide_one(rules, proposal, AS_USUAL)

    assert isinstance(offer, Offer)
    assert (offer.band, offer.action, offer.channel, offer.cost_minor) == (
        "critical", "payment_plan_call", "phone", 900,
    )  # fmt: skip
    assert (offer.expires_on.isoformat(), offer.policy, len(offer.decision_id)) == ("2024-10-07", rules.digest, 32)


def test_a_hold_names_the_first_reason(rules: Rules) -> None:
    """Consent, law, contact and stops each hold, in the order of the ladder."""
    cases = {
        HoldReason.BELOW_CUTOFF: proposed(pd=0.29, legal_stop=True),
        HoldReason.LEGAL_STOP: proposed(legal_stop=True, consent=(False,) * 4),
        HoldReason.COOL_DOWN: proposed(last_contact_day=(NEVER, NEVER, NEVER, 19_994)),
        HoldReason.ALREADY_ANSWERED: proposed(answered_band=0, last_contact_day=(NEVER, 19_950, NEVER, NEVER)),
        HoldReason.DECIDED_TODAY: proposed(decided_day=20_000),
    }
    found = [decide_one(rules, proposal, AS_USUAL) for proposal in cases.values()]
    assert [hold.reason for hold in found if isinstance(hold, Hold)] == list(cases)


def test_no_consent_and_nothing_that_suits(policy_text: str) -> None:
    """Where every action needs a consent, or suits other reasons only, the hold says which of the two it was."""
    text = policy_text.replace('consent = ""', 'consent = "app"')
    text = text.replace('wording = "help_page"', 'wording = "help_page"\nreasons = ["cash"]')
    for name in ("budgeting_help", "gentle_reminder"):
        text = text.replace(f'wording = "{name}"', f'wording = "{name}"\nreasons = ["cash"]')
    rules = Rules.of(parse_policy(text))
    unsuited = decide_one(rules, proposed(pd=0.4), AS_USUAL)
    refused = decide_one(rules, proposed(pd=0.4, reason=11, consent=(False,) * 4), AS_USUAL)

    assert isinstance(unsuited, Hold)
    assert isinstance(refused, Hold)
    assert (unsuited.reason, refused.reason) == (HoldReason.NO_ELIGIBLE_ACTION, HoldReason.NO_CONSENT)


@pytest.mark.parametrize("flag", FLAGGED)
def test_the_exempt_are_not_held_out(policy: Policy, flag: Circumstance, make_proposals: MakeProposals) -> None:
    """Nobody whom the document exempts is held out; without its exemption everybody would be."""
    all_out = with_hold_out(policy, 1.0, "all")
    nobody_exempt = msgspec.structs.replace(all_out, hold_out=msgspec.structs.replace(all_out.hold_out, exempt=()))
    proposals = replace(alike(make_proposals(5, 100)), **{flag.value: np.ones(100, dtype=np.bool_)})

    assert not decide(Rules.of(all_out), proposals, AS_USUAL).held_out.any()
    assert decide(Rules.of(nobody_exempt), proposals, AS_USUAL).held_out.all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"pd": float("nan")}, {"pd": 1.01}, {"exposure_minor": -1}, {"benefit_minor": float("inf")}, {"reason": 13},
        {"previous_band": 3}, {"answered_band": -2}, {"consent": (True,) * 3}, {"last_contact_day": (NEVER,) * 5},
    ],
)  # fmt: skip
def test_what_is_no_proposal_is_refused(rules: Rules, wrong: dict[str, object]) -> None:
    """An unknown PD, a place in no list of the policy and other channels are refused, never decided."""
    with pytest.raises(ValueError):
        decide_one(rules, proposed(**wrong), AS_USUAL)


def test_columns_of_different_lengths_are_refused(make_proposals: MakeProposals) -> None:
    """A column too short belongs to other customers, a narrower one has other lines; no proposals are no columns."""
    proposals = make_proposals(6, 10)
    with pytest.raises(ValueError, match="pd is float32"):
        replace(proposals, pd=proposals.pd.astype(np.float32))
    with pytest.raises(ValueError, match="pd has the shape"):
        replace(proposals, pd=proposals.pd[:9])
    with pytest.raises(ValueError, match="no proposals"):
        Proposals.of([])


# ---- helpers


def plainly(policy: Policy, one: Proposal, circumstances: Circumstances) -> tuple[str, HoldReason | None, list[str]]:
    """Band, hold reason and eligible actions of one customer, by the rules in plain words."""
    was = one.previous_band if one.previous_band >= 0 else len(policy.bands)
    places = [
        place
        for place, band in enumerate(policy.bands)
        if one.pd >= band.enter or (was <= place and one.pd >= band.exit)
    ]
    if not places and not one.override:
        return "", HoldReason.BELOW_CUTOFF, []
    # A person may want somebody helped who is in no band: as in the least urgent one.
    band = policy.bands[places[0]] if places else policy.bands[-1]
    channels = {channel.name: place for place, channel in enumerate(policy.channels)}
    by_name = {action.name: action for action in policy.actions}
    code = policy.reasons[one.reason].code if one.reason >= 0 else None
    suiting = [by_name[name] for name in band.actions if not by_name[name].reasons or code in by_name[name].reasons]
    agreed = [
        a for a in suiting if one.consent[channels[a.channel]] or not policy.channels[channels[a.channel]].consent
    ]
    waited = [one.day - day for day in one.last_contact_day]
    rested = [a for a in agreed if waited[channels[a.channel]] >= policy.channels[channels[a.channel]].cool_down_days]
    eligible = rested if min(waited) >= policy.contact.cool_down_days else []
    if one.override:
        eligible = agreed
    draw = uniform(chained(seed_of(policy.hold_out.salt), np.array([one.customer], dtype=np.uint64)))[0]
    ladder = {
        HoldReason.ALREADY_ANSWERED: not one.override
        and 0 <= one.answered_band <= places[0]
        and min(waited) < policy.contact.repeat_days,
        HoldReason.DECIDED_TODAY: one.decided_day == one.day,
        HoldReason.LEGAL_STOP: one.legal_stop,
        HoldReason.NO_ELIGIBLE_ACTION: not suiting,
        HoldReason.NO_CONSENT: not agreed,
        HoldReason.COOL_DOWN: not eligible,
        HoldReason.REPLAY: circumstances.replay,
        HoldReason.KILL_SWITCH: circumstances.kill_switch,
        HoldReason.HOLD_OUT: not exempt(policy, one) and draw < policy.hold_out.share,
    }
    held = next((reason for reason, holds in ladder.items() if holds), None)
    return band.name if places else "", held, [action.name for action in eligible]


def exempt(policy: Policy, one: Proposal) -> bool:
    """Whether one customer may not be held out."""
    return one.override or any(getattr(one, exemption) for exemption in policy.hold_out.exempt)


def live(rules: Rules, proposals: Proposals, paths: np.ndarray) -> list[tuple[int, int, int]]:
    """Contacts (customer, day, channel) of a life in which each day's PDs, a row of `paths`, are decided on."""
    contacts = []
    present = proposals
    for day, pd in enumerate(paths, start=20_000):
        present = replace(present, day=np.full(len(pd), day, np.int32), pd=pd)
        decisions = decide(rules, present, AS_USUAL)
        last = present.last_contact_day.copy()
        for row in np.flatnonzero(decisions.offered):
            channel = int(rules.channel_of[decisions.choice[row]])
            contacts.append((int(row), day, channel))
            last[row, channel] = day
        present = replace(
            present,
            last_contact_day=last,
            previous_band=decisions.band,
            answered_band=answered_after(rules, present, decisions),
        )
    return contacts


def without_overrides(proposals: Proposals) -> Proposals:
    """The same, and nobody sets anything aside."""
    return replace(proposals, override=np.zeros(len(proposals), dtype=np.bool_))


def alike(proposals: Proposals) -> Proposals:
    """Customers who differ in nothing but their keys: in the band high, reachable, never contacted."""
    size = len(proposals)
    nobody = np.zeros(size, dtype=np.bool_)
    return replace(
        proposals,
        pd=np.full(size, 0.6),
        consent=np.ones((size, 4), dtype=np.bool_),
        last_contact_day=np.full((size, 4), NEVER, np.int32),
        previous_band=np.full(size, -1, np.int8),
        answered_band=np.full(size, -1, np.int8),
        decided_day=np.full(size, NEVER, np.int32),
        reason=np.zeros(size, np.int16),
        vulnerable=nobody,
        override=nobody,
        legal_stop=nobody,
        customer_request=nobody,
    )


def proposed(**different: object) -> Proposal:
    """A plain proposal on day 20,000 of a customer who is exempt from the hold-out, but for what differs."""
    plain: dict[str, object] = {
        "customer": 7, "matter": 1, "day": 20_000, "order": 0, "pd": 0.8, "consent": (True,) * 4,
        "last_contact_day": (NEVER,) * 4, "vulnerable": True,
    }  # fmt: skip
    return Proposal(**{**plain, **different})  # type: ignore[arg-type]


def with_hold_out(policy: Policy, share: float, salt: str) -> Policy:
    """The policy with another hold-out."""
    return msgspec.structs.replace(policy, hold_out=msgspec.structs.replace(policy.hold_out, share=share, salt=salt))
