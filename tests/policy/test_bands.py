"""Bands do not flicker, follow the PD, and fill to their share of the book."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.policy.bands import OUTSIDE, bands_of, rank, with_capacity_cut_offs, with_cut_offs
from forbear.policy.document import Policy

SHARES = (0.01, 0.04, 0.10)


@pytest.fixture(scope="module")
def by_share(policy: Policy) -> Policy:
    """The shipped policy with the riskiest 1 %, the next 4 % and the next 10 % as bands."""
    bands = zip(policy.bands, SHARES, strict=True)
    return msgspec.structs.replace(
        policy, bands=tuple(msgspec.structs.replace(band, share=share) for band, share in bands)
    )


@given(st.floats(0, 1), st.floats(0, 1), st.integers(-1, 2))
def test_a_higher_pd_is_never_less_urgent(policy: Policy, one: float, other: float, previous: int) -> None:
    """For customers who were in the same band, the band follows the PD."""
    low, high = rank(policy, bands_of(policy, np.array(sorted([one, other])), np.full(2, previous, np.int8)))
    assert high <= low


@given(st.floats(0, 1), st.integers(-1, 2))
def test_a_band_once_found_is_kept(policy: Policy, pd: float, previous: int) -> None:
    """The same PD twice gives the same band: hysteresis has no memory beyond the band."""
    once = bands_of(policy, np.array([pd]), np.array([previous], np.int8))
    assert bands_of(policy, np.array([pd]), once) == once


@pytest.mark.parametrize(
    ("previous", "pd", "band"),
    [
        (OUTSIDE, 0.2999, OUTSIDE), (OUTSIDE, 0.3, 2), (OUTSIDE, 0.5, 1), (OUTSIDE, 0.7, 0), (OUTSIDE, 1.0, 0),
        (2, 0.25, 2), (2, 0.2499, OUTSIDE), (2, 0.4999, 2), (1, 0.45, 1), (1, 0.4499, 2), (0, 0.65, 0), (0, 0.6499, 1),
        (0, 0.46, 1), (0, 0.27, 2), (0, 0.0, OUTSIDE),
    ],
)  # fmt: skip
def test_each_line_is_a_switch(policy: Policy, previous: int, pd: float, band: int) -> None:
    """In at `enter`, out below `exit`; who falls out of one band is held by the next one's exit, not its enter."""
    assert bands_of(policy, np.array([pd]), np.array([previous], np.int8)).tolist() == [band]


@given(st.lists(st.sampled_from([0.0, 0.01, 0.02, 0.1, 0.2, 0.5, 1.0]), min_size=1, max_size=300), st.integers(0, 9))
def test_shares_are_never_exceeded(by_share: Policy, values: list[float], seed: int) -> None:
    """Whatever ties there are, each band and those above it take at most their shares; or the book is refused."""
    pd = np.random.default_rng(seed).permutation(np.array(values * 10))
    try:
        derived = with_capacity_cut_offs(by_share, pd, "2027-1")
    except NotEnoughData:
        distinct = np.sort(pd)[::-1]
        counts = [np.count_nonzero(distinct == value) for value in np.unique(distinct)[::-1]]
        assert len(counts) < 4 or counts[0] > 0.01 * len(pd) or max(counts[1:3]) > 0.01 * len(pd)
        return

    bands = bands_of(derived, pd, np.full(len(pd), OUTSIDE, np.int8))
    for place, share in enumerate(np.cumsum(SHARES)):
        assert np.count_nonzero(rank(derived, bands) <= place) <= share * len(pd) + 1e-6


def test_a_book_without_ties_fills_its_bands(by_share: Policy) -> None:
    """Of 10,000 different PDs the bands take 100, 400 and 1,000, and the exits keep their ratio to the enters."""
    pd = np.random.default_rng(1).permutation(np.linspace(0.0001, 0.2, 10_000))
    derived = with_capacity_cut_offs(by_share, pd, "2027-1")
    bands = bands_of(derived, pd, np.full(len(pd), OUTSIDE, np.int8))

    assert [np.count_nonzero(bands == place) for place in range(3)] == [100, 400, 1_000]
    assert [band.exit < band.enter for band in derived.bands] == [True] * 3
    assert derived.bands[2].exit / derived.bands[2].enter == pytest.approx(0.25 / 0.3)
    assert (derived.version, derived.digest == by_share.digest) == ("2027-1", False)


def test_what_gives_no_cut_offs_is_refused(policy: Policy, by_share: Policy) -> None:
    """No shares, an old version, a PD that is none, and a book whose PDs do not differ."""
    book = np.linspace(0.0, 1.0, 1_000)

    with pytest.raises(ConfigError, match="no shares"):
        with_capacity_cut_offs(policy, book, "2027-1")
    with pytest.raises(ConfigError, match="new version"):
        with_capacity_cut_offs(by_share, book, "2026-2")
    with pytest.raises(ValueError, match="not known"):
        with_capacity_cut_offs(by_share, np.array([0.5, np.nan]), "2027-1")
    for hopeless in (np.full(1_000, 0.5), np.zeros(1_000), np.array([]), np.array([0.1, 0.2])):
        with pytest.raises(NotEnoughData, match="would be empty"):
            with_capacity_cut_offs(by_share, hopeless, "2027-1")


def test_other_cut_offs_keep_the_rest(policy: Policy) -> None:
    """Named bands begin where they are told to and keep their ratio; another one goes, and what only it offers."""
    derived = with_cut_offs(policy, {"critical": 0.2, "medium": 0.02}, "2026-2-draft")

    assert [(band.name, band.enter, band.actions) for band in derived.bands] == [
        (band.name, enter, band.actions)
        for band, enter in zip((policy.bands[0], policy.bands[2]), (0.2, 0.02), strict=True)
    ]
    assert derived.bands[0].exit == pytest.approx(0.2 * 0.65 / 0.7)
    assert {action.name for action in policy.actions} - {action.name for action in derived.actions} == {
        "adviser_message",
        "limit_advice",
    }
    assert derived.value is not None
    assert [one.action for one in derived.value.effects] == [action.name for action in derived.actions]
    others = {name: getattr(policy, name) for name in ("bands", "actions", "version", "value")}
    assert msgspec.structs.replace(derived, **others) == policy


def test_cut_offs_that_make_no_policy_are_refused(policy: Policy) -> None:
    """An unknown band, the version that is there, rising cut-offs, and no band at all."""
    for cut_offs, version in (
        ({"urgent": 0.2}, "x"),
        ({"high": 0.2}, policy.version),
        ({"critical": 0.1, "high": 0.2}, "x"),
        ({}, "x"),
    ):
        with pytest.raises(ConfigError):
            with_cut_offs(policy, cut_offs, version)
