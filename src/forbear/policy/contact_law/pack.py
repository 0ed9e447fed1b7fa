"""Packs: what a jurisdiction, or the house, says of contacts, as dated clauses that each name their source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct, field

from forbear.domain.contacts import Means, Purpose, Stop
from forbear.domain.stated import Kind, StatedDocument

HOUSE = "house"
"""The jurisdiction whose packs are asked of everybody."""
_KIND = Kind("law pack", format=1, page="docs/contact-law.md")

Word: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}\Z")]
ClauseId: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_.-]{0,63}\Z")]
Prose: TypeAlias = Annotated[str, Meta(min_length=1, max_length=600)]
OfDay: TypeAlias = Annotated[str, Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)\Z")]
Weekday: TypeAlias = Annotated[int, Meta(ge=0, le=6)]
Days: TypeAlias = Annotated[int, Meta(ge=1, le=400)]
ZoneName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
CountryCode: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]

EVERY_MEANS = tuple(Means)
EVERY_PURPOSE = tuple(Purpose)
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


class _Clause(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every clause bears. id: begins with the name of its pack.  source: rule and paragraph.  says: for people.

    presumption: the law presumes a breach, and does not forbid outright.  practice: the bank's own rule, not law.
    counsel: what a lawyer has still to confirm, "" for nothing.  means, purposes: of the contacts that it binds.
    """

    id: ClauseId
    source: Prose
    says: Prose
    presumption: bool = False
    practice: bool = False
    counsel: str = ""
    means: tuple[Means, ...] = EVERY_MEANS
    purposes: tuple[Purpose, ...] = EVERY_PURPOSE


class Stopped(_Clause, frozen=True, tag="stop"):
    """While one of `stops` holds, no contact. whole_person: a stop of one matter binds all matters.

    lasts_days: of a stop whose end nobody has told, None: until it is lifted.  adds_days: after an end that was told.
    """

    stops: Annotated[tuple[Stop, ...], Meta(min_length=1)]
    whole_person: bool = False
    lasts_days: Days | None = None
    adds_days: Annotated[int, Meta(ge=0, le=400)] = 0


class Consent(_Clause, frozen=True, tag="consent"):
    """No contact without consent to the channel. lapse_days: age at which consent counts no more, None: it stays."""

    lapse_days: Days | None = None


class Quiet(_Clause, frozen=True, tag="quiet"):
    """No contact for `days` after a conversation about the same matter, whoever began it; its day is the first.

    after: means of the conversation.  spared_days: see `Often`.
    """

    days: Days
    after: tuple[Means, ...]
    spared_days: Days | None = None


class Often(_Clause, frozen=True, tag="frequency"):
    """At most `most` attempts in `days` consecutive days. per: one matter, or the person over all matters.

    counts: means that are counted.  counted_purposes: purposes that are.  spared_days: direct consent to the channel
    lets a contact pass for so many days, up to the next conversation; what was made under it goes on counting.
    """

    most: Annotated[int, Meta(ge=1, le=1_000)]
    days: Days
    per: Literal["matter", "person"]
    counts: tuple[Means, ...]
    counted_purposes: tuple[Purpose, ...] = EVERY_PURPOSE
    spared_days: Days | None = None


class Unwelcome(_Clause, frozen=True, tag="inconvenient"):
    """No contact at times that the customer has called inconvenient, local at their place."""


class Hours(_Clause, frozen=True, tag="hours"):
    """Contact only within [from, to) of the wall clock at the customer's place, on these weekdays (0: Monday).

    holidays: whether bank holidays are days like all others.
    """

    opens: OfDay
    closes: OfDay
    weekdays: Annotated[tuple[Weekday, ...], Meta(min_length=1)] = EVERY_DAY
    holidays: bool = True


class Preference(_Clause, frozen=True, tag="preference"):
    """No contact on another channel than the one that the customer wants."""


class Approval(_Clause, frozen=True, tag="approval"):
    """A person approves first, where the customer is in circumstances that call for care. It forbids nothing."""


Clause: TypeAlias = Stopped | Consent | Quiet | Often | Unwelcome | Hours | Preference | Approval


class Pack(StatedDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All clauses of one jurisdiction from one day on. `parse_pack` is the door.

    name: for records, with the version.  until: the first day on which it is in force no more, None: not known.
    zones: IANA names of all that the jurisdiction spans.  country: whose bank holidays hold where no region is told,
    "" for none.  regions: the country of each region of a customer, where they differ.  note: for people.
    """

    name: Word
    jurisdiction: Word
    in_force_from: date
    until: date | None = None
    zones: Annotated[tuple[ZoneName, ...], Meta(max_length=128)] = ()
    country: Annotated[str, Meta(pattern=r"^([A-Z]{2})?\Z")] = ""
    regions: dict[str, CountryCode] = field(default_factory=dict)
    note: str = ""
    clauses: Annotated[tuple[Clause, ...], Meta(min_length=1, max_length=100)]

    @property
    def label(self) -> str:
        """name@version, as records name it."""
        return f"{self.name}@{self.version}"


def parse_pack(document: Mapping[str, Any]) -> Pack:
    """The pack of a parsed TOML document.

    Raises ConfigError that names the place, what is wrong there, and what would be right.
    """
    return _KIND.read(document, Pack, _faults)


def minute_of(clock: str) -> int:
    """Minutes since midnight of "hh:mm"; 1440 for "24:00"."""
    return int(clock[:2]) * 60 + int(clock[3:])


def _faults(found: Pack) -> Iterator[tuple[str, str]]:
    names = [clause.id for clause in found.clauses]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield f"clauses {twice} stand twice", "give each clause an id of its own"
    if foreign := [name for name in names if not name.startswith(f"{found.name}.")]:
        yield f"clauses {foreign} are not named for the pack", f'let each id begin with "{found.name}."'
    if found.until is not None and found.until <= found.in_force_from:
        yield f"until {found.until} is not after in_force_from {found.in_force_from}", "name a later day, or none"
    for clause in found.clauses:
        if isinstance(clause, Hours) and minute_of(clause.opens) >= minute_of(clause.closes):
            yield f"{clause.id}: opens {clause.opens} is not before closes {clause.closes}", "let it open first"
        if not clause.means or not clause.purposes:
            yield f"{clause.id} binds no contact", "name means and purposes, or leave them out for all"
