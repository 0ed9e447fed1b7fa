"""How a home reaches people: `outreach.toml`, and the providers, people and words that it names.

Without the file every channel is a dry run. Secrets stand in the environment; the file holds their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from forbear.adapters.crm_file import FileCrm
from forbear.adapters.crm_http import HttpCrm, HttpPayments
from forbear.adapters.mail import Encryption, MailHost
from forbear.adapters.outreach.apprise_gateway import AppriseGateway
from forbear.adapters.outreach.breaker import Guarded
from forbear.adapters.outreach.dry_run import DryRun
from forbear.adapters.outreach.inbound import Door
from forbear.adapters.outreach.limits import Limited
from forbear.adapters.outreach.smtp import Smtp
from forbear.adapters.outreach.webhook import Webhook
from forbear.adapters.patience import Breaker, Manner
from forbear.apps.home import Home
from forbear.apps.package_data import shipped, toml_of
from forbear.apps.services import Secrets
from forbear.domain.errors import ConfigError
from forbear.domain.stated import Kind, StatedDocument
from forbear.engine.crm import Crm, Payments, Person
from forbear.engine.outreach import Outreach
from forbear.engine.wording import Templates, parse_wording

OUTREACH, WORDING, FOLDER = "outreach.toml", "wording.toml", "outreach"
"""Files of a home, and the folder for what a dry run and a register in a file write down."""
_KIND = Kind("outreach", format=1, page="docs/integrations.md")
_NEEDED = {"dry_run": (), "smtp": ("host", "sender"), "webhook": ("url", "secret_env"), "apprise": ("url_env",)}
_USED: dict[str, tuple[str, ...]] = {
    "dry_run": (),
    "smtp": ("host", "port", "encryption", "sender", "user", "password_env", "unsubscribe"),
    "webhook": ("url", "secret_env", "reconciles"),
    "apprise": ("url_env",),
}

Line = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Variable = Annotated[str, Meta(pattern=r"^([A-Z][A-Z0-9_]{0,79})?\Z")]
Seconds = Annotated[float, Meta(gt=0.0, le=600.0)]


class Contact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where help is to be had. phone, url: for people."""

    name: Line = ""
    phone: Line = ""
    url: Line = ""


class PeopleSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where people are known. path: of a file, in the home.  url, secret_env: of a system behind signed HTTP."""

    kind: Literal["file", "http"] = "file"
    path: Line = "people.csv"
    url: Line = ""
    secret_env: Variable = ""


class PaymentSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The system that plans are set up in, behind signed HTTP."""

    url: Line
    secret_env: Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]{0,79}\Z")]


class ChannelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel of the policy. Which fields count depends on the kind; one that does not count may not stand there.

    inbound_env: variables that hold secrets of what the provider tells us, the one in use first.
    limit, per_seconds: so many messages in so many seconds.  failures, open_seconds: of the breaker.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}\Z")]
    kind: Literal["dry_run", "smtp", "webhook", "apprise"]
    url: Line = ""
    url_env: Variable = ""
    secret_env: Variable = ""
    reconciles: bool = True
    host: Line = ""
    port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    encryption: Encryption = "starttls"
    sender: Line = ""
    user: Line = ""
    password_env: Variable = ""
    unsubscribe: Line = ""
    inbound_env: Annotated[tuple[Variable, ...], Meta(max_length=4)] = ()
    limit: Annotated[int, Meta(ge=1, le=1_000_000)] = 60
    per_seconds: Annotated[float, Meta(gt=0.0, le=86_400.0)] = 60.0
    failures: Annotated[int, Meta(ge=1, le=1_000)] = 5
    open_seconds: Seconds = 30.0
    seconds: Seconds = 10.0
    total_seconds: Seconds = 30.0


class OutreachSettings(StatedDocument, frozen=True, kw_only=True):
    """The file. jurisdiction: of the contact law.  language: of whom nobody knows it.  drafts: may really be sent."""

    jurisdiction: Literal["us", "uk", "in", "eu", ""] = ""
    language: Annotated[str, Meta(pattern=r"^[a-z]{2}\Z")] = "en"
    drafts: bool = False
    bank: Contact = Contact()
    advice: Contact = Contact()
    people: PeopleSettings = PeopleSettings()
    payments: PaymentSettings | None = None
    channels: Annotated[tuple[ChannelSettings, ...], Meta(max_length=16)] = ()

    @property
    def real(self) -> list[str]:
        """Channels that really send."""
        return [one.name for one in self.channels if one.kind != "dry_run"]


def read_outreach(home: Home) -> OutreachSettings:
    """The settings of a home; as shipped, with a dry run on every channel, where it has none. Raises ConfigError."""
    path = home.folder / OUTREACH
    document = toml_of(path, "how people are reached") if path.exists() else shipped(OUTREACH)
    return _KIND.read(document, OutreachSettings, _faults)


def catalogue_of(home: Home) -> Templates:
    """The catalogue of a home, or the shipped one, drafts too: looking is not sending. Raises ConfigError."""
    path = home.folder / WORDING
    return parse_wording(toml_of(path, "wording") if path.exists() else shipped(WORDING))


