"""A replay beside what it is to be compared with: what was, or a replay that was kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from forbear.adapters.replays import read_replay, write_replay
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.groups import groups_file, groups_in
from forbear.apps.jobs.recorded import recorded_of
from forbear.apps.jobs.replaying import Played, ReplayRequest, replay
from forbear.domain.errors import ConfigError
from forbear.engine.bystander import Groupings, GroupRate, contact_rates
from forbear.engine.replay_difference import Difference, compared
from forbear.engine.replay_value import Value, points_of, value_of
from forbear.engine.replayed import Replayed
from forbear.features.columns import day_of
from forbear.models.effects.off_policy import Between, OffPolicy

RECORDED, AS_IT_WAS = "recorded", "as it was"
"""What a replay is compared with: the worker's records, or these days worked out again with nothing changed."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Files beside a replay. against: to compare with, None for what was.  groups: as `groups_file` takes it."""

    against: Path | None = None
    groups: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A replay, and what it was compared with.

    against: RECORDED, AS_IT_WAS or a file; "" for nothing.  difference: None for nothing.
    unlike_record: decisions and closes in which these days, worked out again with nothing changed, differ from what
    the worker has recorded; None where that was not asked, or nothing is recorded.
    rates, rates_before: who is contacted, by group, in the replay and in what it is compared with.
    value: what would have become of the misses; None where nothing was recorded to tell it from.
    """

    played: Played
    against: str
    difference: Difference | None
    unlike_record: int | None
    rates: tuple[GroupRate, ...]
    rates_before: tuple[GroupRate, ...]
    value: Value | None
    synthetic: bool


def compare(home: Home, console: Console, request: ReplayRequest, beside: Beside) -> Compared:
    """Replay, and compare: with a file, or with what was.

    Raises what `replay` raises, ConfigError for a file that is no replay, NotEnoughData for one of other days.
    """
    other = None if beside.against is None else read_replay(beside.against)
    played = replay(home, console, request)
    mine = played.replayed
    record = recorded_of(home, mine.first, mine.past)
    name, unlike, value = str(beside.against or ""), None, None
    if other is None and request.unchanged:
        other, name = record, RECORDED if record else ""
    elif other is None:
        before = _as_it_was(home, console, request)
        other, name = (before.replayed, AS_IT_WAS) if before else (None, "")
        if before and record:
            unlike = compared(record, before.replayed).differences
            value = _value(before.replayed.within(0, record.past), mine.within(0, record.past), played)
    groupings = _groupings(home, played, beside.groups)
    return Compared(
        played=played,
        against=name,
        difference=None if other is None else compared(other, mine),
        unlike_record=unlike,
        rates=contact_rates(mine.decided, groupings),
        rates_before=() if other is None else contact_rates(other.decided, groupings),
        value=value,
        synthetic=home.synthetic,
    )


def _groupings(home: Home, played: Played, asked: Path | None) -> Groupings:
    """Groups that customer updates name, and those of a file."""
    known, file = played.bystander.groupings(played.gone), groups_file(home, asked)
    return known if file is None else {**known, **groups_in(file, played.bystander.customers(played.gone))}


def keep(path: Path, played: Played) -> None:
    """Write a replay to a file that is not there yet. Raises ConfigError for one that is."""
    if path.exists():
        raise ConfigError(f"{path} is there already", mend="choose another name for --keep, or delete it")
    write_replay(path, played.replayed)


def document(found: Compared) -> dict[str, object]:
    """The comparison for a script."""
    mine, difference = found.played.replayed, found.difference
    return {
        "replay": True,
        "synthetic": found.synthetic,
        "from": day_of(found.played.days[0]).isoformat(),
        "to": day_of(found.played.days[1]).isoformat(),
        "events": found.played.events,
        "decisions": len(mine.decided),
        "in_force": dict(mine.said),
        "own_labels": found.played.own_labels,
        "against": found.against,
        "identical": None if difference is None else difference.identical,
        "difference": None if difference is None else {**asdict(difference), "differences": difference.differences},
        "unlike_record": found.unlike_record,
        "groups": [_rate(one) for one in found.rates],
        "groups_before": [_rate(one) for one in found.rates_before],
        "value": None if found.value is None else _value_document(found.value),
    }


def _as_it_was(home: Home, console: Console, request: ReplayRequest) -> Played | None:
    """The same days with nothing changed; None where nothing was in force then or is now."""
    try:
        return replay(home, console, ReplayRequest(first=request.first, last=request.last))
    except ConfigError:
        return None


def _value(before: Replayed, after: Replayed, played: Played) -> Value | None:
    points = points_of(before.decided, after.decided)
    return value_of(points, played.bystander.missed_behind, played.bystander.first_unripe)


def _rate(one: GroupRate) -> dict[str, object]:
    shown = {name: getattr(one, name) for name in ("grouping", "group", "customers", "contacted")}
    return {**shown, "share": one.share.as_dict()}


def _value_document(value: Value) -> dict[str, object]:
    return {
        "points": value.points,
        "unripe": value.unripe,
        "seen": value.seen,
        "avoided": _between(value.avoided),
        "replayed": _off_policy(value.other),
        "nobody": _off_policy(value.nobody),
    }


def _off_policy(found: OffPolicy) -> Mapping[str, object]:
    told = {name: _between(getattr(found, name)) for name in ("horvitz_thompson", "self_normalised", "doubly_robust")}
    return {**told, "unsupported": found.unsupported, "effective_rows": found.effective_rows}


def _between(found: Between) -> dict[str, object]:
    return {"least": found.least.as_dict(), "most": found.most.as_dict()}
