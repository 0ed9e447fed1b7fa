"""Commands about contacts with people: asked, told, listed and certified; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption, user

if TYPE_CHECKING:
    from forbear.domain.contacts import Fact


class Aim(StrEnum):
    """What a contact is about."""

    HELP = "help"
    COLLECTION = "collection"
    SERVICE = "service"


class Halt(StrEnum):
    """Why somebody may not be contacted."""

    OPT_OUT = "opt_out"
    CEASE = "cease"
    ATTORNEY = "attorney"
    DECEASED = "deceased"
    BANKRUPTCY = "bankruptcy"
    DISPUTE = "dispute"
    BREATHING_SPACE = "breathing_space"
    MENTAL_HEALTH_CRISIS = "mental_health_crisis"
    BEREAVEMENT = "bereavement"
    LEGAL_STOP = "legal_stop"
    WRONG_PERSON = "wrong_person"


class From(StrEnum):
    """Where a belief about somebody's place comes from."""

    TOLD = "told"
    STATED = "stated"
    ADDRESS = "address"
    NUMBER = "number"


contacts = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Ask whether somebody may be contacted, tell what happened, and have every contact judged.",
)
app.add_typer(contacts, name="contacts")

Customer = Annotated[str, typer.Argument(help="A customer, by the bank's own id.")]
Channel = Annotated[str, typer.Option("--channel", help="phone, sms, email, app, chat, or one of your own.")]
AnyChannel = Annotated[str, typer.Option("--channel", help="Of one channel alone; default: of all.")]
AnyMatter = Annotated[str, typer.Option("--matter", help="Of one debt or product alone; default: of all.")]
Since = Annotated[str, typer.Option("--at", help="When, like 2026-03-08T09:30+01:00; default: now.")]
Until = Annotated[str, typer.Option("--until", help="When it ends, like 2026-05-08T00:00+01:00; default: it stays.")]
Law = Annotated[str | None, typer.Option("--jurisdiction", help="us, uk, in or eu; default: of the home's country.")]


