"""The e-mail experiment that Kevin Hillstrom published in 2008: 64,000 customers, two campaigns and a hold-out.

Columns: recency [months since the last purchase], history [dollars spent in the year before], mens, womens (bought
such goods), zip_code, newbie, channel, segment (the arm), visit, conversion, spend [dollars] in the two weeks after.
Source: blog.minethatdata.com, "The MineThatData E-Mail Analytics And Data Mining Challenge".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forbear.domain.errors import ConfigError
from forbear.importers.base import ImportReport, Refusal
from forbear.importers.lines import Meter
from forbear.importers.text import Dialect, TextTable
from forbear.models.effects.observations import Experiment

Floats = NDArray[np.float64]

ARMS = ("no_email", "mens_email", "womens_email")
_ARMS = {"No E-Mail": 0, "Mens E-Mail": 1, "Womens E-Mail": 2}
_CHANNELS = ("Phone", "Web", "Multichannel")
_PLACES = {"Rural": "rural", "Surburban": "suburban", "Urban": "urban"}
"""As the file spells them."""
_NUMBERS = ("recency", "history", "mens", "womens", "newbie", "visit", "conversion", "spend")
_FLAGS = ("mens", "womens", "newbie", "visit", "conversion")
_NEEDED = (*_NUMBERS, "zip_code", "channel", "segment")
_FILES = ("hillstrom.csv.gz", "hillstrom.csv")


@dataclass(frozen=True, slots=True)
class Campaign:
    """What became of n customers. visits, spend: the same experiment with either outcome; spend in cents.

    columns: names of the covariates.
    """

    visits: Experiment
    spend: Experiment
    columns: tuple[str, ...]


def find_hillstrom(folder: Path) -> Path:
    """The file in a folder, or in its folder `hillstrom`. Raises ConfigError where there is none."""
    places = [folder / name for name in _FILES] + [folder / "hillstrom" / name for name in _FILES]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise ConfigError(f"{folder} holds no {_FILES[0]}", mend="name the folder that has it with --data")
    return found


def read_hillstrom(path: Path) -> Campaign:
    """The published table, plain or gzip. Each arm was drawn with a chance of one third.

    Raises ConfigError that names line and column where a cell is not what the column holds.
    """
    table = TextTable(path, Dialect(), _NEEDED)
    rows = [_Row(row.line, row.cells) for row in table.rows(ImportReport(_stop), Meter([path], None))]
    if not rows:
        raise ConfigError(f"{path}: no customer in it", mend="fetch the file again")
    place = {name: table.header.index(name) for name in _NEEDED}
    numbers = {name: _numbers(path, rows, (name, place[name])) for name in _NUMBERS}
    arm = _chosen(path, rows, ("segment", place["segment"]), tuple(_ARMS))
    channel = _chosen(path, rows, ("channel", place["channel"]), _CHANNELS)
    zone = _chosen(path, rows, ("zip_code", place["zip_code"]), tuple(_PLACES))
    columns = {name: numbers[name] for name in ("recency", "history", "mens", "womens", "newbie")}
    columns |= {name.lower(): (channel == at).astype(np.float64) for at, name in enumerate(_CHANNELS)}
    columns |= {name: (zone == at).astype(np.float64) for at, name in enumerate(_PLACES.values())}
    parts = {
        "bought men's goods": numbers["mens"] == 1.0,
        "bought women's goods": numbers["womens"] == 1.0,
        "new customer": numbers["newbie"] == 1.0,
        "known longer": numbers["newbie"] == 0.0,
        **{f"by {name.lower()}": channel == at for at, name in enumerate(_CHANNELS)},
        **{name: zone == at for at, name in enumerate(_PLACES.values())},
    }

    def experiment(outcome: Floats) -> Experiment:
        return Experiment(
            arms=ARMS,
            arm=arm,
            propensity=np.full((len(rows), len(ARMS)), 1.0 / len(ARMS)),
            outcome=outcome,
            good=1,
            customers=np.arange(len(rows), dtype=np.int64),
            covariates=np.column_stack(list(columns.values())),
            segments=parts,
        )

    return Campaign(experiment(numbers["visit"]), experiment(np.round(100.0 * numbers["spend"])), tuple(columns))


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: list[str]


def _numbers(path: Path, rows: list[_Row], column: tuple[str, int]) -> Floats:
    name, place = column
    found = np.empty(len(rows))
    for at, row in enumerate(rows):
        try:
            found[at] = float(row.cells[place])
        except ValueError:
            found[at] = np.nan
        if not np.isfinite(found[at]) or found[at] < 0.0 or (name in _FLAGS and found[at] not in (0.0, 1.0)):
            raise _wrong(path, row, column)
    return found


def _chosen(path: Path, rows: list[_Row], column: tuple[str, int], words: tuple[str, ...]) -> NDArray[np.int64]:
    _, place = column
    codes = {word: code for code, word in enumerate(words)}
    if unknown := next((row for row in rows if row.cells[place] not in codes), None):
        raise _wrong(path, unknown, column)
    return np.array([codes[row.cells[place]] for row in rows], dtype=np.int64)


def _wrong(path: Path, row: _Row, column: tuple[str, int]) -> ConfigError:
    name, place = column
    return ConfigError(
        f"{path}, line {row.line}: {row.cells[place][:64]!r} in column {name!r}", mend="fetch the published file again"
    )


def _stop(refusal: Refusal) -> None:
    raise ConfigError(f"{refusal.file}, line {refusal.line}: {refusal.message}", mend="fetch the file again")
