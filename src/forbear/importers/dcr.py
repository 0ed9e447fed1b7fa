"""The Deep Credit Risk panel: US mortgages by quarter with the economy of the time, as one CSV file, gzip or not.

Read as values, never as events: there are no transactions in it, no days past due, and no customers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.models.credit.panel import NEVER, Economy, LoanPanel
from forbear.models.results import Floats

FILES = ("dcr.csv.gz", "dcr.csv")
MINOR = 100.0
"""Cents of a dollar."""
_NEEDED = (
    *("id", "time", "orig_time", "mat_time", "res_time", "balance_time", "interest_rate_time", "hpi_time", "gdp_time"),
    *("uer_time", "investor_orig_time", "balance_orig_time", "FICO_orig_time", "LTV_orig_time", "hpi_orig_time"),
    *("status_time", "lgd_time"),
)
_REQUIRED = tuple(name for name in _NEEDED if name not in ("res_time", "lgd_time"))


def dcr_file(folder: Path) -> Path:
    """The panel in a folder. Raises ConfigError where there is none."""
    for name in FILES:
        if (folder / name).is_file():
            return folder / name
    raise ConfigError(f"{folder}: neither {' nor '.join(FILES)} is there", mend="name the folder that holds the panel")


@dataclass(frozen=True, slots=True)
class DcrPanel:
    """What was read.  repeated: rows left out because their loan has a later row of the same quarter in the file.

    unresolved: defaults whose workout is not over within the panel.
    """

    panel: LoanPanel
    repeated: int
    unresolved: int


def read_dcr(folder: Path) -> DcrPanel:
    """The panel of a folder, rows sorted by loan and quarter.

    Where a quarter of a loan stands twice, the row further down counts. A default without `res_time` has an LGD that
    nobody could know within the panel. Raises ConfigError for a file that is missing, lacks a column, holds what is no
    number where one is needed, or has a loan go on behind its end; NotEnoughData for a quarter without any loan, whose
    economy is then unknown.
    """
    path = dcr_file(folder)
    raw = _columns(path)
    columns = _sorted(raw, path)
    balance, resolved = columns["balance_time"], columns["res_time"]
    original = columns["balance_orig_time"] / (columns["LTV_orig_time"] / 100.0)
    in_default = columns["status_time"] == 1.0
    known = in_default & ~np.isnan(resolved)
    panel = LoanPanel(
        loan=columns["id"].astype(np.int64),
        quarter=columns["time"].astype(np.int64),
        opened=columns["orig_time"].astype(np.int64),
        matures=columns["mat_time"].astype(np.int64),
        balance_minor=np.rint(balance * MINOR),
        rate=columns["interest_rate_time"] / 100.0,
        credit_score=columns["FICO_orig_time"],
        # A loan without an original balance has no home value; its present balance stands for it.
        value_minor=np.where(original > 0.0, original, np.maximum(balance, 1.0)) * MINOR,
        price_index=columns["hpi_orig_time"],
        investor=columns["investor_orig_time"] == 1.0,
        end=columns["status_time"].astype(np.int64),
        lgd=np.where(in_default, columns["lgd_time"], np.nan),
        resolved=np.where(known, np.nan_to_num(resolved), float(NEVER)).astype(np.int64),
        economy=_economy(columns),
    )
    unresolved = int(np.count_nonzero(in_default & ~known))
    return DcrPanel(panel, len(raw["id"]) - len(panel), unresolved)


def _columns(path: Path) -> dict[str, Floats]:
    kinds = dict.fromkeys(_NEEDED, pa.float64())
    try:
        table = pyarrow.csv.read_csv(
            path, convert_options=pyarrow.csv.ConvertOptions(column_types=kinds, include_columns=list(_NEEDED))
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise ConfigError(f"{path}: {error}", mend="give the panel as published") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error})", mend="fetch the file again") from error
    columns = {name: np.asarray(table[name].to_numpy(), dtype=np.float64) for name in _NEEDED}
    _refuse_unknown(path, columns, _REQUIRED)
    return columns


def _refuse_unknown(path: Path, columns: Mapping[str, Floats], names: Iterable[str]) -> None:
    for name in names:
        if unknown := int(np.count_nonzero(~np.isfinite(columns[name]))):
            raise ConfigError(f"{path}: {name} is unknown in {unknown} rows", mend="give the panel as published")


def _sorted(columns: dict[str, Floats], path: Path) -> dict[str, Floats]:
    order = np.lexsort((columns["time"], columns["id"]))
    ordered = {name: values[order] for name, values in columns.items()}
    keys = np.stack([ordered["id"], ordered["time"]])
    last = np.append((np.diff(keys, axis=1) != 0.0).any(axis=0), True)  # the last row is one of a kind
    ordered = {name: values[last] for name, values in ordered.items()}
    same = ordered["id"][1:] == ordered["id"][:-1]
    ended = ordered["status_time"][:-1] > 0.0
    if (same & ended).any():
        raise ConfigError(f"{path}: a loan goes on behind its end", mend="give the panel as published")
    return ordered


def _economy(columns: Mapping[str, Floats]) -> Economy:
    quarter = columns["time"].astype(np.int64)
    last = int(quarter.max())
    distinct, first = np.unique(quarter, return_index=True)
    if len(distinct) < last or distinct[0] != 1:
        missing = sorted(set(range(1, last + 1)) - set(distinct.tolist()))
        raise NotEnoughData(f"no loan is seen in quarter {missing[0]}", mend="give every quarter from 1 on")
    return Economy(columns["uer_time"][first], columns["gdp_time"][first], columns["hpi_time"][first])
