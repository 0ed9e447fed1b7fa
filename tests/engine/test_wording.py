"""Nothing is said that was not written down, nothing threatens, and whatever is filled in stays within its bounds."""

from __future__ import annotations

import copy
import unicodedata
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.package_data import shipped
from forbear.domain.errors import ConfigError
from forbear.engine.inbound import STOP_WORDS
from forbear.engine.wording import Templates, parse_wording
from forbear.engine.wording_rules import MOST_PARTS, PLACEHOLDERS, THREATS, sms_parts, threats_in, unsafe_links

DOCUMENT = shipped("wording.toml")
CATALOGUE = parse_wording(DOCUMENT)
VALUES = {
    "bank": "First Bank",
    "bank_phone": "+44 20 7946 0000",
    "bank_url": "https://bank.example/help",
    "advice": "MoneyHelper",
    "advice_phone": "0800 138 7777",
    "advice_url": "https://www.moneyhelper.org.uk",
}
EVERY = [(one.name, language) for one in CATALOGUE.templates for language in CATALOGUE.languages]
SMS = [one.name for one in CATALOGUE.templates if one.channel == "sms"]


def changed(**of_the_first: Any) -> dict[str, Any]:
    """The shipped document with one template, changed."""
    document = copy.deepcopy(DOCUMENT)
    document["templates"] = [{**document["templates"][0], **of_the_first}]
    return document


def written(text: str, channel: str = "email", subject: str = "") -> dict[str, Any]:
    """The document with one template that says a text in English, and is fine in the other languages."""
    document = changed(channel=channel)
    fine = "{bank} {bank_url} {stop_word}"
    texts = {language: {"subject": "", "text": fine} for language in CATALOGUE.languages}
    document["templates"][0]["texts"] = {**texts, "en": {"subject": subject, "text": text}}
    return document


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_everything_shipped_can_be_said(name: str, language: str) -> None:
    """Every template in every language names the bank and a place for help, and nothing is left in braces."""
    made = CATALOGUE.render(name, language, {**VALUES, "name": "Ms Lovelace"})

    assert made.language == language
    assert made.template == f"{name}@1"
    assert "First Bank" in made.text + made.subject
    assert not set("{}") & set(made.subject + made.text)
    assert any(VALUES[one] in made.text for one in ("bank_phone", "bank_url", "advice_url"))


def test_every_wording_of_the_policy_is_there() -> None:
    """What the shipped policy offers can be said, on the channel that it is offered on."""
    for action in shipped("policy.toml")["actions"]:
        assert CATALOGUE.of(action["wording"]).channel == action["channel"]


def test_what_is_shipped_is_a_draft() -> None:
    """Nobody here approves wording for a bank."""
    assert len(CATALOGUE.drafts) == len(CATALOGUE.templates)
    assert all(one.approved_by == "" and one.approved_on is None for one in CATALOGUE.templates)


def test_a_stop_word_that_is_told_is_understood() -> None:
    """Whoever answers as an SMS tells them to is heard."""
    assert {speech.stop_word.casefold() for speech in CATALOGUE.languages.values()} <= STOP_WORDS


@given(
    name=st.sampled_from([one.name for one in CATALOGUE.templates]),
    greeted=st.text(max_size=200),
    language=st.sampled_from(["en", "de-CH", "fr", "es", "xx", ""]),
)
def test_a_name_adds_nothing_but_itself(name: str, greeted: str, language: str) -> None:
    """Whatever stands in the bank's records as a name: no link, no line, no placeholder comes of it."""
    plain = CATALOGUE.render(name, language, VALUES)
    made = CATALOGUE.render(name, language, {**VALUES, "name": greeted})

    assert made.text.count("\n") == plain.text.count("\n")
    assert made.text.count("://") == plain.text.count("://")
    assert made.text.count("{") == 0
    assert len(made.text) <= len(plain.text) + 100


