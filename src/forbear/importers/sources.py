"""Records of a bank's own files, text or Parquet, as the fields that the mapping names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

from forbear.domain.errors import ConfigError
from forbear.importers.base import ImportReport
from forbear.importers.lines import Meter, opened, starts_with
from forbear.importers.mapping import MONEY, Form
from forbear.importers.text import TextTable

_PARQUET = b"PAR1"
_BATCH_ROWS = 8_192


class Record(NamedTuple):
    """line: counted from 1.  cells: by field, those that are not empty.  raw: as it came (JSON for Parquet)."""

    line: int
    cells: dict[str, Any]
    raw: str


def records_of(path: Path, form: Form, report: ImportReport, meter: Meter) -> Iterator[Record]:
    """The records of one file, in its order. Raises ConfigError for a file that cannot be used."""
    if starts_with(path, _PARQUET):
        return _parquet_records(path, form, report, meter)
    return _text_records(path, form, report, meter)


def _text_records(path: Path, form: Form, report: ImportReport, meter: Meter) -> Iterator[Record]:
    table = TextTable(path, form.dialect, form.columns.values())
    places: list[tuple[str, int]] = []
    for row in table.rows(report, meter):
        places = places or list(zip(form.columns, table.places(list(form.columns.values())), strict=True))
        filled = {field: cell for field, place in places if (cell := row.cells[place].strip())}
        yield Record(row.line, form.constants | filled, row.raw)


def _parquet_records(path: Path, form: Form, report: ImportReport, meter: Meter) -> Iterator[Record]:
    name, line = path.name, 0
    report.rows[name] += 0
    with opened(path) as raw:
        try:
            file = pq.ParquetFile(raw)
            _check_schema(path, file.schema_arrow, form)
            rows = file.metadata.num_rows or 1
            for batch in file.iter_batches(_BATCH_ROWS, columns=sorted(set(form.columns.values()))):
                for row in _plain(batch).to_pylist():
                    line += 1
                    report.rows[name] += 1
                    filled = {field: row[column] for field, column in form.columns.items() if row[column] is not None}
                    yield Record(line, form.constants | filled, msgspec.json.encode(row, enc_hook=str).decode())
                meter.at(path.stat().st_size * line // rows)
        except pa.ArrowException as error:
            raise ConfigError(f"{path}: is not whole Parquet ({error})", mend="fetch the file again") from error
    meter.done(path)


def _plain(batch: Any) -> Any:
    """The batch with instants in microseconds: Python keeps no finer ones, and what is finer is cut off."""
    fields = [
        pa.field(field.name, pa.timestamp("us", field.type.tz)) if pa.types.is_timestamp(field.type) else field
        for field in batch.schema
    ]
    columns = [
        c.cast(f.type, safe=False) if c.type != f.type else c for c, f in zip(batch.columns, fields, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _check_schema(path: Path, schema: Any, form: Form) -> None:
    if missing := sorted(set(form.columns.values()) - set(schema.names)):
        raise ConfigError(
            f"{path}: there is no column {', '.join(map(repr, missing))}; the columns are {schema.names[:40]}",
            mend="correct the column name in the mapping",
        )
    for field, column in form.columns.items():
        floating = pa.types.is_floating(schema.field(column).type)
        if field in MONEY and floating != (form.amount_unit == "major_float"):
            raise ConfigError(
                f"{path}: column {column!r} is {schema.field(column).type} and amount_unit is {form.amount_unit!r}",
                mend='store money as decimal, integer or text, or say amount_unit = "major_float" for binary floats',
            )
