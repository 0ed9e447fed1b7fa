"""What made-up people do with help that reaches them: a provider's receipts, their replies, their promises.

Everything follows from a seed and the intervention's id: whoever asks again is told the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

Said: TypeAlias = Literal["bounced", "delivered", "accepted", "declined", "opted_out", "wrong_person", "wants_a_human"]
Spoken: TypeAlias = Literal["no_answer", "accepted", "declined", "promised", "wants_a_human", "contests"]

HOUR_US = 3_600_000_000
_DAY_US = 24 * HOUR_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How made-up people answer, as shares [0, 1] of those reached. Every number is made up, and stands for nobody.

    bounced: of messages.  answered: of messages that arrive, whatever the answer.  accepted: of answers, where nothing
    else is known of the action.  opted_out, wrong_person, human: of answers.  reached: of calls.  promised: of
    conversations.  contests: of conversations.
    """

    bounced: float = 0.02
    answered: float = 0.35
    accepted: float = 0.40
    opted_out: float = 0.03
    wrong_person: float = 0.01
    human: float = 0.06
    reached: float = 0.55
    promised: float = 0.35
    contests: float = 0.02


@dataclass(frozen=True, slots=True)
class Told:
    """Something that comes back. said: what.  after_us: so long after the message was taken [us]."""

    said: Said
    after_us: int


def told_of(intervention_id: str, seed: int, manners: Manners, accepted: float | None = None) -> tuple[Told, ...]:
    """What comes back on a message: a receipt, and for some a reply. accepted: of answers, None for the manners'."""
    if _chance(seed, intervention_id, "bounced") < manners.bounced:
        return (Told("bounced", 60_000_000),)
    arrived = Told("delivered", 30_000_000)
    if _chance(seed, intervention_id, "answered") >= manners.answered:
        return (arrived,)
    after = int(HOUR_US + _chance(seed, intervention_id, "when") * 3 * _DAY_US)
    yes = manners.accepted if accepted is None else accepted
    draw = _chance(seed, intervention_id, "reply")
    ends: tuple[tuple[float, Said], ...] = (
        (manners.opted_out, "opted_out"),
        (manners.wrong_person, "wrong_person"),
        (manners.human, "wants_a_human"),
        (yes, "accepted"),
    )
    for share, said in ends:
        if draw < share:
            return arrived, Told(said, after)
        draw -= share
    return arrived, Told("declined", after)


def spoken(call_id: str, seed: int, manners: Manners) -> Spoken:
    """What comes of a call that a person makes."""
    if _chance(seed, call_id, "reached") >= manners.reached:
        return "no_answer"
    draw = _chance(seed, call_id, "spoken")
    ends: tuple[tuple[float, Spoken], ...] = (
        (manners.promised, "promised"),
        (manners.contests, "contests"),
        (manners.human, "wants_a_human"),
        (manners.accepted, "accepted"),
    )
    for share, said in ends:
        if draw < share:
            return said
        draw -= share
    return "declined"


def promised_minor(call_id: str, seed: int, owed_minor: int) -> int:
    """What somebody promises to pay of what they owe: all of it, or half. [minor units]"""
    return owed_minor if _chance(seed, call_id, "promise") < 0.7 else max(owed_minor // 2, 1)


def _chance(seed: int, of: str, purpose: str) -> float:
    """Uniform in [0, 1), the same whenever it is asked."""
    digest = hashlib.sha256(f"{seed}|{purpose}|{of}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