@given(data=st.data(), name=st.sampled_from(SMS), language=st.sampled_from(sorted(CATALOGUE.languages)))
def test_an_sms_has_two_parts_whatever_is_filled_in(data: st.DataObject, name: str, language: str) -> None:
    """As long as its values are, in plain letters, an SMS fits; with others it is refused and never cut."""
    plain = {one: data.draw(st.text("abcXYZ 0189", min_size=1, max_size=PLACEHOLDERS[one])) for one in VALUES}
    values = {**plain, "bank_url": "https://bank.example/" + "x" * 39, "advice_url": VALUES["advice_url"]}
    assert sms_parts(CATALOGUE.render(name, language, values).text) <= MOST_PARTS
    with pytest.raises(ConfigError, match="parts"):
        CATALOGUE.render(name, language, {**values, "bank": "Ł" * 30})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("á" + "a" * 69, 1),
        ("á" + "a" * 70, 2),
        ("á" + "a" * 133, 2),
        ("🙂" * 35, 1),
        ("🙂" * 36, 2),
    ],
)
def test_parts_are_counted_as_networks_do(text: str, parts: int) -> None:
    """160 and 153 characters a part in the 7-bit alphabet, where some count twice; else 70 and 67 units (TS 23.038)."""
    assert parts == sms_parts(text)


@given(data=st.data())
def test_threats_are_found_however_they_are_written(data: st.DataObject) -> None:
    """Capitals, accents left out, hidden characters and other blanks hide no entry of the list."""
    language = data.draw(st.sampled_from(sorted(THREATS)))
    entry = data.draw(st.sampled_from(THREATS[language]))
    word = entry.rstrip("*").replace(" ", data.draw(st.sampled_from([" ", "\n", "\u00a0", " - "])))
    letters = [c + data.draw(st.sampled_from(["", "\u200b", "\u00ad"])) for c in word]
    said = "".join(letters)
    if data.draw(st.booleans()):
        said = said.upper()
    if data.draw(st.booleans()):
        said = "".join(c for c in unicodedata.normalize("NFD", said) if unicodedata.category(c) != "Mn")

    assert threats_in(f"You know: {said}!", language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Of course, we are courteous: pursue, issue, tissue. Take your time, you must not worry."),
        ("de", "Wir helfen gern, und Sie entscheiden in Ruhe."),
        ("fr", "Nous vous aidons, à votre rythme."),
        ("es", "Le ayudamos con calma."),
    ],
)
def test_words_that_hold_a_threat_by_accident_are_no_threat(language: str, text: str) -> None:
    """Whole words count, unless the list says otherwise."""
    assert not threats_in(text, language)


