"""A policy document that is wrong is refused, with the line that is wrong and what would be right."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.errors import ConfigError
from forbear.features.compute import FeatureSet
from forbear.policy.document import Policy
from forbear.policy.reading import parse_policy


class Slip(NamedTuple):
    """One wrong edit. at: how the line begins that must be named, in the edited text.  mend: words of the mend."""

    old: str
    new: str
    at: str
    mend: str


SLIPS = {
    "another format": Slip("format = 1", "format = 2", "format = 2", "reads format = 1"),
    "a missing key": Slip("format = 1\n", "", "# The policy as shipped", "add format = "),
    "an unknown key": Slip(
        'version = "2026-2"', 'version = "1"\nversoin = "2"', "versoin", "the keys here are: format"
    ),
    "an unknown trigger": Slip(
        "failed_debit = true", "failed_debit = true\nlate_salary = 1", "late_salary", "day_close"
    ),
    "a missing trigger": Slip("cash_machine = true\n", "", "[triggers]", "add cash_machine"),
    "a version that is none": Slip('"2026-2"', '"new one"', "version", "letters, digits"),
    "no jurisdiction": Slip(
        '"none: the house rules below only. Have counsel confirm them before anybody is contacted."',
        '""',
        "jurisdiction",
        "one line of text",
    ),
    "a text for a number": Slip("enter = 0.70", 'enter = "0.70"', 'enter = "0.70"', "without quotes"),
    "a number for a truth": Slip("day_close = true", "day_close = 1", "day_close", "true or false"),
    "a decimal for money": Slip("cost_minor = 900", "cost_minor = 9.0", "cost_minor = 9.0", "minor units"),
    "a currency that is none": Slip("EUR = 500_000", "EURO = 500_000", "EURO", "three capitals"),
    "a negative limit": Slip("GBP = 500_000", "GBP = -1", "GBP", "in that range"),
    "no limit for the own currency": Slip("EUR = 500_000\n", "", "[triggers.amount_over_minor]", "add EUR"),
    "an unknown category": Slip('"rent"', '"rant"', "categories", "rent, mortgage"),
    "a category twice": Slip('"rent"', '"utilities"', "categories", "once"),
    "a cut-off above 1": Slip("enter = 0.70", "enter = 70", "enter = 70", "in that range"),
    "a cut-off that is no number": Slip("enter = 0.70", "enter = nan", "enter = nan", "in that range"),
    "bands out of order": Slip(
        "enter = 0.30\nexit = 0.25", "enter = 0.60\nexit = 0.25", "enter = 0.60", "highest PD down"
    ),
    "bands that overlap": Slip("enter = 0.50", "enter = 0.70", "enter = 0.70\nexit = 0.45", "each with its own enter"),
    "an exit above the enter": Slip("exit = 0.25", "exit = 0.35", "exit = 0.35", "below 0.3"),
    "no hysteresis": Slip("exit = 0.45", "exit = 0.50", "exit = 0.50", "below 0.5"),
    "a hysteresis larger than the band": Slip("exit = 0.65", "exit = 0.40", "exit = 0.40", "0.5 or more"),
    "a share of some bands": Slip("exit = 0.65\n", "exit = 0.65\nshare = 0.1\n", '[[bands]]\nname = "high"', "or none"),
    "a band twice": Slip('name = "high"', 'name = "critical"', 'name = "critical"\nenter = 0.50', "its own name"),
    "a band without actions": Slip(
        'actions = ["gentle_reminder", "budgeting_help", "subscription_review", "help_page"]',
        "actions = []",
        "actions = []",
        "entries",
    ),
    "an action that is not defined": Slip('  "payment_plan_call"', '  "payment_pause"', '  "payment_pause"', "adviser"),
    "an action twice in a band": Slip(
        '"subscription_review", "help_page"]', '"help_page", "help_page"]', 'actions = ["gentle_reminder", "bud', "once"
    ),
    "an action that nobody offers": Slip('  "adviser_message",\n', "", 'name = "adviser_message"', "drop it"),
    "an action defined twice": Slip(
        'name = "help_page"', 'name = "budgeting_help"', 'name = "budgeting_help"\nchannel = "app"', "own name"
    ),
    "an unknown channel": Slip('channel = "phone"', 'channel = "fax"', 'channel = "fax"', "app, email, phone, sms"),
    "a negative cost": Slip("cost_minor = 900", "cost_minor = -900", "cost_minor = -900", "in that range"),
    "an empty wording": Slip('wording = "budgeting_help"', 'wording = ""', 'wording = ""', "lower-case letters"),
    "an offer without end": Slip("valid_days = 3\n", "", '[[actions]]\nname = "payment_plan_call"', "add valid_days"),
    "an unknown reason": Slip(
        '"gambling"]\n\n', '"gamblin"]\n\n', 'reasons = ["spending_up", "gamblin"]', "salary_late"
    ),
    "an unknown feature": Slip(
        '"days_of_cover"', '"days_of_clover"', '  "days_of_clover"', "did you mean 'days_of_cover'"
    ),
    "a feature in two reasons": Slip(
        '"days_of_cover"', '"salary_delay_days"', '  "salary_delay_days"', "in one reason"
    ),
    "no cool-down of a channel": Slip("cool_down_days = 21\n", "", '[[channels]]\nname = "sms"', "add cool_down_days"),
    "no cool-down at all": Slip("cool_down_days = 7\n", "", "[contact]", "add cool_down_days"),
    "a cool-down of nothing": Slip(
        "cool_down_days = 7\n", "cool_down_days = 0\n", "cool_down_days = 0", "in that range"
    ),
    "a repetition within the cool-down": Slip("repeat_days = 60", "repeat_days = 6", "repeat_days = 6", "7 or more"),
    "a negative capacity": Slip(
        "capacity_per_day = 200", "capacity_per_day = -1", "capacity_per_day = -1", "in that range"
    ),
    "a hold-out above 1": Slip("share = 0.05\nsalt", "share = 5\nsalt", "share = 5", "in that range"),
    "an unknown exemption": Slip('"vulnerable"', '"vip"', "exempt", "legal_stop"),
    "an exemption twice": Slip('"vulnerable"', '"legal_stop"', "exempt", "once"),
    "an unknown priority": Slip('"benefit"', '"gut"', "priority", "pd_exposure"),
    "an unknown choice": Slip('choice = "preferred"', 'choice = "luck"', 'choice = "luck"', "preferred, value"),
    "an unknown approval": Slip('approval = "person"', 'approval = "maybe"', 'approval = "maybe"', "person, or"),
    "an effect of another kind": Slip('kind = "relative"', 'kind = "odds"', 'kind = "odds"', "absolute, relative"),
    "an effect above 1": Slip("value = 0.35", "value = 35", "value = 35", "in that range"),
    "an effect without a source": Slip(
        'value = 0.35\nsource = "stated assumption"\n', "value = 0.35\n", "[[value.effects]]", "add source"
    ),
    "an unknown key of an effect": Slip("follow_up_minor = 200", "follow_up = 200", "follow_up = 200", "follow_up_mi"),
    "an effect of no action": Slip(
        'action = "payment_plan_call"', 'action = "visit"', 'action = "visit"', "the actions are: payment_plan_call"
    ),
    "an effect stated twice": Slip('action = "help_page"', 'action = "call_back"', 'action = "call_back"', "once"),
    "no loss of a miss": Slip("loss_minor = 6_000", "loss_minor = 0", "loss_minor = 0", "in that range"),
    "a table twice": Slip("[exploration]", "[contact]", "[contact]\nshare", "stand once"),
    "a key twice": Slip(
        "day_close = true", "day_close = true\nday_close = true", "day_close = true # scores", "stand once"
    ),
    "a bracket that is not closed": Slip('"insurance"]', '"insurance"', "\n[triggers.amount", "correct the line"),
    "a number beyond all": Slip("share = 0.05\nsalt", "share = 1" + "0" * 400 + "\nsalt", "share = 10000", "range"),
}
FEATURES = FeatureSet.standard().names


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS.keys())
def test_a_wrong_document_is_refused_with_its_line_and_mend(slip: Slip, policy_text: str) -> None:
    """Each slip of a pen is refused as the operator's, naming its line in the text and what would be right."""
    assert slip.old in policy_text
    text = policy_text.replace(slip.old, slip.new, 1)

    with pytest.raises(ConfigError) as refusal:
        parse_policy(text, features=FEATURES)

    named = re.match(r"policy, line (\d+): ", str(refusal.value))
    assert named
    assert "\n".join(text.split("\n")[int(named.group(1)) - 1 :]).startswith(slip.at.lstrip("\n")), str(refusal.value)
    assert slip.mend in refusal.value.mend


