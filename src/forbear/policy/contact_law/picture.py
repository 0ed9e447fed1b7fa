"""What the facts of one customer come to at an instant, as far as the bank knows them.

Facts may come in any order: of two that say something else the younger holds, by when it happened; of two of the same
instant the one that allows less. What holds only later is kept aside, and nobody acts on it before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec import structs

from forbear.domain.contacts import (
    Consented,
    Contacted,
    Fact,
    Inconvenient,
    Lifted,
    Placed,
    PlaceSource,
    Preferred,
    Restricted,
    made,
)

NEVER_US = 2**62
"""After every instant: waiting does not help."""


@dataclass(slots=True)
class Picture:
    """One customer at one instant.

    placed: by source, when its newest word is of and its zones.  consents: the newest word by channel.  stops: those
    that began, and no lifting has ended.  contacts: all that count, those entered ahead of time too.
    changes_us: the next instant at which something else that is known already begins to hold.
    """

    placed: dict[PlaceSource, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    consents: dict[str, Consented] = field(default_factory=dict)
    stops: list[Restricted] = field(default_factory=list)
    contacts: list[Contacted] = field(default_factory=list)
    inconvenient: list[Inconvenient] = field(default_factory=list)
    preferred: str = ""
    changes_us: int = NEVER_US

    def zones(self, jurisdiction: tuple[str, ...]) -> tuple[str, ...]:
        """Zones that the person may be in, in order. jurisdiction: all that it spans.

        Where they have said they are, unless somebody has stated another place since; else wherever any source has
        them. A number alone narrows nothing: it may be carried anywhere.
        """
        placed = self.placed
        if not placed:
            return jurisdiction
        stated, address = placed.get(PlaceSource.STATED, _NOWHERE), placed.get(PlaceSource.ADDRESS, _NOWHERE)
        told = placed.get(PlaceSource.TOLD, _NOWHERE)
        if told[1] and told[0] >= stated[0] and told[0] >= address[0]:
            return told[1]
        found = {*stated[1], *address[1]} or set(jurisdiction)
        if PlaceSource.NUMBER in placed:
            found.update(placed[PlaceSource.NUMBER][1])
        return tuple(sorted(found))


def known_by(facts: Iterable[Fact], at_us: int) -> list[Fact]:
    """What the bank knew at an instant, each fact once: the first that bore an identifier is the fact.

    Attempts that were called off by then are left out.
    """
    found: dict[str, Fact] = {}
    for fact in facts:
        if fact.known_us <= at_us:
            found.setdefault(fact.fact_id, fact)
    return made(list(found.values()))


def picture_at(known: Sequence[Fact], at_us: int) -> Picture:
    """What these facts come to at an instant; see `known_by` for which to give."""
    seen = Picture()
    lifted: list[Lifted] = []
    preferred: list[Preferred] = []
    for fact in known:
        if isinstance(fact, Contacted):
            if not fact.called_off:
                seen.contacts.append(fact)
        elif fact.at_us > at_us:
            seen.changes_us = min(seen.changes_us, fact.at_us)
        elif isinstance(fact, Placed):
            _place(seen.placed, fact)
        elif isinstance(fact, Consented):
            _consent(seen.consents, fact)
        elif isinstance(fact, Restricted):
            seen.stops.append(fact)
        elif isinstance(fact, Lifted):
            lifted.append(fact)
        elif isinstance(fact, Inconvenient):
            seen.inconvenient.append(fact)
        else:
            preferred.append(fact)
    if lifted and seen.stops:
        seen.stops = [stop for stop in seen.stops if not any(_ends(one, stop) for one in lifted)]
    if preferred:
        seen.preferred = max(preferred, key=lambda fact: (fact.at_us, fact.fact_id)).channel
    return seen


def _place(placed: dict[PlaceSource, tuple[int, tuple[str, ...]]], fact: Placed) -> None:
    at_us, zones = placed.get(fact.source, _NOWHERE)
    if fact.at_us > at_us:
        placed[fact.source] = (fact.at_us, fact.zones)
    elif fact.at_us == at_us:
        placed[fact.source] = (at_us, tuple(sorted({*zones, *fact.zones})))


def _consent(consents: dict[str, Consented], fact: Consented) -> None:
    held = consents.get(fact.channel)
    if held is None or fact.at_us > held.at_us:
        consents[fact.channel] = fact
    elif fact.at_us == held.at_us:
        consents[fact.channel] = _least(held, fact)


def _least(one: Consented, other: Consented) -> Consented:
    """What two words of one instant allow both: nobody knows which of them is the later one."""
    ends = [word.until_us for word in (one, other) if word.until_us is not None]
    given, direct = one.given and other.given, one.direct and other.direct
    return structs.replace(one, given=given, direct=direct, until_us=min(ends, default=None))


def _ends(lifted: Lifted, stop: Restricted) -> bool:
    return (
        lifted.at_us > stop.at_us
        and lifted.stop == stop.stop
        and lifted.matter == stop.matter
        and lifted.channel == stop.channel
    )


_NOWHERE: tuple[int, tuple[str, ...]] = (-1, ())
