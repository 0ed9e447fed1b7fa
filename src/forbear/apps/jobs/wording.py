"""Show and check what customers may be told: `forbear wording`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.outreach_settings import OutreachSettings, catalogue_of, people_of, read_outreach, values_of
from forbear.apps.package_data import toml_of
from forbear.domain.errors import ConfigError
from forbear.engine.crm import Person
from forbear.engine.wording import parse_wording
from forbear.engine.wording_rules import sms_parts


def show_list(home: Home, console: Console) -> None:
    """Every template, its channel, and whether it is approved."""
    found = catalogue_of(home)
    rows = [[one.name, one.version, one.channel, one.status, one.approved_by or "-"] for one in found.templates]
    console.table(
        f"Wording {found.version} in {', '.join(found.languages)} ({found.digest[:12]})",
        ["name", "version", "channel", "status", "approved by"],
        rows,
    )
    if found.drafts:
        console.say(f"{len(found.drafts)} of {len(rows)} are drafts: no real provider sends them before one approves.")
    console.result(
        {
            "version": found.version,
            "digest": found.digest,
            "languages": list(found.languages),
            "fallback": found.fallback,
            "templates": [
                {
                    "name": one.name,
                    "version": one.version,
                    "channel": one.channel,
                    "status": one.status,
                    "approved_by": one.approved_by,
                    "approved_on": one.approved_on.isoformat() if one.approved_on else None,
                }
                for one in found.templates
            ],
        }
    )


def show_template(home: Home, name: str, console: Console) -> None:
    """One template in every language, as it is written."""
    found = catalogue_of(home)
    one = found.of(name)
    console.say(f"{one.reference}, {one.channel}, {one.status}")
    for language, text in one.texts.items():
        console.say(f"\n[{language}] {text.subject}\n{text.text.strip()}")
    console.result(
        {
            "template": one.reference,
            "channel": one.channel,
            "status": one.status,
            "texts": {language: {"subject": text.subject, "text": text.text} for language, text in one.texts.items()},
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be previewed. language, customer: "" where nobody has said."""

    name: str
    language: str = ""
    customer: str = ""


def show_preview(home: Home, wanted: Wanted, environ: Mapping[str, str], console: Console) -> None:
    """One template as a customer would have it, by the settings of the home; nothing is sent."""
    settings, found = read_outreach(home), catalogue_of(home)
    person = _person(settings, home, wanted.customer, environ) if wanted.customer else None
    language = wanted.language or (person.language if person is not None else "") or settings.language
    made = found.render(wanted.name, language, values_of(settings, person))
    channel = found.of(wanted.name).channel
    parts = sms_parts(made.text) if channel == "sms" else None
    console.say(f"{made.template}, {channel}, in {made.language}" + (f", {parts} of 2 parts" if parts else ""))
    console.say(f"\n{made.subject}\n\n{made.text}" if made.subject else f"\n{made.text}")
    console.result(
        {
            "template": made.template,
            "channel": channel,
            "language": made.language,
            "subject": made.subject,
            "text": made.text,
            "sms_parts": parts,
        }
    )


def show_check(path: Path, console: Console) -> None:
    """Whether a file is a catalogue that may be used. Raises ConfigError that names the first fault."""
    found = parse_wording(toml_of(path, "wording"))
    spoken = ", ".join(found.languages)
    console.say(f"{path} holds {len(found.templates)} templates in {spoken}; {len(found.drafts)} of them are drafts")
    console.result(
        {
            "version": found.version,
            "digest": found.digest,
            "templates": len(found.templates),
            "languages": list(found.languages),
            "drafts": found.drafts,
        }
    )


def _person(settings: OutreachSettings, home: Home, customer: str, environ: Mapping[str, str]) -> Person:
    found = people_of(settings, home, environ).find(customer)
    if found is None:
        raise ConfigError("nobody of that name is in the register", mend=f"see {settings.people.path} of the home")
    return found
