"""What may stand in a line: nothing that came with data, whatever its form, and enough to work with."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forbear.apps.api.app
import forbear.apps.jobs.running  # noqa: F401  # its words, and those of whatever it takes, are known then
from forbear.apps import masking
from forbear.apps.masking import MASK, Vocabulary, looks_like_chance, masked, phrase, said, told_of
from forbear.domain.errors import BackendUnavailable

CANARIES = {
    "customer": "CX-88213",
    "a short customer id": "K4711",
    "a number as id": "4711",
    "name": "Zoë Wacławska",
    "a name in capitals": "Grzegorz",
    "iban": "DE89 3704 0044 0532 0130 00",
    "iban in one": "DE89370400440532013000",
    "mail": "zoe.waclawska@example.org",
    "phone": "+49 (170) 123-45-67",
    "day of birth": "1984-03-17",
    "card": "4111 1111 1111 1111",
    "key": "fb_2c6e2179_0f8d1c7e5a9b4d3288aa",
    "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ6b2UifQ.c2lnbmF0dXJl",
    "password in a URL": "postgresql://bank:hunter2@db-7.intern/forbear",
    "street": "Hauptstraße 17a",
    "cyrillic": "Иванова",
}
FORMS = {
    "as it is": lambda text: text,
    "repr": repr,
    "quoted for a URL": quote,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "url-safe base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "in capitals": str.upper,
    "bytes": lambda text: repr(text.encode()),
    "escaped": lambda text: text.encode("unicode_escape").decode(),
    "in an argument": lambda text: f"(psycopg) [parameters: ({text!r}, 17)]",
    "glued": lambda text: f"customer={text};",
}


def pieces(text: str) -> list[str]:
    """The parts of a text that would tell somebody something: words of three letters, numbers of four digits."""
    return [one for one in re.findall(r"[^\W\d_]{3,}|\d{4,}", text) if one.lower() not in ("der", "com")]


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("what", CANARIES, ids=str)
def test_nothing_that_came_with_data_is_said(what: str, form: str) -> None:
    """No form of an id, a name, an address, a number or a secret passes, in whatever sentence it stands."""
    told = FORMS[form](CANARIES[what])
    sentence = said(f"cannot write what was told of {told}, it is not valid")

    assert told not in sentence
    known = {"postgresql", "forbear", "intern", "bank", "example", "customer", "parameters", "org", "zoe", "key"}
    for piece in pieces(CANARIES[what]):
        if piece.lower() not in known:
            assert piece.lower() not in sentence.lower()
    assert sentence.startswith("cannot write what was told of")


@given(st.text())
def test_a_text_is_made_of_our_words_and_masks(text: str) -> None:
    """Whatever is said is made of words that the program knows, short numbers, marks, and masks."""
    vocabulary = masking._VOCABULARY
    for word in said(text).replace(MASK, " ").split():
        for part in (part for part in masking._PARTS.split(word.strip(masking._ENDS)) if part):
            assert part.isascii()
            assert part.isdigit() or vocabulary.knows(part, first=True)


@given(st.integers(10**5, 10**20), st.sampled_from(["", " ", "-", "/", ".", ") "]))
def test_long_numbers_never_pass(number: int, mark: str) -> None:
    """Six digits or more are masked, however they are parted."""
    parted = mark.join(str(number))
    digits = "".join(filter(str.isdigit, said(f"offset {parted} is read")))
    assert len(digits) <= 3


def test_what_an_operator_needs_is_said() -> None:
    """The program's own sentences come through, with short numbers."""
    for sentence in (
        "the log does not lead to what is recorded at offset 12",
        "Kafka: partition 3 stands still",
        "no worker ever ran on",
        "connection refused",
    ):
        assert said(sentence) == sentence


def test_a_capital_in_the_middle_is_a_name_unless_we_write_it_so() -> None:
    """A word that the program says only in small letters is masked where it is capitalised within a text."""
    assert said("the offer of Again is open") == f"the offer of {MASK} is open"
    assert said("the offer is open again") == "the offer is open again"


