"""Groups of customers from a file that lies apart from everything that decides: for asking who is contacted."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from forbear.adapters.disk import storage_errors
from forbear.apps.home import Home
from forbear.domain.errors import ConfigError
from forbear.engine.bystander import NOT_TOLD
from forbear.features.hashing import Keys, keys_of

WHO = "customer_id"
_MOST_COLUMNS, _MOST_GROUPS = 20, 50


def groups_file(home: Home, asked: Path | None) -> Path | None:
    """The file that is named, else that of a synthetic bank's people, if there is one."""
    of_bank = home.truth / "people.csv"
    return asked or (of_bank if of_bank.exists() else None)


def groups_in(path: Path, among: Keys | None) -> Mapping[str, Mapping[str, Keys]]:
    """Of each column but `customer_id` of a CSV file, the keys of the customers of each group.

    among: keys of the customers who count, None for whoever is named.  Raises ConfigError for a file without such
    columns, with too many of them, or with a column that is no grouping because it tells nearly everybody apart.
    """
    with storage_errors(f"cannot read {path}"):
        if not path.is_file():
            raise ConfigError(f"{path} is no file", mend=f"name a CSV file with {WHO} and a column for each grouping")
        content = path.read_bytes()
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} is no CSV file: {error}", mend="save it as UTF-8, with commas") from error
    names = [name for name in (rows[0] if rows else {}) if name and name != WHO]
    if not rows or WHO not in rows[0] or not 0 < len(names) <= _MOST_COLUMNS:
        mend = f"its first line names {WHO} and 1 to {_MOST_COLUMNS} groupings"
        raise ConfigError(f"{path} holds no groups", mend=mend)
    keys = keys_of(np.array([(row[WHO] or "").encode() for row in rows], dtype="S"))
    here = np.ones(len(keys), dtype=np.bool_) if among is None else np.isin(keys, among)
    return {name: _grouped(path, name, keys[here], [row[name] for row in np.array(rows)[here]]) for name in names}


def _grouped(path: Path, name: str, keys: Keys, told: list[str | None]) -> Mapping[str, Keys]:
    groups = np.array([one or NOT_TOLD for one in told], dtype=np.str_)
    found = np.unique(groups).tolist()
    if len(found) > _MOST_GROUPS:
        raise ConfigError(
            f"{path}: {name} has {len(found)} groups", mend=f"put them into bands: {_MOST_GROUPS} at the most"
        )
    return {group: keys[groups == group] for group in found}
