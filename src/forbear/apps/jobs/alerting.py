"""Tell the channels of a home what alarms are new: each episode once, and again where a warning becomes a page.

```toml
# alerts.toml
format = 1
version = "1"
run_book = "https://wiki.example/forbear/alarms.md"

[[channels]]
name = "on-call"
kind = "webhook"
url = "https://hooks.example/forbear"
token_env = "HOOK_TOKEN"

[[channels]]
name = "risk-team"
kind = "mail"
least = "warn"
host = "mail.example"
sender = "forbear@bank.example"
to = ["risk@bank.example"]

[[channels]]
name = "log"
kind = "file"
least = "warn"
path = "alerts.jsonl"
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from forbear.adapters.alerts import AlertFile, Channel, MailServer, Message, Webhook
from forbear.adapters.disk import alone, storage_errors, write_document
from forbear.adapters.mail import Encryption
from forbear.apps.home import Home
from forbear.apps.jobs.monitoring import PAGE, RUN_BOOK, WARN, alarm_document, run_book
from forbear.apps.package_data import toml_of
from forbear.apps.services import Secrets
from forbear.domain.errors import BackendUnavailable, CorruptState, ForbearError, StorageError
from forbear.domain.stated import Kind, StatedDocument
from forbear.features.columns import day_of
from forbear.models.monitoring import Finding

ALERTS, TOLD = "alerts.toml", "told.json"
_KIND = Kind("alerts", format=1, page="docs/monitoring.md")
_RANK = {WARN: 0, PAGE: 1}
_OVER_AFTER_DAYS = 3
"""An alarm that is away for less comes back as the same episode."""
_LEAST_FIELDS = {"webhook": ("url",), "mail": ("host", "sender", "to"), "file": ("path",)}
_OWNERS = {
    "volume": "whoever runs the feed",
    "delayed_feed": "whoever runs the worker",
    "missing_values": "whoever runs the feed",
    "unmoved_scores": "whoever runs the worker",
    "constant_scores": "whoever runs the worker",
    "decision_drift": "the owner of the policy",
    "band_changes": "the owner of the policy",
    "high_risk": "the owner of the policy",
}
_MODEL_OWNER = "the owner of the model"


class ChannelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel. least: the severity from which on it is told.  Which other fields count depends on the kind."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z")]
    kind: Literal["webhook", "mail", "file"]
    least: Literal["warn", "page"] = "page"
    url: str = ""
    token_env: str = ""
    token_file: str = ""
    path: str = ""
    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    encryption: Encryption = "starttls"
    sender: str = ""
    to: tuple[str, ...] = ()
    user: str = ""
    password_env: str = ""
    password_file: str = ""


class Alerts(StatedDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file. run_book: where people find it; alarms are its anchors.  cases: what a case's id is put behind to make
    a link of it, "" for the command that shows it.
    """

    channels: Annotated[tuple[ChannelSettings, ...], Meta(min_length=1, max_length=20)]
    run_book: str = RUN_BOOK
    cases: str = ""