def test_shares_above_1_in_all_are_refused(policy_text: str) -> None:
    """Shares of the book that no book has; the last of them is named."""
    text = policy_text
    for cut, share in (("exit = 0.65\n", 0.6), ("exit = 0.45\n", 0.2), ("exit = 0.25\n", 0.21)):
        text = text.replace(cut, f"{cut}share = {share}\n")

    with pytest.raises(ConfigError, match=r"add up to 1\.01; lower them") as refusal:
        parse_policy(text)
    assert f"line {text[: text.index('share = 0.21')].count(chr(10)) + 1}:" in str(refusal.value)
    assert parse_policy(text.replace("share = 0.21", "share = 0.2")).bands[2].share == 0.2


@given(st.text(max_size=200), st.integers(0, 6_000), st.integers(0, 200))
def test_no_text_does_anything_but_parse_or_be_refused(policy_text: str, insert: str, start: int, removed: int) -> None:
    """A document with any piece replaced by any text is a policy or a ConfigError with a line, never another error."""
    found = outcome(policy_text[:start] + insert + policy_text[start + removed :])

    assert isinstance(found, Policy) or (re.match(r"policy, line \d+: ", str(found)) and found.mend)


def outcome(text: str) -> Policy | ConfigError:
    """The policy of a text, or its refusal."""
    try:
        return parse_policy(text)
    except ConfigError as error:
        return error


def test_a_document_of_any_size_is_not_read() -> None:
    """What is too long to be a policy is refused before it is parsed."""
    for text in ("#" * 70_000, "\n" * 3_000):
        with pytest.raises(ConfigError, match="longer than"):
            parse_policy(text)


@pytest.mark.parametrize("text", ["a = " + "[" * 5_000, "a = 1" + "0" * 5_000])
def test_hostile_numbers_and_depths_are_refused(text: str) -> None:
    """Nesting without end and integers without end are the operator's to mend as well."""
    with pytest.raises(ConfigError, match="line 1"):
        parse_policy(text)
