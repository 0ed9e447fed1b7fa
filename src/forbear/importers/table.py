"""A flat table with a label, for training on one: numbers only, protected attributes left out unless asked for."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]
from numpy.typing import NDArray

from forbear.domain.errors import ConfigError
from forbear.domain.protected import is_protected, words_of
from forbear.importers.base import ImportReport, Refusal
from forbear.importers.lines import Meter, opened, starts_with
from forbear.importers.text import Dialect, TextTable

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.int64]

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
"""Cells, in any case, that stand for a value that is not known."""

_LARGEST_EXACT = 2.0**53


class LeftOut(NamedTuple):
    """A column that is not a feature. reason: "excluded", "protected attribute" or "row id"."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """exclude: columns to leave out.  include: columns to keep though their name says they are protected or an id."""

    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    dialect: Dialect = field(default_factory=Dialect)


@dataclass(frozen=True, slots=True)
class Table:
    """n rows of k features.

    names: (k,).  features: (n, k) float64, NaN = missing, never infinite.  labels: (n,) bool.
    row_ids: (n,) int64, the id column where there is one, else 0 to n - 1.  left_out: what is not a feature.
    """

    names: tuple[str, ...]
    features: Floats
    labels: Bools
    row_ids: Ints
    left_out: tuple[LeftOut, ...]


def read_table(path: Path, label: str, options: TableOptions | None = None) -> Table:
    """A delimited text (any line ends, plain or gzip) or Parquet file as a numeric matrix.

    label: the column that holds 0 or 1 for each row. Cells of every other column are numbers or stand for
    "missing". Raises ConfigError that names column and line where that is not so, where nothing is left to learn
    from, or where the file cannot be used.
    """
    options = options or TableOptions()
    parquet = starts_with(path, b"PAR1")
    names, columns = _parquet(path, label, options) if parquet else _text(path, label, options)
    if unknown := sorted({label, *options.exclude, *options.include} - set(names)):
        raise ConfigError(f"{path}: there is no column {unknown}", mend=f"the columns are: {', '.join(names)}")
    labels = _labels(path, label, columns.pop(label))
    ids = [name for name in columns if _is_id(name) and name not in options.include and _unique_integers(columns[name])]
    features = tuple(name for name in columns if name not in ids)
    if not len(labels) or not features:
        raise ConfigError(
            f"{path}: {len(labels)} rows with {len(features)} features", mend="give a table to learn from"
        )
    skipped = [LeftOut(name, reason) for name in names if (reason := _skipped(name, label, options))]
    return Table(
        names=features,
        features=np.column_stack([columns[name] for name in features]),
        labels=labels,
        row_ids=columns[ids[0]].astype(np.int64) if ids else np.arange(len(labels)),
        left_out=(*skipped, *(LeftOut(name, "row id") for name in ids)),
    )


def _skipped(name: str, label: str, options: TableOptions) -> str | None:
    """Why a column is not even read, None where it is."""
    if name == label:
        return None
    if name in options.exclude:
        return "excluded"
    return "protected attribute" if is_protected(name) and name not in options.include else None


def _is_id(name: str) -> bool:
    return words_of(name)[-1:] == ["id"]


def _unique_integers(values: Floats) -> bool:
    whole = bool(np.all(np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < _LARGEST_EXACT)))
    return whole and len(np.unique(values)) == len(values)


def _labels(path: Path, label: str, values: Floats) -> Bools:
    if wrong := sorted({str(value) for value in values[(values != 0) & (values != 1)][:1_000].tolist()}):
        raise ConfigError(
            f"{path}: the label {label!r} holds {', '.join(wrong[:5])}",
            mend="name a column that is 0 or 1 in every row",
        )
    labels: Bools = values == 1
    return labels


def _text(path: Path, label: str, options: TableOptions) -> tuple[list[str], dict[str, Floats]]:
    table = TextTable(path, options.dialect, (label,))
    # One bad row would shift what is learnt without a word, so here, unlike in an import, it stops the run.
    rows = table.rows(ImportReport(_stop), Meter([path], None))
    found: dict[str, array[float]] = {}
    kept: list[tuple[int, str, array[float]]] = []
    for row in rows:
        if not kept:
            found = {name: array("d") for name in table.header if not _skipped(name, label, options)}
            kept = [(place, name, found[name]) for place, name in enumerate(table.header) if name in found]
        for place, name, values in kept:
            values.append(_number(row.cells[place], path, row.line, name))
    return table.header, {name: np.array(values) for name, values in found.items()} or {label: np.empty(0)}


def _stop(refusal: Refusal) -> None:
    raise ConfigError(f"{refusal.file}, line {refusal.line}: {refusal.message}", mend="mend or remove the line")


def _number(cell: str, path: Path, line: int, name: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        if cell.strip().lower() in MISSING:
            return np.nan
        value = np.inf
    if np.isinf(value) or "_" in cell:
        raise ConfigError(
            f"{path}, line {line}: {cell[:64]!r} in column {name!r} is no finite number",
            mend=f"mend the cell, or leave the column out: --exclude {name}",
        )
    return value


def _parquet(path: Path, label: str, options: TableOptions) -> tuple[list[str], dict[str, Floats]]:
    with opened(path) as raw:
        try:
            file = pq.ParquetFile(raw)
            names: list[str] = file.schema_arrow.names
            kept = [name for name in names if not _skipped(name, label, options)]
            if label not in names:
                return names, {label: np.empty(0)}
            table = file.read(columns=kept)
        except pa.ArrowException as error:
            raise ConfigError(f"{path}: is not whole Parquet ({error})", mend="fetch the file again") from error
    return names, {name: _floats(path, name, table[name]) for name in kept}


def _floats(path: Path, name: str, column: Any) -> Floats:
    try:
        values: Floats = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    except pa.ArrowException as error:
        raise ConfigError(
            f"{path}: column {name!r} is {column.type}, not numbers", mend=f"leave it out: --exclude {name}"
        ) from error
    if np.isinf(values).any():
        raise ConfigError(f"{path}: column {name!r} holds infinities", mend=f"leave it out: --exclude {name}")
    return values
