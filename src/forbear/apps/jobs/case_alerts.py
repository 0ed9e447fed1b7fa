"""Tell the team of critical and escalated cases at once: by the channels of alerts.toml, each case once a channel.

Nobody is named: a case is told by its id and a link. Many at once are told together, so that a channel gets no more
messages an hour than the terms say; what does not fit is told by a later round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256

from forbear.adapters.alerts import Channel, Message
from forbear.apps.home import Home
from forbear.apps.jobs.alerting import ALERTS, Alerts, alerts_of, channel_of
from forbear.domain.errors import BackendUnavailable, ForbearError, StorageError
from forbear.engine.case_terms import CaseTerms
from forbear.engine.cases import HOUR_US, Case, Cases
from forbear.features.columns import instant

CRITICAL, ESCALATED = "critical", "escalated"
_LEAST = {CRITICAL: ("warn", "page"), ESCALATED: ("warn",)}
"""Which channels are told: a critical case wakes somebody, one that is escalated is read."""
_MOST = 1_000
"""Cases that one round tells of."""
_NAMED = 50
"""Cases that one message names."""


def tell_team(home: Home, cases: Cases, terms: CaseTerms, now_us: int, environment: Mapping[str, str]) -> int:
    """Tell every channel of what it has not heard, and answer how many messages went out; 0 without alerts.toml.

    A message that went out right before a crash goes out again: an alert is told twice rather than never. Raises what
    `alerts_of` does, and the error of a channel that failed once all others were told.
    """
    path = home.folder / ALERTS
    if not path.is_file():
        return 0
    settings, sent = alerts_of(path), 0
    failed: list[ForbearError] = []
    for one in settings.channels:
        channel = channel_of(one, path.parent, environment)
        kinds = {what: f"told/{what}/{one.name}" for what in (CRITICAL, ESCALATED) if one.least in _LEAST[what]}
        room = terms.alerts.most_per_hour - cases.told_since(now_us - HOUR_US + 1, list(kinds.values()))
        for what, kind in kinds.items():
            fresh = cases.untold(kind, _MOST, critical=what == CRITICAL)
            for some in _together(fresh, room):
                try:
                    told = _tell(channel, what, some, settings)
                except (BackendUnavailable, StorageError) as error:
                    failed.append(error)
                    break
                cases.tell([case.case_id for case in some], kind, told, now_us)
                sent, room = sent + 1, room - 1
    if failed:
        raise failed[0]
    return sent


def message_of(what: str, cases: Sequence[Case], settings: Alerts) -> Message:
    """What is told of some cases: how many, which, by when, and where they are."""
    many = f"{len(cases)} {what} case{'s' if len(cases) > 1 else ''}"
    lines = [f"forbear: {many}, {', '.join(f'{n} {kind}' for kind, n in _kinds(cases).items())}.", ""]
    for case in cases[:_NAMED]:
        due = instant(case.due_us).strftime("%Y-%m-%d %H:%M UTC")
        lines += [f"{case.kind} {case.case_id}, due {due}", f"  {_link(case, settings)}"]
    if more := len(cases) - _NAMED:
        lines += [f"and {more} more: forbear cases list"] if more > 0 else []
    document = {
        "what": what,
        "cases": [
            {
                "case_id": case.case_id,
                "kind": case.kind.value,
                "due_us": case.due_us,
                "link": _link(case, settings),
            }
            for case in cases[:_NAMED]
        ],
        "count": len(cases),
    }
    return Message(f"[forbear] {many}", "\n".join(lines), document)


def _together(cases: Sequence[Case], room: int) -> list[Sequence[Case]]:
    """The messages to send: one a case as long as there is room, and in the last place all that are left together."""
    if room <= 0 or not cases:
        return []
    if len(cases) <= room:
        return [[case] for case in cases]
    return [*([case] for case in cases[: room - 1]), cases[room - 1 :]]


def _tell(channel: Channel, what: str, cases: Sequence[Case], settings: Alerts) -> str:
    """Send one message; its name, which is of its content."""
    channel.send(message_of(what, cases, settings))
    return sha256("\0".join([what, *(case.case_id for case in cases)]).encode()).hexdigest()[:16]


def _kinds(cases: Sequence[Case]) -> dict[str, int]:
    return dict(sorted(Counter(case.kind.value for case in cases).items()))


def _link(case: Case, settings: Alerts) -> str:
    return f"{settings.cases}{case.case_id}" if settings.cases else f"forbear cases show {case.case_id}"
