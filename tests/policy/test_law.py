"""Laws and capacities laid over a policy: what they say holds, all else stays."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from forbear.domain.errors import ConfigError
from forbear.domain.terms import FLAGGED
from forbear.policy.document import Policy, to_toml
from forbear.policy.law import ChannelLaw, ContactLaw, Law, parse_law, under, with_capacity
from forbear.policy.reading import parse_policy

_CONTACT = ("cool_down_days", "repeat_days")
DAYS = st.none() | st.integers(1, 365)
LAWS = st.builds(
    Law,
    name=st.just("some_law"),
    contact=st.builds(ContactLaw, cool_down_days=DAYS, repeat_days=DAYS),
    channels=st.dictionaries(
        st.sampled_from(["app", "email", "phone", "sms"]),
        st.builds(ChannelLaw, consent=st.none() | st.sampled_from(["", "calls"]), cool_down_days=DAYS),
    ),
    exempt=st.none() | st.lists(st.sampled_from(FLAGGED), unique=True).map(tuple),
)


@given(law=LAWS, version=st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._-]{0,39}", fullmatch=True))
def test_a_law_says_what_it_says_and_no_more(policy: Policy, law: Law, version: str) -> None:
    """Every bound is the law's where it has one and the policy's where not; the result is a policy, and settled."""
    policy = msgspec.structs.replace(policy, version=version)
    contact = {name: getattr(law.contact, name) or getattr(policy.contact, name) for name in _CONTACT}
    assume(contact["repeat_days"] >= contact["cool_down_days"])
    after = under(policy, law)

    assert msgspec.structs.asdict(after.contact) == contact
    for before, channel in zip(policy.channels, after.channels, strict=True):
        said = law.channels.get(channel.name, ChannelLaw())
        assert channel.consent == (before.consent if said.consent is None else said.consent)
        assert channel.cool_down_days == (said.cool_down_days or before.cool_down_days)
        assert channel.capacity_per_day == before.capacity_per_day
    assert after.hold_out.exempt == (policy.hold_out.exempt if law.exempt is None else law.exempt)
    assert (after.bands, after.actions, after.triggers) == (policy.bands, policy.actions, policy.triggers)
    assert under(after, law) is after
    assert parse_policy(to_toml(after)) == after
    assert (after is policy) == (after.digest == policy.digest)


@given(places=st.dictionaries(st.sampled_from(["app", "email", "phone", "sms"]), st.integers(0, 10**9)))
def test_a_capacity_changes_places_alone(policy: Policy, places: dict[str, int]) -> None:
    """Channels that are named have so many places, the others those of the policy; laid on twice is laid on once."""
    after = with_capacity(policy, places)

    assert {one.name: one.capacity_per_day for one in after.channels} == {
        one.name: places.get(one.name, one.capacity_per_day) for one in policy.channels
    }
    assert with_capacity(after, places) is after


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("contact = 3", "contact"),
        ("name = 'a'\n[contact]\ncool_down_days = 0", "cool_down_days"),
        ("name = 'a'\n[kontakt]\n", "kontakt"),
        ("name = 'a'\nexempt = ['rich']", "exempt"),
        ("name = ", "law"),
        ("#" * 70_000, "longer"),
    ],
)
def test_what_is_no_law_is_refused(text: str, told: str) -> None:
    """A text that is no TOML, has unknown keys or values out of range says what is wrong."""
    with pytest.raises(ConfigError, match=told):
        parse_law(text)


def test_a_law_that_contradicts_itself_is_refused(policy: Policy) -> None:
    """Bounds that no policy may have together are none within a law either."""
    with pytest.raises(ConfigError, match="repeat_days 1 lies within"):
        under(policy, parse_law("name = 'a'\n[contact]\nrepeat_days = 1"))


def test_an_unknown_channel_is_refused(policy: Policy) -> None:
    """A law or a capacity for a channel that the policy does not have would be heeded by nobody."""
    with pytest.raises(ConfigError, match="no channel 'fax'"):
        under(policy, parse_law("name = 'a'\n[channels.fax]\ncool_down_days = 3"))
    with pytest.raises(ConfigError, match="no channel 'fax'"):
        with_capacity(policy, {"fax": 3})
    with pytest.raises(ConfigError, match="capacity"):
        with_capacity(policy, {"phone": -1})
