"""The receipt of a decision: everything that it was made of, in one document, from which it can be made again.

One writer for the worker and for whoever makes a decision again: equal inputs give equal bytes. docs/audit.md lists
the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from forbear.engine.intervenor import Pending, word_of
from forbear.engine.outputs import Decision, Position
from forbear.policy.allocate import Waiting
from forbear.policy.bands import OUTSIDE
from forbear.policy.decide import Rules
from forbear.policy.document import Policy
from forbear.policy.prices import NOT_AT_MARGIN, NOTHING
from forbear.policy.proposals import NEVER, Proposals

RECEIPT_FORMAT = 2
"""Before 2 a decision sealed score, features, attributions and words, and not what stood for the customer."""
FLAGS = ("customer_request", "legal_stop", "override", "vulnerable")
"""Columns of `Proposals` that a receipt has as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes the decisions of one cut. rules: in force.  features: names of the scores' columns.

    at: the offset of the cut, and its instant [us UTC].  expected: log-odds that everybody starts from.
    numbers: of the model and the policy in force, see `Parts`.
    """

    rules: Rules
    features: tuple[str, ...]
    at: tuple[int, int]
    expected: float
    numbers: tuple[int, int]

    def decision(self, pending: Pending, row: int) -> Decision:
        """One row of a cut as it is recorded, but for what is personal."""
        scores, decisions, policy = pending.scores, pending.decisions, self.rules.policy
        action = policy.actions[int(decisions.choice[row])]
        model, number = self.numbers
        return Decision(
            decision_id="".join(f"{int(half):016x}" for half in decisions.ids[row]),
            offset=self.at[0],
            customer=int(scores.customer[row]),
            matter=int(pending.proposals.matter[row]),
            day=int(scores.day[row]),
            made_at_us=self.at[1],
            outcome=word_of(int(decisions.hold[row])),
            band=_band(policy, int(decisions.band[row])),
            action=action.name,
            channel=action.channel,
            wording=action.wording,
            cost_minor=action.cost_minor,
            propensity=float(decisions.propensity[row]),
            explored=bool(decisions.explored[row]),
            held_out=bool(decisions.held_out[row]),
            expires_day=int(decisions.expires_day[row]),
            prediction=Position(int(scores.offset[row]), int(scores.ordinal[row])),
            model=model,
            policy=number,
            sealed=b"",
        )

    def receipt(self, pending: Pending, row: int, told: Mapping[str, Any]) -> bytes:
        """What a decision rests on, as JSON with sorted keys; what is unknown is null.

        told: in words, with the figures that they quote; see `telling.InWords`.
        """
        scores, policy = pending.scores, self.rules.policy
        reason = int(pending.proposals.reason[row])
        return _SORTED.encode(
            {
                "format": RECEIPT_FORMAT,
                "pd": float(scores.pd[row]),
                "log_odds": float(scores.log_odds[row]),
                "expected": self.expected,
                "trigger": int(scores.trigger[row]),
                "features": _by_name(self.features, scores.values[row].tolist()),
                "attributions": _by_name(self.features, scores.attributions[row].tolist()),
                "reason": policy.reasons[reason].code if reason >= 0 else "",
                "stood": _stood(policy, pending.proposals, row),
                "under": {
                    "at_us": self.at[1],
                    "kill_switch": pending.circumstances.kill_switch,
                    "replay": pending.circumstances.replay,
                },
                "waited": _waited(policy, pending.waiting, row),
                **told,
            }
        )


def said_of(decision: Decision, digests: Mapping[str, str]) -> dict[str, Any]:
    """What the chain says of a decision: nothing that is personal. digests: of what was in force, by kind."""
    return {
        "decision_id": decision.decision_id,
        "day": decision.day,
        "outcome": decision.outcome,
        "band": decision.band,
        "action": decision.action,
        "propensity": decision.propensity,
        "expires_day": decision.expires_day,
        "prediction": list(decision.prediction),
        **{f"{kind}_sha": digest for kind, digest in digests.items()},
    }


def _stood(policy: Policy, proposals: Proposals, row: int) -> dict[str, Any]:
    """What stood for the customer when the policy judged the score: bands and channels by name, no day is null."""
    channels = tuple(channel.name for channel in policy.channels)
    benefit, decided = float(proposals.benefit_minor[row]), int(proposals.decided_day[row])
    contacts = [None if day == NEVER else day for day in proposals.last_contact_day[row].tolist()]
    return {
        "answered_band": _band(policy, int(proposals.answered_band[row])),
        "previous_band": _band(policy, int(proposals.previous_band[row])),
        "decided_day": None if decided == NEVER else decided,
        "last_contact_day": dict(zip(channels, contacts, strict=True)),
        "consent": dict(zip(channels, proposals.consent[row].tolist(), strict=True)),
        "exposure_minor": int(proposals.exposure_minor[row]),
        "benefit_minor": benefit,
        **{name: bool(getattr(proposals, name)[row]) for name in FLAGS},
    }


def _waited(policy: Policy, waiting: Waiting | None, row: int) -> dict[str, Any]:
    """Where the choice stood. Prices are by name of the channel; at the margin "" is nothing, null is not there."""
    if waiting is None:
        return {}
    told = {name: column[row].tolist() for name, column in waiting.columns().items()}
    if "price_minor" in told:
        channels = [channel.name for channel in policy.channels]
        told["price_minor"] = dict(zip(channels, told["price_minor"], strict=True))
        told["margin"] = {NOT_AT_MARGIN: None, NOTHING: "", **dict(enumerate(channels))}[told["margin"]]
    return told


def _band(policy: Policy, place: int) -> str:
    return policy.bands[place].name if place != OUTSIDE else ""


def _by_name(names: tuple[str, ...], values: list[float]) -> dict[str, float]:
    return dict(zip(names, values, strict=True))


_SORTED = msgspec.json.Encoder(order="sorted")
"""NaN comes out as null."""
