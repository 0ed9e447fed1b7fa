"""The law book of the shipped packs, and a bank's own pack beside them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from forbear.apps.jobs.contact_law import HOLIDAY_YEARS, SHIPPED, Holidays, law_book
from forbear.domain.contacts import Means, Placed, PlaceSource, Purpose, Question
from forbear.domain.errors import ConfigError
from forbear.policy.contact_law.asking import may_contact

OWN = """
format = 1
version = "7"
name = "bank"
jurisdiction = "{jurisdiction}"
in_force_from = 2020-01-01

[[clauses]]
kind = "hours"
id = "bank.hours"
source = "board, 3 March 2026"
says = "We call from 9 to 5."
practice = true
means = ["call"]
opens = "09:00"
closes = "17:00"
"""
CALL = Question(
    customer=1,
    channel="phone",
    means=Means.CALL,
    matter="card",
    purpose=Purpose.COLLECTION,
    at_us=int(datetime(2026, 4, 8, 21, 30, tzinfo=UTC).timestamp()) * 1_000_000,
    jurisdiction="us",
)
HERE = Placed(fact_id="p", customer=1, at_us=1, known_us=1, source=PlaceSource.TOLD, zones=("America/New_York",))


@pytest.mark.parametrize(("jurisdiction", "clause"), [("house", "bank.hours"), ("us", "bank.hours"), ("uk", "")])
def test_an_own_pack_is_laid_over(tmp_path: Path, jurisdiction: str, clause: str) -> None:
    """A bank's own clauses are asked beside the shipped ones: of everybody, or in the jurisdiction that they name."""
    path = tmp_path / "bank.toml"
    path.write_text(OWN.format(jurisdiction=jurisdiction), encoding="utf-8")
    verdict = may_contact(CALL, [HERE], law_book(path))

    assert may_contact(CALL, [HERE], law_book()).allowed
    assert verdict.clause == clause
    assert ("bank@7" in verdict.packs) == bool(clause)


def test_only_the_jurisdictions_named_are_known() -> None:
    """Where a bank does not lend it has no law, and contacts nobody."""
    book = law_book(jurisdictions=["in"])

    assert book.jurisdictions == ("in",)
    assert may_contact(CALL, [HERE], book).clause == "no-law"


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """An unknown jurisdiction, no file, and a file that is no pack."""
    with pytest.raises(ConfigError, match="no pack is shipped"):
        law_book(jurisdictions=["mars"])
    with pytest.raises(ConfigError, match="is no file"):
        law_book(tmp_path / "none.toml")
    path = tmp_path / "bank.toml"
    path.write_text("format = 1", encoding="utf-8")
    with pytest.raises(ConfigError, match="law pack"):
        law_book(path)


def test_every_shipped_country_has_holidays() -> None:
    """Some in the first of the years and in the last, and Christmas in Germany; an unknown country has none."""
    holidays, epoch = Holidays(), date(1970, 1, 1).toordinal()
    packs = law_book().packs
    countries = {code for pack in packs for code in (pack.country, *pack.regions.values()) if code}

    assert {pack.jurisdiction for pack in packs} == {*SHIPPED, "house"}
    for country in sorted(countries):
        years = {date.fromordinal(day + epoch).year for day in holidays[country]}
        assert years >= set(HOLIDAY_YEARS)
    assert date(2026, 12, 25).toordinal() - epoch in holidays["DE"]
    assert holidays.get("ZZ") is None
