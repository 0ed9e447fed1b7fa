"""Say what a replay came to, beside what it is compared with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from forbear.adapters.disk import write_document, write_whole
from forbear.apps.console import Console, figure
from forbear.apps.home import Home
from forbear.apps.jobs.comparing import Beside, Compared, compare, document, keep
from forbear.apps.jobs.replaying import ReplayRequest
from forbear.apps.replay_page import replay_page
from forbear.domain.errors import ConfigError
from forbear.domain.money import amount_text
from forbear.engine.bystander import GroupRate
from forbear.engine.replay_difference import Difference, Side
from forbear.engine.replay_value import Value
from forbear.engine.replayed import OFFER
from forbear.features.columns import day_of
from forbear.models.effects.off_policy import Between

DOCUMENT = ".json"
"""What the name of the document beside a page ends in."""
NOT_REAL = "A replay: nobody is told of it, and nothing of it stands in the home"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to come of a replay. beside: what it is compared with.  keep, out: files to write, the latter a page with
    its document beside it.

    created: when the page is made, in words.
    """

    beside: Beside
    keep: Path | None
    out: Path | None
    created: str


def show_replay(home: Home, console: Console, request: ReplayRequest, wanted: Wanted) -> None:
    """Replay, and show what differs. Raises what `compare` raises, and ConfigError for a place that is no place."""
    for name, path in (("--keep", wanted.keep), ("--out", wanted.out)):
        _require_outside(home, name, path)
    if wanted.out is not None and wanted.out.suffix == DOCUMENT:
        raise ConfigError(f"--out {wanted.out} is the name of the document", mend="name the page: it stands beside it")
    begun = time.monotonic()
    found = compare(home, console, request, wanted.beside)
    seconds = time.monotonic() - begun
    if wanted.keep is not None:
        keep(wanted.keep, found.played)
    if wanted.out is not None:
        write_whole(wanted.out, replay_page(found, wanted.created).encode())
        write_document(wanted.out.with_suffix(DOCUMENT), {"created": wanted.created, **document(found)})
    page = None if wanted.out is None else str(wanted.out)
    console.result({**document(found), "page": page, "seconds": round(seconds, 3)})
    _show(console, found, seconds)
    for what, place in (("Kept", wanted.keep), ("Page", wanted.out)):
        if place is not None:
            console.say(f"{what}: {place}")


def _require_outside(home: Home, name: str, path: Path | None) -> None:
    """Raises ConfigError for a file in the home: a replay leaves no trace there, its pages aside."""
    if path is None or path.resolve().is_relative_to(home.reports.resolve()):
        return
    if path.resolve().is_relative_to(home.folder.resolve()):
        raise ConfigError(f"{name} {path} lies in the home {home.folder}", mend="keep a replay outside of every home")


def _show(console: Console, found: Compared, seconds: float) -> None:
    played, difference = found.played, found.difference
    said = played.replayed.said
    currency = said["currency"]
    title = (
        f"Replay of {day_of(played.days[0])} to {day_of(played.days[1])}: model {said['model'][:12]}, "
        f"policy {said['version']} ({said['policy'][:12]})"
    )
    console.say(
        f"{NOT_REAL}. {played.events:,} events in {seconds:.1f} s" + (" of a synthetic bank" if found.synthetic else "")
    )
    if difference is None:
        console.say(f"{title}: {len(played.replayed.decided):,} decisions, compared with nothing")
    else:
        console.table(title, ["", found.against, "replay"], side_rows(difference, currency))
    if found.rates:
        before = {(one.grouping, one.group): one for one in found.rates_before}
        rows = [_rate_row(one, before.get((one.grouping, one.group))) for one in found.rates]
        console.table("Customers with an offer", ["group", "customers", found.against or "-", "replay"], rows)
    if found.value is not None:
        console.table("Missed payments in the 30 days behind", ["", "least", "most"], value_rows(found.value))
    for sentence in [*([verdict(difference)] if difference else []), *caveats(found)]:
        console.say(sentence)


def verdict(difference: Difference) -> str:
    """What differs, in a sentence."""
    if difference.identical:
        return f"identical: {difference.alike:,} decisions and every close are the same"
    changed = ", ".join(f"{name} {count:,}" for name, count in difference.changed.items())
    return (
        f"{difference.alike:,} decisions are the same; {difference.changed_decisions:,} on the same customer and day "
        f"are others{f' ({changed})' if changed else ''}; {sum(difference.only_first.values()):,} are in the first "
        f"alone and {sum(difference.only_second.values()):,} in the replay alone, among them {difference.moved:,} "
        f"offers on another day. {difference.contacted_only_second:,} customers are contacted in the replay alone, "
        f"{difference.contacted_only_first:,} no more"
    )


def caveats(found: Compared) -> list[str]:
    """What has to be known of a comparison, in sentences."""
    told = []
    if found.unlike_record:
        told.append(
            f"These days, worked out again with nothing changed, differ from the record in {found.unlike_record:,} "
            "decisions and closes: another version, or a record that was changed: `forbear report` verifies its chain"
        )
    if found.played.own_labels:
        told.append("The model knows what became of customers in these days: it is judged on what it was trained on")
    if found.value is not None and found.value.other.unsupported > 0.0:
        told.append(
            f"In {found.value.other.unsupported:.1%} of what the replay does, the policy in force could not have done "
            "it: of these nothing is known, and least and most are the bounds"
        )
    return told


def side_rows(difference: Difference, currency: str) -> list[list[str]]:
    """A row for each figure of both sides."""
    both = (difference.first, difference.second)

    def row(name: str, told: Callable[[Side], str]) -> list[str]:
        return [name, *(told(one) for one in both)]

    def counts(label: str, of: Callable[[Side], Mapping[str, int]], without: str = "") -> list[list[str]]:
        names = sorted({name for side in both for name in of(side)} - {without})
        return [[label + name.replace("_", " "), *(f"{of(side).get(name, 0):,}" for side in both)] for name in names]

    return [
        row("scored at the closes", lambda side: f"{side.scored:,}"),
        row("expected misses, summed", lambda side: f"{side.expected_misses:,.1f}"),
        row("decisions", lambda side: f"{side.decisions:,}"),
        row("offers", lambda side: f"{side.offers:,}"),
        *counts("offers by ", lambda side: side.by_channel),
        *counts("held: ", lambda side: side.outcomes, OFFER),
        row("customers contacted", lambda side: f"{side.contacted:,}"),
        row("cost of the offers", lambda side: f"{amount_text(side.cost_minor, currency, thousands=',')} {currency}"),
    ]


def value_rows(value: Value) -> list[list[str]]:
    """Shares that miss, and misses avoided, each between its bounds."""

    def row(name: str, found: Between, style: str) -> list[str]:
        ends = (found.least, found.most)
        return [name, *(figure(end.value, end.low, end.high, style) for end in ends)]

    seen = f"{value.seen:.2%}"
    return [
        [f"seen of {value.points:,} decisions", seen, seen],
        row("in the replay", value.other.doubly_robust, ".2%"),
        row("if nobody were offered help", value.nobody.doubly_robust, ".2%"),
        row("misses avoided by the replay", value.avoided, ",.1f"),
    ]


def _rate_row(one: GroupRate, before: GroupRate | None) -> list[str]:
    shares = [None if rate is None else rate.share for rate in (before, one)]
    told = ["-" if share is None else figure(share.value, share.low, share.high, ".1%") for share in shares]
    return [f"{one.grouping} {one.group}", f"{one.customers:,}", *told]
