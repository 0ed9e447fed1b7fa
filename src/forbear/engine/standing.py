"""Where each customer stands with the policy: the intervenor's memory, one place a slot of the book."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forbear.domain.terms import FLAGGED, STOPPING, Answer, Circumstance
from forbear.engine.findings import Answered, Update
from forbear.engine.scorer import Scores
from forbear.features.columns import micros
from forbear.policy.document import Policy
from forbear.policy.hashing import seed_of
from forbear.policy.proposals import NEVER, Proposals
from forbear.policy.triggers import Trigger

MATTER = np.uint64(seed_of("early_delinquency"))
"""What every contact is about so far: the payment that may be missed."""


@dataclass(slots=True, kw_only=True)
class Standing:
    """s slots. band, answered: (s,) int8, see `Proposals`.  decided_day: (s,) int32.  contact_day: (s, c) int32.

    judged: (s,) int64, offset of the latest score that the policy judged, or of the stop of all contact that has
    withdrawn what was proposed on it; -1 for none.
    consents: (s,) uint64, bit w for words[w].  circumstances: (s, 3) bool, in the order of `FLAGGED`;
    whatever forbids contact is kept as legal_stop.
    exposure_minor: (s,) int64.  told_us: (s,) int64, `booked_at` of the customer update that the last three are of.
    words: the consents that were ever given, the first 64.
    """

    band: NDArray[np.int8]
    answered: NDArray[np.int8]
    decided_day: NDArray[np.int32]
    contact_day: NDArray[np.int32]
    judged: NDArray[np.int64]
    consents: NDArray[np.uint64]
    circumstances: NDArray[np.bool_]
    exposure_minor: NDArray[np.int64]
    told_us: NDArray[np.int64]
    words: list[str] = field(default_factory=list)

    @classmethod
    def empty(cls, channels: int) -> Self:
        """Of nobody."""
        return cls(
            band=np.empty(0, np.int8),
            answered=np.empty(0, np.int8),
            decided_day=np.empty(0, np.int32),
            contact_day=np.empty((0, channels), np.int32),
            judged=np.empty(0, np.int64),
            consents=np.empty(0, np.uint64),
            circumstances=np.empty((0, len(FLAGGED)), np.bool_),
            exposure_minor=np.empty(0, np.int64),
            told_us=np.empty(0, np.int64),
        )

    def grow(self, slots: int) -> None:
        """Have a place for so many slots."""
        if slots <= len(self.band):
            return
        for name, fresh in FRESH.items():
            old = getattr(self, name)
            new = np.full((max(slots, len(old) * 3 // 2), *old.shape[1:]), fresh, dtype=old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)

    def heed(self, changes: Iterable[Update | Answered]) -> None:
        """Take in customer updates, and answers that forbid contact. A younger one is never undone by an older."""
        for change in changes:
            if isinstance(change, Update):
                self._update(change)
            elif change.row.answer in _NO_MORE and change.row.at_us >= self.told_us[change.slot]:
                self.told_us[change.slot], self.consents[change.slot] = change.row.at_us, 0
                self.circumstances[change.slot, _LEGAL_STOP] = True
                self.judged[change.slot] = change.offset

    def _update(self, update: Update) -> None:
        offset, slot, known = update
        booked = micros(known.booked_at)
        if booked < self.told_us[slot]:
            return
        self.told_us[slot] = booked
        self.words += [word for word in dict.fromkeys(known.consents) if word not in self.words]
        bits = [self.words.index(word) for word in known.consents]
        self.consents[slot] = sum({1 << bit for bit in bits if bit < _MOST_WORDS})
        self.circumstances[slot] = [name in known.circumstances for name in FLAGGED]
        self.circumstances[slot, _LEGAL_STOP] = not STOPPING.isdisjoint(known.circumstances)
        if self.circumstances[slot, _LEGAL_STOP]:
            self.judged[slot] = offset
        self.exposure_minor[slot] = sum(owed.exposure_minor for owed in known.obligations)

    def proposals(self, scores: Scores, reason: NDArray[np.int16], policy: Policy) -> Proposals:
        """The scores as proposals of their customers."""
        slots = scores.slots
        places = [self.words.index(c.consent) if c.consent in self.words else -1 for c in policy.channels]
        given = self.consents[slots]
        consent = [given >> np.uint64(p) & _ONE if 0 <= p < _MOST_WORDS else given & _NONE for p in places]
        flags = {name: self.circumstances[slots, place] for place, name in enumerate(_FLAGS)}
        return Proposals(
            customer=scores.customer,
            override=(scores.trigger & Trigger.OVERRIDE) != 0,
            matter=np.full(len(slots), MATTER),
            day=scores.day,
            order=scores.offset,
            pd=scores.pd,
            consent=np.column_stack(consent).astype(np.bool_),
            last_contact_day=self.contact_day[slots],
            previous_band=self.band[slots],
            answered_band=self.answered[slots],
            decided_day=self.decided_day[slots],
            reason=reason,
            exposure_minor=self.exposure_minor[slots],
            benefit_minor=np.full(len(slots), np.nan),
            **flags,
        )

    def under(self, old: Policy | None, new: Policy) -> None:
        """Stand under another policy: bands and channels keep what they have by their names, what is new is fresh."""
        before, after = [band.name for band in old.bands] if old else [], [band.name for band in new.bands]
        places = np.array([*(after.index(name) if name in after else -1 for name in before), -1], dtype=np.int8)
        self.band, self.answered = places[self.band], places[self.answered]
        names = [channel.name for channel in old.channels] if old else []
        same = [names.index(channel.name) if channel.name in names else -1 for channel in new.channels]
        never = np.full(len(self.band), NEVER, dtype=np.int32)
        self.contact_day = np.column_stack([self.contact_day[:, p] if p >= 0 else never for p in same])


_LEGAL_STOP = FLAGGED.index(Circumstance.LEGAL_STOP)
_NO_MORE = (Answer.OPTED_OUT, Answer.WRONG_PERSON)
_FLAGS = tuple(str(name) for name in FLAGGED)
FRESH: dict[str, Any] = {
    "band": -1,
    "answered": -1,
    "decided_day": NEVER,
    "contact_day": NEVER,
    "judged": -1,
    "consents": 0,
    "circumstances": False,
    "exposure_minor": 0,
    "told_us": np.iinfo(np.int64).min,
}
"""What a slot begins with, by name of the array."""
_MOST_WORDS = 64
_ONE, _NONE = np.uint64(1), np.uint64(0)