def wording_of(settings: OutreachSettings, home: Home) -> Templates:
    """The catalogue as it may be sent.

    Raises ConfigError for a catalogue that is none, and where drafts would really be sent.
    """
    found = catalogue_of(home)
    if settings.real and found.drafts and not settings.drafts:
        raise ConfigError(
            f"{OUTREACH}: {', '.join(settings.real)} would send wording that nobody has approved: {found.drafts[0]}",
            mend=f"have it approved in {WORDING} of the home (docs/wording.md), or set drafts = true",
        )
    return found


def values_of(settings: OutreachSettings, person: Person | None = None) -> dict[str, str]:
    """What is filled in: the bank and where there is advice, and who is greeted. What nobody has set is left out."""
    found = {
        f"{prefix}{end}": value
        for prefix, one in (("bank", settings.bank), ("advice", settings.advice))
        for end, value in (("", one.name), ("_phone", one.phone), ("_url", one.url))
    }
    named = {name: value for name, value in found.items() if value}
    return named | ({"name": person.address_as} if person is not None and person.address_as else {})


def providers_of(settings: OutreachSettings, home: Home, environ: Mapping[str, str]) -> dict[str, Outreach]:
    """The provider of each channel, within its limits and behind its breaker. Raises ConfigError that names the key."""
    secrets = Secrets(home.folder, environ)
    return {one.name: _provider(one, home, secrets) for one in settings.channels}


def doors_of(settings: OutreachSettings, environ: Mapping[str, str]) -> dict[str, Door]:
    """The doors for what providers tell, by channel: of those alone that have a secret for it. Raises ConfigError."""
    found = {}
    for one in settings.channels:
        if one.inbound_env:
            keys = tuple(_secret(environ, f"{one.name}.inbound_env", name) for name in one.inbound_env)
            found[one.name] = Door(provider=one.name, secrets=keys)
    return found


def people_of(settings: OutreachSettings, home: Home, environ: Mapping[str, str]) -> Crm:
    """Where people are known, and notes are kept. Raises ConfigError."""
    people = settings.people
    if people.kind == "http":
        return HttpCrm(name="crm", url=people.url, secret=_secret(environ, "people.secret_env", people.secret_env))
    return FileCrm(home.folder / people.path, home.folder / FOLDER / "notes.jsonl")


def payments_of(settings: OutreachSettings, environ: Mapping[str, str]) -> Payments | None:
    """Where plans are set up, None where the home has no such system. Raises ConfigError."""
    found = settings.payments
    if found is None:
        return None
    return HttpPayments(name="payments", url=found.url, secret=_secret(environ, "payments", found.secret_env))


# ---- inside


def _faults(found: OutreachSettings) -> Iterator[tuple[str, str]]:
    names = [one.name for one in found.channels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield f"two channels are called {twice[0]}", "give each channel of the policy one provider"
    if found.people.kind == "http" and not (found.people.url and found.people.secret_env):
        yield "people of kind http lack url or secret_env", "say both"
    if ".." in Path(found.people.path).parts or Path(found.people.path).is_absolute():
        yield "people.path leads out of the home", "name a file in it"
    for one in found.channels:
        if absent := [name for name in _NEEDED[one.kind] if not getattr(one, name)]:
            yield f"channel {one.name} of kind {one.kind} lacks {', '.join(absent)}", "say it there"
        fields = {name for used in _USED.values() for name in used} - set(_USED[one.kind])
        usual = ChannelSettings(name=one.name, kind=one.kind)
        if idle := sorted(name for name in fields if getattr(one, name) != getattr(usual, name)):
            yield f"channel {one.name} of kind {one.kind} has no use for {', '.join(idle)}", "leave it out"
        if one.total_seconds < one.seconds:
            yield f"channel {one.name}: total_seconds is less than seconds", "give all of it the longer time"


def _provider(one: ChannelSettings, home: Home, secrets: Secrets) -> Outreach:
    if one.kind == "dry_run":
        return DryRun(home.folder / FOLDER / f"dry-run-{one.name}.jsonl")
    breaker = Breaker(one.name, manner=Manner(failures=one.failures, open_seconds=one.open_seconds))
    # The limit stands outside: what it holds back is no failure of the provider.
    return Limited(Guarded(_real(one, secrets), breaker), one.limit, one.per_seconds)


def _real(one: ChannelSettings, secrets: Secrets) -> Outreach:
    match one.kind:
        case "smtp":
            host = MailHost(
                name=one.name,
                host=one.host,
                port=one.port,
                encryption=one.encryption,
                user=one.user,
                password=secrets.of("", "", one.password_env),
                seconds=one.seconds,
            )
            return Smtp(
                host=host,
                sender=one.sender,
                unsubscribe=one.unsubscribe,
                total_seconds=one.total_seconds,
                name=one.name,
            )
        case "apprise":
            return AppriseGateway(name=one.name, url=secrets.of("", "", one.url_env))
        case _:
            return Webhook(
                name=one.name,
                url=one.url,
                secret=_secret(secrets.environment, f"{one.name}.secret_env", one.secret_env),
                reconciles=one.reconciles,
                seconds=one.seconds,
                total_seconds=one.total_seconds,
            )


def _secret(environ: Mapping[str, str], key: str, variable: str) -> bytes:
    found = environ.get(variable, "")
    if not found:
        raise ConfigError(f"{OUTREACH}: {key}: the environment has no {variable or 'such variable'}", mend="set it")
    return found.encode()