@pytest.mark.parametrize(
    ("text", "unsafe"),
    [
        ("see https://bank.example", False),
        ("see https://www.bank.example", False),
        ("see {bank_url}: it helps", False),
        ("Note: nothing", False),
        ("see http://bank.example", True),
        ("see www.bank.example", True),
        ("see javascript:alert(1)", True),
        ("HTTP://bank.example", True),
        ("ftp://bank.example", True),
        ("x://y", True),
    ],
)
def test_links_are_https(text: str, unsafe: bool) -> None:
    """Every other link is refused, however it is written."""
    assert unsafe == unsafe_links(text)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (written("{bank} {bank_url} pay or go to court"), "'court', which threatens"),
        (written("{bank} {bank_url}", subject="Final notice"), "'final notice', which threatens"),
        (written("{bank} {bank_url} {iban}"), "'iban' is no placeholder"),
        (written("{bank} {bank_url} {0.__class__}"), "is no placeholder"),
        (written("{bank} {bank_url} {"), "is no placeholder"),
        (written("{bank} {bank_url} http://x.example"), "not https"),
        (written("{bank_url}"), "who writes"),
        (written("{bank}"), "where there is help"),
        (written("{bank} {bank_url}\u202e"), "cannot be seen"),
        (written(" \n "), "says nothing"),
        (written("{bank} {bank_url} {stop_word} " + "x" * 210, "sms"), "SMS of up to"),
        (written("{bank} {bank_url} {stop_word} á" + "x" * 40, "sms"), "SMS of up to"),
        (written("{bank} {bank_url}", "sms"), "how to leave"),
        (written("{greeting} {bank} {bank_url} {stop_word}", "sms"), "greets nobody"),
        (written("{bank} {bank_url} {stop_word}", "sms", "Hello"), "no subject"),
        (changed(texts={"en": {"subject": "", "text": "{bank} {bank_url}"}}), "not written in de, es, fr"),
        (changed(status="approved"), "approved by nobody"),
        (changed(status="approved", approved_by="A. Risk"), "approved by nobody"),
        (changed(nobody="knows"), "nobody"),
        ({**DOCUMENT, "fallback": "it"}, "none of its languages"),
        ({**DOCUMENT, "templates": [*DOCUMENT["templates"], DOCUMENT["templates"][0]]}, "stands twice"),
        ({**DOCUMENT, "languages": {**DOCUMENT["languages"], "pl": DOCUMENT["languages"]["en"]}}, "listed what"),
        ({**DOCUMENT, "format": 2}, "format 2"),
    ],
)
def test_what_may_not_be_said_is_refused(document: dict[str, Any], says: str) -> None:
    """The error names the place and what would be right."""
    with pytest.raises(ConfigError, match=says) as refused:
        parse_wording(document)
    assert refused.value.mend


def test_an_approved_text_says_by_whom() -> None:
    """Approval is part of the content, and so of the digest."""
    found = parse_wording(changed(status="approved", approved_by="A. Risk", approved_on=date(2026, 11, 1)))

    assert not found.drafts
    assert found.digest != parse_wording(changed()).digest


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"bank": ""}, "the value of bank is none"),
        ({"bank": "x" * 31}, "the value of bank is none"),
        ({"bank": "two\nlines"}, "the value of bank is none"),
        ({"bank": "{advice}"}, "the value of bank is none"),
        ({"bank_url": "http://bank.example"}, "no https address"),
        ({"amount": "5"}, "is no value"),
        ({"greeting": "Hey"}, "is no value"),
        ({"stop_word": "GO"}, "is no value"),
    ],
)
def test_values_are_of_the_list_and_bounded(values: dict[str, str], says: str) -> None:
    """What does not fit is refused, and what it was is not shown."""
    with pytest.raises(ConfigError, match=says):
        CATALOGUE.render("help_page", "en", {**VALUES, **values})


def test_a_value_that_is_missing_is_asked_for() -> None:
    """Nothing is sent with a hole in it."""
    with pytest.raises(ConfigError, match="needs bank_phone"):
        CATALOGUE.render("help_page", "en", {one: VALUES[one] for one in VALUES if one != "bank_phone"})


@pytest.mark.parametrize(
    ("wanted", "spoken"), [("de", "de"), ("de-CH", "de"), ("DE", "de"), ("it", "en"), ("", "en"), ("es-419", "es")]
)
def test_everybody_is_spoken_to(wanted: str, spoken: str) -> None:
    """In their language, in its main form, or in the fallback; what is sent says which."""
    assert CATALOGUE.render("help_page", wanted, VALUES).language == spoken


def test_an_unknown_name_is_named() -> None:
    """And says where names are found."""
    with pytest.raises(ConfigError, match="wording list"):
        CATALOGUE.render("no_such_help", "en", VALUES)


def test_a_catalogue_is_a_value() -> None:
    """Two readings of one document are the same, digest included."""
    assert parse_wording(DOCUMENT) == CATALOGUE
    assert isinstance(CATALOGUE, Templates)
    assert CATALOGUE.digest == parse_wording(copy.deepcopy(DOCUMENT)).digest