@command(
    contacts,
    "may",
    """
    forbear contacts may C0000017 --channel phone --matter loan-4711
    forbear contacts may C0000017 --channel sms --purpose collection --at 2026-03-08T20:59-05:00 --json
    """,
)
def may(
    customer: Customer,
    channel: Channel,
    matter: Annotated[str, typer.Option("--matter", help="The debt or product that it is about.")] = "",
    purpose: Annotated[Aim, typer.Option("--purpose", help="What it is for.")] = Aim.HELP,
    at: Since = "",
    jurisdiction: Law = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """May we contact this person, on this channel, about this matter, now? If not, by which clause, and when next?"""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.contacts import Asking, instant, show_may

    asking = Asking(
        customer=customer,
        channel=channel,
        matter=matter,
        purpose=str(purpose),
        now=datetime.now(UTC),
        at=instant(at) if at else None,
        jurisdiction=jurisdiction,
    )
    show_may(Home(home), Console(json=json), asking)


@command(
    contacts,
    "log",
    """
    forbear contacts log C0000017 --channel phone --matter loan-4711 --purpose collection
    forbear contacts log C0000017 --channel phone --matter loan-4711 --inbound --conversation
    """,
)
def log(
    customer: Customer,
    channel: Channel,
    matter: Annotated[str, typer.Option("--matter", help="The debt or product that it was about.")] = "",
    purpose: Annotated[Aim, typer.Option("--purpose", help="What it was for.")] = Aim.HELP,
    conversation: Annotated[bool, typer.Option("--conversation", help="Somebody answered, and was spoken to.")] = False,
    inbound: Annotated[
        bool, typer.Option("--inbound", help="The customer reached out, or a logged call came to a conversation.")
    ] = False,
    at: Since = "",
    jurisdiction: Law = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Enter a contact that a person made: it counts like those that are made here."""
    from forbear.apps.home import Home
    from forbear.apps.jobs.contact_law import jurisdiction_here
    from forbear.domain.contacts import Contacted, Purpose, means_of

    fact = Contacted(
        **_about(customer, at),
        channel=channel,
        means=means_of(channel),
        matter=matter,
        purpose=Purpose(str(purpose)),
        outbound=not inbound,
        conversation=conversation,
        jurisdiction=jurisdiction_here(Home(home), jurisdiction),
        by=user()[:64],
    )
    _tell(home, fact, customer, json=json)


@command(
    contacts,
    "stop",
    """
    forbear contacts stop C0000017 --kind attorney
    forbear contacts stop C0000017 --kind opt_out --channel sms
    forbear contacts stop C0000017 --kind breathing_space --until 2026-05-08T00:00+01:00
    """,
)
def stop(
    customer: Customer,
    kind: Annotated[Halt, typer.Option("--kind", help="Why they may not be contacted.")],
    channel: AnyChannel = "",
    matter: AnyMatter = "",
    at: Since = "",
    until: Until = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Enter that somebody may not be contacted, for one debt, one channel, or at all."""
    from forbear.domain.contacts import Restricted, Stop

    fact = Restricted(
        **_about(customer, at),
        stop=Stop(str(kind)),
        matter=matter or None,
        channel=channel or None,
        until_us=_us(until) if until else None,
    )
    _tell(home, fact, customer, json=json)


@command(contacts, "lift", "forbear contacts lift C0000017 --kind attorney")
def lift(
    customer: Customer,
    kind: Annotated[Halt, typer.Option("--kind", help="Which stop is over.")],
    channel: AnyChannel = "",
    matter: AnyMatter = "",
    at: Since = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Enter that a stop is over; name the debt and the channel that it was set with."""
    from forbear.domain.contacts import Lifted, Stop

    about = _about(customer, at)
    fact = Lifted(**about, stop=Stop(str(kind)), matter=matter or None, channel=channel or None)
    _tell(home, fact, customer, json=json)


@command(
    contacts,
    "place",
    """
    forbear contacts place C0000017 --zone America/Denver
    forbear contacts place C0000017 --zone America/Chicago --zone America/New_York --source number
    """,
)
def place(
    customer: Customer,
    zone: Annotated[list[str], typer.Option("--zone", help="A time zone (IANA) that they may be in; several: each.")],
    source: Annotated[From, typer.Option("--source", help="How the bank knows; told outweighs all else.")] = From.TOLD,
    at: Since = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Enter where somebody is: hours are kept at their place."""
    from zoneinfo import available_timezones

    from forbear.domain.contacts import Placed, PlaceSource
    from forbear.domain.errors import ConfigError

    if unknown := sorted(set(zone) - available_timezones()):
        raise ConfigError(f"{unknown[0]!r} is no time zone", mend="name one like America/Denver")
    _tell(home, Placed(**_about(customer, at), source=PlaceSource(str(source)), zones=tuple(zone)), customer, json=json)


@command(
    contacts,
    "consent",
    """
    forbear contacts consent C0000017 --channel sms
    forbear contacts consent C0000017 --channel phone --direct
    forbear contacts consent C0000017 --channel sms --withdrawn
    """,
)
def consent(
    customer: Customer,
    channel: Channel,
    withdrawn: Annotated[bool, typer.Option("--withdrawn", help="It is taken back.")] = False,
    direct: Annotated[bool, typer.Option("--direct", help="Given to us, for calls beyond the usual number.")] = False,
    at: Since = "",
    until: Until = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Enter consent to a channel, or that it was withdrawn."""
    from forbear.domain.contacts import Consented

    ends = _us(until) if until else None
    about = _about(customer, at)
    _tell(
        home,
        Consented(**about, channel=channel, given=not withdrawn, direct=direct, until_us=ends),
        customer,
        json=json,
    )


@command(
    contacts,
    "quiet",
    """
    forbear contacts quiet C0000017 --from 12:00 --to 13:30
    forbear contacts quiet C0000017 --from 22:00 --to 10:00 --weekday 5 --weekday 6 --channel phone
    """,
)
def quiet(
    customer: Customer,
    begin: Annotated[str, typer.Option("--from", help="From when, local at their place, like 12:00.")],
    end: Annotated[str, typer.Option("--to", help="Until when; before --from: over midnight.")],
    weekday: Annotated[
        list[int] | None, typer.Option("--weekday", min=0, max=6, help="0 is Monday; none: all.")
    ] = None,
    channel: AnyChannel = "",
    at: Since = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Enter times at which somebody does not want to be reached; it adds to what they have said before."""
    from forbear.domain.contacts import Inconvenient

    fact = Inconvenient(
        **_about(customer, at),
        from_minute=_minute(begin),
        to_minute=_minute(end),
        weekdays=tuple(sorted(set(weekday or ()))),
        channel=channel or None,
    )
    _tell(home, fact, customer, json=json)


@command(contacts, "prefer", "forbear contacts prefer C0000017 --channel email\nforbear contacts prefer C0000017")
def prefer(
    customer: Customer,
    channel: Annotated[str, typer.Option("--channel", help="The one they want; none: the wish is taken back.")] = "",
    at: Since = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Enter the channel that somebody wants to be reached on."""
    from forbear.domain.contacts import Preferred

    _tell(home, Preferred(**_about(customer, at), channel=channel), customer, json=json)


@command(contacts, "list", "forbear contacts list C0000017 --home my-home")
def show(customer: Customer, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List what the contact ledger holds of a customer, in the order in which the bank learnt it."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.contacts import show_facts

    show_facts(Home(home), Console(json=json), customer, datetime.now(UTC))


@command(contacts, "export", "forbear contacts export --out ledger.jsonl --home my-home")
def export(
    out: Annotated[Path, typer.Option("--out", help="File to write, a line a fact.")],
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Write the whole ledger into one file, which can be certified elsewhere; customers are keys in it, not ids."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.contacts import show_export

    show_export(Home(home), Console(json=json), out)


@command(
    contacts,
    "certify",
    """
    forbear contacts certify --home my-home
    forbear contacts certify --ledger ledger.jsonl --out certificate.json
    """,
)
def certify(
    ledger: Annotated[
        Path | None, typer.Option("--ledger", help="What `forbear contacts export` wrote; default: the home's own.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File to write; default: in the home's reports.")] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Judge every contact of a ledger by a second reading of the law. Ends with 20 where one was against it."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.certifying import Certifying, show_certificate

    show_certificate(Home(home), Console(json=json), Certifying(ledger=ledger, out=out, now=datetime.now(UTC)))


def _about(customer: str, at: str) -> dict[str, Any]:
    """What every fact bears that is told now."""
    from forbear.apps.jobs.contacts import fact_ids
    from forbear.domain.errors import ConfigError
    from forbear.features.columns import micros
    from forbear.features.hashing import key_of

    now_us = micros(datetime.now(UTC))
    at_us = _us(at) if at else now_us
    if at_us > now_us:
        raise ConfigError(f"{at} is yet to come", mend="tell what has happened, or has begun")
    return {"fact_id": fact_ids(), "customer": key_of(customer), "at_us": at_us, "known_us": now_us}


def _us(text: str) -> int:
    from forbear.apps.jobs.contacts import instant
    from forbear.features.columns import micros

    return micros(instant(text))


def _minute(clock: str) -> int:
    hours, colon, minutes = clock.partition(":")
    found = int(hours) * 60 + int(minutes) if colon and hours.isdecimal() and minutes.isdecimal() else -1
    if not 0 <= found <= 24 * 60 or int(minutes) > 59:
        raise typer.BadParameter(f"{clock!r} is no time of day: write it like 12:30")
    return found


def _tell(home: Path, fact: Fact, customer: str, *, json: bool) -> None:
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.contacts import show_told

    show_told(Home(home), Console(json=json), fact, customer)
