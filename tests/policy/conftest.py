"""The shipped policy, and random proposals that hit its edges often."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

import numpy as np
import pytest

from forbear.policy.decide import Rules
from forbear.policy.document import Policy
from forbear.policy.proposals import NEVER, Proposals
from forbear.policy.reading import parse_policy

TODAY = 20_000
PDS = (0.0, 0.24, 0.25, 0.3, 0.44, 0.45, 0.5, 0.64, 0.65, 0.7, 1.0)
"""The lines of the shipped bands, and what lies right beside them."""

MakeProposals = Callable[..., Proposals]


@pytest.fixture(scope="session")
def policy_text() -> str:
    """The shipped document."""
    return files("forbear.data").joinpath("policy.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def policy(policy_text: str) -> Policy:
    """The shipped policy."""
    return parse_policy(policy_text)


@pytest.fixture(scope="session")
def rules(policy: Policy) -> Rules:
    """The shipped policy as tables."""
    return Rules.of(policy)


def build_proposals(seed: int, size: int = 200, customers: int = 2**63 - 1, matters: int = 2**63 - 1) -> Proposals:
    """Random proposals on one day; few customers and matters make them meet."""
    chance = np.random.default_rng(seed)
    recent = TODAY - chance.choice([0, 1, 6, 7, 13, 14, 20, 21, 29, 30, 59, 60], (size, 4))
    return Proposals(
        customer=chance.integers(0, customers, size).astype(np.uint64),
        matter=chance.integers(0, matters, size).astype(np.uint64),
        day=np.full(size, TODAY, dtype=np.int32),
        order=chance.permutation(size),
        pd=np.where(chance.random(size) < 0.7, chance.choice(PDS, size), chance.random(size)),
        consent=chance.random((size, 4)) < 0.6,
        last_contact_day=np.where(chance.random((size, 4)) < 0.15, recent, NEVER).astype(np.int32),
        previous_band=chance.integers(-1, 3, size).astype(np.int8),
        answered_band=np.where(chance.random(size) < 0.3, chance.integers(-1, 3, size), -1).astype(np.int8),
        decided_day=np.where(chance.random(size) < 0.1, TODAY - chance.integers(0, 2, size), NEVER).astype(np.int32),
        reason=chance.integers(-1, 13, size).astype(np.int16),
        exposure_minor=chance.choice([0, 1, 500_000], size),
        benefit_minor=np.full(size, np.nan),
        vulnerable=chance.random(size) < 0.1,
        legal_stop=chance.random(size) < 0.1,
        customer_request=chance.random(size) < 0.1,
        override=chance.random(size) < 0.1,
    )


@pytest.fixture(scope="session")
def make_proposals() -> MakeProposals:
    """build_proposals, for tests that need proposals of their own."""
    return build_proposals