class Episode(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a channel was told. severity: the worst so far.  seen: the last day on which it stood."""

    severity: Literal["warn", "page"]
    seen: int


def tell(home: Home, alarms: Sequence[Finding], day: int, environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """Tell every channel what is new to it, as of a closed day, and answer what was told to any.

    A channel that fails is told again by the next run, and stops no other. Raises ConfigError where there are no
    channels, CorruptState where nobody can know what was told; BackendUnavailable or StorageError for a channel that
    failed, StorageError where another command is telling.
    """
    path = home.folder / ALERTS
    settings = alerts_of(path)
    channels = [(one, channel_of(one, path.parent, environment)) for one in settings.channels]
    failed: list[ForbearError] = []
    told: dict[str, dict[str, Any]] = {}
    with storage_errors(f"cannot write {home.monitor}"):
        home.monitor.mkdir(parents=True, exist_ok=True)
        with alone(home.monitor / ".lock") as mine:
            if not mine:
                raise StorageError("another command is telling the channels", mend="wait until it has ended")
            known = _known(home.monitor / TOLD)
            for one, channel in channels:
                episodes = known.setdefault(one.name, {})
                new = _new(episodes, [alarm for alarm in alarms if _RANK[alarm.severity] >= _RANK[one.least]], day)
                try:
                    if new:
                        channel.send(message_of(new, day, settings.run_book))
                except (BackendUnavailable, StorageError) as error:
                    failed.append(error)
                    continue
                episodes.update({_key(alarm): Episode(severity=_severe(alarm), seen=day) for alarm in new})
                told |= {_key(alarm): _document(alarm, settings.run_book) for alarm in new}
                write_document(home.monitor / TOLD, known)
    if failed:
        raise failed[0]
    return list(told.values())


def message_of(alarms: Sequence[Finding], day: int, book: str) -> Message:
    """What is told of some alarms: what, how big, since when, who must act, and where the run book is."""
    pages = sum(alarm.severity == PAGE for alarm in alarms)
    documents = [_document(alarm, book) for alarm in alarms]
    what = f"{pages} page{'' if pages == 1 else 's'}, {len(alarms) - pages} to read"
    lines = [f"forbear, as of the close of {day_of(day)}: {what}.", ""]
    for one in documents:
        lines += [
            f"{one['severity'].upper()} {one['kind'].replace('_', ' ')}: {one.get('feature') or one['name']}",
            f"  since {one['since']}, effect {one['effect']}{'; ' + one['said'] if one['said'] else ''}",
            f"  to act: {one['to_act']}",
            f"  run book: {one['run_book']}",
            "",
        ]
    document = {"as_of": day_of(day + 1).isoformat(), "alarms": documents}
    return Message(f"[forbear] {what}", "\n".join(lines), document)


def alerts_of(path: Path) -> Alerts:
    """The channels that a file states. Raises ConfigError where it is not there, or says what cannot be."""
    return _KIND.read(toml_of(path, "alert channels"), Alerts, _faults)


def channel_of(settings: ChannelSettings, beside: Path, environment: Mapping[str, str]) -> Channel:
    """The channel of some settings. beside: where relative paths begin.  Raises ConfigError for what is none."""
    secrets = Secrets(beside, environment)
    match settings.kind:
        case "webhook":
            return Webhook(settings.name, settings.url, secrets.of("", settings.token_file, settings.token_env))
        case "file":
            return AlertFile(settings.name, beside / settings.path)
        case "mail":
            return MailServer(
                name=settings.name,
                host=settings.host,
                port=settings.port,
                encryption=settings.encryption,
                sender=settings.sender,
                to=settings.to,
                user=settings.user,
                password=secrets.of("", settings.password_file, settings.password_env),
            )


# ---- inside


def _faults(found: Alerts) -> Iterator[tuple[str, str]]:
    names = [one.name for one in found.channels]
    if len(set(names)) < len(names):
        yield "two channels have one name", "give each a name of its own"
    for one in found.channels:
        if absent := [name for name in _LEAST_FIELDS[one.kind] if not getattr(one, name)]:
            yield f"channel {one.name} of kind {one.kind} lacks {', '.join(absent)}", "say it there"
        if any("\n" in address or "@" not in address for address in (*one.to, *filter(None, (one.sender,)))):
            yield f"channel {one.name}: an address is none", "write it like risk@bank.example"


def _known(path: Path) -> dict[str, dict[str, Episode]]:
    with storage_errors(f"cannot read {path}"):
        content = path.read_bytes() if path.exists() else b"{}"
    try:
        return msgspec.json.decode(content, type=dict[str, dict[str, Episode]])
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise CorruptState(f"{path} is damaged: {error}", mend="delete it: alarms that stand are told again") from error


def _new(episodes: dict[str, Episode], alarms: Sequence[Finding], day: int) -> list[Finding]:
    """Alarms that begin an episode, or make one worse; episodes that are over are forgotten, others are seen."""
    standing = {_key(alarm) for alarm in alarms}
    for key in [key for key, one in episodes.items() if key not in standing and day - one.seen > _OVER_AFTER_DAYS]:
        del episodes[key]
    for alarm in alarms:
        if _key(alarm) in episodes:
            episodes[_key(alarm)].seen = max(day, episodes[_key(alarm)].seen)
    return [
        alarm
        for alarm in alarms
        if _key(alarm) not in episodes or _RANK[alarm.severity] > _RANK[episodes[_key(alarm)].severity]
    ]


def _severe(alarm: Finding) -> Literal["warn", "page"]:
    return "page" if alarm.severity == PAGE else "warn"


def _key(alarm: Finding) -> str:
    return f"{alarm.kind}/{alarm.name}"


def _document(alarm: Finding, book: str) -> dict[str, Any]:
    link = run_book(alarm.kind).replace(RUN_BOOK, book)
    return {**alarm_document(alarm), "run_book": link, "to_act": _OWNERS.get(alarm.kind, _MODEL_OWNER)}