@pytest.mark.parametrize(
    "field", ["customer_id", "accountNumber", "full_name", "e-mail", "IBAN", "api_key", "purpose", "payload", "body"]
)
def test_personal_fields_are_masked_whatever_they_hold(field: str) -> None:
    """By its name alone, in a list and inside of others too."""
    assert [*masked({field: "sent"}).values()] == [MASK]
    assert [*masked({"facts": {field: ["sent", {"deep": 1}]}}).values()] == [
        {**dict.fromkeys(masked({field: 1}), MASK)}
    ]


def test_figures_and_ids_of_our_own_pass() -> None:
    """Counts, states, routes, digests and days are what a log is for."""
    facts: dict[str, Any] = {
        "events": 1_234_567,
        "duration_ms": 12.5,
        "silent": False,
        "why": None,
        "route": "/v1/customers/{customer_id}",
        "state": "catching up",
        "decision_id": "0123456789abcdef" * 2,
        "request_id": "0af76519-16cd-43dd-8448-eb211c80319c",
        "who": "12345678",
        "day": "2024-05-01",
        "lag": {"0": 17, "1": 3},
        "customer_ref": "abcdefghijkl",
    }
    assert masked(facts) == facts


@pytest.mark.parametrize("value", ["4111111111111111", "CX-88213", "Zoë", "4" * 32, "abcdefghijklmnopq", "r1"])
def test_an_id_that_a_caller_made_is_no_chance(value: str) -> None:
    """Only what looks like chance or a digest is written as an id: a card's digits do not."""
    assert not looks_like_chance(value)
    assert masked({"request_id": value})["request_id"] == MASK


def test_names_of_events_and_fields_are_ours() -> None:
    """Small words pass as they are, at once; whatever looks otherwise is a text like any other."""
    assert phrase("warm-up waits") == "warm-up waits"
    assert phrase("event of Quixote") == f"event of {MASK}"
    assert [*masked({"a_field_of_ours": 1, "CX-88213": 2, "http.route": "/v1"})] == [
        "a_field_of_ours",
        MASK,
        "http.route",
    ]


def test_who_answers_requests_waits_for_no_reading() -> None:
    """While another thread reads the words a loop goes on, and masks what it does not know yet."""
    vocabulary = Vocabulary()

    async def ask() -> bool:
        return vocabulary.knows("masked")

    with vocabulary._lock:
        assert not asyncio.run(ask())
    vocabulary.learn_beside()
    assert vocabulary.knows("masked")


def test_keys_of_counts_are_values_too() -> None:
    """Facts by customer would name them by their keys."""
    assert "CX-88213" not in str(masked({"counts": {"CX-88213": 3}}))


def test_an_error_is_told_without_what_it_holds() -> None:
    """By its kind, its place and our own words; of the one that it was raised for, kind and place."""
    error = BackendUnavailable("the store does not answer for Zoë")
    with pytest.raises(RuntimeError) as cause:
        raise RuntimeError("Zoë", {"iban": "DE89370400440532013000"})
    error.__cause__ = cause.value
    told = told_of(error)
    assert masked({"trouble": error}) == {"trouble": told}
    assert told.startswith("RuntimeError at test_masking.py:")
    assert told.endswith("the store does not answer for ***")


def test_only_what_was_compiled_is_known() -> None:
    """A value that a module holds at run time is no word of the program, nor is one that nobody says."""
    vocabulary = Vocabulary()
    masking.SOMEBODY = "Wacławska Quixote"  # type: ignore[attr-defined]
    try:
        assert not vocabulary.knows("Quixote")
        assert vocabulary.knows("masked")
        assert not Vocabulary("nowhere").knows("masked")
    finally:
        del masking.SOMEBODY  # type: ignore[attr-defined]


def test_a_long_text_is_cut() -> None:
    """What comes behind a thousand characters is left out: a line has an end."""
    assert len(said("read " * 100_000)) <= masking.LONGEST
