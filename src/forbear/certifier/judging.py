"""Whether one contact was against a rule, by what a view of the facts says."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from forbear.certifier.open_facts import Record, View
from forbear.certifier.rules import Rule, RuleBook
from forbear.certifier.times import DAY_US, Wall, still_within, surely_within, wall, zone_of

UNKNOWN_LAW = "certifier.unknown_jurisdiction"
UNKNOWN_ZONE = "certifier.unknown_zone"
_WHY = {
    UNKNOWN_LAW: "no pack has law for this jurisdiction",
    UNKNOWN_ZONE: "the customer may be in a zone that nobody knows",
}


def against(contact: Record, view: View, book: RuleBook) -> Iterator[tuple[str, str]]:
    """The rules that a contact breaks: of each its id, and why in words."""
    if not book.knows(contact["jurisdiction"]):
        yield UNKNOWN_LAW, _WHY[UNKNOWN_LAW]
        return
    found = [zone_of(name) for name in sorted(_places(contact, view, book))]
    zones = [zone for zone in found if zone is not None]
    if len(zones) < len(found):
        yield UNKNOWN_ZONE, _WHY[UNKNOWN_ZONE]
    case = _Case(contact, view, zones)
    for rule in book.of(contact["jurisdiction"]):
        if rule.in_force[0] <= case.date < rule.in_force[1] and _binds(rule, contact):
            why = _JUDGES[rule.kind](rule, case)
            if why:
                yield rule.id, f"{rule.says} ({why})"


class _Case:
    """A contact, what held at its instant, and what clocks showed wherever the customer may have been."""

    def __init__(self, contact: Record, view: View, zones: list[ZoneInfo]) -> None:
        self.contact, self.view, self.zones = contact, view, zones
        self.at_us: int = contact["at_us"]
        self.walls: list[tuple[ZoneInfo, Wall]] = [(zone, wall(self.at_us, zone)) for zone in zones]
        self.date = self.at_us // DAY_US + 719_163  # the ordinal of 1 January 1970

    def same_matter(self, other: Record) -> bool:
        """Whether another contact was about the same matter."""
        return bool(other["matter"] == self.contact["matter"])

    def spared(self, days: int | None, call: Record) -> bool:
        """Whether the customer had, before a call, directly agreed to calls beyond the usual number."""
        if days is None:
            return False
        at_us = call["at_us"]
        agreed = _newest(self.view, "consented", self.contact["channel"], at_us)
        if agreed is None or not agreed["given"] or not agreed["direct"]:
            return False
        if agreed["until_us"] is not None and agreed["until_us"] <= at_us:
            return False
        spoken = any(
            one["conversation"]
            and one["means"] == "call"
            and self.same_matter(one)
            and agreed["at_us"] < one["at_us"] <= at_us
            and one["entry"] != call["entry"]
            for one in self.view.made()
        )
        return not spoken and surely_within(agreed["at_us"], at_us, days, self.zones)


def _places(contact: Record, view: View, book: RuleBook) -> set[str]:
    """Zones that the customer could have been in."""
    told, stated = view.newest("placed", source="told"), view.newest("placed", source="stated")
    address, number = view.newest("placed", source="address"), view.newest("placed", source="number")
    later = [one for one in (stated, address) if one is not None and told is not None and one["at_us"] > told["at_us"]]
    if told is not None and told["zones"] and not later:
        return set(told["zones"])
    firm = {zone for one in (stated, address) if one is not None for zone in one["zones"]}
    loose = set(number["zones"]) if number is not None else set()
    if firm:
        return firm | loose
    # A number alone narrows nothing. Of the house alone, which names no zones to add, it is all that there is.
    here = contact["jurisdiction"]
    return loose if loose and here not in book.zones else loose | book.everywhere(here)


def _binds(rule: Rule, contact: Record) -> bool:
    return contact["means"] in rule.means and contact["purpose"] in rule.purposes


def _newest(view: View, kind: str, channel: str, at_us: int) -> Record | None:
    last: Record | None = None
    for one in view.of(kind):
        if one["channel"] == channel and one["at_us"] <= at_us and (last is None or one["at_us"] >= last["at_us"]):
            last = one
    return last


def _hours(rule: Rule, case: _Case) -> str:
    for zone, clock in case.walls:
        if not rule.opens <= clock.minute < rule.closes:
            return f"{clock.minute // 60:02}:{clock.minute % 60:02} in {zone.key}"
        if clock.weekday not in rule.weekdays:
            return f"day {clock.weekday} of the week in {zone.key}"
    return ""


def _inconvenient(rule: Rule, case: _Case) -> str:
    del rule
    for told in case.view.of("inconvenient"):
        if told["channel"] not in (None, case.contact["channel"]):
            continue
        for zone, clock in case.walls:
            if _unwelcome(told, clock):
                return f"{clock.minute // 60:02}:{clock.minute % 60:02} in {zone.key}"
    return ""


def _unwelcome(told: Record, clock: Wall) -> bool:
    start, end, weekdays = told["from_minute"], told["to_minute"], told["weekdays"] or range(7)
    today, yesterday = clock.weekday in weekdays, (clock.weekday - 1) % 7 in weekdays
    if start < end:
        return today and start <= clock.minute < end
    return (today and clock.minute >= start) or (yesterday and clock.minute < end)


def _stop(rule: Rule, case: _Case) -> str:
    for stop in case.view.stops():
        about = stop["matter"] is None or rule.whole_person or case.same_matter(stop)
        if stop["stop"] in rule.stops and about and stop["channel"] in (None, case.contact["channel"]):
            if stop["until_us"] is not None:
                goes_on = case.at_us < stop["until_us"] or (
                    rule.adds_days > 0 and still_within(stop["until_us"], case.at_us, rule.adds_days, case.zones)
                )
            else:
                goes_on = rule.lasts_days is None or still_within(
                    stop["at_us"], case.at_us, rule.lasts_days, case.zones
                )
            if goes_on:
                return str(stop["stop"])
    return ""


def _consent(rule: Rule, case: _Case) -> str:
    held = _newest(case.view, "consented", case.contact["channel"], case.at_us)
    if held is None or not held["given"]:
        return "none is held" if held is None else "it was withdrawn"
    if held["until_us"] is not None and held["until_us"] <= case.at_us:
        return "it has lapsed"
    old = rule.lapse_days is not None and not surely_within(held["at_us"], case.at_us, rule.lapse_days, case.zones)
    return "it is too old" if old else ""


def _preference(rule: Rule, case: _Case) -> str:
    del rule
    wish = case.view.newest("preferred")
    if wish is None:
        return ""
    # Of two wishes of one instant nobody knows which is the later one: either may be followed.
    wanted = {one["channel"] for one in case.view.of("preferred") if one["at_us"] == wish["at_us"]}
    return "" if wanted & {"", case.contact["channel"]} else f"by {wish['channel']}"


def _quiet(rule: Rule, case: _Case) -> str:
    for one in case.view.contacts(rule.days):
        if one["conversation"] and one["means"] in rule.after and case.same_matter(one) and _other(one, case):
            within = still_within(one["at_us"], case.at_us, rule.days, case.zones)
            if within and not case.spared(rule.spared_days, case.contact):
                return f"entry {one.get('entry')}"
    return ""


def _frequency(rule: Rule, case: _Case) -> str:
    made = [
        one
        for one in case.view.contacts(rule.days)
        if one["outbound"]
        and one["means"] in rule.counts
        and one["purpose"] in rule.counted_purposes
        and (rule.per == "person" or case.same_matter(one))
        and _other(one, case)
    ]
    if len(made) < rule.most:  # by either reading there were no more
        return ""
    within = [one for one in made if still_within(one["at_us"], case.at_us, rule.days, case.zones)]
    if not rule.counts_spared:
        within = [one for one in within if not case.spared(rule.spared_days, one)]
    if len(within) < rule.most or case.spared(rule.spared_days, case.contact):
        return ""
    return f"{len(within)} before it"


def _other(one: Record, case: _Case) -> bool:
    return bool(one["entry"] != case.contact["entry"])


_JUDGES = {
    "hours": _hours,
    "inconvenient": _inconvenient,
    "stop": _stop,
    "consent": _consent,
    "preference": _preference,
    "quiet": _quiet,
    "frequency": _frequency,
}
