"""The book of all packs: which clauses are asked of a contact, in their order, prepared once for each kind of it."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Self, TypeVar

from forbear.domain.contacts import Means, Purpose, Question
from forbear.domain.errors import ConfigError
from forbear.policy.contact_law.clauses import Ground
from forbear.policy.contact_law.pack import (
    HOUSE,
    Approval,
    Clause,
    Consent,
    Hours,
    Often,
    Pack,
    Preference,
    Quiet,
    Stopped,
    Unwelcome,
)
from forbear.policy.contact_law.picture import NEVER_US
from forbear.policy.contact_law.windows import MINUTE_US, Window
from forbear.policy.contact_law.zones import DAY_US, is_zone

C = TypeVar("C")

_FIRST_ZONE_US, _LAST_ZONE_US = 14 * 60 * MINUTE_US, 12 * 60 * MINUTE_US
"""How long before and after midnight UTC a day begins and ends somewhere."""
_EPOCH_DAY = date(1970, 1, 1).toordinal()

NO_LAW = Ground("no-law", "no pack in force tells the law of this jurisdiction: name one that does, or bring its pack")
NO_PLACE = Ground("no-place", "nobody knows where this person is, and the jurisdiction names no zones: tell a zone")
NO_ZONE = Ground("no-zone", "a time zone that this person may be in is unknown here: put it right")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The clauses that one kind of contact is asked by, from one day to another, each kind in order.

    lasting: stops, consent, preference.  local: what earlier contacts forbid.  lacking: why none is enough.
    """

    packs: tuple[str, ...]
    zones: tuple[str, ...]
    lasting: tuple[Stopped | Consent | Preference, ...]
    local: tuple[Quiet | Often, ...]
    unwelcome: tuple[Unwelcome, ...]
    windows: tuple[Window, ...]
    approvals: tuple[Approval, ...]
    lacking: Ground | None


class LawBook:
    """Packs by jurisdiction, and bank holidays [days since 1970] by country. It may be shared between threads.

    packs: the house's last, whose clauses are asked of everybody.  digest: SHA-256 over those of the packs.
    """

    def __init__(self, packs: tuple[Pack, ...], holidays: Mapping[str, frozenset[int]]) -> None:
        self.packs = packs
        self.digest = hashlib.sha256(" ".join(sorted(pack.digest for pack in packs)).encode()).hexdigest()
        self._holidays = holidays
        self._of = {place: tuple(p for p in packs if p.jurisdiction in (place, HOUSE)) for place in self._places()}
        self._turns = {place: _turns(asked) for place, asked in self._of.items()}
        self._regions = {place: {*chain(*(pack.regions for pack in asked))} for place, asked in self._of.items()}
        self._plans: dict[tuple[str, str, Means, Purpose, int], Plan] = {}

    @classmethod
    def of(cls, packs: Iterable[Pack], holidays: Mapping[str, frozenset[int]] | None = None) -> Self:
        """The book of these packs. holidays: days since 1970 by ISO country code; none where a country is not there.

        Raises ConfigError for no pack, for two of one name and version, and for a zone that is unknown here.
        """
        found = tuple(sorted(packs, key=lambda pack: (pack.jurisdiction == HOUSE, pack.in_force_from, pack.label)))
        labels = [pack.label for pack in found]
        if not labels:
            raise ConfigError("a law book without packs", mend="name at least the pack of the house")
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise ConfigError(f"law packs {twice} stand twice", mend="give each its own name or version")
        for pack in found:
            if unknown := [zone for zone in pack.zones if not is_zone(zone)]:
                raise ConfigError(f"law pack {pack.label}: unknown zones {unknown}", mend="use IANA names")
        return cls(found, {} if holidays is None else holidays)

    @property
    def jurisdictions(self) -> tuple[str, ...]:
        """Whose law the book holds, beside the house's rules."""
        return tuple(sorted({pack.jurisdiction for pack in self.packs} - {HOUSE}))

    def turn_after(self, jurisdiction: str, at_us: int) -> int:
        """The next instant at which a pack that is asked there begins or ends [us UTC]; `NEVER_US` for no more."""
        turns = self._turns.get(jurisdiction, self._turns[""])
        place = bisect_right(turns, at_us)
        return turns[place] if place < len(turns) else NEVER_US

    def plan(self, question: Question, at_us: int) -> Plan:
        """What a contact of this kind is asked by at an instant."""
        place = question.jurisdiction if question.jurisdiction in self._of else _NOWHERE
        turns = self._turns.get(place, self._turns[""])
        region = question.region if question.region in self._regions.get(place, ()) else ""
        key = (place, region, question.means, question.purpose, bisect_right(turns, at_us))
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._planned(key, at_us)
        return plan

    def _places(self) -> tuple[str, ...]:
        return ("", *self.jurisdictions, HOUSE)

    def _planned(self, key: tuple[str, str, Means, Purpose, int], at_us: int) -> Plan:
        place, region, means, purpose, _ = key
        asked = [pack for pack in self._of.get(place, self._of[""]) if _in_force(pack, at_us)]
        every = (clause for pack in asked for clause in pack.clauses)
        clauses = [clause for clause in every if means in clause.means and purpose in clause.purposes]
        told = place in ("", HOUSE) or any(pack.jurisdiction == place for pack in asked)
        own = [pack for pack in asked if pack.jurisdiction == place] or asked
        hours = _of(clauses, Hours)
        closed = frozenset() if all(clause.holidays for clause in hours) else self._closed(own, region)
        return Plan(
            packs=tuple(pack.label for pack in asked),
            zones=tuple(sorted({zone for pack in own for zone in pack.zones})),
            lasting=_of(clauses, Stopped) + _of(clauses, Consent) + _of(clauses, Preference),
            local=_of(clauses, Quiet) + _of(clauses, Often),
            unwelcome=_of(clauses, Unwelcome),
            windows=tuple(Window.of(clause, closed) for clause in hours),
            approvals=_of(clauses, Approval),
            lacking=None if told and asked else NO_LAW,
        )

    def _closed(self, packs: list[Pack], region: str) -> frozenset[int]:
        """Bank holidays of a region, of the country where it has none of its own, or of all that may be meant."""
        countries = {pack.regions.get(region, pack.country) for pack in packs}
        if countries == {""}:
            countries = {code for pack in packs for code in pack.regions.values()}
        return frozenset(chain(*(self._holidays.get(code, ()) for code in sorted(countries))))


_NOWHERE = "?"
"""In the place of every jurisdiction that no pack tells of."""


def _turns(packs: tuple[Pack, ...]) -> tuple[int, ...]:
    return tuple(sorted({instant for pack in packs for instant in _force(pack) if instant is not None}))


def _force(pack: Pack) -> tuple[int, int | None]:
    """From which instant on a pack is in force, and to which: as soon and as long as it is so anywhere."""
    begins = (pack.in_force_from.toordinal() - _EPOCH_DAY) * DAY_US - _FIRST_ZONE_US
    ends = None if pack.until is None else (pack.until.toordinal() - _EPOCH_DAY) * DAY_US + _LAST_ZONE_US
    return begins, ends


def _in_force(pack: Pack, at_us: int) -> bool:
    begins, ends = _force(pack)
    return begins <= at_us and (ends is None or at_us < ends)


def _of(clauses: Iterable[Clause], kind: type[C]) -> tuple[C, ...]:
    return tuple(clause for clause in clauses if isinstance(clause, kind))
