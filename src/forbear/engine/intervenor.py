"""The intervenor: what the policy says to each score at once, and what becomes of the proposals at a cut.

What it answers depends on the scores, the customer updates and the cuts in log order, and on the policy in force;
not on how they come in batches. Each partition has one; capacity is spent at cuts, over all of them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.engine.scorer import Scores
from forbear.engine.standing import Standing
from forbear.features.ledger import Floats
from forbear.policy.allocate import Cut, Waiting, allocated
from forbear.policy.bands import OUTSIDE
from forbear.policy.decide import Rules, answered_after, decide
from forbear.policy.document import Policy
from forbear.policy.proposals import (
    HOLD_REASONS,
    OFFERED,
    Circumstances,
    Decisions,
    HoldReason,
    Proposals,
    chosen,
)
from forbear.policy.triggers import Trigger


class Verdicts(NamedTuple):
    """What the policy said to n scores at once: columns of `Predictions`."""

    reason: NDArray[np.int16]
    band: NDArray[np.int8]
    verdict: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Pending:
    """Scores that came to the choice of an action since the last cut, with what was decided on each.

    waiting: where each stood when capacity was spent, None before.  circumstances: that all were decided under: they
    change at barriers only, and each is a cut.
    """

    scores: Scores
    proposals: Proposals
    decisions: Decisions
    waiting: Waiting | None = None
    circumstances: Circumstances = field(default_factory=Circumstances)

    def take(self, rows: NDArray[np.intp]) -> Pending:
        """Some of the rows, in the order given."""
        waiting = self.waiting.take(rows) if self.waiting is not None else None
        columns = self.scores.take(rows), self.proposals.take(rows), _taken(self.decisions, rows)
        return Pending(*columns, waiting, self.circumstances)


@dataclass(slots=True)
class Day:
    """What was spent of the open day. offers: of its cuts so far, by channel.  released: the bound is lifted."""

    day: int
    offers: list[int]
    released: bool = False


@dataclass(slots=True)
class InForce:
    """What holds for everybody. rules: None before the first policy.  spent: of the capacity of the open day.

    features: names of the scores' columns.  reason_of: (k,) the policy's reason of each, -1 for none.
    """

    features: tuple[str, ...]
    rules: Rules | None = None
    circumstances: Circumstances = field(default_factory=lambda: Circumstances(replay=True))
    spent: Day = field(default_factory=lambda: Day(-1, []))
    reason_of: NDArray[np.int16] = field(default_factory=lambda: np.empty(0, np.int16))

    def put(self, policy: Policy) -> None:
        """Decide by this policy from now on. What was proposed under the old one must have been cut before."""
        self.rules = Rules.of(policy)
        self.spent = replace(self.spent, offers=[0] * len(policy.channels))
        self.reason_of = reasons_of(policy, self.features)

    def policy_rules(self) -> Rules:
        """The rules in force. Raises ValueError before the first."""
        if self.rules is None:
            raise ValueError("nothing is decided before a policy is in force")
        return self.rules


class Intervenor:
    """Where each customer of one partition stands with the policy, and what was proposed since the last cut."""

    def __init__(self, force: InForce) -> None:
        self.force = force
        self.standing = Standing.empty(0)
        self._pending: list[Pending] = []

    def judge(self, scores: Scores) -> Verdicts:
        """What the policy says to scores in log order, each in the light of all before it."""
        rules = self.force.policy_rules()
        reason = heaviest(self.force.reason_of, len(rules.policy.reasons), scores.attributions)
        verdicts = Verdicts(
            reason, np.full(len(scores), OUTSIDE, np.int8), np.full(len(scores), HoldReason.BELOW_CUTOFF.code, np.int8)
        )
        for rows in self._rounds(rules, scores):
            asked = scores.take(rows)
            proposals = self.standing.proposals(asked, reason[rows], rules.policy)
            decisions = decide(rules, proposals, self.force.circumstances)
            verdicts.band[rows], verdicts.verdict[rows] = decisions.band, decisions.hold
            picked = chosen(decisions.hold)
            self.standing.band[asked.slots] = decisions.band
            others = np.where(picked, self.standing.answered[asked.slots], answered_after(rules, proposals, decisions))
            self.standing.answered[asked.slots] = others
            if picked.any():
                self._pending.append(Pending(asked, proposals, decisions).take(np.flatnonzero(picked)))
        self.standing.judged[scores.slots] = scores.offset
        return verdicts

    def proposed(self) -> Pending | None:
        """What was proposed since the last cut, in log order, and not withdrawn; None for nothing.

        A proposal whose customer was judged again later, and not proposed, is withdrawn.
        """
        if not self._pending:
            return None
        pending = _joined(self._pending)
        self._pending = []
        return pending.take(np.flatnonzero(self.standing.judged[pending.scores.slots] == pending.scores.offset))

    def stand(self, pending: Pending) -> None:
        """Note what was decided: the day, the contacts (a hold-out in place of one), the band that was answered."""
        rules, decisions = self.force.policy_rules(), pending.decisions
        slots, standing = pending.scores.slots, self.standing
        standing.decided_day[slots] = pending.proposals.day
        standing.answered[slots] = answered_after(rules, pending.proposals, decisions)
        channel = rules.channel_of[decisions.choice]
        contacted = np.flatnonzero(decisions.offered | (decisions.hold == HoldReason.HOLD_OUT.code))
        standing.contact_day[slots[contacted], channel[contacted]] = pending.proposals.day[contacted]
        for place in channel[decisions.offered].tolist():
            self.force.spent.offers[place] += 1

    # ---- inside

    def _rounds(self, rules: Rules, scores: Scores) -> Iterator[NDArray[np.intp]]:
        """Rows to be judged together: of each customer the first, then the second, and so on.

        Whoever is in no band and has no score that could lead into one needs no judging, unless a person wants it.
        """
        lowest = min(band.exit for band in rules.policy.bands)
        near = scores.pd >= lowest
        standing = self.standing
        wanted = (scores.trigger & Trigger.OVERRIDE) != 0
        concerned = (
            (standing.band[scores.slots] != OUTSIDE) | (standing.answered[scores.slots] != OUTSIDE) | near | wanted
        )
        marked = np.zeros(len(standing.band), dtype=np.bool_)
        marked[scores.slots[concerned]] = True
        rows = np.flatnonzero(marked[scores.slots])
        by_slot = rows[np.argsort(scores.slots[rows], kind="stable")]
        slots = scores.slots[by_slot]
        first = np.flatnonzero(np.r_[True, slots[1:] != slots[:-1]]) if len(slots) else np.empty(0, np.intp)
        turn = np.arange(len(slots)) - np.repeat(first, np.diff(np.r_[first, len(slots)]))
        for number in range(int(turn.max(initial=-1)) + 1):
            yield np.sort(by_slot[turn == number])


def reasons_of(policy: Policy, features: Sequence[str]) -> NDArray[np.int16]:
    """(k,) the policy's reason of each of some features, -1 for none."""
    return np.array([policy.reason_of(name) for name in features], dtype=np.int16)


