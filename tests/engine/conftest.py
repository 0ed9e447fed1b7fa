"""A small synthetic bank as a log in memory, and the workers that take it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

import numpy as np
import pytest

from forbear.adapters.holidays import bank_calendar
from forbear.apps.jobs.approving import approved, shipped_approval
from forbear.apps.jobs.modelling import feature_specs
from forbear.apps.package_data import shipped
from forbear.domain.calendar import BankCalendar
from forbear.domain.deployment import Deployment
from forbear.domain.events import Event, HelpRequested, Instructed, OfferAnswered
from forbear.domain.terms import Answer, Instruction
from forbear.engine.ports import Scanned
from forbear.engine.scorer import Scoring
from forbear.engine.worker import Setup, Worker
from forbear.features.batch import batch_of
from forbear.features.columns import EventColumns, columns_of, instant, joined
from forbear.features.compute import FeatureSet
from forbear.features.local_time import local_time
from forbear.models.expert import ExpertScorecard, build_expert
from forbear.models.reasons.approved import Approved
from forbear.policy.document import Policy
from forbear.policy.reading import parse_policy
from forbear.policy.rollout import Rollout
from forbear.simulation.bank import deployment, simulate
from forbear.simulation.spec import BankSpec

SPEC = BankSpec(customers=150, days=150, seed=11)
MODEL, POLICY, REASONS = "a" * 64, "b" * 64, "c" * 64
_DAY_US = 86_400_000_000


class Plain:
    """A vault that hides nothing: these tests look at what goes into it."""

    def __init__(self) -> None:
        self.gone: set[int] = set()

    def seal(self, asked: Sequence[tuple[int, bytes, bytes]]) -> list[bytes | None]:
        """The plaintexts, each with whose it is and what it is about; None of those who were erased."""
        return [
            None if customer in self.gone else customer.to_bytes(8, "big") + about + plain
            for customer, plain, about in asked
        ]

    def open(self, customer: int, sealed: bytes, about: bytes) -> bytes | None:
        """What was sealed."""
        return sealed.removeprefix(customer.to_bytes(8, "big") + about)

    def erase(self, customer: int) -> None:
        """Nothing is sealed for this customer any more."""
        self.gone.add(customer)


@dataclass(frozen=True)
class InMemory:
    """Parts: the expert scorecard, one policy and approved reasons, under the three digests.

    others: more models, by digest.  rollouts: by digest.
    """

    expert: ExpertScorecard
    kept: Policy
    words: Approved
    others: Mapping[str, ExpertScorecard] = field(default_factory=dict)
    rollouts: Mapping[str, Rollout] = field(default_factory=dict)

    def model(self, digest: str, feature_hash: str) -> tuple[Scoring, str, float]:
        """The expert scorecard, or another model."""
        assert len(feature_hash) == 64
        scoring = {MODEL: self.expert, **self.others}[digest]
        return scoring, "expert", scoring.explain(np.full((1, len(scoring.features)), np.nan)).expected

    def rollout(self, digest: str) -> Rollout:
        """One of the roll-outs."""
        return self.rollouts[digest]

    def policy(self, digest: str) -> Policy:
        """The one policy."""
        assert digest == POLICY
        return self.kept

    def reasons(self, digest: str) -> Approved:
        """The shipped reasons."""
        assert digest == REASONS
        return self.words


@dataclass(frozen=True, repr=False)
class SmallBank:
    """A deployment, its log with the instructions on the hundredth day, and the parts of its workers."""

    deployment: Deployment
    log: EventColumns
    parts: InMemory

    @property
    def feed_parts(self) -> tuple[Deployment, BankCalendar]:
        """What a feed is made of beside its archive."""
        return self.deployment, bank_calendar(self.deployment.country)

    def vault(self) -> Plain:
        """A vault that outlives the workers which use it."""
        return Plain()

    def worker(self, vault: Plain | None = None) -> Worker:
        """A worker that knows nothing yet."""
        calendar, kept = bank_calendar(self.deployment.country), vault or Plain()
        return Worker(Setup(self.deployment, calendar, self.parts, kept, lambda offset: f"event {offset}"))

    def scanned(self, start: int, stop: int) -> Scanned:
        """Part of the log as a source gives it."""
        part = self.log.take(slice(start, stop))
        return Scanned(start, part, batch_of(part, local_time(self.deployment.time_zone)))


def instructions(at_us: int) -> EventColumns:
    """A model, a policy, reasons and the start of outreach, given at one instant."""
    when = instant(at_us)
    told = {
        Instruction.PROMOTE_MODEL: MODEL,
        Instruction.PROMOTE_POLICY: POLICY,
        Instruction.PROMOTE_REASONS: REASONS,
        Instruction.START_OUTREACH: None,
    }
    given = [
        Instructed(
            instruction_id=f"I-{what}", instruction=what, by="a tester", booked_at=when, received_at=when, value=value
        )
        for what, value in told.items()
    ]
    return columns_of(given)


def notes(log: EventColumns, at_us: int) -> EventColumns:
    """What people said at one instant: requests for help with and without an override, one of them twice, one about
    somebody unknown; answers, two of which forbid contact.
    """
    when, customers = instant(at_us), sorted(set(log.customer_id.tolist()) - {b""})
    common = {"by": "an agent", "booked_at": when, "received_at": when}
    events: list[Event] = []
    for number, customer in enumerate(customers[:40]):
        own = {"customer_id": customer.decode(), **common}
        override = number % 4 == 0
        request = HelpRequested(request_id=f"Q{number}", why="called us" if override else "", override=override, **own)
        events += [request, request] if number == 3 else [request]
        answer = list(Answer)[number % len(Answer)]
        events.append(OfferAnswered(answer_id=f"N{number}", decision_id=f"{number:032x}", answer=answer, **own))
    return columns_of([*events, HelpRequested(request_id="Q-nobody", customer_id="nobody", **common)])


def reachable_policy() -> Policy:
    """The shipped policy with cut-offs that a small bank reaches."""
    text = files("forbear.data").joinpath("policy.toml").read_text(encoding="utf-8")
    lines = {"0.70": "0.20", "0.65": "0.18", "0.50": "0.10", "0.45": "0.09", "0.30": "0.05", "0.25": "0.045"}
    for old, new in lines.items():
        text = text.replace(f" = {old}", f" = {new}", 1)
    return parse_policy(text)


@pytest.fixture(scope="session")
def small_bank() -> SmallBank:
    """A bank of 150 customers over 150 days; for the last fifty somebody is scored."""
    bare = joined(list(simulate(SPEC)))
    at = int(np.searchsorted(bare.received_us, bare.received_us[0] + 100 * _DAY_US))
    given = instructions(int(bare.received_us[at]))
    later = int(np.searchsorted(bare.received_us, bare.received_us[0] + 120 * _DAY_US))
    between = notes(bare, int(bare.received_us[later]))
    log = joined([bare.take(slice(0, at)), given, bare.take(slice(at, later)), between, bare.take(slice(later, None))])
    bank = deployment(SPEC)
    features = FeatureSet.standard(bank.unsupported)
    expert = build_expert(shipped("expert.toml"), feature_specs(features))
    words = approved(features, shipped_approval(features))
    return SmallBank(bank, log, InMemory(expert, reachable_policy(), words))
