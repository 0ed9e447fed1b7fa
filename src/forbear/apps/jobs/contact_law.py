"""The law book: packs that are shipped, a pack of one's own beside them, and the holidays that they heed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path

from forbear.adapters.holidays import bank_calendar
from forbear.apps.home import Home
from forbear.apps.outreach_settings import read_outreach
from forbear.apps.package_data import shipped, toml_of
from forbear.domain.errors import ConfigError
from forbear.policy.contact_law.book import LawBook
from forbear.policy.contact_law.pack import HOUSE, Pack, parse_pack

SHIPPED = ("eu", "in", "uk", "us")
"""Jurisdictions whose packs come with the package, beside the house's."""
HOLIDAY_YEARS = range(2018, 2051)
"""For which years bank holidays are known to the law book; finding those of a century takes seconds."""
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def law_book(home_pack: Path | None = None, jurisdictions: Iterable[str] = SHIPPED) -> LawBook:
    """The packs of these jurisdictions and of the house, under a pack of one's own.

    home_pack: a TOML file of one's own; its clauses are asked beside all others.
    Raises ConfigError for a jurisdiction that is not shipped, and for a file that is no pack.
    """
    return LawBook.of(packs_of(home_pack, jurisdictions), Holidays())


def packs_of(home_pack: Path | None, jurisdictions: Iterable[str]) -> list[Pack]:
    """The packs that `law_book` binds, read and checked; raises as it does."""
    wanted = list(dict.fromkeys(jurisdictions))
    if unknown := [name for name in wanted if name not in SHIPPED]:
        raise ConfigError(f"no pack is shipped for {unknown}", mend=f"name some of {', '.join(SHIPPED)}")
    own = [parse_pack(toml_of(home_pack, "contact law"))] if home_pack else []
    return [*(parse_pack(shipped(f"law/{name}.toml")) for name in (*wanted, HOUSE)), *own]


class Holidays(Mapping[str, frozenset[int]]):
    """Bank holidays [days since 1970] by ISO country code, each found when it is first asked for."""

    def __getitem__(self, country: str) -> frozenset[int]:
        """Those of a country. Raises KeyError where none are known."""
        found = _holidays(country)
        if found is None:
            raise KeyError(country)
        return found

    def __iter__(self) -> Iterator[str]:
        """No country: which are known is found out by asking."""
        return iter(())

    def __len__(self) -> int:
        """None is listed."""
        return 0


@cache
def _holidays(country: str) -> frozenset[int] | None:
    try:
        known = bank_calendar(country, HOLIDAY_YEARS).holidays
    except ConfigError:
        return None
    return frozenset(day.toordinal() - _EPOCH_DAY for day in known)


def jurisdiction_of(country: str) -> str:
    """The shipped jurisdiction that a country [ISO code] is in; "", the house's rules alone, where none is shipped."""
    for pack in packs_of(None, SHIPPED):
        if country and (country == pack.country or country in pack.regions.values()):
            return pack.jurisdiction
    return ""


def jurisdiction_here(home: Home, named: str | None = None) -> str:
    """Whose law holds: as named, else as the home's `outreach.toml` says, else its country's. Raises ConfigError."""
    return named if named is not None else read_outreach(home).jurisdiction or jurisdiction_of(home.deployment.country)
