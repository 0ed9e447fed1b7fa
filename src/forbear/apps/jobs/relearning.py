"""Training where help was offered: what a home's worker has recorded of it, and what became of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from forbear.adapters.sql.queries import open_queries
from forbear.apps.home import Home
from forbear.apps.report.gather import every_decision
from forbear.apps.report.holdout import PROPOSED_ARM, is_exempt
from forbear.apps.report.wording import OFFER, Wording
from forbear.engine.outputs import Decision
from forbear.engine.queries import Queries, Which
from forbear.models.results import Figure
from forbear.models.untreated import Draws, LeftOut
from forbear.policy.proposals import HoldReason


@dataclass(frozen=True, slots=True)
class WithoutHelp:
    """How a model came to know the risk without help. auc: out of fold, ours, the naive way's, and the gain."""

    left_out: LeftOut
    auc: dict[str, Figure]

    def summary(self) -> dict[str, object]:
        """Plain values for a script."""
        rows = self.left_out
        return {
            "rows": rows.rows,
            "helped": rows.helped,
            "kept_back": rows.kept_back,
            "exempt": rows.exempt,
            "held_out": rows.held_out,
            "bounded": rows.bounded,
            "stood_for": rows.stood_for,
            "effective_rows": rows.effective,
            "auc_without_help": {name: figure.as_dict() for name, figure in self.auc.items()},
        }


def recorded_draws(home: Home) -> Draws:
    """Every decision of a home's worker that came after the draw of the hold-out; none where no worker ever ran.

    Who cannot be held out is told by the policy in force; what other policies offered them counts as if they could.
    Erased customers are not among them.
    """
    from forbear.apps.jobs.rehearsing import WORKER  # a rehearsal needs models, and models are trained with this

    if not home.database.exists():
        return draws_of([], [])
    with closing(open_queries(f"sqlite:///{home.database}", consumer=WORKER)) as queries:
        return _recorded(queries)


def draws_of(decisions: Sequence[Decision], exempt: Sequence[bool]) -> Draws:
    """Decisions as columns. exempt: of each, whether the customer could not have been held out."""
    held_out = np.array([one.outcome == HoldReason.HOLD_OUT for one in decisions], dtype=np.bool_)
    return Draws(
        customer=np.array([one.customer for one in decisions], dtype=np.uint64).view(np.int64),
        day=np.array([one.day for one in decisions], dtype=np.int64).astype("datetime64[D]"),
        offered=np.array([one.outcome == OFFER for one in decisions], dtype=np.bool_),
        held_out=held_out,
        chance=np.array([one.propensity for one in decisions], dtype=np.float64),
        exempt=np.array(exempt, dtype=np.bool_) & ~held_out,
    )


def _recorded(queries: Queries) -> Draws:
    _, status = queries.status()
    wording = Wording.of(status)
    policy = wording.policy
    decisions = [
        one
        for outcome in (HoldReason.HOLD_OUT, *PROPOSED_ARM)
        for one in every_decision(queries, Which(outcome=str(outcome)))
        if one.customer
    ]
    exempt = [
        policy is not None and one.policy == wording.number and is_exempt(policy, one.propensity) for one in decisions
    ]
    return draws_of(decisions, exempt)
