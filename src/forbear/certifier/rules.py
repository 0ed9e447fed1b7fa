"""The rules as the certifier reads them: statutory numbers in code, with their source; all else from the packs' text.

The statutes stand here a second time on purpose: a pack that somebody has made laxer than the law is found out.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from forbear.domain.errors import ConfigError

HOUSE = "house"
MEANS = frozenset({"call", "text", "email", "app", "chat", "letter", "visit"})
TOLD_APART = frozenset({"call", "text", "email", "app", "chat", "visit"})
"""What reaches a person at an hour: a letter does not."""
PURPOSES = frozenset({"help", "collection", "service"})
ASKING = frozenset({"help", "collection"})
"""Purposes that a stop keeps from a person; what the law has the bank tell (service) may still be sent."""
KINDS = frozenset({"stop", "consent", "quiet", "frequency", "inconvenient", "hours", "preference"})
_SETS = {"means", "purposes", "stops", "counts", "counted_purposes", "after", "weekdays"}
_WORDS = {"presumption", "practice", "counsel"}
"""What a clause says of itself, and does not forbid."""
_NEVER = date.max.toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Which of the terms count depends on the kind; days are whole.

    in_force: ordinals of the first day and of the first day after the last.  opens, closes: minutes of the local day.
    """

    id: str
    kind: str
    source: str
    says: str
    jurisdiction: str
    in_force: tuple[int, int] = (1, _NEVER)
    means: frozenset[str] = MEANS
    purposes: frozenset[str] = PURPOSES
    stops: frozenset[str] = frozenset()
    whole_person: bool = False
    lasts_days: int | None = None
    adds_days: int = 0
    lapse_days: int | None = None
    days: int = 0
    most: int = 0
    per: str = "matter"
    counts: frozenset[str] = frozenset()
    counted_purposes: frozenset[str] = PURPOSES
    after: frozenset[str] = frozenset()
    spared_days: int | None = None
    counts_spared: bool = True
    opens: int = 0
    closes: int = 1_440
    weekdays: frozenset[int] = frozenset(range(7))
    holidays: bool = True


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rules, and the zones of each jurisdiction. packs: name@version of the packs that were read."""

    rules: tuple[Rule, ...]
    zones: Mapping[str, frozenset[str]]
    packs: tuple[str, ...] = ()
    _by_place: dict[str, tuple[Rule, ...]] = field(default_factory=dict, compare=False)

    def of(self, jurisdiction: str) -> tuple[Rule, ...]:
        """The rules of a jurisdiction, and those of the house."""
        if jurisdiction not in self._by_place:
            wanted = (jurisdiction, HOUSE)
            self._by_place[jurisdiction] = tuple(rule for rule in self.rules if rule.jurisdiction in wanted)
        return self._by_place[jurisdiction]

    def knows(self, jurisdiction: str) -> bool:
        """Whether there is law for a jurisdiction; "" is the house alone."""
        return jurisdiction in ("", HOUSE) or jurisdiction in self.zones

    def everywhere(self, jurisdiction: str) -> frozenset[str]:
        """All zones that somebody there may be in; of no jurisdiction in particular those of all."""
        if jurisdiction in self.zones:
            return self.zones[jurisdiction]
        return frozenset().union(*self.zones.values())

    @property
    def longest_days(self) -> int:
        """How far back a contact can still count."""
        return max((rule.days for rule in self.rules), default=0)


_REG_F = {"jurisdiction": "us", "in_force": (date(2021, 11, 30).toordinal(), _NEVER)}
_RESPITE = {"jurisdiction": "uk", "in_force": (date(2021, 5, 4).toordinal(), _NEVER), "kind": "stop"}
_CALL = frozenset({"call"})
STATUTES = (
    Rule(
        id="statute.us.hours",
        kind="hours",
        source="12 CFR 1006.6(b)(1)(i): before 8:00 a.m. and after 9:00 p.m. local time at the consumer's location",
        says="outside of 8:00 to 21:00 where the customer may be",
        means=TOLD_APART,
        opens=8 * 60,
        closes=21 * 60,
        **_REG_F,
    ),
    Rule(
        id="statute.us.seven_calls",
        kind="frequency",
        source="12 CFR 1006.14(b)(2)(i)(A): more than seven times within seven consecutive days, a particular debt",
        says="the eighth call about this debt within seven days, or a later one",
        means=_CALL,
        counts=_CALL,
        most=7,
        days=7,
        spared_days=7,
        counts_spared=False,
        **_REG_F,
    ),
    Rule(
        id="statute.us.after_conversation",
        kind="quiet",
        source="12 CFR 1006.14(b)(2)(i)(B): within seven days after a telephone conversation, whose day is the first",
        says="a call within seven days after a conversation about this debt",
        means=_CALL,
        after=_CALL,
        days=7,
        spared_days=7,
        **_REG_F,
    ),
    Rule(
        id="statute.us.inconvenient",
        kind="inconvenient",
        source="12 CFR 1006.6(b)(1)(i): a time that the consumer has called inconvenient",
        says="a time that the customer has called inconvenient",
        means=TOLD_APART,
        **_REG_F,
    ),
    Rule(
        id="statute.us.cease",
        kind="stop",
        source="12 CFR 1006.6(c); 15 U.S.C. 1692c(c)",
        says="the customer has asked that contact stop",
        stops=frozenset({"cease"}),
        whole_person=True,
        purposes=ASKING,
        **_REG_F,
    ),
    Rule(
        id="statute.us.attorney",
        kind="stop",
        source="12 CFR 1006.6(b)(2); 15 U.S.C. 1692c(a)(2)",
        says="an attorney represents the customer",
        stops=frozenset({"attorney"}),
        purposes=ASKING,
        **_REG_F,
    ),
    Rule(
        id="statute.us.opt_out",
        kind="stop",
        source="12 CFR 1006.6(e), 1006.14(h)(1)",
        says="the customer has asked not to be reached in this way",
        stops=frozenset({"opt_out"}),
        purposes=ASKING,
        **_REG_F,
    ),
    Rule(
        id="statute.uk.breathing_space",
        source="SI 2020/1311, breathing space moratorium: 60 days beginning with the day on which it starts",
        says="a breathing space runs",
        stops=frozenset({"breathing_space"}),
        whole_person=True,
        purposes=ASKING,
        lasts_days=60,
        **_RESPITE,
    ),
    Rule(
        id="statute.uk.mental_health_crisis",
        source="SI 2020/1311, mental health crisis moratorium: as long as the treatment, and 30 days",
        says="a mental health crisis moratorium runs",
        stops=frozenset({"mental_health_crisis"}),
        whole_person=True,
        purposes=ASKING,
        adds_days=30,
        **_RESPITE,
    ),
    Rule(
        id="statute.in.hours",
        kind="hours",
        source="RBI/2022-23/108 of 12 August 2022: not before 8:00 a.m. and not after 7:00 p.m.",
        says="outside of 8:00 to 19:00 in India",
        means=TOLD_APART,
        opens=8 * 60,
        closes=19 * 60,
        jurisdiction="in",
        in_force=(date(2022, 8, 12).toordinal(), _NEVER),
    ),
)
ZONES = {
    "us": frozenset(
        f"America/{place}"
        for place in (
            *("New_York", "Detroit", "Indiana/Indianapolis", "Indiana/Knox", "Kentucky/Louisville", "Chicago"),
            *("Menominee", "North_Dakota/Center", "Denver", "Boise", "Phoenix", "Los_Angeles", "Anchorage", "Juneau"),
            *("Adak", "Puerto_Rico", "St_Thomas"),
        )
    )
    | {"Pacific/Honolulu", "Pacific/Guam", "Pacific/Saipan", "Pacific/Pago_Pago"},
    "uk": frozenset({"Europe/London"}),
    "in": frozenset({"Asia/Kolkata"}),
}
"""Where somebody of whose place nothing is known may be, beside what the packs say."""


def rule_book(packs: Iterable[tuple[str, bytes]]) -> RuleBook:
    """The statutes and the packs. packs: of each a name for messages, and its TOML.

    Raises ConfigError for a text that is no pack, and for a clause that the certifier does not know: a certificate
    over rules that were not read would say too much.
    """
    rules, labels = list(STATUTES), list[str]()
    zones = dict(ZONES)
    for name, text in packs:
        document = _parsed(name, text)
        jurisdiction = str(document.get("jurisdiction", ""))
        labels.append(f"{document.get('name')}@{document.get('version')}")
        if jurisdiction != HOUSE:
            zones[jurisdiction] = zones.get(jurisdiction, frozenset()) | frozenset(document.get("zones", ()))
        rules += _rules_of(name, document, jurisdiction)
    return RuleBook(tuple(rules), zones, tuple(labels))


def _parsed(name: str, text: bytes) -> dict[str, Any]:
    try:
        document = tomllib.loads(text.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{name} is no TOML", mend="name a pack of contact law") from error
    if not isinstance(document.get("clauses"), list):
        raise ConfigError(f"{name} has no clauses", mend="name a pack of contact law")
    return document


def _rules_of(name: str, document: Mapping[str, Any], jurisdiction: str) -> list[Rule]:
    # A day later and a day earlier than the pack says: on those two days it depends on the place, and is not judged.
    until = document.get("until")
    in_force = (document["in_force_from"].toordinal() + 1, until.toordinal() - 1 if until else _NEVER)
    rules, known = list[Rule](), {one.name for one in fields(Rule)} | _WORDS
    for clause in document["clauses"]:
        if clause.get("kind") == "approval":
            continue  # it forbids nothing: a person approves first
        strange = set(clause) - known if clause.get("kind") in KINDS else {clause.get("kind")}
        if strange:
            what = f"{name}: clause {clause.get('id')} has {strange}, which the certifier cannot judge"
            raise ConfigError(what, mend="use the kinds and terms of docs/contact-law.md")
        terms = {key: frozenset(value) if key in _SETS else value for key, value in clause.items()}
        for key in ("opens", "closes"):
            if key in terms:
                terms[key] = int(terms[key][:2]) * 60 + int(terms[key][3:])
        judged = {key: value for key, value in terms.items() if key not in _WORDS}
        rules.append(Rule(jurisdiction=jurisdiction, in_force=in_force, **judged))
    return rules
