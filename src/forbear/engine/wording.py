"""The catalogue of approved texts: what may be said to a customer, in which languages, and who approved it.

Texts come from the catalogue alone; what is filled in is of a closed list, bounded, and never written by a customer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from forbear.domain.errors import ConfigError
from forbear.domain.stated import Kind, StatedDocument
from forbear.engine.wording_rules import MOST_PARTS, PLACEHOLDERS, THREATS, URLS, faults_of, sms_parts

_KIND = Kind("wording", format=1, page="docs/wording.md")
_URL = re.compile(r"https://[A-Za-z0-9.-]+(?::\d+)?(?:/[!-~]*)?\Z")
_PLACE = re.compile(r"\{([a-z_]+)\}")
_MOST_NAME = 60
_IN_NAMES = " .'\u2019-"

Word = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}\Z")]
Version = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,19}\Z")]


class Speech(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a language greets. greeting: with {name}.  greeting_nobody: where no name is known.  stop_word: to leave."""

    greeting: Annotated[str, Meta(min_length=1, max_length=40)]
    greeting_nobody: Annotated[str, Meta(min_length=1, max_length=40)]
    stop_word: Annotated[str, Meta(pattern=r"^[A-Z]{2,10}\Z")]


class Text(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language of a template. subject: "" where the channel has none."""

    subject: Annotated[str, Meta(max_length=120)]
    text: Annotated[str, Meta(max_length=4_000)]


class Template(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text of a channel, by language. approved_by, approved_on: of what is no draft."""

    name: Word
    version: Version
    channel: Word
    status: Literal["draft", "approved"]
    texts: dict[str, Text]
    approved_by: Annotated[str, Meta(max_length=80)] = ""
    approved_on: date | None = None

    @property
    def reference(self) -> str:
        """As sendings are recorded: name@version."""
        return f"{self.name}@{self.version}"


class Rendered(Struct, frozen=True, kw_only=True):
    """What is sent. language: the one that it is in.  template: name@version."""

    subject: str
    text: str
    language: str
    template: str


class Templates(StatedDocument, frozen=True, kw_only=True):
    """A catalogue. fallback: the language for whoever speaks none of the others."""

    fallback: str
    languages: dict[str, Speech]
    templates: Annotated[tuple[Template, ...], Meta(min_length=1, max_length=500)]

    @property
    def drafts(self) -> list[str]:
        """Names of templates that nobody has approved."""
        return [one.reference for one in self.templates if one.status == "draft"]

    def of(self, name: str) -> Template:
        """The template of a name. Raises ConfigError where there is none."""
        found = next((one for one in self.templates if one.name == name), None)
        if found is None:
            raise ConfigError(f"there is no wording called {name!r}", mend="`forbear wording list` names them")
        return found

    def language_of(self, wanted: str) -> str:
        """The language that is spoken to whoever wants one: theirs, its main one ("de" for "de-CH"), the fallback."""
        main = wanted.partition("-")[0].lower()
        return next((one for one in (wanted.lower(), main) if one in self.languages), self.fallback)

    def render(self, name: str, language: str, values: Mapping[str, str]) -> Rendered:
        """One text, filled in. values: of PLACEHOLDERS; `name` is who is greeted, greeting and stop_word are made.

        Raises ConfigError for a value that is missing, too long, or none of the list.
        """
        template, spoken = self.of(name), self.language_of(language)
        speech = self.languages[spoken]
        filled = {**_checked(values), "stop_word": speech.stop_word, "greeting": _greeting(speech, values)}
        written = template.texts[spoken]
        text = _filled(template.name, written.text, filled).strip()
        if template.channel == "sms" and (parts := sms_parts(text)) > MOST_PARTS:
            raise ConfigError(
                f"the SMS {name} has {parts} parts with these values",
                mend="use plain letters in the name of the bank and short addresses",
            )
        return Rendered(
            subject=_filled(template.name, written.subject, filled),
            text=text,
            language=spoken,
            template=template.reference,
        )


def parse_wording(document: Mapping[str, Any]) -> Templates:
    """A catalogue of a parsed TOML document. Raises ConfigError that names the template, the language and the fault."""
    return _KIND.read(document, Templates, _faults)


# ---- inside


def _faults(found: Templates) -> Iterator[tuple[str, str]]:
    if unlisted := sorted(set(found.languages) - set(THREATS)):
        yield f"nobody has listed what threatens in {', '.join(unlisted)}", f"speak {', '.join(THREATS)}"
        return
    if found.fallback not in found.languages:
        yield f"the fallback {found.fallback!r} is none of its languages", "name one of them"
    for language, speech in found.languages.items():
        if "{name}" not in speech.greeting or _PLACE.sub("", speech.greeting).count("{"):
            yield f"the greeting of {language} has no {{name}}", 'write it like "Dear {name},"'
        if "{" in speech.greeting_nobody:
            yield f"the greeting_nobody of {language} has a placeholder", 'write it like "Hello,"'
    names = [one.name for one in found.templates]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield f"{twice[0]} stands twice", "give each template a name of its own"
    for one in found.templates:
        yield from _of_a_template(one, found)


def _of_a_template(one: Template, found: Templates) -> Iterator[tuple[str, str]]:
    if missing := sorted(set(found.languages) - set(one.texts)):
        yield f"{one.name} is not written in {', '.join(missing)}", "write every template in every language"
    if strange := sorted(set(one.texts) - set(found.languages)):
        yield f"{one.name} is written in {', '.join(strange)}, which is no language of the catalogue", "name it there"
        return
    if one.status == "approved" and not (one.approved_by.strip() and one.approved_on):
        yield f"{one.name} is approved by nobody", "say approved_by and approved_on"
    for language, text in one.texts.items():
        for what, mend in faults_of(one.channel, language, text.subject, text.text):
            yield f"{one.name} in {language}: {what}", mend


def _checked(values: Mapping[str, str]) -> dict[str, str]:
    given = {name: value for name, value in values.items() if name != "name"}
    for name, value in given.items():
        if name not in PLACEHOLDERS or name in ("greeting", "stop_word"):
            raise ConfigError(f"{name!r} is no value of a wording", mend=f"use {', '.join(PLACEHOLDERS)}")
        if not value or len(value) > PLACEHOLDERS[name] or not value.isprintable() or "{" in value or "}" in value:
            raise ConfigError(
                f"the value of {name} is none", mend=f"one line of 1 to {PLACEHOLDERS[name]} characters, without braces"
            )
        if name in URLS and not _URL.match(value):
            raise ConfigError(f"the value of {name} is no https address", mend="write it like https://host/path")
    return given


def _greeting(speech: Speech, values: Mapping[str, str]) -> str:
    """A name comes from the bank's records: what no name has is left out of it, so that it can bear no link."""
    given = values.get("name", "")
    plain = "".join(c if c.isalpha() or unicodedata.category(c) == "Mn" or c in _IN_NAMES else " " for c in given)
    name = re.sub(r"\.(?=\S)", " ", " ".join(plain.split()))[:_MOST_NAME].strip()
    return speech.greeting.replace("{name}", name) if name else speech.greeting_nobody


def _filled(template: str, text: str, values: Mapping[str, str]) -> str:
    """In one pass: what is filled in is not looked at again."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise ConfigError(f"{template} needs {found[1]}", mend="say it in outreach.toml")
        return values[found[1]]

    return _PLACE.sub(value, text)
