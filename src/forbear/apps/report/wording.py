"""Words for what the store holds in codes: outcomes, reasons, amounts and days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from forbear.apps.page.numerals import SPACE
from forbear.domain.money import amount_text
from forbear.engine.outputs import Part
from forbear.engine.queries import Scored, Status
from forbear.features.columns import day_of
from forbear.policy.document import Policy
from forbear.policy.proposals import HOLD_REASONS, HoldReason
from forbear.policy.reading import parse_policy

LANGUAGE = "en"
"""The page is written in English; other languages are for the customer."""
OFFER = "offer"
PROPOSED = "proposed"
EARLIER = "by an earlier policy"
MEANINGS: Mapping[str, str] = {
    OFFER: "help was offered",
    PROPOSED: "an action was chosen; decided at the next cut",
    HoldReason.BELOW_CUTOFF: "in no band",
    HoldReason.ALREADY_ANSWERED: "contacted in this band, and the time to repeat has not come",
    HoldReason.DECIDED_TODAY: "decided on this day already",
    HoldReason.LEGAL_STOP: "the law forbids contact",
    HoldReason.NO_ELIGIBLE_ACTION: "no action of the band suits the reason, or is worth its cost",
    HoldReason.NO_CONSENT: "the customer agrees to no channel of those that suit",
    HoldReason.COOL_DOWN: "contacted lately",
    HoldReason.REPLAY: "outreach has not been started",
    HoldReason.KILL_SWITCH: "a person has stopped all outreach",
    HoldReason.HOLD_OUT: "kept aside for comparison",
    HoldReason.SUPERSEDED: "a later proposal stands",
    HoldReason.EXPIRED: "its days of validity were over",
    HoldReason.ABNORMAL_VOLUME: "more offers than the bound: waits for a person",
    HoldReason.CAPACITY: "no place was left on the channel",
}
"""What each outcome and each verdict means."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What codes are read by. policy: in force, None before the first.  model: the part in force."""

    policy: Policy | None
    number: int
    model: Part | None

    @classmethod
    def of(cls, status: Status) -> Wording:
        """For a store as it stands. Raises ConfigError for a policy that cannot be read."""
        kept = status.policy
        policy = parse_policy(str(kept.document["text"])) if kept else None
        return cls(policy, kept.number if kept else 0, status.model)

    def band(self, scored: Scored) -> str:
        """The band of a score, "" outside."""
        if scored.band < 0:
            return ""
        known = self.policy is not None and scored.policy == self.number
        return self.policy.bands[scored.band].name if self.policy and known else EARLIER

    def reason(self, scored: Scored) -> str:
        """The policy's name of the heaviest reason of a score; "" where none raises it."""
        if scored.reason < 0 or self.policy is None or scored.policy != self.number:
            return ""
        return plain(self.policy.reasons[scored.reason].code)

    def attributions(self, scored: Scored) -> dict[str, float]:
        """What each feature adds to a score; empty for an erased customer, and for an earlier model."""
        if self.model is None or scored.model != self.model.number or not scored.attributions:
            return {}
        features: Any = self.model.document["features"]
        return dict(zip(features, scored.attributions, strict=True))


def told_in(personal: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...] | None:
    """The reasons as they were told with a decision; None where none were approved then, and so nothing was told.

    personal: what was sealed with the decision.
    """
    told: list[Mapping[str, Any]] | None = personal.get("told")
    return None if told is None else tuple(told)


def verdict_of(code: int) -> str:
    """What the policy said to a score at once, in one word."""
    return PROPOSED if code < 0 else str(HOLD_REASONS[code])


def plain(word: str) -> str:
    """A word of the store without its underscores."""
    return word.replace("_", " ")


def dated(day: int) -> str:
    """A day as a person reads it, on one line."""
    found: date = day_of(day)
    return f"{found.day} {found:%B %Y}".replace(" ", SPACE)


def money(amount_minor: int, currency: str) -> str:
    """An amount with its currency."""
    return f"{amount_text(amount_minor, currency, thousands=',')}{SPACE}{currency}"


def listed(words: Sequence[str]) -> str:
    """Words one after another, the last behind an "and"."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1] if words else "") if part)