def heaviest(reason_of: NDArray[np.int16], reasons: int, attributions: Floats) -> NDArray[np.int16]:
    """(n,) the policy's reason whose features together raise each score most, -1 where none does.

    reason_of: (k,), see `reasons_of`.  reasons: how many the policy has.  attributions: (n, k).
    """
    sums = np.zeros((len(attributions), reasons + 1))
    for column, reason in enumerate(reason_of.tolist()):  # added one by one: the same bits for any n
        sums[:, reason] += attributions[:, column]
    sums[:, -1] = 0.0
    most = sums.argmax(axis=1).astype(np.int16)
    return np.where(most == reasons, -1, most).astype(np.int16)


def cut(intervenors: Sequence[Intervenor], day: int, book_size: int) -> list[Pending | None]:
    """Decide on what all partitions have proposed since the last cut, by the capacity that is left of a day.

    day: bank-local.  book_size: customers of all.  Of each its own come in log order, each one a decision; None for
    nothing.
    """
    force = intervenors[0].force
    rules = force.policy_rules()
    _open(force, day)
    proposed = [one.proposed() for one in intervenors]
    parts = [one for one in proposed if one is not None]
    if not parts:
        return [None] * len(intervenors)
    whole = parts[0] if len(parts) == 1 else _stacked_all(parts)
    spent = zip(rules.policy.channels, force.spent.offers, strict=True)
    at = Cut(
        day=day,
        book_size=book_size,
        capacity=tuple(max(channel.capacity_per_day - offers, 0) for channel, offers in spent),
        offered_today=sum(force.spent.offers),
        released=force.spent.released,
    )
    decisions, waiting = allocated(rules, whole.proposals, whole.decisions, at)
    decided, first = list[Pending | None](), 0
    for intervenor, part in zip(intervenors, proposed, strict=True):
        if part is None:
            decided.append(None)
            continue
        rows = np.arange(first, first + len(part.scores))
        first += len(part.scores)
        mine = Pending(part.scores, part.proposals, _taken(decisions, rows), waiting.take(rows), force.circumstances)
        intervenor.stand(mine)
        decided.append(mine.take(np.flatnonzero(mine.decisions.hold != HoldReason.SUPERSEDED.code)))
    return decided


def _open(force: InForce, day: int) -> None:
    """Begin a day with all of its capacity. A release holds up to the close with which the day ends."""
    if day != force.spent.day:
        force.spent = Day(day, [0] * len(force.spent.offers), force.spent.released)


def word_of(hold: int) -> str:
    """A decision's outcome in one word: "offer", or the reason of the hold."""
    return "offer" if hold == OFFERED else str(HOLD_REASONS[hold])


def _taken(decisions: Decisions, rows: NDArray[np.intp]) -> Decisions:
    return Decisions(**{f.name: getattr(decisions, f.name)[rows] for f in fields(decisions)})


def _stacked(parts: list[Any]) -> Any:
    columns = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(parts[0])}
    return type(parts[0])(**columns)


def _stacked_all(parts: list[Pending]) -> Pending:
    """All parts one behind the other."""
    scores, proposals, decisions = (
        _stacked([getattr(part, name) for part in parts]) for name in ("scores", "proposals", "decisions")
    )
    return Pending(scores, proposals, decisions)


def _joined(parts: list[Pending]) -> Pending:
    """All parts of one partition as one, in log order."""
    whole = _stacked_all(parts)
    return whole.take(np.lexsort((whole.scores.ordinal, whole.scores.offset)))
